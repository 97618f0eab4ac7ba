#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run QEMU without a window: the class Qemu. KVM is used only where it offers VT-x to its guests."""
import os
import re

from machine import Machine

OVMF = "/usr/share/ovmf/OVMF.fd"  # code and variables in one file, for -bios
MONITOR_TIMEOUT = 30
TEXT_SCREEN, TEXT_CELLS, TEXT_COLUMNS = 0xb8000, 2000, 80


def read(path):
    try:
        with open(path, encoding="latin-1") as file:
            return file.read()
    except OSError:
        return ""


def nested_vmx():
    """Can this host's KVM give a guest VT-x?"""
    return (os.access("/dev/kvm", os.R_OK | os.W_OK)
            and read("/sys/module/kvm_intel/parameters/nested").strip() in ("Y", "1")
            and re.search(r"^flags\s*:.*\bvmx\b", read("/proc/cpuinfo"), re.MULTILINE) is not None)


class Qemu(Machine):
    """A PC in QEMU: iso to boot from, memory in MiB, efi for UEFI firmware (OVMF), kvm or emulation."""

    def __init__(self, iso, memory=512, cpus=1, efi=False, kvm=False, extra=(), limit=300, log_path=None):
        super().__init__(limit, log_path=log_path)
        self.iso, self.memory, self.cpus = iso, memory, cpus
        self.efi, self.kvm, self.extra = efi, kvm, extra
        self.monitor = None

    def start(self):
        serial, control = self.listener(), self.listener()
        command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-vga", "std", "-no-reboot",
                   "-m", str(self.memory), "-smp", str(self.cpus), "-cdrom", self.inside(self.iso),
                   "-chardev", f"socket,id=serial,host=127.0.0.1,port={serial.port}",
                   "-serial", "chardev:serial",
                   "-chardev", f"socket,id=control,host=127.0.0.1,port={control.port}",
                   "-mon", "chardev=control", *self.extra]
        if self.kvm:
            command += ["-accel", "kvm", "-cpu", "host"]
        else:
            command += ["-accel", "tcg", "-cpu", "max"]
        if self.efi:
            command += ["-bios", OVMF]
        self.spawn(command)
        self.connect(serial)
        self.monitor = control.accept(self.process, self.spent)
        self.monitor.expect(r"\(qemu\) ", MONITOR_TIMEOUT)

    def __exit__(self, *arguments):
        if self.monitor:
            self.monitor.close()
        super().__exit__(*arguments)

    def command(self, line):
        """One command of QEMU's own monitor; returns what it prints."""
        mark = self.monitor.mark
        self.monitor.send(line + "\n")
        end = self.monitor.expect(r"\(qemu\) ", MONITOR_TIMEOUT).start()
        return self.monitor.text[mark:end].partition("\r\n")[2]  # less the echo

    def text_screen(self):
        """The VGA text screen as lines."""
        words = re.findall(r"0x([0-9a-f]{4})\b", self.command(f"xp /{TEXT_CELLS}hx {TEXT_SCREEN:#x}"))
        text = "".join(chr(int(word, 16) & 0xff) for word in words)
        return [text[at:at + TEXT_COLUMNS].rstrip() for at in range(0, len(text), TEXT_COLUMNS)]

    def picture(self):
        """The screen as (width, height, bytes of RGB)."""
        path = os.path.join(self.directory, "screen.ppm")
        self.command(f"screendump {path}")
        with open(path, "rb") as file:
            data = file.read()
        header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
        return int(header[1]), int(header[2]), data[header.end():]
