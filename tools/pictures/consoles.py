# SPDX-License-Identifier: MIT
"""Draw four of the demonstration's consoles, cell by cell as the terminal showed them."""
import itertools

from svg import MONOSPACE, document, element, rectangle, text
from terminal import PLAIN

WIDTH, HEIGHT, SIZE, ASCENT = 8.4, 17.0, 14, 13.0  # of a cell, and its font
COLUMNS = 80
SEAM = 0.6  # by which neighbouring backgrounds overlap, so that no line shows between them
PAD, TITLE, GAP = 10.0, 26.0, 14.0
SMALL = 0.58  # scale of the panels at the right

PAPER, INK = "#11151c", "#d5dae2"
PALETTE = ("#1c222c", "#e0565b", "#4fb477", "#d9a441", "#4f86d9", "#b77bd0", "#45b3c2", "#c3c9d3",
           "#6b7585", "#ff7b80", "#74d99c", "#f2c667", "#7db0ff", "#d9a5ee", "#74d8e5", "#ffffff")

DARK = (PAPER, "#8f3236", "#2b6b46", "#80602a", "#24499c", "#6d4780", "#28727c") + PALETTE[7:]  # for backgrounds

STYLE = f"text {{ font: {SIZE}px {MONOSPACE}; fill: {INK}; white-space: pre }} .title {{ fill: #8b95a5 }}"

# Name of the screen, its title, its rows.
LEFT = (("top", "Ctrl-A m: the monitor's shell, top", 12), ("linux", "Ctrl-A 1: linux, its serial line", 13))
RIGHT = (("memtest", "Ctrl-A 6: memtest, its screen", 25), ("invaders", "Ctrl-A 7: invaders, its screen", 25))


def draw_run(row, column, characters, colours):
    """Neighbouring cells of the same colours."""
    foreground, background, bold = colours
    x, y, width = column * WIDTH, row * HEIGHT, len(characters) * WIDTH
    parts = []
    if background:  # black is the paper
        parts.append(rectangle(x, y, width, HEIGHT + SEAM, fill=DARK[background]))
    if characters.strip():
        attributes = {} if foreground is None else {"style": f"fill:{PALETTE[foreground]}"}
        if bold:
            attributes["font_weight"] = "bold"
        parts.append(text(x, y + ASCENT, characters, textLength=width, lengthAdjust="spacingAndGlyphs", **attributes))
    return parts


def split_row(row):
    """(column, characters, colours) of each run; plain blanks at the ends are left out."""
    runs, column = [], 0
    for colours, cells in itertools.groupby(row, lambda cell: tuple(cell[1])):
        characters = "".join(character for character, _ in cells)
        if colours != PLAIN:
            runs.append((column, characters, colours))
        elif characters.strip():
            indent = len(characters) - len(characters.lstrip())
            runs.append((column + indent, characters.strip(), colours))
        column += len(characters)
    return runs


def draw_panel(x, y, title, rows, count, scale):
    """A window; return its parts and height."""
    width, height = COLUMNS * WIDTH + 2 * PAD, count * HEIGHT + 2 * PAD + TITLE
    parts = [rectangle(0, 0, width, height, rx=8, fill=PAPER, stroke="#3a4352"),
             text(PAD, 18, title, class_="title")]
    for number, row in enumerate(rows[:count]):
        cells = [part for run in split_row(row[:COLUMNS]) for part in draw_run(number, *run)]
        parts += cells
    body = element("g", "".join(parts[2:]), transform=f"translate({PAD:g} {TITLE + PAD / 2:g})")
    place = f"translate({x:g} {y:g})" + (f" scale({scale:g})" if scale != 1 else "")
    return element("g", "".join(parts[:2] + [body]), transform=place), height * scale


def draw_consoles(screens):
    parts, bottom = [], 0.0
    for left, scale, panels in (0.0, 1, LEFT), (COLUMNS * WIDTH + 2 * PAD + GAP, SMALL, RIGHT):
        y = 0.0
        for name, title, count in panels:
            part, height = draw_panel(left + 0.5, y + 0.5, title, screens[name], count, scale)
            parts.append(part)
            y += height + GAP
        bottom = max(bottom, y - GAP)
    width = (COLUMNS * WIDTH + 2 * PAD) * (1 + SMALL) + GAP
    title = "Four consoles of the demo: top, a Linux shell, memtest86+ and grub-invaders"
    return document(width + 1, bottom + 1, title, STYLE, parts)
