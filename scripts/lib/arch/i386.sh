# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # a record: read by build and boot
# i386: the PC of x86-64, with 32 bits.
KARCH=i386
CROSS=i686-linux-gnu-
MAKE_TARGET=bzImage
IMAGE=arch/x86/boot/bzImage
QEMU=qemu-system-i386
MACHINE=q35
CPU_TCG=Cascadelake-Server-v1
# As on x86-64: a translation must not outlive its source.
TCG_THREAD=single
CPU_KVM=host
HOST_MACHINE=i686
CONSOLE=ttyS0
MEMORY=1G
# For the first estimates: objects, and seconds of a boot.
OBJECTS=1000
BOOT_SECONDS=170
# SeaBIOS lists one CPU of each socket in the MP table.
SMP_OPTIONS=,sockets=$CPUS
# The JIT is off by default.
APPEND="earlyprintk=serial,ttyS0 sysctl.net.core.bpf_jit_enable=1"
GDB_ARCH=i386
DEBIAN_ARCH=i386
BUSYBOX_SUITE=
