// SPDX-License-Identifier: GPL-2.0
/*
 * Make a kernel function return an error if a task with a given name calls it.
 *
 * Tests error paths that fail_function cannot reach, because it accepts only functions
 * marked with ALLOW_ERROR_INJECTION(). The module does not check that callers expect an
 * error.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/string.h>

static char *function;
module_param(function, charp, 0);
MODULE_PARM_DESC(function, "Name of the function that fails");

static char *task;
module_param(task, charp, 0);
MODULE_PARM_DESC(task, "Name of the tasks for which the function fails");

static long result = -EFAULT;
module_param(result, long, 0);
MODULE_PARM_DESC(result, "Return value of the function (default: -EFAULT)");

/* Executed in place of the function: returns to the caller, with the result set below. */
static notrace noinline void return_at_once(void)
{
	barrier();
}

static int fail_call(struct kprobe *p, struct pt_regs *regs)
{
	if (strcmp(current->comm, task))
		return 0;

	regs_set_return_value(regs, result);
	instruction_pointer_set(regs, (unsigned long)return_at_once);
	return 1;
}
NOKPROBE_SYMBOL(fail_call);

/*
 * An optimized probe ignores the changed instruction pointer. A post_handler prevents
 * optimization.
 */
static void do_nothing(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}
NOKPROBE_SYMBOL(do_nothing);

static struct kprobe probe = {
	.pre_handler	= fail_call,
	.post_handler	= do_nothing,
};

static int __init fail_call_init(void)
{
	if (!function || !task) {
		pr_err("the parameters function= and task= are required\n");
		return -EINVAL;
	}

	probe.symbol_name = function;
	return register_kprobe(&probe);
}

static void __exit fail_call_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(fail_call_init);
module_exit(fail_call_exit);
MODULE_DESCRIPTION("Make a function fail for tasks of one name");
MODULE_LICENSE("GPL");
