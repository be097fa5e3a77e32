// SPDX-License-Identifier: GPL-2.0
/*
 * Encode functions that unpack records for x86-64, see <linux/record_emit.h>.
 *
 * The code uses the argument registers (rdi: dst, rsi: src, rdx: consts, ecx: slot) and
 * rax, which computes each field. rcx also holds the second half of a pair: an unpack
 * function ignores its slot. 32-bit operations on these registers need no REX prefix. r8
 * and r9 hold parts of the result until the rest of their u64 is computed. All of them are
 * caller-saved.
 *
 * The result is stored in whole u64s: callers copy it in u64s, and a load that spans several
 * preceding stores waits for them.
 *
 * Functions are reached by a static call and direct jumps, never through a pointer. They
 * have no ENDBR, so an indirect branch to them faults under IBT, and no kCFI or FineIBT
 * preamble.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/limits.h>
#include <linux/record_emit.h>

#include <asm/alternative.h>
#include <asm/nospec-branch.h>

enum { AX = 0, CX = 1, DX = 2, SI = 6, DI = 7, R8 = 8, R9 = 9 };

/* Opcodes. Two-byte opcodes begin with 0f. */
enum {
	ADD_LOAD	= 0x03,
	OR_RM		= 0x09,
	XOR_RM		= 0x31,
	STORE		= 0x89,
	LOAD		= 0x8b,
	JMP		= 0xe9,
	JAE		= 0x0f83,
	MOVZX_8		= 0x0fb6,
	MOVZX_16	= 0x0fb7,
};

/* Opcode extensions in the reg field of ModRM, for instructions with one register. */
enum { SHL = 4, SHR = 5, AND = 4, CMP = 7 };

bool arch_record_any_byte(void)
{
	return true;
}

static void put_byte(struct record_code *c, u8 byte)
{
	record_put(c, &byte, sizeof(byte));
}

static void put_imm32(struct record_code *c, u32 imm)
{
	record_put(c, &imm, sizeof(imm));
}

static void put_opcode(struct record_code *c, bool wide, unsigned int opcode)
{
	if (wide)
		put_byte(c, 0x48);
	if (opcode > 0xff)
		put_byte(c, opcode >> 8);
	put_byte(c, opcode);
}

static void put_mem(struct record_code *c, bool wide, unsigned int opcode, u8 reg, u8 base,
		    unsigned int disp)
{
	u8 mod = !disp ? 0 : disp < 128 ? 1 : 2;

	put_opcode(c, wide, opcode);
	put_byte(c, mod << 6 | reg << 3 | base);
	if (mod == 1)
		put_byte(c, disp);
	if (mod == 2)
		put_imm32(c, disp);
}

static void put_reg(struct record_code *c, bool wide, unsigned int opcode, u8 reg, u8 rm)
{
	put_opcode(c, wide, opcode);
	put_byte(c, 3 << 6 | reg << 3 | rm);
}

/* An instruction with two 64-bit registers, which may be r8 and r9. */
static void put_regs(struct record_code *c, u8 opcode, u8 reg, u8 rm)
{
	put_byte(c, 0x48 | reg >> 3 << 2 | rm >> 3);
	put_byte(c, opcode);
	put_byte(c, 3 << 6 | (reg & 7) << 3 | (rm & 7));
}

static void put_shift(struct record_code *c, bool wide, u8 how, u8 reg, u8 by)
{
	if (!by)
		return;
	put_reg(c, wide, 0xc1, how, reg);
	put_byte(c, by);
}

/* Check the reach only when the instruction is written: while counting, @ip is not valid. */
static int put_jump(struct record_code *c, unsigned int opcode, const void *to)
{
	size_t end = c->pos + (opcode > 0xff ? 6 : 5);
	long rel = (unsigned long)to - ((unsigned long)c->ip + end);

	if (end <= c->len && rel != (s32)rel)
		return -ERANGE;
	put_opcode(c, false, opcode);
	put_imm32(c, rel);
	return 0;
}

static int put_return(struct record_code *c)
{
	if (cpu_wants_rethunk())
		return put_jump(c, JMP, x86_return_thunk);

	put_byte(c, 0xc3);
	if (IS_ENABLED(CONFIG_MITIGATION_SLS))
		put_byte(c, 0xcc);
	return 0;
}

static void put_header(struct record_code *c, const struct record_header *h)
{
	put_mem(c, false, LOAD, AX, SI, 0);
	if (h->keep != U32_MAX) {
		put_byte(c, 0x25);		/* and eax, imm32 */
		put_imm32(c, h->keep);
	}
	if (h->set) {
		put_byte(c, 0x0d);		/* or eax, imm32 */
		put_imm32(c, h->set);
	}
	if (h->add) {
		put_byte(c, 0x04);		/* add al, imm8 */
		put_byte(c, h->add);
	}
}

static void put_load(struct record_code *c, const struct record_step *step)
{
	static const u16 opcodes[] = { [1] = MOVZX_8, [2] = MOVZX_16, [4] = LOAD, [8] = LOAD };

	put_mem(c, step->size == 8, opcodes[step->size], AX, SI, step->src);
}

/* Whether a right shift and a mask of eax are no longer than a left and a right shift. */
static bool can_mask(const struct record_step *step)
{
	return step->bits <= 8 || step->bits == 16 || step->bits == 32 ||
	       (!step->lsb && step->bits < 32);
}

static void put_mask(struct record_code *c, const struct record_step *step)
{
	if (step->bits < 8) {
		put_reg(c, false, 0x83, AND, AX);
		put_byte(c, GENMASK(step->bits - 1, 0));
	} else if (step->bits == 8) {
		put_reg(c, false, MOVZX_8, AX, AX);
	} else if (step->bits == 16) {
		put_reg(c, false, MOVZX_16, AX, AX);
	} else if (step->bits < 32) {
		put_byte(c, 0x25);		/* and eax, imm32 */
		put_imm32(c, GENMASK(step->bits - 1, 0));
	} else {
		put_reg(c, false, LOAD, AX, AX);
	}
}

