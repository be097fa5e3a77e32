// SPDX-License-Identifier: GPL-2.0
/*
 * Record which keys bcachefs unpacks during real work, and print condensed traces: the
 * number of calls by call site, btree, level, shape and place, and the order of the calls
 * in a few windows, as runs of equal calls. README in this folder describes the result.
 *
 * Usage: record OUTPUT FILES NEXT IMAGE IMAGE2 IMAGE3
 *
 * The images are sparse copies (make_sparse.py): a file system of one device that contains
 * a source tree, and one of two devices. Kprobes record the calls. Generated code is off, so
 * that the table unpacks all keys. NEXT is the instruction in bch2_btree_iter_peek_upto() that
 * loads from bch2_bkey_code_fn[], as an offset: the key that follows it is the next one of a
 * loop.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../selftests/bcachefs/image.h"

#define DEBUG	"/sys/kernel/debug/bcachefs/"
#define TRACING	"/sys/kernel/tracing/"

/* Distances from the format in struct btree, on x86-64 without lockdep. */
#define EVENT	" ret=+0(%sp):x64 out=%di:x64 level=-0x28(%dx):u8 btree=-0x27(%dx):u8 slot=-4(%dx):u8"
#define MOUNT	"/tmp/mnt"
#define SIZE	(1UL << 30)

enum { DEVICE = 20, DIRS = 50, WINDOWS = 4, WINDOW = 8192, MAX_TOKENS = 1 << 16, MAX_SYMBOLS = 1 << 16 };

struct record {
	uint32_t site;
	uint8_t slot, btree;
	uint16_t place;
};

struct token {
	struct record what;
	unsigned long count;
};

struct symbol {
	uint32_t address;
	char name[60];
};

struct bch_ioctl_query_uuid {
	uint8_t uuid[16];
};

struct bch_ioctl_subvolume {
	uint32_t flags, dirfd;
	uint16_t mode, pad[3];
	uint64_t dst_ptr, src_ptr;
};

struct bch_ioctl_data {
	uint16_t op;
	uint8_t start_btree, end_btree;
	uint32_t flags;
	uint32_t start[5], end[5];
	uint64_t dev, pad[7];
} __attribute__((packed, aligned(8)));

struct bch_ioctl_disk_resize_journal {
	uint32_t flags, pad;
	uint64_t dev, nbuckets;
};

#define BCH_IOCTL_QUERY_UUID _IOR(0xbc, 1, struct bch_ioctl_query_uuid)
#define BCH_IOCTL_DATA _IOW(0xbc, 10, struct bch_ioctl_data)
#define BCH_IOCTL_DISK_RESIZE_JOURNAL _IOW(0xbc, 15, struct bch_ioctl_disk_resize_journal)
#define BCH_IOCTL_SUBVOLUME_CREATE _IOW(0xbc, 16, struct bch_ioctl_subvolume)
#define BCH_IOCTL_SUBVOLUME_DESTROY _IOW(0xbc, 17, struct bch_ioctl_subvolume)
#define BCH_DATA_OP_MIGRATE 2

static FILE *out;
static unsigned int files;
static struct symbol symbols[MAX_SYMBOLS];
static unsigned int nr_symbols;
static struct token tokens[MAX_TOKENS];
static unsigned int nr_tokens;

static void fail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(path);
	close(fd);
}

static int compare_symbols(const void *a, const void *b)
{
	uint32_t x = ((const struct symbol *)a)->address, y = ((const struct symbol *)b)->address;

	return (x > y) - (x < y);
}

static void read_symbols(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long address;
	char line[300], name[200];

	nr_symbols = 0;
	while (f && fgets(line, sizeof(line), f) && nr_symbols < MAX_SYMBOLS) {
		if (!strstr(line, "[bcachefs]") ||
		    sscanf(line, "%lx %*c %199s", &address, name) != 2)
			continue;
		symbols[nr_symbols].address = address;
		snprintf(symbols[nr_symbols++].name, sizeof(symbols->name), "%.50s", name);
	}
	if (f)
		fclose(f);
	qsort(symbols, nr_symbols, sizeof(*symbols), compare_symbols);
}

static const char *name_of_site(uint32_t site, unsigned int *offset)
{
	unsigned int low = 0, high = nr_symbols, middle;

	while (high - low > 1) {
		middle = (low + high) / 2;
		if (symbols[middle].address <= site)
			low = middle;
		else
			high = middle;
	}
	*offset = site - symbols[low].address;
	return symbols[low].name;
}

