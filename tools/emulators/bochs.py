#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run Bochs without a screen: bochs.py [options] ISO, or the class Bochs.

NACRE_BOCHS names another Bochs than Debian's, e.g. "chroot DIR bochs" for one in a tree of its own.
"""
import argparse
import functools
import os
import re
import shlex
import subprocess
import sys

from console import ConsoleError
from machine import Machine

CONFIG = """\
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={memory}
romimage: file={bios}
vgaromimage: file={vga_bios}
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
clock: sync={sync}, time0=1700000000
log: bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""
BIOS = ("/usr/share/bochs/BIOS-bochs-latest",)
VGA_BIOS = ("/usr/share/bochs/VGABIOS-lgpl-latest", "/usr/share/bochs/VGABIOS-lgpl-latest.bin",
            "/usr/share/vgabios/vgabios.bin")
DEFAULT_MODEL = "corei7_skylake_x"
DEBUGGER = "-debugger"  # the option of Bochs 3.0; earlier ones have none and always start in their debugger


@functools.cache
def usage(*command):
    return subprocess.run([*command, "--help"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout


def bochs_command():
    return shlex.split(os.environ.get("NACRE_BOCHS", "bochs"))


def major_version():
    """Of the Bochs that runs here: 3, or 2 for all before it."""
    return 3 if DEBUGGER in usage(*bochs_command()) else 2


class Bochs(Machine):
    """A PC in Bochs.

    model, memory (MiB), cpus, ips: as in Bochs' own configuration. iso: a CD to boot from.
    blobs: {address: path} put into memory at start. serial: "console" for self.console, or the path
    of a file that gets the output. sync "none": time is a function of executed instructions alone;
    "slowdown": it also never runs ahead of real time, for people. extra: more lines of configuration.
    """

    DEBUGGER_COMMANDS = "c\n"  # at its start: continue; empty: it waits

    def __init__(self, iso=None, model=DEFAULT_MODEL, memory=512, cpus=1, ips=100_000_000, blobs=None,
                 serial="console", sync="none", extra=(), limit=300, log_path=None):
        self.command = bochs_command()
        super().__init__(limit, self.command[1] if self.command[0] == "chroot" else "", log_path)
        self.iso, self.blobs, self.serial, self.extra = iso, blobs or {}, serial, extra
        self.settings = {"model": model, "memory": memory, "cpus": cpus, "ips": ips, "sync": sync}

    def find(self, names):
        for name in names:
            if os.path.exists(self.root + name):
                return name
        raise ConsoleError(f"Bochs' firmware is missing: no {names[0]}{' in ' + self.root if self.root else ''}")

    def debugger_options(self):
        """
        Bochs 3.0 runs several processors right only in its debugger. Its faster loop, cpu_run_trace(), does not
        take over RIP after an exception: a VM exit that comes next saves that of the instruction before.
        """
        options = ["-rc", "rc"] if self.DEBUGGER_COMMANDS else []
        if self.settings["cpus"] > 1 or not self.DEBUGGER_COMMANDS:
            options += [DEBUGGER] if major_version() >= 3 else []
        return options

    def start(self):
        lines = [CONFIG.format(bios=self.find(BIOS), vga_bios=self.find(VGA_BIOS), **self.settings)]
        if self.iso:
            lines += ["boot: cdrom",
                      f"ata0-master: type=cdrom, path={self.inside(self.iso)}, status=inserted"]
        for number, (address, path) in enumerate(self.blobs.items(), 1):
            lines.append(f"optramimage{number}: file={self.inside(path)}, address={address:#x}")
        listener = None
        if self.serial == "console":
            listener = self.listener()
            lines.append(f"com1: enabled=1, mode=socket-client, dev=127.0.0.1:{listener.port}")
        elif self.serial:
            lines.append("com1: enabled=1, mode=file, dev=com1.log")
        self.write("bochsrc", "\n".join([*lines, *self.extra, ""]))
        self.write("rc", self.DEBUGGER_COMMANDS)
        command = self.command
        if self.root:  # a chroot begins in its own root
            command = [*command[:2], "sh", "-c", 'cd "$0" && exec "$@"', self.directory[len(self.root):],
                       *command[2:]]
        self.spawn([*command, "-q", "-f", "bochsrc", *self.debugger_options()])
        if listener:
            self.connect(listener)

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="utf-8") as file:
            file.write(text)

    def wait(self, timeout=None):
        text = super().wait(timeout)
        if self.serial and self.serial != "console":
            with open(os.path.join(self.directory, "com1.log"), "rb") as log:
                data = log.read()
            with open(self.serial, "wb") as copy:
                copy.write(data)
            text = data.decode("latin-1")
        return text

    def ticks(self):
        """Instructions executed by the first processor; known when the machine has ended by itself."""
        found = re.findall(r"\(0\)\.\[(\d+)\]", self.output())
        if not found:
            raise ConsoleError("Bochs did not say how many instructions it ran; its last lines were:\n" +
                               "\n".join(self.output().split("\n")[-10:]))
        return int(found[-1])

    def log(self):
        with open(os.path.join(self.directory, "bochs.log"), encoding="latin-1") as file:
            return file.read()

    def powered_off(self):
        """Did the machine end by its power switch? (Bochs reports that as a panic of its own.)"""
        return "ACPI control: soft power off" in self.log() + self.output()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("iso")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--memory", type=int, default=512, help="MiB")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--ips", type=int, default=100_000_000)
    parser.add_argument("--limit", type=int, default=300, help="seconds of processor time, then it is killed")
    options = parser.parse_args()
    with Bochs(options.iso, options.model, options.memory, options.cpus, options.ips,
               limit=options.limit) as machine:
        try:
            print(machine.wait())
            print(f"bochs: {machine.ticks()} ticks, " +
                  ("powered off" if machine.powered_off() else "ended"), file=sys.stderr)
        except ConsoleError as error:
            print(machine.console.text)
            sys.exit(f"bochs: {error}")


if __name__ == "__main__":
    main()
