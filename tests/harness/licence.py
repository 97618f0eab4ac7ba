#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check that each source file names its licence in one of its first two lines: the second comes after a #! line."""
import os

import tree

LINE = "SPDX-License-Identifier: MIT"
FOLDERS = (*tree.MONITOR, "tests", "tools", ".ci", ".github")
PATTERNS = ("*.[chS]", "*.py", "*.sh", "*.asl", "*.def", "*.inc", "*.lds", "*.yml")
SINGLE = ("Makefile", "linker.ld", ".ci/run")


def check(root):
    files = {path for pattern in PATTERNS for path in tree.find(root, FOLDERS, pattern)}
    files.update(path for path in SINGLE if os.path.exists(os.path.join(root, path)))
    mistakes = [f"{path}:1: no line {LINE}" for path in sorted(files)
                if not any(LINE in line for line in tree.read(root, path).split("\n")[:2])]
    return mistakes, f"{len(files)} files"


if __name__ == "__main__":
    tree.main("licence", check)
