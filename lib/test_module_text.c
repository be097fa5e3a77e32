// SPDX-License-Identifier: GPL-2.0
/*
 * A module with each kind of patch site: code that the kernel changes when it loads the
 * module, or later.
 *
 * Each test executes its sites in core and init text, and makes the kernel change them
 * where possible. The module loads only if all tests pass. The program module_text
 * (tools/testing/selftests/module_text) loads and unloads it, makes loads fail, and looks
 * for leaks.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/stacktrace.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>

#if defined(CONFIG_X86) || defined(CONFIG_ARM64) || defined(CONFIG_RISCV)
#include <asm/cpufeature.h>
#endif

static bool quick;
module_param(quick, bool, 0444);
MODULE_PARM_DESC(quick, "Execute the patch sites, but do not change them");

static int result;
module_param(result, int, 0444);
MODULE_PARM_DESC(result, "Return value of init if all tests pass, such as -5");

/* A parameter function: the kernel calls it before the init function. */
static noinline int set_early(const char *value, const struct kernel_param *kp)
{
	return strcmp(value, "refuse") ? 0 : -EINVAL;
}

static const struct kernel_param_ops early_ops = {
	.set	= set_early,
};
module_param_cb(early, &early_ops, NULL, 0200);
MODULE_PARM_DESC(early, "Any value: call a function of the module; \"refuse\" is refused");

/* test_module_text_late replaces answer() by a function that calls twice(). */
static noinline int answer(int x)
{
	OPTIMIZER_HIDE_VAR(x);
	return x;
}

static noinline __used int twice(int x)
{
	return 2 * x;
}

static int get_answer(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d\n", answer(result + 21));
}

static const struct kernel_param_ops answer_ops = {
	.get	= get_answer,
};
module_param_cb(answer, &answer_ops, NULL, 0444);
MODULE_PARM_DESC(answer, "21, or twice that with test_module_text_late");

#define expect(cond) ({								\
	bool ok_ = (cond);							\
	if (!ok_)								\
		pr_err("%s:%d: false: %s\n", __func__, __LINE__, #cond);	\
	ok_;									\
})

/* Static keys: NOPs and jumps, in core and init text. */
static DEFINE_STATIC_KEY_FALSE(off_key);
static DEFINE_STATIC_KEY_TRUE(on_key);

static noinline int branches(void)
{
	return static_branch_unlikely(&off_key) * 1 + static_branch_likely(&off_key) * 2 +
	       static_branch_unlikely(&on_key) * 4 + static_branch_likely(&on_key) * 8;
}

static noinline int __init branches_of_init(void)
{
	return static_branch_unlikely(&off_key) * 1 + static_branch_likely(&off_key) * 2 +
	       static_branch_unlikely(&on_key) * 4 + static_branch_likely(&on_key) * 8;
}

static bool __init branches_are(int which)
{
	return expect(branches() == which) && expect(branches_of_init() == which);
}

static bool __init test_static_keys(void)
{
	bool ok = branches_are(4 + 8);

	if (quick)
		return ok;

	static_branch_enable(&off_key);
	ok = branches_are(15) && ok;
	static_branch_disable(&on_key);
	ok = branches_are(1 + 2) && ok;
	static_branch_disable(&off_key);
	ok = branches_are(0) && ok;
	static_branch_enable(&on_key);
	return branches_are(4 + 8) && ok;
}

/* Static calls: calls and tail calls, with and without a target. */
static noinline int add_one(int x)
{
	return x + 1;
}

static noinline int add_two(int x)
{
	return x + 2;
}

static int seen_by_nothing;

static noinline void see(int x)
{
	seen_by_nothing = x;
}

DEFINE_STATIC_CALL(test_module_text_add, add_one);
DEFINE_STATIC_CALL_NULL(test_module_text_null, see);

static noinline int call_it(int x)
{
	return static_call(test_module_text_add)(x) + 10;
}

static noinline int tail_call_it(int x)
{
	return static_call(test_module_text_add)(x);
}

static noinline int __init call_it_from_init(int x)
{
	return static_call(test_module_text_add)(x) + 100;
}

/* Without HAVE_STATIC_CALL, this calls a function of another type if there is none. */
static noinline __nocfi void call_nothing(int x)
{
	static_call_cond(test_module_text_null)(x);
}

static bool __init calls_add(int n)
{
	return expect(call_it(5) == 15 + n) && expect(tail_call_it(5) == 5 + n) &&
	       expect(call_it_from_init(5) == 105 + n);
}

