# SPDX-License-Identifier: MIT
"""Read text off a picture of the screen, by the monitor's own font."""
import ctypes
import os
import subprocess
import tempfile

WIDTH, HEIGHT = 8, 16
FIRST, LAST = 32, 126


def load_font():
    """{the 16 rows of a glyph as bytes: its character}, from devices/real/font.c."""
    with tempfile.TemporaryDirectory() as directory:
        library = os.path.join(directory, "font.so")
        subprocess.run(["gcc", "-shared", "-fPIC", "-I.", "-o", library, "devices/real/font.c"], check=True)
        row = ctypes.CDLL(library).font_row
        row.restype = ctypes.c_uint8
        row.argtypes = [ctypes.c_uint8, ctypes.c_uint]
        return {bytes(row(code, line) for line in range(HEIGHT)): chr(code) for code in range(FIRST, LAST + 1)}


def read_text(picture, font):
    """The lines of text in a picture (width, height, RGB bytes); '?' for what is no glyph."""
    width, height, pixels = picture
    lines = []
    for top in range(0, height - HEIGHT + 1, HEIGHT):
        line = ""
        for left in range(0, width - WIDTH + 1, WIDTH):
            glyph = bytearray()
            for y in range(top, top + HEIGHT):
                start = 3 * (y * width + left)
                cells = pixels[start:start + 3 * WIDTH]
                glyph.append(sum(0x80 >> x for x in range(WIDTH) if any(cells[3 * x:3 * x + 3])))
            line += font.get(bytes(glyph), "?")
        lines.append(line.rstrip())
    return lines
