#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The same probes on the bare machine and in a guest: run.py [--show] [KERNEL...]

Boots each kernel of tests/kernels twice on the same model of Bochs, by GRUB and as a guest of Nacre, and compares the lines
"probe NAME RESULT". The kernels are probe (instructions), probe-devices (devices, MSRs, CPUID) and probe-calendar (the clock's
calendar and alarm, bare in QEMU, since Bochs' is an hour off): all, if none is named. A difference must be allowed by a row of
allowed.txt; a row that allows nothing any more is wrong, too.
--show prints every difference, allowed or not. Both transcripts are kept in build/test. The last line is "N passed, N failed",
where a probe that is the same on both sides, or is allowed to differ, has passed.
"""
import argparse
import os
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(TOP, folder) for folder in ("tests/harness", "tests/system", "tools", "tools/emulators")]

from bochs import Bochs, major_version  # noqa: E402  the path comes first
from case import nacre_iso  # noqa: E402
from compare import END, Allowed, compare, transcript  # noqa: E402
from console import ConsoleError  # noqa: E402
from iso import make_iso  # noqa: E402
from qemu import Qemu  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
KERNELS = ("probe", "probe-devices", "probe-calendar")
ALLOWED = os.path.join(TOP, "tests/equivalence/allowed.txt")
LIMIT = 240  # seconds that one machine may take
MACHINE = ("com2: enabled=1, mode=null",)
# An MSR that Bochs does not know is #GP. Below Nacre it reads as 0, as one that every processor with VT-x has is missing: 1A0h.
BARE = (*MACHINE, "cpu: ignore_bad_msrs=0")
CONFIG = """\
[monitor]
on_all_stopped = poweroff
screen = no
[vm probe]
kernel = kernel
memory = 64M
uarts = 2
"""


def bare_iso(directory, kernel):
    iso = os.path.join(directory, "bare.iso")
    make_iso(iso, ["multiboot2 /boot/kernel"], {"boot/kernel": kernel})
    return iso


def guest_iso(directory, kernel):
    return nacre_iso(directory, CONFIG, {"kernel": kernel})


def boot(name, iso, extra):
    """The probes' lines of one machine."""
    with Bochs(iso, extra=extra, limit=LIMIT, log_path=os.path.join(BUILD, f"test/equivalence-{name}.log")) as machine:
        return transcript(name, machine.wait())


def boot_qemu(name, iso):
    """The same in QEMU, whose time is made of instructions and skips what is slept through."""
    with Qemu(iso, extra=("-icount", "shift=6,sleep=off", "-rtc", "clock=vm"), limit=LIMIT,
              log_path=os.path.join(BUILD, f"test/equivalence-{name}.log")) as machine:
        machine.console.expect(END + r"\r", LIMIT)
        return transcript(name, machine.console.text)


def both(name):
    """The lines of both machines that run a kernel."""
    kernel = os.path.abspath(os.path.join(BUILD, f"kernels/{name}.elf"))
    with tempfile.TemporaryDirectory(prefix="nacre-equivalence-") as directory:
        iso = bare_iso(directory, kernel)
        bare = boot_qemu(f"{name}-bare", iso) if name == "probe-calendar" else boot(f"{name}-bare", iso, BARE)
        return bare, boot(f"{name}-guest", guest_iso(directory, kernel), MACHINE)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="print the allowed differences, too")
    parser.add_argument("kernel", nargs="*", choices=[*KERNELS, []], help="these kernels alone, without a look for stale rows")
    options = parser.parse_args()
    os.chdir(TOP)
    os.makedirs(os.path.join(BUILD, "test"), exist_ok=True)
    problems = []
    passed = 0
    allowed = Allowed(ALLOWED, major_version())
    for kernel in options.kernel or KERNELS:
        try:
            same, differences = compare(*both(kernel), allowed, print if options.show else lambda text: None)
            passed += same
            problems += differences
        except (ConsoleError, RuntimeError, ValueError) as error:
            problems.append(str(error))
    if not options.kernel:
        problems += allowed.stale()
    for problem in problems:
        print(problem)
    print(f"{passed} passed, {len(problems)} failed")
    sys.exit(1 if problems or not passed else 0)


if __name__ == "__main__":
    main()
