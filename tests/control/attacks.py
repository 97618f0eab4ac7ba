# SPDX-License-Identifier: MIT
"""Guests that attack: tests/kernels/attack, one attack after the other, under the eyes of an operator.

The kernel checks by itself that each attack comes to what the architecture says. The operator sees to it that
the monitor answers meanwhile, that a guest which ends does so with the right report, and nothing else happens.
"""
import re

from bochs import major_version
from case import Case, kernel, nacre_iso
from neighbours import NEIGHBOURS, judge
from operators import ALARM, ESCAPE, TIMEOUT, Operator

CONFIG = """\
[vm attack]
kernel = kernel
memory = 64M

[vm marker]
kernel = kernel
memory = 64M
cmdline = marker seed=5
autostart = no
""" + NEIGHBOURS

BOOT_TIMEOUT = 240
ATTACK_TIMEOUT = 240

# They end by themselves.
FINITE = ("keyboard", "smi", "nmi", "registers", "states", "legacy", "shadows", "holes", "top", "code", "programs", "vmx",
          "storms", "tsc")
FINITE_LONG = ("ports", "msrs")
# Bochs saves a null SS with DPL 0, whatever the CPL. From 3.0 on it also refuses such a state at VM entry.
FINITE_NOT_AUDITED = ("inner-levels",) if major_version() < 3 else ()

# They go on until the operator ends them: the exits that keep coming.
FLOODS = {
    "flood-cpuid": "CPUID",
    "flood-port": "I/O",
    "flood-vmcall": "VMCALL",
    "flood-page-fault": "PREEMPTION TIMER",
    "flood-hole": "EPT VIOLATION",
    "flood-cr3": "PREEMPTION TIMER",
    "flood-cr4": "CONTROL REGISTER",
    "flood-modes": "CPUID",
    "flood-msr": "WRMSR",
    "flood-tsc": "WRMSR",
    "flood-cache": "WBINVD",
    "flood-timer": "I/O",
}
LOOPS = {
    "rep-ram": "PREEMPTION TIMER",
    "rep-hole": "EPT VIOLATION",
    "rep-hole-in-shadow": "EPT VIOLATION",
    "rep-port": "I/O",
    "loop-page-fault": "PREEMPTION TIMER",
    "loop-closed": "PREEMPTION TIMER",
}

TRIPLE = "triple fault: an exception, and no handler for it could be entered"
EMULATION = "an instruction that touches a device or a hole cannot be emulated"

# They end the guest: why, and what the report says of the mode that it was in.
ENDS = {
    "triple64": (TRIPLE, r"code 0f 0b\b", r"cs   0008 .*access 0a09b"),
    "compatibility": (TRIPLE, r"code 0f 0b\b", r"cs   0018 .*access 0c09b", r"efer 0500"),
    "protected32": (TRIPLE, r"code 0f 0b\b", r"cs   0018 .*access 0c09b", r"efer 0000"),
    "protected16": (TRIPLE, r"code cc\b", r"cs   0020 .*access 0809b"),
    "virtual86": (TRIPLE, r"code cc\b", r"rflags 000[23]0\w{3}", r"cs   0000 "),
    "real": (TRIPLE, r"code cc\b", r"cr0 \w*[02468ace] ", r"cs   0000 "),
    "page-tables": (TRIPLE, r"cr3 0000000000c00000"),
    "straddle": (EMULATION, r"code 0f 58 ff"),
}

# They start the guest's machine anew.
RESETS = {
    "port92": "processor",
    "init": "processor",
    "system": "machine",
    "keyboard-reset": "processor",
    "output-port": "processor",
}


class AttackOperator(Operator):
    """Starts attacks, and looks at what becomes of them."""

    def __init__(self, console):
        super().__init__(console)
        self.expect(r"attack: which\?\r", BOOT_TIMEOUT)

    def order(self, name):
        self.console.send(name + "\r")
        self.expect(rf"attack: {name} begins\r")

    def usable(self, state):
        """The shell answers, and knows how the VM is."""
        self.until_state("attack", state)
        self.answer("stat attack", r"^ *\d+  exits in total")

    def start(self):
        """What is typed before the VM runs is lost. The kernel answers an empty line by its question."""
        self.answer("start attack", r"VM attack starts anew")
        self.until_state("attack", "running")
        self.to_vm(1, "attack")
        self.console.send("\r")
        self.expect(r"attack: which\?\r")

    def destroy(self, name="attack"):
        """It is off, and its memory free, when its line in the list says so."""
        self.console.send(f"destroy {name}\r")
        self.expect(rf"vm {name}: stopped by the operator after \d+ exits")
        self.until_state(name, "stopped ")


