#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check that waits for an emulator are limited by its own processor time, and that none outlives its limit or its parent.

Prints each mistake and ends with status 1 if there is one. The emulator is a program that sleeps or spins.
"""
import os
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools/emulators"))

import console  # noqa: E402  the path comes first
from machine import Machine  # noqa: E402

CONNECT = """\
import socket, sys, time
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def say(text): line.sendall(text.encode())
def spin():
    while True: pass
"""
SPIN, SLEEP, LATE = "say('up\\n'); spin()", "say('up\\n'); time.sleep(1000)", "time.sleep(3); say('up\\n'); time.sleep(1000)"
GONE_SECONDS = 60

mistakes = 0


class Program(Machine):
    """Runs some Python in the place of an emulator."""

    def __init__(self, script, limit=100):
        super().__init__(limit)
        self.script = script

    def start(self):
        listener = self.listener()
        self.spawn([sys.executable, "-c", CONNECT + self.script, str(listener.port)])
        self.connect(listener)


def check(what, found, expected):
    global mistakes
    if expected not in found:
        mistakes += 1
        print(f"{what}: expected {expected!r} and found {found!r}")


def outcome(program, act):
    """What comes of act(machine): "fine", or the error's first line."""
    with program as machine:
        try:
            act(machine)
            return "fine"
        except console.ConsoleError as error:
            return type(error).__name__ + ": " + str(error).split("\n", maxsplit=1)[0]


def check_waits():
    late = outcome(Program(LATE), lambda machine: machine.console.expect("up", 1))
    check("3 s of sleep and a limit of 1 s of work", late, "fine")
    busy = outcome(Program(SPIN), lambda machine: machine.console.expect("never", 1))
    check("a wait for one that spins", busy, "ConsoleTimeout: the emulator ran for 1 s of processor time without 'never'")
    usual, console.WALL_FACTOR = console.WALL_FACTOR, 2
    idle = outcome(Program(SLEEP), lambda machine: machine.console.expect("never", 1))
    check("a wait for one that hangs", idle, "ConsoleTimeout: 2 s passed, of which the emulator ran for 0 s,")
    idle = outcome(Program(SLEEP), lambda machine: machine.wait(1))
    check("the end of one that hangs", idle, "ConsoleTimeout: 2 s passed, of which the emulator ran for 0 s, and the machine still ran")
    console.WALL_FACTOR = usual


def check_limit():
    ended = outcome(Program(SPIN, limit=1), lambda machine: machine.wait(100))
    check("one that spins", ended, "ConsoleError: the machine was ended after 1 s of processor time")


def check_orphan():
    """The parent is killed, and cannot end its emulator any more."""
    script = f"import sys; sys.argv = ['limits']; sys.path.insert(0, {os.path.dirname(__file__)!r})\n" \
             "import limits\nwith limits.Program(limits.SLEEP) as machine:\n" \
             "    machine.console.expect('up', 10); print(machine.process.pid, machine.directory, flush=True); machine.wait()"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        child, directory = parent.stdout.readline().split()
        check("its emulator", "there" if os.path.exists(f"/proc/{child}") else "gone", "there")
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + GONE_SECONDS
    while os.path.exists(f"/proc/{child}") and time.monotonic() < end:
        time.sleep(0.1)
    check("the emulator of one that was killed", "there" if os.path.exists(f"/proc/{child}") else "gone", "gone")
    shutil.rmtree(directory)


def main():
    check_waits()
    check_limit()
    check_orphan()
    print(f"limits: {mistakes} mistakes")
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
