/* SPDX-License-Identifier: GPL-2.0 */
typedef struct { unsigned char b[16]; } __uuid_t;
