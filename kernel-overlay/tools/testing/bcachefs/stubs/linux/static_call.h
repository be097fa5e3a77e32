/* SPDX-License-Identifier: GPL-2.0 */
/* There is no generated code in the header that is tested: no CONFIG_BCACHEFS_UNPACK_JIT. */
