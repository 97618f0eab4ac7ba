#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure Nacre on Bochs, whose TSC counts instructions: for make bench.

Prints a table and writes build/bench.json, a flat object of name: number. Exit status 1: a figure is above its
bar. Exit status 2: something could not be measured. docs/performance.md says how each figure comes about.
"""
import json
import os
import re
import struct
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, folder) for folder in ("tests/harness", "tests/system", "tools", "tools/emulators")]

import resting  # noqa: E402  the path comes first
import sharing  # noqa: E402
import starts  # noqa: E402
from case import nacre_iso  # noqa: E402
from iso import make_iso  # noqa: E402
from measuring import BUILD, LIMIT, MODEL, Figures, Problem, find, run  # noqa: E402

# name, at most, what Linux KVM needs on the same machine: instructions per operation.
EXITS = (
    ("exit_cpuid", 118, "1,070"),
    ("exit_rdmsr", 134, "1,111"),
    ("exit_wrmsr", 144, "1,521"),
    ("exit_pio_pic", 136, "1,270; QEMU 5,036"),
    ("exit_pio_pit", 208, "1,270; QEMU 5,036"),
    ("exit_pio_pmtimer", 185, "1,270; QEMU 5,036"),
    ("exit_pio_uart", 145, "1,270; QEMU 5,036"),
    ("exit_cr0_wp", 2, "1,994"),
    ("exit_mmio_hpet", 3_420, ""),
    ("hlt_wake", 1_452, ""),
)

# A guest's TSC is 0 when its machine is switched on; until it runs, the monitor still writes a line to its console.
TSC_AT_ENTRY_MAX = 1_000_000

# name, bar, KVM's, and the line of tests/kernels/linux-init that has the TSC ticks.
RATIOS = (
    ("linux_boot_ratio", 1.01, "1.046", "main at TSC"),
    ("linux_fork_exec_ratio", 1.01, "1.05", r"fork\+exec x 100"),
    ("linux_touch_ratio", 1.01, "1.13", "touch 64 MiB"),
)
GUEST_MIB = 384  # of the machine's 512; the bare kernel is told of as much

# The short line of words that save time, and then what lets both kernels do the same work. Bochs' CPUID claims 3.5 GHz, so that a
# bare kernel would keep another time than it has. Bochs lacks IA32_MISC_ENABLE, which says that REP MOVS and STOS are
# fast, so that a bare kernel does without them. And init's random addresses decide what each of its forks costs.
CMDLINE = ("console=ttyS0,115200 panic=-1 nokaslr quiet acpi=off noapic nolapic pci=off mitigations=off "
           "no_timer_check lpj=1000000 cryptomgr.notests edd=off i8042.noaux i8042.nokbd 8250.nr_uarts=1 reboot=t "
           "tsc_early_khz=100000 norandmaps")


def measure_exits(directory, figures):
    """tests/kernels/bench, bare and as a guest."""
    kernel = os.path.abspath(os.path.join(BUILD, "kernels/bench.elf"))
    bare_iso = os.path.join(directory, "bare.iso")
    make_iso(bare_iso, ["multiboot2 /boot/kernel"], {"boot/kernel": kernel})
    guest_iso = nacre_iso(directory, "[monitor]\non_all_stopped = poweroff\n"
                          "[vm bench]\nkernel = kernel\nmemory = 64M\n", {"kernel": kernel})
    bare = run("exits bare", bare_iso)
    guest = run("exits guest", guest_iso)
    entry = find(r"^bench tsc_at_entry (\d+)$", guest, "the guest's TSC at its entry")
    if entry > TSC_AT_ENTRY_MAX:
        raise Problem(f"a guest's TSC must be near 0 at its entry, but it is {entry:,}: linux_boot_ratio would be wrong")
    for name, bar, peer in EXITS:
        bare_value, value = (find(rf"^bench {name} (\d+)$", text, f"'bench {name}' of the {which} machine")
                             for which, text in (("bare", bare), ("virtual", guest)))
        figures.add(name, value, bar, peer, bare_value)


def look_around(console):
    """When the guest has ended: ask the monitor's shell, and turn the machine off."""
    console.expect(r"init: touch 64 MiB \d+", LIMIT)
    console.expect(r"vm linux, vCPU 0: triple fault", LIMIT)  # which reboot=t asks for
    for command in ("stat linux", "mem"):
        console.expect("nacre> ", LIMIT)
        console.send(command + "\n")
        console.expect(command, LIMIT)
    console.expect("nacre> ", LIMIT)
    console.send("poweroff\n")


