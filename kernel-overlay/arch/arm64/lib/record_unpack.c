// SPDX-License-Identifier: GPL-2.0
/*
 * Encode functions that unpack records for arm64, see <linux/record_emit.h>.
 *
 * The code first loads each u64 of the record into a separate register, and each constant
 * into the register of its field. It then extracts the fields, adds the constants, computes
 * the header, and stores the result in whole u64s: callers copy it in u64s, and a load that
 * spans several preceding stores waits for them. LDP and STP access adjacent u64s of the
 * record, adjacent constants and adjacent u64s of the result.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kconfig.h>
#include <linux/record_emit.h>
#include <linux/types.h>

#include <asm/byteorder.h>
#include <asm/insn.h>

/* All of them are caller-saved. x18 is not used: it may hold the shadow call stack. */
#define DST	AARCH64_INSN_REG_0
#define SRC	AARCH64_INSN_REG_1
#define CONSTS	AARCH64_INSN_REG_2
#define WORD	AARCH64_INSN_REG_3	/* x3 to x7 */
#define FIELD	AARCH64_INSN_REG_8	/* x8 to x15 */
#define TMP	AARCH64_INSN_REG_16
#define HEADER	AARCH64_INSN_REG_17

#define WORD_BITS	64

bool arch_record_any_byte(void)
{
	return false;
}

static void emit(struct record_code *c, u32 insn)
{
	__le32 le = cpu_to_le32(insn);

	record_put(c, &le, sizeof(le));
}

/* With kCFI, the compiler places the hash of the function's type before the function. */
static void record_unpack_type(void *dst, const void *src, const void *consts, unsigned int slot)
{
}

static void emit_type(struct record_code *c)
{
	record_unpack_t fn = record_unpack_type;

	if (IS_ENABLED(CONFIG_CFI) || IS_ENABLED(CONFIG_CFI_CLANG))
		emit(c, *(const u32 *)((unsigned long)fn - sizeof(u32)));
}

/* LDP or STP of two 64-bit registers, without writeback. */
static void emit_pair(struct record_code *c, u32 insn, unsigned int reg, unsigned int reg2,
		      unsigned int base, unsigned int off)
{
	insn |= BIT(31) | reg2 << 10 | base << 5 | reg;
	emit(c, aarch64_insn_encode_immediate(AARCH64_INSN_IMM_7, insn, off / sizeof(u64)));
}

/* Load the u64s in mask @set into consecutive registers, the first of which is @reg. */
static void emit_loads(struct record_code *c, unsigned int set, unsigned int reg,
		       unsigned int base, unsigned int off)
{
	for (; set; set >>= 1, reg++, off += sizeof(u64)) {
		if ((set & 3) == 3) {
			emit_pair(c, aarch64_insn_get_ldp_value(), reg, reg + 1, base, off);
			set &= ~3;
		} else if (set & 1) {
			emit(c, aarch64_insn_gen_load_store_imm(reg, base, off,
								AARCH64_INSN_SIZE_64,
								AARCH64_INSN_LDST_LOAD_IMM_OFFSET));
		}
	}
}

/* UBFX: extract @bits bits from bit @lsb on. */
static void emit_ubfx(struct record_code *c, unsigned int rd, unsigned int rn, unsigned int lsb,
		      unsigned int bits)
{
	emit(c, aarch64_insn_gen_bitfield(rd, rn, lsb, lsb + bits - 1,
					  AARCH64_INSN_VARIANT_64BIT,
					  AARCH64_INSN_BITFIELD_MOVE_UNSIGNED));
}

/* BFI: insert the lowest @bits bits of @rn into @rd at bit @to. */
static void emit_bfi(struct record_code *c, unsigned int rd, unsigned int rn, unsigned int to,
		     unsigned int bits)
{
	emit(c, aarch64_insn_gen_bitfield(rd, rn, (WORD_BITS - to) % WORD_BITS, bits - 1,
					  AARCH64_INSN_VARIANT_64BIT,
					  AARCH64_INSN_BITFIELD_MOVE));
}

/*
 * Extract a field into @rd. Return the register that holds it: this is the loaded word
 * itself if the field needs no instruction.
 */
