#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write docs/sensitive.md from tests/kernels/probe/rows.def; with --check, compare the page with that."""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROWS = os.path.join(TOP, "tests/kernels/probe/rows.def")
PAGE = os.path.join(TOP, "docs/sensitive.md")

HEAD = """\
# Sensitive instructions

An instruction is *sensitive* if it shows or changes what belongs to the machine
and not to the program. Popek and Goldberg demand that a monitor controls each
of them. On processors with VT-x, a guest's sensitive instructions run or exit,
as the monitor chooses. This page lists the choices, and the probes that compare
the outcome with the bare machine. `make equivalence` runs them.

`tests/equivalence/sensitive.py` makes this page from
`tests/kernels/probe/rows.def`.

| instruction | what is sensitive | how it is controlled | probes |
|---|---|---|---|
"""


def page():
    lines, probes = [], []
    with open(ROWS, encoding="utf-8") as file:
        for line in file:
            instruction = re.match(r'INSTRUCTION\\("(.*?)", "(.*?)", "(.*?)"\\)'.replace("\\\\", "\\"), line)
            row = re.match(r"ROW\w*\((\w+),", line)
            if instruction:
                probes = []
                lines.append((*instruction.groups(), probes))
            elif row:
                probes.append(row[1])
    if not lines or not all(line[3] for line in lines):
        sys.exit("sensitive: an instruction without a probe")
    return HEAD + "".join(f"| {name} | {sensitive} | {control} | {', '.join(names)} |\n"
                          for name, sensitive, control, names in lines)


def main():
    text = page()
    if sys.argv[1:] == ["--check"]:
        with open(PAGE, encoding="utf-8") as file:
            if file.read() != text:
                sys.exit("docs/sensitive.md is not what rows.def says: run tests/equivalence/sensitive.py")
        return
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