static bool __init test_static_calls(void)
{
	bool ok = calls_add(1);

	call_nothing(7);
	ok = expect(!seen_by_nothing) && ok;
	if (quick)
		return ok;

	static_call_update(test_module_text_add, add_two);
	ok = calls_add(2) && ok;
	static_call_update(test_module_text_null, see);
	call_nothing(7);
	ok = expect(seen_by_nothing == 7) && ok;
	static_call_update(test_module_text_null, NULL);
	call_nothing(8);
	ok = expect(seen_by_nothing == 7) && ok;
	static_call_update(test_module_text_add, add_one);
	return calls_add(1) && ok;
}

/* Alternatives: a patched test of a CPU feature and a test of its bit have equal results. */
#ifdef CONFIG_X86
#define same_feature(f)	expect(static_cpu_has(f) == !!boot_cpu_has(f))

static noinline bool is_replaced(void)
{
	int replaced;

	asm volatile(ALTERNATIVE("movl $0, %0", "movl $1, %0", X86_FEATURE_ALWAYS)
		     : "=r" (replaced));
	return replaced;
}

static noinline bool alternatives(void)
{
	return expect(is_replaced()) &&
	       same_feature(X86_FEATURE_ALWAYS) && same_feature(X86_FEATURE_XSAVE) &&
	       same_feature(X86_FEATURE_ERMS) && same_feature(X86_FEATURE_SMAP) &&
	       same_feature(X86_FEATURE_RETPOLINE) && same_feature(X86_FEATURE_RETHUNK) &&
	       same_feature(X86_FEATURE_LA57) && same_feature(X86_BUG_SPECTRE_V2);
}
#elif defined(CONFIG_ARM64)
#define same_feature(f)	expect(alternative_has_cap_likely(f) == cpus_have_cap(f))

static noinline bool is_replaced(void)
{
	int replaced;

	asm volatile(ALTERNATIVE("mov %w0, #0", "mov %w0, #1", ARM64_ALWAYS_SYSTEM)
		     : "=r" (replaced));
	return replaced;
}

static noinline bool alternatives(void)
{
	return expect(is_replaced()) &&
	       same_feature(ARM64_ALWAYS_BOOT) && same_feature(ARM64_ALWAYS_SYSTEM) &&
	       same_feature(ARM64_HAS_LSE_ATOMICS) && same_feature(ARM64_HAS_PAN) &&
	       same_feature(ARM64_HAS_CACHE_DIC) && same_feature(ARM64_HAS_STAGE2_FWB);
}
#elif defined(CONFIG_RISCV)
#define same_feature(f)	expect(riscv_has_extension_likely(f) ==			\
			       !!__riscv_isa_extension_available(NULL, f))

static noinline bool alternatives(void)
{
	return same_feature(RISCV_ISA_EXT_c) && same_feature(RISCV_ISA_EXT_d) &&
	       same_feature(RISCV_ISA_EXT_ZBB) && same_feature(RISCV_ISA_EXT_SVPBMT);
}
#else
static bool alternatives(void)
{
	return true;
}
#endif

/* Exception table: a fault in the module continues at the module's fixup. */
static noinline bool faults(const u64 *from)
{
	u64 value;

	pagefault_disable();
	__get_kernel_nofault(&value, from, u64, fault);
	pagefault_enable();
	return false;
fault:
	pagefault_enable();
	return true;
}

static bool __init test_extable(void)
{
	u64 here = 1;

	return expect(!faults(&here)) && expect(faults((u64 *)-PAGE_SIZE));
}

/* Indirect calls and jumps, and a function with several returns. */
static noinline int choose(int x)
{
	switch (x) {
	case 0: return add_one(7);
	case 1: return get_random_u32_below(1) + 20;
	case 2: return strlen("module");
	case 3: return 3 * x;
	case 4: return -x;
	case 5: return x ^ 0x55;
	case 6: return call_it(x);
	default: return -1;
	}
}

static bool __init test_branches(void)
{
	static const int expected[] = { 8, 20, 6, 9, -4, 5 ^ 0x55, 17, -1 };
	int (*indirect)(int x) = choose;

	for (int i = 0; i < ARRAY_SIZE(expected); i++) {
		OPTIMIZER_HIDE_VAR(indirect);
		if (!expect(indirect(i) == expected[i]))
			return false;
	}

	return true;
}

/* Stack traces from a function of the module to its callers in the kernel. */
static noinline bool trace_names(const char * const *names, unsigned int nr)
{
	unsigned long entries[16];
	unsigned int n = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	char symbol[KSYM_SYMBOL_LEN];

	for (unsigned int i = 0, found = 0; i < n; i++) {
		sprint_symbol_no_offset(symbol, entries[i]);
		if (!strncmp(symbol, names[found], strlen(names[found])) && ++found == nr)
			return true;
	}

	stack_trace_print(entries, n, 0);
	return false;
}

static noinline bool deeper(const char * const *names, unsigned int nr)
{
	bool ok = trace_names(names, nr);

	barrier();
	return ok;
}