static unsigned int emit_get(struct record_code *c, const struct record_step *step,
			     unsigned int rd)
{
	unsigned int rn = WORD + step->src / sizeof(u64);
	unsigned int low_bits = WORD_BITS - step->lsb;
	/* The store drops the bits above a field of this width. */
	bool to_top = step->bits == step->dst_size * 8;

	if (step->op == RECORD_PAIR && to_top) {
		emit(c, aarch64_insn_gen_extr(AARCH64_INSN_VARIANT_64BIT, rn, rn + 1, rd,
					      step->lsb));
	} else if (step->op == RECORD_PAIR) {
		emit_ubfx(c, rd, rn, step->lsb, low_bits);
		emit_bfi(c, rd, rn + 1, low_bits, step->bits - low_bits);
	} else if (step->lsb || !to_top) {
		emit_ubfx(c, rd, rn, step->lsb, step->bits);
	} else {
		return rn;
	}
	return rd;
}

/* Extract a field and add its constant. Return the register to store. */
static unsigned int emit_field(struct record_code *c, const struct record_step *step)
{
	unsigned int rd = FIELD + step->field, rn;

	if (step->op == RECORD_ZERO)
		return AARCH64_INSN_REG_ZR;
	if (step->op == RECORD_CONST)
		return rd;
	if (!step->add)
		return emit_get(c, step, rd);

	rn = emit_get(c, step, TMP);
	emit(c, aarch64_insn_gen_add_sub_shifted_reg(rd, rd, rn, 0, AARCH64_INSN_VARIANT_64BIT,
						     AARCH64_INSN_ADSB_ADD));
	return rd;
}

static void emit_mov32(struct record_code *c, unsigned int rd, u32 imm)
{
	emit(c, aarch64_insn_gen_movewide(rd, imm & 0xffff, 0, AARCH64_INSN_VARIANT_32BIT,
					  AARCH64_INSN_MOVEWIDE_ZERO));
	emit(c, aarch64_insn_gen_movewide(rd, imm >> 16, 16, AARCH64_INSN_VARIANT_32BIT,
					  AARCH64_INSN_MOVEWIDE_KEEP));
}

/* AND or ORR of a constant, through TMP if it is not a valid bitmask immediate. */
static void emit_logic(struct record_code *c, enum aarch64_insn_logic_type type,
		       unsigned int rd, unsigned int rn, u32 imm)
{
	u32 insn = aarch64_insn_gen_logical_immediate(type, AARCH64_INSN_VARIANT_32BIT, rn, rd,
						      imm);

	if (insn == AARCH64_BREAK_FAULT) {
		emit_mov32(c, TMP, imm);
		insn = aarch64_insn_gen_logical_shifted_reg(rd, rn, TMP, 0,
							    AARCH64_INSN_VARIANT_32BIT, type);
	}
	emit(c, insn);
}

/* Compute the header. Return the register that holds it. */
static unsigned int emit_header(struct record_code *c, const struct record_header *h)
{
	u32 keep_low = h->keep | 0xffff0000, keep_high = h->keep | 0xffff;
	unsigned int rn = WORD;

	/* The bits to clear in each half are often contiguous: one AND clears them. */
	if (~keep_low) {
		emit_logic(c, AARCH64_INSN_LOGIC_AND, HEADER, rn, keep_low);
		rn = HEADER;
	}
	if (~keep_high) {
		emit_logic(c, AARCH64_INSN_LOGIC_AND, HEADER, rn, keep_high);
		rn = HEADER;
	}
	if (h->set) {
		emit_logic(c, AARCH64_INSN_LOGIC_ORR, HEADER, rn, h->set);
		rn = HEADER;
	}
	if (h->add) {
		if (rn != HEADER)
			emit(c, aarch64_insn_gen_move_reg(HEADER, rn, AARCH64_INSN_VARIANT_32BIT));
		emit(c, aarch64_insn_gen_add_sub_imm(TMP, HEADER, h->add,
						     AARCH64_INSN_VARIANT_32BIT,
						     AARCH64_INSN_ADSB_ADD));
		emit_bfi(c, HEADER, TMP, 0, 8);
		rn = HEADER;
	}
	return rn;
}

