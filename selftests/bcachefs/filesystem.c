// SPDX-License-Identifier: GPL-2.0
/*
 * Test a bcachefs file system under load. Create, rename, delete and snapshot many files,
 * and compare all names and contents with the expected ones, before and after mounting the
 * file system again. The number of a file determines its name and contents, so the test
 * stores no list of them.
 *
 * If the kernel can unpack keys with generated code, it checks every key against its C
 * decoder meanwhile. At the end, the test reads everything with generated code off.
 *
 * Usage: filesystem IMAGE [FILES]
 *	  filesystem IMAGE perf KEYS [table]
 *
 * The second form measures only: the time in nanoseconds that the kernel's perf_test
 * reports for the lookup and the insertion of one of KEYS keys, and the time of a mount. With
 * "table", generated code is off. It also prints the memory that the kernel has mapped
 * before, during and after the measurement, and the IPIs of mounting IMAGE for the first time:
 * with those of all functions for its keys, without those of loading the module.
 *
 * IMAGE is the output of "bcachefs format", or a copy without holes as make_sparse.py
 * writes it. The test changes only a copy of it.
 *
 * A child process runs the test. Even if it crashes, its parent then removes its mount,
 * loop device and image, stops injected failures and restores parameters.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../code_patching/inject.h"
#include "../code_patching/modules.h"
#include "../execmem/ipis.h"
#include "../execmem/mapped.h"
#include "image.h"

/* Names in the working directory, a temporary directory. */
#define IMAGE		"image"
#define MOUNT		"mnt"
#define SNAPSHOT	MOUNT "/snapshot"

#define SYSFS		"/sys/fs/bcachefs"

/* Shared by all bcachefs file systems. */
#define PARAMETERS	"/sys/module/bcachefs/parameters/"
#define CODE		"/sys/kernel/debug/bcachefs/unpack_jit"
#define CHECK		"/sys/kernel/debug/bcachefs/unpack_check"
#define FAILING		"record_unpack_create"

#define IMAGE_SIZE	(256UL << 20)

/* Default number of files; fewer with lockdep, which makes the kernel slow. */
enum { DIRS = 50, FILES = 20000, FILES_LOCKDEP = 2000, LARGE = 20000, JOURNAL_BUCKETS = 64 };

/* From fs/bcachefs/bcachefs_ioctl.h, which is not a UAPI header. */
struct bch_ioctl_query_uuid {
	uint8_t uuid[16];
};

struct bch_ioctl_subvolume {
	uint32_t flags;
	uint32_t dirfd;
	uint16_t mode;
	uint16_t pad[3];
	uint64_t dst_ptr;
	uint64_t src_ptr;
};

struct bch_ioctl_disk_resize_journal {
	uint32_t flags;
	uint32_t pad;
	uint64_t dev;
	uint64_t nbuckets;
};

#define BCH_BY_INDEX 16
#define BCH_IOCTL_QUERY_UUID _IOR(0xbc, 1, struct bch_ioctl_query_uuid)
#define BCH_IOCTL_DISK_RESIZE_JOURNAL _IOW(0xbc, 15, struct bch_ioctl_disk_resize_journal)
#define BCH_IOCTL_SUBVOLUME_CREATE _IOW(0xbc, 16, struct bch_ioctl_subvolume)
#define BCH_SUBVOL_SNAPSHOT_CREATE 1

static unsigned int files;
static char device[64];
static char directory[64];
static int loop = -1;

/* Kernel settings that set_parameter() and inject() change. */
static const struct {
	const char *dir, *file;
} settings[] = {
	{ PARAMETERS, "unpack_jit" },
	{ PARAMETERS, "unpack_check" },
	{ FAIL_FUNCTION, "probability" },
	{ FAIL_FUNCTION, "times" },
	{ FAIL_FUNCTION, "space" },
	{ FAIL_FUNCTION, "verbose" },
};

struct value {
	char text[32];
};

/* Original settings, "" for unchanged ones. The child writes them for the parent. */
static struct value *saved;

static void fail(const char *what)
{
	ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
}

/*
 * Settings of the kernel.
 */

static bool read_setting(size_t nr, struct value *value)
{
	return read_from(settings[nr].dir, settings[nr].file, value->text, sizeof(value->text));
}

/*
 * Call this before each change: settings of a module exist only while it is loaded. A
 * setting that is already saved keeps its original value.
 */
static void save_settings(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (!saved[i].text[0])
			read_setting(i, &saved[i]);
}

