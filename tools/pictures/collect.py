# SPDX-License-Identifier: MIT
"""Boot the demonstration in Bochs, use it as a person would, and keep what the consoles show."""
import json
import os
import re

import terminal
from bochs import Bochs
from boots import PROMPT
from many import CURSOR_HOME, LINUX, SHIP, Person, demo_iso, look_at_machs
from operators import ALARM, TIMEOUT

LIMIT = 1200  # of the emulator's processor time for the whole run, in seconds
DUMP_LIMIT = 300
LOOK = "uname -srm; free -m; cat /proc/interrupts | head -n 7"
MEMTEST = r"<Enter> to start testing[\s\S]*<Space> Scroll Lock"
INVADERS = r"-\*-.*-\*-[\s\S]*" + SHIP


def rows_of(screen):
    """The cells of a Terminal, without the empty ones at the right and at the bottom."""
    rows = [list(row) for row in screen.cells]
    for row in rows:
        while row and row[-1] == (" ", terminal.PLAIN):
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def shown(person):
    person.screen()
    return rows_of(person.terminal)


def linux_console(person):
    """A user at the first guest's serial line."""
    person.log_in()
    person.console.send("clear\n")
    person.console.send(LOOK + "\n")
    person.expect(r"CPU0[\s\S]*\r\n" + PROMPT)
    start = person.console.text.rindex("clear")
    screen = terminal.Terminal()
    screen.feed(person.console.text[start + len("clear"):])
    return rows_of(screen)


def top(person):
    """The second picture that `top` draws: the first has no second before it."""
    person.to_shell()
    person.console.send("top\r")
    for _ in range(2):
        person.expect(CURSOR_HOME + r"Nacre, \d+ s after its start\. Any key ends this\.")
    start = person.console.text.rindex("\x1b[H", 0, person.console.mark)
    end = person.expect(r"\x1b\[J").end()
    screen = terminal.Terminal()
    screen.feed(person.console.text[start:end])
    person.console.send("q")
    person.until_prompt()
    return rows_of(screen)


def trace(person):
    """What the processors do while a user has a Linux work: the console's text with the dump in it."""
    person.command("trace on")
    person.to_vm(1, LINUX[1][0])
    person.console.send("ls -l /bin | tail -n 2\n")
    person.expect(r"zcat")
    person.to_shell()
    person.command("trace off")
    start = person.console.mark
    person.console.send("trace dump\r")
    person.expect(r"---- nacre trace end \d+ \w+\r", DUMP_LIMIT)
    return person.console.text[start:person.console.mark]


def collect(directory):
    """Run it; files in `directory`: screens.json, trace.log, console.log."""
    os.makedirs(directory, exist_ok=True)
    log = os.path.join(directory, "console.log")
    with Bochs(demo_iso(directory), memory=1024, cpus=2, limit=LIMIT, log_path=log) as machine:
        machine.console.alarm = ALARM
        person = Person(machine.console)
        screens = {"linux": linux_console(person)}
        person.key("2")
        person.log_in()
        look_at_machs(person)
        for number, name, pattern in (6, "memtest", MEMTEST), (7, "invaders", INVADERS):
            person.to_screen(number, name)
            person.expect_screen(pattern)
            screens[name] = shown(person)
        screens["top"] = top(person)
        with open(os.path.join(directory, "trace.log"), "w", encoding="latin-1", newline="") as file:
            file.write(trace(person))
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)
    with open(os.path.join(directory, "screens.json"), "w", encoding="utf-8") as file:
        json.dump(screens, file)
