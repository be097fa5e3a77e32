// SPDX-License-Identifier: GPL-2.0
/*
 * Check the page tables of each module's text while the module is loaded.
 *
 * Kprobes on functions of the loader and a module notifier call the check. No page may be
 * writable and executable at any time. Before the text is complete, a page must not be
 * executable, or the text must consist of one repeated word, such as a trap. Afterwards
 * each page must be executable and read-only.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/ptrace.h>
#include <linux/string.h>

static atomic_t steps, faults;

#if defined(CONFIG_X86)
static bool may_execute(pte_t pte)
{
	return !(pte_flags(pte) & _PAGE_NX);
}
#elif defined(CONFIG_ARM64)
static bool may_execute(pte_t pte)
{
	return !(pte_val(pte) & PTE_PXN);
}
#elif defined(CONFIG_ARM)
#define regs_get_kernel_argument(regs, n)	((regs)->uregs[n])

static bool may_execute(pte_t pte)
{
	return !(pte_val(pte) & L_PTE_XN);
}
#elif defined(CONFIG_S390)
static bool may_execute(pte_t pte)
{
	return !(pte_val(pte) & _PAGE_NOEXEC);
}
#else
static bool may_execute(pte_t pte)
{
	return pte_exec(pte);
}
#endif

/* Find the entry that maps an address. Large entries have the same permission bits. */
static pte_t find_entry(unsigned long addr)
{
	pgd_t *pgd = pgd_offset_k(addr);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t *pmd;

	if (pgd_none(*pgd))
		return __pte(0);
	p4d = p4d_offset(pgd, addr);
	if (p4d_none(*p4d))
		return __pte(0);
	pud = pud_offset(p4d, addr);
	if (pud_none(*pud))
		return __pte(0);
	pmd = pmd_offset(pud, addr);
	if (pmd_none(*pmd))
		return __pte(0);
	if (pmd_leaf(*pmd))
		return __pte(pmd_val(*pmd));
	return ptep_get(pte_offset_kernel(pmd, addr));
}

static bool has_one_pattern(const void *text, size_t size)
{
	return size <= sizeof(u32) || !memcmp(text, text + sizeof(u32), size - sizeof(u32));
}

static bool page_is_right(const struct module_memory *mem, unsigned long page, bool complete)
{
	pte_t pte = find_entry(page);

	if (!pte_present(pte))
		return !complete;
	if (complete)
		return may_execute(pte) && !pte_write(pte);
	if (may_execute(pte))
		return !pte_write(pte) && has_one_pattern(mem->base, mem->size);
	return true;
}

static void walk(const struct module *mod, const char *step, bool complete)
{
	for_class_mod_mem_type(type, text) {
		const struct module_memory *mem = &mod->mem[type];
		unsigned long start = (unsigned long)mem->base;

		for (unsigned long page = start & PAGE_MASK; page < start + mem->size;
		     page += PAGE_SIZE) {
			if (page_is_right(mem, page, complete))
				continue;
			if (atomic_inc_return(&faults) <= 10)
				pr_err("%s at %s: wrong permissions of page %#lx of type %d\n",
				       mod->name, step, page, type);
		}
	}
	atomic_inc(&steps);
}

/*
 * riscv refuses probes on the instructions that ftrace patches at the entry of a function.
 * Probe the next instruction: the arguments are still in registers there.
 */
#if defined(CONFIG_RISCV) && defined(CONFIG_DYNAMIC_FTRACE)
#define STEP_OFFSET	MCOUNT_INSN_SIZE
#else
#define STEP_OFFSET	0
#endif

struct step {
	struct kprobe kp;
	int nr_of_mod;
	bool complete;
};

static int reach_step(struct kprobe *p, struct pt_regs *regs)
{
	struct step *step = container_of(p, struct step, kp);
	struct module *mod = (void *)regs_get_kernel_argument(regs, step->nr_of_mod);

	/* Livepatch also applies relocations to complete modules. */
	walk(mod, p->symbol_name, step->complete || mod->state != MODULE_STATE_UNFORMED);
	return 0;
}

#define STEP(function, nr, complete_)							\
	(&((struct step) {								\
		.kp = {									\
			.symbol_name = function,					\
			.offset = STEP_OFFSET,						\
			.pre_handler = reach_step,					\
		},									\
		.nr_of_mod = nr,							\
		.complete = complete_,							\
	}).kp)

static struct kprobe *loading[] = {
#ifdef CONFIG_MODULES_USE_ELF_RELA
	STEP("apply_relocate_add", 4, false),
#endif
	STEP("module_finalize", 2, false),
#ifdef CONFIG_FTRACE_MCOUNT_RECORD
	STEP("ftrace_module_init", 0, false),
#endif
	STEP("module_enable_rodata_ro", 0, true),
};

static int reach_state(struct notifier_block *nb, unsigned long state, void *mod)
{
	walk(mod, "a notification", true);
	return NOTIFY_OK;
}

static int enable(const char *value, const struct kernel_param *kp)
{
	static struct notifier_block notifier = { .notifier_call = reach_state };
	static bool enabled;
	int ret;

	if (enabled)
		return 0;
	ret = register_kprobes(loading, ARRAY_SIZE(loading));
	if (ret)
		return ret;

	enabled = true;
	return register_module_notifier(&notifier);
}

static const struct kernel_param_ops enable_ops = {
	.set	= enable,
};
module_param_cb(enable, &enable_ops, NULL, 0200);
MODULE_PARM_DESC(enable, "Any value: walk at each step until the next boot");

static int get_result(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%d steps, %d faults\n", atomic_read(&steps),
			  atomic_read(&faults));
}

static const struct kernel_param_ops result_ops = {
	.get	= get_result,
};
module_param_cb(result, &result_ops, NULL, 0444);
MODULE_PARM_DESC(result, "Number of walks, and of pages with wrong permissions");
