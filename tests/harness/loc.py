#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count lines of code, neither blank nor only comment, per folder, and hold each folder to its line in loc.ratchet.

Three totals follow. The *isolation core* keeps guests apart on one vendor's processors. The *trusted total* is
everything that runs with the monitor's rights and that a guest's action can reach: a fault there is as bad as
one in the core, so device models, the emulator, the console and the loaders belong to it. *All* is the monitor.
"""
import os
import re

import tree

RATCHET = "tests/harness/loc.ratchet"
CORE_AIM = 10_000
KINDS = ("core", "trusted", "operator")
ROW = re.compile(r"([\w/]+)\s+(\w+)\s+(\d+)(?:\s+#.*)?")


def count(text):
    return sum(1 for line in tree.without_comments(text).split("\n") if line.strip())


def count_folders(root):
    """{folder: (files, lines)}"""
    folders = {}
    for path in tree.find(root, tree.MONITOR):
        files, lines = folders.get(os.path.dirname(path), (0, 0))
        folders[os.path.dirname(path)] = files + 1, lines + count(tree.read(root, path))
    return folders


def read_ratchet(root):
    """{folder: (kind, limit)} and what is wrong with the file."""
    rows, mistakes = {}, []
    for number, line in enumerate(tree.read(root, RATCHET).split("\n"), 1):
        match = ROW.fullmatch(line)
        if match and match[2] in KINDS and match[1] not in rows:
            rows[match[1]] = match[2], int(match[3])
        elif line and not line.startswith("#"):
            mistakes.append(f"{RATCHET}:{number}: not FOLDER {'|'.join(KINDS)} LIMIT, or a folder twice: {line}")
    return rows, mistakes


def judge(folders, rows):
    """What has outgrown its limit, or has none."""
    mistakes = []
    for folder, (_, lines) in folders.items():
        if folder not in rows:
            mistakes.append(f"{folder}/ has {lines} lines and no limit: give it a line in {RATCHET}")
        elif lines > rows[folder][1]:
            mistakes.append(f"{folder}/ has {lines} lines, {lines - rows[folder][1]} more than its limit: raise that "
                            f"in {RATCHET} in the same commit, and say why in the commit's message")
    mistakes += [f"{RATCHET}: there is no code in {folder}/: remove its line" for folder in rows if folder not in folders]
    return mistakes


def table(folders, rows):
    print(f"{'folder':20}{'kind':10}{'files':>6}{'lines':>8}{'limit':>8}")
    for folder, (files, lines) in folders.items():
        kind, limit = rows.get(folder, ("?", 0))
        print(f"{folder:20}{kind:10}{files:6}{lines:8}{limit:8}")
    for name, kinds in (("isolation core", ("core",)), ("trusted total", ("core", "trusted")), ("all", KINDS)):
        inside = [folder for folder in folders if rows.get(folder, ("operator", 0))[0] in kinds]
        files, lines = (sum(folders[folder][column] for folder in inside) for column in (0, 1))
        limit = sum(rows[folder][1] for folder in inside if folder in rows)
        aim = f"   aim: {CORE_AIM}" if kinds == ("core",) else ""
        print(f"{name:30}{files:6}{lines:8}{limit:8}{aim}")


def check(root):
    folders = count_folders(root)
    rows, mistakes = read_ratchet(root)
    mistakes += judge(folders, rows)
    if root == tree.ROOT:
        table(folders, rows)
    return mistakes, f"{sum(lines for _, lines in folders.values())} lines"


if __name__ == "__main__":
    tree.main("loc", check)
