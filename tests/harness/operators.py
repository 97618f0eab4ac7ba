# SPDX-License-Identifier: MIT
"""A person at the serial console, in the monitor's shell."""
import re
import time

from terminal import Terminal

TIMEOUT = 120
PROMPT = r"nacre> "
ESCAPE = "\x01"  # Ctrl-A
KILL_LINE = "\x15"  # Ctrl-U

# The last word on the monitor, wherever it comes.
ALARM = r"Nacre panic.*|panic: .*"


class Operator:
    """Types at a Console and reads what comes."""

    def __init__(self, console):
        self.console = console
        self.terminal = Terminal()
        self.shown = 0  # of the console's text, on the terminal

    def expect(self, pattern, timeout=TIMEOUT):
        return self.console.expect(pattern, timeout)

    def until_prompt(self):
        """What is printed from here to the next prompt."""
        start = self.console.mark
        end = self.expect(PROMPT).start()
        return self.console.text[start:end].replace("\r", "")

    def command(self, line, keys=""):
        """Type a line at the prompt, and keys behind it; return what it printed."""
        self.console.send(line + "\r" + keys)
        self.expect(re.escape(line) + r"\r\n")
        return self.until_prompt()

    def answer(self, line, *patterns):
        """What a command prints must match."""
        text = self.command(line)
        for pattern in patterns:
            assert re.search(pattern, text, re.MULTILINE), f"{line!r} printed no {pattern!r} but:\n{text}"
        return text

    def to_shell(self):
        self.console.send(ESCAPE + "m")
        self.expect(PROMPT)

    def to_vm(self, number, name):
        self.console.send(f"{ESCAPE}{number}")
        self.expect(rf"\[Nacre: VM {number}, {name}\.")

    def audit(self, name):
        """From here on the monitor ends the VM, the first of the table, if its state breaks a rule of the manual."""
        self.to_shell()
        self.command(f"audit on {name}")
        self.to_vm(1, name)

    def key(self, key):
        """One of the console's keys, behind Ctrl-A."""
        self.console.send(ESCAPE + key)

    def screen(self):
        """What the terminal shows of all that came so far, as one text."""
        self.terminal.feed(self.console.text[self.shown:])
        self.shown = len(self.console.text)
        return self.terminal.text()

    def expect_screen(self, pattern, timeout=TIMEOUT):
        """Wait until the terminal shows a match; return the text of its screen."""
        end = time.monotonic() + timeout
        while not re.search(pattern, self.screen(), re.MULTILINE):
            assert not self.console.closed, "the machine ended"
            assert time.monotonic() < end, f"{timeout} s passed without {pattern!r} on the screen:\n{self.screen()}"
            self.console.receive(min(1, max(end - time.monotonic(), 0)))
        self.console.mark = len(self.console.text)
        return self.screen()
