# SPDX-License-Identifier: MIT
"""Guests that want more than their share: what is left for the others on the same processor."""
import re

from bochs import Bochs
from case import Case, kernel, nacre_iso
from operators import ALARM, Operator

# The attacker comes later: what the victim does alone shows what half of it is.
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
start_delay = 2s
cmdline = {mode}
"""
ALONE = (1.0, 1.8)  # seconds of the victim's time
LOADED = 2.3  # then the attacker attacks; one that is busy with its timer never says so
SHARED = (2.5, 5.0)
TSC_HZ = 100_000_000
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


def fairness(mode):
    def test(case, directory):
        iso = nacre_iso(directory, CONFIG.format(mode=mode), {name: kernel(name) for name in ("spinner", "neighbour")})
        with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
            machine.console.alarm = ALARM + r"|neighbour BROKEN[^\r]*"
            operator = Operator(machine.console)
            operator.expect(r"cpu: \d+ of \d+ processors")
            operator.to_shell()
            operator.console.send("\x01t")
            while not any(tsc > SHARED[1] for tsc, _ in points(operator.console.text, "victim")):
                operator.expect(r"\[victim\] spinner count")
            operator.expect(TICKS)  # of the second that is over
            text = operator.console.text
        victim = points(text, "victim")
        loaded = text.index(next(f"count {count} tsc" for tsc, count in victim if tsc > LOADED))
        left = rate(victim, SHARED) / rate(victim, ALONE)
        ticks = re.findall(TICKS, text)
        gaps = [int(gap) for _, gap in re.findall(TICKS, text[loaded:])]
        assert len(gaps) > 2, f"the neighbour has said little:\n{text}"
        steps = [int(after) - int(before) for (before, _), (after, _) in zip(ticks, ticks[1:])]
        print(f"     {case.name}: {left:.3f} left to the victim, the neighbour's worst gap {max(gaps[1:])} us "
              f"({gaps[0]} while the attacker was loaded), at least {min(steps)} ticks a second", flush=True)
        assert left >= LEAST, f"the victim has {left:.3f} of what it had alone"
        assert gaps[0] <= GAP_MAX_US + STEP_MAX_US, f"the neighbour waited for {gaps[0]} us while another was loaded"
        assert max(gaps[1:]) <= GAP_MAX_US, f"the neighbour waited for {max(gaps[1:])} us between two ticks"
        assert min(steps) >= TICKS_LEAST, f"the neighbour took {min(steps)} ticks in a second"
    return test


CASES = [Case(f"fair share next to a guest that takes all: {mode}", 150, fairness(mode))
         for mode in ("count", "cli", "exits", "timer")]
