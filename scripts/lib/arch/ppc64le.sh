# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # a record: read by build and boot
# ppc64le: QEMU's pSeries machine.
KARCH=powerpc
CROSS=powerpc64le-linux-gnu-
MAKE_TARGET=vmlinux
IMAGE=vmlinux
QEMU=qemu-system-ppc64
# An emulated CPU has none of the mitigations that the machine offers by default.
MACHINE=pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off
CPU_TCG=POWER9
TCG_THREAD=single
CPU_KVM=host
HOST_MACHINE=ppc64le
CONSOLE=hvc0
MEMORY=1G
# For the first estimates: objects, and seconds of a boot.
OBJECTS=1000
BOOT_SECONDS=200
APPEND=
GDB_ARCH=powerpc:common64
DEBIAN_ARCH=ppc64el
BUSYBOX_SUITE=
