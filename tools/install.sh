#!/bin/sh
# SPDX-License-Identifier: MIT
# The Debian packages that a target needs.
#
#   install.sh PACKAGE...          install those that are missing, and say so first
#   install.sh --check PACKAGE...  fail with a sentence that names those that are missing
set -eu

fail()
{
	echo "install: $*" >&2
	exit 1
}

# On a system without dpkg: is there what the package brings?
is_present()
{
	case $1 in
	acpica-tools) set -- iasl ;;
	binutils) set -- ld ;;
	grub-common) set -- grub-mkrescue ;;
	grub-pc-bin) set -- /usr/lib/grub/i386-pc/boot.img ;;
	grub-efi-amd64-bin) set -- /usr/lib/grub/x86_64-efi/moddep.lst ;;
	libc6-dev) set -- /usr/include/stdio.h ;;
	libcmocka-dev) set -- /usr/include/cmocka.h ;;
	llvm) set -- llvm-symbolizer ;;
	mtools) set -- mformat ;;
	qemu-system-x86) set -- qemu-system-x86_64 ;;
	bochsbios | vgabios) set -- /usr/share/bochs ;;
	libclang-rt-dev | ovmf) return 0 ;; # everyone keeps them elsewhere; clang and QEMU will tell
	esac
	[ -e "$1" ] || command -v "$1" >/dev/null
}

# Set `missing` to those of the packages that are not installed, each after a space.
find_missing()
{
	missing=
	if command -v dpkg-query >/dev/null; then
		installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
			sed -n 's/ installed$//p' | tr '\n' ' ')"
		for package; do
			case $installed in
			*" $package "*) ;;
			*) missing="$missing $package" ;;
			esac
		done
	else
		for package; do
			is_present "$package" || missing="$missing $package"
		done
	fi
}

# Run a command as root, or say in one sentence why that cannot be.
as_root()
{
	root=
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			fail "neither root nor sudo: please run as root: apt-get update && apt-get install --no-install-recommends$missing"
		root=sudo
	fi
	$root env DEBIAN_FRONTEND=noninteractive "$@"
}

update_lists()
{
	echo "install: fetching the package lists (apt-get update)"
	as_root apt-get update -qq
}

install_missing()
{
	# shellcheck disable=SC2086  # a list of words
	as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=600 $missing
}

by_hand="there is no apt-get here, so please install by hand what these packages of Debian hold:"

if [ "${1-}" = --check ]; then
	shift
	find_missing "$@"
	[ -n "$missing" ] || exit 0
	command -v apt-get >/dev/null || fail "$by_hand$missing"
	fail "this target needs packages that are missing:$missing; 'make deps' installs them"
fi

find_missing "$@"
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || fail "$by_hand$missing"

# One at a time, should make run several of us; the one before may have done the work.
lock=$(dirname "$0")/../build
mkdir -p "$lock"
exec 9>"$lock/install.lock"
flock 9
find_missing "$@"
[ -n "$missing" ] || exit 0

echo "install: these Debian packages are missing and will now be installed:$missing"
# shellcheck disable=SC2086
apt-get install -s --no-install-recommends $missing >/dev/null 2>&1 || update_lists
# Lists that have grown old name files that are gone: fetch them and try once more.
install_missing || { update_lists && install_missing; } ||
	fail "apt-get could not install$missing: see its message above, then try again"
