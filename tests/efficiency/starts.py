# SPDX-License-Identifier: MIT
"""What a VM costs before it does anything: instructions until it starts, and memory besides its RAM."""
import os
import re

from case import nacre_iso
from measuring import BUILD, LIMIT, Problem, find, run

MANY = 32
OVERHEAD_PERCENT_MAX = 1

BEGINS = r"debug: vm vm{}: begins, (\d+) ticks after the monitor$"


def boot(directory, name, count, memory, use):
    kernel = os.path.abspath(os.path.join(BUILD, "kernels/spinner.elf"))
    vms = "".join(f"[vm vm{number}]\nkernel = spinner\nmemory = {memory}M\ncmdline = every=10000\n"
                  for number in range(1, count + 1))
    iso = nacre_iso(directory, "[monitor]\nlog = debug\n" + vms, {"spinner": kernel})
    return run(name, iso, use, memory=1024)


def begun(count):
    """Until all VMs are on; and the memory of one."""
    def use(console):
        for _ in range(count):
            console.expect(r"debug: vm vm\d+: begins, \d+ ticks after the monitor\r", LIMIT)
        console.send("\x01m")
        console.expect("nacre> ", LIMIT)
        console.send("stat vm1\n")
        console.expect("KiB in addition to its RAM", LIMIT)
        console.expect("nacre> ", LIMIT)
        console.send("poweroff\n")
    return use


def ticks(text, count):
    """When the last of them began; they need not do so in their order."""
    times = [find(BEGINS.format(number), text, f"the start of VM {number}") for number in range(1, count + 1)]
    return max(times)


def measure(directory, figures):
    one = boot(directory, "start of 1", 1, 64, begun(1))
    figures.add("start_1_vm", ticks(one, 1))
    overhead = re.search(r"^ *(\d+)  KiB in addition to its RAM", one, re.MULTILINE)
    ram = re.search(r"KiB of memory, (\d+) of them its RAM", one)
    if not overhead or not ram:
        raise Problem("the shell does not tell the VM's memory ('stat')")
    figures.add("vm_overhead_percent", round(int(overhead[1]) * 100 / int(ram[1]), 2), OVERHEAD_PERCENT_MAX)
    many = boot(directory, f"start of {MANY}", MANY, 16, begun(MANY))
    figures.add("start_32_vms", ticks(many, MANY))
