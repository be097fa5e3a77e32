// SPDX-License-Identifier: GPL-2.0
/*
 * The parts of modprobe that the tests and the kernel's requests need: find a
 * module by name or alias in modules.dep, load its dependencies, then the module.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "guest.h"

static char *module_dir(void)
{
	static char dir[256];
	struct utsname u;

	uname(&u);
	snprintf(dir, sizeof(dir), "/lib/modules/%s", u.release);
	return dir;
}

/* Module names know no difference between '-' and '_'. */
static bool same_name(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');

	for (base = base ? base + 1 : path; *name; base++, name++) {
		char a = *base == '-' ? '_' : *base;
		char b = *name == '-' ? '_' : *name;

		if (a != b)
			return false;
	}
	return !strncmp(base, ".ko", 3);
}

static int insert(const char *path, const char *params)
{
	char full[512];
	int fd, ret;

	snprintf(full, sizeof(full), "%s/%s", module_dir(), path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * A line of modules.dep names a module and all that it needs, the most basic
 * one last: "kernel/lib/a.ko: kernel/lib/b.ko kernel/lib/c.ko".
 */
static int insert_with_deps(char *line, const char *params)
{
	char *deps = strchr(line, ':'), *dep;
	int ret;

	*deps++ = '\0';
	while ((dep = strrchr(deps, ' '))) {
		*dep++ = '\0';
		ret = *dep ? insert(dep, "") : 0;
		if (ret && ret != -EEXIST)
			return ret;
	}
	return insert(line, params);
}

/* The kernel asks for "fs-ext4" and the like: "alias fs-ext4 ext4". */
static void resolve_alias(char *name, size_t size)
{
	char path[300], line[300], alias[128], module[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/modules.alias", module_dir());
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "alias %127s %127s", alias, module) == 2 && !strcmp(alias, name))
			snprintf(name, size, "%s", module);
	if (f)
		fclose(f);
}

int module_load(const char *asked, const char *params)
{
	char path[300], name[128], *line = NULL, *end;
	int ret = -ENOENT;
	size_t size = 0;
	FILE *dep;

	snprintf(name, sizeof(name), "%s", asked);
	resolve_alias(name, sizeof(name));
	snprintf(path, sizeof(path), "%s/modules.dep", module_dir());
	dep = fopen(path, "re");
	if (!dep)
		return -errno;
	while (getline(&line, &size, dep) > 0) {
		line[strcspn(line, "\n")] = '\0';
		end = strchr(line, ':');
		if (!end)
			continue;
		*end = '\0';
		if (!same_name(line, name))
			continue;
		*end = ':';
		ret = insert_with_deps(line, params);
		break;
	}
	free(line);
	fclose(dep);
	return ret;
}

int module_unload(const char *name)
{
	char plain[64];
	char *c;

	snprintf(plain, sizeof(plain), "%s", name);
	for (c = plain; *c; c++)
		if (*c == '-')
			*c = '_';
	return syscall(SYS_delete_module, plain, O_NONBLOCK) ? -errno : 0;
}

/* Parameters in one string, as finit_module() takes them. */
static void join(char *to, size_t size, char **words)
{
	*to = '\0';
	for (; *words; words++) {
		strncat(to, *words, size - strlen(to) - 1);
		if (words[1])
			strncat(to, " ", size - strlen(to) - 1);
	}
}

/* "modprobe [-r] [-q...] NAME [PARAMS]", for the kernel and for kselftests. */
int modprobe_main(int argc, char **argv)
{
	bool unload = argc > 0 && strstr(argv[0], "rmmod");
	bool quiet = false;
	char params[1024];
	int i, ret;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "-r"))
			unload = true;
		if (strchr(argv[i], 'q'))
			quiet = true;
	}
	if (i >= argc) {
		fprintf(stderr, "usage: modprobe [-r] [-q] NAME [PARAMS]\n");
		return 2;
	}
	join(params, sizeof(params), argv + i + 1);
	ret = unload ? module_unload(argv[i]) : module_load(argv[i], params);
	/* As with modprobe, loading a module that is loaded already succeeds. */
	if (ret == -EEXIST)
		ret = 0;
	if (ret && !quiet)
		fprintf(stderr, "modprobe: %s: %s\n", argv[i], strerror(-ret));
	return !!ret;
}
