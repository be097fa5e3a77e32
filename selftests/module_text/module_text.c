// SPDX-License-Identifier: GPL-2.0
/*
 * Load and unload modules many times, and make loads fail. Nothing may leak, and no
 * mapping may be writable and executable at any time.
 *
 * The modules are test_module_text, which tests itself when it is loaded, and
 * test_module_text_many. Several copies with other names are loaded at the same time.
 * Damaged copies must be refused. If livepatch's sample was built, it is loaded too.
 *
 * Usage: module_text [-d DIR] [-n LOADS]
 *
 * DIR contains the modules (default: those of the running kernel). The program removes
 * their signatures, because an edited module has a wrong one.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"
#include "../code_patching/inject.h"
#include "../code_patching/modules.h"

#define MODULE		"test_module_text"
#define MANY		"test_module_text_many"
#define LATE		"test_module_text_late"
#define LIVEPATCH	"livepatch-sample"
#define AREAS		"/proc/vmallocinfo"
#define FAIL_NTH	"/proc/self/fail-nth"
#define WALK		"/sys/module/test_module_text_walk/parameters"

/* Number of successive loads, without and with lockdep; number of concurrent processes. */
enum { LOADS = 1000, LOADS_LOCKDEP = 100, COPIES = 4 };

/* The end of a signed module, see include/linux/module_signature.h. */
#define SIGNED		"~Module signature appended~\n"

struct signature_end {
	uint8_t	 ids[8];
	uint32_t sig_len;	/* big endian */
};

/* Modules and this program have the word size of the kernel. */
#if __ELF_NATIVE_CLASS == 64
#define R_SYM		ELF64_R_SYM
#define RELOCATIONS	".rela"
#define NO_TYPE		0xfff0
#else
#define R_SYM		ELF32_R_SYM
#define RELOCATIONS	".rel"
#define NO_TYPE		0xff
#endif

/* The loader of 64-bit powerpc keeps init text with the other text, and never frees it. */
#ifdef __powerpc64__
#define INIT_TEXT	false
#else
#define INIT_TEXT	true
#endif

/* ELF numbers of livepatch, from include/uapi/linux/elf.h. */
#define SHF_RELA_LIVEPATCH	0x00100000
#define SHN_LIVEPATCH		0xff20

/* Far more allocations than a load makes. */
enum { MAX_ALLOCATIONS = 5000 };

struct image {
	char *data;
	size_t size;
};

static char dir[PATH_MAX - 128];
static struct image module, many;
static bool wx_found, data_listed;

/*
 * Images of modules.
 */

/* Remove the signature: the kernel may refuse a module with a wrong one. */
static void cut_signature(struct image *image)
{
	const size_t marker = strlen(SIGNED);
	size_t tail = sizeof(struct signature_end) + marker;
	struct signature_end end;

	if (image->size < tail || memcmp(image->data + image->size - marker, SIGNED, marker))
		return;
	memcpy(&end, image->data + image->size - tail, sizeof(end));
	tail += be32toh(end.sig_len);
	if (image->size < tail)
		ksft_exit_fail_msg("a signature is longer than its module\n");
	image->size -= tail;
}

static bool read_image(struct image *to, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return false;
	to->size = st.st_size;
	to->data = malloc(to->size);
	if (!to->data || read(fd, to->data, to->size) != (ssize_t)to->size)
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	close(fd);
	cut_signature(to);
	return true;
}

static struct image copy_of(const struct image *from)
{
	struct image to = { malloc(from->size), from->size };

	if (!to.data)
		ksft_exit_fail_msg("no memory\n");
	memcpy(to.data, from->data, to.size);
	return to;
}

/* Replace a word at the end of any string by a word of the same length. Return the count. */
static unsigned int replace(struct image *image, const char *word, const char *by)
{
	size_t len = strlen(word) + 1;
	unsigned int n = 0;
	char *at = image->data;

	while ((at = memmem(at, image->data + image->size - at, word, len))) {
		memcpy(at, by, len);
		at += len;
		n++;
	}
	return n;
}

