# SPDX-License-Identifier: GPL-2.0
# A table of contents: every target is one line into scripts/.
# Names of the variables on the command line; scripts/lib/environment.sh checks them.
export EXECMEM_ASSIGNED := $(strip $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
# Ignore an exported ARCH, which is meant for kernel development.  "make compare ARCH=arm64"
# compares this architecture only, although the default is all of them.
arch := $(if $(filter command,$(origin ARCH)),$(ARCH))
ARCHES ?= $(arch)
export ARCHES

##@ Try

help:		## this list
	@sed -n 's/^##@ //p; s/^\([a-z][a-z-]*\):[^#]*## */  \1	/p' Makefile | expand -t 18

setup:		## install missing packages (apt)
	@scripts/setup

run:		## set up, fetch the base, apply the series, build, boot and test ARCH
	@scripts/run $(arch)

test:		## check, then run on x86_64, arm64 and riscv64
	@scripts/test

test-all:	## the same, also on ppc64le, s390x and i386
	@scripts/test --all

shell:		## open a shell in the guest of ARCH
	@scripts/shell $(arch)

##@ Develop

tree:		## make or update the work tree (build/tree), with quilt set up
	@scripts/tree

refresh:	## fold edits of tree, copies or patches into each other
	@scripts/refresh

build:		## build the kernel and the guest of ARCH
	@scripts/build $(arch)

boot:		## boot the built kernel of ARCH and run the tests
	@scripts/boot $(arch)

debug:		## run with a debugging kernel (lockdep, KASAN, ...)
	@DEBUG=1 scripts/run $(arch)

gdb:		## start the guest of ARCH, stopped for gdb
	@scripts/gdb $(arch)

rebase-check:	## list the patches that do not apply to BASE or KERNEL, or to the archive
	@scripts/rebase-check

bcachefs-image:	## rebuild guest/bcachefs.img.xz from Debian's bcachefs-tools
	@scripts/bcachefs-image

clean:		## remove build/ and results/ (the cache folder stays)
	@scripts/clean

##@ Verify

check:		## run the fast checks, without a kernel build (minutes at most)
	@scripts/check

userspace:	## run the userspace tests at full length, with 64 threads
	@LONG=1 scripts/check userspace

checkpatch:	## run checkpatch on each patch, with reasoned waivers
	@scripts/checkpatch-wrap.sh

cocci:		## run the series' semantic patches on base and tree
	@scripts/cocci

coccicheck:	## run the kernel's semantic patches on the touched files
	@scripts/coccicheck

sparse:		## run sparse on the touched files, compared with the base
	@scripts/sparse

bisect:		## build, boot and test every prefix of the series (TOPIC=, PREFIXES=5-7)
	@scripts/bisect

bisect-objects:	## compile the touched objects of every prefix of the series
	@scripts/bisect --objects

matrix:		## boot x86_64 with each kind of calls and returns (CC=clang, LONG=1: more)
	@scripts/matrix

config-matrix:	## compile the touched objects in many configurations (RUNS=, LONG=1 links)
	@scripts/config-matrix

stock:		## test the unpatched kernels and record their failures
	@scripts/stock

others:		## run tests of probes, livepatch and LKDTM, stock beside patched
	@scripts/others

soak:		## use generated text in all ways at once (MINUTES=30)
	@scripts/soak $(arch)

hostile-images:	## mount mutated bcachefs images, stock beside patched (COUNT=, DEBUG=1)
	@scripts/hostile-images

faults:		## let allocations fail in all that creates text, stock beside patched
	@scripts/faults $(arch)

power:		## suspend and hibernate while text is in use, on x86_64
	@scripts/power

fuzz-unpack:	## fuzz the unpacking of keys and records (COUNT=3600 seconds)
	@scripts/fuzz-unpack

##@ Measure

compare:	## compare the cost of generated code with stock (QUICK=1, RUNS=5)
	@scripts/compare

bench-slab:	## measure allocation of text, beside other allocators
	@scripts/bench-slab

bench-unpack:	## measure unpacking of bcachefs keys
	@scripts/bench-unpack

bench-bpf:	## compare unpack functions with programs of BPF's JIT, in a guest of ARCH
	@scripts/bench-bpf $(arch)

readme:		## put the figures of make compare into README.md
	@scripts/readme

##@ Send

range-diff:	## show what changed since a version, patch by patch (FROM=vN)
	@scripts/range-diff

cover-letter:	## print the cover letter, with the figures of make compare
	@scripts/cover-letter

send:		## make and check the mails (TOPIC=); SEND=1 SIGNOFF=1 sends them
	@scripts/send

targets += $(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' Makefile)
# For the scripts in Python; the other scripts check that it is installed.
tree refresh clean cocci coccicheck readme rebase-check: | /usr/bin/python3
/usr/bin/python3:
	@scripts/setup build

.PHONY: $(targets)
# Otherwise make would run the known goals before it finds an unknown one.
$(foreach goal,$(filter-out $(targets),$(MAKECMDGOALS)),$(error no target '$(goal)': \
	'make help' lists the targets, and 'scripts/check NAME...' runs single checks))
