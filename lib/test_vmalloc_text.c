// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of <linux/text-patching.h> and the execmem slab.
 *
 * They write functions into executable memory and execute them on all CPUs. Loading the
 * module runs the tests. It fails if a test fails. The kernel log contains the results
 * as KTAP; tools/testing/selftests/execmem loads the module. With functions=N the module
 * only creates functions that other programs call and measure
 * (test_vmalloc_text_calls.h).
 *
 * Emulators have coherent instruction caches. There, executing new code proves that it
 * was written, but not that it was made visible. Some tests therefore count the steps
 * that make code visible (sync_rounds, sync_insn, cache_maintenance). Real hardware
 * tests the effect too.
 */

#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/text-patching.h>
#include <linux/timex.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "test_vmalloc_text.h"

#define __param(type, name, init, msg)			\
	static type name = init;			\
	module_param(name, type, 0444);			\
	MODULE_PARM_DESC(name, msg)

__param(int, run_test_mask, INT_MAX,
	"Run the tests whose bit is set; the list is in the KTAP output, bit 0 first");
__param(int, nr_threads, 0,
	"Number of threads where a test or measurement can use many (default: by the number of CPUs)");
__param(int, test_repeat_count, 1, "Number of runs of each test");
__param(int, test_loop_count, 1000, "Iterations of the tests that loop");
__param(bool, perf, false, "Measure instead of testing");
__param(uint, functions, 0, "Number of small functions to create instead of testing");
__param(bool, scattered, false, "With functions=N: a page each, not packed");
__param(ulong, seed, 0, "Seed of random numbers; 0 selects a new one for each load");

#define AREA_PAGES	4
#define AREA_SIZE	(AREA_PAGES * PAGE_SIZE)
/* Maximum size of a generated function. */
#define CODE_MAX	64
/* Bytes of the area for each thread. */
#define SLOT_SIZE	128
#define NR_SLOTS	(AREA_SIZE / SLOT_SIZE)
/* Return value of a function that executed a trap. */
#define TRAPPED		0x7ea9dead
/* Timeout for a single step. */
#define PATIENCE	(60 * HZ)
/* Attempts for checks that other writers of text can disturb. */
#define ATTEMPTS	5

/*
 * Reporting.
 */

static atomic_t failures;
static const char *skip_reason;

static __printf(1, 2) void test_fail(const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	/* The first few messages suffice: the same check often fails many times. */
	if (atomic_inc_return(&failures) > 5)
		return;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_info("# %pV\n", &vaf);
	va_end(args);
}

#define CHECK(cond, fmt, ...) ({				\
	bool __ok = (cond);					\
	if (!__ok)						\
		test_fail("%s: " fmt, #cond, ##__VA_ARGS__);	\
	__ok;							\
})

#define CHECK_EQ(what, want, fmt, ...) ({			\
	long __what = (what), __want = (want);			\
	bool __ok = __what == __want;				\
	if (!__ok)						\
		test_fail("%s is %ld, not %ld: " fmt, #what,	\
			  __what, __want, ##__VA_ARGS__);	\
	__ok;							\
})

#define diag(fmt, ...)	pr_info("# " fmt "\n", ##__VA_ARGS__)

static void test_skip(const char *reason)
{
	skip_reason = reason;
}

static bool failed(void)
{
	return atomic_read(&failures);
}

/*
 * Text and its contents.
 */

static u8 *area;		/* text that the tests write */
static u8 *shadow;		/* expected contents of the area, in some tests */
static struct rnd_state rnd;

static atomic_t nr_trapped;

static bool slab_text_has(unsigned long ip);

/* Count a trap at @ip if a test executed it on purpose. Return false for other traps. */
static bool __kprobes trap_is_ours(unsigned long ip)
{
	if (ip - (unsigned long)area >= AREA_SIZE && !slab_text_has(ip))
		return false;

	atomic_inc(&nr_trapped);
	return true;
}

static struct {
	unsigned long calls, bytes, start, end;
} maintenance;

/* Record cache maintenance of [start, end) in the area. */
static void __kprobes __maybe_unused maintained(unsigned long start, unsigned long end)
{
	if (start - (unsigned long)area >= AREA_SIZE)
		return;

	if (!maintenance.calls++)
		maintenance.start = start;
	maintenance.end = end;
	maintenance.bytes += end - start;
}

/* Register a kprobe, possibly again. Return NULL or the reason of the failure. */
static __maybe_unused const char *set_probe(struct kprobe *p)
{
	p->addr = NULL;
	p->flags = 0;
	return register_kprobe(p) ? "cannot set a kprobe" : NULL;
}

/*
 * These headers define gen_func(), gen_jump(), catch_traps() and count_maintenance().
 * The last two return NULL, or the reason if the kernel does not support them.
 */
#if defined(CONFIG_X86)
#include "test_vmalloc_text_x86.h"
#elif defined(CONFIG_ARM64)
#include "test_vmalloc_text_arm64.h"
#elif defined(CONFIG_RISCV)
#include "test_vmalloc_text_riscv.h"
#elif defined(CONFIG_PPC)
#include "test_vmalloc_text_powerpc.h"
#elif defined(CONFIG_S390)
#include "test_vmalloc_text_s390.h"
#endif

/* Generated code has no kCFI hash: do not check for one. */
static noinline __nocfi u32 call(const void *code)
{
	u32 (*func)(void) = code;

	return func();
}

static int copy_and_sync(void *at, const void *code, size_t len)
{
	int ret = test_text.poke_copy(at, code, len);

	if (!ret)
		test_text.poke_sync();
	return ret;
}

static int set_and_sync(void *at, size_t len)
{
	int ret = test_text.poke_set(at, len);

	if (!ret)
		test_text.poke_sync();
	return ret;
}

/* Vary the length with @nops, so that reuse changes the position of instructions. */
static int write_func(void *at, u32 value, unsigned int nops)
{
	u8 code[CODE_MAX];

	return copy_and_sync(at, code, gen_func(code, value, nops));
}

