/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>

#define CONFIG_X86_KERNEL_IBT	1

extern bool kernel_ibt;
#define ENDBR_INSN_SIZE		(4 * kernel_ibt)

static inline unsigned int gen_endbr(void)
{
	return 0xfa1e0ff3;
}
