// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's first process.  The kernel's command line selects its task:
 *
 *	guest=tests	run /tests, report, reset (the default)
 *	guest=probe	say that a kernel got this far, reset
 *	guest=shell	a shell on the console, then reset
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"

static const struct {
	const char *type, *where;
} mounts[] = {
	{ "devtmpfs", "/dev" },
	{ "proc", "/proc" },
	{ "sysfs", "/sys" },
	{ "debugfs", "/sys/kernel/debug" },
	{ "tracefs", "/sys/kernel/tracing" },
	{ "tmpfs", "/tmp" },
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		const char *type = mounts[i].type, *where = mounts[i].where;

		mkdir(where, 0755);
		/* The kernel may have mounted devtmpfs itself: EBUSY. */
		if (mount(type, where, type, 0, NULL) && errno != EBUSY)
			fprintf(stderr, "guest: mount %s: %s\n", where,
				strerror(errno));
	}
}

/* The value of KEY=VALUE on the kernel's command line. */
static const char *cmdline(const char *key, const char *otherwise)
{
	static char line[4096];
	size_t len = strlen(key);
	char *word, *rest = line;
	FILE *f = fopen("/proc/cmdline", "re");

	if (!f)
		return otherwise;
	if (!fgets(line, sizeof(line), f))
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	while ((word = strsep(&rest, " ")))
		if (!strncmp(word, key, len) && word[len] == '=')
			return word + len + 1;
	return otherwise;
}

/*
 * QEMU runs with -no-reboot: a reset ends it, also where the kernel cannot power off. With
 * PREEMPT_RT, a thread prints the kernel's messages: let it finish.
 */
static void reset(void)
{
	struct utsname name;

	if (!uname(&name) && strstr(name.version, "PREEMPT_RT"))
		sleep(3);
	sync();
	/* The SCLP console of s390 keeps the last line until it gets another one. */
	if (!strcmp(cmdline("console", ""), "ttysclp0")) {
		say("# reset");
		sleep(1);
	}
	reboot(RB_AUTOBOOT);
}

static void shell(void)
{
	char *const argv[] = { "sh", "-l", NULL };
	pid_t pid = fork();

	if (!pid) {
		setsid();
		ioctl(STDIN_FILENO, TIOCSCTTY, 1);
		setenv("HOME", "/", 1);
		setenv("TERM", "linux", 1);
		setenv("PS1", "guest# ", 1);
		execv("/bin/sh", argv);
		perror("/bin/sh");
		_exit(127);
	}
	while (waitpid(-1, NULL, 0) != pid)
		;
}

static int init_main(void)
{
	const char *mode;

	mount_all();
	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	mode = cmdline("guest", "tests");
	if (!report_open())
		fprintf(stderr, "guest: /dev/kmsg: %s\n", strerror(errno));

	if (!strcmp(mode, "shell"))
		shell();
	else if (!strcmp(mode, "probe"))
		say("probe ok");
	else
		run_tests("/tests");

	reset();
	return 1;
}

int main(int argc, char **argv)
{
	/* The same program is /sbin/modprobe and /sbin/rmmod. */
	if (strstr(argv[0], "mod"))
		return modprobe_main(argc, argv);
	return init_main();
}
