/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _STUB_LINUX_KERNEL_H
#define _STUB_LINUX_KERNEL_H

#include_next <linux/kernel.h>
#include <linux/limits.h>

#endif /* _STUB_LINUX_KERNEL_H */
