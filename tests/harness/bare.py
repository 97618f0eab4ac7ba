#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run a command in a clean clone of HEAD on a bare Debian, which has make, gcc and git and nothing else.

debootstrap makes it once for each release; each run unpacks it again into build/bare/RELEASE. Mirror and proxy
are those of this machine's apt. The archive and all downloads stay in build/cache/bare/RELEASE. The last line is
the result. With --expect the command gets a terminal: once the pattern has appeared in its
output, Ctrl-] is typed, and the command must then end with status 0.
"""
import argparse
import fcntl
import glob
import os
import pty
import re
import shutil
import signal
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDED = "make,gcc,git,ca-certificates"
CLONE = "/nacre"
LEAVE = b"\x1d"  # Ctrl-], which ends the machine of `make run`
KEPT = ("http_proxy", "https_proxy", "no_proxy", "TERM")
TARGETS = "$(ORIGIN)|$(LABEL)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)"

# Runs in mount and process namespaces of its own: its mounts and processes go when it ends, however that is.
INSIDE = """
set -eu
mount -t proc proc "$1/proc"
mount --rbind /sys "$1/sys"
mount --rbind /dev "$1/dev"
mount --bind "$2/archives" "$1/var/cache/apt/archives"
mount --bind "$2/guests" "$1$3/build/cache"
exec chroot "$1" sh -c "cd '$3' && $4"
"""


def read_from(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def debian_sources():
    """The archives of Debian that this machine's apt uses, as (label, code name, component, URI)."""
    command = ("apt-get", "indextargets", "--format", TARGETS, "Created-By: Packages")
    targets = {tuple(line.split("|")) for line in read_from(*command).splitlines()}
    found = sorted(target[1:] for target in targets if target[0] == "Debian")
    if not any(label == "Debian" for label, *_ in found):
        sys.exit("bare: apt knows no archive of Debian here: run apt-get update")
    return found


def this_release():
    return re.search(r"^VERSION_CODENAME=(\w+)", open("/etc/os-release", encoding="utf-8").read(), re.MULTILINE)[1]


def bootstrap(release, tree, archive):
    """Make the archive: a minimal system with this machine's sources of packages."""
    sources, own = debian_sources(), this_release()
    uri = next(uri for label, codename, _, uri in sources if label == "Debian" and codename == own)
    subprocess.run(["debootstrap", "--variant=minbase", f"--include={INCLUDED}", release, tree, uri], check=True)
    lines = [f"deb {uri} {codename.replace(own, release)} {component}\n" for _, codename, component, uri in sources]
    with open(f"{tree}/etc/apt/sources.list", "w", encoding="utf-8") as file:
        file.writelines(sorted(set(lines)))
    for path in glob.glob("/etc/apt/apt.conf.d/*") + glob.glob("/etc/apt/apt.conf"):
        if re.search("^ *Acquire", open(path, encoding="utf-8").read(), re.MULTILINE):  # proxies and the like
            shutil.copy(path, f"{tree}/etc/apt/apt.conf.d")
    shutil.copytree("/etc/apt/auth.conf.d", f"{tree}/etc/apt/auth.conf.d", dirs_exist_ok=True)
    subprocess.run(["chroot", tree, "apt-get", "clean"], check=True)
    subprocess.run(["tar", "-C", tree, "-cf", archive + ".part", "."], check=True)
    os.rename(archive + ".part", archive)


def set_up(release, tree, cache):
    """A fresh tree with a clean clone of HEAD; returns the commit."""
    archive = cache + "/bare.tar"
    subprocess.run(["rm", "-rf", "--one-file-system", tree], check=True)
    os.makedirs(tree)
    if os.path.exists(archive):
        subprocess.run(["tar", "-C", tree, "-xf", archive], check=True)
    else:
        bootstrap(release, tree, archive)
    shutil.copy("/etc/resolv.conf", f"{tree}/etc/resolv.conf")
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, tree + CLONE], check=True)
    os.makedirs(f"{tree}{CLONE}/build/cache")
    return read_from("git", "-C", tree + CLONE, "rev-parse", "--short", "HEAD").strip()


def lock(tree, cache):
    """Make the folders and keep others off the tree until the file that is returned is closed."""
    os.makedirs(f"{cache}/archives/partial", exist_ok=True)
    os.makedirs(f"{cache}/guests", exist_ok=True)
    os.makedirs(os.path.dirname(tree), exist_ok=True)
    file = open(tree + ".lock", "w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"bare: another run is at work in {tree}")
    return file


def start(tree, cache, command, **streams):
    """The command in the tree; it ends with us, even when we are killed."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": "/root", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child",
                             "sh", "-c", INSIDE, "sh", tree, cache, CLONE, command], env=environment, **streams)


def converse(tree, cache, command, pattern):
    """Run the command in a terminal until the pattern has come and it has ended. True if both went well."""
    ours, terminal = pty.openpty()
    process = start(tree, cache, command, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    output, seen = b"", False
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # nothing has the terminal open any more
            break
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        output = (output + data)[-8192:]
        if not seen and re.search(pattern.encode(), output):
            seen = True
            os.write(ours, LEAVE)
    return process.wait() == 0 and seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("release", help="code name of a Debian release, such as trixie")
    parser.add_argument("command", nargs="?", default="make test", help="for the shell, in the clone (make test)")
    parser.add_argument("--expect", metavar="REGEX", help="what must appear in the output before Ctrl-] is typed")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("bare: debootstrap, mount and chroot need root: please run it as root")
    tree = os.path.join(ROOT, "build", "bare", options.release)
    cache = os.path.join(ROOT, "build", "cache", "bare", options.release)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bare: ended from outside"))
    with lock(tree, cache):
        commit = set_up(options.release, tree, cache)
        if options.expect:
            passed = converse(tree, cache, options.command, options.expect)
        else:
            passed = start(tree, cache, options.command, stdin=subprocess.DEVNULL).wait() == 0
    print(f"bare: {'passed' if passed else 'FAILED'}: {options.command}, commit {commit}, on a bare {options.release}")
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, subprocess.CalledProcessError) as error:
        sys.exit(f"bare: {error!r}")
