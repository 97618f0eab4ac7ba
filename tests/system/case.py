"""What a case is, and the images that cases boot."""
import dataclasses
import os
import tempfile
from typing import Callable

from iso import make_iso

MONITOR = "build/nacre"
CONFIG_MODULE = "nacre.conf"


@dataclasses.dataclass
class Case:
    """`test` raises an exception unless all is well; `limit` is in seconds."""
    name: str
    limit: int
    test: Callable
    slow: bool = False

    def log_path(self):
        return os.path.join("build/test", "system-" + self.name.replace(" ", "-") + ".log")

    def run(self):
        with tempfile.TemporaryDirectory(prefix="nacre-case-") as directory:
            self.test(self, directory)


def guest(name):
    return os.path.abspath(os.path.join("build/guests", name))


def nacre_iso(path, config, modules, before=()):
    """An ISO that starts Nacre with exactly these modules; no check is made, so mistakes get through.

    config is the config table's text, or None for no such module. modules is {name: path or bytes}.
    before: GRUB commands that come first.
    """
    files = {"boot/nacre": MONITOR}
    entry = [*before, "multiboot2 /boot/nacre"]
    if config is not None:
        modules = {CONFIG_MODULE: config.encode(), **modules}
    for number, (name, source) in enumerate(modules.items()):
        files[f"boot/module{number}"] = source
        entry.append(f"module2 /boot/module{number} {name}")
    make_iso(path, entry, files)
