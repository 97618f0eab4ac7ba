# SPDX-License-Identifier: MIT
"""Bochs held by its internal debugger: the class Prompt, a machine that is stopped until it is told to run.

Debian's Bochs is built with that debugger, which knows no symbols, and so without a stub for gdb.
"""
import os
import re
import select
import signal
import subprocess
import time

from bochs import Bochs
from console import ConsoleError

PROMPT = re.compile(r"<bochs:\d+> $")
STOPPED = re.compile(r"^\((\d+)\) Breakpoint \d+", re.MULTILINE)
REGISTER = re.compile(r"^(r\w+) *: ([0-9a-f]{8})_([0-9a-f]{8})", re.MULTILINE)
FLAGS = re.compile(r"^eflags:? 0x([0-9a-f]+)", re.MULTILINE)
SEGMENT = re.compile(r"^([c-gs]s):0x([0-9a-f]{4})", re.MULTILINE)
BYTES = re.compile(r">:((?:\t0x[0-9a-f]{2})+)")
BREAKPOINT = re.compile(r"^ *(\d+) lbreakpoint .* 0x([0-9a-f]+)", re.MULTILINE)
READ_MAX = 1024     # bytes in one command
ANSWER_LIMIT = 60   # seconds for a command that does not run the machine


class Prompt(Bochs):
    """Commands go to its standard input; each ends with the next prompt."""

    DEBUGGER_COMMANDS = ""

    def spawn(self, command):
        self.process = subprocess.Popen(
            ["timeout", "--signal=KILL", str(self.limit), *command], cwd=self.directory, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.end = time.monotonic() + self.limit
        self.text = ""  # since the last command
        self.cpu = 0    # that commands are about
        self.breakpoints = set()

    def output(self):
        return self.text

    def read_some(self, timeout):
        """Read what Bochs prints within `timeout` seconds; is it at its prompt?"""
        if select.select([self.process.stdout], [], [], timeout)[0]:
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise ConsoleError("Bochs has ended; it said last:\n" + self.text[-2000:])
            self.text += data.decode("latin-1")
        return PROMPT.search(self.text) is not None

    def until_prompt(self, limit=ANSWER_LIMIT):
        end = time.monotonic() + limit
        while not self.read_some(1):
            if time.monotonic() > end:
                raise ConsoleError(f"Bochs' debugger did not answer within {limit} s:\n{self.text[-2000:]}")
        return PROMPT.sub("", self.text)

    def send(self, line):
        self.text = ""
        self.process.stdin.write((line + "\n").encode())
        self.process.stdin.flush()

    def ask(self, line):
        self.send(line)
        return self.until_prompt()

    def interrupt(self):
        """What Ctrl-C does: the machine stops, and the prompt comes."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            for child in children.read().split():  # of `timeout`: Bochs alone
                os.kill(int(child), signal.SIGINT)

    def select(self, cpu):
        if cpu != self.cpu:
            self.ask(f"set $cpu = {cpu}")
            self.cpu = cpu

    def registers(self, cpu):
        """{name: value}: the general ones, rip, eflags and the selectors."""
        self.select(cpu)
        text = self.ask("r")
        values = {name: int(high + low, 16) for name, high, low in REGISTER.findall(text)}
        values["eflags"] = int(FLAGS.search(text)[1], 16)
        values.update((name, int(value, 16)) for name, value in SEGMENT.findall(self.ask("sreg")))
        return values

    def read(self, cpu, address, size):
        """As many of the bytes at a linear address of this CPU as are mapped."""
        self.select(cpu)
        data = b""
        while len(data) < size:
            count = min(size - len(data), READ_MAX)
            lines = BYTES.findall(self.ask(f"x /{count}bx {address + len(data):#x}"))
            got = bytes(int(byte, 16) for line in lines for byte in line.split())
            data += got
            if len(got) < count:
                break
        return data

    def set_breakpoints(self, addresses):
        """Exactly these linear addresses; they hold for every CPU, whoever's code it runs."""
        if addresses == self.breakpoints:
            return
        for address in addresses - self.breakpoints:
            self.ask(f"lb {address:#x}")
        numbers = {int(address, 16): number for number, address in BREAKPOINT.findall(self.ask("blist"))}
        for address in self.breakpoints - addresses:
            self.ask(f"d {numbers[address]}")
        self.breakpoints = set(addresses)

    def stopped_at(self):
        """After the prompt: the CPU that met a breakpoint; None if it stopped for another reason."""
        match = STOPPED.search(self.text)
        return int(match[1]) if match else None
