# SPDX-License-Identifier: MIT
"""What all measurements need: a machine, the numbers in what it says, and the table of figures."""
import os
import re
import sys

from bochs import Bochs
from console import ConsoleError

BUILD = os.environ.get("BUILD", "build")
MODEL = "corei7_skylake_x"
LIMIT = 300  # seconds that one machine may take


class Problem(Exception):
    """One sentence: what could not be measured."""


def find(pattern, text, what):
    """The number, not 0, in the regular expression's group; it must stand in the text."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match or not int(match[1]):
        tail = "\n".join(text.split("\n")[-15:])
        raise Problem(f"{what} is {'0' if match else 'missing'}; the machine's last lines were:\n{tail}")
    return int(match[1])


def run(name, iso, use=None, cpus=1, memory=512):
    """Boot an image; return all that came over the serial port, which is also kept in build/test."""
    print(f"bench: {name} ...", file=sys.stderr, flush=True)
    log = os.path.join(BUILD, "test", f"bench-{name.replace(' ', '-')}.log")
    try:
        with Bochs(iso, MODEL, memory=memory, cpus=cpus, limit=LIMIT, log_path=log) as machine:
            if use:
                use(machine.console)
            return machine.wait().replace("\r", "")
    except ConsoleError as error:
        raise Problem(f"{name}: {error}") from None


class Figures:
    def __init__(self):
        self.values = {}
        self.failed = 0
        self.lines = []
        self.row("figure", "Nacre", "bare", "at most", "Linux KVM", "")

    def row(self, *cells):
        self.lines.append("{:<28} {:>14} {:>13} {:>10}  {:<18} {}".format(*cells).rstrip())

    def add(self, name, value, bar=None, peer="", bare=None):
        """Take a figure into the table and the JSON file, and hold it against its bar."""
        verdict = "" if bar is None else "FAIL" if value > bar else "pass"
        self.failed += verdict == "FAIL"
        self.values[name] = value
        self.row(name, f"{value:,}", "" if bare is None else f"{bare:,}", "" if bar is None else f"{bar:,}", peer,
                 verdict)
