# SPDX-License-Identifier: MIT
"""Guests that want more than their share: what is left for the others on the same processor."""
import re

from bochs import Bochs
from case import TSC_HZ, Case, kernel, nacre_iso
from operators import ALARM, Operator

# The attacker comes later: what the victim does alone shows what half of it is. The operator starts it, and everything
# is counted from then on, so that nothing depends on how soon the operator looks.
CONFIG = """\
[vm victim]
kernel = spinner
memory = 16M

[vm neighbour]
kernel = neighbour
memory = 32M

[vm attacker]
kernel = spinner
memory = 16M
autostart = no
start_delay = 2s
cmdline = {mode}
"""
SETTLED = 0.8  # seconds of the victim's time: all others are loaded, too
# Seconds of the victim's time after the command that starts the attacker:
ALONE = (0.2, 1.8)
LOADS, LOADED = 1.9, 2.3  # then the attacker attacks; one that is busy with its timer never says so
SHARED = (2.5, 5.0)
LEAST = 0.5 - 0.02
GAP_MAX_US = 2000 + 1000  # a turn of another, and the tick itself
STEP_MAX_US = 1000  # of the work of making a VM, while the attacker is loaded: it ends a turn late
TICKS = r"\[neighbour\] neighbour ok ticks (\d+) worst-gap-us (\d+)\r"
TICKS_LEAST = 300  # in a second: those that come during another's turn become one


def points(text, name):
    return [(int(tsc) / TSC_HZ, int(count)) for count, tsc in
            re.findall(rf"\[{name}\] spinner count (\d+) tsc (\d+)\r", text)]


def rate(found, window):
    inside = [point for point in found if window[0] <= point[0] <= window[1]]
    assert len(inside) >= 3, f"the victim has said little between {window[0]} and {window[1]} s: {found}"
    return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])


def until_time(operator, tsc):
    """Until the victim has said that it is so late; returns its latest time."""
    while True:
        seen = points(operator.console.text[:operator.console.mark], "victim")
        if seen and seen[-1][0] >= tsc:
            return seen[-1][0]
        operator.expect(r"\[victim\] spinner count [^\r]*\r")


def watch(operator):
    """All that the console shows, and the victim's time when the attacker is started."""
    operator.expect(r"cpu: \d+ of \d+ processors")
    operator.to_shell()
    operator.key("t")
    until_time(operator, SETTLED)
    operator.console.send("start attacker\r")
    operator.expect(r"VM attacker starts anew")
    start = until_time(operator, 0)
    until_time(operator, start + SHARED[1])
    operator.expect(TICKS)  # of the second that is over
    return operator.console.text, start


def gaps_by_time(text, victim):
    """The neighbour's worst gaps, us: of the seconds in which the attacker is loaded, of those in which it attacks."""
    def reports(text):
        return [int(gap) for _, gap in re.findall(TICKS, text)]

    loads, loaded = (text.index(next(f"count {count} tsc" for tsc, count in victim if tsc > time))
                     for time in (LOADS, LOADED))
    after = reports(text[loaded:])
    return reports(text[loads:loaded]) + after[:1], after[1:]


def fairness(mode):
    def test(case, directory):
        iso = nacre_iso(directory, CONFIG.format(mode=mode), {name: kernel(name) for name in ("spinner", "neighbour")})
        with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
            machine.console.alarm = ALARM + r"|neighbour BROKEN[^\r]*"
            text, start = watch(Operator(machine.console))
        victim = [(tsc - start, count) for tsc, count in points(text, "victim")]
        left = rate(victim, SHARED) / rate(victim, ALONE)
        loading, attacked = gaps_by_time(text, victim)
        assert len(attacked) > 1, f"the neighbour has said little:\n{text}"
        ticks = [int(count) for count, _ in re.findall(TICKS, text)]
        least = min(after - before for before, after in zip(ticks, ticks[1:]))
        print(f"     {case.name}: {left:.3f} left to the victim, the neighbour's worst gap {max(attacked)} us "
              f"({max(loading)} while the attacker was loaded), at least {least} ticks a second", flush=True)
        assert left >= LEAST, f"the victim has {left:.3f} of what it had alone"
        assert max(loading) <= GAP_MAX_US + STEP_MAX_US, f"the neighbour waited for {max(loading)} us while another was loaded"
        assert max(attacked) <= GAP_MAX_US, f"the neighbour waited for {max(attacked)} us between two ticks"
        assert least >= TICKS_LEAST, f"the neighbour took {least} ticks in a second"
    return test


CASES = [Case(f"fair share next to a guest that takes all: {mode}", 150, fairness(mode))
         for mode in ("count", "cli", "exits", "timer")]