static void restore_settings(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		struct value now = { };

		if (saved[i].text[0] && read_setting(i, &now) && strcmp(now.text, saved[i].text))
			write_to(settings[i].dir, settings[i].file, saved[i].text);
	}
}

/*
 * The image.
 */

static void copy(int from, int to)
{
	char block[4096];
	ssize_t n;

	lseek(from, 0, SEEK_SET);
	while ((n = read(from, block, sizeof(block))) > 0)
		if (write(to, block, n) != n)
			fail("copying the image");
}

static void copy_image(int from)
{
	int to = open(IMAGE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct stat st;

	if (to < 0)
		fail(IMAGE);
	if (!is_sparse(from))
		copy(from, to);
	else if (!expand(from, to))
		fail("expanding the image");
	if (fstat(to, &st) || (st.st_size < (off_t)IMAGE_SIZE && ftruncate(to, IMAGE_SIZE)))
		fail(IMAGE);
	close(from);
	close(to);
}

static void attach(void)
{
	loop = attach_loop(IMAGE, device, sizeof(device));
	if (!*device)
		ksft_exit_skip("no loop device: CONFIG_BLK_DEV_LOOP\n");
	if (loop < 0)
		fail(device);
}

static void mount_image(void)
{
	mkdir(MOUNT, 0755);
	if (!mount(device, MOUNT, "bcachefs", 0, ""))
		return;
	if (errno == ENODEV)
		ksft_exit_skip("no bcachefs: CONFIG_BCACHEFS_FS\n");
	fail("mount");
}

static void release_image(void)
{
	if (umount(MOUNT))
		fail("umount");
	close(loop);
	unlink(IMAGE);
}

/*
 * A small file system has a small journal. On a slow machine it can become full, and Linux
 * 6.12 does not always recover from that ("Journal stuck").
 */
static void enlarge_journal(void)
{
	struct bch_ioctl_disk_resize_journal arg = {
		.flags = BCH_BY_INDEX, .nbuckets = JOURNAL_BUCKETS,
	};
	int dir = open(MOUNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || ioctl(dir, BCH_IOCTL_DISK_RESIZE_JOURNAL, &arg))
		fail("BCH_IOCTL_DISK_RESIZE_JOURNAL");
	close(dir);
}

/*
 * The files. The number of a file determines whether it is renamed or deleted.
 */

static bool is_deleted(unsigned int nr)
{
	return nr % 5 == 2;
}

static bool is_renamed(unsigned int nr)
{
	return nr % 3 == 1;
}

static void name_of(char *path, const char *root, unsigned int nr, bool renamed)
{
	sprintf(path, "%s/dir%u/%s%u", root, renamed ? (nr + 7) % DIRS : nr % DIRS,
		renamed ? "renamed-and-longer-" : "f", nr);
}

static size_t size_of(unsigned int nr)
{
	return nr % 100 ? nr * 37 % 90 : LARGE + nr;
}

static void contents_of(char *buf, unsigned int nr)
{
	uint32_t state = nr * 2654435761U + 1;
	size_t i, size = size_of(nr);

	for (i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		buf[i] = state >> 24;
	}
}

static char *buffer(void)
{
	char *buf = malloc(LARGE + files + 1);

	if (!buf)
		ksft_exit_fail_msg("no memory\n");
	return buf;
}

static void make_files(void)
{
	char path[200], *buf = buffer();
	unsigned int nr;
	int fd;

	for (nr = 0; nr < DIRS; nr++) {
		sprintf(path, MOUNT "/dir%u", nr);
		if (mkdir(path, 0755))
			fail(path);
	}
	for (nr = 0; nr < files; nr++) {
		ssize_t size = size_of(nr);

		name_of(path, MOUNT, nr, false);
		contents_of(buf, nr);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, buf, size) != size)
			fail(path);
		close(fd);
	}
	free(buf);
}

static void change_files(void)
{
	char from[200], to[200];
	unsigned int nr;

	for (nr = 0; nr < files; nr++) {
		name_of(from, MOUNT, nr, false);
		name_of(to, MOUNT, nr, true);
		if (is_renamed(nr) && rename(from, to))
			fail(to);
		if (is_deleted(nr) && unlink(is_renamed(nr) ? to : from))
			fail(from);
	}
}

