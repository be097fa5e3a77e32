# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034  # a record: read by build and boot
# riscv64: QEMU's virt board, OpenSBI as firmware.
KARCH=riscv
CROSS=riscv64-linux-gnu-
MAKE_TARGET=Image
IMAGE=arch/riscv/boot/Image
QEMU=qemu-system-riscv64
MACHINE=virt
CPU_TCG=rv64
# A hart that spins does not yield to other harts here: in one thread, each round of IPIs
# would take a tenth of a second.
TCG_THREAD=multi
CPU_KVM=host
HOST_MACHINE=riscv64
CONSOLE=ttyS0
MEMORY=1G
# For the first estimates: objects, and seconds of a boot.
OBJECTS=1066
BOOT_SECONDS=200
# CONFIG_RISCV_ISA_FALLBACK reads the ISA string that old QEMUs pass.
APPEND="earlycon=uart8250,mmio,0x10000000"
GDB_ARCH=riscv:rv64
DEBIAN_ARCH=riscv64
# Debian has this architecture since its release 13 only.
BUSYBOX_SUITE=trixie
# OpenSBI 1.1, which QEMU 7.2 brings, lets a hart go before it has noted where to: on a
# busy machine one boot in a hundred has two harts that run the kernel's first code.
FIRMWARE_SUITE=trixie
FIRMWARE_PACKAGE=opensbi
FIRMWARE_FILE=riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
