/* SPDX-License-Identifier: GPL-2.0 */
/* Options are variables, so that one program tests all configurations. */
#ifndef _STUB_LINUX_KCONFIG_H
#define _STUB_LINUX_KCONFIG_H

#define IS_ENABLED(option)	(option)

#endif /* _STUB_LINUX_KCONFIG_H */
