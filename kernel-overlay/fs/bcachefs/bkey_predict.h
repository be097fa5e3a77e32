/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_PREDICT_H
#define _BCACHEFS_BKEY_PREDICT_H

#include "bkey_code.h"
#include "btree_types.h"

#include <linux/percpu.h>

/* More credit makes no difference. */
#define BKEY_CREDIT_LIMIT	16

/**
 * struct bkey_prediction - whether a CPU predicts the jumps to generated code
 * @state:	slot of a long run of keys: further keys of this slot change no member; 0 outside
 *		of such runs; negative: the number of keys to unpack with the table before the
 *		next attempt
 * @credit:	rises with each expected slot, falls with each unexpected slot
 * @last:	slot of the preceding key
 * @next:	expected slot, by the slot of the preceding key
 */
struct bkey_prediction {
	long		state;
	unsigned int	credit;
	u8		last;
	u8		next[BKEY_CODE_SLOTS];
};

DECLARE_PER_CPU(struct bkey_prediction, bch2_bkey_prediction);
void bch2_bkey_unexpected_slot(struct bkey_prediction **prediction, u8 last, u8 slot);

/**
 * bch2_bkey_prefer_code - decide how to unpack the next key of an iterator
 * @prediction:	prediction of the CPU that began the transaction. Set to that of the current CPU
 *		at each unexpected slot, in case the task has migrated.
 * @b:		node of the key
 *
 * Iterators of several btrees can take turns, so that the slot may change with each key. If
 * it changes irregularly, CPUs mispredict the jump to the code of the slot, which costs more
 * than the code saves. Like a branch predictor, expect the slot that followed the preceding
 * one last time. After many unexpected slots, use the table for some hundred keys.
 *
 * Context: Any. After a migration, two CPUs can change one prediction. That makes it less
 *	    accurate, but no value is invalid.
 * Return: true if generated code is expected to be faster than the table. For slot 0, which has
 *	   no code, the result does not matter.
 */
static __always_inline bool bch2_bkey_prefer_code(struct bkey_prediction **prediction,
						  const struct btree *b)
{
	struct bkey_prediction *p = *prediction;
	long state = READ_ONCE(p->state);
	unsigned int credit;
	u8 last, slot;

	if (state < 0) {
		WRITE_ONCE(p->state, state + 1);
		return false;
	}

	slot = b->unpack_slot;
	if (likely(state == slot))
		return true;

	last = READ_ONCE(p->last);
	WRITE_ONCE(p->last, slot);
	if (likely(READ_ONCE(p->next[last]) == slot)) {
		credit = READ_ONCE(p->credit) + 1;
		WRITE_ONCE(p->credit, credit);
		if (slot == last && credit >= BKEY_CREDIT_LIMIT)
			WRITE_ONCE(p->state, slot);
		return true;
	}

	bch2_bkey_unexpected_slot(prediction, last, slot);
	return false;
}

#endif /* _BCACHEFS_BKEY_PREDICT_H */