static bool make_snapshot(void)
{
	struct bch_ioctl_subvolume arg = {
		.flags = BCH_SUBVOL_SNAPSHOT_CREATE,
		.dirfd = AT_FDCWD,
		.mode = 0777,
		.dst_ptr = (uintptr_t)SNAPSHOT,
		.src_ptr = (uintptr_t)MOUNT,
	};
	int fd = open(MOUNT, O_RDONLY | O_CLOEXEC);
	bool ok;

	ok = fd >= 0 && !ioctl(fd, BCH_IOCTL_SUBVOLUME_CREATE, &arg);
	if (!ok)
		ksft_print_msg("snapshot: %s\n", strerror(errno));
	close(fd);
	return ok;
}

static bool has_contents(const char *path, unsigned int nr, char *want, char *got)
{
	ssize_t size = size_of(nr);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	contents_of(want, nr);
	ok = fd >= 0 && read(fd, got, size + 1) == size && !memcmp(want, got, size);
	if (fd >= 0)
		close(fd);
	return ok;
}

static unsigned long entries(const char *root)
{
	unsigned long n = 0;
	char path[200];
	unsigned int i;
	DIR *dir;

	for (i = 0; i < DIRS; i++) {
		sprintf(path, "%s/dir%u", root, i);
		dir = opendir(path);
		if (!dir)
			return 0;
		while (readdir(dir))
			n++;
		closedir(dir);
	}
	return n - 2 * DIRS;
}

/* Check all files, before (@changed false) or after change_files(). */
static bool all_there(const char *root, bool changed)
{
	char path[200], *want = buffer(), *got = buffer();
	unsigned long wrong = 0, left = 0, listed = entries(root);
	unsigned int nr;

	for (nr = 0; nr < files; nr++) {
		if (changed && is_deleted(nr))
			continue;
		left++;
		name_of(path, root, nr, changed && is_renamed(nr));
		if (has_contents(path, nr, want, got))
			continue;
		if (!wrong++)
			ksft_print_msg("%s is wrong\n", path);
	}
	if (listed != left)
		ksft_print_msg("%s lists %lu files, not %lu\n", root, listed, left);
	free(want);
	free(got);
	return !wrong && listed == left;
}

/*
 * Run a case of bcachefs's perf_test, which also checks its results. It writes to the file
 * system, so find the sysfs directory of the test's own one by its UUID.
 */
static bool run_perf(const char *what)
{
	struct bch_ioctl_query_uuid arg;
	char path[100] = SYSFS "/", *at = path + strlen(path);
	int i, fd = open(MOUNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, BCH_IOCTL_QUERY_UUID, &arg))
		fail("BCH_IOCTL_QUERY_UUID");
	close(fd);
	for (i = 0; i < 16; i++)
		at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			      arg.uuid[i]);
	return write_to(path, "perf_test", what);
}

/*
 * Generated code.
 */

static bool has_code(void)
{
	return !access(PARAMETERS "unpack_jit", F_OK);
}

static bool has_check(void)
{
	return !access(PARAMETERS "unpack_check", F_OK);
}

static bool set_parameter(const char *name, const char *value)
{
	bool ok;

	save_settings();
	ok = write_to(PARAMETERS, name, value);
	if (!ok)
		ksft_print_msg(PARAMETERS "%s: %s\n", name, strerror(errno));
	return ok;
}

static bool has_lockdep(void)
{
	return !access("/proc/lockdep", F_OK);
}

/**
 * struct code - summary of the slots in debugfs
 * @shapes:	shapes with code
 * @unused:	shapes with code that unpacked no key
 * @wanted:	shapes without code yet
 * @refused:	invalid shapes, and shapes for which generating code failed
 * @bytes:	size of all code
 * @hits:	keys unpacked by generated code
 */
struct code {
	unsigned int shapes, unused, wanted, refused;
	unsigned long bytes;
	unsigned long long hits;
};

static bool read_code(struct code *code)
{
	FILE *file = fopen(CODE, "re");
	unsigned long bytes;
	unsigned long long hits;
	char line[200], state[20];

	*code = (struct code) { };
	if (!file) {
		ksft_print_msg("%s: %s\n", CODE, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*u %19s %*u %*u %*u %*u %*u %*u %*u %*s %lu %*u %llu",
			   state, &bytes, &hits) != 3)
			continue;
		code->wanted += !strcmp(state, "wanted");
		code->refused += !strcmp(state, "refused") || !strcmp(state, "failed");
		if (strcmp(state, "ready"))
			continue;
		code->shapes++;
		code->unused += !hits;
		code->bytes += bytes;
		code->hits += hits;
	}
	fclose(file);
	return true;
}

