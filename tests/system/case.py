# SPDX-License-Identifier: MIT
"""What a case is, and the images that cases boot."""
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from typing import Callable

from bochs import Bochs

MONITOR = "build/nacre"
TSC_HZ = 100_000_000  # of the machines of Bochs, whose TSC counts instructions

# The longest that the monitor may keep interrupts off. The aim is 1 ms; docs/performance.md has what is above it.
STRETCH_MAX = TSC_HZ // 250
STRETCH = re.compile(r"Interrupts waited for at most (\d+) ticks \(\d+ us\), on (processor \d+: [^\r]*)\r")
STRETCH_TIMEOUT = 120
TO_SHELL = "\x01m\x15"  # Ctrl-A m, and Ctrl-U clears the line there


class Boot(Bochs):
    """A machine in which guests run. Unless the test fails earlier, the monitor's longest stretch has a bar."""

    def __init__(self, case, iso, **options):
        super().__init__(iso, limit=case.limit, log_path=case.log_path(), **options)
        self.case = case

    def __exit__(self, *failure):
        try:
            if failure and failure[0] is None:
                self.case.judge_stretch(*self.longest_stretch())
        finally:
            super().__exit__()

    def longest_stretch(self):
        """Its instructions, and where it was. The monitor tells before it turns the machine off, else when asked."""
        said = STRETCH.findall(self.console.text)
        if not said:
            self.console.alarm = None
            self.console.send(TO_SHELL + "longest\r")
            said = [self.console.expect(STRETCH.pattern, STRETCH_TIMEOUT).groups()]
        return int(said[-1][0]), said[-1][1]


@dataclasses.dataclass
class Case:
    """`test` raises an exception unless all is well; `limit` is in seconds of an emulator's processor time."""
    name: str
    limit: int
    test: Callable
    slow: bool = False
    longest: tuple = (0, "")  # stretch with interrupts off in its boots, and where it was

    def boot(self, iso, **options):
        return Boot(self, iso, **options)

    def judge_stretch(self, ticks, where):
        self.longest = max(self.longest, (ticks, where))
        assert ticks <= STRETCH_MAX, f"interrupts waited for {ticks} instructions ({STRETCH_MAX} at most) on {where}"

    def told(self):
        return f", interrupts waited for {self.longest[0]} instructions at most" if self.longest[0] else ""

    def log_path(self):
        return os.path.join("build/test", "system-" + re.sub(r"\W+", "-", self.name) + ".log")

    def run(self):
        with tempfile.TemporaryDirectory(prefix="nacre-case-") as directory:
            self.test(self, directory)


def guest(name):
    return os.path.abspath(os.path.join("build/guests", name))


def kernel(name):
    """One of our own under tests/kernels."""
    return os.path.abspath(f"build/kernels/{name}.elf")


def nacre_iso(directory, config, modules, options=(), menu=None):
    """An ISO that starts Nacre with exactly these modules; no check is made, so mistakes get through.

    config is the config table's text, or None for no such module. modules is {name: path or bytes}. options are words
    of the boot loader's command line. menu: how many seconds GRUB's menu waits.
    """
    def path_of(name, content):
        if not isinstance(content, bytes):
            return content
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    iso = os.path.join(directory, "nacre.iso")
    command = [sys.executable, "tools/mkiso.py", "--monitor", MONITOR, "--out", iso]
    if config is not None:
        command += ["--config", path_of("config", config.encode())]
    if menu is not None:
        command += ["--menu", str(menu)]
    for name, content in modules.items():
        command += ["--module", f"{name}={path_of(name, content)}"]
    for option in options:
        command += ["--option", option]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout)
    return iso
