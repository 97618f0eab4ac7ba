# SPDX-License-Identifier: MIT
"""Many VMs on two processors, and a person at their consoles."""
import re

from boots import ANSWER_TIMEOUT, LOGIN_TIMEOUT, PROMPT as LINUX_PROMPT, command
from case import Case, guest, nacre_iso
from console import ConsoleTimeout, Limit
from operators import ALARM, TIMEOUT, Operator

DEMO = "guests/demo.conf"
DEMO_IMAGES = "../build/guests/"
DEMO_CMDLINE = "console=ttyS0,115200 panic=-1"
SHORT_CMDLINE = ("console=ttyS0,115200 panic=-1 nokaslr quiet acpi=off noapic nolapic pci=off mitigations=off no_timer_check "
                 "lpj=1000000 cryptomgr.notests edd=off i8042.noaux i8042.nokbd 8250.nr_uarts=1 reboot=t")

LINUX = {1: ("linux", "x86_64"), 2: ("linux-pae", "i686"), 3: ("linux-686", "i686")}
SHIP_RIGHT, SHIP_LEFT = "\x1b[C", "\x1b[D"
CURSOR_HOME = r"\x1b\[H"
SECOND_LOOK = 5


def demo_iso(directory):
    """The demonstration's table; only Linux' command line is one with which it boots sooner."""
    with open(DEMO, encoding="utf-8") as file:
        table = file.read()
    assert table.count(DEMO_CMDLINE) == len(LINUX), f"{DEMO} has changed"
    images = set(re.findall(re.escape(DEMO_IMAGES) + r"(\S+)", table))
    table = table.replace(DEMO_IMAGES, "").replace(DEMO_CMDLINE, SHORT_CMDLINE)
    return nacre_iso(directory, table, {name: guest(name) for name in images})


class Person(Operator):
    """Uses the kernels of the demonstration."""

    def log_in(self):
        self.expect(r"login: ", LOGIN_TIMEOUT)
        self.console.send("root\n")
        self.expect(LINUX_PROMPT, ANSWER_TIMEOUT)

    def linux_answers(self, machine):
        answer = command(self.console, "echo $(uname -m) $((6 * 7))")
        assert f"{machine} 42" in answer, answer

    def to_screen(self, number, name):
        self.key(str(number))
        self.expect(rf"\[Nacre: VM {number}, {name}, its screen\.")

    def states(self):
        """{name: state} by `list`."""
        rows = re.findall(r"^ *\d+  (\S+) +(\w+) +\d+M", self.command("list"), re.MULTILINE)
        return dict(rows)

    def shares(self):
        """{name: percent of a processor} by `stat`."""
        rows = re.findall(r"^ *\d+  (\S+) +\w+ +(\d+\.\d) +\d+\.\d ", self.command("stat"), re.MULTILINE)
        return {name: float(share) for name, share in rows}


def use_linuxes(person):
    """The two that boot soon, one by its number, the next by `n`."""
    for number, key in (1, "1"), (2, "n"):
        name, machine = LINUX[number]
        person.key(key)
        if number > 1:  # one begins at the first
            person.expect(rf"\[Nacre: VM {number}, {name}\.")
        person.log_in()
        person.linux_answers(machine)


def look_at_machs(person):
    """The one of 64 bits is on its serial line, that of 32 bits on its screen."""
    person.key("4")
    person.expect(r"GNU Mach 1\.8", ANSWER_TIMEOUT)
    person.key("5")
    person.expect_screen(r"No bootstrap code loaded", ANSWER_TIMEOUT)


def look_at_memtest(person):
    person.to_screen(6, "memtest")
    person.expect_screen(r"Memtest86\+ v[67]\.\d\d[\s\S]*Memory  : +16MB[\s\S]*Errors:", ANSWER_TIMEOUT)


SHIP = r"^( *)_\n *(/ \\)$"


def steer(person, keys, there):
    """
    Press a key until the ship is where it should be. The game looks at its keyboard once a frame; a press that
    begins and ends within one moves nothing, and with a cap of 10 % a frame may last longer than a press.
    """
    limit = Limit(ANSWER_TIMEOUT, person.console.spent)
    while True:
        person.console.send(keys)
        try:
            return person.expect_screen(there, SECOND_LOOK)
        except ConsoleTimeout:
            if limit.over():
                raise


