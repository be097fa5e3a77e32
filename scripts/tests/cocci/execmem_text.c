// SPDX-License-Identifier: GPL-2.0
/* Lines that execmem_text.cocci must and must not find: parsed, never compiled. */
void *page_of_a_slot(void)
{
	return execmem_alloc(EXECMEM_KPROBES, PAGE_SIZE); /* found */
}

void *trampoline(unsigned int size)
{
	return execmem_alloc(EXECMEM_FTRACE, size); /* found */
}

void *rounded_up(unsigned int size)
{
	return execmem_alloc(EXECMEM_DEFAULT, round_up(size, PAGE_SIZE)); /* found */
}

void *own_enum(enum execmem_type type)
{
	return execmem_alloc(type, 64); /* found */
}

void *before_execmem(void)
{
	return module_alloc(PAGE_SIZE); /* found */
}

void *section(unsigned int size)
{
	return execmem_alloc(EXECMEM_MODULE_DATA, size);
}

void *by_the_byte(unsigned int size)
{
	return execmem_text_alloc(EXECMEM_FTRACE, EXECMEM_TRUSTED, size, 1);
}
