# SPDX-License-Identifier: MIT
"""Guests that cannot go on, or will not end: what the operator is told, and that the shell stays usable.

One kernel, tests/kernels/fault, asks on its console which fault it shall be; the shell starts it anew for
each, so that a boot serves many cases.
"""
import re

from case import Case, kernel, nacre_iso
from operators import ALARM, KILL_LINE, TIMEOUT, Operator

CONFIG = """\
[vm fault]
kernel = kernel
memory = 64M
"""

TRIPLE = "triple fault: an exception, and no handler for it could be entered"
EMULATION = "an instruction that touches a device or a hole cannot be emulated"

# Case of the kernel: (why the VM ends, what its report must hold besides)
ENDS = {
    "triple64": (TRIPLE, r"code 0f 0b\b", r"cr0 8\w{7} ", r"cs   0008 .*access 0a09b", r"TRIPLE FAULT\s*$"),
    "triple32": (TRIPLE, r"code 0f 0b\b", r"cr0 0\w{7} ", r"cs   0018 .*access 0c09b", r"TRIPLE FAULT\s*$"),
    "triple16": (TRIPLE, r"code cc\b", r"cr0 0\w{6}[02468ace] ", r"cs   0000 ", r"TRIPLE FAULT\s*$"),
    "nowhere": (TRIPLE, r"code ff ff ff", r"rip 00000000d0000000 ", r"EPT VIOLATION"),
    "tables": (TRIPLE, r"cannot be read: page fault, error code 0x\w*[9b]", r"cr3 00000000d0000000"),
    "idt": (TRIPLE, r"code 0f 0b\b", r"idtr base 00000000d0000000 limit 0fff"),
    "stack": (TRIPLE, r"rsp 00000000d000"),
    "unknown": (EMULATION, r"code 0f 58 ", r"EPT VIOLATION\s*$"),
    "descriptors": (EMULATION, r"code 8e d8 ", r"gdtr base 00000000d0000000 limit 0fff"),
}

# Case of the kernel: what it prints when it has survived.
SURVIVED = {
    "moves": r"fault: moved f{16} f{16} 37f\r",
    "undefined": r"fault: vector 6 at d0000000\r",
    "shadow": r"fault: vector 1 at [0-9a-f]+\r",
}

# Case of the kernel that runs until the operator ends it: the exits that keep coming. What floods the console
# is last, since its output is replayed whenever the operator comes back.
ENDLESS = {
    "spin": "PREEMPTION TIMER",
    "exits": "CPUID",
    "outs": "I/O",
    "ins": "I/O",
    "timer": "PREEMPTION TIMER",
    "timer-without-end": "PREEMPTION TIMER",
    "breakpoint": "EXCEPTION OR NMI",
    "alignment": "EXCEPTION OR NMI",
    "serial": "I/O",
}


class FaultOperator(Operator):
    """Starts the kernel anew for each of its cases."""

    def __init__(self, console):
        super().__init__(console)
        self.started = False

    def begin(self, name):
        """Make the guest become a case. It was just booted, or the shell is there and the VM stopped."""
        if self.started:
            self.answer("start fault", r"VM fault starts anew; Ctrl-A 1 goes to its console")
            self.until_state("fault", "running")
            self.to_vm(1, "fault")
        else:
            self.expect(r"fault: which\?\r")
            self.started = True
        self.console.send(name + "\r")
        self.expect(rf"fault: {name}\r")

    def usable(self, state):
        """The shell answers, and knows how the VM is."""
        self.until_state("fault", state)
        self.answer("help", r"^  list ", r"^  regs ", r"^  config ", r"^  trace ")

    def stop(self):
        self.answer("stop fault", r"vm fault: stopped by the operator after \d+ exits")
        self.usable(r"stopped .*stopped by the operator")