/* The kernel generates code for all new shapes together, after a while. */
static void wait_for_code(struct code *code)
{
	unsigned int tries;

	for (tries = 0; tries < 100 && read_code(code) && code->wanted; tries++)
		usleep(100000);
}

/*
 * Let every creation of code fail with -ENOMEM (as an unsigned number). The function is not
 * traceable by ftrace, so fail_function uses a breakpoint. Its handler takes a lock that
 * triggers a lockdep warning there.
 */
static bool inject_failures(void)
{
	struct code code;

	/* Another mounted file system already has code, and failures do not remove it. */
	if (!access(CODE, F_OK) && read_code(&code) && code.shapes)
		return false;
	save_settings();
	return !has_lockdep() && inject(FAILING, "0xfffffffffffffff4", 0);
}

static void stop_failures(void)
{
	write_to(FAIL_FUNCTION, "inject", "!" FAILING);
}

/* Without memory, files are correct and no code exists. With memory, the code appears. */
static void test_without_memory(bool injected, bool ok)
{
	struct code code;

	if (!injected) {
		ksft_test_result_skip("without_memory # %s\n", has_code() ?
				      "no CONFIG_FAIL_FUNCTION or place for it, lockdep, or code" :
				      "no CONFIG_BCACHEFS_UNPACK_JIT");
		return;
	}
	ok = read_code(&code) && !code.shapes && code.wanted && ok;
	if (!ok)
		ksft_print_msg("%u shapes, %u wanted\n", code.shapes, code.wanted);
	stop_failures();
	wait_for_code(&code);
	ksft_test_result(ok && code.shapes && !code.wanted, "without_memory\n");
}

/* Generated code must have unpacked keys. */
static void test_code(void)
{
	struct code code;
	bool ok;

	if (!has_code()) {
		ksft_test_result_skip("code # no CONFIG_BCACHEFS_UNPACK_JIT\n");
		return;
	}
	ok = read_code(&code);
	ksft_print_msg("%u shapes, %u unused, %u refused, %lu bytes, %llu hits\n", code.shapes,
		       code.unused, code.refused, code.bytes, code.hits);
	ksft_test_result(ok && code.shapes && code.hits && !code.refused, "code\n");
}

/* Read the number of keys compared so far. Return false if the kernel cannot compare. */
static bool read_check(unsigned long long *checked, unsigned long long *wrong)
{
	FILE *file = fopen(CHECK, "re");
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "checked %llu wrong %llu", checked, wrong) == 2;
	fclose(file);
	return ok;
}

/* Switch generated code off while the file system is mounted, and on again. */
static void test_without_code(bool has_snapshot)
{
	unsigned long long checked_before = 0, checked = 1, wrong;
	struct code before, after;
	bool ok;

	if (!has_code()) {
		ksft_test_result_skip("without_code # no CONFIG_BCACHEFS_UNPACK_JIT\n");
		return;
	}
	/* Cached data would not be unpacked again. */
	write_to("/proc/sys/vm", "drop_caches", "3");
	read_check(&checked_before, &wrong);
	ok = set_parameter("unpack_jit", "0") && read_code(&before) &&
	     all_there(MOUNT, true) && has_snapshot && all_there(SNAPSHOT, false) &&
	     read_code(&after);
	/* Fewer hits are valid: reusing a slot resets its counter. */
	if (ok && after.hits > before.hits)
		ksft_print_msg("%llu hits of code that is off\n", after.hits - before.hits);
	read_check(&checked, &wrong);
	ksft_print_msg("%llu keys checked\n", checked - checked_before);
	ok = ok && after.hits <= before.hits && checked > checked_before;
	ok = set_parameter("unpack_jit", "1") && ok;
	ksft_test_result(ok, "without_code\n");
}

/* All keys compared so far must be right, with or without generated code. */
static void test_check(void)
{
	unsigned long long checked = 0, wrong = 1;

	if (!has_check()) {
		ksft_test_result_skip("check # nothing to check keys with\n");
		return;
	}
	if (!read_check(&checked, &wrong))
		ksft_print_msg("%s: nothing to read\n", CHECK);
	ksft_print_msg("%llu keys checked, %llu wrong\n", checked, wrong);
	ksft_test_result(checked && !wrong, "check\n");
}

