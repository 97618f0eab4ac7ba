# SPDX-License-Identifier: MIT
"""What a Linux at its prompt costs that has nothing to do."""
import os
import re

from case import nacre_iso
from measuring import BUILD, LIMIT, Problem, find, run

EXITS_MAX = 5

# All but the first two words only shorten the boot.
CMDLINE = "console=ttyS0,115200 panic=-1 quiet cryptomgr.notests"
# Nobody but these wakes it more often than once in some seconds: docs/guests.md, "An idle Linux".
REST = "nowatchdog psi=0 sysctl.vm.compaction_proactiveness=0"

SETTLE = 15    # seconds for what the boot and the login have left behind
SECONDS = 120  # of the guest's time, over which exits are counted

CLOCK = r"(\d+)\.(\d{3})  seconds since its machine was switched on"
EXITS = r"^ *(\d+)  ([A-Z][A-Z/ ]*)  \d+/s$"


def stat(console):
    """What the shell's `stat` says, a second later."""
    console.send("stat linux\n")
    console.expect("VM linux, running", LIMIT)
    start = console.mark
    end = console.expect("nacre> ", LIMIT).start()
    return console.text[start:end].replace("\r", "")


def seconds(text):
    found = re.search(CLOCK, text)
    if not found:
        raise Problem("the shell does not tell the guest's time ('stat')")
    return int(found[1]) + int(found[2]) / 1000


def counts(text):
    """{reason: exits}, and all of them under an empty name."""
    return {"": find(r"^ *(\d+)  exits in total", text, "the count of exits ('stat')"),
            **{reason: int(count) for count, reason in re.findall(EXITS, text, re.MULTILINE)}}


def rates(directory, name, words):
    """{reason: exits per second} of a guest whose command line has these words besides."""
    points = []

    def rest(console):
        console.expect("login: ", LIMIT)
        console.send("root\n")
        console.expect("nacre# ", LIMIT)
        console.send("\x01m")
        console.expect("nacre> ", LIMIT)
        start = seconds(stat(console))
        for goal in (start + SETTLE, start + SETTLE + SECONDS):
            text = stat(console)
            while seconds(text) < goal:  # time costs next to nothing while nobody has anything to do
                text = stat(console)
            points.append(text)
        console.send("poweroff\n")

    config = ("[vm linux]\nkernel = kernel\ninitrd = initrd\nmemory = 256M\n"
              f"cmdline = {CMDLINE} {words}\n")
    iso = nacre_iso(directory, config, {
        file: os.path.abspath(os.path.join(BUILD, "guests", image))
        for file, image in (("kernel", "vmlinux-cloud"), ("initrd", "initramfs.cpio"))})
    run(name, iso, rest)
    before, after = map(counts, points)
    passed = seconds(points[1]) - seconds(points[0])
    return {reason: round((count - before.get(reason, 0)) / passed, 2) for reason, count in after.items()}


def measure(directory, figures):
    for name, log, words, bar in (("idle_linux_exits_per_s", "idle linux", REST, EXITS_MAX),
                                  ("idle_linux_plain_exits_per_s", "idle linux plain", "", None)):
        found = rates(directory, log, words)
        figures.add(name, found.pop(""), bar)
        for reason, rate in sorted(found.items(), key=lambda pair: -pair[1]):
            if rate:
                figures.row("  " + reason.lower(), f"{rate:,}", "", "", "", "")
