// SPDX-License-Identifier: GPL-2.0
/*
 * Mount mutated images of a bcachefs file system, and compare what users see.
 *
 * The number of an image determines its mutations: key formats that stay valid or become
 * invalid, lengths and versions of sets of keys, keys near the end of a set, headers of
 * nodes, versions of the superblock, and copies of nodes in the place of others. Checksums
 * are computed again, so that the kernel reads the result.
 *
 * Each image is mounted read-only and read-write, every second one with fsck, without
 * generated code, with it, and with the comparison of every key. The result is the error of
 * mount(), or a digest of all names, attributes, contents and errors. It must be the same
 * each time. STOCK is a file with the lines "result ..." that a run on a kernel without
 * generated code has printed. The results must then equal these, too.
 *
 * Usage: hostile IMAGE FIRST COUNT
 *	  hostile IMAGE STOCK
 *
 * IMAGE is the output of make_sparse.py. The second form tests the images that STOCK names.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>

#include "../code_patching/inject.h"
#include "../code_patching/modules.h"
#include "image.h"

#define PARAMETERS	"/sys/module/bcachefs/parameters/"
#define CODE		DEBUGFS "/bcachefs/unpack_jit"
#define CHECK		DEBUGFS "/bcachefs/unpack_check"

#define __packed	__attribute__((packed))
#define __aligned(x)	__attribute__((aligned(x)))

#define SECTOR		512
#define SUPER		(8 * SECTOR)
#define BSET_MAGIC	0x90135c78b99e07f5ULL

enum { FIELDS = 6, DEPTH = 8, ENTRIES = 2000, TIMEOUT = 120 };

/* struct bch_sb, as far as it is used here */
struct super {
	uint64_t csum[2];
	uint16_t version, version_min, pad[2];
	uint8_t magic[16], uuid[16], user_uuid[16], label[32];
	uint64_t offset, seq;
	uint16_t block_size;
	uint8_t dev_idx, nr_devices;
	uint32_t u64s;
	uint64_t time[2], flags[7], write_time, features[2], compat[2];
	uint8_t layout_magic[16], layout_type, max_size_bits, nr_superblocks, layout_pad[5];
	uint64_t sb_offset[61];
	uint64_t data[];
} __packed __aligned(8);

struct bset {
	uint64_t seq, journal_seq;
	uint32_t flags;
	uint16_t version, u64s;
	uint64_t data[];
} __packed __aligned(8);

struct format {
	uint8_t key_u64s, nr_fields, bits[FIELDS];
	uint64_t offset[FIELDS];
} __packed __aligned(8);

struct node {
	uint64_t csum[2], magic, flags;
	uint8_t min_key[20], max_key[20], ptr[8];
	struct format format;
	struct bset keys;
} __packed __aligned(8);

struct entry {
	uint64_t csum[2];
	struct bset keys;
} __packed __aligned(8);

/* What users see: the error of mount(), or 0 and a digest. */
struct result {
	int error;
	uint64_t digest;
};

enum mode { OFF, ON, CHECKED, MODES };

static const char * const mode_names[] = { "without code", "with code", "compared" };

static char image_path[] = "/tmp/hostile.XXXXXX", mount_point[] = "/tmp/hostile-mnt.XXXXXX";
static uint8_t *image;
static size_t image_size;
static struct node *nodes[512];
static unsigned int nr_nodes;
static size_t node_size, block_size;
static int kmsg = -1;
static uint64_t state;

static void fail(const char *what)
{
	ksft_exit_fail_msg("%s: %s\n", what, strerror(errno));
}

