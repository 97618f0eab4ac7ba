# SPDX-License-Identifier: MIT
"""Guests that have nothing to do cost next to nothing: one that takes all it can get shows what they leave."""
import re

from case import Case, kernel, nacre_iso
from crowd import shares
from operators import ALARM, TIMEOUT, Operator

COUNT = 64
COST_MAX = 2  # percent of a processor, of them all
SECONDS = 3   # that the spinner is watched
AT_ONCE = 8   # names in a command

TABLE = """\
[vm spinner]
kernel = spinner
memory = 8M
screen = no
weight = 1
""" + "".join(f"""\
[vm idle{number}]
kernel = idle
memory = 6M
screen = no
hpet = no
cmdline = idle{number}
""" for number in range(1, COUNT + 1))


def loops(operator):
    """The spinner's loops in a second of its own clock, which on one processor counts the machine's instructions."""
    rates = []
    operator.to_vm(1, "spinner")
    before = None
    while len(rates) < 10 * SECONDS:
        found = operator.expect(r"spinner count (\d+) tsc (\d+)\r")
        now = int(found[1]), int(found[2])
        if before:
            rates.append((now[0] - before[0], now[1] - before[1]))
        before = now
    operator.to_shell()
    return sum(count for count, _ in rates) / sum(ticks for _, ticks in rates)


def ticks(operator, name):
    """Of the RTC, as the guest says."""
    operator.key("g")
    operator.console.send(name + "\r")
    operator.expect(rf"\[Nacre: VM \d+, {name}\.")
    operator.console.send("x")
    count = int(operator.expect(rf"idle {name} ticks (\d+)\r")[1])
    operator.to_shell()
    return count


def test(case, directory):
    iso = nacre_iso(directory, TABLE, {"spinner": kernel("spinner"), "idle": kernel("idle")})
    with case.boot(iso, memory=700) as machine:
        machine.console.alarm = ALARM + r"|unexpected vector[^\r]*"
        operator = Operator(machine.console)
        operator.expect(rf"vm idle{COUNT}: starts with 6M of memory", TIMEOUT)
        names = [f"idle{number}" for number in range(1, COUNT + 1)]
        operator.to_shell()
        operator.until("list", lambda text: len(re.findall(r"^ *\d+  idle\d+ +running", text, re.MULTILINE)) == COUNT)
        before = ticks(operator, names[-1])
        with_them = loops(operator)
        assert ticks(operator, names[-1]) >= before + SECONDS, "an idle guest's clock stands still"
        by_stat = shares(operator)
        assert set(by_stat) == {"spinner", *names}
        idle = sum(by_stat[name] for name in names)
        for first in range(0, COUNT, AT_ONCE):
            operator.command("pause " + " ".join(names[first:first + AT_ONCE]))
        without = loops(operator)
        cost = 100 * (1 - with_them / without)
        print(f"     {case.name}: they cost {cost:.2f} % of a processor; by stat {idle:.1f} %", flush=True)
        assert cost < COST_MAX and idle < COST_MAX, f"{COUNT} idle guests cost {cost:.2f} %, by stat {idle:.1f} %"
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)
        assert machine.powered_off(), "'poweroff' did not turn the machine off"


CASES = [Case("sixty-four idle guests", 300, test)]
