// SPDX-License-Identifier: GPL-2.0
/*
 * Encode functions that unpack records for 64-bit RISC-V, see <linux/record_emit.h>.
 *
 * Many cores are in-order, so all loads come first: each u64 of the record into a separate
 * register, and each constant into the register of its field. A field that straddles two
 * u64s is the sum of its two parts. All loads and stores are aligned.
 */
#include <linux/bits.h>
#include <linux/cfi.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/record_emit.h>
#include <linux/types.h>

/* All of them are caller-saved; RA is only read. */
enum {
	ZERO	= 0,
	RA	= 1,
	T0	= 5,
	T1	= 6,
	T2	= 7,
	DST	= 10,	/* a0 */
	SRC	= 11,	/* a1 */
	TMP	= SRC,	/* once the record is loaded */
	CONSTS	= 12,	/* a2 */
	WORD	= 13,	/* a3 to a7 */
	T3	= 28,
	T4	= 29,
	T5	= 30,
	T6	= 31,
};

/* The last field may overwrite CONSTS: its constant is loaded last. */
static const u8 field_reg[RECORD_MAX_FIELDS] = { T0, T1, T2, T3, T4, T5, T6, CONSTS };

#define WORD_BITS	64

bool arch_record_any_byte(void)
{
	return false;
}

static void emit(struct record_code *c, u32 insn)
{
	record_put(c, &insn, sizeof(insn));
}

/* Instruction formats. @op is the instruction with all operands 0. */
static void emit_r(struct record_code *c, u32 op, u32 rd, u32 rs1, u32 rs2)
{
	emit(c, op | rs2 << 20 | rs1 << 15 | rd << 7);
}

static void emit_i(struct record_code *c, u32 op, u32 rd, u32 rs1, u32 imm)
{
	emit(c, op | imm << 20 | rs1 << 15 | rd << 7);
}

static void emit_s(struct record_code *c, u32 op, u32 rs1, u32 rs2, u32 imm)
{
	emit(c, op | (imm >> 5 & 0x7f) << 25 | rs2 << 20 | rs1 << 15 | (imm & 0x1f) << 7);
}

#define OP_LD		0x00003003
#define OP_SW		0x00002023
#define OP_SD		0x00003023
#define OP_ADDI		0x00000013
#define OP_ORI		0x00006013
#define OP_ANDI		0x00007013
#define OP_SLLI		0x00001013
#define OP_SRLI		0x00005013
#define OP_SRLIW	0x0000501b
#define OP_LUI		0x00000037
#define OP_JALR		0x00000067
#define OP_ADD		0x00000033
#define OP_XOR		0x00004033
#define OP_OR		0x00006033
#define OP_AND		0x00007033

/* With kCFI, the compiler places the hash of the function's type before the function. */
static void record_unpack_type(void *dst, const void *src, const void *consts, unsigned int slot)
{
}

static void emit_type(struct record_code *c)
{
	record_unpack_t fn = record_unpack_type;

	if (IS_ENABLED(CONFIG_CFI) || IS_ENABLED(CONFIG_CFI_CLANG))
		emit(c, cfi_get_func_hash(fn));
}

static void emit_loads(struct record_code *c, const struct record_prog *prog)
{
	unsigned int i;

	for (i = 0; i < prog->shape.u64s; i++)
		if (prog->words & BIT(i) || (!i && prog->shape.header.present))
			emit_i(c, OP_LD, WORD + i, SRC, i * sizeof(u64));

	for (i = 0; i < prog->nr; i++)
		if (prog->step[i].add)
			emit_i(c, OP_LD, field_reg[i], CONSTS,
			       prog->shape.consts + i * sizeof(u64));
}

/* Extract @bits bits from bit @lsb on, zero-extended. */
static void emit_extract(struct record_code *c, u32 rd, u32 rs, unsigned int lsb,
			 unsigned int bits)
{
	if (lsb + bits == WORD_BITS) {
		emit_i(c, OP_SRLI, rd, rs, lsb);
	} else if (lsb && lsb + bits == 32) {
		emit_i(c, OP_SRLIW, rd, rs, lsb);
	} else if (!lsb && bits < 12) {
		emit_i(c, OP_ANDI, rd, rs, BIT(bits) - 1);
	} else {
		emit_i(c, OP_SLLI, rd, rs, WORD_BITS - lsb - bits);
		emit_i(c, OP_SRLI, rd, rd, WORD_BITS - bits);
	}
}

/* Whether the store drops the bits above the field. */
static bool to_top(const struct record_step *step)
{
	return step->bits == step->dst_size * 8;
}

/*
 * Extract a field, or the low part of a pair, into @rd. Return the register that holds it:
 * this is the loaded word itself if the field needs no instruction.
 */
static u32 emit_low(struct record_code *c, const struct record_step *step, u32 rd)
{
	u32 rs = WORD + step->src / sizeof(u64);

	if (step->op == RECORD_LOAD && to_top(step) && !step->lsb)
		return rs;
	if (step->op == RECORD_PAIR || to_top(step))
		emit_i(c, OP_SRLI, rd, rs, step->lsb);
	else
		emit_extract(c, rd, rs, step->lsb, step->bits);
	return rd;
}

