# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # a record: read by build and boot
# s390x: QEMU's virtio-ccw machine.
KARCH=s390
CROSS=s390x-linux-gnu-
MAKE_TARGET=bzImage
IMAGE=arch/s390/boot/bzImage
QEMU=qemu-system-s390x
MACHINE=s390-ccw-virtio
CPU_TCG=max
# With one thread for all CPUs, QEMU 7.2 executes old text more often: see README.md.
TCG_THREAD=multi
CPU_KVM=host
HOST_MACHINE=s390x
CONSOLE=ttysclp0
MEMORY=1G
# For the first estimates: objects, and seconds of a boot.
OBJECTS=1000
BOOT_SECONDS=200
APPEND=
GDB_ARCH=s390:64-bit
DEBIAN_ARCH=s390x
BUSYBOX_SUITE=
