# SPDX-License-Identifier: MIT
"""What a case is, and the images that cases boot."""
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
from typing import Callable

MONITOR = "build/nacre"
TSC_HZ = 100_000_000  # of the machines of Bochs, whose TSC counts instructions


@dataclasses.dataclass
class Case:
    """`test` raises an exception unless all is well; `limit` is in seconds of an emulator's processor time."""
    name: str
    limit: int
    test: Callable
    slow: bool = False

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


def nacre_iso(directory, config, modules):
    """An ISO that starts Nacre with exactly these modules; no check is made, so mistakes get through.

    config is the config table's text, or None for no such module. modules is {name: path or bytes}.
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
    for name, content in modules.items():
        command += ["--module", f"{name}={path_of(name, content)}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout)
    return iso