static u32 value_of(unsigned long nr)
{
	return 0x10000 + nr * 0x9e3779b1;
}

static void clear_area(void)
{
	CHECK_EQ(set_and_sync(area, AREA_SIZE), 0, "clearing");
}

static void fill_shadow(void *at, size_t len)
{
	static const u32 trap = TEXT_POKE_TRAP;
	u8 *byte;

	for (byte = at; len--; byte++)
		*byte = ((u8 *)&trap)[(unsigned long)byte % sizeof(trap)];
}

struct remote_call {
	const void *code;
	u32 value;
};

static long do_remote_call(void *data)
{
	struct remote_call *c = data;

	c->value = call(c->code);
	return 0;
}

static u32 call_on_cpu(unsigned int cpu, const void *code)
{
	struct remote_call c = { .code = code };

	if (work_on_cpu(cpu, do_remote_call, &c))
		return 0;

	return c.value;
}

static void check_on_all_cpus(const void *code, u32 want, const char *what)
{
	unsigned int cpu;
	u32 value;

	for_each_online_cpu(cpu) {
		value = call_on_cpu(cpu, code);
		CHECK(value == want, "%s: CPU %u got %x, not %x", what, cpu, value, want);
	}
}

/*
 * Threads.
 */

struct worker {
	struct task_struct *task;
	void (*fn)(struct worker *w);
	void *data;			/* shared by the workers of a test */
	unsigned int nr;
	unsigned long calls;		/* number of calls of generated code */
	unsigned long at;		/* progress, see worker_is_at() */
};

static struct worker *workers;
static unsigned int nr_workers;
static bool workers_go;

/*
 * Wait for another CPU. Busy-wait: sleeping would synchronise this CPU. Sleep only after
 * many spins, because an emulator may run all virtual CPUs in one thread.
 */
static void relax(unsigned int *spins)
{
	cond_resched();
	if (++*spins % 4096)
		cpu_relax();
	else
		usleep_range(20, 50);
}

static int worker_main(void *data)
{
	struct worker *w = data;

	while (!READ_ONCE(workers_go) && !kthread_should_stop())
		cond_resched();

	w->fn(w);

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void stop_workers(void)
{
	while (nr_workers)
		kthread_stop(workers[--nr_workers].task);
	kfree(workers);
	workers = NULL;
}

static int alloc_workers(unsigned int nr)
{
	workers = kcalloc(nr, sizeof(*workers), GFP_KERNEL);
	workers_go = false;
	return workers ? 0 : -ENOMEM;
}

static int add_worker(void (*fn)(struct worker *w), void *data, int cpu)
{
	struct worker *w = &workers[nr_workers];

	w->fn = fn;
	w->data = data;
	w->nr = nr_workers;
	w->task = kthread_create(worker_main, w, "text_test/%u", w->nr);
	if (IS_ERR(w->task))
		return PTR_ERR(w->task);

	nr_workers++;
	if (cpu >= 0)
		kthread_bind(w->task, cpu);
	wake_up_process(w->task);
	return 0;
}

/* Start a worker on each online CPU except @but. False on single-CPU systems. */
static bool start_workers_beside(int but, void (*fn)(struct worker *w), void *data)
{
	int cpu;

	if (!CHECK_EQ(alloc_workers(nr_cpu_ids), 0, "workers"))
		return false;

	for_each_online_cpu(cpu)
		if (cpu != but)
			CHECK_EQ(add_worker(fn, data, cpu), 0, "CPU %d", cpu);
	WRITE_ONCE(workers_go, true);
	return nr_workers;
}

static bool start_workers(unsigned int nr, void (*fn)(struct worker *w), void *data)
{
	if (!CHECK_EQ(alloc_workers(nr), 0, "workers"))
		return false;

	while (nr--)
		CHECK_EQ(add_worker(fn, data, -1), 0, "%u more", nr);
	WRITE_ONCE(workers_go, true);
	return !failed();
}

/* Wait until all workers have reached @at. */
static bool wait_for_workers(unsigned long at)
{
	unsigned long end = jiffies + PATIENCE;
	unsigned int i, spins = 0;

	for (i = 0; i < nr_workers; i++) {
		/* Pairs with the release in worker_is_at(). */
		while (smp_load_acquire(&workers[i].at) < at) {
			if (time_after(jiffies, end) || failed()) {
				test_fail("worker %u does not come to %lu", i, at);
				return false;
			}
			relax(&spins);
		}
	}
	return true;
}

static void worker_is_at(struct worker *w, unsigned long at)
{
	/* Pairs with the acquire in wait_for_workers(). */
	smp_store_release(&w->at, at);
}

/* worker_calls() reads the count concurrently. */
static void count_calls(struct worker *w, unsigned long calls)
{
	WRITE_ONCE(w->calls, w->calls + calls);
}

static unsigned long worker_calls(void)
{
	unsigned long calls = 0;
	unsigned int i;

	for (i = 0; i < nr_workers; i++)
		calls += READ_ONCE(workers[i].calls);
	return calls;
}

/* Move to @cpu, on which no busy worker runs. */
static void run_on(unsigned int cpu)
{
	CHECK_EQ(set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0, "CPU %u", cpu);
}

static void run_anywhere(void)
{
	set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static unsigned int many_threads(void)
{
	return nr_threads > 0 ? nr_threads : max(8U, 2 * num_online_cpus());
}

static unsigned int last_cpu(void)
{
	unsigned int cpu, last = 0;

	for_each_online_cpu(cpu)
		last = cpu;
	return last;
}

/*
 * Counting. Tracepoints count the requests of the whole kernel. Repeat a measurement if
 * it counted requests of other writers.
 */

struct poke_counts {
	unsigned long copies;
	unsigned long sets;
	unsigned long syncs;
	unsigned long rounds;
};

static struct {
	atomic_long_t copies;
	atomic_long_t sets;
	atomic_long_t syncs;
	atomic_long_t rounds;
	atomic_long_t last_round;
} counted;

static void count_copy(void *data, void *addr, size_t len, int ret)
{
	if (!ret)
		atomic_long_inc(&counted.copies);
}

static void count_set(void *data, void *addr, size_t len, int ret)
{
	if (!ret)
		atomic_long_inc(&counted.sets);
}

static void count_sync(void *data, unsigned long round, bool shared)
{
	atomic_long_inc(&counted.syncs);
	if (shared)
		return;
	atomic_long_inc(&counted.rounds);
	atomic_long_set(&counted.last_round, round);
}

static struct counter {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} counters[] = {
	{ "text_poke_copy", count_copy },
	{ "text_poke_set", count_set },
	{ "text_poke_sync", count_sync },
};

static void find_tracepoint(struct tracepoint *tp, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (!strcmp(tp->name, counters[i].name))
			counters[i].tp = tp;
}

static int start_counting(void)
{
	int i, ret;

	for_each_kernel_tracepoint(find_tracepoint, NULL);
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		if (!counters[i].tp)
			return -EOPNOTSUPP;
		ret = tracepoint_probe_register(counters[i].tp, counters[i].probe, NULL);
		if (ret)
			return ret;
	}
	return 0;
}

static void stop_counting(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(counters); i++)
		if (counters[i].tp)
			tracepoint_probe_unregister(counters[i].tp, counters[i].probe, NULL);
	tracepoint_synchronize_unregister();
}

