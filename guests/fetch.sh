#!/bin/sh
# Fetch guests from Debian's archive: fetch.sh OUTPUT...
#
# An output is a file below build/guests: bzImage-cloud, vmlinux-cloud, bzImage-amd64, vmlinux-amd64
# (Debian's current kernels, untouched, and the ELF file inside them) or busybox.
# Downloads are kept in $NACRE_CACHE (build/cache), so that a later run needs no network.
set -eu

here=$(dirname "$0")
build=${BUILD:-$here/../build}
cache=${NACRE_CACHE:-$build/cache}
out=$build/guests
install=$here/../tests/harness/install.sh
mkdir -p "$cache" "$out"

# Make runs several of us at once, and they share the downloads.
exec 9> "$cache/lock"
flock 9

fail()
{
	echo "fetch: $*" >&2
	exit 1
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
	sh "$install" --lists "$1"
	# Lists that have grown old name files that are gone: fetch them anew and try once more.
	download "$1" || { sh "$install" --update "$1" && download "$1"; } ||
		fail "apt-get cannot download $1: is there a network, and Debian's archive in apt's sources?"
	deb=$(find "$cache" -maxdepth 1 -name "${resolved}_*.deb" | sort | tail -n 1)
	dpkg-deb --fsys-tarfile "$deb" | tar -x -O --wildcards "$2" >"$cache/$3.part"
	mv "$cache/$3.part" "$cache/$3"
	rm "$deb"
}

for output; do
	case $output in
	*-cloud) package=linux-image-cloud-amd64 ;;
	*-amd64) package=linux-image-amd64 ;;
	busybox) package=busybox-static ;;
	*) fail "unknown output $output" ;;
	esac
	case $output in
	bzImage-*)
		fetch $package './boot/vmlinuz-*' "$output"
		cp "$cache/$output" "$out/$output"
		;;
	vmlinux-*)
		image=bzImage-${output#*-}
		fetch $package './boot/vmlinuz-*' "$image"
		python3 "$here/vmlinux.py" "$cache/$image" "$out/$output"
		;;
	busybox)
		fetch $package ./bin/busybox "$output"
		install -m 755 "$cache/$output" "$out/$output"
		;;
	esac
	echo "fetch: $out/$output"
done
