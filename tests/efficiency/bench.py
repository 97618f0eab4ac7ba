#!/usr/bin/env python3
"""Measure Nacre on Bochs, whose TSC counts instructions: for make bench.

Prints a table and writes build/bench.json, a flat object of name: number. Exit status 1: a figure is above its
bar. Exit status 2: something could not be measured. docs/performance.md says how each figure comes about.
"""
import json
import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests/harness"), os.path.join(ROOT, "tests/system")]

from bochs import Bochs  # noqa: E402
from case import nacre_iso  # noqa: E402
from console import ConsoleError  # noqa: E402
from iso import make_iso  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
MODEL = "corei7_skylake_x"
LIMIT = 300  # seconds that one machine may take

# name, bar, what Linux KVM on the same machine needs ("" unknown): instructions per operation.
EXITS = (
    ("exit_cpuid", 120, "1,070"),
    ("exit_rdmsr", 150, "1,111"),
    ("exit_wrmsr", 150, "1,521"),
    ("exit_pio_pic", 220, "1,270; QEMU 5,036"),
    ("exit_pio_pit", 220, "1,270; QEMU 5,036"),
    ("exit_pio_pmtimer", 220, "1,270; QEMU 5,036"),
    ("exit_pio_uart", 220, "1,270; QEMU 5,036"),
    ("exit_cr0_wp", 150, "1,994"),
    ("hlt_wake", None, ""),
)


class Problem(Exception):
    """One sentence: what could not be measured."""


def find(pattern, text, what):
    """The number that the regular expression's group holds, which must stand in the text."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        tail = "\n".join(text.replace("\r", "").split("\n")[-15:])
        raise Problem(f"{what} is missing; the machine's last lines were:\n{tail}")
    return int(match[1])


def run(name, iso):
    """Boot an image; all that came over the serial port, which is kept in build/test."""
    path = os.path.join(BUILD, "test", f"bench-{name}.log")
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    try:
        with Bochs(iso, MODEL, memory=512, serial=path, limit=LIMIT) as machine:
            return machine.wait().replace("\r", "")
    except ConsoleError as error:
        raise Problem(f"{name}: {error}") from None


class Figures:
    def __init__(self):
        self.values = {}
        self.failed = 0
        self.lines = []

    def row(self, *cells):
        self.lines.append("{:<24} {:>14} {:>12} {:>12}  {:<22} {}".format(*cells).rstrip())

    def add(self, name, value, bar=None, peer="", bare=""):
        """Take a figure into the table and the JSON file, and hold it against its bar."""
        self.values[name] = value
        bad = bar is not None and value > bar
        self.failed += bad
        show = "{:,.4f}" if isinstance(value, float) else "{:,}"
        self.row(name, show.format(value), bare if bare == "" else f"{bare:,}",
                 "" if bar is None else f"{bar:,}", peer, "" if bar is None else "FAIL" if bad else "pass")


def measure_exits(directory, figures):
    kernel = os.path.abspath(os.path.join(BUILD, "kernels/bench.elf"))
    bare_iso = os.path.join(directory, "bare.iso")
    make_iso(bare_iso, ["multiboot2 /boot/kernel"], {"boot/kernel": kernel})
    guest_iso = nacre_iso(directory, "[monitor]\non_all_stopped = poweroff\n"
                          "[vm bench]\nkernel = kernel\nmemory = 64M\n", {"kernel": kernel})
    bare = run("exits-bare", bare_iso)
    guest = run("exits-guest", guest_iso)
    for name, bar, peer in EXITS:
        values = [find(rf"^bench {name} (\d+)$", text, f"the line 'bench {name}' of the {where} machine")
                  for where, text in (("bare", bare), ("virtual", guest))]
        figures.add(name, values[1], bar, peer, values[0])


def main():
    os.chdir(ROOT)
    os.makedirs(os.path.join(BUILD, "test"), exist_ok=True)
    figures = Figures()
    figures.row("figure", "value", "bare", "at most", "Linux KVM", "")
    try:
        with tempfile.TemporaryDirectory(prefix="nacre-bench-") as directory:
            measure_exits(directory, figures)
    except Problem as problem:
        print("\n".join(figures.lines))
        print(f"bench: {problem}", file=sys.stderr)
        sys.exit(2)
    print("\n".join(figures.lines))
    with open(os.path.join(BUILD, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(figures.values, file, indent=1)
        file.write("\n")
    sys.exit(1 if figures.failed else 0)


main()
