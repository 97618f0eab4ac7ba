#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print line coverage by directory from an lcov trace: coverage.py INFO DIRECTORY..."""
import os
import sys


def read(path, top):
    """{file below top: (lines hit, lines)} from the records SF, LF and LH."""
    files = {}
    name = lines = None
    with open(path, encoding="utf-8") as records:
        for record in records:
            key, _, value = record.strip().partition(":")
            if key == "SF":
                name = os.path.relpath(value, top)
            elif key == "LF":
                lines = int(value)
            elif key == "LH":
                files[name] = (int(value), lines)
    return files


def row(name, pairs):
    hit, lines = (sum(column) for column in zip(*pairs)) if pairs else (0, 0)
    print(f"{name:40}{hit:7}{lines:7}{100 * hit / lines if lines else 0:7.1f} %")


def main():
    info, *parts = sys.argv[1:]
    files = read(info, os.getcwd())
    print(f"{'':40}{'hit':>7}{'lines':>7}")
    inside = {name: pair for name, pair in files.items() if name.startswith(tuple(f"{p}/" for p in parts))}
    for part in parts:
        directories = sorted({os.path.dirname(name) for name in inside if name.startswith(part + "/")})
        for directory in directories:
            row(directory + "/", [pair for name, pair in inside.items() if os.path.dirname(name) == directory])
    row("total", list(inside.values()))
    print("\nleast covered files:")
    for name in sorted(inside, key=lambda name: inside[name][0] / max(inside[name][1], 1))[:10]:
        row("  " + name, [inside[name]])


main()
