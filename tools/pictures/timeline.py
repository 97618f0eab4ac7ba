# SPDX-License-Identifier: MIT
"""Draw a run: who had the processors for a while, and from close by one timer tick of a guest."""
from svg import MONOSPACE, SANS, document, element, rectangle, text
from trace_to_json import CPUS, VMS

WIDTH, MARGIN, LEFT, RIGHT = 1000.0, 16.0, 96.0, 24.0
SPAN_MS = 40
CPU_LANE, VM_LANE = 30.0, 20.0
TICK_MAX_US, TICK_PAD = 120, 0.02  # the longest turn to be shown closely; room at its sides, in parts of it
COLOURS = ("#4c8dd6", "#d9822b", "#3f9d6b", "#a46bc0", "#d0587e", "#7d8a3c", "#2c9aa8")

STYLE = f"""
text {{ font: 12px {SANS}; fill: var(--ink) }}
svg {{ --paper: #ffffff; --ink: #1f2733; --faint: #68717f; --line: #d8dde4; --monitor: #2b3442 }}
@media (prefers-color-scheme: dark) {{
svg {{ --paper: #11151c; --ink: #d5dae2; --faint: #8b95a5; --line: #313a48; --monitor: #e8ebf0 }} }}
.paper {{ fill: var(--paper); stroke: var(--line) }}
.line {{ stroke: var(--line) }}
.faint {{ fill: var(--faint) }}
.name {{ fill: #ffffff; font-size: 11px }}
.head {{ font-weight: 600; font-size: 13px }}
.exit {{ stroke: var(--ink); stroke-opacity: .55 }}
.inject {{ fill: var(--ink) }}
.monitor {{ fill: var(--monitor) }}
.close {{ fill: none; stroke: var(--ink) }}
.cone {{ fill: var(--ink); fill-opacity: .08 }}
.code {{ font: 11px {MONOSPACE} }}
"""


class Run:
    """The events of trace_to_json, by what the picture shows of them."""

    def __init__(self, events):
        names = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
        self.vms = {track: name for (group, track), name in sorted(names.items()) if group == VMS}
        self.cpus = sorted(track for group, track in names if group == CPUS)
        numbers = {name: track for track, name in self.vms.items()}
        timed = sorted((event for event in events if "ts" in event), key=lambda event: event["ts"])
        # (CPU, VM, start, end) in microseconds
        self.turns = [(event["tid"], numbers[event["name"]], event["ts"], event["ts"] + event["dur"]) for event in timed
                      if event["pid"] == CPUS and event["ph"] == "X" and event["name"] in numbers]
        self.of_vm = {track: [event for event in timed if event["pid"] == VMS and event["tid"] == track]
                      for track in self.vms}
        self.end = timed[-1]["ts"]

    def busiest(self, length):
        """Where the stretch of `length` begins in which the most different VMs have turns, and the most turns."""
        def merit(start):
            inside = [vm for _, vm, begin, _ in self.turns if start <= begin < start + length]
            return len(set(inside)), len(inside), -start
        first = min(begin for cpu, _, begin, _ in self.turns if cpu == self.turns[-1][0])
        starts = [begin for _, _, begin, _ in self.turns if first <= begin <= self.end - length]
        return max(starts, key=merit)

    def tick(self, start, end):
        """The short turn nearest to the middle in which a VM gets an interrupt, serves it and halts again."""
        found = []
        for cpu, vm, begin, finish in self.turns:
            if start <= begin and finish <= end and finish - begin <= TICK_MAX_US:
                events = [event for event in self.of_vm[vm] if begin <= event["ts"] <= finish]
                names = [event["name"] for event in events]
                if "HLT" in names and any(name.startswith("inject") for name in names):
                    found.append((cpu, vm, begin, finish, events))
        if not found:
            raise ValueError("no turn in this stretch is a timer tick")
        return min(found, key=lambda tick: abs(tick[2] - (start + end) / 2))