def end(operator, name):
    why, *patterns = ENDS[name]
    operator.begin(name)
    operator.expect(rf"error: vm fault, vCPU 0: {re.escape(why)}\r")
    report = operator.until_prompt().partition("\n[Nacre: monitor")[0]
    for pattern in ("rip 0", "rflags", "last exits, oldest first", *patterns):
        assert re.search(pattern, report), f"{name}: the report has no {pattern!r}:\n{report}"
    operator.usable(rf"stopped .*{re.escape(why)}")


def survive(operator, name):
    operator.begin(name)
    operator.expect(SURVIVED[name])
    operator.to_shell()
    operator.usable("running")
    operator.stop()


def exits(operator, reason):
    """The key, which kills the line, spares the second that `stat` takes for its rates."""
    text = operator.command("stat fault", KILL_LINE)
    found = re.search(rf"^ *(\d+)  {reason}(?:  .*)?$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def run_on(operator, name):
    operator.begin(name)
    operator.to_shell()
    operator.usable("running")
    before = exits(operator, ENDLESS[name])
    assert exits(operator, ENDLESS[name]) > before, f"{name}: no more exits {ENDLESS[name]!r}"
    operator.stop()


def halt(operator, name):
    operator.begin(name)
    operator.expect(r"vm fault: halted with interrupts off; only a reset or an NMI can wake it")
    operator.to_shell()
    operator.usable("running")
    operator.stop()


def hold(operator, name):
    """Pause and go on: the guest's instructions stand still in between."""
    operator.begin(name)
    operator.to_shell()
    operator.answer("pause fault")
    operator.usable("paused")
    before = exits(operator, "exits in total")
    assert exits(operator, "exits in total") == before, "a VM that is paused has exits"
    operator.answer("resume fault")
    operator.answer("resume fault", r"VM fault is running\.")
    operator.answer("stat fault", r"^ *\d+  CPUID  \d+/s$", r"^ *\d+  KiB of memory, 6\d+ of them")
    operator.answer("regs fault", r"^  code ", r"rip 0", r"  CPUID$")
    operator.stop()


def reset_loop(operator, name):
    operator.begin(name)
    operator.expect(r"vm fault: the guest resets its machine \(reset 1\)")
    operator.expect(r"vm fault: the guest resets its machine \(reset \d\d+\)")
    operator.to_shell()
    operator.usable("(running|starting)")
    operator.command("stop fault")  # which says nothing if it is starting
    operator.usable(r"stopped .*stopped by the operator")


def look(operator):
    """What the commands say of a VM that is off, and of one that is on."""
    operator.answer("config", r"^\[vm fault\]$", r"^memory = 64M$", r"^on_all_stopped = shell$")
    operator.answer("cpu", r"^  Processor: Intel VT-x$", r"^Speculation mitigations:$")
    operator.answer("mem", r"^ *\d+ KiB  usable memory", r"^ *0 KiB  VM fault$")
    operator.begin("exits")
    operator.to_shell()
    operator.answer("mem", r"^ *6[56]\d\d\d KiB  VM fault$")
    operator.stop()
    operator.answer("stop nothing", r"There is no VM 'nothing'; known are: fault$")


def boot(steps):
    def test(case, directory):
        iso = nacre_iso(directory, CONFIG, {"kernel": kernel("fault")})
        with case.boot(iso) as machine:
            machine.console.alarm = ALARM
            operator = FaultOperator(machine.console)
            for step in steps:
                step(operator)
            machine.console.send("poweroff\r")
            machine.wait(TIMEOUT)
            assert machine.powered_off(), "'poweroff' did not turn the machine off"
    return test


def steps_of(function, names):
    return [lambda operator, name=name: function(operator, name) for name in names]


CASES = [
    Case("faults that end a VM", 400, boot([
        *steps_of(end, ENDS), *steps_of(survive, SURVIVED), look])),
    # The loop of resets is last, since a reset does not clear the memory that makes it go on.
    Case("guests that never end", 400, boot([
        *steps_of(halt, ["halt"]), *steps_of(hold, ["exits"]), *steps_of(run_on, ENDLESS),
        *steps_of(reset_loop, ["reset-loop"])])),
]