def play_invaders(person):
    """The ship moves by keys."""
    person.to_screen(7, "invaders")
    text = person.expect_screen(r"-\*-.*-\*-[\s\S]*" + SHIP, ANSWER_TIMEOUT)
    for keys, moved in (SHIP_RIGHT, lambda column: f"{{{column + 1},}}"), (SHIP_LEFT, lambda column: f"{{0,{column - 1}}}"):
        column = len(re.search(SHIP, text, re.MULTILINE)[1])
        text = steer(person, keys, SHIP.replace("*", moved(column), 1))


def in_shells(person, line):
    """Type a line at the shells of the two that boot soon; each has its number where {} is."""
    for number in 1, 2:
        person.to_vm(number, LINUX[number][0])
        person.console.send("\n")
        person.expect(LINUX_PROMPT)
        person.console.send(line.format(number) + "\n")


def tagged(person):
    """What two of them print is seen in one view."""
    in_shells(person, "while sleep 1; do echo said by $(({} * 111)); done &")
    person.key("t")
    person.expect(r"\[Nacre: all VMs' output")
    start = person.console.mark
    for number in 1, 2:
        person.console.mark = start
        person.expect(rf"\[{LINUX[number][0]}\] [^\r]*said by {number * 111}\r")
    person.key("t")
    person.expect(r"\[Nacre: no VM's output any more\]")
    in_shells(person, "kill $!")


def top(person):
    """Drawn again and again, until a key is pressed."""
    person.console.send("top\r")
    for _ in range(2):
        person.expect(CURSOR_HOME + r"Nacre, \d+ s after its start\. Any key ends this\.")
    text = person.expect_screen(r"^ +7  invaders +running")
    assert re.search(r"^  1 +\d+\.\d +\d+  \S", text, re.MULTILINE), f"no row of processor 1:\n{text}"
    person.console.send("q")
    person.until_prompt()


def manage(person):
    """In the monitor's shell."""
    person.to_shell()
    states = person.states()
    assert states == dict.fromkeys(states, "running") and len(states) == 7, states
    shares = person.shares()
    assert len(shares) == 7, shares
    for name in "memtest", "invaders":
        assert 5 <= shares[name] <= 12, f"VM {name}, with a cap of 10 %, has {shares[name]} %"
    top(person)
    person.answer("pause linux")
    person.answer("pause linux", r"VM linux is paused\.")
    assert person.states()["linux"] == "paused"
    assert person.shares()["linux"] == 0
    person.command("destroy linux-pae")
    person.until_state("linux-pae", "stopped ")
    person.answer("mem", r"^ +0 KiB  VM linux-pae$")
    person.answer("start linux-pae", r"VM linux-pae starts anew; Ctrl-A 2 goes to its console\.")
    person.answer("resume linux")
    person.to_vm(1, "linux")
    person.console.send("\n")
    person.expect(LINUX_PROMPT)
    person.linux_answers("x86_64")
    person.to_vm(2, "linux-pae")
    person.log_in()
    person.linux_answers("i686")


def look_at_linux_686(person):
    """The third comes late, since its image unpacks itself for long."""
    person.key("3")
    person.expect(r"\[Nacre: VM 3, linux-686\.", LOGIN_TIMEOUT)  # on its serial line, once the kernel speaks
    person.log_in()
    person.linux_answers("i686")
    person.to_shell()


def many_kernels(case, directory):
    with case.boot(demo_iso(directory), memory=1024, cpus=2) as machine:
        machine.console.alarm = ALARM
        person = Person(machine.console)
        use_linuxes(person)
        look_at_machs(person)
        look_at_memtest(person)
        play_invaders(person)
        tagged(person)
        manage(person)
        look_at_linux_686(person)
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)
        assert machine.powered_off(), "'poweroff' did not turn the machine off"


CASES = [Case("many kernels", 1200, many_kernels)]
