#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# test-boot: scripts/boot with a QEMU that is a shell script.  scripts/boot records how
# QEMU ended, kills a QEMU that hangs, and uses KVM only if KVM runs a kernel.
set -uo pipefail
. "$(dirname "$(readlink -f "$0")")/toy.sh"
export ACCEL=tcg
unset OUT GDB_PORT

# fake_guest BODY: a built kernel, and a QEMU that runs BODY.  $log is the
# serial log, $accel the requested accelerator.
fake_guest()
{
	local o=$TOY/top/build/tree/o.x86_64
	mkdir -p "$o/arch/x86/boot" "$o/guest"
	: >"$o/arch/x86/boot/bzImage"
	: >"$o/guest/initramfs.cpio.gz"
	echo 'boot kunit 0' >"$o/guest/tests"
	fake qemu-system-x86_64 '
		while [ $# -gt 0 ]; do
			case $1 in
			-serial) log=${2#file:} ;;
			-accel) accel=$2 ;;
			-chardev) monitor=${2#*path=} ;;
			esac
			shift
		done' "echo \$\$ >'$TOY/pid'" "$1"
	RECORD=$TOY/top/results/x86_64/qemu.json
}

# record_says TEXT: in the record of how QEMU ended, which is valid JSON.
record_says()
{
	if ! /usr/bin/python3 -m json.tool "$RECORD" >/dev/null || ! grep -qF "$1" "$RECORD"; then
		echo "# no $1 in:"
		sed 's/^/# /' "$RECORD"
		return 1
	fi
}

test_a_good_end_is_recorded()
{
	fake_guest 'echo hello >"$log"' && quiet boot x86_64 &&
		record_says '"exit": 0' && record_says '"killed": ""' &&
		grep -q hello "$TOY/top/results/x86_64/serial.log" &&
		cmp "$TOY/top/results/x86_64/tests" \
			"$TOY/top/build/tree/o.x86_64/guest/tests"
}

test_a_hung_qemu_is_killed()
{
	fake_guest 'exec sleep 100' &&
		fails_with 'did not end in 1 s: killed' boot --timeout 1 x86_64 &&
		record_says '"killed": "did not end in 1 s"' && ! kill -0 "$(cat "$TOY/pid")" 2>/dev/null
}

# The last line of a guest that hangs is shown, and its registers are kept.
test_a_silent_boot_is_killed()
{
	export EXECMEM_TOY=$TOY
	fake_guest 'echo "smp: Bringing up" >"$log"
		dirname "$monitor" >"$EXECMEM_TOY/monitor"
		read -r question <"$monitor.in" && [ "$question" = "info registers -a" ] &&
			printf "\e[K(qemu)\r\npc 1234\r\n" >"$monitor.out"
		exec sleep 100' &&
		fails_with 'smp: Bringing up' boot --silence 1 x86_64 &&
		record_says '"killed": "said nothing for 1 s before its tests"' &&
		[ "$(cat "$TOY/top/results/x86_64/registers.txt")" = "pc 1234" ] &&
		[ -s "$TOY/monitor" ] && [ ! -e "$(cat "$TOY/monitor")" ]
}

test_silence_in_a_test_is_left_to_the_test()
{
	fake_guest 'echo "[    1.0] guest| 1..20" >"$log"; sleep 3' &&
		quiet boot --silence 1 x86_64 && record_says '"killed": ""'
}

test_a_slow_boot_with_messages_continues()
{
	fake_guest 'for i in 1 2 3 4 5 6; do echo $i >>"$log"; sleep 1; done' &&
		quiet boot --silence 3 x86_64 && record_says '"killed": ""'
}

test_firmware()
{
	fake_guest 'exit 0' && mkdir -p "$TOY/top/build/tree/o.riscv64/arch/riscv/boot" &&
		cp -r "$TOY/top/build/tree/o.x86_64/guest" "$TOY/top/build/tree/o.riscv64" &&
		: >"$TOY/top/build/tree/o.riscv64/arch/riscv/boot/Image" &&
		ln -s qemu-system-x86_64 "$TOY/bin/qemu-system-riscv64" &&
		quiet boot --print riscv64 && ! grep -q -- -bios "$TOY/out" &&
		grep -q "QEMU's own firmware may hang" "$TOY/err" &&
		mkdir -p "$EXECMEM_CACHE" && : >"$EXECMEM_CACHE/firmware-riscv64" &&
		quiet boot --print riscv64 &&
		grep -q -- "'-bios' '$EXECMEM_CACHE/firmware-riscv64'" "$TOY/out" &&
		[ ! -s "$TOY/err" ] && quiet boot --print x86_64 &&
		! grep -q -- -bios "$TOY/out"
}

test_a_failing_qemu_is_reported()
{
	fake_guest 'echo cannot >&2; exit 3' &&
		fails_with 'QEMU failed with status 3' boot x86_64 &&
		record_says '"exit": 3'
}

test_an_old_log_does_not_stay()
{
	fake_guest 'exit 0' && mkdir -p "$TOY/top/results/x86_64" &&
		echo old >"$TOY/top/results/x86_64/serial.log" && quiet boot x86_64 &&
		[ ! -e "$TOY/top/results/x86_64/serial.log" ]
}

test_print_starts_nothing()
{
	fake_guest 'exit 0' && quiet boot --print x86_64 --append 'a "b"' &&
		grep -q -- '-accel' "$TOY/out" && grep -q 'a "b"' "$TOY/out" &&
		[ ! -e "$TOY/pid" ] && ! grep -q -- '-icount' "$TOY/out" &&
		quiet boot --print --icount x86_64 && grep -q -- '-icount' "$TOY/out"
}

test_missing_kernel_and_bad_arguments()
{
	fails_with 'run make build' boot x86_64 &&
		fails_with "unknown ARCH 'mips'" boot mips &&
		fails_with 'needs a number' boot --timeout soon &&
		fails_with "unknown option '--foo'" boot --foo &&
		fails_with '--overlay needs a value' boot --overlay &&
		fails_with '--timeout needs a value' boot x86_64 --timeout &&
		fails_with '--silence needs a number' boot --silence long &&
		fails_with 'run make run ARCH=arm64' steps/verdict arm64 &&
		CPUS=99 fails_with "CPUS must be 1 to 8" run
}

# pretend_kvm: a machine of the guest's kind with a KVM device, whatever this is.
pretend_kvm()
{
	fake uname 'echo x86_64'
	export KVM_DEVICE=/dev/null
}

test_kvm_is_used_if_it_runs_a_kernel()
{
	fake_guest 'echo "[    1.0] guest| probe ok" >"$log"' && pretend_kvm &&
		ACCEL='' quiet boot x86_64 && record_says '"accel": "kvm"'
}

test_kvm_that_runs_no_kernel_is_not_used()
{
	fake_guest '[ $accel = kvm ] && exec sleep 100; exit 0' && pretend_kvm &&
		ACCEL='' quiet boot x86_64 && record_says '"accel": "tcg"'
}

run_tests
