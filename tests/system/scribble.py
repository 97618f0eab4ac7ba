# SPDX-License-Identifier: MIT
"""A guest that attacks the operator's terminal: the shell is usable, and nothing was typed there."""
from case import Case, kernel, nacre_iso
from operators import ALARM, PROMPT, TIMEOUT
from xterm import Xterm

VISITS = 3
OUTPUT = 1500  # bytes of a visit that reach the terminal
QUESTIONS = 1  # ... with a question that it answers, which a replay has not
GREETING = "[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: keys]"

# The terminal's answers to some questions hold the words "destroy second".
CONFIG = """\
[vm second]
kernel = kernel
memory = 16M
screen = no
cmdline = seed=7
"""


def since_greeting(terminal):
    """The rows from the shell's last greeting to its prompt, which the cursor is behind; []: not there."""
    rows, (row, column) = terminal.rows(), terminal.cursor()
    ready = rows[row] == PROMPT.rstrip() and column == len(PROMPT) and not any(rows[row + 1:])
    if not ready or GREETING not in rows[:row]:
        return []
    return rows[row - 1 - rows[row - 1::-1].index(GREETING):row]


def watch(terminal):
    output, questions = len(terminal.console.text) + OUTPUT, terminal.asked() + QUESTIONS
    terminal.until(lambda: len(terminal.console.text) >= output and terminal.asked() >= questions, "more output", TIMEOUT)


def leave(terminal):
    """In the shell the terminal is as after power-on, and its input line is empty."""
    terminal.type("\x01m")
    terminal.until(lambda: since_greeting(terminal) == [GREETING], "the shell", TIMEOUT)
    terminal.type("list\r")
    terminal.until(lambda: "nacre> list" in since_greeting(terminal), "the shell's answer", TIMEOUT)
    rows = since_greeting(terminal)
    assert len(rows) == 4 and rows[1] == "nacre> list", "something was typed:\n" + "\n".join(rows)
    assert rows[3].split()[:3] == ["1", "second", "running"], "\n".join(rows)
    assert not terminal.insane(), f"{terminal.insane()} was left"


def test(case, directory):
    iso = nacre_iso(directory, CONFIG, {"kernel": kernel("scribbler")})
    with case.boot(iso) as machine:
        machine.console.alarm = ALARM
        terminal = Xterm(machine.console)
        for visit in range(VISITS):
            if visit:
                terminal.type("\x011")
            watch(terminal)
            leave(terminal)
        terminal.type("poweroff\r")
        while not machine.console.closed:
            terminal.pass_on()
        machine.wait(TIMEOUT)
        assert machine.powered_off(), "'poweroff' did not turn the machine off"
        assert not terminal.insane(), f"{terminal.insane()} was left at power-off"


CASES = [Case("a guest that attacks the terminal", 150, test)]
