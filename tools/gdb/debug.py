#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gdb on the running monitor, with its symbols: debug.py [options] ISO [GDB ARGUMENT...], or `make gdb`.

The machine is QEMU with its own stub where KVM offers VT-x, else Bochs, which emulates it. It waits at its reset.
Nacre's serial console is at the pseudo-terminal that is named first.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import tty

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "emulators"))
from bochs import DEFAULT_MODEL  # noqa: E402  the path comes first
from console import ConsoleError, Listener  # noqa: E402
from image import Image  # noqa: E402
from prompt import Prompt  # noqa: E402
from qemu import Qemu, nested_vmx  # noqa: E402
from stub import Stub  # noqa: E402

YEAR = 365 * 24 * 3600


def open_terminal(console):
    """A pseudo-terminal that carries the machine's serial line; returns its name."""
    ours, theirs = os.openpty()  # theirs stays open, so that programs may come and go
    tty.setraw(theirs)
    os.set_blocking(ours, False)

    def carry_output():
        while not console.closed:
            try:
                os.write(ours, console.receive(1))
            except BlockingIOError:
                pass  # there is no reader: as on a serial line without a cable

    def carry_input():
        os.set_blocking(theirs, True)
        while not console.closed:
            try:
                console.connection.sendall(os.read(ours, 1024))
            except BlockingIOError:
                threading.Event().wait(0.05)
            except OSError:
                return

    for carry in carry_output, carry_input:
        threading.Thread(target=carry, daemon=True).start()
    return os.ttyname(theirs)


def start_bochs(options):
    machine = Prompt(options.iso, options.model, options.memory, options.cpus, limit=options.limit)
    machine.__enter__()
    machine.until_prompt()
    stub = Stub(machine, Image(options.elf), options.cpus)
    threading.Thread(target=stub.serve, daemon=True).start()
    return machine, stub.port


def start_qemu(options, kvm):
    listener = Listener()  # finds a free port
    listener.close()
    extra = ("-gdb", f"tcp:127.0.0.1:{listener.port}", "-S")
    machine = Qemu(options.iso, options.memory, options.cpus, kvm=kvm, extra=extra, limit=options.limit)
    return machine.__enter__(), listener.port


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--elf", default="build/nacre.elf", help="the monitor with its symbols")
    parser.add_argument("--machine", choices=["auto", "bochs", "qemu"], default="auto")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="CPU model of Bochs")
    parser.add_argument("--memory", type=int, default=512, help="MiB")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--limit", type=int, default=YEAR, help="seconds, then the machine is ended")
    parser.add_argument("iso")
    parser.add_argument("gdb", nargs=argparse.REMAINDER, help="more arguments for gdb")
    options = parser.parse_args()
    if not shutil.which("gdb"):
        sys.exit("gdb: there is no gdb here: install Debian's package gdb")
    kvm = nested_vmx()
    use_qemu = options.machine == "qemu" or (options.machine == "auto" and kvm)
    try:
        machine, port = start_qemu(options, kvm) if use_qemu else start_bochs(options)
    except ConsoleError as error:
        sys.exit(f"gdb: {error}")
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is gdb's, and the default again in it
    try:
        print(f"gdb: Nacre's console is {open_terminal(machine.console)}, e.g. for picocom -e x.\n"
              "gdb: the machine waits at its reset. `hbreak exit_cpuid`, `continue`, `help nacre`.", flush=True)
        status = subprocess.run(["gdb", "-q", options.elf, "-ex", f"source {os.path.join(HERE, 'nacre.py')}",
                                 "-ex", f"target remote 127.0.0.1:{port}", *options.gdb], check=False).returncode
    finally:
        machine.__exit__()
    sys.exit(status)


if __name__ == "__main__":
    main()
