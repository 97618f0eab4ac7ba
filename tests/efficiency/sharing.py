# SPDX-License-Identifier: MIT
"""What it costs to share a processor, and how evenly it is shared."""
import os
import re

from case import nacre_iso
from measuring import BUILD, LIMIT, Problem, find, run

SWITCH_MAX = 630
WAKE_MAX = 200_000  # a turn: 2 ms

SECONDS = 6  # of the guests' time, over which shares are taken
COUNT = r"\[{}\] spinner count (\d+) tsc (\d+)$"


def kernel(name):
    return os.path.abspath(os.path.join(BUILD, f"kernels/{name}.elf"))


def vm(name, image, *lines):
    return "\n".join([f"[vm {name}]", f"kernel = {image}", "memory = 16M", *lines, ""])


def watch(seen):
    """Look at all VMs until the console has what `seen` wants, and turn the machine off."""
    def use(console):
        console.expect(r"cpu: \d+ of \d+ processors", LIMIT)
        console.send("\x01m")
        console.expect("nacre> ", LIMIT)
        console.send("\x01t")
        seen(console)
        console.send("poweroff\n")
    return use


def machine(directory, name, vms, kernels, seen, cpus=1):
    iso = nacre_iso(directory, "".join(vms), {image: kernel(image) for image in kernels})
    return run(name, iso, watch(seen), cpus)


# ---- Costs ----


def measure_switch(directory, figures):
    """What lies between two guests' turns: all time away of one, less all runs of the other."""
    def seen(console):
        console.send("start a b\n")  # only now, so that neither has told before all VMs are looked at
        for _ in range(2):
            console.expect(r"switch turns \d+ away", LIMIT)
            console.expect("\n", LIMIT)

    text = machine(directory, "switch", [vm(name, "switch", "autostart = no") for name in "ab"], ["switch"], seen)
    lines = re.findall(r"\[[ab]\] switch turns (\d+) away (\d+) run (\d+) step \d+$", text, re.MULTILINE)
    if len(lines) != 2:
        raise Problem("not both guests have told their turns")
    away, ran = (sum(int(line[column]) / int(line[0]) for line in lines) / 2 for column in (1, 2))
    figures.add("world_switch", round((away - ran) / 2), SWITCH_MAX)


def measure_wake(directory, figures):
    """The timer of a guest that sleeps, while another one takes all the time it gets."""
    def use(console):
        console.expect("bench end", LIMIT)  # on the console, which is the first VM's
        console.send("\x01m")
        console.expect("nacre> ", LIMIT)
        console.send("poweroff\n")

    config = vm("bench", "bench", "cmdline = wake") + vm("hog", "spinner", "cmdline = every=1000")
    iso = nacre_iso(directory, config, {image: kernel(image) for image in ("bench", "spinner")})
    text = run("wake", iso, use)
    for name, line in (("wake_latency", "hlt_wake"), ("wake_latency_worst", "hlt_wake_worst")):
        figures.add(name, find(rf"^bench {line} (\d+)$", text, line), WAKE_MAX)


# ---- Shares ----


def rates(text, names):
    """{name: loops per tick}, from each one's first line that is counted to its last."""
    found = {}
    for name in names:
        points = [tuple(map(int, point)) for point in re.findall(COUNT.format(name), text, re.MULTILINE)]
        points = points[1:]  # others may still have been on their way when the first was printed
        if len(points) < 2:
            raise Problem(f"VM {name} has not told how far it came")
        found[name] = (points[-1][0] - points[0][0]) / (points[-1][1] - points[0][1])
    return found


def share(directory, name, vms, cpus=1):
    """{VM: its part of all that was done} of spinners, each a name and a line of its section."""
    def seen(console):
        start = console.mark
        while min(len(re.findall(rf"\[{each}\] spinner count \d+ tsc \d+\r", console.text[start:]))
                  for each in vms) < SECONDS + 2:
            console.expect("spinner count", LIMIT)

    text = machine(directory, name, [vm(each, "spinner", "cmdline = every=1000", line) for each, line in vms.items()],
                   ["spinner"], seen, cpus)
    done = rates(text, vms)
    return {each: rate / sum(done.values()) for each, rate in done.items()}


def error_percent(shares, wanted):
    return round(max(abs(shares[name] / part - 1) for name, part in wanted.items()) * 100, 2)


def measure_shares(directory, figures):
    weights = {"one": 100, "two": 200, "four": 400}
    shares = share(directory, "share", {name: f"weight = {weight}" for name, weight in weights.items()})
    figures.add("share_error_percent",
                error_percent(shares, {name: weight / 700 for name, weight in weights.items()}), 2)
    names = ("red", "green", "blue")
    shares = share(directory, "share 2 CPUs", {name: "weight = 100" for name in names}, cpus=2)
    figures.add("share_error_smp_percent", error_percent(shares, {name: 1 / 3 for name in names}), 3)
    shares = share(directory, "cap", {"capped": "cap = 20", "hog": "cap = 0", "glutton": "cap = 0"})
    figures.add("cap_error_points", round(abs(shares["capped"] * 100 - 20), 2), 1)


def measure(directory, figures):
    measure_switch(directory, figures)
    measure_wake(directory, figures)
    measure_shares(directory, figures)
