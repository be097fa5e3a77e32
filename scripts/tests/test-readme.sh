#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-readme: readme puts figures into README.md, and its check finds wrong figures there.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
BEGIN="<!-- figures: 'make readme' replaces these lines -->"
END="<!-- end of figures -->"

# figure WORKLOAD WHAT ARCH COLUMN VALUES COLUMN VALUES: of compare.json.
figure()
{
	printf '{"section": "made", "workload": "%s", "what": "%s", "architecture": "%s", "columns": {"%s": {"values": [%s]}, "%s": {"values": [%s]}}}' "$@"
}

# figures: five of x86_64, four of arm64.
figures()
{
	local arch
	figure "100 ftrace" "text pages" x86_64 stock 100 patched 0
	for arch in x86_64 arm64; do
		printf ', '
		figure "1,000 bpf" "text pages" $arch stock 512,512,512 patched 32,32,32
		printf ', '
		figure "1,000 bpf" "bytes each" $arch stock 2163 patched 180
		printf ', '
		figure "20,000 lookups" seq_lookup $arch stock 1242 generated 1000,1070,1400
		printf ', '
		figure "1,000 bpf" "instructions to make one" $arch stock 125652 patched 127734
	done
}

# ready: pages of a toy, and the results of a comparison.
ready()
{
	DIR=$TOY/top/results/compare
	mkdir -p "$DIR" "$TOY/top/scripts"
	printf 'run:\n\ncompare:\n\nreadme:\n' >"$TOY/top/Makefile"
	printf 'change-id: x\n\nv2:\n - better\nv1:\n - first\n' >"$TOY/top/changelog.in"
	printf '%s\n' '# Toy for 6.12.115' "$BEGIN" \
		'Not measured yet: run `make compare`, then `make readme`.' "$END" '## Try it' \
		'    make run' >"$TOY/top/README.md"
	printf '# Contributing\n' >"$TOY/top/CONTRIBUTING.md"
	printf '{"date": "2026-11-28", "runs": 3, "emulated": {"x86_64 smp": true}, "figures": [%s]}\n' \
		"$(figures)" >"$DIR/compare.json"
	"$SCRIPTS/cover-letter" --series x86_64 arm64 >"$DIR/series"
}

# has LINE: README.md has it.
has()
{
	grep -qxF -- "$1" "$TOY/top/README.md" || { sed 's/^/# /' "$TOY/top/README.md"; return 1; }
}

# fault TEXT SED: README.md that is changed by it does not pass the check.
fault()
{
	cp "$TOY/top/README.md" "$TOY/keep"
	sed -i "$2" "$TOY/top/README.md"
	fails_with "$1" checks/readme && cp "$TOY/keep" "$TOY/top/README.md"
}

test_figures_are_put_between_the_marks()
{
	ready && quiet readme && has '| | x86-64 | arm64 |' &&
		has '| executable pages for 1,000 BPF programs | 512 → 32 | 512 → 32 |' &&
		has '| bytes of text and page tables per BPF program | 2,163 → 180 | 2,163 → 180 |' &&
		has '| executable pages for 100 function tracers | 100 → 0 | - |' &&
		has '| instructions for one step of a bcachefs iterator | 1,242 → ~1,070 | 1,242 → ~1,070 |' &&
		has '| instructions to load a BPF program (a cost) | 125,652 → 127,734 | 125,652 → 127,734 |' &&
		grep -qE 'medians of 3 boots.*by `make compare` on 2026-11-28, series v2 \(patches [0-9a-f]{12}\), base base, in QEMU, emulated\.$' \
			"$TOY/top/README.md" &&
		! grep -q 'Not measured' "$TOY/top/README.md" && has '# Toy for 6.12.115' && has '    make run' &&
		[ ! -s "$TOY/err" ] && cp "$TOY/top/README.md" "$TOY/once" && quiet readme &&
		cmp "$TOY/once" "$TOY/top/README.md" && quiet checks/readme
}

test_figures_of_another_series_are_noted()
{
	ready && toy_series && quiet readme && grep -q 'note: patches or base changed after' "$TOY/err"
}

# writes_nothing TEXT: make readme fails with that and no other line.
writes_nothing()
{
	cp "$TOY/top/README.md" "$TOY/keep"
	one_line "$1" readme && cmp "$TOY/keep" "$TOY/top/README.md"
}

test_missing_input_gets_one_line()
{
	ready && sed -i 's/100 ftrace/20 ftrace/' "$DIR/compare.json" &&
		writes_nothing "no 'text pages' of '100 ftrace': run 'make compare' without QUICK" &&
		rm "$DIR/compare.json" && writes_nothing "run 'make compare' first" && ready &&
		sed -i 's/"date"/"day"/' "$DIR/compare.json" && writes_nothing "is damaged or older" &&
		echo '{' >"$DIR/compare.json" && writes_nothing "is damaged or older" && ready &&
		sed -i '/end of figures/d' "$TOY/top/README.md" &&
		writes_nothing 'must have the lines'
}

test_a_region_without_figures_skips()
{
	ready || return 1
	"$SCRIPTS/checks/readme" >"$TOY/out" 2>&1
	[ $? = 4 ] && tail -n 1 "$TOY/out" | grep -q 'README.md has no figures: run'
}

test_another_form_of_the_figures_fails()
{
	ready && quiet readme && fault "a cell is not of the form" 's/512 → 32 | 512/about 32 | 512/' &&
		fault "a cell is not of the form" 's/| 100 → 0 | - |/| 100 → 0 |/' &&
		fault "no row 'bytes of text" '/^| bytes of/d' &&
		fault "the last line does not name command" 's/, series v2 ([^)]*)//' &&
		fault "the last line does not name command" 's/on 2026-11-28/today/' &&
		fault "the table has no head" 's/^| | x86.*//' &&
		fault "must have the lines" '/^<!-- end/d'
}

test_names_that_do_not_exist_fail()
{
	ready && quiet readme && fault 'must name the oldest kernel, 6.12.115' 's/6.12.115//' || return 1
	ready && quiet readme && fault "'make walk' is not a target" 's/make run/make walk/' &&
		fault "'make walk' is not a target" '$a Use `make ARCH=arm64 walk`.' &&
		fault "scripts/walk: no such file" '$a Use `scripts/walk -x`.' &&
		echo 'See `configs/mips.config` and `configs/NAME.config`.' >>"$TOY/top/CONTRIBUTING.md" &&
		fails_with "CONTRIBUTING.md: configs/mips.config: no such file" checks/readme &&
		! grep -q NAME "$TOY/all"
}

test_functions_that_no_patch_has_fail()
{
	ready && quiet readme && toy_series && echo '`text_poke_copy(dst)`' >>"$TOY/top/README.md" &&
		fails_with "README.md: text_poke_copy(): no patch has it" checks/readme &&
		sed -i '1a int text_poke_copy(void *dst);' "$TOY/top/patches/one.patch" && quiet checks/readme
}

test_a_long_part_fails()
{
	ready && quiet readme && seq 60 >>"$TOY/top/README.md" &&
		fails_with "'## Try it' has 62 lines, more than a screen" checks/readme
}

run_tests