static ElfW(Shdr) *find_section(const struct image *image, const char *name)
{
	ElfW(Ehdr) *ehdr = (void *)image->data;
	ElfW(Shdr) *sections = (void *)(image->data + ehdr->e_shoff);
	const char *names = image->data + sections[ehdr->e_shstrndx].sh_offset;

	for (unsigned int i = 0; i < ehdr->e_shnum; i++)
		if (!strcmp(names + sections[i].sh_name, name))
			return &sections[i];
	return NULL;
}

/* Give the first relocation of .text a type that no architecture has. */
static bool spoil_relocation(struct image *image)
{
	ElfW(Shdr) *section = find_section(image, RELOCATIONS ".text");
	ElfW(Rel) *rel;

	if (!section)
		return false;
	rel = (void *)(image->data + section->sh_offset);
	rel->r_info |= NO_TYPE;
	return true;
}

/*
 * Mark the relocations of .late_text for livepatch: name and flags of the section, section
 * index of the symbol. See Documentation/livepatch/module-elf-format.rst.
 */
static bool mark_late(struct image *image)
{
	ElfW(Shdr) *section = find_section(image, ".rela.late_text");
	ElfW(Shdr) *name = find_section(image, ".comment.klp.rela." MODULE "..late_text");
	ElfW(Shdr) *symtab = find_section(image, ".symtab");
	ElfW(Rela) *rela;
	ElfW(Sym) *symbol;

	if (!section || !name || !symtab || section->sh_size != sizeof(*rela))
		return false;
	section->sh_name = name->sh_name + strlen(".comment");
	section->sh_flags |= SHF_ALLOC | SHF_RELA_LIVEPATCH;
	rela = (void *)(image->data + section->sh_offset);
	symbol = (void *)(image->data + symtab->sh_offset);
	symbol += R_SYM(rela->r_info);
	if (symbol->st_shndx != SHN_UNDEF)
		return false;
	symbol->st_shndx = SHN_LIVEPATCH;
	return true;
}

/* Load a module. Return 0 or an errno. */
static int load(const struct image *image, const char *params)
{
	return syscall(SYS_init_module, image->data, image->size, params) ? errno : 0;
}

static int load_and_unload(const struct image *image, const char *name, const char *params)
{
	int error = load(image, params);

	return error ? error : remove_module(name);
}

/*
 * Mappings of the kernel.
 */

/* Look for a mapping that is writable and executable. False if the kernel cannot tell. */
static bool check_wx(void)
{
	int found = has_wx_mapping();

	wx_found |= found > 0;
	return found >= 0;
}

/*
 * Count the areas of module data by the function of the loader that allocated them. The
 * name of this function depends on the compiler's inlining.
 */
static int count_areas_of_data(void)
{
	return count_lines(AREAS, " module_memory_alloc") + count_lines(AREAS, " move_module") +
	       count_lines(AREAS, " layout_and_allocate") + count_lines(AREAS, " load_module");
}

/* Do not count areas of execmem_map(): other code can keep them in use. */
static int count_areas(void)
{
	return count_lines(AREAS, " execmem_") - count_lines(AREAS, " execmem_map") +
	       count_areas_of_data();
}

/* Init memory is freed after a grace period. */
static bool areas_return_to(int before)
{
	for (int tries = 0; tries < 10; tries++) {
		if (count_areas() <= before)
			return true;
		nanosleep(&half_second, NULL);
	}
	return false;
}

/*
 * Cases.
 */

static void case_places(void)
{
	int before = count_areas_of_data(), error = load(&module, "early=1");

	data_listed = count_areas_of_data() > before;
	check_wx();
	ksft_test_result(!error && !remove_module(MODULE),
			 "each kind of patch site works\n");
	if (error)
		ksft_print_msg("not loaded: %s\n", strerror(error));

	error = load_and_unload(&many, MANY, "");
	ksft_test_result(!error, "thousands of patch sites work\n");
}