static void get_counts(struct poke_counts *c)
{
	c->copies = atomic_long_read(&counted.copies);
	c->sets = atomic_long_read(&counted.sets);
	c->syncs = atomic_long_read(&counted.syncs);
	c->rounds = atomic_long_read(&counted.rounds);
}

static void counts_since(struct poke_counts *c, const struct poke_counts *before)
{
	get_counts(c);
	c->copies -= before->copies;
	c->sets -= before->sets;
	c->syncs -= before->syncs;
	c->rounds -= before->rounds;
}

/* Count the requests of fn(nr). Repeat if there are more than @syncs: others wrote text. */
static void count_cost(void (*fn)(unsigned int nr), unsigned int nr, unsigned long syncs,
		       struct poke_counts *cost)
{
	struct poke_counts before;
	int i;

	for (i = 0; i < ATTEMPTS; i++) {
		get_counts(&before);
		fn(nr);
		counts_since(cost, &before);
		if (cost->syncs <= syncs)
			break;
	}
}

static void check_cost(const char *what, void (*fn)(unsigned int nr), unsigned int nr,
		       unsigned long syncs, unsigned long rounds)
{
	struct poke_counts s;

	count_cost(fn, nr, syncs, &s);
	CHECK_EQ(s.syncs, syncs, "%s of %u", what, nr);
	CHECK_EQ(s.rounds, rounds, "%s of %u", what, nr);
}

/*
 * The tests.
 */

static void test_run_on_every_cpu(void)
{
	u8 *at = area;
	int i;

	for (i = 0; i < 32; i++) {
		u32 value = prandom_u32_state(&rnd);

		if (!CHECK_EQ(write_func(at, value, i % 8), 0, "function %d", i))
			return;
		check_on_all_cpus(at, value, "new function");
		at += CODE_MAX + TEXT_POKE_ALIGN;
	}
}

/*
 * Reuse of an address. Generation g of the code returns value_of(g). The test is an
 * owner that follows the contract: it publishes a generation after text_poke_sync(), and
 * writes the next one after all workers have left the text.
 */
struct reuse {
	unsigned long published;	/* workers may execute this generation */
	unsigned long withdrawn;	/* workers must leave this generation */
};

static void hammer_generation(struct worker *w, struct reuse *r, unsigned long gen)
{
	unsigned long calls = 0;
	u32 value;

	do {
		value = call(area);
		if (value != value_of(gen))
			test_fail("generation %lu returned %x", gen, value);
		if (++calls == 8)
			worker_is_at(w, 2 * gen);
		if (!(calls % 1024))
			cond_resched();
		/* The limit is for emulators, on which withdrawing takes longer. */
	} while (READ_ONCE(r->withdrawn) != gen && calls < 8192 && !kthread_should_stop());
	count_calls(w, calls);
}

static void reuse_worker(struct worker *w)
{
	struct reuse *r = w->data;
	unsigned long gen, last = 0;
	unsigned int spins = 0;

	while (!kthread_should_stop()) {
		/* Pairs with the release in publish(). */
		gen = smp_load_acquire(&r->published);
		if (gen != last) {
			hammer_generation(w, r, gen);
			last = gen;
		}
		/* Pairs with the release in publish(). */
		if (smp_load_acquire(&r->withdrawn) == gen)
			worker_is_at(w, 2 * gen + 1);
		relax(&spins);
	}
}

static bool write_generation(unsigned long gen)
{
	u8 code[CODE_MAX];
	size_t len = gen_func(code, value_of(gen), gen % 8);

	if (!CHECK_EQ(test_text.poke_copy(area, code, len), 0, "generation %lu", gen))
		return false;
	test_text.poke_sync();
	return true;
}

/* Publish a generation, let all workers execute it, and wait until they have left it. */
static bool publish(struct reuse *r, unsigned long gen)
{
	/* Pairs with the acquire in reuse_worker(). */
	smp_store_release(&r->published, gen);
	CHECK(call(area) == value_of(gen), "generation %lu, CPU that wrote it", gen);
	if (!wait_for_workers(2 * gen))
		return false;

	/* Pairs with the acquire in reuse_worker(). */
	smp_store_release(&r->withdrawn, gen);
	return wait_for_workers(2 * gen + 1);
}