static uint64_t rnd64(void)
{
	uint64_t x = state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static unsigned int rnd(unsigned int below)
{
	return rnd64() % below;
}

static uint32_t crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0U;
	unsigned int i;

	while (len--)
		for (crc ^= *p++, i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	return ~crc;
}

/*
 * The structure of the image.
 */

static struct super *super(void)
{
	return (struct super *)(image + SUPER);
}

static uint8_t *end_of_node(const struct node *n)
{
	return (uint8_t *)n + node_size;
}

/* Compute the checksum of a structure that begins with it and ends with a set of keys. */
static void seal(uint64_t *csum, const struct bset *set, const uint8_t *limit)
{
	const uint8_t *begin = (uint8_t *)(csum + 2), *end = (uint8_t *)(set->data + set->u64s);

	csum[0] = crc32c(begin, (end < limit ? end : limit) - begin);
	csum[1] = 0;
}

static void seal_super(void)
{
	struct super *sb = super(), *copy;
	uint8_t *begin = (uint8_t *)(sb->csum + 2);
	size_t size = (uint8_t *)(sb->data + sb->u64s) - begin;
	unsigned int i;

	for (i = 0; i < sb->nr_superblocks; i++) {
		copy = (struct super *)(image + sb->sb_offset[i] * SECTOR);
		copy->version = sb->version;
		copy->version_min = sb->version_min;
		copy->csum[0] = crc32c((uint8_t *)(copy->csum + 2), size);
	}
}

/* The sets of keys of a node. */
struct sets {
	struct bset *set[64];
	uint64_t *csum[64];
	unsigned int nr;
};

static void find_sets(struct node *n, struct sets *s)
{
	struct bset *set = &n->keys;
	uint64_t *csum = n->csum;
	size_t at = 0;

	for (s->nr = 0; s->nr < 64 && at < node_size && set->seq == n->keys.seq; s->nr++) {
		struct entry *next;

		s->set[s->nr] = set;
		s->csum[s->nr] = csum;
		at = (uint8_t *)(set->data + set->u64s) - (uint8_t *)n;
		at = (at + block_size - 1) / block_size * block_size;
		next = (struct entry *)((uint8_t *)n + at);
		set = &next->keys;
		csum = next->csum;
	}
}

static bool contains(const void *begin, const void *end, uint64_t value)
{
	const uint64_t *p;

	for (p = begin; p < (const uint64_t *)end; p++)
		if (*p == value)
			return true;
	return false;
}

/* Whether the superblock or an interior node points to the node; the others are freed. */
static bool in_use(const struct node *n)
{
	const struct super *sb = super();
	unsigned int i;

	if (contains(sb->data, sb->data + sb->u64s, n->keys.seq))
		return true;
	for (i = 0; i < nr_nodes; i++)
		if (nodes[i]->flags >> 4 & 15 && nodes[i] != n &&
		    contains(&nodes[i]->keys, end_of_node(nodes[i]), n->keys.seq))
			return true;
	return false;
}

static void find_nodes(void)
{
	struct super *sb = super();
	unsigned int i, used = 0;
	uint64_t magic;
	size_t at;

	memcpy(&magic, sb->uuid, sizeof(magic));
	magic ^= BSET_MAGIC;
	block_size = sb->block_size * SECTOR;
	node_size = (sb->flags[0] >> 12 & 0xffff) * SECTOR;
	if (!block_size || !node_size)
		ksft_exit_fail_msg("the image is not a bcachefs file system\n");
	for (at = 0; at + node_size <= image_size; at += block_size) {
		struct node *n = (struct node *)(image + at);

		if (n->magic == magic && nr_nodes < ARRAY_SIZE(nodes))
			nodes[nr_nodes++] = n;
	}
	for (i = 0; i < nr_nodes; i++)
		if (in_use(nodes[i]))
			nodes[used++] = nodes[i];
	nr_nodes = used;
	if (!nr_nodes)
		ksft_exit_fail_msg("the image has no btree nodes\n");
}

/*
 * The mutations.
 */

static void fit_u64s(struct format *f)
{
	unsigned int bits = 24, i;

	for (i = 0; i < FIELDS; i++)
		bits += f->bits[i];
	f->key_u64s = (bits + 63) / 64;
}

/* Move bits from one field to another. The format stays valid, but keys have other values. */
static void move_bits(struct format *f)
{
	static const uint8_t limit[FIELDS] = { 64, 64, 32, 32, 32, 64 };
	unsigned int from = rnd(FIELDS), to = rnd(FIELDS), n, room;

	while (!f->bits[from])
		from = (from + 1) % FIELDS;
	for (n = 0; n < FIELDS && (to == from || f->bits[to] >= limit[to]); n++)
		to = (to + 1) % FIELDS;
	if (to == from || f->bits[to] >= limit[to])
		return;
	n = 1 + rnd(f->bits[from]);
	room = limit[to] - f->bits[to];
	if (n > room)
		n = room;
	f->bits[from] -= n;
	f->bits[to] += n;
	/* A field as wide as its place in the result must not have an offset. */
	if (f->bits[to] == limit[to])
		f->offset[to] = 0;
}

static uint64_t extreme(void)
{
	switch (rnd(4)) {
	case 0: return ~0ULL;
	case 1: return 1ULL << rnd(64);
	case 2: return rnd(1000);
	default: return rnd64();
	}
}

static void change_format(struct node *n)
{
	struct format *f = &n->format;
	unsigned int i = rnd(FIELDS), field;
	bool any = false;

	for (field = 0; field < FIELDS; field++)
		any |= f->bits[field];
	switch (rnd(8)) {
	case 0:
		f->bits[i] = rnd(256);
		break;
	case 1:
		f->bits[i] = rnd(65);
		fit_u64s(f);
		break;
	case 2:
		f->offset[i] = extreme();
		break;
	case 3:
		f->key_u64s = rnd(256);
		break;
	case 4:
		f->nr_fields = rnd(256);
		break;
	default:
		if (any)
			move_bits(f);
	}
}

static void change_set(struct bset *set)
{
	switch (rnd(6)) {
	case 0:
		set->u64s += rnd(9) - 4;
		break;
	case 1:
		set->u64s = extreme();
		break;
	case 2:
		set->version = rnd(2) ? 1024 + rnd(32) : rnd(64);
		break;
	case 3:
		set->flags ^= 1U << rnd(32);
		break;
	case 4:
		set->journal_seq = extreme();
		break;
	default:
		set->version = rnd64();
	}
}

/* A random key, usually one of the last ones of its set. */
static uint8_t *find_key(struct bset *set, const uint8_t *limit)
{
	uint8_t *last[4] = {}, *k = (uint8_t *)set->data, *end = (uint8_t *)(set->data + set->u64s);
	unsigned int nr = 0, at = rnd(3) ? ~0U : rnd(200);

	for (; k < end && k < limit && *k && nr <= at; k += *k * 8)
		last[nr++ % 4] = k;
	return nr ? last[rnd(nr < 4 ? nr : 4)] : NULL;
}

static void change_key(struct bset *set, const uint8_t *limit)
{
	uint8_t *k = find_key(set, limit);
	unsigned int at;

	if (!k)
		return;
	switch (rnd(6)) {
	case 0:
		k[0] = rnd(256);
		break;
	case 1:
		k[0] += rnd(5) - 2;
		break;
	case 2:
		k[1] = rnd(256);
		break;
	case 3:
		k[2] = rnd(40);
		break;
	default:
		/* Not the header. */
		at = 3 + rnd(*k * 8 - 3);
		if (k + at < limit)
			k[at] ^= 1 << rnd(8);
	}
}

static void change_header(struct node *n)
{
	switch (rnd(4)) {
	case 0:
		n->min_key[rnd(20)] ^= 1 << rnd(8);
		break;
	case 1:
		n->max_key[rnd(20)] ^= 1 << rnd(8);
		break;
	case 2:
		n->flags ^= 1ULL << rnd(64);
		break;
	default:
		n->keys.seq = extreme();
	}
}

static void change_super(void)
{
	struct super *sb = super();

	sb->version = rnd(4) ? 1024 + rnd(20) : rnd(1 << 16);
	if (rnd(2))
		sb->version_min = rnd(2) ? sb->version : rnd(1 << 16);
	seal_super();
}

/*
 * Put a copy of a node where another one was. The kernel finds the wrong node, and looks for
 * nodes in the whole image if the lost one was a root. Half of the copies have another
 * sequence number.
 */
static void replace_node(struct node *n)
{
	struct node *from = nodes[rnd(nr_nodes)];

	memmove(n, from, node_size);
	if (rnd(2)) {
		n->flags ^= 1ULL << (32 + rnd(32));
		seal(n->csum, &n->keys, end_of_node(n));
	}
}

static void mutate_node(struct node *n)
{
	unsigned int what = rnd(16), i;
	struct sets s;

	find_sets(n, &s);
	i = rnd(2) ? 0 : rnd(s.nr);
	if (what < 6)
		change_format(n);
	else if (what < 9)
		change_set(s.set[i]);
	else if (what < 14)
		change_key(s.set[i], end_of_node(n));
	else
		change_header(n);
	for (i = 0; i < s.nr; i++)
		seal(s.csum[i], s.set[i], end_of_node(n));
}

static void mutate(unsigned int number)
{
	unsigned int times;

	state = number;
	for (times = 1 + rnd(3); times--;)
		switch (rnd(20)) {
		case 0:
			change_super();
			break;
		case 1:
			replace_node(nodes[rnd(nr_nodes)]);
			break;
		default:
			mutate_node(nodes[rnd(nr_nodes)]);
		}
}

/*
 * What users see.
 */

static void digest(struct result *r, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		r->digest = (r->digest ^ *p++) * 0x100000001b3ULL;
}

static void digest_number(struct result *r, uint64_t v)
{
	digest(r, &v, sizeof(v));
}

static void digest_error(struct result *r, bool failed)
{
	digest_number(r, failed ? errno : 0);
}

static void read_file(struct result *r, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	static char buf[65536];
	ssize_t n;

	digest_error(r, fd < 0);
	if (fd < 0)
		return;
	n = read(fd, buf, sizeof(buf));
	digest_error(r, n < 0);
	if (n > 0)
		digest(r, buf, n);
	close(fd);
}

static void read_attributes(struct result *r, int dir, const char *name, struct stat *st)
{
	char target[256];
	ssize_t n;

	if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW)) {
		digest_error(r, true);
		st->st_mode = 0;
		return;
	}
	digest_number(r, st->st_mode);
	digest_number(r, st->st_nlink);
	digest_number(r, st->st_size);
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir, name, target, sizeof(target));
		digest_error(r, n < 0);
		if (n > 0)
			digest(r, target, n);
	}
}

