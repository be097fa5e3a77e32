// SPDX-License-Identifier: GPL-2.0
/*
 * Built-in part of the test_vmalloc_text module: functions that only this module may
 * call, such as the allocation of executable memory.
 *
 * They are as restricted as the tests permit. The text that they return is not writable at
 * its own address. No function writes to arbitrary addresses or returns the address of a symbol.
 */

#include <linux/cacheflush.h>
#include <linux/errno.h>
#include <linux/execmem.h>
#include <linux/export.h>
#include <linux/kallsyms.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/ptdump.h>
#include <linux/set_memory.h>
#include <linux/string.h>
#include <linux/text-patching.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <linux/vmalloc.h>

#if defined(CONFIG_ARM64) || defined(CONFIG_RISCV)
#include <asm/fixmap.h>
#endif

#include "../mm/execmem/pool.h"
#include "test_vmalloc_text.h"

/**
 * test_text_alloc - allocate pages of text that contain traps
 * @size: number of bytes, a multiple of the page size
 *
 * Return: the text, read-only and executable, or NULL.
 */
static void *test_text_alloc(size_t size)
{
	unsigned long addr;
	void *text;

	text = execmem_alloc(EXECMEM_BPF, size);
	if (!text)
		return NULL;

	addr = (unsigned long)text;
	memset32(text, TEXT_POKE_TRAP, size / sizeof(u32));
	flush_icache_range(addr, addr + size);
	set_vm_flush_reset_perms(text);
	if (set_memory_rox(addr, size >> PAGE_SHIFT)) {
		execmem_free(text);
		return NULL;
	}

	return text;
}

/**
 * test_text_check_wx - search for mappings that are writable and executable
 *
 * Return: 0 if there is none, -EFAULT if there is one, -EOPNOTSUPP without
 *	   CONFIG_DEBUG_WX.
 */
static int test_text_check_wx(void)
{
#ifdef CONFIG_DEBUG_WX
	return ptdump_check_wx() ? 0 : -EFAULT;
#else
	return -EOPNOTSUPP;
#endif
}

static bool is_test_text(void *addr)
{
	struct vm_struct *area = find_vm_area(addr);

	return area && (area->flags & VM_EXECMEM_TEXT);
}

/**
 * test_text_write - try to write text through its own address
 * @addr: address of a byte; the store writes its current value
 *
 * Return: -EFAULT if the store faulted, 0 if it succeeded, -EINVAL if @addr is not text.
 */
static int test_text_write(void *addr)
{
	u8 byte;

	if (!is_test_text(addr) || copy_from_kernel_nofault(&byte, addr, 1))
		return -EINVAL;

	return copy_to_kernel_nofault(addr, &byte, 1);
}

/* Check if the architecture's writable alias of text is mapped, by any writer. */
#if defined(CONFIG_X86)
static bool test_text_find_alias(void)
{
	spinlock_t *lock;	/* page table lock */
	bool found;
	pte_t *pte;

	/* Writers hold this lock while the alias exists. One table maps both pages. */
	pte = get_locked_pte(poking_mm, poking_addr, &lock);
	if (!pte)
		return false;
	found = !pte_none(ptep_get(pte)) || !pte_none(ptep_get(pte + 1));
	pte_unmap_unlock(pte, lock);
	return found;
}
#elif defined(CONFIG_ARM64) || defined(CONFIG_RISCV)
static bool is_mapped(unsigned long addr)
{
	u8 byte;

	return !copy_from_kernel_nofault(&byte, (void *)addr, 1);
}

static bool test_text_find_alias(void)
{
#ifdef CONFIG_RISCV
	if (is_mapped(fix_to_virt(FIX_TEXT_POKE1)))
		return true;
#endif
	return is_mapped(fix_to_virt(FIX_TEXT_POKE0));
}
#else
static bool test_text_find_alias(void)
{
	return false;
}
#endif

/**
 * test_text_call_locked - call a function with text_mutex held
 * @fn: the function
 * @arg: its argument
 */
static void test_text_call_locked(void (*fn)(void *arg), void *arg)
{
	guard(mutex)(&text_mutex);
	fn(arg);
}

