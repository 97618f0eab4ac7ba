#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetch guests from Debian's archive: fetch.sh OUTPUT...
#
# An output is a file below build/guests:
#   bzImage-KIND, vmlinux-KIND     Debian's current kernel, untouched, and the ELF file inside it;
#                                  KIND is cloud, amd64, 686 (no PAE) or 686-pae
#   gnumach-amd64, gnumach-i386    GNU Mach, unpacked
#   xen                            the Xen hypervisor, unpacked
#   invaders, memtest-x64, memtest-ia32
#   busybox, busybox-i386
# Downloads are kept in $NACRE_CACHE (build/cache), so that a later run needs no network.
set -eu

here=$(dirname "$0")
build=${BUILD:-$here/../build}
cache=${NACRE_CACHE:-$build/cache}
out=$build/guests
install=$here/install.sh
mkdir -p "$cache" "$out"

# Make runs several of us at once, and they share the downloads.
exec 9> "$cache/lock"
flock 9

fail()
{
	echo "fetch: $*" >&2
	exit 1
}

# Packages of another architecture come by lists of our own, so that the system's dpkg and apt stay as they are.
use_i386()
{
	lists=$(cd "$cache" && pwd)/apt-i386
	mkdir -p "$lists/lists/partial" "$lists/archives/partial"
	: >"$lists/status"
	cat >"$lists/apt.conf" <<-END
		APT::Architecture "i386";
		APT::Architectures { "i386"; };
		Dir::State "$lists";
		Dir::State::status "$lists/status";
		Dir::Cache "$lists";
	END
	export APT_CONFIG="$lists/apt.conf"
}

# Make sure that apt knows package $1; --update: fetch the lists anew in any case.
know()
{
	if [ -z "${APT_CONFIG-}" ]; then
		sh "$install" "$2" "$1"
	elif [ "$2" = --update ] || ! apt-cache show "$1" >/dev/null 2>&1; then
		echo "fetch: fetching the package lists for i386"
		# A source that has nothing for i386 is no reason to stop: the download will tell.
		apt-get update -qq -o APT::Sandbox::User=root >"$lists/update.log" 2>&1 || :
	fi
}

# The package that holds the files: a linux-image metapackage only names the newest one.
resolve()
{
	case $1 in
	linux-image-*)
		apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1
		;;
	*)
		echo "$1"
		;;
	esac
}

download()
{
	resolved=$(resolve "$1")
	[ -n "$resolved" ] || return 1
	echo "fetch: downloading $resolved"
	(cd "$cache" && apt-get download -qq -o APT::Sandbox::User=root "$resolved")
}

# Take the one file that matches pattern $2 out of package $1 and keep it in the cache as $3.
fetch()
{
	[ ! -e "$cache/$3" ] || return 0
	know "$1" --lists
	# Lists that have grown old name files that are gone: fetch them anew and try once more.
	download "$1" || { know "$1" --update && download "$1"; } ||
		fail "apt-get cannot download $1: is there a network, and Debian's archive in apt's sources?"
	deb=$(find "$cache" -maxdepth 1 -name "${resolved}_*.deb" | sort | tail -n 1)
	dpkg-deb --fsys-tarfile "$deb" | tar -x -O --wildcards "$2" >"$cache/$3.part"
	mv "$cache/$3.part" "$cache/$3"
	rm "$deb"
}

for output; do
	unset APT_CONFIG
	case $output in
	*-i386 | *-686 | *-686-pae) use_i386 ;;
	esac
	case $output in
	*-cloud) package=linux-image-cloud-amd64 ;;
	bzImage-* | vmlinux-*) package=linux-image-${output#*-} ;;
	gnumach-*) package=gnumach-image-1.8-486 ;;
	xen) package=xen-hypervisor-4.17-amd64 ;;
	invaders) package=grub-invaders ;;
	memtest-*) package=memtest86+ ;;
	busybox*) package=busybox-static ;;
	*) fail "unknown output $output" ;;
	esac
	case $output in
	vmlinux-*)
		image=bzImage-${output#*-}
		fetch $package './boot/vmlinuz-*' "$image"
		python3 "$here/vmlinux.py" "$cache/$image" "$out/$output"
		;;
	gnumach-* | xen)
		fetch $package "./boot/${output%-*}-*.gz" "$output.gz"
		gzip -dc "$cache/$output.gz" >"$out/$output"
		;;
	*)
		case $output in
		bzImage-*) file='./boot/vmlinuz-*' ;;
		invaders) file=./boot/invaders.exec ;;
		memtest-*) file="./boot/memtest86+${output#*-}.bin" ;;
		busybox*) file=./bin/busybox ;;
		esac
		fetch $package "$file" "$output"
		install -m 755 "$cache/$output" "$out/$output"
		;;
	esac
	echo "fetch: $out/$output"
done
