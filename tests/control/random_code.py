# SPDX-License-Identifier: MIT
"""Random bytes executed as code by tests/kernels/random. Whatever becomes of that guest, the monitor goes on.

A guest that such a program wrecks is started again, and goes on with the next program. The
environment: PROGRAMS, how many; SEED, which.
"""
import os
import re

from bochs import major_version
from case import Case, kernel, nacre_iso
from console import ConsoleTimeout
from neighbours import NEIGHBOURS, judge
from operators import ALARM, ESCAPE, TIMEOUT, Operator

PROGRAMS = int(os.environ.get("PROGRAMS", 100_000))
AUDITED = PROGRAMS // 20
SEED = int(os.environ.get("SEED", 1))

CONFIG = """\
[vm random]
kernel = kernel
memory = 64M
cmdline = seed={seed} programs={programs} a32={a32}
on_crash = restart
"""

# What a guest may come to. Anything else is the monitor's fault.
ENDS = (r"triple fault: an exception, and no handler for it could be entered|"
        r"an instruction that touches a device or a hole cannot be emulated")
ENTRY_FAILED = "VM entry failed: the processor refuses the guest's state"
RULE = r"error:   (guest [^\r]*)\r"
# A rule that Bochs 2.7 breaks itself, and would refuse then: IRET to virtual-8086 mode leaves L in a segment's access rights.
BOCHS_BREAKS = r"guest [C-GS]S = 0x20f3: virtual-8086 mode needs access rights F3h"
STALL_TIMEOUT = 10  # seconds of work without a word: it hangs with interrupts off
RESTARTS_PER_PROGRAM = 1 / 50
LOW_MODES = 12  # at least one program in so many ends in real mode, and one in virtual-8086 mode,
V86_VECTORS = 0x6042  # with and without CR4.VME, with IOPL 0 and 3, by #DB, #UD, #GP and #PF ...
V86_PROGRAMS = 10_000  # ... if there are so many in all

PROGRESS = (r"random done programs (?P<done>\d+) resets \d+ real (?P<real>\d+) v86 (?P<v86>\d+) by (?P<vectors>[0-9a-f ]+)\r|"
            r"random at (?P<at>\d+) resets \d+\r|"
            r"error: vm random, vCPU 0: (?P<end>[^\r]*)\r|"
            r"vm random: (?P<halted>halted with interrupts off)")


def allowed(end, broken):
    """May a guest end so? `broken`: the rules that its state broke then."""
    if end == ENTRY_FAILED:
        return bool(broken) and all(re.fullmatch(BOCHS_BREAKS, rule) for rule in broken)
    return bool(re.fullmatch(ENDS, end))


class RandomOperator(Operator):
    """Keeps the VM at it."""

    def __init__(self, console):
        super().__init__(console)
        self.restarts = {"crashed": 0, "halted": 0, "stalled": 0}

    def reset(self):
        self.to_shell()
        self.console.send(f"regs random\rreset random\r{ESCAPE}1")  # the registers are for the log

    def run(self, programs):
        """Until the last program; returns how many there were."""
        while sum(self.restarts.values()) < 5 + programs * RESTARTS_PER_PROGRAM:
            start = self.console.mark
            try:
                found = self.expect(PROGRESS, STALL_TIMEOUT)
            except ConsoleTimeout:
                self.restarts["stalled"] += 1
                self.reset()
                continue
            if found["done"]:
                least = programs // LOW_MODES
                assert int(found["real"]) >= least and int(found["v86"]) >= least, found[0]
                assert programs < V86_PROGRAMS or all(int(vectors, 16) & V86_VECTORS == V86_VECTORS
                                                      for vectors in found["vectors"].split()), found[0]
                return int(found["done"])
            if found["end"]:  # it is restarted by itself
                broken = re.findall(RULE, self.console.text[start:self.console.mark])
                assert allowed(found["end"], broken), "\n".join([found["end"], *broken])
                self.restarts["crashed"] += 1
            elif found["halted"]:
                self.restarts["halted"] += 1
                self.reset()
        raise AssertionError(f"too few programs run: {self.restarts}")


def boot(programs, audited=False):
    def test(case, directory):
        # Bochs 3.0 ends by an assertion of its own at REP MOVS with 32-bit addresses in 64-bit code.
        config = CONFIG.format(seed=SEED, programs=programs, a32=int(major_version() < 3)) + NEIGHBOURS
        iso = nacre_iso(directory, config, {"kernel": kernel("random"), "neighbour": kernel("neighbour")})
        with case.boot(iso) as machine:
            machine.console.alarm = ALARM + "|random: the kernel itself failed[^\\r]*\\r"
            operator = RandomOperator(machine.console)
            if audited:
                operator.audit("random")
            done = operator.run(programs)
            assert done >= programs, f"{done} programs of {programs}"
            operator.to_shell()
            operator.answer("list", r"^ 1  random +running")
            judge(operator, case.name, 2)
            print(f"     random: seed {SEED}, {done} programs, restarts {operator.restarts}", flush=True)
            machine.console.send("poweroff\r")
            machine.wait(TIMEOUT)
    return test


CASES = [
    Case("random code", 240 + PROGRAMS // 100, boot(PROGRAMS)),
    Case("audited random code", 240 + AUDITED // 20, boot(AUDITED, audited=True)),
]
