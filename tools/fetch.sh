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
older=bookworm # the last release with kernels for i386 and with GNU Mach
mkdir -p "$cache" "$out"

# Make runs several of us at once, and they share the downloads.
exec 9> "$cache/lock"
flock 9

fail()
{
	echo "fetch: $*" >&2
	exit 1
}

# Let apt work with package lists of our own, which nobody needs to be root for, and which leave the system's dpkg
# and apt as they are. $1: a name for the lists, $2: the architecture, $3: a file of sources (the system's own).
use_lists()
{
	lists=$(cd "$cache" && pwd)/apt-$1
	mkdir -p "$lists/lists/partial" "$lists/archives/partial"
	: >"$lists/status"
	cat >"$lists/apt.conf" <<-END
		APT::Architecture "$2";
		APT::Architectures { "$2"; };
		APT::Sandbox::User "root";
		Dir::State "$lists";
		Dir::State::status "$lists/status";
		Dir::Cache "$lists";
		${3:+Dir::Etc::sourcelist "$3"; Dir::Etc::sourceparts "/dev/null";}
	END
	export APT_CONFIG="$lists/apt.conf"
}

# The same, with the older release's packages, from the archive that the system's own come from.
use_older_lists()
{
	archive=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian //p' | head -n 1)
	[ -n "$archive" ] || return 1
	sources=$(cd "$cache" && pwd)/$older.list
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $older main" >"$sources"
	use_lists "$older-$1" "$1" "$sources"
}

# False if that would bring nothing new.
update_lists()
{
	[ -z "$(find "$lists/updated" -mmin -60 2>/dev/null)" ] || return 1
	echo "fetch: fetching package lists into $lists"
	# A source that has nothing for the architecture is no reason to stop: the download will tell.
	apt-get update -qq >"$lists/update.log" 2>&1 || :
	[ -z "$(apt-cache pkgnames)" ] || : >"$lists/updated"
}

# The package that holds the files. A name with a version in it is what a metapackage depends on.
resolve()
{
	case $1 in
	linux-image-*) named='linux-image-.*' ;;
	gnumach-image-*) named='gnumach-image-[0-9.]*-486' ;; # later ones, -486-up, need a local APIC
	xen-system-*) named='xen-hypervisor-.*' ;;
	*)
		echo "$1"
		return
		;;
	esac
	apt-cache depends "$1" 2>/dev/null | sed -n "s/^ *Depends: \($named\)$/\1/p" | head -n 1
}

# Download package $1, or what it depends on, and set `package` to its name.
download()
{
	package=$(resolve "$1")
	[ -n "$package" ] || return 1
	echo "fetch: downloading $package"
	(cd "$cache" && apt-get download -qq "$package" 2>"$lists/download.log")
}

# Lists that have grown old name files that are gone: fetch them and try once more.
download_or_update()
{
	download "$1" || { update_lists && download "$1"; }
}

# Take the one file that matches pattern $3 out of package $1 for architecture $2, and keep it in the cache as $4.
fetch()
{
	[ ! -e "$cache/$4" ] || return 0
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
		fail "this needs Debian's apt-get and dpkg-deb to get $4"
	use_lists "$2" "$2"
	download_or_update "$1" || { use_older_lists "$2" && download_or_update "$1"; } ||
		fail "apt-get cannot download $1: is there a network, and Debian's archive in apt's sources? See $lists"
	deb=$(find "$cache" -maxdepth 1 -name "${package}_*.deb" | sort | tail -n 1)
	dpkg-deb --fsys-tarfile "$deb" | tar -x -O --wildcards "$3" >"$cache/$4.part"
	[ -s "$cache/$4.part" ] || fail "$package holds no $3"
	mv "$cache/$4.part" "$cache/$4"
	rm "$deb"
}

for output; do
	case $output in
	*-i386 | *-686 | *-686-pae) architecture=i386 ;;
	*) architecture=amd64 ;;
	esac
	case $output in
	*-cloud) from=linux-image-cloud-amd64 ;;
	bzImage-* | vmlinux-*) from=linux-image-${output#*-} ;;
	gnumach-*) from=gnumach-image-1-486 ;;
	xen) from=xen-system-amd64 ;;
	invaders) from=grub-invaders ;;
	memtest-*) from=memtest86+ ;;
	busybox*) from=busybox-static ;;
	*) fail "unknown output $output" ;;
	esac
	case $output in
	vmlinux-*)
		image=bzImage-${output#*-}
		fetch "$from" $architecture './boot/vmlinuz-*' "$image"
		python3 "$here/vmlinux.py" "$cache/$image" "$out/$output"
		;;
	gnumach-* | xen)
		fetch "$from" $architecture "./boot/${output%-*}-*.gz" "$output.gz"
		gzip -dc "$cache/$output.gz" >"$out/$output"
		;;
	*)
		case $output in
		bzImage-*) file='./boot/vmlinuz-*' ;;
		invaders) file=./boot/invaders.exec ;;
		memtest-*) file="./boot/memtest86+${output#*-}.bin" ;;
		busybox*) file='./*bin/busybox' ;; # below usr since Debian 13
		esac
		fetch "$from" $architecture "$file" "$output"
		install -m 755 "$cache/$output" "$out/$output"
		;;
	esac
	echo "fetch: $out/$output"
done
