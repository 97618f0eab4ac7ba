#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write an initramfs from a list: cpio.py LIST OUTPUT [NAME=PATH...]

The list has one entry a line; {NAME} in a source path stands for the PATH given. The result depends on
nothing but the list and the files' contents: all times are 0, all owners root.

    dir   NAME MODE
    file  NAME SOURCE MODE      SOURCE relative to the list
    link  NAME TARGET
    char  NAME MODE MAJOR MINOR

Format: Linux "initramfs buffer format", the newc archive.
"""
import os
import stat
import sys


class Archive:
    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        name = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self.pad()
        self.data += content
        self.pad()

    def pad(self):
        self.data += bytes(-len(self.data) % 4)


def build(list_path, sources):
    archive = Archive()
    with open(list_path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            try:
                kind, name, *rest = words
                name = name.lstrip("/")
                if kind == "dir":
                    archive.add(name, stat.S_IFDIR | int(rest[0], 8))
                elif kind == "file":
                    path = os.path.join(os.path.dirname(list_path), rest[0].format(**sources))
                    with open(path, "rb") as source:
                        archive.add(name, stat.S_IFREG | int(rest[1], 8), source.read())
                elif kind == "link":
                    archive.add(name, stat.S_IFLNK | 0o777, rest[0].encode())
                elif kind == "char":
                    archive.add(name, stat.S_IFCHR | int(rest[0], 8), device=(int(rest[1]), int(rest[2])))
                else:
                    raise ValueError(f"unknown kind of entry '{kind}'")
            except (ValueError, IndexError, KeyError, OSError) as error:
                sys.exit(f"{list_path}:{number}: {error!r}")
    archive.add("TRAILER!!!", 0)
    return archive.data


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sources = {name: os.path.abspath(path)
               for name, path in (word.split("=", 1) for word in sys.argv[3:])}
    data = build(sys.argv[1], sources)
    with open(sys.argv[2], "wb") as file:
        file.write(data)


main()
