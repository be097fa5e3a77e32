// SPDX-License-Identifier: GPL-2.0
/* Fuzz target. The input is a format, followed by a key. ASan guards the end of the key. */
#include "oracle.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct bkey_format f;
	struct bkey_table t;
	struct bkey out;
	struct bpos pos;
	const char *wrong;
	size_t bytes;
	u8 *key;

	if (size < sizeof(f))
		return 0;
	memcpy(&f, data, sizeof(f));
	bytes = oracle_accepts(&f) ? f.key_u64s * 8 : 8;
	key = calloc(1, bytes);
	memcpy(key, data + sizeof(f), min(bytes, size - sizeof(f)));

	if (oracle_accepts(&f)) {
		wrong = compare(&f, (struct bkey_packed *)key) ?:
			compare_steps(&f, (struct bkey_packed *)key);
		if (wrong) {
			fprintf(stderr, "%s\n", wrong);
			abort();
		}
	} else {
		if (bch2_bkey_table_init(&t, &f))
			abort();
		bch2_bkey_table_unpack(&out, &t, &f, (struct bkey_packed *)key);
		bch2_bkey_table_unpack_pos(&pos, &t, &f, (struct bkey_packed *)key);
	}
	free(key);
	return 0;
}
