/* SPDX-License-Identifier: GPL-2.0 */
/* Empty: without CONFIG_BCACHEFS_UNPACK_JIT, bkey_code.h uses no static calls. */
