# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # a record: read by build and boot
# x86-64: QEMU's q35 PC.
KARCH=x86_64
CROSS=x86_64-linux-gnu-
MAKE_TARGET=bzImage
IMAGE=arch/x86/boot/bzImage
QEMU=qemu-system-x86_64
MACHINE=q35
# A CPU of Intel's that wants retpolines and, being hit by Indirect Target
# Selection, aligned thunks: so that the thunk pages are used even under TCG.
CPU_TCG=Cascadelake-Server-v1
# One thread for all virtual CPUs: with several threads, QEMU 7.2 may translate code that
# another CPU is writing, and keep the translation for ever.  A temporary INT3 of a text
# poke then kills the stock kernel as well as the patched one.
TCG_THREAD=single
# Some hosts refuse to pass this MSR on, and then not even a VM is made.
CPU_KVM=host,-arch-capabilities
HOST_MACHINE=x86_64
CONSOLE=ttyS0
MEMORY=1G
# For the first estimates: objects, and seconds of a boot.
OBJECTS=1240
BOOT_SECONDS=170
# SeaBIOS lists one CPU of each socket in the MP table.
SMP_OPTIONS=,sockets=$CPUS
# The I/O port of the timer is SeaBIOS's choice for q35.
APPEND="earlyprintk=serial,ttyS0 numa=fake=2 pmtmr=0x608"
GDB_ARCH=i386:x86-64
DEBIAN_ARCH=amd64
BUSYBOX_SUITE=
