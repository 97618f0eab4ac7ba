# SPDX-License-Identifier: MIT
"""A terminal's screen from the bytes that a console sends: as much of ECMA-48 and VT100 as Nacre uses."""
import re

ROWS, COLUMNS = 50, 160
SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([@-~])")


PLAIN = (None, None, False)  # foreground, background (0 to 15; None: the terminal's own), bold


class Terminal:
    """`feed` it a console's text (a character for each byte, as in Console.text); `text` is what is shown.

    `cells` has each cell as (character, colours), with colours like PLAIN. Sequences that it does not
    know, as guests may send them, are left out.
    """

    def __init__(self):
        self.rest = ""  # of a sequence or character whose end has not come
        self.row = self.column = 0
        self.top, self.bottom = 0, ROWS - 1
        self.pen = PLAIN
        self.cells = [self.blank() for _ in range(ROWS)]

    def blank(self):
        """A row without characters, in the background that is set."""
        return [(" ", (None, self.pen[1], False))] * COLUMNS

    def text(self):
        return "\n".join("".join(character for character, _ in row).rstrip() for row in self.cells).rstrip()

    def feed(self, text):
        text = self.rest + text
        at = 0
        while at < len(text):
            size = self.take(text, at)
            if not size:
                break
            at += size
        self.rest = text[at:]

    def take(self, text, at):
        """Carry out what stands at `at`; return its length, or 0 if its end is missing."""
        byte = text[at]
        if byte == "\x1b":
            return self.take_sequence(text, at)
        if byte == "\n":
            self.line_feed()
        elif byte == "\r":
            self.column = 0
        elif byte == "\b":
            self.column = max(self.column - 1, 0)
        elif byte >= " ":
            return self.take_character(text, at)
        return 1

    def take_character(self, text, at):
        first = ord(text[at])
        size = 1 if first < 0xc0 else 2 if first < 0xe0 else 3
        if at + size > len(text):
            return 0
        character = text[at:at + size].encode("latin-1").decode("utf-8", "replace")[0]
        if self.column >= COLUMNS:
            self.column = 0
            self.line_feed()
        self.cells[self.row][self.column] = character, self.pen
        self.column += 1
        return size

    def take_sequence(self, text, at):
        match = SEQUENCE.match(text, at)
        if not match:
            if len(text) - at < 32 and re.fullmatch(r"\x1b(\[\??[0-9;]*)?", text[at:]):
                return 0
            return 1
        private, numbers, final = match.groups()
        if not private:
            self.sequence([int(number or 0) for number in numbers.split(";")], final)
        return match.end() - at

    def sequence(self, numbers, final):
        first = numbers[0]
        if final == "H":
            self.row = min(max(first, 1), ROWS) - 1
            self.column = min(max(numbers[1] if len(numbers) > 1 else 1, 1), COLUMNS) - 1
        elif final == "D":
            self.column = max(self.column - max(first, 1), 0)
        elif final == "K" and not first:
            self.cells[self.row][self.column:] = self.blank()[self.column:]
        elif final == "J" and first == 2:
            self.cells = [self.blank() for _ in range(ROWS)]
        elif final == "J" and not first:
            self.sequence([0], "K")
            for row in range(self.row + 1, ROWS):
                self.cells[row] = self.blank()
        elif final == "M":
            for _ in range(max(first, 1)):
                del self.cells[self.row]
                self.cells.insert(self.bottom, self.blank())
        elif final == "r":
            self.top = max(first, 1) - 1
            self.bottom = (numbers[1] if len(numbers) > 1 and numbers[1] else ROWS) - 1
            self.row = self.column = 0

        elif final == "m":
            for number in numbers:
                self.set_pen(number)

    def set_pen(self, number):
        """One number of "select graphic rendition"."""
        foreground, background, bold = self.pen
        if number == 0:
            self.pen = PLAIN
        elif number == 1:
            self.pen = foreground, background, True
        elif number == 7:
            self.pen = background or 0, 7 if foreground is None else foreground, bold
        elif number // 10 in (3, 9) and number % 10 < 8:
            self.pen = number % 10 + (8 if number >= 90 else 0), background, bold
        elif number // 10 in (4, 10) and number % 10 < 8:
            self.pen = foreground, number % 10 + (8 if number >= 100 else 0), bold
        elif number == 39:
            self.pen = None, background, bold
        elif number == 49:
            self.pen = foreground, None, bold

    def line_feed(self):
        if self.row == self.bottom:
            del self.cells[self.top]
            self.cells.insert(self.bottom, self.blank())
        elif self.row < ROWS - 1:
            self.row += 1
