# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # a record: read by build and boot
# arm64: QEMU's virt board.
KARCH=arm64
CROSS=aarch64-linux-gnu-
MAKE_TARGET=Image
IMAGE=arch/arm64/boot/Image
QEMU=qemu-system-aarch64
MACHINE=virt
# The architected pointer-authentication cipher is very slow to emulate.
CPU_TCG=max,pauth-impdef=on
# As on x86-64: a translation must not outlive its source.
TCG_THREAD=single
CPU_KVM=host
HOST_MACHINE=aarch64
CONSOLE=ttyAMA0
MEMORY=1G
# For the first estimates: objects, and seconds of a boot.
OBJECTS=1080
BOOT_SECONDS=170
APPEND="earlycon=pl011,0x9000000"
GDB_ARCH=aarch64
DEBIAN_ARCH=arm64
BUSYBOX_SUITE=