/* Names in the order of the directory, which follows from the order of keys. */
static void walk(struct result *r, int at, unsigned int depth, unsigned int *left)
{
	DIR *dir = fdopendir(at);
	struct dirent *d;
	struct stat st;
	int sub;

	while (dir && *left && (errno = 0, d = readdir(dir))) {
		(*left)--;
		digest(r, d->d_name, strlen(d->d_name));
		digest_number(r, d->d_type);
		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		read_attributes(r, at, d->d_name, &st);
		if (S_ISREG(st.st_mode))
			read_file(r, at, d->d_name);
		/* fsck invents names in lost+found. */
		if (!S_ISDIR(st.st_mode) || !depth || !strcmp(d->d_name, "lost+found"))
			continue;
		sub = openat(at, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		digest_error(r, sub < 0);
		if (sub >= 0)
			walk(r, sub, depth - 1, left);
	}
	digest_error(r, errno);
	if (dir)
		closedir(dir);
}

static void change_files(struct result *r)
{
	int fd;

	digest_error(r, mkdir("new", 0755));
	fd = open("new/file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	digest_error(r, fd < 0 || write(fd, "sixteen letters.", 16) != 16);
	close(fd);
	digest_error(r, rename("dir0/0-0", "new/renamed"));
	digest_error(r, unlink("dir1/1-0"));
	sync();
	read_file(r, AT_FDCWD, "new/renamed");
}

static void look(struct result *r, bool writable, const char *options)
{
	unsigned int left = ENTRIES;
	char device[64];
	int loop = attach_loop(image_path, device, sizeof(device)), fd;

	if (loop < 0)
		_exit(1);
	*r = (struct result) { .digest = 0xcbf29ce484222325ULL };
	if (mount(device, mount_point, "bcachefs", writable ? 0 : MS_RDONLY, options)) {
		r->error = errno;
		r->digest = 0;
		return;
	}
	fd = chdir(mount_point) ? -1 : open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	digest_error(r, fd < 0);
	if (fd >= 0) {
		walk(r, fd, DEPTH, &left);
		if (writable)
			change_files(r);
	}
	if (chdir("/") || umount(mount_point))
		_exit(1);
}

/*
 * The parent.
 */

/* Print lines of the kernel log that report a fault. Skip lines of programs. */
static bool any_fault(unsigned int number)
{
	static const char * const signs[] = {
		"WARNING: ", "BUG: ", "kernel BUG", "UBSAN: ", "Oops", "general protection",
	};
	char line[2048], *text;
	bool any = false;
	ssize_t n;
	size_t i;

	/* Each read() returns one record. EPIPE: older records were overwritten. */
	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		line[n > 0 ? n : 0] = 0;
		text = strtoul(line, NULL, 10) > LOG_DEBUG ? NULL : strchr(line, ';');
		for (i = 0; text && i < ARRAY_SIZE(signs); i++)
			if (strstr(text, signs[i])) {
				text[strcspn(text, "\n")] = 0;
				ksft_print_msg("fault %u %s\n", number, text + 1);
				any = true;
				break;
			}
	}
	return any;
}

static void clean_up(void)
{
	umount2(mount_point, MNT_DETACH);
	rmdir(mount_point);
	unlink(image_path);
}

/* A process that crashed or hangs keeps locks of bcachefs: no other image can be tested. */
static void stop(unsigned int number, const char *how)
{
	any_fault(number);
	clean_up();
	ksft_exit_fail_msg("image %u %s\n", number, how);
}

static struct result mount_once(unsigned int number, bool writable)
{
	static struct result *r;
	unsigned int tries;
	int status;
	pid_t child;

	if (!r)
		r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r == MAP_FAILED)
		fail("mmap");
	fflush(stdout);
	child = fork();
	if (child < 0)
		fail("fork");
	if (!child) {
		look(r, writable, writable && number % 2 ? "fsck,fix_errors=yes" : "");
		_exit(0);
	}
	for (tries = 0; waitpid(child, &status, WNOHANG) != child; tries++) {
		if (tries > TIMEOUT * 100)
			stop(number, "hangs");
		usleep(10000);
	}
	if (!WIFEXITED(status))
		stop(number, "crashes");
	if (WEXITSTATUS(status))
		stop(number, "cannot be attached or unmounted");
	return *r;
}

