# SPDX-License-Identifier: MIT
"""Guests that want more than their share: what is left for the others on the same processor."""
import re

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
# The neighbour is busy for a whole tick in eight, so it may have had its share. Then it waits for the end of another's
# turn, which an uninterruptible piece of the monitor's work may hold up: a step of making a VM, a line of output.
TICK_US, TURN_US, WORK_US = 1000, 2000, 1000
GAP_MAX_US = TICK_US + TURN_US + WORK_US
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
        with case.boot(iso) as machine:
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
        assert max(loading + attacked) <= GAP_MAX_US, f"the neighbour waited for {max(loading + attacked)} us between two ticks"
        assert least >= TICKS_LEAST, f"the neighbour took {least} ticks in a second"
    return test



# ---- Guests that sleep and wake as often as they can ----

NAP_SECTION = """
[vm {name}]
kernel = {kernel}
memory = {memory}
{more}
"""
STARTED = 0.9  # seconds of a victim's time, until when it was alone
PHASE = r"\[a\] napper (\w+) (\d+) begins\r"
ENDS = r"\[a\] napper ends\r"
ACCOUNTS_ERROR = 0.5  # percent
POINTS_LEAST = 4  # of a victim's lines in a phase


def section(name, image, *more, memory="8M"):
    return NAP_SECTION.format(name=name, kernel=image, memory=memory, more="\n".join(more))


def phase_rates(text, victim):
    """[(device, period, rate)] of a victim's loops in each phase of the first napper, by where the lines stand.
    Up to the second line moves may even out what the phase before left."""
    marks = list(re.finditer(PHASE, text))
    ends = [mark.start() for mark in marks[1:]] + [re.search(ENDS, text).start()]
    for mark, end in zip(marks, ends):
        seen = points(text[mark.end():end], victim)
        assert len(seen) >= POINTS_LEAST, f"{victim} has said little while {mark[1]} {mark[2]} us was on: {seen}"
        yield mark[1], mark[2], rate(seen, (seen[1][0], seen[-1][0]))


def accounted(operator, count):
    """The sum of all VMs' parts of a processor in a second, percent: of `stat`, which rounds down to a tenth."""
    operator.console.send("stat\r")
    operator.expect(r" No  Name")
    rows = [operator.expect(r"\d+  \S+ +\w+ +(\d+\.\d) +\d+\.\d ") for _ in range(count)]
    return sum(float(row[1]) + 0.05 for row in rows)


def watch_naps(operator, victims, nappers):
    """All that the console shows, and what `stat` accounts for meanwhile; percent."""
    operator.expect(r"cpu: \d+ of \d+ processors")
    operator.to_shell()
    operator.key("t")
    for victim in victims:
        while not (seen := points(operator.console.text, victim)) or seen[-1][0] < STARTED:
            operator.expect(rf"\[{victim}\] spinner count [^\r]*\r")
    operator.console.send(f"start {' '.join(nappers)}\r")
    operator.expect(PHASE)
    sum_of_all = accounted(operator, len(victims) + len(nappers))
    operator.expect(ENDS, 300)
    return operator.console.text, sum_of_all


def napping(cpus, victims, nappers, words):
    victims, nappers = (list(names) for names in (victims, nappers))
    due = min(cpus / (len(victims) + len(nappers)), 1)

    def test(case, directory):
        config = ("".join(section(name, "spinner") for name in victims) +
                  "".join(section(name, "napper", "autostart = no", "uarts = 2", f"cmdline = {words}") for name in nappers))
        iso = nacre_iso(directory, config, {name: kernel(name) for name in ("spinner", "napper")})
        with case.boot(iso, cpus=cpus) as machine:
            machine.console.alarm = ALARM
            text, sum_of_all = watch_naps(Operator(machine.console), victims, nappers)
        worst = 1.0
        for victim in victims:
            alone = rate(points(text[:text.index("[a] napper")], victim), (0.3, STARTED))
            for device, period, left in phase_rates(text, victim):
                part = left / alone
                print(f"     {case.name}: {device} {period} us: {part:.3f} left to {victim}", flush=True)
                assert part >= due - 0.02, f"{victim} has {part:.3f} of a processor, not {due:.3f}, beside {device} at {period} us"
                worst = min(worst, part)
        print(f"     {case.name}: at least {worst:.3f} left, {sum_of_all:.1f} % accounted", flush=True)
        assert abs(sum_of_all - 100 * cpus) <= ACCOUNTS_ERROR, f"all VMs have {sum_of_all:.1f} % of {cpus} processors, which are busy"
    return test


# ---- Guests that cannot run ----

DEAF = 24
DEAF_DELAY = 2  # seconds, after which they start
DEAF_ALONE, DEAF_THERE = (0.5, 1.7), (2.8, 4.8)
DEAF_COST = 0.02


def deaf(case, directory):
    """Each halts with interrupts off, and its HPET ticks."""
    config = section("victim", "spinner") + "".join(
        section(f"deaf{i}", "napper", f"start_delay = {DEAF_DELAY}s", "cap = 5", "cmdline = deaf", memory="6M")
        for i in range(DEAF))
    iso = nacre_iso(directory, config, {name: kernel(name) for name in ("spinner", "napper")})
    with case.boot(iso) as machine:
        machine.console.alarm = ALARM
        operator = Operator(machine.console)
        operator.expect(r"cpu: \d+ of \d+ processors")
        operator.to_shell()
        operator.key("t")
        until_time(operator, DEAF_THERE[1])
        text = machine.console.text
    assert text.count("halted with interrupts off") == DEAF, text
    seen = points(text, "victim")
    left = rate(seen, DEAF_THERE) / rate(seen, DEAF_ALONE)
    print(f"     {case.name}: {left:.4f} left to the victim", flush=True)
    assert left >= 1 - DEAF_COST, f"{DEAF} guests that cannot run take {1 - left:.1%} of the processor"


CASES = [Case(f"fair share next to a guest that takes all: {mode}", 150, fairness(mode))
         for mode in ("count", "cli", "exits", "timer")]
CASES += [
    Case("fair share next to a guest that naps", 150, napping(1, ["victim"], "a", "8254 hpet rtc")),
    # By the 8254 both go to one processor. By the keyboard they hardly sleep: one of them must leave it then.
    Case("fair share next to guests that nap on two processors", 150, napping(2, ["victim", "second"], "ab", "8254 keyboard")),
    Case("guests that cannot run cost nothing", 150, deaf),
]

# Every device at every period: make fairness
CASES += [Case(f"all naps: {name}", 900, napping(*what), slow=True) for name, what in {
    "one": (1, ["victim"], "a", "all sweep"),
    "one that works": (1, ["victim"], "a", "all sweep work=20"),
    "four": (1, ["victim"], "abcd", "all sweep"),
    "two processors": (2, ["victim", "second"], "ab", "all sweep"),
}.items()]
