// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "check.h"
#include "env.h"
#include "oracle.h"
#include "shapes.h"

enum { CODE = 1 << 19, AROUND = 256, CANARY = 32, CONSTS = 8 * RECORD_MAX_FIELDS };

struct counts counts;

/* A page between unmapped pages: its begin and end. */
struct guarded {
	u8 *first, *last;
};

static struct guarded record_page, consts_page, result_page;
static u8 *code;
static size_t code_pos;

/* For the report of a crash. */
static const struct record_shape *testing;

static void *map(size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

static struct guarded map_guarded(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	u8 *p = map(3 * page, PROT_NONE);

	if (mprotect(p + page, page, PROT_READ | PROT_WRITE)) {
		perror("mprotect");
		exit(1);
	}
	return (struct guarded) { p + page, p + 2 * page };
}

static void crashed(int signal)
{
	printf("# signal %d\n", signal);
	if (testing)
		print_shape(stdout, testing);
	fflush(stdout);
	_exit(1);
}

void report_crashes(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], crashed);
}

void check_init(void)
{
	record_page = map_guarded();
	consts_page = map_guarded();
	result_page = map_guarded();
	code = map(CODE, PROT_READ | PROT_WRITE | PROT_EXEC);
	env_init(code, code);
}

u8 *code_next(void)
{
	if (code_pos < ENV_CODE || code_pos + RECORD_MAX_CODE > CODE)
		code_pos = ENV_CODE;
	return code + code_pos;
}

void code_put(u8 *ip, const void *from, size_t len)
{
	memcpy(ip, from, len);
	__builtin___clear_cache((char *)ip, (char *)ip + len);
	code_pos = (ip - code + len + 15) & ~15UL;
	counts.functions++;
	counts.bytes += len;
}

static bool all_bytes(const u8 *p, size_t size, u8 byte)
{
	while (size--)
		if (*p++ != byte)
			return false;
	return true;
}

/* Encode into a buffer of @len bytes, surrounded by bytes that must not change. */
static const char *emit_into(struct record_code *c, emit_fn emit, const void *what, size_t len)
{
	static u8 buf[CANARY + RECORD_MAX_CODE + CANARY];
	int err;

	memset(buf, 0xa5, sizeof(buf));
	*c = (struct record_code) { .buf = buf + CANARY, .len = len, .ip = code_next() };
	err = emit(c, what);
	if (err)
		return "encoding failed";
	if (!all_bytes(buf, CANARY, 0xa5) ||
	    !all_bytes(c->buf + len, RECORD_MAX_CODE + CANARY - len, 0xa5))
		return "the encoder wrote outside its buffer";
	return NULL;
}

/* Count the size without a buffer, then encode into buffers of other sizes and that size. */
const char *emit_checked(struct record_code *c, emit_fn emit, const void *what)
{
	u8 none[1];
	struct record_code size = { .buf = none }, elsewhere = { .buf = none, .ip = code_next() };
	const char *wrong;

	if (emit(&size, what) || emit(&elsewhere, what))
		return "counting the size failed";
	if (!size.pos || size.pos > RECORD_MAX_CODE)
		return "the function is too large";
	if (size.pos != elsewhere.pos)
		return "the size depends on the address";

	wrong = emit_into(c, emit, what, below(size.pos));
	if (wrong)
		return wrong;
	if (c->pos != size.pos)
		return "the size depends on the length of the buffer";

	wrong = emit_into(c, emit, what, size.pos);
	if (wrong)
		return wrong;
	if (c->pos != size.pos || c->entry != size.entry || c->entry >= c->pos)
		return "the size differs from the counted size";
	return NULL;
}

static int emit_prog(struct record_code *c, const void *what)
{
	return arch_record_emit(c, what);
}

static bool out_of_reach(const struct record_prog *prog)
{
	u8 buf[RECORD_MAX_CODE];
	struct record_code c = {
		.buf = buf, .len = sizeof(buf), .ip = code_next() + (1UL << 40),
	};

	return arch_record_emit(&c, prog) == -ERANGE;
}

const char *make_function(record_unpack_t *fn, const struct record_prog *prog)
{
	struct record_code c;
	const char *wrong = emit_checked(&c, emit_prog, prog);
	u8 *ip = code_next();

	if (wrong)
		return wrong;
	wrong = env_check(&c, &prog->shape);
	if (wrong)
		return wrong;
	if (out_of_reach(prog) != env_return_is_far())
		return "-ERANGE for a distant return thunk is missing or unexpected";
	code_put(ip, c.buf, c.pos);
	*fn = (record_unpack_t)(ip + c.entry);
	return NULL;
}

/*
 * A record with constants, the memory for the result, and its expected contents. Each of
 * them begins or ends at the border of a page.
 */
struct sample {
	u8 *record, *around, *result;
	const u8 *consts;
	u8 before, want[AROUND];
};

