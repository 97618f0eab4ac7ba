"""Other unmodified kernels than boots.py's, each up to its sign of life."""
from bochs import Bochs
from boots import CONFIG as LINUX_CONFIG, ANSWER_TIMEOUT, use_shell
from case import Case, guest, nacre_iso

MACH_CONFIG = """\
[monitor]
on_all_stopped = poweroff

[vm mach]
kernel = kernel
memory = 64M
cmdline = console=com0
"""
MACH_TIMEOUT = 120


def linux_test(kernel):
    def test(case, directory):
        iso = nacre_iso(directory, LINUX_CONFIG, {"kernel": guest(kernel), "initrd": guest("initramfs-i386.cpio")})
        with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
            use_shell(machine.console)
            machine.wait(ANSWER_TIMEOUT)
            assert machine.powered_off(), "the last guest has ended, but the machine was not powered off"
    return test


def mach_test(kernel):
    """Without modules there is no system for GNU Mach to start, and it says so."""
    def test(case, directory):
        iso = nacre_iso(directory, MACH_CONFIG, {"kernel": guest(kernel)})
        with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
            machine.console.alarm = r"vm mach: the guest .*"
            machine.console.expect(r"GNU Mach 1\.8", MACH_TIMEOUT)
            machine.console.expect(r"No bootstrap code loaded", MACH_TIMEOUT)
    return test


CASES = [
    Case("boot GNU Mach i386", 200, mach_test("gnumach-i386")),
    Case("boot GNU Mach amd64", 200, mach_test("gnumach-amd64")),
    Case("boot Linux 686", 400, linux_test("bzImage-686")),
    Case("boot Linux 686-pae bzImage", 400, linux_test("bzImage-686-pae"), slow=True),
    Case("boot Linux 686-pae by PVH", 400, linux_test("vmlinux-686-pae")),
]