static unsigned int token_of(const struct record *r)
{
	static unsigned int last, hash[1 << 18];
	unsigned int h, i;
	uint64_t bits;

	if (last < nr_tokens && !memcmp(&tokens[last].what, r, sizeof(*r)))
		return last;
	if (!nr_tokens)
		memset(hash, 0, sizeof(hash));
	memcpy(&bits, r, sizeof(bits));
	for (h = bits * 0x9e3779b97f4a7c15ULL >> 46;; h = (h + 1) % (1 << 18)) {
		i = hash[h];
		if (i && !memcmp(&tokens[i - 1].what, r, sizeof(*r)))
			return last = i - 1;
		if (i)
			continue;
		if (nr_tokens == MAX_TOKENS)
			fail("too many tokens");
		tokens[nr_tokens].what = *r;
		tokens[nr_tokens].count = 0;
		hash[h] = ++nr_tokens;
		return last = nr_tokens - 1;
	}
}

static void print_window(const struct record *r, size_t n)
{
	unsigned int token, run = 0, last = -1U, column = 0;
	size_t i;

	fprintf(out, "window %zu\n", n);
	for (i = 0; i <= n; i++) {
		token = i < n ? token_of(&r[i]) : -1U;
		if (i && token != last) {
			fprintf(out, "%u", last);
			if (run > 1)
				fprintf(out, "*%u", run);
			fputc(++column % 32 ? ' ' : '\n', out);
			run = 0;
		}
		last = token;
		run++;
	}
	fprintf(out, "\n");
}

static void print_slots(void)
{
	FILE *f = fopen(DEBUG "unpack_jit", "r");
	char line[300];

	while (f && fgets(line, sizeof(line), f))
		fprintf(out, "slot %s", line);
	if (f)
		fclose(f);
}

/* A kprobe event in the ring buffer, behind its header of 4 bytes. */
struct event {
	uint16_t type;
	uint8_t flags, preempt;
	int32_t pid;
	uint64_t ip, ret, out;
	uint8_t level, btree, slot;
} __attribute__((packed));

static unsigned int type_key, type_pos, type_next;

static unsigned int type_of(const char *event)
{
	unsigned int type = 0;
	char path[100];
	FILE *f;

	sprintf(path, TRACING "events/kprobes/%s/id", event);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%u", &type) != 1)
		fail(path);
	fclose(f);
	return type;
}

static void add_probes(const char *next)
{
	char probe[300];

	write_file(TRACING "kprobe_events", "p:key bch2_bkey_table_unpack" EVENT);
	write_file(TRACING "kprobe_events", "p:pos bch2_bkey_table_unpack_pos" EVENT);
	sprintf(probe, "p:next bch2_btree_iter_peek_upto+%s", next);
	write_file(TRACING "kprobe_events", probe);
	type_key = type_of("key");
	type_pos = type_of("pos");
	type_next = type_of("next");
	write_file(TRACING "options/overwrite", "0");
	write_file(TRACING "buffer_size_kb", "600000");
}

/* Sites in loops, but bch2_btree_iter_peek_upto(), which unpacks other keys at one site, too. */
static bool in_loop(const char *function)
{
	static const char * const loops[] = {
		"bch2_btree_node_iter_peek_unpack", "validate_bset_keys",
		"bch2_btree_node_read_done", "__bch2_btree_calc_format", "__btree_split_node",
	};
	unsigned int i;

	for (i = 0; i < sizeof(loops) / sizeof(*loops); i++)
		if (!strncmp(function, loops[i], strlen(loops[i])))
			return true;
	return false;
}

static size_t add_event(struct record *r, const struct event *e)
{
	static bool next;
	unsigned int what = 0, offset;

	if (e->type == type_next) {
		next = true;
		return 0;
	}
	if (e->type != type_key && e->type != type_pos)
		return 0;
	if (e->type == type_pos)
		what = 2;
	else if (next || in_loop(name_of_site(e->ret, &offset)))
		what = 1;
	next = false;
	*r = (struct record) {
		.site = e->ret, .slot = e->slot, .btree = e->btree | e->level << 5,
		.place = (e->out & 4095) / 4 | what << 10,
	};
	return 1;
}

/* A page of the ring buffer: a time, the number of bytes, and events. */
static size_t add_page(struct record *r, const uint8_t *page)
{
	uint64_t commit;
	const uint8_t *p = page + 16, *end;
	size_t n = 0;

	memcpy(&commit, page + 8, sizeof(commit));
	end = p + (commit & 0xfffff);
	while (p < end) {
		uint32_t header;
		unsigned int len;

		memcpy(&header, p, sizeof(header));
		len = (header & 31) * 4;
		p += 4;
		if ((header & 31) == 29)		/* padding to the end */
			break;
		if ((header & 31) >= 30) {		/* times */
			p += 4;
			continue;
		}
		if (!len)
			memcpy(&len, p, sizeof(len));
		n += add_event(r + n, (const struct event *)p);
		p += len;
	}
	return n;
}