static void case_often(unsigned int loads)
{
	unsigned int n;
	int error = 0;

	for (n = 0; n < loads && !error; n++) {
		error = load_and_unload(&module, MODULE, "quick=1");
		if (n % (loads / 10 + 1) == 0)
			check_wx();
	}
	if (error)
		ksft_print_msg("load %u: %s\n", n, strerror(error));
	ksft_test_result(!error, "loaded and unloaded %u times\n", loads);
}

static int load_copies(unsigned int nr, unsigned int loads)
{
	struct image image = copy_of(&module);
	char name[] = MODULE;

	name[strlen(name) - 1] = '0' + nr;
	if (!replace(&image, MODULE, name)) {
		ksft_print_msg(MODULE ".ko does not contain its name\n");
		return 1;
	}
	for (unsigned int n = 0; n < loads; n++) {
		int error = load_and_unload(&image, name, n % 8 ? "quick=1" : "");

		if (error)
			return error;
	}
	return 0;
}

static void case_at_once(unsigned int loads)
{
	unsigned int nr, well = 0, looked = 0;
	int status;
	pid_t pid;

	fflush(stdout);
	for (nr = 0; nr < COPIES; nr++)
		if (!fork())
			_exit(load_copies(nr, loads));
	for (nr = 0; nr < COPIES;) {
		/* Check a few times only while they load, because the check takes long. */
		pid = waitpid(-1, &status, looked < 20 ? WNOHANG : 0);
		if (!pid) {
			check_wx();
			looked++;
			continue;
		}
		nr++;
		if (pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status))
			well++;
		else
			ksft_print_msg("a copy failed: %s\n", strerror(WEXITSTATUS(status)));
	}
	ksft_test_result(well == COPIES, "%d copies at once, %u times each\n", COPIES, loads);
}

static void expect_refused(const char *what, const struct image *image, const char *params,
			   int error, int or_error)
{
	int got = load(image, params);

	if (got != error)
		ksft_print_msg("%s: %s\n", what, got ? strerror(got) : "loaded");
	ksft_test_result((got == error || got == or_error) && !is_loaded(MODULE), "%s\n", what);
	if (!got)
		remove_module(MODULE);
}

static void case_refused(void)
{
	struct image bad = copy_of(&module);

	expect_refused("init returns an error", &module, "quick=1 result=-5", EIO, EIO);
	expect_refused("a parameter is refused", &module, "early=refuse", EINVAL, EINVAL);
	if (!spoil_relocation(&bad))
		ksft_exit_fail_msg(MODULE " has no relocations of .text\n");
	expect_refused("bad relocation", &bad, "", ENOEXEC, EINVAL);

	memcpy(bad.data, module.data, bad.size);
	if (!replace(&bad, "stack_trace_save", "stack_trace_lose"))
		ksft_exit_fail_msg(MODULE " does not call stack_trace_save()\n");
	expect_refused("unknown symbol", &bad, "", ENOENT, ENOENT);

	bad.size /= 2;
	expect_refused("truncated", &bad, "", ENOEXEC, ENOEXEC);
}

/* Let sealing succeed @after times and then fail. Core text is sealed before init text. */
static void case_injected(const char *text, unsigned int after)
{
	static const char function[] = "execmem_seal_text";
	int error;

	if (!inject(function, "0xfffffffffffffff4", after)) {	/* -ENOMEM */
		inject("", NULL, 0);
		ksft_test_result_skip("%s fails for %s text: %s\n", function, text,
				      NO_FAIL_FUNCTION);
		return;
	}
	error = load(&module, "quick=1");
	inject("", NULL, 0);
	if (!error)
		remove_module(MODULE);
	ksft_test_result(error == ENOMEM && !is_loaded(MODULE), "%s fails for %s text\n",
			 function, text);
}

/* Let the nth allocation of this process from now on fail. 0 ends the injection. */
static bool fail_nth(unsigned int n)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", n);
	return write_to("/proc/self", "fail-nth", number);
}

/* Return whether the allocation was reached and failed. */
static bool has_failed(void)
{
	char left[16] = "";
	int fd = open(FAIL_NTH, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, left, sizeof(left) - 1);

	close(fd);
	return len > 0 && !atoi(left);
}

