# SPDX-License-Identifier: MIT
"""Machines that Nacre cannot use: it starts, says in one sentence what is missing, and stops."""
import os

from bochs import Bochs
from case import MONITOR, Case, nacre_iso
from console import Limit
from iso import make_iso
from qemu import Qemu
from screen import load_font, read_text

SENTENCE_TIMEOUT = 90
SCREEN_TIMEOUT = 20
NO_VMX = r"This processor has no Intel VT-x \(CPUID\.1:ECX\.VMX is 0\): run Nacre on an Intel"
LOCKED_OFF = r"The firmware has locked Intel VT-x off"
LACKS = r"lack +unused +\(required\)[\s\S]*This processor's VT-x lacks the control \"[^\"]+\", which Nacre needs"
QUIESCED = r"boot: [1-9]\d* of \d+ PCI functions are kept from memory and interrupts; \d+ had access"
SAFE_MODE = r"irq: the serial port at 3F8h is polled every ms: serial_irq = none"
ON_SCREEN = "This processor has no Intel VT-x"
MENU_SECONDS = 30  # ended by a key
DOWN = "\x0e"  # Ctrl-N, which needs no escape sequence

IA32_FEATURE_CONTROL, LOCK_BIT = 0x3a, 1
CONFIG = "[vm a]\nkernel = kernel\n"


MODULES = {"kernel": b"never loaded"}


def image(directory):
    return nacre_iso(directory, CONFIG, MODULES)


def locking_image(directory):
    """GRUB sets the lock bit alone, as a firmware does that has VT-x switched off."""
    path = os.path.join(directory, "nacre.iso")
    make_iso(path, ["insmod wrmsr", f"wrmsr {IA32_FEATURE_CONTROL:#x} {LOCK_BIT}", "multiboot2 /nacre",
                    "module2 /config config"], {"nacre": MONITOR, "config": CONFIG.encode()})
    return path


# Bochs' usual BIOS switches VT-x on and locks that; this one leaves it to whoever comes next.
LEGACY_BIOS = ("romimage: file=/usr/share/bochs/BIOS-bochs-legacy",)


def bochs_test(model, sentence, make_image=image, extra=()):
    def test(case, directory):
        with Bochs(make_image(directory), model, extra=extra, limit=case.limit,
                   log_path=case.log_path()) as machine:
            machine.console.expect(sentence, SENTENCE_TIMEOUT)
    return test


def check_partitions(iso):
    """One entry is active, as some BIOSes want it, and not the protective one, which others refuse then."""
    with open(iso, "rb") as file:
        table = file.read(512)[446:510]
    entries = [table[at:at + 16] for at in range(0, 64, 16)]
    active = [entry for entry in entries if entry[0] == 0x80]
    assert len(active) == 1 and active[0][4] != 0xee, f"partition table: {table.hex()}"


def choose_safe_mode(console):
    """In GRUB's menu, by the serial port."""
    console.expect("Nacre in safe mode", SENTENCE_TIMEOUT)
    console.send(DOWN + "\r")
    console.expect(r"Loading kernel, 1 MiB", SENTENCE_TIMEOUT)


def qemu_test(efi):
    """The sentence comes on the serial port and on the screen."""
    def test(case, directory):
        iso = nacre_iso(directory, CONFIG, MODULES, menu=MENU_SECONDS if efi else None)
        check_partitions(iso)
        with Qemu(iso, efi=efi, limit=case.limit, log_path=case.log_path()) as machine:
            if efi:
                choose_safe_mode(machine.console)
            machine.console.expect(QUIESCED, SENTENCE_TIMEOUT)
            if efi:
                machine.console.expect(SAFE_MODE, SENTENCE_TIMEOUT)
            machine.console.expect(NO_VMX, SENTENCE_TIMEOUT)
            font = load_font()
            limit = Limit(SCREEN_TIMEOUT, machine.spent)
            shown = ""
            while ON_SCREEN not in shown:
                assert not limit.over(), "not on the screen, which shows:\n" + shown
                shown = "\n".join(read_text(machine.picture(), font) if efi else machine.text_screen())
    return test


CASES = [
    Case("no VT-x: QEMU with UEFI", 150, qemu_test(efi=True)),
    Case("no VT-x: QEMU with BIOS", 120, qemu_test(efi=False)),
    Case("no VT-x: Pentium 4", 100, bochs_test("p4_prescott_celeron_336", NO_VMX)),
    Case("no VT-x: Athlon 64", 100, bochs_test("athlon64_clawhammer", NO_VMX)),
    Case("VT-x locked off", 100, bochs_test(
        "corei7_skylake_x", LOCKED_OFF, locking_image, LEGACY_BIOS)),
    Case("no EPT: Penryn", 100, bochs_test("core2_penryn_t9600", LACKS)),
    Case("no unrestricted guest: Lynnfield", 100, bochs_test("corei5_lynnfield_750", LACKS)),
]
