# SPDX-License-Identifier: MIT
"""The monitor's ELF file: does a processor run its code, or a guest's at the same address?"""
import struct
import subprocess

CODE_BYTES = 8  # that are compared


class Image:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.segments = []  # (address, offset, size) of what is executed
        table, = struct.unpack_from("<Q", self.data, 0x20)
        entry_size, count = struct.unpack_from("<HH", self.data, 0x36)
        for at in range(table, table + count * entry_size, entry_size):
            kind, flags, offset, address, _, size = struct.unpack_from("<IIQQQQ", self.data, at)
            if kind == 1 and flags & 1:  # PT_LOAD, PF_X
                self.segments.append((address, offset, size))
        names = subprocess.run(["nm", path], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.symbols = {fields[2]: int(fields[0], 16) for fields in map(str.split, names.split("\n"))
                        if len(fields) == 3}

    def code(self, address):
        """The first bytes at an address of the monitor's code; empty elsewhere."""
        for start, offset, size in self.segments:
            if start <= address < start + size:
                at = offset + address - start
                return self.data[at:min(at + CODE_BYTES, offset + size)]
        return b""
