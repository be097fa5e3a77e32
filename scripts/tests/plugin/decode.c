// SPDX-License-Identifier: GPL-2.0
/*
 * Which instructions scripts/lib/compare_plugin.c takes for flushes of a TLB, and which
 * functions it counts.
 */
#define PLUGIN_VERSION 1
#include "../../lib/compare_plugin.c"

#define NONE NULL

static const struct {
	const char *what;
	unsigned long *(*flushes)(const uint8_t *bytes);
	uint8_t bytes[20];
	unsigned long *counter;
} cases[] = {
	{ "invlpg (%rdi)", flushes_x86_64, { 0x0f, 0x01, 0x3f }, &flushed_pages },
	{ "invlpg 8(%r9)", flushes_x86_64, { 0x41, 0x0f, 0x01, 0x79, 0x08 }, &flushed_pages },
	{ "swapgs", flushes_x86_64, { 0x0f, 0x01, 0xf8 }, NONE },
	{ "lgdt (%rdi)", flushes_x86_64, { 0x0f, 0x01, 0x17 }, NONE },
	{ "invpcid (%rsp), %rax", flushes_x86_64, { 0x66, 0x0f, 0x38, 0x82, 0x04, 0x24 },
	  &flushed_all },
	{ "mov %rax, %cr4", flushes_x86_64, { 0x0f, 0x22, 0xe0 }, &cr4_writes },
	{ "mov %r9, %cr4", flushes_x86_64, { 0x41, 0x0f, 0x22, 0xe1 }, &cr4_writes },
	{ "mov %rax, %cr3", flushes_x86_64, { 0x0f, 0x22, 0xd8 }, NONE },
	{ "mov %cr4, %rax", flushes_x86_64, { 0x0f, 0x20, 0xe0 }, NONE },
	{ "nop", flushes_x86_64, { 0x90 }, NONE },
	{ "invlpg (%edi)", flushes_i386, { 0x0f, 0x01, 0x3f }, &flushed_pages },
	{ "inc %edi", flushes_i386, { 0x47, 0x0f, 0x22, 0xe0 }, NONE },
	{ "mov %eax, %cr4", flushes_i386, { 0x0f, 0x22, 0xe0 }, &cr4_writes },
	{ "tlbi vmalle1is", flushes_arm64, { 0x1f, 0x83, 0x08, 0xd5 }, &flushed_all },
	{ "tlbi aside1is, x0", flushes_arm64, { 0x40, 0x83, 0x08, 0xd5 }, &flushed_all },
	{ "tlbi vaale1is, x1", flushes_arm64, { 0xe1, 0x83, 0x08, 0xd5 }, &flushed_pages },
	{ "tlbi vae1, x3", flushes_arm64, { 0x23, 0x87, 0x08, 0xd5 }, &flushed_pages },
	{ "ic ialluis", flushes_arm64, { 0x1f, 0x71, 0x08, 0xd5 }, NONE },
	{ "dc cvau, x0", flushes_arm64, { 0x20, 0x7b, 0x0b, 0xd5 }, NONE },
	{ "isb", flushes_arm64, { 0xdf, 0x3f, 0x03, 0xd5 }, NONE },
	{ "sfence.vma", flushes_riscv, { 0x73, 0x00, 0x00, 0x12 }, &flushed_all },
	{ "sfence.vma zero, a1", flushes_riscv, { 0x73, 0x00, 0xb0, 0x12 }, &flushed_all },
	{ "sfence.vma a0", flushes_riscv, { 0x73, 0x00, 0x05, 0x12 }, &flushed_pages },
	{ "sinval.vma a0, a1", flushes_riscv, { 0x73, 0x00, 0xb5, 0x16 }, &flushed_pages },
	{ "fence.i", flushes_riscv, { 0x0f, 0x10, 0x00, 0x00 }, NONE },
	{ "wfi", flushes_riscv, { 0x73, 0x00, 0x50, 0x10 }, NONE },
	{ "c.nop", flushes_riscv, { 0x01, 0x00 }, NONE },
	{ "tlbie r3, r4, 0, 1, 1", flushes_powerpc, { 0x64, 0x1a, 0x83, 0x7c }, &flushed_pages },
	{ "tlbie r3, r4, 2, 1, 1", flushes_powerpc, { 0x64, 0x1a, 0x8b, 0x7c }, &flushed_all },
	{ "tlbiel r3, r4, 0, 1, 1", flushes_powerpc, { 0x24, 0x1a, 0x83, 0x7c }, &flushed_pages },
	{ "sync", flushes_powerpc, { 0xac, 0x04, 0x00, 0x7c }, NONE },
	{ "icbi 0, r3", flushes_powerpc, { 0xac, 0x1f, 0x00, 0x7c }, NONE },
	{ "slbie r3", flushes_powerpc, { 0x64, 0x1b, 0x00, 0x7c }, NONE },
	{ "ipte %r1, %r2, %r3", flushes_s390, { 0xb2, 0x21, 0x30, 0x12 }, &flushed_pages },
	{ "ptlb", flushes_s390, { 0xb2, 0x0d }, &flushed_all },
	{ "csp %r2, %r4", flushes_s390, { 0xb2, 0x50, 0x00, 0x24 }, &flushed_all },
	{ "cspg %r2, %r4", flushes_s390, { 0xb9, 0x8a, 0x00, 0x24 }, &flushed_all },
	{ "idte %r1, %r2, %r3", flushes_s390, { 0xb9, 0x8e, 0x20, 0x13 }, &flushed_all },
	{ "crdte %r1, %r2, %r3", flushes_s390, { 0xb9, 0x8f, 0x20, 0x13 }, &flushed_all },
	{ "ipk", flushes_s390, { 0xb2, 0x0b }, NONE },
	{ "bcr 15, 0", flushes_s390, { 0x07, 0xf0 }, NONE },
};

#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

struct qemu_plugin_insn {
	uint64_t address;
};

uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn)
{
	return insn->address;
}

/* Execute it at once. */
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
		void (*cb)(unsigned int vcpu, void *data), enum qemu_plugin_cb_flags flags,
		void *data)
{
	(void)insn;
	(void)flags;
	cb(0, data);
}

static bool counts_functions(void)
{
	struct qemu_plugin_insn insns[] = { { 0x2000 }, { 0x1000 }, { 0x1004 }, { 0x2000 } };

	functions[0] = 0x1000;
	functions[1] = 0x2000;
	nr_functions = 2;
	for (size_t i = 0; i < sizeof(insns) / sizeof(insns[0]); i++)
		look_for_function(&insns[i]);
	return calls == 3;
}

int main(void)
{
	size_t i, bad = !counts_functions();

	printf("TAP version 13\n1..%zu\n", NR_CASES + 1);
	printf("%sok %zu - counted functions\n", bad ? "not " : "", NR_CASES + 1);
	for (i = 0; i < NR_CASES; i++) {
		int ok = cases[i].flushes(cases[i].bytes) == cases[i].counter;

		printf("%sok %zu - %s\n", ok ? "" : "not ", i + 1, cases[i].what);
		bad += !ok;
	}
	return !!bad;
}
