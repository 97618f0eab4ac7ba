# SPDX-License-Identifier: MIT
"""What the operator sees of a VM that runs: trace and measure, from the exits to the picture on the host."""
import importlib.util
import os
import re

from bochs import major_version
from case import Case, kernel, nacre_iso
from operators import ALARM, TIMEOUT, Operator

CONFIG = """\
[vm fault]
kernel = kernel
memory = 64M
"""

# Two that want all of one processor, three to one; the boot processor has nothing but the console.
SHARING = """\
[vm small]
kernel = kernel
cmdline = exits
memory = 16M
cpus = 1
[vm large]
kernel = kernel
cmdline = exits
memory = 16M
cpus = 1
weight = 300
"""

DUMP_LIMIT = 120
SCRIPT = "tools/trace_to_json.py"

# Ticks from exit to entry that a CPUID exit may take: while it is measured, and while it is traced as well. Bochs 3.0 counts
# some 15 more than the instructions that it executes there.
MEASURED_MAX, TRACED_MAX = (165, 240) if major_version() < 3 else (185, 260)


def picture(text):
    """What the host's script makes of a console log."""
    spec = importlib.util.spec_from_file_location("trace_to_json", os.path.abspath(SCRIPT))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.convert(text)["traceEvents"]


def check_picture(events):
    """The one VM ran, and its exits are there with the time that they took."""
    names = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert names == {(1, 0): "CPU 0", (2, 0): "fault"}, names
    exits = [event for event in events if event["name"] == "CPUID" and event["pid"] == 2]
    assert len(exits) > 1000, f"{len(exits)} exits are in the picture"
    assert all(0 < event["args"]["ticks"] for event in exits[1:-1]), "an exit took no time"
    median = sorted(event["args"]["ticks"] for event in exits)[len(exits) // 2]
    assert median <= TRACED_MAX, f"CPUID takes {median} instructions"
    turns = [event for event in events if event["name"] == "fault" and event["pid"] == 1]
    assert turns and turns[0]["ph"] == "X", "the VM never ran"


def test(case, directory):
    iso = nacre_iso(directory, CONFIG, {"kernel": kernel("fault")})
    with case.boot(iso) as machine:
        machine.console.alarm = ALARM
        operator = Operator(machine.console)
        operator.expect(r"fault: which\?\r")
        machine.console.send("exits\r")
        operator.expect(r"fault: exits\r")
        operator.to_shell()
        operator.command("measure on")
        text = operator.answer("stat fault", r"^ +\d+\.\d  % of a processor")
        ticks = re.search(r"^ *\d+  CPUID  \d+/s  (\d+) ticks each, \d+ in total$", text, re.MULTILINE)
        assert ticks and 50 < int(ticks[1]) <= MEASURED_MAX, text
        operator.command("trace on fault")
        operator.answer("trace show 20", r"(?m)^ +\d+\.\d{9} cpu 0  fault +exit +CPUID, rip \w+, qualification 0, \d+ ticks$")
        operator.command("pause fault")  # else the dump takes an emulator long
        machine.console.send("trace dump\rq")  # at once: however fast the machine, the dump is not over when the key comes
        operator.expect(r"---- nacre trace begin 1\r", DUMP_LIMIT)
        operator.expect(r"---- nacre trace broken off\r", DUMP_LIMIT)
        operator.until_prompt()
        machine.console.send("trace dump\r")
        operator.expect(r"---- nacre trace end \d+ \w+\r", DUMP_LIMIT)
        operator.until_prompt()
        operator.command("resume fault")
        machine.console.send("top\r")
        operator.expect(r"\x1b\[HNacre, \d+ s after its start\.")
        operator.expect(r"  1  fault            running ")
        operator.expect(r"\x1b\[HNacre, \d+ s after its start\.")
        machine.console.send("q")
        operator.until_prompt()
        operator.command("trace off")
        operator.command("measure off")
        check_picture(picture(machine.console.text))
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)


def share(table, name):
    """Percent of a processor by a row of `stat` or `top`."""
    row = re.search(rf"^ *\d+  {name} +running +(?:\d+ +)?(\d+\.\d) ", table, re.MULTILINE)
    assert row, f"there is no row for {name}:\n{table}"
    return float(row[1])


def check_shares(table):
    small, large = share(table, "small"), share(table, "large")
    assert 15 <= small <= 35 and 65 <= large <= 85, f"shares of {small} and {large} % for weights of 100 and 300:\n{table}"


def check_sharing(events):
    """Both ran on CPU 1, one after the other; a turn of either ended for the other."""
    turns = {name: [event for event in events if event["name"] == name and event["pid"] == 1 and event["tid"] == 1]
             for name in ("small", "large")}
    spans = sorted((event["ts"], event["ts"] + event["dur"]) for of_vm in turns.values() for event in of_vm)
    assert min(map(len, turns.values())) >= 1 and len(spans) >= 3, f"turns in the picture: {turns}"
    assert all(end <= start + 0.01 for (_, end), (start, _) in zip(spans, spans[1:])), "two ran at once"
    assert any(event["name"] == "slice end" for event in events), "no turn ended"


def sharing(case, directory):
    iso = nacre_iso(directory, SHARING, {"kernel": kernel("spinner")})
    with case.boot(iso, cpus=2) as machine:
        machine.console.alarm = ALARM
        operator = Operator(machine.console)
        operator.expect(r"spinner count \d+")
        operator.to_shell()
        check_shares(operator.answer("stat", r"^ No  Name "))
        operator.answer("stat small", r"^VM small, running, on processor 1$", r"seconds ready without a processor \(steal\)$")
        machine.console.send("top\r")
        for _ in range(2):  # the first has no second behind it
            operator.expect(r"\x1b\[HNacre, ")
        start = operator.console.mark
        end = operator.expect(r"\x1b\[J", TIMEOUT).start()
        table = operator.console.text[start:end].replace("\x1b[K\r", "")
        check_shares(table)
        assert re.search(r"^  1 +(9\d\.\d|100\.0) +[1-9]\d*  (small|large)$", table, re.MULTILINE), table
        assert table.index("large  ") < table.index("small  "), f"not by share:\n{table}"
        machine.console.send("q")
        operator.until_prompt()
        operator.command("trace on")
        operator.command("stat")  # which takes a second
        operator.command("pause small large")  # by one command: one that ran on would fill the trace
        machine.console.send("trace dump\r")
        operator.expect(r"---- nacre trace end \d+ \w+\r", DUMP_LIMIT)
        operator.until_prompt()
        check_sharing(picture(machine.console.text))
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)


CASES = [Case("trace and measure", 300, test), Case("trace of VMs that share a processor", 600, sharing)]
