#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-bisect: bisect names a prefix that does not compile.  It skips prefixes that have
# passed, and repeats changed ones.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# ready: a series of two on a base that compiles.
ready()
{
	mkdir -p "$EXECMEM_BASE/scripts/kconfig" "$TOY/top/configs"
	printf '%s\n' 'tinyconfig olddefconfig:' '	@mkdir -p $(O); touch $(O)/.config' \
		'%.o: %.c' '	@mkdir -p $(O)/$(dir $@)' '	@[ $(O)/$@ -nt $< ] || gcc -Wall -c -o $(O)/$@ $<' \
		>>"$EXECMEM_BASE/Makefile"
	echo 'obj-y += new.o' >>"$EXECMEM_BASE/mm/Makefile"
	# As the real one is called: -m -O . .config FRAGMENT...
	printf '#!/bin/sh\nshift 4\ncat "$@" >.config\n' \
		>"$EXECMEM_BASE/scripts/kconfig/merge_config.sh"
	chmod +x "$EXECMEM_BASE/scripts/kconfig/merge_config.sh"
	echo 'CONFIG_A=y' >"$TOY/top/configs/common.config"
	echo 'CONFIG_X=y' >"$TOY/top/configs/x86_64.config"
	export ARCHES=x86_64
	unset PREFIXES DEBUG
	toy_series
}

# tried: the prefixes that the last run has worked on.
tried()
{
	sed -n 's/^bisect: prefix \([0-9]*\) of.*/\1/p' "$TOY/err" | xargs
}

# total TEXT: the last line of the last run.
total()
{
	[ "$(tail -n 1 "$TOY/out")" = "$1" ] || { tail -n 1 "$TOY/out" | sed 's/^/# /'; return 1; }
}

test_all_prefixes_pass_and_only_once()
{
	ready && keep contents "$TOY/top/patches" "$TREE" "$TOY/base" &&
		quiet bisect --objects && total "2 passed, 0 failed, 0 skipped" && [ "$(tried)" = "1 2" ] &&
		quiet bisect --objects && total "2 passed, 0 failed, 0 skipped" && [ -z "$(tried)" ] &&
		FORCE=1 quiet bisect --objects && [ "$(tried)" = "1 2" ] && kept
}

test_patches_of_topics_are_found()
{
	ready && topics && quiet bisect --objects && total "2 passed, 0 failed, 0 skipped" &&
		sed -i 's/^+int n;/+no C/' "$TOY/top/patches/second/two.patch" &&
		fails_with "failed with second/two.patch" bisect --objects && [ "$(tried)" = 2 ]
}

test_a_topic_is_built_without_the_topics_that_it_does_not_need()
{
	ready && topics && echo 'long b;' >>"$TREE/mm/b.c" && mkdir "$TOY/top/patches/third" &&
		quiet refresh --to third/three.patch mm/b.c &&
		message third/three.patch &&
		sed -i 's/^third/# third (needs first): one more\n&/' "$TOY/top/series" && quiet checks/series &&
		sed -i 's/^+int n;/+no C/' "$TOY/top/patches/second/two.patch" &&
		TOPIC=third quiet bisect --objects && [ "$(tried)" = 2 ] && total "1 passed, 0 failed, 0 skipped" &&
		TOPIC=third PREFIXES=1 quiet bisect --objects && [ "$(tried)" = 1 ] &&
		TOPIC=second fails_with "failed with second/two.patch" bisect --objects && [ "$(tried)" = 1 ] &&
		TOPIC=fourth one_line "no topic 'fourth' in series (one of: first second third)" bisect --objects
}

test_a_prefix_that_a_later_patch_repairs_fails()
{
	ready && sed -i 's/^+long a20;/+long a20 bad;/' "$TOY/top/patches/one.patch" && quiet tree &&
		sed -i 's/long a20 bad;/long a20;/' "$TREE/mm/a.c" &&
		quiet refresh --to three.patch mm/a.c &&
		fails_with "prefix 1 of 3, x86_64: failed with one.patch" bisect --objects &&
		total "1 passed, 2 failed, 0 skipped" && grep -qx 'prefix 2, x86_64: two.patch' "$TOY/out" &&
		fails_with "prefix 1 of 3" bisect --objects && [ "$(tried)" = "1 2" ]
}

test_only_changed_prefixes_run_again()
{
	ready && quiet bisect --objects && sed -i 's/^+int n;/+int m;/' "$TOY/top/patches/two.patch" &&
		quiet bisect --objects && [ "$(tried)" = 2 ] &&
		echo 'CONFIG_Y=y' >>"$TOY/top/configs/x86_64.config" &&
		quiet bisect --objects && [ "$(tried)" = "1 2" ]
}

