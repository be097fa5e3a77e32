/* SPDX-License-Identifier: GPL-2.0 */
/* Find functions in the BTF types of the kernel. */
#ifndef _SELFTESTS_EXECMEM_BTF_H
#define _SELFTESTS_EXECMEM_BTF_H

#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VMLINUX_BTF	"/sys/kernel/btf/vmlinux"

/* Size of the data that follows a BTF type, which depends on its kind. */
static inline size_t size_behind(const struct btf_type *type)
{
	size_t count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return sizeof(__u32);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return count * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return count * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return count * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return count * sizeof(struct btf_param);
	case BTF_KIND_DATASEC:
		return count * sizeof(struct btf_var_secinfo);
	default:
		return 0;
	}
}

/* Find the BTF type number of a function. Return 0 if there is none. */
static inline unsigned int find_function(const char *btf, const char *name)
{
	const struct btf_header *header = (const void *)btf;
	const char *types = btf + header->hdr_len + header->type_off;
	const char *strings = btf + header->hdr_len + header->str_off;
	const char *at = types;

	for (unsigned int id = 1; at < types + header->type_len; id++) {
		const struct btf_type *type = (const void *)at;

		if (BTF_INFO_KIND(type->info) == BTF_KIND_FUNC &&
		    !strcmp(strings + type->name_off, name))
			return id;
		at += sizeof(*type) + size_behind(type);
	}
	return 0;
}

/* Read the BTF types of the kernel. NULL if it has none; otherwise free them after use. */
static inline char *read_kernel_btf(void)
{
	static const size_t most = 32 << 20;
	int fd = open(VMLINUX_BTF, O_RDONLY | O_CLOEXEC);
	char *btf = malloc(most);
	size_t len = 0;
	ssize_t n = -1;

	while (fd >= 0 && btf && (n = read(fd, btf + len, most - len)) > 0)
		len += n;
	close(fd);
	if (n == 0 && len > sizeof(struct btf_header) && len < most)
		return btf;
	free(btf);
	return NULL;
}

#endif /* _SELFTESTS_EXECMEM_BTF_H */
