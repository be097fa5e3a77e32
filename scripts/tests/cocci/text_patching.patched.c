// SPDX-License-Identifier: GPL-2.0
/* What text_patching.cocci finds and what it does not: parsed, never compiled. */
int copy_checked(void *text, const void *code, unsigned int len)
{
	if (text_patch_copy(text, code, len)) /* found */
		return -EINVAL;
	return 0;
}

void copy_and_fill(void *text, const void *code, unsigned int len)
{
	text_patch_copy(text, code, len); /* found */
	text_patch_fill(text + len, 16); /* found */
	text_poke_set(text, 0x90, 16); /* found */
}

int for_others(void *text, const void *code, unsigned int len)
{
	if (IS_ERR_OR_NULL(aarch64_insn_copy(text, code, len))) /* found */
		return -EINVAL;
	return patch_text_nosync(text, code, len); /* found */
}

void live(void *text, const void *code)
{
	text_poke_bp(text, code, 5, NULL); /* found */
}

int good(void *text, const void *code, unsigned int len)
{
	text_patch_fill(text + len, 16);
	return text_patch_copy(text, code, len);
}