static void reuse_from_cpu(unsigned int cpu)
{
	struct reuse r = { };
	unsigned long gen;

	run_on(cpu);
	start_workers_beside(cpu, reuse_worker, &r);
	for (gen = 1; gen <= test_loop_count && !failed(); gen++)
		if (!write_generation(gen) || !publish(&r, gen))
			break;
	diag("reuse: %lu generations written on CPU %u, executed %lu times elsewhere",
	     gen - 1, cpu, worker_calls());
	stop_workers();
	run_anywhere();
}

static void test_reuse(void)
{
	unsigned int first = cpumask_first(cpu_online_mask);

	if (num_online_cpus() < 2)
		return test_skip("needs two CPUs");

	reuse_from_cpu(first);
	reuse_from_cpu(last_cpu());
}

static void check_filled(const u8 *at, size_t len, const char *what)
{
	fill_shadow(shadow + (at - area), len);
	CHECK(!memcmp(at, shadow + (at - area), len), "%s: %zu bytes at %zu", what, len, at - area);
}

/* Fill ranges of each start and length around a page boundary. Check all other bytes. */
static void test_fill_bytes(void)
{
	size_t start, len, at;

	check_filled(area, AREA_SIZE, "allocated");
	for (start = 0; start <= 16; start += TEXT_POKE_ALIGN) {
		for (len = TEXT_POKE_ALIGN; len <= 48; len += TEXT_POKE_ALIGN) {
			at = PAGE_SIZE - 24 + start;
			memset(shadow, 0x5a, 2 * PAGE_SIZE);
			if (!CHECK_EQ(test_text.poke_copy(area, shadow, 2 * PAGE_SIZE), 0,
				      "before the fill"))
				return;
			if (!CHECK_EQ(test_text.poke_set(area + at, len), 0,
				      "%zu bytes at %zu", len, at))
				return;
			fill_shadow(shadow + at, len);
			if (!CHECK(!memcmp(area, shadow, 2 * PAGE_SIZE), "%zu bytes at %zu",
				   len, at))
				return;
		}
	}
	clear_area();
	check_filled(area, AREA_SIZE, "filled");
}

/* Jump to the trap: a call would need a function at an address that alignment permits. */
static void check_trap_at(const u8 *trap)
{
	int before = atomic_read(&nr_trapped);
	u8 *jump = area + AREA_SIZE - SLOT_SIZE;
	u8 code[CODE_MAX];

	if (!CHECK_EQ(copy_and_sync(jump, code, gen_jump(code, jump, trap)), 0, "jump"))
		return;
	check_on_all_cpus(jump, TRAPPED, "trap");
	CHECK_EQ(atomic_read(&nr_trapped) - before, num_online_cpus(), "traps at %zu",
		 trap - area);
}

static void test_fill_traps(void)
{
	const char *why_not = catch_traps();
	size_t at;

	if (why_not)
		return test_skip(why_not);

	/* Fill code that all CPUs have executed before. */
	if (CHECK_EQ(write_func(area, 1, 0), 0, "function")) {
		check_on_all_cpus(area, 1, "before the fill");
		CHECK_EQ(set_and_sync(area, SLOT_SIZE), 0, "fill");
	}
	for (at = 0; at < 16 && !failed(); at += TEXT_POKE_ALIGN)
		check_trap_at(area + at);
	for (at = PAGE_SIZE - 8; at < PAGE_SIZE + 8 && !failed(); at += TEXT_POKE_ALIGN)
		check_trap_at(area + at);
	uncatch_traps();
}

/*
 * Protection. While workers write, text is never writable through its own address, and
 * no mapping is writable and executable.
 */
static u8 *slot_of(unsigned int nr)
{
	/* Never write behind the area, where other owners may have text. */
	if (!CHECK(nr < NR_SLOTS, "slot %u", nr))
		nr = 0;
	return area + nr * SLOT_SIZE;
}

static void writing_worker(struct worker *w)
{
	unsigned long i;

	for (i = 0; !kthread_should_stop(); i++) {
		if (!CHECK_EQ(write_func(slot_of(w->nr), value_of(i), i % 8), 0, "write"))
			return;
		CHECK(call(slot_of(w->nr)) == value_of(i), "write %lu", i);
		count_calls(w, 1);
		cond_resched();
	}
}

/* Try direct stores to a byte in the page that workers write. They do not use the byte. */
static void probe_while_writing(void)
{
	u8 *idle = area + PAGE_SIZE - 1;
	unsigned long i;

	for (i = 0; i < 10UL * test_loop_count && !failed(); i++) {
		CHECK_EQ(test_text.write(idle), -EFAULT, "attempt %lu", i);
		cond_resched();
	}
}

/* A write must not leave an alias behind. */
static void check_no_alias(u8 *at)
{
	int i;

	/* Other writers of text may have an alias for a short time. */
	for (i = 0; i < ATTEMPTS; i++) {
		CHECK_EQ(write_func(at, 1, 0), 0, "at %zu", at - area);
		if (!test_text.find_alias())
			return;
		msleep(20);
	}
	test_fail("the alias is left by a write at %zu", at - area);
}

static void test_not_writable(void)
{
	unsigned int nr = clamp_t(unsigned int, num_online_cpus() - 1, 2, NR_SLOTS);
	size_t at;

	check_no_alias(area + PAGE_SIZE / 2);
	check_no_alias(area + PAGE_SIZE - 8);
	clear_area();

	for (at = 0; at < AREA_SIZE; at += PAGE_SIZE / 2)
		CHECK_EQ(test_text.write(area + at), -EFAULT, "idle, at %zu", at);
	check_filled(area, AREA_SIZE, "after that");

	if (start_workers(nr, writing_worker, NULL))
		probe_while_writing();
	diag("not_writable: %lu writes meanwhile", worker_calls());
	stop_workers();
}

