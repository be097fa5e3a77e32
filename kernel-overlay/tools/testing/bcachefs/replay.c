// SPDX-License-Identifier: GPL-2.0
/*
 * Read traces, and measure their sequences of calls. A trace consists of these lines:
 *
 *   trace NAME CALLS	the operation, and how many keys and positions were unpacked
 *   slot ...		a shape: a line of the kernel's debugfs file unpack_jit
 *   token NR SITE BTREE LEVEL SLOT WHAT PLACE COUNT
 *			COUNT calls that differ only in the key, see struct call;
 *			both kinds of loops have WHAT=n. SITE, the caller, tells them apart.
 *   window CALLS	successive calls: numbers of tokens, NR*TIMES for repeated ones
 *   end
 */
#include "bench.h"

enum { MAX_CALLS = 1 << 16, MAX_TOKENS = 1 << 16, SHOWN = 5 };

/**
 * struct token - calls that differ only in the key
 * @call:	the call
 * @count:	number of such calls in the whole trace
 */
struct token {
	struct call call;
	unsigned long count;
};

/**
 * struct trace - a trace
 * @name:	the recorded operation
 * @total:	number of calls in the whole trace
 * @tokens:	groups of calls that differ only in the key
 * @nr_tokens:	number of @tokens
 * @calls:	calls of the recorded windows
 * @nr:		number of @calls
 */
struct trace {
	char name[32];
	unsigned long total;
	struct token tokens[MAX_TOKENS];
	unsigned int nr_tokens;
	struct call calls[MAX_CALLS];
	size_t nr;
};

static void read_slot(const char *line)
{
	unsigned int slot, u64s, bits[BKEY_NR_FIELDS], constants, i;
	struct bkey_format f = { .nr_fields = BKEY_NR_FIELDS };

	if (sscanf(line, "slot %u %*s %u %u %u %u %u %u %u %x", &slot, &u64s, &bits[0], &bits[1],
		   &bits[2], &bits[3], &bits[4], &bits[5], &constants) != 9)
		return;
	f.key_u64s = u64s;
	for (i = 0; i < BKEY_NR_FIELDS; i++) {
		f.bits_per_field[i] = bits[i];
		/* In a file system, most fields with bits have a constant, too. */
		if (bits[i] || constants >> i & 1)
			f.field_offset[i] = cpu_to_le64(i + 1);
	}
	add_node(slot, &f);
}

static void read_token(struct trace *t, const char *line)
{
	unsigned int nr, slot, place;
	unsigned long count;
	char site[64], what;

	if (sscanf(line, "token %u %63s %*u %*u %u %c %u %lu", &nr, site, &slot, &what, &place,
		   &count) != 6 || nr != t->nr_tokens || nr >= MAX_TOKENS)
		fail(line);
	if (what == 'n' && !strstr(site, "_iter_peek"))
		what = 'w';
	t->tokens[t->nr_tokens++] = (struct token) {
		{ .slot = slot, .what = what, .place = place }, count,
	};
}

/* Runs: the number of a token, and how often it is repeated. */
static void read_runs(struct trace *t, const char *line)
{
	unsigned int token, times;
	char *end;

	for (; *line >= '0'; line = *end == ' ' ? end + 1 : end) {
		token = strtoul(line, &end, 10);
		times = *end == '*' ? strtoul(end + 1, &end, 10) : 1;
		if (token >= t->nr_tokens || t->nr + times > MAX_CALLS)
			fail(line);
		/* A key cannot be unpacked without a node. */
		if (!t->tokens[token].call.slot)
			continue;
		while (times--) {
			t->calls[t->nr] = t->tokens[token].call;
			t->calls[t->nr].key = t->nr % KEYS;
			t->nr++;
		}
	}
}

static bool same_shape(const struct call *a, const struct call *b)
{
	return a->slot == b->slot && a->what == b->what;
}

static int more_frequent(const void *a, const void *b)
{
	const struct token *x = a, *y = b;

	return (y->count > x->count) - (y->count < x->count);
}

/* Print the share of each kind of calls, and its most frequent shapes. */
static void print_shares(const struct trace *t)
{
	static const char kinds[] = "wnkp";
	unsigned int kind, i, j;

	printf("# %s: %lu keys\n", t->name, t->total);
	for (kind = 0; kinds[kind]; kind++) {
		struct token shares[BKEY_CODE_SLOTS] = {};
		unsigned long sum = 0, runs = 0, calls = 0;
		const struct call *last = NULL;

		for (i = 0; i < t->nr_tokens; i++)
			if (t->tokens[i].call.what == kinds[kind]) {
				j = t->tokens[i].call.slot;
				shares[j].call = t->tokens[i].call;
				shares[j].count += t->tokens[i].count;
				sum += t->tokens[i].count;
			}
		for (i = 0; i < t->nr; i++)
			if (t->calls[i].what == kinds[kind]) {
				runs += !last || !same_shape(last, &t->calls[i]);
				calls++;
				last = &t->calls[i];
			}
		qsort(shares, ARRAY_SIZE(shares), sizeof(*shares), more_frequent);
		printf("#   %c: %5.1f %%, runs of %.1f keys; shapes", kinds[kind],
		       100.0 * sum / t->total, runs ? (double)calls / runs : 0);
		for (i = 0; i < SHOWN && shares[i].count; i++) {
			const struct bkey_format *f = &nodes[shares[i].call.slot].b.format;

			printf("%s %u", i ? "," : "", f->key_u64s);
			for (j = 0; j < BKEY_NR_FIELDS; j++)
				printf("%c%u", j ? '.' : ':', f->bits_per_field[j]);
			printf(" %.1f %%", 100.0 * shares[i].count / sum);
		}
		printf("\n");
	}
}

/* Measure the calls in loops alone, in the same order. */
static void compare_loops(struct trace *t)
{
	char name[50];
	size_t i, nr = 0;

	for (i = 0; i < t->nr; i++)
		if (strchr("wn", t->calls[i].what))
			t->calls[nr++] = t->calls[i];
	snprintf(name, sizeof(name), "%s, loops", t->name);
	compare(name, t->calls, nr);
}

void replay(const char *path)
{
	static struct trace t;
	static char line[4096];
	FILE *file = fopen(path, "r");

	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "trace %31s %lu", t.name, &t.total) == 2) {
			t.nr_tokens = 0;
			t.nr = 0;
		} else if (!strncmp(line, "slot ", 5)) {
			read_slot(line);
		} else if (!strncmp(line, "token ", 6)) {
			read_token(&t, line);
		} else if (!strncmp(line, "end", 3)) {
			generate_all();
			print_shares(&t);
			compare(t.name, t.calls, t.nr);
			compare_loops(&t);
		} else if (*line >= '0' && *line <= '9') {
			read_runs(&t, line);
		}
	}
	fclose(file);
}
