#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turn what `trace dump` printed into a trace for Perfetto (ui.perfetto.dev) or chrome://tracing.

    tools/trace_to_json.py CONSOLE-LOG [OUTPUT]

CONSOLE-LOG is a captured console; the last whole dump in it is taken. Without OUTPUT the JSON goes to the standard
output. There is a track for each processor, with the VMs that ran and the monitor's time for each exit, and one for
each VM. docs/trace.md describes the dump.
"""
import json
import re
import sys
import zlib

VERSION = 1
NO_VM = 0xffff
BITS = 1 << 64
CPUS, VMS = 1, 2  # the two groups of tracks
BEGIN = re.compile(r"---- nacre trace begin (\d+)$")
END = re.compile(r"---- nacre trace end (\d+) ([0-9a-f]{8})$")
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")  # what the shell draws its prompt with
EVENT_TYPES = {0: "interrupt", 2: "NMI", 3: "exception", 4: "software interrupt", 5: "INT1", 6: "software exception"}


class Problem(Exception):
    """A sentence for the user."""


def find_dump(text):
    """The lines of the last whole dump, checked."""
    lines, problem, dump = None, "there is no dump in it; 'trace dump' in Nacre's shell prints one", None
    for line in CONTROL.sub("", text).split("\n"):
        begin, end = BEGIN.search(line), END.search(line)
        if begin:
            lines = []
            if int(begin[1]) != VERSION:
                raise Problem(f"the dump has version {begin[1]}, and this script reads version {VERSION}")
            problem = "the dump has no end: the log stops too early, or a key was pressed"
        elif end and lines is not None:
            covered = "".join(line + "\n" for line in lines)
            if len(lines) != int(end[1]) or zlib.crc32(covered.encode("latin-1")) != int(end[2], 16):
                problem = (f"the dump was damaged on its way: {len(lines)} of {int(end[1])} lines are here, and the "
                           "checksum is another; print it again")
            else:
                dump = lines
            lines = None
        elif lines is not None and line.startswith(":"):  # others are the monitor's messages
            lines.append(line)
    if dump is None:
        raise Problem(problem)
    return dump


class Dump:
    """What the lines say: names, and the records of each CPU as dictionaries."""

    def __init__(self, lines):
        self.hz = 0
        self.events, self.exits, self.vms, self.cpus = {}, {}, {}, {}
        records, tsc = None, 0
        for line in lines:
            kind, _, rest = line[1:].partition(" ")
            if kind in "exv":
                number, _, name = rest.partition(" ")
                {"e": self.events, "x": self.exits, "v": self.vms}[kind][int(number, 16)] = name
                continue
            if kind not in "tcr":
                continue  # of a later version
            fields = [int(field, 16) for field in rest.split()]
            if kind == "t":
                self.hz = fields[0]
            elif kind == "c":
                records, tsc = self.cpus.setdefault(fields[0], []), 0
            elif kind == "r":
                fields += [0] * (7 - len(fields))
                tsc = (tsc + fields[0]) % BITS
                records.append(dict(zip(("event", "vm", "code", "ticks", "a", "b"), fields[1:]), tsc=tsc))
        if not self.hz:
            raise Problem("the dump does not say how fast the TSC is")

    def vm_name(self, number):
        return self.vms.get(number, f"VM {number}")


class Picture:
    """The events of the JSON file."""

    def __init__(self, dump):
        self.dump = dump
        self.start = min((record["tsc"] for records in dump.cpus.values() for record in records), default=0)
        self.events = []

    def time(self, tsc):
        return round((tsc - self.start) * 1e6 / self.dump.hz, 3)

    def name_track(self, group, track, name):
        self.events.append({"ph": "M", "name": "thread_name", "pid": group, "tid": track, "args": {"name": name}})

    def add(self, group, track, name, record, args, ticks=0):
        """A slice, or what takes no time."""
        event = {"name": name, "pid": group, "tid": track, "ts": self.time(record["tsc"]), "args": args}
        if ticks:
            event.update(ph="X", dur=round(ticks * 1e6 / self.dump.hz, 3))
        else:
            event.update(ph="i", s="t")
        self.events.append(event)

    def draw_cpu(self, cpu, records):
        running, since = NO_VM, None
        for record in records:
            vm = record["vm"]
            event = self.dump.events.get(record["event"], f"event {record['event']}")
            if event == "switch" or event in ("exit", "inject") and vm != running:
                self.draw_turn(cpu, running, since, record)
                running, since = vm, record
            self.draw_record(cpu, event, record)
        if records:
            self.draw_turn(cpu, running, since, max(records, key=lambda record: record["tsc"]))

    def draw_turn(self, cpu, vm, since, until):
        """That VM had the CPU."""
        if vm != NO_VM and since is not None:
            self.add(CPUS, cpu, self.dump.vm_name(vm), since, {}, until["tsc"] - since["tsc"])

    def draw_record(self, cpu, event, record):
        vm, code, a, b = (record[field] for field in ("vm", "code", "a", "b"))
        name, args = event, {"cpu": cpu}
        if event == "exit":
            name = self.dump.exits.get(code, f"reason {code}")
            args.update(rip=f"{a:x}", qualification=f"{b:x}", ticks=record["ticks"])
            self.add(CPUS, cpu, "monitor: " + name, record, args, record["ticks"])
        elif event == "inject":
            kind = EVENT_TYPES.get(a, f"type {a}")
            name = f"inject {kind} {code:02x}"
            args.update(error_code=f"{b:x}")
        elif event == "interrupt":
            name = f"interrupt {a:02x}"
        elif event == "unclaimed port":
            name = f"unclaimed port {a:X}"
        elif event == "switch":
            return
        if vm == NO_VM:
            self.add(CPUS, cpu, name, record, args)
        else:
            self.add(VMS, vm, name, record, args, record["ticks"])

    def draw(self):
        for group, name in ((CPUS, "Processors"), (VMS, "VMs")):
            self.events.append({"ph": "M", "name": "process_name", "pid": group, "args": {"name": name}})
        for number, name in sorted(self.dump.vms.items()):
            self.name_track(VMS, number, name)
        for cpu, records in sorted(self.dump.cpus.items()):
            self.name_track(CPUS, cpu, f"CPU {cpu}")
            self.draw_cpu(cpu, records)
        return {"displayTimeUnit": "ns", "traceEvents": self.events}


def convert(text):
    return Picture(Dump(find_dump(text))).draw()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        with open(sys.argv[1], encoding="latin-1", newline="") as file:
            picture = convert(file.read())
    except (OSError, Problem) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    text = json.dumps(picture, indent=0) + "\n"
    if len(sys.argv) == 3:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