#ifdef CONFIG_HAVE_TEXT_POKE
/* Check for an instruction that each CPU must execute in a round. */
static bool is_sync_insn(const u8 *code, unsigned int nr)
{
#if defined(CONFIG_X86_32)
	/* push %cs; push $address; iret */
	return code[0] == 0x0e && code[1] == 0x68 && code[6] == 0xcf;
#elif defined(CONFIG_X86)
	static const u8 iretq[] = { 0x48, 0xcf };
	static const u8 serialize[] = { 0x0f, 0x01, 0xe8 };

	return !memcmp(code, iretq, sizeof(iretq)) ||
	       !memcmp(code, serialize, sizeof(serialize));
#elif defined(CONFIG_ARM64)
	return get_unaligned_le32(code) == 0xd5033fdf;		/* isb */
#elif defined(CONFIG_RISCV)
	if (!nr)
		return get_unaligned_le32(code) == 0x0000100f;	/* fence.i */
	/* sfence.vma with an address, for the alias */
	return (get_unaligned_le32(code) & 0xfff07fff) == 0x12000073;
#elif defined(CONFIG_PPC)
	return *(const u32 *)code == 0x4c00012c;		/* isync */
#elif defined(CONFIG_S390)
	return (get_unaligned_be16(code) | 0x10) == 0x07f0;	/* bcr 14 or 15, 0 */
#else
	return false;
#endif
}

/* Number of different instructions that is_sync_insn() checks. */
#define NR_SYNC_INSNS	(1 + IS_ENABLED(CONFIG_RISCV))

static bool has_sync_insn(const u8 *code, unsigned long size, unsigned int nr)
{
	unsigned long i;

	for (i = 0; i + sizeof(u32) <= size; i += TEXT_POKE_ALIGN)
		if (is_sync_insn(code + i, nr))
			return true;

	return false;
}
#endif

/**
 * test_text_find_sync_insn - search for the instructions that synchronise a CPU
 *
 * Emulated CPUs have coherent instruction fetches. No test that executes code on an
 * emulator would notice a missing synchronising instruction.
 *
 * Return: 0 if all are present, -ENOENT if one is missing, -EOPNOTSUPP if the function
 *	   or its size is unknown.
 */
static int test_text_find_sync_insn(void)
{
#ifdef CONFIG_HAVE_TEXT_POKE
	unsigned long code, size, offset;
	unsigned int nr;

	/* On riscv, text_poke_sync_this_cpu() calls this function. */
	code = kallsyms_lookup_name(IS_ENABLED(CONFIG_RISCV) ? "patch_sync_hart" :
				    "text_poke_sync_this_cpu");
	if (!code || !kallsyms_lookup_size_offset(code, &size, &offset))
		return -EOPNOTSUPP;

	for (nr = 0; nr < NR_SYNC_INSNS; nr++)
		if (!has_sync_insn((void *)code, size, nr))
			return -ENOENT;

	return 0;
#else
	return -EOPNOTSUPP;
#endif
}

/* Wait for retired text and release empty packs. */
static void test_text_slab_flush(void)
{
	execmem_retire_barrier();
	execmem_drop_empty();
	execmem_flush_packs();
}

const struct test_text_ops test_text = {
	.alloc		= test_text_alloc,
	.free		= execmem_free,
	.check_wx	= test_text_check_wx,
	.write		= test_text_write,
	.find_alias	= test_text_find_alias,
	.call_locked	= test_text_call_locked,
	.find_sync_insn	= test_text_find_sync_insn,

	.poke_copy	= text_poke_copy,
	.poke_set	= text_poke_set,
	.poke_sync	= text_poke_sync,

	.slab_alloc	= execmem_text_alloc,
	.slab_copy	= execmem_text_copy,
	.slab_size	= execmem_text_size,
	.slab_retire	= execmem_retire,
	.slab_barrier	= execmem_retire_barrier,
	.slab_stats	= execmem_get_stats,
	.slab_flush	= test_text_slab_flush,
};
EXPORT_SYMBOL_NS_GPL(test_text, TEST_VMALLOC_TEXT);
