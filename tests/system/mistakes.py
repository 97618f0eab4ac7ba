# SPDX-License-Identifier: MIT
"""Operators' mistakes: each is booted, and must be answered by its one sentence."""
import struct

from bochs import Bochs
from case import Case, guest, nacre_iso

SENTENCE_TIMEOUT = 90


def head(name, size):
    """The first bytes of a guest file, as of a download that broke off."""
    def make():
        with open(guest(name), "rb") as file:
            return file.read(size)
    return make


ELF64_HEADER_SIZE, ELF64_P_MEMSZ = 64, 40


def corrupt_kernel():
    """An ELF kernel whose first segment is larger in the file than in memory."""
    data = bytearray(head("vmlinux-cloud", 1 << 20)())
    struct.pack_into("<Q", data, ELF64_HEADER_SIZE + ELF64_P_MEMSZ, 1)
    return bytes(data)


def text(content):
    return lambda: content.encode()


def zeros(size):
    return lambda: bytes(size)


KERNEL = {"kernel": head("vmlinux-cloud", 1 << 16)}
VM = "[vm a]\nkernel = kernel\n"

REBUILD = r"; fetch or build it again"

# Name: (config or None, modules, the sentence as a regular expression)
MISTAKES = {
    "no config": (None, KERNEL, r"There is no config module: add \"module2 /boot/FILE config\""),
    "unknown key": (VM + "memroy = 64M\n", KERNEL,
                    r"config line 3: unknown key 'memroy' in \[vm\]; did you mean 'memory'\?"),
    "bad value": (VM + "memory = 64\n", KERNEL, r"config line 3: bad value '64' for 'memory'; use 1M to 1T"),
    "duplicate VM": (VM + VM, KERNEL,
                     r"config line 3: VM 'a' is already defined on line 1; give this one another name"),
    "no VM": ("[monitor]\nscreen = yes\n", KERNEL, r"config: there is no VM; add a section \[vm NAME\]"),
    "missing module": (VM, {}, r"config line 2: kernel = kernel: the boot loader did not load that file; add "
                               r"\"module2 /boot/FILE kernel\""),
    "truncated kernel": (VM, KERNEL, r"line 2: kernel = kernel: the ELF kernel is truncated: .*" + REBUILD),
    "corrupt kernel": (VM, {"kernel": corrupt_kernel}, r"line 2: kernel = kernel: .* corrupt: .*" + REBUILD),
    "truncated bzImage": (VM, {"kernel": head("bzImage-cloud", 1 << 20)},
                          r"line 2: kernel = kernel: the Linux kernel is truncated: .*" + REBUILD),
    "unknown kernel format": (VM, {"kernel": text("not a kernel\n" * 100)},
                              r"the kernel has an unknown format; use a Linux bzImage, an ELF file with a PVH"),
    "initrd too big": (VM + "initrd = initrd\nmemory = 80M\n",
                       {"kernel": lambda: guest("bzImage-cloud"), "initrd": zeros(32 << 20)},
                       r"the initrd of 32768 KiB does not fit .*; raise 'memory' or use a smaller initrd"),
    "too much memory": (VM + "memory = 8G\n", KERNEL,
                        r"memory = 8192M, but only \d+M of this machine's memory are free: give the VM less"),
}


def mistake_test(config, modules, sentence):
    def test(case, directory):
        iso = nacre_iso(directory, config, {name: make() for name, make in modules.items()})
        with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
            machine.console.expect(sentence, SENTENCE_TIMEOUT)
    return test


CASES = [Case("mistake " + name, 120, mistake_test(*row)) for name, row in MISTAKES.items()]