/**
 * struct half - 4 bytes of the result
 * @reg:	register that contains them, or XZR
 * @shift:	their lowest bit in the register
 */
struct half {
	u8	reg;
	u8	shift;
};

/*
 * Compute a u64 of the result in @rd. Return the register that holds it: this is the
 * register of a field if the field is the whole u64.
 */
static unsigned int emit_word(struct record_code *c, const struct half *half, unsigned int rd)
{
	const struct half *low = half, *high = half + 1;

	if (low->reg == high->reg && (high->shift || low->reg == AARCH64_INSN_REG_ZR))
		return low->reg;
	if (high->reg == AARCH64_INSN_REG_ZR) {
		emit_ubfx(c, rd, low->reg, low->shift, 32);
		return rd;
	}

	/* LSL by 32, as bits 0 to 31 at bit 32. The high half never has a shift. */
	emit(c, aarch64_insn_gen_bitfield(rd, high->reg, 32, 31, AARCH64_INSN_VARIANT_64BIT,
					  AARCH64_INSN_BITFIELD_MOVE_UNSIGNED));
	if (low->reg != AARCH64_INSN_REG_ZR)
		emit(c, aarch64_insn_gen_bitfield(rd, low->reg, low->shift, low->shift + 31,
						  AARCH64_INSN_VARIANT_64BIT,
						  AARCH64_INSN_BITFIELD_MOVE));
	return rd;
}

/* The header is in HEADER until the first u64 is computed in TMP. */
static void emit_stores(struct record_code *c, const struct half *half, unsigned int dst_size)
{
	unsigned int dst = 0, reg, reg2;

	for (; dst + sizeof(u64) < dst_size; dst += 2 * sizeof(u64), half += 4) {
		reg = emit_word(c, half, TMP);
		reg2 = emit_word(c, half + 2, HEADER);
		emit_pair(c, aarch64_insn_get_stp_value(), reg, reg2, DST, dst);
	}
	if (dst < dst_size)
		emit(c, aarch64_insn_gen_load_store_imm(emit_word(c, half, TMP), DST, dst,
							AARCH64_INSN_SIZE_64,
							AARCH64_INSN_LDST_STORE_IMM_OFFSET));
}

static unsigned int consts_of(const struct record_prog *prog)
{
	unsigned int set = 0, i;

	for (i = 0; i < prog->nr; i++)
		if (prog->step[i].add)
			set |= BIT(prog->step[i].field);
	return set;
}

int arch_record_emit(struct record_code *c, const struct record_prog *prog)
{
	const struct record_shape *s = &prog->shape;
	struct half half[RECORD_MAX_RESULT / sizeof(u32)];
	unsigned int i;

	emit_type(c);
	c->entry = c->pos;
	if (IS_ENABLED(CONFIG_ARM64_BTI_KERNEL))
		emit(c, aarch64_insn_gen_hint(AARCH64_INSN_HINT_BTIC));

	emit_loads(c, prog->words | s->header.present, WORD, SRC, 0);
	emit_loads(c, consts_of(prog), FIELD, CONSTS, s->consts);

	for (i = 0; i < RECORD_MAX_RESULT / sizeof(u32); i++)
		half[i] = (struct half) { AARCH64_INSN_REG_ZR };
	for (i = 0; i < prog->nr; i++) {
		const struct record_step *step = &prog->step[i];
		unsigned int reg = emit_field(c, step), at = step->dst / sizeof(u32);

		half[at].reg = reg;
		if (step->dst_size == sizeof(u64))
			half[at + 1] = (struct half) { reg, 32 };
	}
	if (s->header.present)
		half[0].reg = emit_header(c, &s->header);

	emit_stores(c, half, s->dst_size);
	emit(c, aarch64_insn_gen_branch_reg(AARCH64_INSN_REG_LR, AARCH64_INSN_BRANCH_RETURN));
	return 0;
}

/* arm64 has no static calls. */
int arch_record_emit_select(struct record_code *c, const record_unpack_t *target,
			    unsigned int nr, record_unpack_t other)
{
	return -EOPNOTSUPP;
}
