#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check who includes whom: a lower part of the tree must not know a higher one (docs/architecture.md).

Also that each source file is in one of these parts, and its tests where its name says.
Prints each mistake as FILE:LINE and ends with status 1 if there is one.
"""
import os
import re

import tree

# Part of the tree: the parts whose headers it may include, besides its own, or a single header of a part.
ALLOWED = {
    "lib": "",
    "mm": "lib",
    "devices/real": "mm lib",
    "devices/bus": "mm lib",
    "devices/pc": "devices/bus lib",
    "devices/machine": "devices/pc devices/bus mm lib",
    "vmm/observe": "devices/real mm lib",
    "vmm/cpu": "vmm/observe devices/real mm lib",
    "vmm/emulate": "lib",
    "vmm": "vmm/x86 vmm/cpu mm lib",
    "vmm/x86": "vmm vmm/cpu vmm/emulate vmm/observe devices/bus mm lib",
    "vmm/vmx": "vmm vmm/x86 vmm/cpu vmm/observe devices/bus devices/real mm lib",
    "vmm/vm": "vmm vmm/x86 vmm/cpu vmm/observe devices/machine devices/pc devices/bus mm lib",
    "vmm/console": "vmm vmm/vm vmm/x86 vmm/cpu vmm/observe devices/machine devices/pc devices/bus devices/real mm lib",
    "vmm/shell": "vmm/console vmm vmm/vm vmm/x86 vmm/cpu vmm/observe devices/machine devices/pc devices/bus devices/real mm lib",
    "guests/config": "vmm/vm/vm_config.h lib",
    "guests/firmware": "devices/machine/machine_config.h devices/pc mm lib",
    "guests/loaders": "guests/config guests/firmware devices/machine/machine_config.h vmm/vcpu_start.h mm lib",
    "guests": "guests/config guests/loaders guests/firmware vmm vmm/vm vmm/console vmm/shell vmm/x86 vmm/cpu vmm/observe "
              "devices/machine mm lib",
    "boot": "guests guests/config vmm vmm/vm vmm/console vmm/shell vmm/cpu vmm/observe devices/real mm lib",
}
ALLOWED = {part: set(below.split()) for part, below in ALLOWED.items()}
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
    if target == part or target in ALLOWED[part] or name in ALLOWED[part]:
        return None
    return f"{part}/ must not know {target}/ (\"{name}\")"


# Wrong includes that are still to be mended; one that is gone must leave this list, too.
OWED = set("""
""".split())


# Folders of unit tests that mirror no folder of code: what all tests share.
SHARED = {"rigs", "fake"}


def misplaced(root):
    """Source files in no part of the tree. vmm/ itself holds the seams between its parts alone: headers."""
    mistakes = []
    for path in tree.find(root, tree.MONITOR):
        part = os.path.dirname(path)
        if part not in ALLOWED or (part == "vmm" and not path.endswith(".h")):
            mistakes.append(f"{path}:1: {part}/ is no place for it: docs/architecture.md lists the folders")
    for path in tree.find(root, ("tests/unit",)):
        part = os.path.relpath(os.path.dirname(path), "tests/unit")
        if part.split("/")[0] not in SHARED and part not in ALLOWED and part != "tools":
            mistakes.append(f"{path}:1: tests/unit/ mirrors the tree, and that has no {part}/")
    return mistakes


def wrong_includes(root, owed):
    """Each mistake in the parts of the tree; those that are owed leave `owed` instead."""
    mistakes = []
    for path in tree.find(root, tree.MONITOR):
        for number, line in enumerate(tree.read(root, path).split("\n"), 1):
            match = INCLUDE.match(line)
            text = match and os.path.dirname(path) in ALLOWED and problem(os.path.dirname(path), *match.groups())
            if text and f"{path}:{match[2]}" in OWED:
                owed.discard(f"{path}:{match[2]}")
            elif text:
                mistakes.append(f"{path}:{number}: {text}")
    return mistakes


def check(root):
    owed = set(OWED) if root == tree.ROOT else set()
    mistakes = misplaced(root) + wrong_includes(root, owed)
    mistakes += [f"OWED: {entry} is mended: remove it" for entry in sorted(owed)]
    files = len(tree.find(root, tree.MONITOR))
    return mistakes + ([] if files else ["there are no sources"]), f"{files} files, {len(OWED)} owed"


if __name__ == "__main__":
    tree.main("arrows", check)