static void print_trace(const char *what)
{
	struct record *r;
	uint8_t page[4096];
	size_t n = 0, i, step;
	ssize_t got;
	unsigned int offset;
	int fd = open(TRACING "per_cpu/cpu0/trace_pipe_raw", O_RDONLY | O_NONBLOCK);

	r = malloc(160UL << 20);
	if (fd < 0 || !r)
		fail("trace_pipe_raw");
	read_symbols();
	while ((got = read(fd, page, sizeof(page))) > 0 && n < (160UL << 20) / sizeof(*r) - 4096)
		n += add_page(r + n, page);
	close(fd);

	nr_tokens = 0;
	for (i = 0; i < n; i++)
		tokens[token_of(&r[i])].count++;
	fprintf(out, "trace %s %zu\n", what, n);
	printf("# %s: %zu\n", what, n);
	fflush(stdout);
	print_slots();
	for (i = 0; i < nr_tokens; i++) {
		const struct record *t = &tokens[i].what;
		const char *name = name_of_site(t->site, &offset);

		fprintf(out, "token %zu %s+%#x %u %u %u %c %u %lu\n", i, name, offset,
			t->btree & 31, t->btree >> 5, t->slot, "knp?"[t->place >> 10 & 3],
			(t->place & 1023) * 4, tokens[i].count);
	}
	step = n / WINDOWS;
	if (n <= WINDOWS * WINDOW)
		print_window(r, n);
	else
		for (i = 0; i < WINDOWS; i++)
			print_window(r + i * step + (step - WINDOW) / 2, WINDOW);
	fprintf(out, "end\n");
	fflush(out);
	free(r);
}

static void start_probes(void)
{
	int fd = open(TRACING "trace", O_WRONLY | O_TRUNC);	/* empties the buffer */

	if (fd < 0)
		fail("trace");
	close(fd);
	write_file(TRACING "events/kprobes/enable", "1");
}

static void start(void)
{
	write_file("/proc/sys/vm/drop_caches", "3");
	start_probes();
}

static void stop(const char *what)
{
	write_file(TRACING "events/kprobes/enable", "0");
	print_trace(what);
}

/* Expand a sparse copy below /tmp, and attach a loop device to it. */
static void attach(const char *sparse, int nr, char *device)
{
	int from = open(sparse, O_RDONLY), to;
	char path[100];

	sprintf(path, "/tmp/image%d", nr);
	to = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (from < 0 || to < 0 || !is_sparse(from) || ftruncate(to, SIZE) || !expand(from, to))
		fail(sparse);
	close(from);
	close(to);
	/* The open loop device keeps the image attached. */
	if (attach_loop(path, device, DEVICE) < 0)
		fail(device);
}

static void mount_on(const char *device, const char *options)
{
	mkdir(MOUNT, 0755);
	if (mount(device, MOUNT, "bcachefs", 0, options))
		fail("mount");
}

static void unmount(void)
{
	if (umount(MOUNT))
		fail("umount");
}

static int open_root(void)
{
	int fd = open(MOUNT, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		fail(MOUNT);
	return fd;
}

static void enlarge_journal(unsigned int devices)
{
	unsigned int i;
	int fd = open_root();

	for (i = 0; i < devices; i++) {
		struct bch_ioctl_disk_resize_journal arg = {
			.flags = 16, .dev = i, .nbuckets = 128,
		};

		if (ioctl(fd, BCH_IOCTL_DISK_RESIZE_JOURNAL, &arg))
			fail("BCH_IOCTL_DISK_RESIZE_JOURNAL");
	}
	close(fd);
}

static void name_of(char *path, unsigned int nr)
{
	sprintf(path, MOUNT "/dir%u/file%u", nr % DIRS, nr);
}

static void make_files(unsigned int from, unsigned int n)
{
	static char data[40000];
	char path[100];
	unsigned int i;
	int fd;

	for (i = 0; i < DIRS && !from; i++) {
		sprintf(path, MOUNT "/dir%u", i);
		mkdir(path, 0755);
	}
	for (i = from; i < from + n; i++) {
		size_t size = i % 50 ? i * 37 % 90 : sizeof(data);

		name_of(path, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write(fd, data, size) != (ssize_t)size)
			fail(path);
		close(fd);
	}
}

static void find(const char *root)
{
	char path[400];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(root);

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
		if (!lstat(path, &st) && S_ISDIR(st.st_mode))
			find(path);
	}
	if (dir)
		closedir(dir);
}

static void stat_randomly(unsigned int n)
{
	struct stat st;
	char path[100];

	while (n--) {
		name_of(path, random() % files);
		if (lstat(path, &st))
			fail(path);
	}
}

