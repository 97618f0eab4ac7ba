# SPDX-License-Identifier: MIT
"""Guests beside the hostile one: tests/kernels/neighbour. They run in every case, and are asked at its end."""
import re

NAMES = ("quiet", "calm")

NEIGHBOURS = "".join(f"""
[vm {name}]
kernel = neighbour
memory = 32M
cmdline = seed={seed}
""" for seed, name in enumerate(NAMES, 1234567))

# What they say when something of theirs has changed; `judge` makes it visible.
BROKEN = r"neighbour BROKEN[^\r]*\r|unexpected vector[^\r]*\r"

GAP_MAX = 100_000  # us: twice what the operator's own commands were seen to take, docs/testing.md
TICKS_LEAST = 300  # of 1000 in a second: those that come while another has the processor become one


def judge(operator, title, first):
    """From the shell: nothing of theirs has changed, and their timers went on all the time.

    first: the number of the first of them.
    """
    for number, name in enumerate(NAMES, first):
        start = operator.console.mark
        operator.to_vm(number, name)
        for _ in range(4):
            operator.expect(r"neighbour ok ticks \d+ worst-gap-us \d+\r")  # at least the last one comes now
        text = operator.console.text[start:operator.console.mark]
        lines = re.findall(r"neighbour ok ticks (\d+) worst-gap-us (\d+)\r", text)
        assert not re.search(BROKEN, text), text
        ticks = [int(line[0]) for line in lines]
        assert len(ticks) > 3, f"VM {name} has said little:\n{text}"
        least = min(after - before for before, after in zip(ticks, ticks[1:]))
        gap = max(int(line[1]) for line in lines[1:])
        print(f"     {title}: VM {name}, {len(ticks)} s: at least {least} ticks in a second, worst gap {gap} us",
              flush=True)
        assert least >= TICKS_LEAST, f"VM {name} took {least} ticks in a second"
        assert gap <= GAP_MAX, f"VM {name} waited {gap} us for a tick"
        operator.to_shell()