/* Loads zero-extend, so the register is 0 above the loaded bytes. */
static void put_extract(struct record_code *c, const struct record_step *step)
{
	unsigned int end = step->lsb + step->bits;
	bool wide = step->size == 8;
	unsigned int reg_bits = wide ? 64 : 32;

	if (end == step->size * 8) {
		put_shift(c, wide, SHR, AX, step->lsb);
	} else if (can_mask(step)) {
		put_shift(c, wide, SHR, AX, step->lsb);
		put_mask(c, step);
	} else {
		put_shift(c, wide, SHL, AX, reg_bits - end);
		put_shift(c, wide, SHR, AX, reg_bits - step->bits);
	}
}

/* SHRD is slow on some processors, and these shifts also mask the field. */
static void put_pair(struct record_code *c, const struct record_step *step)
{
	put_mem(c, true, LOAD, AX, SI, step->src);
	put_mem(c, true, LOAD, CX, SI, step->src + 8);
	put_shift(c, true, SHR, AX, step->lsb);
	put_shift(c, true, SHL, CX, 128 - step->lsb - step->bits);
	put_shift(c, true, SHR, CX, 64 - step->bits);
	put_reg(c, true, OR_RM, CX, AX);
}

/* Compute a field in rax. Bits that exceed its size in the result are 0. */
static void put_field(struct record_code *c, const struct record_step *step, unsigned int consts)
{
	bool wide = step->dst_size == 8;

	consts += step->field * 8;
	if (step->op == RECORD_CONST) {
		put_mem(c, wide, LOAD, AX, DX, consts);
	} else if (step->op == RECORD_PAIR) {
		put_pair(c, step);
	} else {
		put_load(c, step);
		put_extract(c, step);
	}
	if (step->op != RECORD_CONST && step->add)
		put_mem(c, wide, ADD_LOAD, AX, DX, consts);
}

/* Compute the high half of a u64 of the result. If the field continues, keep it in r8. */
static void put_high(struct record_code *c, const struct record_step *step, unsigned int consts)
{
	put_field(c, step, consts);
	if (step->dst_size == 8)
		put_regs(c, STORE, AX, R8);
	put_shift(c, true, SHL, AX, 32);
}

/* Compute the low half of the u64 at @dst. A field that begins before it is in r8. */
static void put_low(struct record_code *c, const struct record_prog *prog, unsigned int dst)
{
	const struct record_step *step = record_step_at(prog, dst);

	if (!dst && prog->shape.header.present) {
		put_header(c, &prog->shape.header);
	} else if (step->dst != dst) {
		put_regs(c, STORE, R8, AX);
		put_shift(c, true, SHR, AX, 32);
	} else {
		put_field(c, step, prog->shape.consts);
	}
}

/* Compute the u64 at @dst of the result in rax. Return false if it is 0. */
static bool put_word(struct record_code *c, const struct record_prog *prog, unsigned int dst)
{
	const struct record_step *low = record_step_at(prog, dst);
	const struct record_step *high = record_step_at(prog, dst + 4);
	bool has_low = low || (!dst && prog->shape.header.present);

	if (low && low == high) {
		put_field(c, low, prog->shape.consts);
		return true;
	}

	if (has_low)
		put_low(c, prog, dst);
	if (has_low && high)
		put_regs(c, STORE, AX, R9);
	if (high)
		put_high(c, high, prog->shape.consts);
	if (has_low && high)
		put_regs(c, OR_RM, R9, AX);

	return has_low || high;
}

int arch_record_emit(struct record_code *c, const struct record_prog *prog)
{
	unsigned int dst;
	u32 zeros = 0;

	for (dst = 0; dst < prog->shape.dst_size; dst += 8)
		if (put_word(c, prog, dst))
			put_mem(c, true, STORE, AX, DI, dst);
		else
			zeros |= BIT(dst / 8);

	/* Last, from one zeroed register. */
	if (zeros)
		put_reg(c, false, XOR_RM, AX, AX);
	for (dst = 0; dst < prog->shape.dst_size; dst += 8)
		if (zeros & BIT(dst / 8))
			put_mem(c, true, STORE, AX, DI, dst);

	return put_return(c);
}

struct slots {
	const record_unpack_t	*target;
	record_unpack_t		other;
};

/* Skip @bytes of code if ecx is not below @slot. RECORD_MAX_CODE limits slots to 7 bits. */
static void put_skip(struct record_code *c, unsigned int slot, size_t bytes)
{
	put_reg(c, false, 0x83, CMP, CX);
	put_byte(c, slot);

	if (bytes < 128) {
		put_byte(c, 0x73);
		put_byte(c, bytes);
	} else {
		put_opcode(c, false, JAE);
		put_imm32(c, bytes);
	}
}

/* Encode a binary search of @nr slots from @first on. ecx is known to be one of them. */
static int put_slots(struct record_code *c, const struct slots *s, unsigned int first,
		     unsigned int nr)
{
	struct record_code below = {};
	unsigned int half = nr / 2;
	int err;

	if (nr < 2)
		return put_jump(c, JMP, s->target[first] ?: s->other);

	put_slots(&below, s, first, half);
	put_skip(c, first + half, below.pos);
	err = put_slots(c, s, first, half);
	return err ?: put_slots(c, s, first + half, nr - half);
}

int arch_record_emit_select(struct record_code *c, const record_unpack_t *target,
			    unsigned int nr, record_unpack_t other)
{
	return put_slots(c, &(struct slots) { target, other }, 0, nr);
}