/* Extract the high part of a pair, shifted to its place in the field. */
static void emit_high(struct record_code *c, const struct record_step *step, u32 rd)
{
	u32 rs = WORD + step->src / sizeof(u64) + 1;
	unsigned int low_bits = WORD_BITS - step->lsb;

	if (to_top(step)) {
		emit_i(c, OP_SLLI, rd, rs, low_bits);
	} else {
		emit_i(c, OP_SLLI, rd, rs, WORD_BITS - (step->bits - low_bits));
		emit_i(c, OP_SRLI, rd, rd, WORD_BITS - step->bits);
	}
}

/* Extract a field and add its constant. Return the register to store. */
static u32 emit_field(struct record_code *c, const struct record_step *step)
{
	u32 rd = field_reg[step->field], rs;

	if (step->op == RECORD_ZERO)
		return ZERO;
	if (step->op == RECORD_CONST)
		return rd;

	rs = emit_low(c, step, step->add ? TMP : rd);
	if (step->add)
		emit_r(c, OP_ADD, rd, rd, rs);
	else
		rd = rs;

	if (step->op == RECORD_PAIR) {
		emit_high(c, step, TMP);
		emit_r(c, OP_ADD, rd, rd, TMP);
	}
	return rd;
}

/* Store 4 bytes of the result: half of the field of @step, or 0 without a step. */
static void emit_half(struct record_code *c, const struct record_step *step, const u32 *reg,
		      unsigned int dst)
{
	u32 rs = step ? reg[step->field] : ZERO;

	if (step && step->dst != dst) {
		emit_i(c, OP_SRLI, TMP, rs, 32);
		rs = TMP;
	}
	emit_s(c, OP_SW, DST, rs, dst);
}

/*
 * Store a u64 of the result, but not the header. To join two fields in a register would take
 * more instructions than two stores.
 */
static void emit_store(struct record_code *c, const struct record_prog *prog, const u32 *reg,
		       unsigned int dst)
{
	const struct record_step *low = record_step_at(prog, dst);
	const struct record_step *high = record_step_at(prog, dst + 4);
	bool header = !dst && prog->shape.header.present;

	if (low == high && !header) {
		emit_s(c, OP_SD, DST, low ? reg[low->field] : ZERO, dst);
		return;
	}
	if (!header)
		emit_half(c, low, reg, dst);
	emit_half(c, high, reg, dst + 4);
}

/* AND or OR of a constant, through CONSTS if it does not fit in the immediate. */
static void emit_logic(struct record_code *c, u32 op_i, u32 op_r, u32 rd, u32 rs, u32 imm)
{
	s32 simm = imm;

	if (simm >= -2048 && simm < 2048) {
		emit_i(c, op_i, rd, rs, imm);
		return;
	}

	/* ADDI sign-extends: 0x800 compensates. Bits above 31 do not matter, SW drops them. */
	emit(c, OP_LUI | ((imm + 0x800) & 0xfffff000) | CONSTS << 7);
	emit_i(c, OP_ADDI, CONSTS, CONSTS, imm);
	emit_r(c, op_r, rd, rs, CONSTS);
}

/*
 * Add to the lowest byte only. If bit 8 is known to be 0, it absorbs the carry and a plain
 * addition is enough: emit_header() then sets bit 8 afterwards.
 */
static void emit_add_byte(struct record_code *c, u32 rd, unsigned int add, bool bit8_is_0)
{
	if (bit8_is_0) {
		emit_i(c, OP_ADDI, rd, rd, add);
		return;
	}
	emit_i(c, OP_ADDI, CONSTS, rd, add);
	emit_r(c, OP_XOR, CONSTS, CONSTS, rd);
	emit_i(c, OP_ANDI, CONSTS, CONSTS, 0xff);
	emit_r(c, OP_XOR, rd, rd, CONSTS);
}

static void emit_header(struct record_code *c, const struct record_header *h)
{
	/* If the header sets bit 8, clear it first and set it last, see emit_add_byte(). */
	u32 carry = h->set & BIT(8), keep = h->keep & ~carry, set = h->set & ~carry;

	emit_logic(c, OP_ANDI, OP_AND, TMP, WORD, keep);
	if (set)
		emit_logic(c, OP_ORI, OP_OR, TMP, TMP, set);
	if (h->add)
		emit_add_byte(c, TMP, h->add, carry);
	if (carry)
		emit_i(c, OP_ORI, TMP, TMP, carry);
	emit_s(c, OP_SW, DST, TMP, 0);
}

int arch_record_emit(struct record_code *c, const struct record_prog *prog)
{
	u32 reg[RECORD_MAX_FIELDS];
	unsigned int i;

	emit_type(c);
	c->entry = c->pos;

	emit_loads(c, prog);
	for (i = 0; i < prog->nr; i++)
		reg[i] = emit_field(c, &prog->step[i]);
	for (i = 0; i < prog->shape.dst_size; i += sizeof(u64))
		emit_store(c, prog, reg, i);
	/* Last, because it overwrites TMP and CONSTS. */
	if (prog->shape.header.present)
		emit_header(c, &prog->shape.header);

	emit_i(c, OP_JALR, ZERO, RA, 0);
	return 0;
}

/* riscv has no static calls. */
int arch_record_emit_select(struct record_code *c, const record_unpack_t *target,
			    unsigned int nr, record_unpack_t other)
{
	return -EOPNOTSUPP;
}