/* Let each allocation of a load fail once. A load may succeed without some of them. */
static void case_allocations(void)
{
	unsigned int n, refused = 0, others = 0;
	bool failed = true;
	int error;

	if (!set_fault_attributes(FAILSLAB) || !fail_nth(0)) {
		ksft_test_result_skip("each allocation fails: no CONFIG_FAILSLAB\n");
		return;
	}
	for (n = 1; failed && n < MAX_ALLOCATIONS; n++) {
		fail_nth(n);
		error = load(&module, "quick=1");
		failed = has_failed();
		fail_nth(0);
		if (!error)
			error = remove_module(MODULE);
		else if (failed)
			refused++;
		others += error && error != ENOMEM;
		if (error && error != ENOMEM)
			ksft_print_msg("failed allocation %u: %s\n", n, strerror(error));
	}
	write_to(FAILSLAB, "ignore-gfp-wait", "Y");
	ksft_print_msg("%u allocations failed, %u of them made the load fail\n", n - 2, refused);
	ksft_test_result(!failed && !error && !others && refused && !is_loaded(MODULE),
			 "each allocation fails\n");
}

static bool cmdline_is_patched(void)
{
	return count_lines("/proc/cmdline", "this has been live patched") == 1;
}

/* Disable a live patch, and unload it once no task executes it. */
static bool unload_livepatch(const char *name)
{
	char path[128];
	bool ok;

	snprintf(path, sizeof(path), "/sys/kernel/livepatch/%s", name);
	ok = write_to(path, "enabled", "0");
	for (int tries = 0; ok && tries < 60 && remove_module(name); tries++)
		nanosleep(&half_second, NULL);
	return !is_loaded(name);
}

static void case_livepatch(void)
{
	static const char name[] = "livepatch-sample";
	struct image image;
	char path[PATH_MAX];
	int error;
	bool ok;

	snprintf(path, sizeof(path), "%s/samples/livepatch/" LIVEPATCH ".ko", dir);
	if (!read_image(&image, path)) {
		ksft_test_result_skip("%s: no CONFIG_SAMPLE_LIVEPATCH\n", name);
		return;
	}
	error = load(&image, "");
	ok = !error && cmdline_is_patched();
	ok = unload_livepatch("livepatch_sample") && ok;
	ksft_test_result(ok && !cmdline_is_patched(), "%s\n", name);
}

static int get_answer(void)
{
	char answer[16];

	return read_from("/sys/module/" MODULE "/parameters", "answer", answer, sizeof(answer)) ?
	       atoi(answer) : -1;
}

/* Load the module, read its answer and unload it. Return -1 if one of these fails. */
static int load_for_answer(void)
{
	int answer = load(&module, "quick=1") ? -1 : get_answer();

	return remove_module(MODULE) ? -1 : answer;
}

/* Load the module twice: livepatch clears the call at unload and writes it again. */
static void case_late(void)
{
	static const char name[] = "livepatch calls a module that is loaded later";
	int before, error, first = -1, second = -1;
	struct image image;
	char path[PATH_MAX];
	bool gone = true;

	snprintf(path, sizeof(path), "%s/lib/" LATE ".ko", dir);
	if (!read_image(&image, path)) {
		ksft_test_result_skip("%s: no CONFIG_LIVEPATCH\n", name);
		return;
	}
	if (!mark_late(&image))
		ksft_exit_fail_msg("%s: .late_text must have one relocation\n", path);
	before = load_for_answer();
	error = load(&image, "");
	if (!error) {
		first = load_for_answer();
		second = load_for_answer();
		gone = unload_livepatch(LATE);
	}
	ksft_print_msg("%s: answers %d, then %d and %d\n", strerror(error), before, first, second);
	ksft_test_result(before == 21 && first == 42 && second == 42 && gone, "%s\n", name);
}

/* Some patching errors cause a warning and no other failure. */
static bool has_warned(void)
{
	char taint[32];

	return read_from("/proc/sys/kernel", "tainted", taint, sizeof(taint)) &&
	       strtoul(taint, NULL, 10) & (1UL << 9);
}

