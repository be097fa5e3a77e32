/* SPDX-License-Identifier: GPL-2.0 */
#include_next <linux/export.h>

#undef EXPORT_SYMBOL_NS_GPL
#define EXPORT_SYMBOL_NS_GPL(sym, ns)
