#!/bin/sh
# SPDX-License-Identifier: MIT
# Install Debian packages that are missing, and say so first.
#
#   install.sh PACKAGE...     make sure that all of them are installed
#   install.sh --lists NAME   make sure that apt knows a package NAME (to download it)
#   install.sh --update NAME  fetch apt's lists anew, to look for NAME again
set -eu

fail()
{
	echo "install: $*" >&2
	exit 1
}

command -v apt-get >/dev/null || fail "this needs Debian's apt-get; on another system install by hand: $*"
root=
if [ "$(id -u)" -ne 0 ]; then
	root=sudo
fi

# Run a command as root, or say in one sentence why that cannot be.
as_root()
{
	if [ -n "$root" ] && ! command -v sudo >/dev/null; then
		fail "neither root nor sudo: please run as root: apt-get update && apt-get install --no-install-recommends$missing"
	fi
	$root env DEBIAN_FRONTEND=noninteractive "$@"
}

update()
{
	echo "install: fetching the package lists (apt-get update)"
	as_root apt-get update -qq
}

find_missing()
{
	missing=
	for package; do
		case $(dpkg-query -W -f '${db:Status-Status} ' "$package" 2>/dev/null) in
		"installed "* | *" installed "*) ;; # once for each architecture
		*) missing="$missing $package" ;;
		esac
	done
}

install_missing()
{
	# shellcheck disable=SC2086  # a list of words
	as_root apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 \
		-o DPkg::Lock::Timeout=600 $missing
}

case ${1-} in
--lists)
	missing=" $2"
	apt-cache show "$2" >/dev/null 2>&1 || update
	exit 0
	;;
--update)
	missing=" $2"
	update
	exit 0
	;;
esac

find_missing "$@"
[ -n "$missing" ] || exit 0

# One at a time, should make run several of us; the one before may have done the work.
lock=$(dirname "$0")/../build
mkdir -p "$lock"
exec 9>"$lock/install.lock"
flock 9
find_missing "$@"
[ -n "$missing" ] || exit 0

echo "install: these Debian packages are missing and will now be installed:$missing"
# shellcheck disable=SC2086
apt-get install -s --no-install-recommends $missing >/dev/null 2>&1 || update
# Lists that have grown old name files that are gone: fetch them anew and try once more.
install_missing || { update && install_missing; } ||
	fail "apt-get could not install$missing: see its message above, then run make again"
