# SPDX-License-Identifier: GPL-2.0
# A table of contents: every target is one line into scripts/.
# make compare ARCH=arm64 wants no other one, even where all are the default.
ARCHES ?= $(if $(filter command,$(origin ARCH)),$(ARCH))
ARCH ?= x86_64
export KERNEL ARCH ARCHES STOCK DEBUG CPUS FORCE QUICK RUNS FROM

help:		## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## */\1	/p' Makefile | expand -t 16

setup:		## install what is missing (apt)
	@scripts/setup

tree:		## make or update the work tree, quilt set up (build/tree)
	@scripts/tree

refresh:	## fold edits of tree, copies or patches into each other
	@scripts/refresh

check:		## the fast checks: no kernel build, minutes at most
	@scripts/check

run:		## set-up, source, series, build, boot and tests of ARCH
	@scripts/run $(ARCH)

debug:		## run, with a kernel that looks for bugs (lockdep, KASAN, ...)
	@DEBUG=1 scripts/run $(ARCH)

test:		## check, then run on x86_64, arm64 and riscv64
	@scripts/test

build:		## build the kernel and the guest of ARCH
	@scripts/build $(ARCH)

boot:		## boot what was built for ARCH and run the tests
	@scripts/boot $(ARCH)

compare:	## what small pieces of text cost, stock beside patched (QUICK=1, RUNS=5)
	@scripts/compare

cover-letter:	## the cover letter, with the figures of make compare
	@scripts/cover-letter

readme:		## the figures of make compare, put into README.md
	@scripts/readme

cocci:		## what the series replaces, found by its semantic patches
	@scripts/cocci

coccicheck:	## the kernel's semantic patches on what the series touches
	@scripts/coccicheck

sparse:		## sparse on what the series touches, beside the base
	@scripts/sparse

bisect:		## every prefix of the series builds, boots and passes (PREFIXES=5-7)
	@scripts/bisect

bisect-objects:	## every prefix of the series compiles what it touches
	@scripts/bisect --objects

range-diff:	## what changed since a version, patch by patch (FROM=vN)
	@scripts/range-diff

send:		## the series as mails: a dry run, unless SEND=1 SIGNOFF=1
	@scripts/send

bench-slab:	## what allocating text costs, beside other allocators
	@scripts/bench-slab

bench-unpack:	## what unpacking a bcachefs key costs
	@scripts/bench-unpack

shell:		## a shell in the guest of ARCH
	@scripts/shell $(ARCH)

gdb:		## the guest of ARCH, stopped for gdb
	@scripts/gdb $(ARCH)

stock:		## run the unpatched kernels, note what fails on them
	@scripts/stock

clean:		## remove build/ and results/ (the cache folder stays)
	@scripts/clean

.PHONY: help setup tree refresh check run debug test build boot compare cover-letter readme cocci coccicheck sparse bisect bisect-objects range-diff send bench-slab bench-unpack shell gdb stock clean
