#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Take the ELF kernel out of a Linux bzImage: vmlinux.py BZIMAGE VMLINUX

Linux "The Linux/x86 Boot Protocol", fields setup_sects, payload_offset and payload_length.
"""
import gzip
import lzma
import struct
import subprocess
import sys


def tool(*command):
    """A decompressor: bytes in, bytes out, through an external program."""
    def run(data):
        return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout
    return run


# Every payload but gzip's is followed by its unpacked size, four bytes that the format knows nothing of.
FORMATS = (
    (b"\x1f\x8b", 0, gzip.decompress),
    (b"\xfd7zXZ\0", 4, lzma.decompress),
    (b"\x02\x21\x4c\x18", 4, tool("lz4", "-dc")),
    (b"\x28\xb5\x2f\xfd", 4, tool("zstd", "-dc")),
)


def extract(image):
    if image[0x202:0x206] != b"HdrS":
        raise ValueError("not a bzImage: no HdrS signature at offset 202h")
    sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    payload = image[start:start + length]
    if len(payload) != length:
        raise ValueError("truncated: the payload runs beyond the end of the file")
    for magic, trailer, unpack in FORMATS:
        if payload.startswith(magic):
            elf = unpack(payload[:length - trailer])
            if elf[:4] != b"\x7fELF":
                raise ValueError("what was unpacked is no ELF file")
            return elf
    raise ValueError(f"payload in an unknown format, it starts with {payload[:6].hex()}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], "rb") as file:
            elf = extract(file.read())
    except ValueError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    with open(sys.argv[2], "wb") as file:
        file.write(elf)


main()