static void test_no_wx(void)
{
	unsigned long checks;

	if (test_text.check_wx() == -EOPNOTSUPP)
		return test_skip("needs CONFIG_DEBUG_WX");

	CHECK_EQ(test_text.check_wx(), 0, "idle");
	if (start_workers(2, writing_worker, NULL))
		for (checks = 0; checks < 10 && !failed(); checks++)
			CHECK_EQ(test_text.check_wx(), 0, "while workers write");
	diag("no_wx: %lu writes meanwhile", worker_calls());
	stop_workers();
	CHECK_EQ(test_text.check_wx(), 0, "afterwards");
}

/* Write random bytes. Check them and the bytes on both sides. */
static bool check_write(size_t at, size_t len)
{
	size_t from = max(at, 64UL) - 64, to = min(at + len + 64, AREA_SIZE);

	prandom_bytes_state(&rnd, shadow + at, min(len, 256UL));
	if (len > 256)
		prandom_bytes_state(&rnd, shadow + at + len - 256, 256);
	if (!CHECK_EQ(test_text.poke_copy(area + at, shadow + at, len), 0,
		      "%zu bytes at %zu", len, at))
		return false;
	return CHECK(!memcmp(area + from, shadow + from, to - from),
		     "%zu bytes at %zu", len, at);
}

static void test_lengths(void)
{
	size_t step = TEXT_POKE_ALIGN, len, at;

	/* With few iterations, skip long writes that do not end near a page boundary. */
	for (len = step; len <= 2 * PAGE_SIZE && !failed(); len += step) {
		if (test_loop_count < 1000 && len > 128 && (len + 64) % PAGE_SIZE > 128)
			continue;
		at = len * 13 % PAGE_SIZE + PAGE_SIZE / 2;
		check_write(round_down(at, step), len);
	}
	CHECK(!memcmp(area, shadow, AREA_SIZE), "at the end");
}

static void test_alignments(void)
{
	size_t step = TEXT_POKE_ALIGN, len, at;

	for (at = PAGE_SIZE - 64; at <= PAGE_SIZE + 64 && !failed(); at += step)
		for (len = step; len <= 64 && check_write(at, len); len = len * 2 + step)
			;
	/* The last and the first bytes of the area, and the whole area. */
	check_write(AREA_SIZE - step, step);
	check_write(0, step);
	check_write(0, AREA_SIZE);
	CHECK(!memcmp(area, shadow, AREA_SIZE), "at the end");
}

static void batch(unsigned int nr)
{
	u8 code[CODE_MAX];

	for (; nr; nr--)
		CHECK_EQ(test_text.poke_copy(slot_of(nr), code,
					     gen_func(code, value_of(nr), nr % 8)),
			 0, "function %u", nr);
	test_text.poke_sync();
}

static void copy_one_by_one(unsigned int nr)
{
	for (; nr; nr--)
		CHECK_EQ(write_func(slot_of(nr), value_of(nr), nr % 8), 0, "function %u", nr);
}

static void fill_one_by_one(unsigned int nr)
{
	for (; nr; nr--)
		CHECK_EQ(set_and_sync(slot_of(nr), SLOT_SIZE), 0, "slot %u", nr);
}

static void fill_batch(unsigned int nr)
{
	for (; nr; nr--)
		CHECK_EQ(test_text.poke_set(slot_of(nr), SLOT_SIZE), 0, "slot %u", nr);
	test_text.poke_sync();
}

static void test_batch(void)
{
	unsigned int nr;

	check_cost("batch", batch, 100, 1, 1);
	for (nr = 1; nr <= 100; nr++)
		check_on_all_cpus(slot_of(nr), value_of(nr), "batch");

	check_cost("copies", copy_one_by_one, 10, 10, 10);
	check_cost("fills", fill_one_by_one, 10, 10, 10);
	check_cost("batch of fills", fill_batch, 10, 1, 1);
	check_cost("sync", batch, 0, 1, 1);
}

/*
 * Many concurrent writers. Report the number of shared rounds, but do not check it: it
 * depends on the scheduler. On two CPUs, few requests arrive while a round runs.
 */
static void busy_worker(struct worker *w)
{
	int i;

	for (i = 1; i <= 100; i++) {
		if (!CHECK_EQ(write_func(slot_of(w->nr), value_of(i), i % 8), 0, "copy"))
			break;
		CHECK(call(slot_of(w->nr)) == value_of(i), "copy %d", i);
	}
	worker_is_at(w, 1);
}

static void test_busy_writers(void)
{
	unsigned int nr = min_t(unsigned int, many_threads(), NR_SLOTS);
	struct poke_counts before, cost;

	get_counts(&before);
	if (start_workers(nr, busy_worker, NULL))
		wait_for_workers(1);
	stop_workers();
	counts_since(&cost, &before);

	CHECK(cost.copies >= 100 * nr, "%lu copies", cost.copies);
	CHECK(cost.syncs >= 100 * nr, "%lu requests", cost.syncs);
	diag("busy_writers: %u threads: %lu rounds for %lu requests", nr, cost.rounds, cost.syncs);
}

/* Requests of a single thread cannot share rounds. */
static void test_sync_rounds(void)
{
	struct poke_counts start, cost;
	int i;

	get_counts(&start);
	for (i = 0; i < 20; i++)
		test_text.poke_sync();
	counts_since(&cost, &start);
	CHECK(cost.rounds >= 20, "%lu rounds for 20 requests", cost.rounds);
}

/*
 * text_poke_sync() must wait for each CPU. One CPU disables interrupts for 10 ms, so that
 * the call must take at least as long. Test one CPU at a time: waiting for one CPU would
 * hide that the round left out another.
 */
static void delaying_worker(struct worker *w)
{
	bool *over = w->data;
	u64 end;

	local_irq_disable();
	worker_is_at(w, 1);
	end = ktime_get_ns() + 10 * NSEC_PER_MSEC;
	while (ktime_get_ns() < end)
		cpu_relax();
	WRITE_ONCE(*over, true);
	local_irq_enable();
}