static void make_sample(struct sample *sample, const struct record_shape *s)
{
	size_t size = s->u64s * 8, consts = s->nr_fields * 8, at;
	u8 *page_of_consts;

	sample->record = below(2) ? record_page.first : record_page.last - size;
	random_bytes(sample->record, size);

	page_of_consts = below(2) ? consts_page.first : consts_page.last - consts;
	random_bytes(page_of_consts, consts);
	sample->consts = page_of_consts - s->consts;

	if (below(2)) {
		sample->around = result_page.first;
		at = 0;
	} else {
		sample->around = result_page.last - AROUND;
		at = AROUND - s->dst_size;
	}
	sample->result = sample->around + at;

	sample->before = random_u64();
	memset(sample->want, sample->before, AROUND);
	oracle_unpack(sample->want + at, s, sample->record, sample->consts);
}

static bool good_run(const struct sample *sample, const struct record_prog *prog)
{
	memset(sample->around, sample->before, AROUND);
	record_prog_run(prog, sample->result, sample->record, sample->consts);
	return !memcmp(sample->around, sample->want, AROUND);
}

static bool good_call(const struct sample *sample, record_unpack_t fn)
{
	memset(sample->around, sample->before, AROUND);
	fn(sample->result, sample->record, sample->consts, random_u64());
	counts.calls++;
	return !memcmp(sample->around, sample->want, AROUND);
}

static void count_steps(const struct record_prog *prog)
{
	unsigned int i;

	for (i = 0; i < prog->nr; i++) {
		counts.op[prog->step[i].op]++;
		counts.size[prog->step[i].size]++;
	}
}

/* Change a byte of a step, or another member of the program. */
static struct record_prog mutate(const struct record_prog *prog)
{
	struct record_prog mutant = *prog;
	struct record_step *step = &mutant.step[below(prog->nr)];
	unsigned int byte = below(sizeof(*step));
	u8 *to = (u8 *)step + byte;

	if (!below(16))
		mutant.nr ^= 1 + below(255);
	else if (!below(16))
		mutant.words ^= 1 << below(8);
	else if (byte == offsetof(struct record_step, add))
		step->add = !step->add;
	else
		*to = below(2) ? below(9) : *to ^ (1 + below(255));
	return mutant;
}

/* The verifier must refuse a mutant, unless it has the same effect. */
static const char *check_mutant(const struct record_prog *prog)
{
	struct record_prog mutant = mutate(prog);
	record_unpack_t fn;
	struct sample sample;
	const char *wrong;

	counts.mutated++;
	if (record_prog_verify(&mutant)) {
		counts.mutants_refused++;
		return NULL;
	}

	make_sample(&sample, &prog->shape);
	if (!good_run(&sample, &mutant))
		return "wrong steps are accepted";
	if (!arch_record_any_byte())
		return NULL;
	wrong = make_function(&fn, &mutant);
	return wrong ?: good_call(&sample, fn) ? NULL : "wrong result of mutated steps";
}

static const char *check_refused(const struct record_shape *shape)
{
	struct record_prog prog = {};
	unsigned int any_byte;

	counts.refused++;
	for (any_byte = 0; any_byte < 2; any_byte++)
		if (record_compile(&prog, shape, any_byte) != -EINVAL ||
		    record_prog_verify(&prog) != -EINVAL)
			return "an invalid shape is accepted";

	prog.shape = *shape;
	prog.nr = shape->nr_fields;
	return record_prog_verify(&prog) == -EINVAL ? NULL : "an invalid shape passes verification";
}

/* Steps with aligned (0) and unaligned (1) loads, and their functions or NULL. */
struct made {
	struct record_prog prog[2];
	record_unpack_t fn[2];
};

static const char *make(struct made *made, const struct record_shape *shape)
{
	unsigned int any_byte;
	const char *wrong;

	for (any_byte = 0; any_byte < 2; any_byte++) {
		struct record_prog *prog = &made->prog[any_byte];

		made->fn[any_byte] = NULL;
		if (record_compile(prog, shape, any_byte))
			return "a valid shape is refused";
		if (record_prog_verify(prog))
			return "valid steps are refused";
		count_steps(prog);
		wrong = check_mutant(prog);
		if (wrong)
			return wrong;
		if (any_byte && !arch_record_any_byte())
			continue;
		wrong = make_function(&made->fn[any_byte], prog);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *check_record(const struct made *made)
{
	unsigned int any_byte;
	struct sample sample;

	counts.records++;
	make_sample(&sample, &made->prog[0].shape);
	for (any_byte = 0; any_byte < 2; any_byte++) {
		if (!good_run(&sample, &made->prog[any_byte]))
			return "wrong result of record_prog_run()";
		if (made->fn[any_byte] && !good_call(&sample, made->fn[any_byte]))
			return any_byte ? "wrong result of the function with unaligned loads" :
					  "wrong result of the function with aligned loads";
	}
	return NULL;
}

const char *check(const struct record_shape *shape, unsigned int records)
{
	const char *wrong;
	struct made made;

	testing = shape;
	counts.shapes++;
	if (!oracle_accepts(shape))
		return check_refused(shape);

	env_choose(below(env_variants()));
	wrong = make(&made, shape);
	while (!wrong && records--)
		wrong = check_record(&made);
	testing = NULL;
	return wrong;
}