static void unlink_files(unsigned int from, unsigned int n)
{
	char path[100];

	while (n--) {
		name_of(path, from + n);
		if (unlink(path))
			fail(path);
	}
}

static void rename_files(unsigned int n)
{
	char from[100], to[100];

	while (n--) {
		name_of(from, n);
		sprintf(to, MOUNT "/dir%u/renamed%u", (n + 7) % DIRS, n);
		if (rename(from, to) || rename(to, from))
			fail(to);
	}
}

static void subvolume(unsigned long command)
{
	struct bch_ioctl_subvolume arg = {
		.flags = command == BCH_IOCTL_SUBVOLUME_CREATE, .dirfd = AT_FDCWD,
		.mode = 0777, .dst_ptr = (uintptr_t)MOUNT "/snapshot",
		.src_ptr = command == BCH_IOCTL_SUBVOLUME_CREATE ? (uintptr_t)MOUNT : 0,
	};
	int fd = open_root();

	if (ioctl(fd, command, &arg))
		fail("subvolume");
	close(fd);
}

static void evacuate(void)
{
	struct bch_ioctl_data arg = {
		.op = BCH_DATA_OP_MIGRATE, .end_btree = 255, .end = { -1U, -1U, -1U, -1U, -1U },
		.dev = 1,
	};
	char event[128];
	int root = open_root(), fd = ioctl(root, BCH_IOCTL_DATA, &arg), i;

	if (fd < 0)
		fail("BCH_IOCTL_DATA");
	/* Each event shows progress; data_type is 255 at the end. */
	for (i = 0; i < 600 && read(fd, event, sizeof(event)) > 0; i++) {
		if ((uint8_t)event[8] == 255)
			break;
		usleep(100000);
	}
	close(fd);
	close(root);
}

static void perf(const char *what, unsigned int n)
{
	struct bch_ioctl_query_uuid arg;
	char path[200] = "/sys/fs/bcachefs/", *at = path + strlen(path), command[100];
	int i, fd = open_root();

	if (ioctl(fd, BCH_IOCTL_QUERY_UUID, &arg))
		fail("BCH_IOCTL_QUERY_UUID");
	close(fd);
	for (i = 0; i < 16; i++)
		at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			      arg.uuid[i]);
	strcat(path, "/perf_test");
	sprintf(command, "%s %u 1", what, n);
	start_probes();
	write_file(path, command);
	stop(what);
}

#define TRACE(what, work)	do { start(); work; stop(what); } while (0)

static void one_device(const char *image)
{
	char device[DEVICE];

	attach(image, 0, device);
	TRACE("mount", mount_on(device, ""));
	TRACE("find", find(MOUNT));
	enlarge_journal(1);
	TRACE("create", make_files(0, files); sync());
	unmount();
	TRACE("mount-again", mount_on(device, ""));
	TRACE("find-again", find(MOUNT));
	TRACE("stat", stat_randomly(files));
	TRACE("create-unlink", make_files(files, files / 10); unlink_files(files, files / 10); sync());
	TRACE("rename", rename_files(files / 10); sync());
	TRACE("snapshot", subvolume(BCH_IOCTL_SUBVOLUME_CREATE); rename_files(files / 20);
	      find(MOUNT "/snapshot"); subvolume(BCH_IOCTL_SUBVOLUME_DESTROY); sync());
	unmount();
	TRACE("fsck", mount_on(device, "fsck,fix_errors=yes"));
	perf("seq_insert", 50000);
	perf("seq_lookup", 50000);
	perf("seq_overwrite", 20000);
	perf("rand_insert", 20000);
	perf("rand_lookup", 20000);
	perf("rand_mixed", 10000);
	unmount();
}

static void two_devices(const char *image, const char *image2)
{
	char device[2 * DEVICE];

	attach(image, 1, device);
	strcat(device, ":");
	attach(image2, 2, device + strlen(device));
	mount_on(device, "");
	enlarge_journal(2);
	make_files(0, files / 4);
	sync();
	TRACE("evacuate", evacuate());
	unmount();
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 1;
	out = fopen(argv[1], "w");
	files = atoi(argv[2]);
	if (!out)
		fail(argv[1]);
	printf("TAP version 13\n1..1\n");
	if (!fork()) {
		execl("/sbin/modprobe", "modprobe", "bcachefs", NULL);
		_exit(1);
	}
	wait(NULL);
	write_file("/sys/module/bcachefs/parameters/unpack_jit", "0");
	add_probes(argv[3]);
	one_device(argv[4]);
	two_devices(argv[5], argv[6]);
	fclose(out);
	printf("ok 1 record\n");
	return 0;
}