class Axis:
    """From time to x."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def x(self, time):
        time = min(max(time, self.start), self.end)
        return LEFT + (time - self.start) / (self.end - self.start) * (WIDTH - LEFT - RIGHT)


def line(x1, y1, x2, y2, **attributes):
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), **attributes)


def draw_axis(axis, origin, top, bottom, step, unit):
    """A grid with its scale."""
    parts = []
    for tick in range(0, int((axis.end - origin) / step + 0.001) + 1):
        x = axis.x(origin + tick * step)
        parts += [line(x, top, x, bottom, class_="line"),
                  text(x, bottom + 15, f"{tick * unit[0]} {unit[1]}", class_="faint", text_anchor="middle")]
    return parts


def draw_turn(axis, run, turn, y, height, with_name):
    _, vm, begin, end = turn
    x, width = axis.x(begin), max(axis.x(end) - axis.x(begin), 0.6)
    parts = [rectangle(x, y, width, height, fill=COLOURS[vm % len(COLOURS)])]
    name = run.vms[vm]
    if with_name and width > 6.5 * len(name) + 6:
        parts.append(text(x + width / 2, y + height / 2 + 4, name, class_="name", text_anchor="middle"))
    return parts


def draw_vm(axis, run, vm, y):
    """When it ran; its exits below that; what was injected above."""
    parts = [text(MARGIN, y + 12, run.vms[vm])]
    for turn in run.turns:
        if turn[1] == vm and turn[3] > axis.start and turn[2] < axis.end:
            parts += draw_turn(axis, run, turn, y + 4, 6.0, False)
    marks = [event for event in run.of_vm[vm] if axis.start <= event["ts"] <= axis.end]
    exits = sorted({round(axis.x(event["ts"]), 1) for event in marks if event["ph"] == "X"})
    injections = sorted({round(axis.x(event["ts"]), 1) for event in marks if event["name"].startswith("inject")})
    if exits:
        parts.append(element("path", d="".join(f"M{x:g} {y + 11:g}v5" for x in exits), class_="exit"))
    if injections:
        parts.append(element("path", d="".join(f"M{x:g} {y + 4:g}l-3 -5h6z" for x in injections), class_="inject"))
    return parts


def draw_overview(run, axis, y):
    parts = [text(MARGIN, y + 4, f"{SPAN_MS} ms of the demo: who runs", class_="head"),
             text(WIDTH - MARGIN, y + 4, "▾ injected interrupt    ❘ VM exit", class_="faint", text_anchor="end",
                  style="white-space:pre")]
    y += 16
    top = y
    grid = len(parts)
    for cpu in run.cpus:
        parts.append(text(MARGIN, y + 18, f"CPU {cpu}", class_="head"))
        for turn in run.turns:
            if turn[0] == cpu and turn[3] > axis.start and turn[2] < axis.end:
                parts += draw_turn(axis, run, turn, y + 2, CPU_LANE - 6, True)
        y += CPU_LANE
    y += 6
    for vm in run.vms:
        parts += draw_vm(axis, run, vm, y)
        y += VM_LANE
    parts[grid:grid] = draw_axis(axis, axis.start, top, y, 10_000, (10, "ms"))
    return parts, top, y + 20


def access(event):
    """An exit in a word: for a port access what the exit qualification says of it."""
    if event["name"] != "I/O":
        return event["name"]
    qualification = int(event["args"]["qualification"], 16)
    return f"{'in' if qualification & 8 else 'out'} {qualification >> 16:X}h"


def draw_tick(run, tick, y):
    """One turn from close by: the guest's own instructions, and the exits."""
    cpu, vm, begin, end, events = tick
    pad = (end - begin) * TICK_PAD
    axis = Axis(begin - pad, end + pad)
    exits = [event for event in events if event["ph"] == "X"]
    inject = next(event for event in events if event["name"].startswith("inject"))
    kind, vector = inject["name"].split()[1:]
    words = f"One timer tick of {run.vms[vm]} on CPU {cpu}: {end - begin:.0f} µs, {len(exits)} exits"
    parts = [text(MARGIN, y + 4, words, class_="head")]
    y += 34
    parts += draw_axis(axis, begin, y - 8, y + 62, 10, (10, "µs"))
    parts += [text(MARGIN, y + 15, "guest"), text(MARGIN, y + 45, "monitor")]
    at = begin
    for event in exits:
        x, stop = axis.x(event["ts"]), axis.x(event["ts"] + event["dur"])
        first = event is exits[0]
        start = inject["ts"] if first else at
        parts += [rectangle(axis.x(start), y, x - axis.x(start), 22, fill=COLOURS[vm % len(COLOURS)]),
                  rectangle(x, y + 30, stop - x, 22, class_="monitor", rx=1)]
        at = event["ts"] + event["dur"]
    last = exits[-1]
    parts.append(rectangle(axis.x(begin), y + 30, axis.x(inject["ts"]) - axis.x(begin), 22, class_="monitor", rx=1))
    parts.append(rectangle(axis.x(last["ts"]), y + 30, axis.x(end) - axis.x(last["ts"]), 22, class_="monitor", rx=1))
    parts.append(text(axis.x(inject["ts"]) + 4, y - 12, f"▾ {kind} vector {vector}h is injected", class_="code"))
    y += 84
    for event in exits:
        middle = (axis.x(event["ts"]) + axis.x(event["ts"] + event["dur"])) / 2
        parts.append(text(0, 0, access(event), class_="code", transform=f"translate({middle - 3:.1f} {y:g}) rotate(40)"))
    return parts, axis, y + 52


def draw_timeline(events):
    run = Run(events)
    start = run.busiest(SPAN_MS * 1000)
    axis = Axis(start, start + SPAN_MS * 1000)
    tick = run.tick(axis.start, axis.end)
    overview, top, y = draw_overview(run, axis, 24)
    x = axis.x((tick[2] + tick[3]) / 2)
    panel = y + 16
    close, _, bottom = draw_tick(run, tick, panel + 24)
    lane = top + CPU_LANE * run.cpus.index(tick[0])
    cone = element("path", class_="cone",
                   d=f"M{x - 3:.1f} {lane:g}h6V{y - 20:g}L{WIDTH - RIGHT:g} {panel + 6:g}H{LEFT:g}L{x - 3:.1f} {y - 20:g}z")
    box = rectangle(x - 3, lane, 6, CPU_LANE - 2, class_="close", rx=2)
    paper = rectangle(0.5, 0.5, WIDTH - 1, bottom - 1, rx=8, class_="paper")
    title = "A run as a timeline: which VM has which processor, and one timer tick from close by"
    return document(WIDTH, bottom, title, STYLE, [paper, cone, *overview, box, *close])