static void check_delayed_by(unsigned int cpu)
{
	bool over = false;

	if (CHECK_EQ(alloc_workers(1), 0, "workers") &&
	    CHECK_EQ(add_worker(delaying_worker, &over, cpu), 0, "CPU %u", cpu)) {
		WRITE_ONCE(workers_go, true);
		if (wait_for_workers(1)) {
			test_text.poke_sync();
			CHECK(READ_ONCE(over), "sync did not wait for CPU %u", cpu);
		}
	}
	stop_workers();
}

static void test_waits_for_cpus(void)
{
	unsigned int here = cpumask_first(cpu_online_mask), cpu;

	if (num_online_cpus() < 2)
		return test_skip("needs two CPUs");

	run_on(here);
	for_each_online_cpu(cpu)
		if (cpu != here && !failed())
			check_delayed_by(cpu);
	run_anywhere();
}

static void test_sync_insn(void)
{
	int ret = test_text.find_sync_insn();

	if (ret == -EOPNOTSUPP)
		return test_skip("needs CONFIG_KALLSYMS, and hooks of the architecture");
	CHECK_EQ(ret, 0, "what CPUs run in a round");
}

static void check_maintained(const u8 *at, size_t len, const char *what)
{
	CHECK_EQ(maintenance.bytes, len, "%s of %zu at %zu", what, len, at - area);
	CHECK(maintenance.start == (unsigned long)at, "%s of %zu at %zu", what, len, at - area);
	CHECK(maintenance.end == (unsigned long)at + len, "%s of %zu at %zu", what, len,
	      at - area);
	memset(&maintenance, 0, sizeof(maintenance));
}

/* Cache maintenance must cover each written byte exactly once. */
static void test_cache_maintenance(void)
{
	static const size_t lengths[] = { 4, 64, 256, SZ_4K - 4, SZ_4K, SZ_4K + 4, SZ_8K };
	const char *why_not = count_maintenance();
	u8 *at = area + PAGE_SIZE - 16;
	int i;

	if (why_not)
		return test_skip(why_not);

	memset(&maintenance, 0, sizeof(maintenance));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK_EQ(test_text.poke_copy(at, shadow, lengths[i]), 0, "copy");
		check_maintained(at, lengths[i], "copy");
		CHECK_EQ(test_text.poke_set(at, lengths[i]), 0, "fill");
		check_maintained(at, lengths[i], "fill");
	}
	uncount_maintenance();
}

/*
 * Invalid requests must return the documented error and write nothing.
 */
static void check_refused(const char *what, void *at, size_t len, int error)
{
	static const u8 junk[64];

	CHECK_EQ(test_text.poke_copy(at, junk, len), error, "%s", what);
	CHECK_EQ(test_text.poke_set(at, len), error, "%s", what);
}

static void check_not_text(const char *what, const void *at)
{
	at = PTR_ALIGN(at, 16);
	check_refused(what, (void *)at, 16, -EFAULT);
}

static const u8 tests_rodata[64] = { 1 };

static void check_memory_that_is_no_text(void)
{
	void *slab = kzalloc(64, GFP_KERNEL), *vm = vzalloc(PAGE_SIZE);
	u8 stack[64] = { };

	check_not_text("NULL", NULL);
	check_not_text("user space", (void *)PAGE_SIZE);
	check_not_text("rodata", cpu_all_bits);
	check_not_text("a module's rodata", tests_rodata);
	check_not_text("a module's data", &maintenance);
	check_not_text("stack", stack);
	check_not_text("guard page", area + AREA_SIZE);
	if (CHECK(slab && vm, "no memory")) {
		check_not_text("slab", slab);
		check_not_text("vmalloc", vm);
		CHECK(!memchr_inv(slab, 0, 64) && !memchr_inv(vm, 0, PAGE_SIZE), "written");
	}
	CHECK(!memchr_inv(stack, 0, sizeof(stack)), "written");
	vfree(vm);
	kfree(slab);
}

static void check_bad_ranges(void)
{
	const size_t step = TEXT_POKE_ALIGN;
	u8 *core = PTR_ALIGN((u8 *)dereference_function_descriptor(test_text.poke_sync), 16);

	check_refused("no length", area, 0, -EINVAL);
	check_refused("wraps", area, -(size_t)PAGE_SIZE, -EINVAL);
	if (step > 1) {
		check_refused("misaligned", area + 1, step, -EINVAL);
		check_refused("misaligned length", area, step + 1, -EINVAL);
		check_refused("misaligned end", area + step / 2, step, -EINVAL);
	}
	check_refused("kernel text", core, 16, -EPERM);
	check_refused("past the end", area + AREA_SIZE - 16, 32, -EFAULT);
	check_refused("before the start", area - 16, 32, -EFAULT);
	check_refused("too long", area, AREA_SIZE + PAGE_SIZE, -EFAULT);
}

static void refused_requests(unsigned int nr)
{
	check_bad_ranges();
	check_memory_that_is_no_text();
}

static void test_wrong_uses(void)
{
	memcpy(shadow, area, AREA_SIZE);
	check_cost("refused requests", refused_requests, 1, 0, 0);
	CHECK(!memcmp(area, shadow, AREA_SIZE), "text was written");
}

/* A CPU that is offline during a write must execute the new text when it is back. */
static void __maybe_unused rewrite_while_offline(unsigned int cpu)
{
	CHECK_EQ(write_func(area, 2, 3), 0, "CPU %u offline", cpu);
	check_on_all_cpus(area, 2, "while one is offline");
}

