/* SPDX-License-Identifier: GPL-2.0 */
/* An image of a file system, and the loop device that it is mounted from. */
#ifndef _SELFTESTS_BCACHEFS_IMAGE_H
#define _SELFTESTS_BCACHEFS_IMAGE_H

#include <fcntl.h>
#include <linux/loop.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SPARSE_MAGIC	"SPARSE01"

static inline bool read_all(int fd, void *to, size_t size)
{
	return read(fd, to, size) == (ssize_t)size;
}

/* Whether a file is the output of make_sparse.py: pairs of an offset and a block follow. */
static inline bool is_sparse(int fd)
{
	char magic[sizeof(SPARSE_MAGIC) - 1];

	return read_all(fd, magic, sizeof(magic)) && !memcmp(magic, SPARSE_MAGIC, sizeof(magic));
}

/* Write the blocks of 4 KiB that follow the magic. Return false if that fails. */
static inline bool expand(int from, int to)
{
	uint64_t offset;
	char block[4096];

	while (read_all(from, &offset, sizeof(offset)))
		if (!read_all(from, block, sizeof(block)) ||
		    pwrite(to, block, sizeof(block), offset) != sizeof(block))
			return false;
	return true;
}

/*
 * Attach an image to a free loop device, and store its name. The last close or unmount
 * detaches it. Return a descriptor, or -1; the name is empty without loop devices.
 */
static inline int attach_loop(const char *image, char *name, size_t size)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr, loop;
	struct loop_config config = { .info.lo_flags = LO_FLAGS_AUTOCLEAR };

	nr = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	*name = 0;
	if (nr < 0)
		return -1;
	snprintf(name, size, "/dev/loop%d", nr);
	loop = open(name, O_RDWR | O_CLOEXEC);
	config.fd = open(image, O_RDWR | O_CLOEXEC);
	/* An image that cannot be opened has the descriptor -1, which is refused. */
	if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config)) {
		close(loop);
		loop = -1;
	}
	close(config.fd);
	return loop;
}

#endif /* _SELFTESTS_BCACHEFS_IMAGE_H */
