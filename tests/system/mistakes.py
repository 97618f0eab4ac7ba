"""Operators' mistakes: each is booted, and must be answered by its one sentence."""
from bochs import Bochs
from case import Case, guest, nacre_iso

SENTENCE_TIMEOUT = 60


def head(name, size):
    """The first bytes of a guest file, as of a download that broke off."""
    def make():
        with open(guest(name), "rb") as file:
            return file.read(size)
    return make


def corrupt_kernel():
    """A kernel whose ELF header is whole but whose program headers are nonsense."""
    data = bytearray(head("vmlinux-cloud", 1 << 20)())
    data[64:64 + 56 * 4] = b"\xff" * (56 * 4)
    return bytes(data)


def text(content):
    return lambda: content.encode()


def zeros(size):
    return lambda: bytes(size)


KERNEL = {"kernel": head("vmlinux-cloud", 1 << 16)}
VM = "[vm a]\nkernel = kernel\n"

# Name: (config or None, modules, the sentence as a regular expression)
MISTAKES = {
    "no config": (None, KERNEL, r"(?i)no config"),
    "unknown key": (VM + "memroy = 64M\n", KERNEL,
                    r":3: unknown key 'memroy' in \[vm\]; did you mean 'memory'\?"),
    "bad value": (VM + "memory = 64\n", KERNEL, r":3: bad value '64' for 'memory'; use "),
    "duplicate VM": (VM + VM, KERNEL, r":3: a VM named 'a' stands already in line 1; give this one another name"),
    "no VM": ("[monitor]\nscreen = yes\n", KERNEL, r"there is no VM; add a section \[vm NAME\]"),
    "missing module": (VM, {}, r"(?i)kernel.*not.*module|no module.*kernel"),
    "truncated kernel": (VM, KERNEL, r"(?i)truncated|ends before|beyond the end|behind the end"),
    "corrupt kernel": (VM, {"kernel": corrupt_kernel}, r"(?i)corrupt|invalid|broken|damaged"),
    "unknown kernel format": (VM, {"kernel": text("not a kernel\n" * 100)},
                              r"the kernel has an unknown format; use a Linux bzImage or an ELF file with a PVH"),
    "initrd too big": (VM + "initrd = initrd\nmemory = 80M\n",
                       {"kernel": lambda: guest("vmlinux-cloud"), "initrd": zeros(60 << 20)},
                       r"the initrd of 61440 KiB does not fit"),
    "too much memory": (VM + "memory = 8G\n", {"kernel": lambda: guest("vmlinux-cloud")},
                        r"(?i)8192 MiB|8 GiB|8G"),
}


def mistake_test(config, modules, sentence):
    def test(case, directory):
        iso = nacre_iso(directory, config, {name: make() for name, make in modules.items()})
        with Bochs(iso, memory=256, limit=case.limit, log_path=case.log_path()) as machine:
            machine.console.expect(sentence, SENTENCE_TIMEOUT)
    return test


CASES = [Case("mistake " + name, 90, mistake_test(*row)) for name, row in MISTAKES.items()]