static unsigned long nsec_per_iter(int kmsg)
{
	unsigned long nsec;
	char line[1024];
	const char *at;
	ssize_t n;

	/* Each read() returns one record of the log. */
	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		at = strstr(line, " sec, ");
		if (at && strstr(line, "nsec per iter") && sscanf(at, " sec, %lu", &nsec) == 1)
			return nsec;
	}
	return 0;
}

static unsigned long measure_once(const char *what, unsigned int keys)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned long nsec;
	char command[100];

	if (kmsg < 0)
		fail("/dev/kmsg");
	lseek(kmsg, 0, SEEK_END);
	snprintf(command, sizeof(command), "%s %u 1", what, keys);
	if (!run_perf(command))
		fail(command);
	nsec = nsec_per_iter(kmsg);
	close(kmsg);
	return nsec;
}

/* Report the minimum of several measurements, the one with the least disturbance. */
static void measure_one(const char *what, unsigned int keys, unsigned int times)
{
	unsigned long nsec, least = ULONG_MAX;

	while (times--) {
		nsec = measure_once(what, keys);
		least = nsec < least ? nsec : least;
	}
	ksft_print_msg("measure %s %lu\n", what, least);
	ksft_test_result(least, "%s\n", what);
}

/* Mount again: the file system is not empty any more. */
static void measure_mount(void)
{
	struct timespec from, to;

	if (umount(MOUNT))
		fail("umount");
	clock_gettime(CLOCK_MONOTONIC, &from);
	mount_image();
	clock_gettime(CLOCK_MONOTONIC, &to);
	ksft_print_msg("measure mount %ld\n", (to.tv_sec - from.tv_sec) * 1000000000L +
		       to.tv_nsec - from.tv_nsec);
	ksft_test_result_pass("mount\n");
}

static int measure_lookups(unsigned int keys, bool table)
{
	struct mapped before = look_when_settled(), with, after;
	struct code code = { };
	unsigned long ipis;

	/* This fails, but loads the module. */
	mkdir(MOUNT, 0755);
	mount("none", MOUNT, "bcachefs", 0, "");
	if (table && has_code() && !set_parameter("unpack_jit", "0"))
		ksft_exit_fail_msg("generated code cannot be switched off\n");
	ipis = count_ipis();
	mount_image();
	if (!table && has_code()) {
		wait_for_code(&code);
		if (code.wanted)
			ksft_exit_fail_msg("%u keys have no functions yet\n", code.wanted);
	}
	ksft_print_msg("measure mount_ipis %lu %u\n", count_ipis() - ipis, code.shapes);
	ksft_set_plan(5);
	measure_one("seq_insert", keys, 1);
	if (!table && has_code())
		wait_for_code(&code);
	measure_one("seq_lookup", keys, 10);
	measure_one("rand_lookup", keys, 10);
	measure_one("rand_insert", keys, 1);
	measure_mount();
	with = look();
	if (!table && has_code() && (!read_code(&code) || !code.shapes || code.refused))
		ksft_exit_fail_msg("generated code is missing for some or all keys\n");
	if (table && has_code())
		set_parameter("unpack_jit", "1");
	release_image();
	after = look_when_settled();
	print_mapped(&before, &with, &after);
	ksft_finished();
}

/* The module can be unloaded, which frees all code and its users. */
static void test_unload(bool was_loaded)
{
	const struct timespec tick = { .tv_nsec = 100 * 1000 * 1000 };
	int error = EAGAIN, tries;

	if (was_loaded || !is_loaded("bcachefs")) {
		ksft_test_result_skip("unload # bcachefs is built in, or was loaded before\n");
		return;
	}
	for (tries = 0; error == EAGAIN && tries < 100; tries++) {
		nanosleep(&tick, NULL);
		error = remove_module("bcachefs");
	}
	if (error == ENOSYS) {
		ksft_test_result_skip("unload # no CONFIG_MODULE_UNLOAD\n");
		return;
	}
	if (error)
		ksft_print_msg("removing bcachefs: %s\n", strerror(error));
	ksft_test_result(!error, "unload\n");
}