static void read_image(int from)
{
	int fd = open(image_path, O_RDWR | O_CLOEXEC);

	lseek(from, strlen(SPARSE_MAGIC), SEEK_SET);
	if (fd < 0 || ftruncate(fd, 0) || !expand(from, fd) || ftruncate(fd, image_size))
		fail(image_path);
	close(fd);
}

/* Write the image, map it where it was before, and mutate it. */
static void make_image(int from, unsigned int number)
{
	int fd;

	read_image(from);
	fd = open(image_path, O_RDWR | O_CLOEXEC);
	image = mmap(image, image_size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | (image ? MAP_FIXED : 0), fd, 0);
	if (image == MAP_FAILED)
		fail("mmap");
	if (!nr_nodes)
		find_nodes();
	mutate(number);
	close(fd);
}

static bool has_code(void)
{
	return !access(PARAMETERS "unpack_jit", F_OK);
}

/* The code for shapes that an earlier mount has found is generated at once. */
static void set_mode(enum mode mode)
{
	unsigned int tries;
	char text[8192];

	if (!has_code())
		return;
	if (!write_to(PARAMETERS, "unpack_check", mode == CHECKED ? "1" : "0") ||
	    !write_to(PARAMETERS, "unpack_jit", mode == OFF ? "0" : "1"))
		fail(PARAMETERS);
	for (tries = 0; mode != OFF && tries < 100; tries++) {
		if (!read_from(DEBUGFS "/bcachefs", "unpack_jit", text, sizeof(text)) ||
		    !strstr(text, "wanted"))
			break;
		usleep(10000);
	}
}

