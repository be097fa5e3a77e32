# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# apt with private state, for suites and architectures that this machine does not use.  To
# be sourced after lib.sh.  The mirrors are those of this machine's apt, and their
# signatures are checked.  Lists and architectures of this machine's apt do not change.

# sources_of ARCH SUITE...: a list of sources; SUITE "" is the one of this machine.
sources_of()
{
	local arch=$1 suite label site codename
	shift
	for suite; do
		label=Debian
		[[ $suite != *-security ]] || label=Debian-Security
		# shellcheck disable=SC2016  # apt's own variables
		read -r site codename < <(apt-get indextargets --format \
			'$(SITE) $(CODENAME)' 'Created-By: Packages' 'Component: main' \
			'Origin: Debian' "Label: $label" 2>/dev/null | sort -u) || true
		[ -n "${site:-}" ] || die "apt knows no mirror of $label: run apt-get update"
		echo "deb [arch=$arch] $site ${suite:-$codename} main"
	done
}

# start_apt ARCH SUITE...: make APT_DIR, the state of private_apt.  It is removed at exit.
start_apt()
{
	APT_ARCH=$1
	mkdir -p "$BUILD/logs"
	APT_DIR=$(mktemp -d "$BUILD/apt.XXXXXX")
	trap 'rm -rf "$APT_DIR"' EXIT
	mkdir -p "$APT_DIR/state/lists/partial" "$APT_DIR/cache/archives/partial"
	: >"$APT_DIR/status"
	sources_of "$@" >"$APT_DIR/sources.list"
}

# private_apt get|cache ARG...: apt-get or apt-cache.
private_apt()
{
	"apt-$1" -q -o Dir::State="$APT_DIR/state" -o Dir::Cache="$APT_DIR/cache" \
		-o Dir::State::status="$APT_DIR/status" \
		-o Dir::Etc::sourcelist="$APT_DIR/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o APT::Default-Release= \
		-o Acquire::Retries=0 -o Acquire::http::Timeout=15 \
		-o APT::Architecture="$APT_ARCH" -o APT::Architectures="$APT_ARCH" \
		-o APT::Sandbox::User=root "${@:2}"
}
