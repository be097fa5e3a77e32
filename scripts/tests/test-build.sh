#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-build: the build names each option that olddefconfig drops.  A warning counts only
# if the series adds it.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# fake_kconfig LOST: a tree with an olddefconfig that drops the options that match.
fake_kconfig()
{
	local tree=$TOY/top/build/tree
	mkdir -p "$tree/scripts/kconfig" "$TOY/top/configs"
	printf 'CONFIG_A=y\nCONFIG_LOST=y\n# CONFIG_OFF is not set\n' \
		>"$TOY/top/configs/common.config"
	echo 'CONFIG_X=y' >"$TOY/top/configs/x86_64.config"
	echo 'CONFIG_NEW=m' >"$TOY/top/configs/patched.config"
	printf 'tinyconfig:\n\tmkdir -p $(O); : >$(O)/.config\nolddefconfig:\n\tsed -i -E "/%s/d" $(O)/.config\n' \
		"$1" >"$tree/Makefile"
	# As the real one is called: -m -O . .config FRAGMENT...
	printf '#!/bin/sh\nshift 4\ncat "$@" >.config\n' \
		>"$tree/scripts/kconfig/merge_config.sh"
	chmod +x "$tree/scripts/kconfig/merge_config.sh"
	echo 'config NEW' >"$tree/Kconfig"
}

test_all_options_there()
{
	fake_kconfig 'NOTHING' && quiet steps/config x86_64
}

test_a_lost_option_is_named()
{
	fake_kconfig 'LOST' && fails_with 'not in .config: CONFIG_LOST=y' steps/config x86_64 &&
		grep -q '1 requested option(s) lost' "$TOY/err"
}

test_an_option_of_the_series_is_asserted()
{
	fake_kconfig 'NEW' && fails_with 'not in .config: CONFIG_NEW=m' steps/config x86_64
}

test_an_option_of_a_later_patch_is_not()
{
	fake_kconfig 'NEW' && : >"$TOY/top/build/tree/Kconfig" && quiet steps/config x86_64 &&
		grep -q 'not in this tree yet: CONFIG_NEW=m' "$TOY/err"
}

test_stock_knows_no_option_of_the_series()
{
	fake_kconfig 'NEW' && mv "$TOY/top/build/tree" "$TOY/top/build/stock-tree" &&
		STOCK=1 quiet steps/config x86_64 && ! grep -q NEW "$TOY/err"
}

# What kbuild is called with, and the options that it must keep.
test_clang_has_its_tools_and_options()
{
	fake_kconfig 'NOTHING' && echo 'CONFIG_CLANG=y' >"$TOY/top/configs/clang.config" &&
		echo 'CONFIG_CFI=y' >"$TOY/top/configs/clang.x86_64.config" &&
		sed -i "1i \$(info \$(LLVM) \$(CC))" "$TOY/top/build/tree/Makefile" &&
		CC=clang quiet steps/config x86_64 && grep -qE '^-([0-9]+) .*/cc clang-\1$' "$TOY/top/build/logs/config-x86_64.log" &&
		grep -qx CONFIG_CFI=y "$TOY/top/build/tree/o.x86_64.clang/.config" &&
		quiet steps/config x86_64 && grep -q '^ .*/cc [^ ]*gcc$' "$TOY/top/build/logs/config-x86_64.log" &&
		! grep -q CONFIG_CLANG "$TOY/top/build/tree/o.x86_64/.config" &&
		fake_kconfig 'CFI' && rm -r "$TOY/top/build/tree/o.x86_64.clang" &&
		CC=clang fails_with 'not in .config: CONFIG_CFI=y' steps/config x86_64
}

# warns TEXT: new-warnings on a log of one line; b.c differs in line 3.
warns()
{
	local tree=$TOY/changed
	cp -r "$TOY/base" "$tree" && sed -i '3s/int/long/' "$tree/mm/b.c" &&
		echo 'int n;' >"$tree/mm/new.c" && echo "$1" >"$TOY/log" &&
		! printf 'mm/b.c\nmm/new.c\n' | "$SCRIPTS/steps/new-warnings" \
			"$TOY/base" "$tree" "$TOY/log" 2>/dev/null
}

test_warning_in_a_new_file() { warns '../mm/new.c:1:5: warning: x [-Wfoo]'; }
test_warning_on_a_changed_line() { warns '../mm/b.c:3:5: warning: x [-Wfoo]'; }
test_warning_about_a_lost_user() { warns "../mm/b.c:9:5: warning: 'b9' defined but not used [-Wunused-function]"; }
test_no_warning_of_the_base() { ! warns '../mm/b.c:9:5: warning: x [-Wfoo]'; }
test_no_warning_elsewhere() { ! warns '../mm/a.c:3:5: warning: x [-Wfoo]'; }

# compile FILE: as kbuild does, into a.o.
compile()
{
	CCACHE_DIR=$TOY/ccache "$SCRIPTS/lib/cc" gcc -Wp,-MMD,a.d -c -o a.o "$1"
}

test_ccache_is_not_used_for_files_with_incbin()
{
	cd "$TOY" && printf '\t.incbin "data"\n' >a.S && echo before >data && compile a.S &&
		echo behind >data && compile a.S && grep -q behind a.o
}

test_ccache_sees_a_changed_header()
{
	cd "$TOY" && echo '#include "a.h"' >a.c && echo 'char a[] = "before";' >a.h &&
		compile a.c && echo 'char a[] = "behind";' >a.h && compile a.c &&
		grep -q behind a.o && compile a.c &&
		CCACHE_DIR=$TOY/ccache ccache --print-stats | grep -qx 'direct_cache_hit.1'
}

run_tests
