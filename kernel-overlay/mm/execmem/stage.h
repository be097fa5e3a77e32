/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _MM_EXECMEM_STAGE_H
#define _MM_EXECMEM_STAGE_H

void execmem_stage_drop(const void *text);

#endif /* _MM_EXECMEM_STAGE_H */