static void test_hotplug(void)
{
#ifdef CONFIG_HOTPLUG_CPU
	unsigned int cpu = last_cpu();

	if (num_online_cpus() < 2)
		return test_skip("needs two CPUs");

	CHECK_EQ(write_func(area, 1, 0), 0, "function");
	check_on_all_cpus(area, 1, "before");
	if (remove_cpu(cpu))
		return test_skip("the CPU cannot be taken offline");

	rewrite_while_offline(cpu);
	if (CHECK_EQ(add_cpu(cpu), 0, "CPU %u", cpu))
		check_on_all_cpus(area, 2, "afterwards");
#else
	test_skip("needs CONFIG_HOTPLUG_CPU");
#endif
}

/*
 * Copying must not take text_mutex, because callers may hold it. A second thread tries
 * first while this one holds text_mutex: a failure is then reported instead of a hang.
 */
static void copying_worker(struct worker *w)
{
	CHECK_EQ(write_func(area, 1, 0), 0, "beside the holder");
	CHECK_EQ(test_text.poke_set(area + SLOT_SIZE, SLOT_SIZE), 0, "beside the holder");
	worker_is_at(w, 1);
}

static void copy_while_locked(void *data)
{
	unsigned long end = jiffies + 20 * HZ;

	if (!start_workers(1, copying_worker, NULL))
		return;
	/* Pairs with the release in worker_is_at(). */
	while (!smp_load_acquire(&workers[0].at) && time_before(jiffies, end))
		msleep(20);
	if (!CHECK(workers[0].at, "copying waits for text_mutex"))
		return;

	CHECK_EQ(write_func(area, 2, 0), 0, "by the holder");
	CHECK(call(area) == 2, "by the holder");
}

static void test_text_mutex(void)
{
	test_text.call_locked(copy_while_locked, NULL);
	stop_workers();
}

/*
 * Concurrent writers of different parts of a page must not affect each other, or CPUs
 * that execute other text in the page.
 */
static int neighbour_loops(void)
{
	return max(test_loop_count / 10, 1);
}

static void neighbour_worker(struct worker *w)
{
	int i;

	if (!w->nr) {
		while (!kthread_should_stop()) {
			CHECK(call(area) == 1, "executed beside writers");
			count_calls(w, 1);
			if (!(w->calls % 64))
				cond_resched();
		}
		return;
	}

	for (i = 1; i <= neighbour_loops() && !failed(); i++) {
		u32 value = value_of(w->nr * 0x10000 + i);

		CHECK_EQ(write_func(slot_of(w->nr), value, i % 8), 0, "thread %u", w->nr);
		CHECK(call(slot_of(w->nr)) == value, "thread %u, write %d", w->nr, i);
	}
	worker_is_at(w, 1);
}

static void test_neighbours(void)
{
	unsigned int i, nr = min_t(unsigned int, many_threads(), PAGE_SIZE / SLOT_SIZE);

	CHECK_EQ(write_func(area, 1, 0), 0, "function");
	if (!start_workers(nr, neighbour_worker, NULL))
		goto out;
	worker_is_at(&workers[0], 1);
	wait_for_workers(1);
	diag("neighbours: %u writers, %lu calls between them", nr - 1, worker_calls());
	for (i = 1; i < nr && !failed(); i++)
		check_on_all_cpus(slot_of(i), value_of(i * 0x10000 + neighbour_loops()), "last");
out:
	stop_workers();
}

#include "test_vmalloc_text_slab.h"
#include "test_vmalloc_text_calls.h"

static const struct test {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "run_on_every_cpu", test_run_on_every_cpu },
	{ "reuse", test_reuse },
	{ "fill_bytes", test_fill_bytes },
	{ "fill_traps", test_fill_traps },
	{ "not_writable", test_not_writable },
	{ "no_wx", test_no_wx },
	{ "lengths", test_lengths },
	{ "alignments", test_alignments },
	{ "batch", test_batch },
	{ "busy_writers", test_busy_writers },
	{ "sync_rounds", test_sync_rounds },
	{ "waits_for_cpus", test_waits_for_cpus },
	{ "sync_insn", test_sync_insn },
	{ "cache_maintenance", test_cache_maintenance },
	{ "wrong_uses", test_wrong_uses },
	{ "hotplug", test_hotplug },
	{ "text_mutex", test_text_mutex },
	{ "neighbours", test_neighbours },
	{ "slab_run", test_slab_run },
	{ "slab_stress", test_slab_stress },
	{ "slab_retire", test_slab_retire },
	{ "slab_pressure", test_slab_pressure },
	{ "slab_cost", test_slab_cost },
	{ "slab_leak", test_slab_leak },
};

static void run_test(const struct test *t)
{
	int i;

	atomic_set(&failures, 0);
	skip_reason = NULL;
	for (i = 0; i < test_repeat_count && !failed(); i++) {
		clear_area();
		memcpy(shadow, area, AREA_SIZE);
		t->fn();
	}
}

static unsigned long wanted_tests(void)
{
	return (unsigned int)run_test_mask & GENMASK(ARRAY_SIZE(tests) - 1, 0);
}

static int run_tests(void)
{
	unsigned long wanted = wanted_tests(), i;
	int nr = 0, nr_failed = 0;

	pr_info("KTAP version 1\n");
	pr_info("1..%lu\n", hweight_long(wanted));
	for_each_set_bit(i, &wanted, ARRAY_SIZE(tests)) {
		ktime_t start = ktime_get();

		run_test(&tests[i]);
		diag("%s took %lld ms", tests[i].name, ktime_ms_delta(ktime_get(), start));
		if (failed())
			pr_info("not ok %d %s\n", ++nr, tests[i].name);
		else if (skip_reason)
			pr_info("ok %d %s # SKIP %s\n", ++nr, tests[i].name, skip_reason);
		else
			pr_info("ok %d %s\n", ++nr, tests[i].name);
		nr_failed += failed();
	}
	return nr_failed ? -EINVAL : 0;
}

/*
 * Measuring. Each line of the table is one operation with one size. All threads execute
 * it on private text for PERF_MS.
 */
#define PERF_SIZE_MAX	SZ_64K
#define PERF_MS		20