static bool same(const struct result *a, const struct result *b)
{
	return a->error == b->error && a->digest == b->digest;
}

static bool test_image(int from, unsigned int number, struct result *first)
{
	unsigned int mode, writable;
	bool ok = true;

	for (mode = OFF; mode < (has_code() ? MODES : ON); mode++) {
		set_mode(mode);
		for (writable = 0; writable < 2; writable++) {
			struct result r;

			make_image(from, number);
			r = mount_once(number, writable);
			if (mode == OFF)
				first[writable] = r;
			if (same(&r, &first[writable]))
				continue;
			ksft_print_msg("image %u %s, %s: error %d, digest %llx\n", number,
				       writable ? "rw" : "ro", mode_names[mode], r.error,
				       (unsigned long long)r.digest);
			ok = false;
		}
	}
	return ok;
}

/* Generated code must have run, and each compared key must have been right. */
static void case_compared(void)
{
	unsigned long long hits = 0, checked = 0, wrong = 0, n;
	char line[256], check[128] = "";
	unsigned int shapes = 0;
	FILE *file = fopen(CODE, "re");
	bool counted;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*u ready %*u %*u %*u %*u %*u %*u %*u %*s %*u %*u %llu",
			   &n) == 1) {
			shapes++;
			hits += n;
		}
	if (file)
		fclose(file);
	read_from(DEBUGFS "/bcachefs", "unpack_check", check, sizeof(check));
	counted = sscanf(check, "checked %llu wrong %llu", &checked, &wrong) == 2;
	ksft_print_msg("%u shapes, %llu hits; checked %llu, wrong %llu\n", shapes, hits, checked,
		       wrong);
	ksft_test_result(counted && hits && checked && !wrong, "compared\n");
}

