#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Copy code for the benchmark from kernel sources.
#
#   extract.sh prog-pack kernel/bpf/core.c	the allocator of BPF packs
#   extract.sh functions FILE NAME...		some functions
#
# Fails and prints nothing unless each expected line occurs exactly once, in the expected
# order. Incomplete code could make the benchmark look good.

set -eu

die()
{
	echo "$0: $*" >&2
	exit 1
}

# Print the lines from match $1 to the first "}" in column 1 after match $2.
range()
{
	awk -v first="$1" -v last="$2" '
		$0 ~ first	{ on = 1; starts++ }
		on		{ print }
		on && $0 ~ last	{ seen = 1; ends++ }
		on && seen && /^}/ { on = seen = 0 }
		END		{ exit !(starts == 1 && ends == 1 && !on) }
	' "$3"
}

# Fail unless exactly one line of the text $1 matches $2.
one()
{
	n=$(printf '%s\n' "$1" | grep -c -- "$2") || true
	[ "$n" = 1 ] || die "$n lines match '$2' in what was taken out of $file, not 1"
}

what=$1
file=$2
shift 2
[ -r "$file" ] || die "cannot read $file"

case $what in
prog-pack)
	text=$(range '^#define BPF_PROG_CHUNK_SHIFT' '^void bpf_prog_pack_free[(]' "$file") ||
		die "$file has no prog packs: set BENCH_STOCK to the base's kernel/bpf/core.c"
	for expect in \
		'^#define BPF_PROG_CHUNK_SIZE' \
		'^struct bpf_prog_pack {' \
		'^static DEFINE_MUTEX(pack_mutex)' \
		'^static LIST_HEAD(pack_list)' \
		'^#define BPF_PROG_PACK_SIZE (SZ_2M \* num_possible_nodes())' \
		'^static struct bpf_prog_pack \*alloc_new_pack(bpf_jit_fill_hole_t' \
		'^void \*bpf_prog_pack_alloc(u32 size, bpf_jit_fill_hole_t' \
		'^	list_for_each_entry(pack, &pack_list, list) {' \
		'^		pos = bitmap_find_next_zero_area(pack->bitmap' \
		'^void bpf_prog_pack_free(void \*ptr, u32 size)' \
		'^	bitmap_clear(pack->bitmap, pos, nbits);'
	do
		one "$text" "$expect"
	done
	case $text in
	*execmem* | *text_poke*)
		die "the prog packs of $file are not those of the base: set BENCH_STOCK" ;;
	esac
	lines=$(printf '%s\n' "$text" | wc -l)
	[ "$lines" -ge 100 ] && [ "$lines" -le 300 ] ||
		die "$lines lines of prog packs in $file, 100 to 300 expected"
	;;
functions)
	text=
	for name; do
		f=$(range "^[a-z].*[ *]$name[(]" "^[a-z].*[ *]$name[(]" "$file") ||
			die "$file does not define $name() once"
		text="$text$f

"
	done
	;;
*)
	die "do not know how to extract '$what'"
	;;
esac

printf '/* Generated from %s by %s: do not edit, do not commit. */\n%s\n' \
	"$file" "${0##*/}" "$text"