struct perf_op {
	const char *name;
	bool sized;
	int (*fn)(u8 *at, size_t size, unsigned long i);
};

static int perf_copy_sync(u8 *at, size_t size, unsigned long i)
{
	return copy_and_sync(at, shadow, size);
}

static int perf_copy(u8 *at, size_t size, unsigned long i)
{
	return test_text.poke_copy(at, shadow, size);
}

static int perf_set(u8 *at, size_t size, unsigned long i)
{
	return test_text.poke_set(at, size);
}

static int perf_sync(u8 *at, size_t size, unsigned long i)
{
	test_text.poke_sync();
	return 0;
}

static const struct perf_op perf_ops[] = {
	{ "copy", true, perf_copy },
	{ "copy_sync", true, perf_copy_sync },
	{ "set", true, perf_set },
	{ "sync", false, perf_sync },
	{ "slab", true, perf_slab },
	{ "pages", true, perf_pages },
};

struct perf_cell {
	const struct perf_op *op;
	size_t size;
	u8 *text;
	atomic64_t ops, cycles, ns;
};

static void perf_worker(struct worker *w)
{
	struct perf_cell *c = w->data;
	u8 *at = c->text + w->nr * PERF_SIZE_MAX;
	ktime_t start = ktime_get();
	cycles_t cycles = get_cycles();
	unsigned long i = 0;

	while (ktime_ms_delta(ktime_get(), start) < PERF_MS && !failed())
		CHECK_EQ(c->op->fn(at, c->size, i++), 0, "%s", c->op->name);
	atomic64_add(get_cycles() - cycles, &c->cycles);
	atomic64_add(ktime_to_ns(ktime_sub(ktime_get(), start)), &c->ns);
	atomic64_add(i, &c->ops);
	worker_is_at(w, 1);
}

static void measure(const struct perf_op *op, size_t size, unsigned int threads, u8 *text)
{
	struct perf_cell c = { .op = op, .size = size, .text = text };
	struct poke_counts before, cost;
	u64 ops;

	get_counts(&before);
	if (start_workers(threads, perf_worker, &c))
		wait_for_workers(1);
	stop_workers();
	counts_since(&cost, &before);

	ops = max(atomic64_read(&c.ops), 1);
	diag("perf %-12s %6zu %7u %10llu %14llu %12llu %8lu", op->name, size, threads, ops,
	     div64_u64(atomic64_read(&c.cycles), ops), div64_u64(atomic64_read(&c.ns), ops),
	     cost.rounds);
}

static unsigned int perf_threads(void)
{
	return nr_threads > 0 ? nr_threads : num_online_cpus();
}

static void measure_op(const struct perf_op *op, u8 *text)
{
	unsigned int threads;
	size_t size;

	for (threads = 1; threads <= perf_threads(); threads *= 2)
		for (size = op->sized ? 16 : 0; size <= PERF_SIZE_MAX && !failed();
		     size *= 4) {
			measure(op, size, threads, text);
			if (!op->sized)
				break;
		}
}

static int run_perf(void)
{
	u8 *text = test_text.alloc(PERF_SIZE_MAX * roundup_pow_of_two(perf_threads()));
	int i;

	if (!text)
		return -ENOMEM;

	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", ARRAY_SIZE(perf_ops));
	diag("per operation, of each thread: %s and ns; rounds are of all", COUNTER_NAME);
	diag("%-17s %6s %7s %10s %14s %12s %8s", "perf", "bytes", "threads", "operations",
	     COUNTER_NAME, "ns", "rounds");
	atomic_set(&failures, 0);
	for (i = 0; i < ARRAY_SIZE(perf_ops); i++) {
		measure_op(&perf_ops[i], text);
		pr_info("%sok %d perf_%s\n", failed() ? "not " : "", i + 1, perf_ops[i].name);
	}
	test_text.free(text);
	return failed() ? -EINVAL : 0;
}

static int check_params(void)
{
	if (test_loop_count < 1 || test_repeat_count < 1 || nr_threads < 0 || nr_threads > 64 ||
	    functions > FUNCTIONS_MAX) {
		pr_err("test_vmalloc_text: a count is out of range\n");
		return -EINVAL;
	}
	if (!perf && !wanted_tests()) {
		pr_err("test_vmalloc_text: run_test_mask selects no test\n");
		return -EINVAL;
	}
	return 0;
}

static int run(void)
{
	int ret = start_counting();
	struct poke_counts before, cost;
	long first_round;

	test_text.poke_sync();
	first_round = atomic_long_read(&counted.last_round);
	get_counts(&before);
	if (ret)
		pr_err("test_vmalloc_text: cannot count: enable CONFIG_TRACEPOINTS\n");
	else
		ret = perf ? run_perf() : run_tests();
	/* selftests/execmem compares these figures with its trace. */
	counts_since(&cost, &before);
	diag("total: rounds %lu to %lu, %lu requests", first_round, first_round + cost.rounds,
	     cost.syncs);
	stop_counting();
	return ret;
}

static int __init test_vmalloc_text_init(void)
{
	int ret = check_params();

	if (ret)
		return ret;
	if (!seed)
		seed = get_random_long();
	prandom_seed_state(&rnd, seed);
	if (functions)
		return make_functions();

	area = test_text.alloc(AREA_SIZE);
	shadow = kvzalloc(max_t(size_t, AREA_SIZE, PERF_SIZE_MAX), GFP_KERNEL);
	ret = -ENOMEM;
	if (area && shadow) {
		diag("seed=%lu, %u CPUs", seed, num_online_cpus());
		ret = run();
	}
	kvfree(shadow);
	test_text.free(area);
	return ret;
}

static void __exit test_vmalloc_text_exit(void)
{
	free_functions();
}

module_init(test_vmalloc_text_init);
module_exit(test_vmalloc_text_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Test of writing executable kernel memory");
MODULE_IMPORT_NS(TEST_VMALLOC_TEXT);
