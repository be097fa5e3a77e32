/* SPDX-License-Identifier: GPL-2.0 */
/* Catch traps on architectures that call die notifiers for them. */
#ifndef _LIB_TEST_VMALLOC_TEXT_DIE_H
#define _LIB_TEST_VMALLOC_TEXT_DIE_H

#include <linux/kdebug.h>
#include <linux/notifier.h>

/* Make the function that executed a trap of the test return TRAPPED to its caller. */
static int catch_trap(struct notifier_block *nb, unsigned long event, void *data);

static struct notifier_block trap_notifier = {
	.notifier_call	= catch_trap,
	.priority	= INT_MAX,
};

static const char *catch_traps(void)
{
	return register_die_notifier(&trap_notifier) ? "no die notifier" : NULL;
}

static void uncatch_traps(void)
{
	unregister_die_notifier(&trap_notifier);
}

#endif /* _LIB_TEST_VMALLOC_TEXT_DIE_H */