static int test(void)
{
	static const char *const perf_tests[] = {
		"seq_insert 2000 1", "seq_lookup 2000 1", "rand_lookup 2000 1",
		"seq_overwrite 2000 1", "seq_delete 2000 1",
	};
	bool has_perf = true, was_loaded = is_loaded("bcachefs"), has_snapshot, injected, ok;
	size_t i;

	injected = inject_failures();
	mount_image();
	enlarge_journal();
	ksft_set_plan(11);
	ksft_print_msg("%u files\n", files);
	if (has_check() && !set_parameter("unpack_check", "1"))
		ksft_exit_fail_msg("keys cannot be checked\n");
	make_files();
	ok = all_there(MOUNT, false);
	ksft_test_result(ok, "files\n");
	test_without_memory(injected, ok);
	has_snapshot = make_snapshot();
	change_files();
	ksft_test_result(all_there(MOUNT, true), "changed\n");
	ksft_test_result(has_snapshot && all_there(SNAPSHOT, false), "snapshot\n");

	if (umount(MOUNT))
		fail("umount");
	mount_image();
	ksft_test_result(all_there(MOUNT, true), "mounted_anew\n");
	ksft_test_result(has_snapshot && all_there(SNAPSHOT, false), "snapshot_mounted_anew\n");
	test_code();
	test_without_code(has_snapshot);
	test_check();
	if (has_check())
		set_parameter("unpack_check", "0");

	for (i = 0; i < ARRAY_SIZE(perf_tests); i++)
		if (!run_perf(perf_tests[i])) {
			ksft_print_msg("%s: %s\n", perf_tests[i], strerror(errno));
			has_perf = false;
		}
	ksft_test_result(has_perf, "perf_test\n");

	release_image();
	test_unload(was_loaded);
	ksft_finished();
}

/*
 * The parent.
 */

/* Undo every step, however far the child came. Undoing a missing step fails harmlessly. */
static void clean_up(void)
{
	stop_failures();
	restore_settings();
	/* Also while other processes use the file system. */
	umount2(MOUNT, MNT_DETACH);
	rmdir(MOUNT);
	unlink(IMAGE);
	if (chdir("/") || rmdir(directory))
		ksft_print_msg("%s: %s\n", directory, strerror(errno));
}

/* Block SIGCHLD, and all terminating signals that are not ignored. */
static void block_signals(sigset_t *set)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action;
	size_t i;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (i = 0; i < ARRAY_SIZE(ending); i++)
		if (!sigaction(ending[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(set, ending[i]);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/* Wait for the child. A terminating signal kills it, so that the parent can clean up. */
static int wait_for(pid_t child, const sigset_t *set)
{
	int sig, status;

	do {
		sigwait(set, &sig);
		if (sig != SIGCHLD)
			kill(child, SIGKILL);
	} while (waitpid(child, &status, WNOHANG) != child);
	return status;
}

/* Signals stay blocked from here on, also in the child, which only SIGKILL ends. */
static pid_t start_child(sigset_t *set)
{
	pid_t child;

	saved = mmap(NULL, ARRAY_SIZE(settings) * sizeof(*saved), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (saved == MAP_FAILED)
		fail("mmap");
	block_signals(set);
	snprintf(directory, sizeof(directory), "/tmp/bcachefs.XXXXXX");
	if (!mkdtemp(directory))
		fail(directory);
	if (chdir(directory)) {
		rmdir(directory);
		fail(directory);
	}
	child = fork();
	if (child < 0) {
		clean_up();
		fail("fork");
	}
	return child;
}

int main(int argc, char **argv)
{
	int image, status;
	sigset_t set;
	pid_t child;
	bool perf;

	ksft_print_header();
	if (argc < 2)
		ksft_exit_skip("usage: filesystem IMAGE [FILES | perf KEYS [table]]\n");
	perf = argc > 3 && !strcmp(argv[2], "perf");
	/* Each file reserves at least a page of the image until it is written. */
	files = has_lockdep() ? FILES_LOCKDEP : FILES * 4096 / sysconf(_SC_PAGESIZE);
	if (argc > 2 && !perf)
		files = atoi(argv[2]);
	if (!files || files > 100000)
		ksft_exit_fail_msg("FILES must be 1 to 100000\n");
	if (geteuid())
		ksft_exit_skip("must be root\n");
	image = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (image < 0)
		ksft_exit_skip("no image at %s\n", argv[1]);

	child = start_child(&set);
	if (!child) {
		copy_image(image);
		attach();
		if (perf)
			return measure_lookups(atoi(argv[3]),
					       argc > 4 && !strcmp(argv[4], "table"));
		return test();
	}
	status = wait_for(child, &set);
	clean_up();
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("Bail out! signal %d\n", WTERMSIG(status));
	return KSFT_FAIL;
}
