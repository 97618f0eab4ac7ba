# SPDX-License-Identifier: MIT
"""An operator's terminal at a console, which answers and obeys: the model of the unit tests, tests/harness/xterm.c."""
import ctypes

from console import ConsoleTimeout, Limit

LIBRARY = "build/host/xterm.so"
ROWS, COLUMNS = 24, 80
SEND_MAX = 4096


class Xterm:
    """What the console sends reaches the terminal, and what that answers or the operator types the console."""

    def __init__(self, console):
        self.console = console
        self.model = ctypes.CDLL(LIBRARY)
        self.model.terminal_insane.restype = ctypes.c_char_p
        self.model.terminal_reset()

    def type(self, keys):
        """After the answers that still wait."""
        self.model.terminal_type(keys.encode())

    def pass_on(self):
        """Both ways, waiting at most a second for the console."""
        data = self.console.receive(1)
        self.model.terminal_take(data, len(data))
        answers = ctypes.create_string_buffer(SEND_MAX)
        count = self.model.terminal_send(answers, SEND_MAX)
        if count:
            self.console.send(answers.raw[:count].decode("latin-1"))

    def until(self, met, what, timeout):
        limit = Limit(timeout, self.console.spent)
        while not met():
            assert not self.console.closed, f"the machine ended without {what}"
            why = limit.over()
            if why:
                raise ConsoleTimeout(f"{why} without {what}; the terminal shows:\n" + "\n".join(self.rows()))
            self.pass_on()

    def asked(self):
        """How many questions it has answered."""
        return self.model.terminal_asked()

    def insane(self):
        """What is not as after power-on, apart from the picture, or None."""
        what = self.model.terminal_insane()
        return what and what.decode()

    def cursor(self):
        column = ctypes.c_uint()
        return self.model.terminal_cursor(ctypes.byref(column)), column.value

    def rows(self):
        text = ctypes.create_string_buffer(COLUMNS + 1)
        found = []
        for row in range(ROWS):
            self.model.terminal_row(row, text)
            found.append(text.value.decode("latin-1"))
        return found
