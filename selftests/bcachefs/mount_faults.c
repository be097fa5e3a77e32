// SPDX-License-Identifier: GPL-2.0
/*
 * Mount a bcachefs file system while an allocation fails: first the first one, then the
 * second, and so on. The mount succeeds or is refused with an error.
 *
 * usage: mount_faults IMAGE
 *
 * IMAGE is the output of make_sparse.py. The test changes only a copy of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../execmem/fail_nth.h"
#include "image.h"

#define MOUNT		"mnt"
#define IMAGE		"image"
#define IMAGE_SIZE	(256 << 20)

static char device[64];

/*
 * Linux 6.12 can leave a file system open after its mount has failed. All later mounts are
 * then refused with EEXIST, and the test ends early.
 */
static int mount_image(unsigned int nth)
{
	int fail = arm(nth), error;

	error = disarm(fail, errno_of(mount(device, MOUNT, "bcachefs", 0, "")));
	if (!error && umount(MOUNT))
		ksft_exit_fail_msg("umount: %s\n", strerror(errno));
	if (error != EEXIST || injected)
		return error;
	ksft_print_msg("the file system is still open: no more than %u allocations tested\n", nth);
	return 0;
}

static bool has_bcachefs(void)
{
	return !mount_image(0);
}

/* In the working directory, a new temporary one. */
static void copy_image(const char *from)
{
	int sparse = open(from, O_RDONLY | O_CLOEXEC);
	int copy = open(IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (sparse < 0 || !is_sparse(sparse))
		ksft_exit_skip("%s is not an output of make_sparse.py\n", from);
	if (copy < 0 || !expand(sparse, copy) || ftruncate(copy, IMAGE_SIZE))
		ksft_exit_fail_msg(IMAGE ": %s\n", strerror(errno));
	close(sparse);
	close(copy);
}

int main(int argc, char **argv)
{
	static const struct operation operation = { "a mount", has_bcachefs, mount_image };
	char dir[] = "/tmp/mount_faults.XXXXXX";
	int loop, log;

	ksft_print_header();
	if (argc != 2)
		ksft_exit_fail_msg("usage: mount_faults IMAGE\n");
	need_failures();
	log = open_log();
	if (!mkdtemp(dir) || chdir(dir) || mkdir(MOUNT, 0755))
		ksft_exit_fail_msg("%s: %s\n", dir, strerror(errno));
	copy_image(argv[1]);
	loop = attach_loop(IMAGE, device, sizeof(device));
	unlink(IMAGE);
	if (loop < 0)
		ksft_exit_skip("no loop device: %s\n", strerror(errno));
	ksft_set_plan(1);
	test(&operation, open_summary(), log);
	close(loop);
	rmdir(MOUNT);
	rmdir(dir);
	ksft_finished();
}
