# SPDX-License-Identifier: MIT
"""How VMs begin and end by the operator's commands and by their table's keys, next to one that goes on all the time."""
import re

from case import TSC_HZ, Case, kernel, nacre_iso
from operators import ALARM, TIMEOUT, Operator

CYCLES = 1000

# A boot sector that halts with interrupts off, which the monitor says.
TINY = bytes.fromhex(
    "e699"  # out %al, $0x99        a port that no device has
    "fa"    # cli
    "f4"    # hlt
    "ebfc").ljust(510, b"\0") + b"\x55\xaa"
EXITS = 2  # of a life, at least

TINY_TABLE = """\
[vm tiny]
kernel = tiny
memory = 1M
screen = no
uarts  = 0
autostart = no
"""

FAULT = "[vm {name}]\nkernel = fault\nmemory = 32M\nscreen = no\n{more}\n"
KEYS_TABLE = """\
[monitor]
log = debug
[vm steady]
kernel = neighbour
memory = 32M
screen = no
""" + "".join(FAULT.format(name=name, more=more) for name, more in (
    ("again", "on_crash = restart"), ("held", "on_crash = hold"), ("gone", "on_crash = stop"),
    ("later", "start_delay = 2s"), ("never", "autostart = no"), ("asleep", "start_delay = 3600s")))
NUMBERS = {"steady": 1, "again": 2, "held": 3, "gone": 4, "later": 5, "never": 6, "asleep": 7}
DELAY, DELAY_ERROR = 2.0, 0.2  # seconds, of `later`; all VMs share a processor while they are loaded

TRIPLE = "triple fault: an exception, and no handler for it could be entered"


def free_memory(operator):
    """KiB of the whole machine, and of the monitor."""
    text = operator.command("mem")
    return tuple(int(re.search(rf"^ *(\d+) KiB  {what}", text, re.MULTILINE)[1]) for what in ("free", "the monitor"))


def list_row(operator, name):
    """(state, exits, why it ended)"""
    text = operator.command("list")
    found = re.search(rf"^ *\d+  {name} +(\w+) +\d+M +(\d+)  (.*)$", text, re.MULTILINE)
    assert found, f"no VM {name} in:\n{text}"
    return found[1], int(found[2]), found[3]


def begin(operator, keys=""):
    """It may take a moment after a destroy until the VM is off. The keys come right after the command."""
    begun = False
    while not begun:
        operator.console.send("start tiny\r" + keys)
        begun = operator.expect(r"start tiny\r\n[^\r]*VM tiny (starts anew|is starting)")[1] == "starts anew"


def log_survives_restart(operator):
    operator.console.send("reboot\r")
    operator.expect(r"log: the messages of the run before are kept")
    operator.until_prompt()
    operator.answer("log previous", r"^vm tiny: halted", r"^Restart\.$")


def thousand_lives(case, directory):
    """Each is a start and a destroy; every fourth ends before its guest has begun."""
    iso = nacre_iso(directory, TINY_TABLE, {"tiny": TINY})
    with case.boot(iso) as machine:
        machine.console.alarm = ALARM
        operator = Operator(machine.console)
        operator.until_prompt()
        before, lived = free_memory(operator), 0
        for number in range(CYCLES):
            if number % 4:
                begin(operator)
                operator.expect(r"vm tiny: halted with interrupts off")
                lived += 1
                machine.console.send("destroy tiny\r")
            else:
                begin(operator, "destroy tiny\r")
            operator.expect(r"destroy tiny\r\n")
        operator.until_state("tiny", "stopped")
        after, exits = free_memory(operator), list_row(operator, "tiny")[1]
        assert after == before, f"free, the monitor's (KiB): {before}, now {after}"
        print(f"     {case.name}: {exits} exits in {lived} lives, and {CYCLES - lived} that ended at once", flush=True)
        assert exits >= EXITS * lived, f"only {exits} exits in {lived} lives"
        log_survives_restart(operator)
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)
        assert machine.powered_off(), "'poweroff' did not turn the machine off"