/* Compare with the line of the stock kernel, if there is one. A fault of it may be missing. */
static bool as_stock(const char *line, bool fault, const char *stock)
{
	size_t len = strlen(line);

	if (!stock)
		return !fault;
	if (!strncmp(stock, line, len) && (stock[len] == ' ' || stock[len] == '\n') &&
	    (!fault || strstr(stock, "fault")))
		return true;
	ksft_print_msg("stock: %s", stock);
	return false;
}

static void test_one(int from, unsigned int number, const char *stock)
{
	struct result r[2];
	bool ok = test_image(from, number, r), fault = any_fault(number);
	char line[100];

	snprintf(line, sizeof(line), "result %u %d %llx %d %llx", number, r[0].error,
		 (unsigned long long)r[0].digest, r[1].error, (unsigned long long)r[1].digest);
	ksft_print_msg("%s%s\n", line, fault ? " fault" : "");
	ksft_test_result(as_stock(line, fault, stock) && ok, "image %u\n", number);
}

/* Test the images that a file names. */
static void test_listed(int from, FILE *stock)
{
	unsigned int number;
	char line[128];

	while (fgets(line, sizeof(line), stock))
		if (sscanf(line, "result %u", &number) == 1)
			test_one(from, number, line);
}

static unsigned int lines_in(FILE *file)
{
	unsigned int n = 0;
	int c;

	while ((c = getc(file)) != EOF)
		n += c == '\n';
	rewind(file);
	return n;
}

static void test(int from, unsigned int first, unsigned int count, FILE *stock)
{
	unsigned int i;

	ksft_set_plan((stock ? lines_in(stock) : count) + has_code());
	if (stock)
		test_listed(from, stock);
	for (i = first; !stock && i < first + count; i++)
		test_one(from, i, NULL);
	if (has_code())
		case_compared();
	set_mode(ON);
	clean_up();
}

static void find_size(int from)
{
	uint64_t offset, last = 0;

	if (!is_sparse(from))
		ksft_exit_skip("the image is not an output of make_sparse.py\n");
	while (read_all(from, &offset, sizeof(offset))) {
		lseek(from, 4096, SEEK_CUR);
		last = offset;
	}
	/* The last block holds a superblock. */
	image_size = last + sizeof(struct super) + (1 << 20);
	image_size &= ~((1UL << 20) - 1);
}

int main(int argc, char **argv)
{
	int image_file, fd;
	FILE *stock = NULL;

	ksft_print_header();
	if (argc < 3)
		ksft_exit_skip("usage: hostile IMAGE FIRST COUNT | hostile IMAGE STOCK\n");
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("no image at %s\n", argv[1]);
	if (argc == 3)
		stock = fopen(argv[2], "re");
	if (argc == 3 && !stock)
		ksft_exit_skip("no results at %s\n", argv[2]);
	if (geteuid())
		ksft_exit_skip("must be root\n");
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		ksft_exit_skip("/dev/kmsg: %s\n", strerror(errno));
	run_modprobe("bcachefs", NULL, NULL);
	if (access("/sys/module/bcachefs", F_OK))
		ksft_exit_skip("no bcachefs: CONFIG_BCACHEFS_FS\n");
	find_size(fd);
	image_file = mkstemp(image_path);
	if (image_file < 0 || !mkdtemp(mount_point))
		fail(image_path);
	close(image_file);
	test(fd, argc > 3 ? atoi(argv[2]) : 0, argc > 3 ? atoi(argv[3]) : 0, stock);
	ksft_finished();
}
