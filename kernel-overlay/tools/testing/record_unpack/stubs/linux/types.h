/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _STUB_LINUX_TYPES_H
#define _STUB_LINUX_TYPES_H

#include_next <linux/types.h>

struct rcu_head {
	void	*next;
};

#endif /* _STUB_LINUX_TYPES_H */
