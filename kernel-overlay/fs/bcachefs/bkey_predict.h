/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BCACHEFS_BKEY_PREDICT_H
#define _BCACHEFS_BKEY_PREDICT_H

#include "bkey_code.h"
#include "btree_types.h"

#include <linux/percpu.h>

/**
 * struct bkey_prediction - whether a CPU predicts the jumps to generated code
 * @pause:	number of keys to unpack with the table before the next attempt
 * @credit:	rises with each expected slot, falls with each other one
 * @last:	slot of the preceding key
 * @next:	expected slot, by the slot of the preceding key
 */
struct bkey_prediction {
	unsigned int	pause;
	unsigned int	credit;
	u8		last;
	u8		next[BKEY_CODE_SLOTS];
};

DECLARE_PER_CPU(struct bkey_prediction, bch2_bkey_prediction);
void bch2_bkey_unexpected_slot(struct bkey_prediction *p, u8 last, u8 slot);

/**
 * bch2_bkey_prefer_code - decide how to unpack the next key of an iterator
 * @b:		node of the key
 *
 * Iterators of several btrees can take turns, so that the slot may change with each key. If
 * it changes irregularly, CPUs mispredict the jump to the code of the slot, which costs more
 * than the code saves. Like a branch predictor, expect the slot that followed the preceding
 * one last time. After many unexpected slots, use the table for some hundred keys.
 *
 * Context: Any. If the task migrates meanwhile, two CPUs change one prediction. That makes it
 *	    less accurate, but no value is invalid.
 * Return: true if generated code is expected to be faster than the table
 */
static __always_inline bool bch2_bkey_prefer_code(const struct btree *b)
{
	struct bkey_prediction *p = raw_cpu_ptr(&bch2_bkey_prediction);
	unsigned int pause = READ_ONCE(p->pause);
	u8 last, slot;

	if (pause) {
		WRITE_ONCE(p->pause, pause - 1);
		return false;
	}

	slot = b->unpack_slot;
	last = READ_ONCE(p->last);
	WRITE_ONCE(p->last, slot);
	if (likely(READ_ONCE(p->next[last]) == slot)) {
		WRITE_ONCE(p->credit, READ_ONCE(p->credit) + 1);
		return true;
	}

	bch2_bkey_unexpected_slot(p, last, slot);
	return false;
}

#endif /* _BCACHEFS_BKEY_PREDICT_H */
