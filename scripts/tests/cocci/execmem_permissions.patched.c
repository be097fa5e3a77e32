// SPDX-License-Identifier: GPL-2.0
/* Lines that execmem_permissions.cocci must and must not find: parsed, never compiled. */
void write_text(void *text, const void *code, unsigned int len)
{
	text_poke_copy(text, code, len);
}

void write_text_in_two_steps(void *text, const void *code, unsigned int len)
{
	text_poke_copy(text, code, len);
}

int write_and_look(void *text, int code)
{
	set_memory_rw((unsigned long)text, 1); /* found */
	*(int *)text = code;
	return set_memory_rox((unsigned long)text, 1);
}

void *new_text(const void *code, unsigned int len)
{
	void *text = get_pages(len);

	memcpy(text, code, len);
	set_memory_rox((unsigned long)text, 1); /* found */
	return text;
}

void *new_text_in_place(unsigned int len)
{
	void *text = execmem_alloc(EXECMEM_DEFAULT, len);

	generate(text);
	set_memory_x((unsigned long)text, 1); /* found */
	return text;
}

void seal_data(void *data, const void *from, unsigned int len)
{
	memcpy(data, from, len);
	set_memory_ro((unsigned long)data, 1);
}

void free_data(void *data)
{
	set_memory_rw((unsigned long)data, 1);
	vfree(data);
}
