#!/usr/bin/env python3
"""The same probes on the bare machine and in a guest: run.py [--show]

Boots tests/kernels/probe twice on the same model of Bochs, by GRUB and as a guest of Nacre, and compares the lines
"probe NAME RESULT". A difference must be allowed by a row of allowed.txt; a row that allows nothing any more is wrong, too.
--show prints every difference, allowed or not. Both transcripts are kept in build/test. The last line is "N passed, N failed",
where a probe that is the same on both sides, or is allowed to differ, has passed.
"""
import argparse
import os
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(TOP, "tests/harness"), os.path.join(TOP, "tests/system")]

from bochs import Bochs  # noqa: E402  the path comes first
from case import nacre_iso  # noqa: E402
from compare import Allowed, compare, transcript  # noqa: E402
from console import ConsoleError  # noqa: E402
from iso import make_iso  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
KERNEL = os.path.abspath(os.path.join(BUILD, "kernels/probe.elf"))
ALLOWED = os.path.join(TOP, "tests/equivalence/allowed.txt")
LIMIT = 240  # seconds that one machine may take
SECOND_UART = "com2: enabled=1, mode=null"
# Bochs lets MSRs that it lacks read as 0. Nacre needs that for IA32_MISC_ENABLE, which each processor with VT-x has; the bare
# machine shall answer as the manual says, with #GP(0).
NO_UNKNOWN_MSRS = "cpu: ignore_bad_msrs=0"
CONFIG = """\
[monitor]
on_all_stopped = poweroff
screen = no
[vm probe]
kernel = kernel
memory = 64M
uarts = 2
"""


def bare_iso(directory):
    iso = os.path.join(directory, "bare.iso")
    make_iso(iso, ["multiboot2 /boot/kernel"], {"boot/kernel": KERNEL})
    return iso


def guest_iso(directory):
    return nacre_iso(directory, CONFIG, {"kernel": KERNEL})


def boot(name, iso, *extra):
    """The probes' lines of one machine."""
    with Bochs(iso, extra=(SECOND_UART, *extra), limit=LIMIT, log_path=os.path.join(BUILD, f"test/equivalence-{name}.log")) as machine:
        return transcript(name, machine.wait())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="print the allowed differences, too")
    options = parser.parse_args()
    os.chdir(TOP)
    os.makedirs(os.path.join(BUILD, "test"), exist_ok=True)
    problems = []
    passed = 0
    with tempfile.TemporaryDirectory(prefix="nacre-equivalence-") as directory:
        try:
            bare = boot("bare", bare_iso(directory), NO_UNKNOWN_MSRS)
            guest = boot("guest", guest_iso(directory))
            allowed = Allowed(ALLOWED)
            passed, problems = compare(bare, guest, allowed, print if options.show else lambda text: None)
            problems += allowed.stale()
        except (ConsoleError, RuntimeError, ValueError) as error:
            problems.append(str(error))
    for problem in problems:
        print(problem)
    print(f"{passed} passed, {len(problems)} failed")
    sys.exit(1 if problems or not passed else 0)


if __name__ == "__main__":
    main()
