#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check who includes whom: a lower part of the tree must not know a higher one (docs/architecture.md).

Prints each wrong include as FILE:LINE and ends with status 1 if there is one.
"""
import glob
import os
import re
import sys

# Part of the tree: the parts whose headers it may include, besides its own.
ALLOWED = {
    "lib": set(),
    "mm": {"lib"},
    "devices/real": {"mm", "lib"},
    "devices/virtual": {"mm", "lib"},
    "vmm/emulate": {"lib"},
    "vmm/vmx": {"vmm", "devices/real", "mm", "lib"},
    "vmm": {"vmm/emulate", "devices/virtual", "devices/real", "mm", "lib"},
    "guests": {"vmm", "devices/virtual", "mm", "lib"},
    "boot": {"guests", "vmm", "devices/virtual", "devices/real", "mm", "lib"},
}
# What the compiler itself brings, and what the build generates.
SYSTEM = {"stdint.h", "stdbool.h", "stddef.h", "stdarg.h", "stdnoreturn.h", "limits.h"}
GENERATED = {"dsdt.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def problem(part, quote, name):
    """What is wrong with an include in a file of `part`, or None."""
    if quote == "<":
        return None if name in SYSTEM else f"<{name}> is not freestanding"
    if name in GENERATED:
        return None
    target = os.path.dirname(name)
    if target not in ALLOWED:
        return f'"{name}" is not a path from the top of the tree'
    if target == part or target in ALLOWED[part]:
        return None
    return f"{part}/ must not know {target}/ (\"{name}\")"


def main():
    wrong = 0
    files = 0
    for part in ALLOWED:
        for path in sorted(glob.glob(f"{part}/*.[chS]")):
            files += 1
            with open(path, encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    match = INCLUDE.match(line)
                    text = match and problem(part, *match.groups())
                    if text:
                        print(f"{path}:{number}: {text}")
                        wrong += 1
    print(f"arrows: {files} files, {wrong} wrong includes")
    sys.exit(1 if wrong or not files else 0)


main()