/* False if the functions of the loader cannot be probed. */
static bool walking;

/* Results of lib/test_module_text_walk.c for all modules that were loaded meanwhile. */
static void case_walk(void)
{
	static const char name[] = "text is never W+X, nor executable before it is complete";
	char result[64] = "";
	int steps = 0, faults = 0;

	if (!read_from(WALK, "result", result, sizeof(result))) {
		ksft_test_result_skip("%s: no CONFIG_TEST_MODULE_TEXT_WALK\n", name);
		return;
	}
	if (!walking) {
		ksft_test_result_skip("%s: no kprobe at the loader's functions\n", name);
		return;
	}
	ksft_print_msg("page tables: %s", result);
	if (sscanf(result, "%d steps, %d faults", &steps, &faults) != 2)
		steps = 0;
	ksft_test_result(steps && !faults, "%s\n", name);
}

static void case_left(int areas)
{
	bool gone = areas_return_to(areas);

	ksft_print_msg("areas of modules: %d before, %d afterwards, data %s\n", areas,
		       count_areas(), data_listed ? "included" : "NOT FOUND");
	if (access(AREAS, R_OK))
		ksft_test_result_skip("nothing is left: no " AREAS "\n");
	else
		ksft_test_result(gone && data_listed, "nothing is left in " AREAS "\n");
	if (!check_wx())
		ksft_test_result_skip("no mapping writable and executable: no " CHECK_WX "\n");
	else
		ksft_test_result(!wx_found, "no mapping writable and executable\n");
}

static void read_modules(void)
{
	char path[PATH_MAX];
	struct utsname u;

	if (!*dir && !uname(&u))
		snprintf(dir, sizeof(dir), "/lib/modules/%s/kernel", u.release);
	snprintf(path, sizeof(path), "%s/lib/" MODULE ".ko", dir);
	if (!read_image(&module, path))
		ksft_exit_skip("no %s: CONFIG_TEST_MODULE_TEXT is not set?\n", path);
	snprintf(path, sizeof(path), "%s/lib/" MANY ".ko", dir);
	if (!read_image(&many, path))
		ksft_exit_skip("no %s\n", path);
}

/* Skip all cases if the kernel refuses modules without a signature. */
static void check_permitted(void)
{
	int error = load(&module, "quick=1");

	if (is_not_permitted(error))
		ksft_exit_skip("the kernel refuses modules without a signature: %s\n",
			       strerror(error));
	if (!error)
		remove_module(MODULE);
}

static unsigned int parse_args(int argc, char **argv)
{
	unsigned int loads = access("/proc/lockdep", F_OK) ? LOADS : LOADS_LOCKDEP;
	int opt;

	while ((opt = getopt(argc, argv, "d:n:")) != -1) {
		if (opt == 'd') {
			snprintf(dir, sizeof(dir), "%s", optarg);
		} else if (opt == 'n' && atoi(optarg) > 0) {
			loads = atoi(optarg);
		} else {
			fprintf(stderr, "Usage: module_text [-d DIR] [-n LOADS]\n");
			exit(2);
		}
	}
	return loads;
}

int main(int argc, char **argv)
{
	unsigned int loads = parse_args(argc, argv);
	bool warned = has_warned();
	int areas;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root, to load modules\n");
	read_modules();
	if (is_loaded(MODULE) || is_loaded(MANY))
		ksft_exit_fail_msg(MODULE " or " MANY " is already loaded\n");

	check_permitted();
	ksft_set_plan(18);
	walking = write_to(WALK, "enable", "1");
	areas = count_areas();
	case_places();
	case_often(loads);
	case_at_once((loads + 9) / 10);
	case_refused();
	case_injected("core", 0);
	if (INIT_TEXT)
		case_injected("init", 1);
	else
		ksft_test_result_skip("execmem_seal_text fails for init text: it has none\n");
	case_allocations();
	case_livepatch();
	case_late();
	case_walk();
	case_left(areas);
	if (warned)
		ksft_test_result_skip("no warning: there was one before\n");
	else
		ksft_test_result(!has_warned(), "no warning\n");
	ksft_finished();
}
