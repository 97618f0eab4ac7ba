#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count lines of code (neither blank nor only comment) per part of the tree, and of the isolation core.

The core is what separates guests from each other and from the monitor: boot, vmm, mm and lib without
console and shell, and without what only tells the operator: it reads the rest, and nothing rests on it
(docs/decisions.md). That is counted apart. Status 1 if the core has grown beyond its limit.
"""
import glob
import os
import re
import sys

PARTS = ("boot", "vmm", "vmm/vmx", "vmm/emulate", "mm", "lib", "devices/virtual", "devices/real", "guests")
CORE = ("boot", "vmm", "vmm/vmx", "vmm/emulate", "mm", "lib")
NOT_CORE = re.compile(r"^(console|shell)")
OBSERVES = re.compile(r"^(log|panic|report|dump|audit|trace|watched|symbols|backtrace|format|shutdown)\.[chS]$")
LIMIT = 10_000
# A string or character constant (kept: it may hold what looks like a comment), or a comment.
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)


def count(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = TOKEN.sub(lambda token: token[0] if token[0][0] in "\"'" else "\n" * token[0].count("\n"), text)
    return sum(1 for line in text.split("\n") if line.strip())


def main():
    core = observing = total = 0
    for part in PARTS:
        lines = {path: count(path) for path in glob.glob(f"{part}/*.[chS]")}
        inside = {path: number for path, number in lines.items()
                  if part in CORE and not NOT_CORE.match(os.path.basename(path))}
        observed = sum(number for path, number in inside.items() if OBSERVES.match(os.path.basename(path)))
        inside = sum(inside.values()) - observed
        core += inside
        observing += observed
        total += sum(lines.values())
        print(f"{part:18}{sum(lines.values()):7} lines in {len(lines):3} files, {inside:6} of them in the core")
    print(f"{'all':18}{total:7}")
    print(f"{'observation':18}{observing:7}")
    print(f"{'isolation core':18}{core:7} of at most {LIMIT}")
    sys.exit(core > LIMIT)


main()