def linux_images(directory):
    """One image that starts the kernel on the bare machine, one that starts it as a guest."""
    kernel = os.path.abspath(os.path.join(BUILD, "guests/vmlinux-amd64"))
    initrd = os.path.abspath(os.path.join(BUILD, "guests/bench.cpio"))
    bare_iso = os.path.join(directory, "bare.iso")
    make_iso(bare_iso, [f"multiboot2 /boot/bareboot {GUEST_MIB}", "module2 /boot/kernel kernel",
                        "module2 /boot/initrd initrd", "module2 /boot/cmdline cmdline"],
             {"boot/bareboot": os.path.join(BUILD, "kernels/bareboot.elf"), "boot/kernel": kernel,
              "boot/initrd": initrd, "boot/cmdline": CMDLINE.encode()})
    config = (f"[vm linux]\nkernel = kernel\ninitrd = initrd\nmemory = {GUEST_MIB}M\nacpi = no\non_crash = hold\n"
              f"cmdline = {CMDLINE}\n")
    return bare_iso, nacre_iso(directory, config, {"kernel": kernel, "initrd": initrd})


def monitor_ram(text):
    """All RAM that no guest has, in bytes, less what is free, and less the guests' images as GRUB loaded them."""
    total = find(r"^ *(\d+) KiB  usable memory of the machine", text, "the machine's memory ('mem')")
    free = find(r"^ *(\d+) KiB  free", text, "the free memory ('mem')")
    guest = find(r"KiB of memory, (\d+) of them its RAM", text, "the guest's memory ('stat')")
    modules = [int(size) for size in re.findall(r"^boot: module '.*' at \w+, (\d+) bytes", text, re.MULTILINE)]
    if len(modules) != 3:
        raise Problem("the monitor's log does not name its three boot modules")
    return (total - free - guest) * 1024 - sum(-(-size // 4096) * 4096 for size in modules)


def monitor_image():
    """Bytes that the image takes when loaded: its program headers, from the lowest to the highest address."""
    with open(os.path.join(BUILD, "nacre"), "rb") as file:
        elf = file.read()
    table, = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", elf, table + i * size) for i in range(count)]
    loaded = [(header[4], header[4] + header[6]) for header in headers if header[0] == 1]
    return max(end for _, end in loaded) - min(start for start, _ in loaded)


def measure_linux(directory, figures):
    """Debian's kernel from its entry on, bare and as a guest. Returns the guest's log."""
    bare_iso, guest_iso = linux_images(directory)
    bare = run("linux bare", bare_iso)
    guest = run("linux guest", guest_iso, look_around)
    entry = find(r"^bareboot: entry at TSC (\d+)", bare, "bareboot's line")
    for name, bar, peer, line in RATIOS:
        ticks = [find(rf"^init: {line} (\d+)", text, f"init's line '{line}' of the {which} machine")
                 for which, text in (("bare", bare), ("virtual", guest))]
        ticks[0] -= entry if name == "linux_boot_ratio" else 0
        figures.add(name, round(ticks[1] / ticks[0], 4), bar, peer)
        figures.row("  instructions", f"{ticks[1]:,}", f"{ticks[0]:,}", "", "", "")
    figures.add("linux_boot_exits", find(r"^ *(\d+)  exits in total", guest, "the count of exits ('stat')"), None,
                "19,114")
    for count, reason in re.findall(r"^ *(\d+)  ([A-Z/ ]*[A-Z])(?:  .*)?$", guest, re.MULTILINE):
        figures.row("  " + reason.lower(), f"{int(count):,}", "", "", "", "")
    two = run("linux guest, 2 CPUs", guest_iso, look_around, cpus=2)
    figures.add("monitor_ram_bytes", monitor_ram(two), 16 << 20)
    figures.add("monitor_image_bytes", monitor_image(), 1 << 20)
    return guest


def measure():
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="nacre-bench-") as directory:
        measure_exits(directory, figures)
        sharing.measure(directory, figures)
        starts.measure(directory, figures)
        log = measure_linux(directory, figures)
        resting.measure(directory, figures)
    mitigations = re.search(r"^Speculation mitigations:\n((?:  .*\n)+)", log, re.MULTILINE)
    if not mitigations:
        raise Problem("the monitor's log does not name the speculation mitigations")
    return figures, mitigations[0]


def main():
    os.chdir(ROOT)
    os.makedirs(os.path.join(BUILD, "test"), exist_ok=True)
    try:
        figures, mitigations = measure()
    except Problem as problem:
        print(f"bench: {problem}", file=sys.stderr)
        sys.exit(2)
    print(f"\nInstructions on Bochs' {MODEL}, 512 MiB, 1 CPU; memory in bytes, with 2 CPUs.\n")
    print("\n".join(figures.lines) + "\n\n" + mitigations)
    with open(os.path.join(BUILD, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(figures.values, file, indent=1)
        file.write("\n")
    sys.exit(1 if figures.failed else 0)


main()
