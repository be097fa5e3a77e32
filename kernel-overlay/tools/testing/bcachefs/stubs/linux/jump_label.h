/* SPDX-License-Identifier: GPL-2.0 */
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define static_branch_unlikely(key)	false
