#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn `nm -n` output (standard input) into an assembly table of the monitor's functions.

The table is {u32 count; u32 offset[count]; u32 name[count]; char names[]}: offsets from the start of
the image, names as offsets into the string block, sorted by address. vmm/observe/symbols.c reads it.
"""
import sys

symbols = []
base = 0
for line in sys.stdin:
    address, kind, name = line.split()[:3]
    if name == "image_start":
        base = int(address, 16)
    if kind in "tT" and not name.startswith("."):
        symbols.append((int(address, 16), name))

print('.section .symbols, "a"')
print(".globl symbol_table\n.balign 4\nsymbol_table:")
print(f"\t.long {len(symbols)}")
for address, _ in symbols:
    print(f"\t.long {address - base}")
at = 0
for _, name in symbols:
    print(f"\t.long {at}")
    at += len(name) + 1
for _, name in symbols:
    print(f'\t.asciz "{name}"')
