// SPDX-License-Identifier: GPL-2.0
/* Lines that text_patching.cocci must and must not find: parsed, never compiled. */
int for_others(void *text, const void *code, unsigned int len)
{
	if (IS_ERR_OR_NULL(aarch64_insn_copy(text, code, len))) /* found */
		return -EINVAL;
	if (aarch64_insn_set(text, 0, len)) /* found */
		return -EINVAL;
	return patch_text_nosync(text, code, len); /* found */
}

int good(void *text, const void *code, unsigned int len)
{
	text_poke_bp(text, code, 5, NULL);
	text_poke_set(text + len, 16);
	if (!text_poke_copy(text, code, len))
		text_poke_sync();
	return text_poke_copy(text, code, len);
}
