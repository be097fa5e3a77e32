// SPDX-License-Identifier: GPL-2.0
/* Predict whether generated code or the table unpacks the next key of an iterator faster. */

#include "bcachefs.h"
#include "bkey_predict.h"

/*
 * On x86-64, code saves 2.5 ns a key, and a mispredicted jump costs about 7 ns. Code is used
 * while at least three slots are expected for each unexpected one. Otherwise, the table unpacks
 * the next KEYS_OF_PAUSE keys. A failed attempt with code costs about 1 % of their time.
 */
enum {
	CREDIT_OF_ATTEMPT	= 8,
	COST_OF_MISS		= 3,
	KEYS_OF_PAUSE		= 512,
};

DEFINE_PER_CPU(struct bkey_prediction, bch2_bkey_prediction) = {
	.credit = CREDIT_OF_ATTEMPT,
};

/**
 * bch2_bkey_unexpected_slot - learn that a slot followed another one
 * @prediction:	prediction that learns; then set to that of the current CPU
 * @last:	slot of the preceding key
 * @slot:	slot of this key
 *
 * Context: Any.
 */
void bch2_bkey_unexpected_slot(struct bkey_prediction **prediction, u8 last, u8 slot)
{
	struct bkey_prediction *p = *prediction;
	unsigned int credit = min_t(unsigned int, READ_ONCE(p->credit), BKEY_CREDIT_LIMIT);
	long state = 0;

	if (credit < COST_OF_MISS) {
		state = -KEYS_OF_PAUSE;
		credit = CREDIT_OF_ATTEMPT + COST_OF_MISS;
	}
	WRITE_ONCE(p->credit, credit - COST_OF_MISS);
	WRITE_ONCE(p->next[last], slot);
	WRITE_ONCE(p->state, state);
	*prediction = raw_cpu_ptr(&bch2_bkey_prediction);
}
