#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot an ISO in the best machine that is here, with this terminal on its serial console.

That is QEMU/KVM where the host's KVM offers VT-x to its guests, else Bochs, which emulates it.
"""
import argparse
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "emulators"))
from bochs import DEFAULT_MODEL, Bochs  # noqa: E402  the path comes first
from console import ConsoleError  # noqa: E402
from qemu import Qemu, nested_vmx  # noqa: E402

YEAR = 365 * 24 * 3600


def ended_from_outside(number, _frame):
    """A closed terminal or a kill: leave by an exception, so that the machine is ended on the way out."""
    sys.exit(f"run: ended by {signal.Signals(number).name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("iso")
    parser.add_argument("--machine", choices=["auto", "bochs", "qemu"], default="auto")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="CPU model of Bochs")
    parser.add_argument("--memory", type=int, default=512, help="MiB")
    parser.add_argument("--cpus", type=int, default=1)
    options = parser.parse_args()
    kvm = nested_vmx()
    kind = options.machine if options.machine != "auto" else "qemu" if kvm else "bochs"
    if kind == "qemu":
        name = "QEMU with " + ("KVM and nested VT-x" if kvm else "emulation, which has no VT-x")
        machine = Qemu(options.iso, options.memory, options.cpus, kvm=kvm, limit=YEAR)
    else:
        name = f"Bochs, model {options.model}"
        machine = Bochs(options.iso, options.model, options.memory, options.cpus, sync="slowdown", limit=YEAR)
    print(f"run: {name}, {options.memory} MiB. Ctrl-] ends the machine; Ctrl-A ? is Nacre's help.", flush=True)
    for number in signal.SIGHUP, signal.SIGTERM:
        signal.signal(number, ended_from_outside)
    try:
        with machine:
            machine.console.attach()
    except ConsoleError as error:
        sys.exit(f"run: {error}")
    print("\nrun: the machine has ended.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("run: interrupted")
