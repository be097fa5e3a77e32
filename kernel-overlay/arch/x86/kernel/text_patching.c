// SPDX-License-Identifier: GPL-2.0
/*
 * The text-patching hooks of x86, on top of text_poke() and friends.
 */

#include <linux/errno.h>
#include <linux/memory.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/text-patching.h>

#include <asm/insn.h>
#include <asm/nops.h>
#include <asm/sections.h>

/*
 * Held while unused text is written, so that kgdb, which has stopped every
 * other CPU, can tell that poking_mm is in use. Nests inside text_mutex.
 * Writers of live text hold text_mutex instead; the page-table lock of
 * poking_addr keeps the two apart.
 */
DEFINE_MUTEX(text_alias_mutex);

int arch_text_patch_copy(void *dst, const void *src, size_t len)
{
	/* After execmem, before poking_init(). */
	if (!poking_mm)
		return -EAGAIN;

	guard(mutex)(&text_alias_mutex);

	return text_poke_copy_locked(dst, src, len, false) ? 0 : -EPERM;
}

static bool is_exactly_one_insn(struct insn *insn, const void *buf, size_t len)
{
	return !insn_decode(insn, buf, len, INSN_MODE_KERN) && insn->length == len;
}

/* Whether text_poke_bp() can emulate it; it has a BUG() for what it cannot. */
static bool can_emulate(const u8 *buf, size_t len)
{
	struct insn insn;

	if (!is_exactly_one_insn(&insn, buf, len))
		return false;

	/* Not its opcode: behind a VEX prefix, that of a call is something else. */
	switch (buf[0]) {
	case INT3_INSN_OPCODE:
	case RET_INSN_OPCODE:
		return len == 1;
	case CALL_INSN_OPCODE:
	case JMP32_INSN_OPCODE:
		return len == 5;
	case JMP8_INSN_OPCODE:
	case 0x70 ... 0x7f:
		return len == 2;
	case 0x0f:
		if (len == 6 && (buf[1] & 0xf0) == 0x80)
			return true;
		break;
	}

	return (len == 2 || len == 5) && !memcmp(buf, x86_nops[len], len);
}

int arch_text_patch_insn(void *addr, const void *new, size_t len)
{
	s64 offset = addr - (void *)_stext;
	struct insn old;

	if (!poking_mm)
		return -EAGAIN;
	/* A CPU may be anywhere between two old instructions, if there are two. */
	if (!is_exactly_one_insn(&old, addr, len) || !can_emulate(new, len))
		return -EOPNOTSUPP;
	/* text_poke_bp() keeps it in 32 bits. */
	if (offset != (s32)offset)
		return -ERANGE;

	text_poke_bp(addr, new, len, NULL);
	return 0;
}
