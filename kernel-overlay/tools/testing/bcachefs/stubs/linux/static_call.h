/* SPDX-License-Identifier: GPL-2.0 */
/* For benchmarks: a direct call, as on x86. */
#define DECLARE_STATIC_CALL(name, func)	extern typeof(func) name
#define static_call(name)		(name)
