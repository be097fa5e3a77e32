/* SPDX-License-Identifier: GPL-2.0 */
#define DECLARE_PER_CPU(type, name)	extern type name
#define DEFINE_PER_CPU(type, name)	type name
#define raw_cpu_ptr(ptr)		(ptr)
