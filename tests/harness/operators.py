# SPDX-License-Identifier: MIT
"""A person at the serial console, in the monitor's shell."""
import re

from console import ConsoleTimeout, Limit
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

    def until(self, line, met, timeout=TIMEOUT):
        """Repeat a command until met(what it prints); return that."""
        limit = Limit(timeout, self.console.spent)
        while not met(text := self.command(line)):
            why = limit.over()
            if why:
                raise ConsoleTimeout(f"{why} and {line!r} still prints:\n{text}")
        return text

    def until_state(self, name, state):
        """Wait for a state of the VM, a regular expression for what follows its name in `list`.

        Starts and ends take as long as the work that they are, so a state is never there at once.
        """
        self.until("list", lambda text: re.search(rf"^ *\d+  {name} +{state}", text, re.MULTILINE))

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
        limit = Limit(timeout, self.console.spent)
        while not re.search(pattern, self.screen(), re.MULTILINE):
            assert not self.console.closed, "the machine ended"
            why = limit.over()
            if why:
                raise ConsoleTimeout(f"{why} without {pattern!r} on the screen:\n{self.screen()}")
            self.console.receive(1)
        self.console.mark = len(self.console.text)
        return self.screen()