def finite(operator, name):
    operator.order(name)
    done = operator.expect(rf"attack: {name} done, (\d+) checks, (\d+) failed\r", ATTACK_TIMEOUT)
    assert int(done[1]) > 0 and done[2] == "0", f"{name}: {done[2]} of {done[1]} checks failed"
    operator.expect(r"attack: which\?\r")


def watched(operator, name):
    """An attack that takes long: the monitor answers meanwhile."""
    operator.order(name)
    operator.to_shell()
    operator.usable("running")
    operator.console.send(f"{ESCAPE}1")  # its end may stand in what is shown again
    done = operator.expect(rf"attack: {name} done, (\d+) checks, (\d+) failed\r", ATTACK_TIMEOUT)
    assert int(done[1]) > 0 and done[2] == "0", f"{name}: {done[2]} of {done[1]} checks failed"
    operator.expect(r"attack: which\?\r")


def exits(operator, reason):
    found = re.search(rf"^ *(\d+)  {reason}\b", operator.command("stat attack"), re.MULTILINE)
    return int(found[1]) if found else 0


def endless(operator, name):
    operator.order(name)
    operator.to_shell()
    operator.answer("list", r"^ 1  attack +running")
    reason = {**FLOODS, **LOOPS}[name]
    before = exits(operator, reason)
    assert exits(operator, reason) > before, f"{name}: no more exits {reason!r}"
    operator.destroy()
    operator.start()


def halted(operator, name):
    operator.order(name)
    operator.expect(r"vm attack: halted with interrupts off")
    operator.to_shell()
    operator.usable("running")
    operator.destroy()
    operator.start()


def end(operator, name):
    why, *patterns = ENDS[name]
    operator.order(name)
    operator.expect(rf"error: vm attack, vCPU 0: {re.escape(why)}\r")
    start = operator.console.mark
    operator.expect(r"last exits, oldest first")
    operator.to_shell()
    report = operator.console.text[start:operator.console.mark].replace("\r", "")
    for pattern in ("rip 0", "last exits, oldest first", *patterns):
        assert re.search(pattern, report), f"{name}: the report has no {pattern!r}:\n{report}"
    operator.usable(rf"stopped .*{re.escape(why)}")
    operator.start()


def reset(operator, name):
    operator.order(name)
    operator.expect(r"attack: which\?\r")


def left_behind(operator, _):
    """One VM fills its memory and is destroyed; the next finds nothing of it in its own."""
    operator.to_shell()
    operator.destroy()
    operator.answer("start marker", r"VM marker starts anew")
    operator.console.send(f"{ESCAPE}2")
    operator.expect(r"attack: marker done, 1 checks, 0 failed\r", ATTACK_TIMEOUT)
    operator.to_shell()
    operator.destroy("marker")
    operator.start()
    finite(operator, "search")


def gone(operator, name):
    """The neighbours, which sleep most of the time, have the machine to themselves."""
    operator.to_shell()
    operator.destroy(name)


def boot(steps, options=(), audited=False, **machine_options):
    """Options: of the boot loader's command line. Audited: a state that the processor might refuse ends the VM, even where Bochs would go on."""
    def test(case, directory):
        iso = nacre_iso(directory, CONFIG, {"kernel": kernel("attack"), "neighbour": kernel("neighbour")},
                        options)
        with case.boot(iso, **machine_options) as machine:
            machine.console.alarm = (ALARM + r"|VM entry (failed|refused)[^\r]*\r"
                                     r"|attack: BROKEN [^\r]*\r|attack: unexpected [^\r]*\r")
            operator = AttackOperator(machine.console)
            if audited:
                operator.audit("attack")
            for function, names in steps:
                for name in names:
                    function(operator, name)
            operator.to_shell()
            judge(operator, case.name, 3)
            machine.console.send("poweroff\r")
            machine.wait(TIMEOUT)
            assert machine.powered_off(), "'poweroff' did not turn the machine off"
    return test


CASES = [
    Case("attacks on ports and MSRs", 300, boot([(finite, FINITE_NOT_AUDITED), (watched, FINITE_LONG)])),
    # The model's number has the preemption timer's erratum, and Bochs does not. Without that timer Bochs up to 3.0 interrupts
    # no guest whose IF has been 0 since its entry: it looks at the VM's controls only when IF changes.
    Case("a processor without XSAVE", 300, boot([(finite, ("registers", "states", "programs")), (gone, ("attack",))],
                                                ("timer=preemption",), model="corei5_arrandale_m520")),
    Case("attacks that pass", 300, boot([(finite, FINITE), (reset, RESETS), (end, ENDS),
                                            (left_behind, ("marker",))], audited=True)),
    Case("floods that never end", 600, boot([(endless, FLOODS)])),
    Case("loops that never end", 600, boot([(endless, LOOPS), (halted, ("halt-closed",))])),
]
