"""Machines that Nacre cannot use: it starts, says in one sentence what is missing, and stops."""
import os

from bochs import Bochs
from case import Case, nacre_iso
from qemu import Qemu
from screen import load_font, read_text

SENTENCE_TIMEOUT = 90
NO_VMX = r"This processor has no Intel VT-x \(CPUID\.1:ECX\.VMX is 0\): run Nacre on an Intel"
LOCKED_OFF = r"The firmware has locked Intel VT-x off"
LACKS = r"This processor's VT-x lacks the control \"[^\"]+\", which Nacre needs"
ON_SCREEN = "This processor has no Intel VT-x"

IA32_FEATURE_CONTROL, LOCK_BIT = 0x3a, 1
CONFIG = "[vm a]\nkernel = kernel\n"


def image(directory, before=()):
    path = os.path.join(directory, "nacre.iso")
    nacre_iso(path, CONFIG, {"kernel": b"never loaded"}, before)
    return path


# Bochs' usual BIOS switches VT-x on and locks that; this one leaves it to whoever comes next.
LEGACY_BIOS = ("romimage: file=/usr/share/bochs/BIOS-bochs-legacy",)


def bochs_test(model, sentence, before=(), extra=()):
    def test(case, directory):
        with Bochs(image(directory, before), model, extra=extra, limit=case.limit,
                   log_path=case.log_path()) as machine:
            machine.console.expect(sentence, SENTENCE_TIMEOUT)
    return test


def qemu_test(efi):
    """The sentence stands on the serial port and, by the time it is there, on the screen."""
    def test(case, directory):
        with Qemu(image(directory), efi=efi, limit=case.limit, log_path=case.log_path()) as machine:
            machine.console.expect(NO_VMX, SENTENCE_TIMEOUT)
            lines = read_text(machine.picture(), load_font()) if efi else machine.text_screen()
            assert ON_SCREEN in "\n".join(lines), "not on the screen, which shows:\n" + "\n".join(lines)
    return test


CASES = [
    Case("no VT-x: QEMU with UEFI", 150, qemu_test(efi=True)),
    Case("no VT-x: QEMU with BIOS", 120, qemu_test(efi=False)),
    Case("no VT-x: Pentium 4", 100, bochs_test("p4_prescott_celeron_336", NO_VMX)),
    Case("no VT-x: Athlon 64", 100, bochs_test("athlon64_clawhammer", NO_VMX)),
    Case("VT-x locked off", 100, bochs_test(
        "corei7_skylake_x", LOCKED_OFF,
        ["insmod wrmsr", f"wrmsr {IA32_FEATURE_CONTROL:#x} {LOCK_BIT}"], LEGACY_BIOS)),
    Case("no EPT: Penryn", 100, bochs_test("core2_penryn_t9600", LACKS)),
    Case("no unrestricted guest: Lynnfield", 100, bochs_test("corei5_lynnfield_750", LACKS)),
]