static bool __init test_unwinding(void)
{
	static const char * const names[] = {
		"trace_names", "deeper", "do_one_initcall", "do_init_module",
	};

	if (!IS_ENABLED(CONFIG_STACKTRACE) || !IS_ENABLED(CONFIG_KALLSYMS))
		return true;
	return expect(deeper(names, ARRAY_SIZE(names)));
}

/* Tracepoints: a static call behind a static key. */
DECLARE_TRACE(test_module_text_hit, TP_PROTO(int x), TP_ARGS(x));
DEFINE_TRACE(test_module_text_hit, TP_PROTO(int x), TP_ARGS(x));

static int traced;

static void count_trace(void *data, int x)
{
	traced += x;
}

static noinline void hit(int x)
{
	trace_test_module_text_hit(x);
}

static bool __init test_tracepoint(void)
{
	bool ok;

	hit(1);
	if (quick || !IS_ENABLED(CONFIG_TRACEPOINTS))
		return expect(!traced);
	if (!expect(!register_trace_test_module_text_hit(count_trace, NULL)))
		return false;

	hit(3);
	ok = expect(traced == 3);
	unregister_trace_test_module_text_hit(count_trace, NULL);
	tracepoint_synchronize_unregister();
	hit(5);
	return expect(traced == 3) && ok;
}

/*
 * Kprobes on two functions that contain patch sites. branches() begins with a patch site
 * of ftrace. plain() begins with other code: the probe is a breakpoint or a jump.
 */
#ifdef CONFIG_KPROBES
#ifdef CONFIG_PPC64_ELF_ABI_V2
#include <asm/code-patching.h>
/* Callers in this module skip the instructions that load the TOC pointer. */
#define entry_of(function)	((void *)ppc_function_entry(function))
#else
#define entry_of(function)	(function)
#endif

static noinline notrace int plain(int x)
{
	return add_one(READ_ONCE(x)) + branches();
}

static int probed;

static int count_probe(struct kprobe *p, struct pt_regs *regs)
{
	probed++;
	return 0;
}

static bool __init probe(void *function)
{
	struct kprobe kp = { .addr = entry_of(function), .pre_handler = count_probe };
	bool ok;

	probed = 0;
	if (!expect(!register_kprobe(&kp)))
		return false;

	ok = expect(plain(4) == 5 + 4 + 8) && expect(probed == 1);
	unregister_kprobe(&kp);
	return expect(plain(4) == 5 + 4 + 8) && expect(probed == 1) && ok;
}

static bool __init test_kprobe(void)
{
	if (quick)
		return true;
	/* Without this option, kprobes refuses patch sites of ftrace. */
	if (IS_ENABLED(CONFIG_KPROBES_ON_FTRACE) && !probe(branches))
		return false;
	return probe(plain);
}
#else
static bool __init test_kprobe(void)
{
	return true;
}
#endif

/* ftrace: the call at the entry of a function. */
#ifdef CONFIG_DYNAMIC_FTRACE
static int entered;

static void count_entry(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *op,
			struct ftrace_regs *fregs)
{
	entered++;
}

static struct ftrace_ops entry_ops = {
	.func = count_entry,
};

static bool __init test_ftrace(void)
{
	int (*function)(int x) = add_two;
	bool ok;

	/* Otherwise the compiler could call add_two() once and use the result twice. */
	OPTIMIZER_HIDE_VAR(function);
	if (quick)
		return true;
	if (!expect(!ftrace_set_filter_ip(&entry_ops, (unsigned long)add_two, 0, 0)) ||
	    !expect(!register_ftrace_function(&entry_ops)))
		return false;

	ok = expect(function(2) == 4) && expect(entered == 1);
	unregister_ftrace_function(&entry_ops);
	ftrace_free_filter(&entry_ops);
	return expect(function(2) == 4) && expect(entered == 1) && ok;
}
#else
static bool __init test_ftrace(void)
{
	return true;
}
#endif

static int __init test_module_text_init(void)
{
	bool ok = test_static_keys();

	ok = test_static_calls() && ok;
	ok = expect(alternatives()) && ok;
	ok = test_extable() && ok;
	ok = test_branches() && ok;
	ok = test_unwinding() && ok;
	ok = test_tracepoint() && ok;
	ok = test_kprobe() && ok;
	ok = test_ftrace() && ok;

	return ok ? result : -EUCLEAN;
}
module_init(test_module_text_init);

/* The core text must work after the init text was freed. */
static void __exit test_module_text_exit(void)
{
	WARN_ON(branches() != 4 + 8 || call_it(5) != 16 || !alternatives());
}
module_exit(test_module_text_exit);

MODULE_DESCRIPTION("Test module for the patching of modules' text");
MODULE_LICENSE("GPL");
MODULE_VERSION("1");
