# SPDX-License-Identifier: MIT
"""The source tree as the style checks see it: its folders, its files, and C text taken apart.

Every check is a function of a tree's root that returns a list of mistakes, so that test_checks.py can plant some.
"""
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Folders whose code is linked into the monitor.
MONITOR = ("boot", "lib", "mm", "vmm", "devices", "guests")
# A string or character constant, which may hold what looks like a comment; or a comment.
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def find(root, folders, pattern="*.[chS]"):
    """The files below some folders, as paths from the root, in order."""
    paths = (path for folder in folders for path in glob.glob(f"{folder}/**/{pattern}", root_dir=root, recursive=True))
    return sorted(path for path in paths if os.path.isfile(os.path.join(root, path)))


def without_comments(text):
    """C text with its lines kept in number."""
    return TOKEN.sub(lambda token: token[0] if token[0][0] in "\"'" else " " + "\n" * token[0].count("\n"), text)


def comments(text):
    """The comments of C text as pairs (number of the first line, text with its line breaks)."""
    return [(text.count("\n", 0, token.start()) + 1, token[0]) for token in TOKEN.finditer(text)
            if token[0][0] == "/"]


def main(name, check):
    """The whole of a check's program: its mistakes, its count, its exit status."""
    mistakes, summary = check(sys.argv[1] if len(sys.argv) > 1 else ROOT)
    for mistake in mistakes:
        print(mistake)
    print(f"{name}: {summary}, {len(mistakes)} mistakes")
    sys.exit(1 if mistakes else 0)