class KeysOperator(Operator):
    def become(self, name, fault):
        """At the VM's console, where it has asked."""
        self.until_state(name, "running")
        self.to_vm(NUMBERS[name], name)
        self.console.send(fault + "\r")
        self.expect(rf"fault: {fault}\r")

    def steady(self):
        """The neighbour's counter goes on, and nothing of its own has changed."""
        self.to_vm(1, "steady")
        counts = [int(self.expect(r"neighbour ok ticks (\d+) ")[1]) for _ in range(2)]
        assert counts[1] > counts[0], f"the neighbour's ticks stand still: {counts}"
        self.to_shell()
        return counts[1]


def first_begin(text, name):
    """Seconds after the monitor's start, by its log: the operator's questions would come at any time."""
    return int(re.search(rf"debug: vm {name}: begins, (\d+) ticks after the monitor", text)[1]) / TSC_HZ


def by_keys(case, directory):
    iso = nacre_iso(directory, KEYS_TABLE, {"fault": kernel("fault"), "neighbour": kernel("neighbour")})
    with case.boot(iso) as machine:
        machine.console.alarm = ALARM + r"|neighbour BROKEN[^\r]*|fault: unexpected[^\r]*"
        operator = KeysOperator(machine.console)
        operator.expect(r"vm asleep: starts with 32M of memory")
        operator.to_shell()
        operator.until_state("never", "stopped")
        operator.answer("list", r"^ *7  asleep +starting ", r"^ *2  again +(starting|running) ")
        operator.until_state("later", "running")
        late = first_begin(machine.console.text, "later") - first_begin(machine.console.text, "again")
        assert abs(late - DELAY) < DELAY_ERROR, f"start_delay = 2s, but the VM started {late} s after its neighbour"
        ticks = operator.steady()

        operator.become("again", "triple64")
        operator.expect(rf"error: vm again, vCPU 0: {re.escape(TRIPLE)}\r")
        operator.expect(r"fault: which\?\r")
        operator.to_shell()
        operator.until_state("again", "running")
        operator.become("held", "triple64")
        operator.expect(rf"error: vm held, vCPU 0: {re.escape(TRIPLE)}\r")
        operator.to_shell()
        operator.until_state("held", "held")
        operator.answer("regs held", r"^  code 0f 0b\b", r"TRIPLE FAULT$")
        operator.answer("mem", r"^ *3\d\d\d\d KiB  VM held$")
        operator.become("gone", "triple64")
        operator.expect(rf"error: vm gone, vCPU 0: {re.escape(TRIPLE)}\r")
        operator.to_shell()
        operator.until_state("gone", "stopped")
        operator.answer("mem", r"^ *0 KiB  VM gone$", r"^ *0 KiB  VM never$")
        for name in "held", "gone", "never":
            operator.answer(f"start {name}", rf"VM {name} starts anew")
            operator.become(name, "exits")
            operator.to_shell()
            operator.until_state(name, "running")
        assert operator.steady() > ticks
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)
        assert machine.powered_off(), "'poweroff' did not turn the machine off"


def spare(case, directory):
    """What a machine with errata, or a limit, leaves: one processor of two, and the local APIC's one-shot timer."""
    iso = nacre_iso(directory, "[vm steady]\nkernel = neighbour\nmemory = 32M\n", {"neighbour": kernel("neighbour")},
                    ("cpus=1", "timer=one-shot"))
    with case.boot(iso, cpus=2) as machine:
        machine.console.alarm = ALARM + r"|neighbour BROKEN[^\r]*"
        for line in (r"time: without VMX-preemption timer and TSC-deadline mode, as asked", r", one-shot timer, ",
                     r"pin +6  VMX-preemption timer +have  unused", r"cpu: 1 more processors are parked",
                     r"cpu: 1 of 2 processors run guests"):
            machine.console.expect(line, TIMEOUT)
        counts = [int(machine.console.expect(r"neighbour ok ticks (\d+) ", TIMEOUT)[1]) for _ in range(3)]
        assert 1900 < counts[2] - counts[0] < 2100, f"not 1000 ticks a second: {counts}"


CASES = [Case("a thousand lives", 400, thousand_lives), Case("life by keys", 400, by_keys),
         Case("one processor, one timer", 120, spare)]
