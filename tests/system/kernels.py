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
START_TIMEOUT = 60

# A boot sector. Services of the firmware return; its timer interrupts, counts and tells INT 1Ch; the text goes out on
# COM1 whenever that takes a byte.
REAL_CODE = bytes.fromhex(
    "80fa80"        # cmp $0x80, %dl        the first hard disk
    "7531"          # jne end
    "cd13"          # int $0x13
    "c70670003a7c"  # movw $tick, 0x70      vector 1Ch
    "8c0e7200"      # mov %cs, 0x72
    "f4"            # hlt                   wait
    "803e407c03"    # cmpb $3, count
    "72f8"          # jb wait
    "833e6c0403"    # cmpw $3, 0x46c
    "7216"          # jb end
    "be417c"        # mov $text, %si
    "bafd03"        # mov $0x3fd, %dx       next: the line status
    "ec"            # in %dx, %al
    "a820"          # test $0x20, %al
    "74fb"          # jz back to in
    "ac"            # lods
    "84c0"          # test %al, %al
    "7406"          # jz end
    "baf803"        # mov $0x3f8, %dx
    "ee"            # out %al, %dx
    "ebed"          # jmp next
    "fa"            # cli                   end
    "f4"            # hlt
    "ebfc"          # jmp end
    "2efe06407c"    # incb %cs:count        tick
    "cf"            # iret
    "00") + b"real mode is alive\r\n\0"
REAL_CONFIG = """\
[vm sector]
kernel = kernel
memory = 1M
"""

# Kernels that show all they have to say on the screen.
SCREEN_CONFIG = "".join(f"""\
[vm {name}]
kernel = {name}
memory = 16M
screen = yes
""" for name in ("invaders", "memtest-x64", "memtest-ia32"))


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


def real_mode(case, directory):
    sector = REAL_CODE.ljust(510, b"\0") + b"\x55\xaa"
    iso = nacre_iso(directory, REAL_CONFIG, {"kernel": sector})
    with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
        machine.console.alarm = r"vm sector: the guest .*"
        machine.console.expect(r"real mode is alive", START_TIMEOUT)
        machine.console.expect(r"vm sector: halted with interrupts off", START_TIMEOUT)


def screens(case, directory):
    """They are loaded and run on."""
    names = ("invaders", "memtest-x64", "memtest-ia32")
    iso = nacre_iso(directory, SCREEN_CONFIG, {name: guest(name) for name in names})
    with Bochs(iso, limit=case.limit, log_path=case.log_path()) as machine:
        machine.console.alarm = r"error: .*"
        for name in names:
            machine.console.expect(rf"vm {name}: starts with 16M of memory", START_TIMEOUT)
        machine.console.send("\x01m")
        machine.console.expect(r"nacre> ", START_TIMEOUT)
        for name in names:
            machine.console.send("list\r")
            machine.console.expect(rf"{name} +running", START_TIMEOUT)


CASES = [
    Case("boot real-mode image", 150, real_mode),
    Case("boot invaders and memtest86+", 150, screens),
    Case("boot GNU Mach i386", 200, mach_test("gnumach-i386")),
    Case("boot GNU Mach amd64", 200, mach_test("gnumach-amd64")),
    Case("boot Linux 686", 400, linux_test("bzImage-686")),
    Case("boot Linux 686-pae bzImage", 400, linux_test("bzImage-686-pae"), slow=True),
    Case("boot Linux 686-pae by PVH", 400, linux_test("vmlinux-686-pae")),
]