test_messages_and_other_architectures_repeat_nothing()
{
	ready && quiet bisect --objects && mkdir -p "$TREE/arch/arm64" "$TREE/Documentation" &&
		echo 'no C' >"$TREE/arch/arm64/x.c" && echo text >"$TREE/Documentation/x.rst" &&
		quiet refresh --to three.patch arch/arm64/x.c Documentation/x.rst &&
		sed -i 's/^Why/Whatever/' "$TOY/top/patches/one.patch" &&
		quiet bisect --objects && total "3 passed, 0 failed, 0 skipped" && [ -z "$(tried)" ]
}

test_a_new_warning_fails_each_time()
{
	ready && sed -i 's/^+int n;/+static int n;/' "$TOY/top/patches/two.patch" &&
		fails_with "new warnings" bisect --objects && total "1 passed, 1 failed, 0 skipped" &&
		fails_with "new warnings" bisect --objects
}

test_unconfigured_files_are_not_compiled()
{
	ready && printf 'obj-y += a.o \\\n  b.o\nobj-$(CONFIG_NONE) += \\\n\tnew.o\n' >"$TREE/mm/Makefile" &&
		quiet refresh --to two.patch mm/Makefile &&
		sed -i 's/^+int n;/+no C/' "$TOY/top/patches/two.patch" &&
		quiet bisect --objects && grep -q 'not in this configuration: mm/new.o' "$TOY/err" &&
		sed -i 's/CONFIG_NONE/CONFIG_X/' "$TOY/top/patches/two.patch" &&
		fails_with "prefix 2 of 2" bisect --objects
}

test_files_that_no_makefile_names_yet_are_not_compiled()
{
	ready && echo 'no C' >"$TREE/mm/early.c" && quiet refresh --to one.patch mm/early.c &&
		quiet bisect --objects && grep -q 'not in this configuration: mm/early.o' "$TOY/err" &&
		echo 'obj-y += early.o' >>"$TREE/mm/Makefile" && quiet refresh --to two.patch mm/Makefile &&
		fails_with "prefix 2 of 2" bisect --objects
}

test_results_of_other_clones_are_used()
{
	ready && quiet bisect --objects && cp -r "$TOY/top" "$TOY/other" &&
		rm -r "$TOY/other/build" && EXECMEM_TOP=$TOY/other quiet bisect --objects &&
		total "2 passed, 0 failed, 0 skipped" && [ -z "$(tried)" ]
}

test_the_base_runs_too()
{
	ready && mkdir -p "$TREE/arch/arm64" && echo 'no C' >"$TREE/arch/arm64/x.c" &&
		quiet refresh --to zero.patch arch/arm64/x.c &&
		printf '%s\n' zero.patch one.patch two.patch >"$TOY/top/series" && quiet tree &&
		PREFIXES=1 quiet bisect --objects && [ "$(tried)" = 1 ] &&
		total "1 passed, 0 failed, 0 skipped"
}

test_force_repeats_selected_prefixes_only()
{
	ready && quiet bisect --objects && FORCE=1 quiet bisect --objects --list &&
		FORCE=1 PREFIXES=2 quiet bisect --objects && [ "$(tried)" = 2 ] &&
		quiet bisect --objects && [ -z "$(tried)" ]
}

test_prefixes_limit_and_time_limits()
{
	ready && PREFIXES=2-2 quiet bisect --objects && [ "$(tried)" = 2 ] &&
		total "1 passed, 0 failed, 0 skipped" &&
		fails_with "1 are left" bisect --objects --for 0 && total "1 passed, 0 failed, 1 skipped" &&
		quiet bisect --objects --list && [ "$(cut -d ' ' -f 4 "$TOY/out" | xargs)" = "x86_64:to-do x86_64:passed" ]
}

test_wrong_uses_get_one_line()
{
	ready || return 1
	local prefixes
	for prefixes in 0-1 2-1 1-3 x 1- -; do
		PREFIXES=$prefixes one_line "PREFIXES" bisect --objects || return 1
	done
	fails_with "unknown option '--object'" bisect --object && fails_with "--for needs a number" bisect --for x &&
		ARCHES=vax fails_with "ARCHES must be some of x86_64 arm64 riscv64 ppc64le s390x i386, not 'vax'" bisect &&
		ARCHES=' ' fails_with "ARCHES must be some of" bisect &&
		: >"$TOY/top/series" && fails_with "the series is empty" bisect
}

run_tests
