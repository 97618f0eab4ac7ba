"""Random bytes executed as code by tests/kernels/random. Whatever becomes of that guest, the monitor goes on.

A guest that such a program wrecks is started again by the operator, and goes on with the next program. The
environment: PROGRAMS, how many; SEED, which.
"""
import os
import re

from bochs import Bochs
from case import Case, kernel, nacre_iso
from console import ConsoleError
from operators import ALARM, ESCAPE, TIMEOUT, Operator

PROGRAMS = int(os.environ.get("PROGRAMS", 100_000))
SEED = int(os.environ.get("SEED", 1))

CONFIG = """\
[vm random]
kernel = kernel
memory = 64M
cmdline = seed={seed} programs={programs}
"""

# What a guest may come to. Anything else is the monitor's fault.
ENDS = (r"triple fault: an exception, and no handler for it could be entered|"
        r"an instruction that touches a device or a hole cannot be emulated")
STALL_TIMEOUT = 10  # seconds without a word: it hangs with interrupts off
RESTARTS_PER_PROGRAM = 1 / 50

PROGRESS = (r"random done programs (?P<done>\d+)|"
            r"random at (?P<at>\d+) resets \d+|"
            r"error: vm random, vCPU 0: (?P<end>[^\r]*)\r|"
            r"vm random: powered off by the guest|"
            r"vm random: halted with interrupts off|"
            r"random: the kernel itself failed")


class RandomOperator(Operator):
    """Keeps the VM at it."""

    def __init__(self, console):
        super().__init__(console)
        self.restarts = {"ended": 0, "stalled": 0}

    def again(self, command, why):
        """Nothing is expected but the prompt: the guest may fail again while its console is sought."""
        self.restarts[why] += 1
        self.to_shell()
        self.console.send(f"{command} random\r{ESCAPE}1")

    def run(self, programs):
        while True:
            try:
                found = self.expect(PROGRESS, STALL_TIMEOUT)
            except ConsoleError as error:
                if not str(error).startswith(f"{STALL_TIMEOUT} s passed"):
                    raise
                self.again("regs random\rreset", "stalled")
                continue
            if found["done"]:
                return int(found["done"])
            if "halted" in found[0]:
                self.again("reset", "stalled")
            elif found["end"] or "powered off" in found[0]:
                assert not found["end"] or re.fullmatch(ENDS, found["end"]), found["end"]
                self.again("start", "ended")
            limit = 5 + programs * RESTARTS_PER_PROGRAM
            assert sum(self.restarts.values()) < limit, f"too few programs run: {self.restarts}"


def test(case, directory):
    config = CONFIG.format(seed=SEED, programs=PROGRAMS)
    iso = nacre_iso(directory, config, {"kernel": kernel("random")})
    with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
        machine.console.alarm = ALARM
        operator = RandomOperator(machine.console)
        done = operator.run(PROGRAMS)
        assert done >= PROGRAMS, f"{done} programs of {PROGRAMS}"
        operator.to_shell()
        operator.answer("list", r"^ 1  random +running")
        print(f"     random: seed {SEED}, {done} programs, restarts {operator.restarts}", flush=True)
        machine.console.send("poweroff\r")
        machine.wait(TIMEOUT)


CASES = [Case("random code", 240 + PROGRAMS // 100, test)]
