#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-setup: scripts/setup and scripts/steps/debian-file with an apt-get that is a shell
# script.  The firmware is fetched once.  If this fails, setup continues without it.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"

# fake_apt DOWNLOAD: nothing is missing here; "download" runs DOWNLOAD.
fake_apt()
{
	"$SCRIPTS/setup" --list | sed 's/[| ].*//; s/^/ii /' >"$TOY/packages"
	fake dpkg-query "cat '$TOY/packages'"
	fake apt-get
	cat >"$TOY/bin/apt-get" <<-EOF
		#!/bin/bash
		echo "\$*" >>"$TOY/asked"
		[[ "\$*" =~ sourcelist=([^ ]*) ]] && cat "\${BASH_REMATCH[1]}" >"$TOY/sources"
		case "\$*" in
		indextargets*) echo http://mirror.example bookworm ;;
		*" update") ;;
		*" download "*) $1 ;;
		*) exit 1 ;;
		esac
	EOF
	KEPT=$EXECMEM_CACHE/firmware-riscv64
}

# make_package NAME FILE: a package with this one file, which contains its name.
make_package()
{
	local root=$TOY/package
	mkdir -p "$root/DEBIAN" "$root/$(dirname "$2")"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: toy\n' \
		"$1" >"$root/DEBIAN/control"
	echo "$1" >"$root/$2"
	dpkg-deb -b "$root" "$TOY/$1_1_all.deb" >/dev/null
}

test_firmware_is_fetched_once()
{
	make_package opensbi usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin &&
		fake_apt "cp $TOY/opensbi_1_all.deb ." && quiet setup &&
		grep -qx opensbi "$KEPT" && grep -q 'download opensbi' "$TOY/asked" &&
		grep -qx 'deb \[arch=riscv64\] http://mirror.example trixie main' "$TOY/sources" &&
		rm "$TOY/asked" && quiet setup && [ ! -e "$TOY/asked" ] &&
		[ -z "$(find "$TOY/top/build" -name 'apt.*')" ]
}

test_no_firmware_is_no_failure()
{
	fake_apt 'echo no route >&2; exit 100' && quiet setup && [ ! -e "$KEPT" ] &&
		grep -q 'no route' "$TOY/err" &&
		grep -q "some boots may hang, with QEMU's own firmware" "$TOY/err"
}

test_other_needs_fetch_no_firmware()
{
	fake_apt 'exit 100' && ARCHES="x86_64 arm64" quiet setup && [ ! -e "$TOY/asked" ] &&
		ARCHES=vax fails_with "ARCHES must be some of x86_64 arm64 riscv64 ppc64le s390x i386, not 'vax'" setup
}

test_another_package_is_refused()
{
	make_package opensbi usr/share/doc/opensbi/README &&
		fake_apt "cp $TOY/opensbi_1_all.deb ." &&
		fails_with 'not one bin/thing in opensbi' \
			steps/debian-file riscv64 trixie opensbi bin/thing "$TOY/thing" &&
		[ ! -e "$TOY/thing" ] && fails_with 'see --help' steps/debian-file riscv64
}

test_a_failing_dpkg_is_named()
{
	fake_apt 'exit 100' && fake dpkg-query 'echo "dpkg-query: error: no status file" >&2; exit 2' &&
		one_line 'dpkg-query failed: dpkg-query: error: no status file: repair it' setup
}

# listed NEED...: the names of the packages.
listed()
{
	"$SCRIPTS/setup" --list "$@" | sed 's/[| ].*//'
}

test_a_command_installs_what_it_needs()
{
	! ARCHES=x86_64 listed build boot | grep -E 'gcc-|qemu-(user|system-arm)|sphinx|sparse' &&
		[ "$(ARCHES=arm64 listed build boot | grep -E 'qemu|cross|gcc-' | wc -l)" = 3 ] &&
		[ "$(ARCHES=s390x listed build boot | grep -E 'qemu|cross|gcc-' | wc -l)" = 3 ] &&
		listed check | grep -qx coccinelle && listed | grep -qx gdb-multiarch &&
		fails_with "no package for 'vax'" setup vax
}

test_clang_is_installed_on_request()
{
	! listed build | grep -E '^(clang|lld|llvm)' &&
		[ "$(listed test | grep -cE '^(clang|lld|llvm)-[0-9]+$')" = 3 ] &&
		[ "$(CC=clang listed build | grep -cE '^(clang|lld|llvm)-[0-9]+$')" = 3 ] &&
		! CC=clang listed boot | grep -q clang
}

test_needs_are_met_once()
{
	local calls='set_up build boot; set_up build; set_up build check; bash -c ". $0; set_up check"'
	fake_apt 'exit 100' && ARCHES=x86_64 env -u EXECMEM_BASE -u EXECMEM_SET_UP \
		bash -c ". \"\$0\"; $calls" "$SCRIPTS/lib/lib.sh" 2>"$TOY/err" &&
		[ "$(grep -c 'nothing is missing' "$TOY/err")" = 2 ]
}

run_tests
