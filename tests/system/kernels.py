# SPDX-License-Identifier: MIT
"""Other unmodified kernels than boots.py's, each up to its sign of life."""
import struct

from boots import CONFIG as LINUX_CONFIG, ANSWER_TIMEOUT, use_shell
from case import Case, guest, nacre_iso
from operators import Operator

MACH_CONFIG = """\
[monitor]
on_all_stopped = poweroff

[vm mach]
kernel = kernel
memory = 64M
cmdline = console=com0
"""
MACH_TIMEOUT = 120
# Its kernel for domain 0 may be any file: Xen ends before it looks at that.
XEN_CONFIG = """\
[vm xen]
type = multiboot2
kernel = kernel
module = module
memory = 256M
cmdline = com1=115200,8n1 console=com1 loglvl=all noreboot sync_console
"""
XEN_SAYS = (r"Xen version 4\.", r"Bootloader: Nacre", r"System RAM: 255MB \(261756kB\)",
            r"ACPI: RSDP 000E\w{4}, 0024 \(r2 NACRE", r"PM-Timer IO Port: 0x608", r"HPET id: 0x8086a201 base: 0xfed00000",
            r"SMP: Allowing 1 CPUs")
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
[monitor]
on_all_stopped = poweroff

[vm sector]
kernel = kernel
memory = 1M
on_halt = stop
"""

# A bzImage that uses the machine as Linux before boot protocol 2.05 does while it unpacks itself. It wants to be told
# of 3 MiB in one of the two old fields, overwrites low memory up to its parameters, and jumps through the descriptor
# table to a routine at 1000h. That one prints the command line.
OLD_CODE = bytes.fromhex(
    "fcfa"              # cld; cli
    "b818000000"        # mov $0x18, %eax
    "8ed88ec08ed0"      # mov to %ds, %es, %ss
    "bc00001100"        # mov $0x110000, %esp
    "0fb74602"          # movzwl 2(%esi), %eax          ext_mem_k
    "3b86e0010000"      # cmp 0x1e0(%esi), %eax         alt_mem_k
    "7306"              # jae
    "8b86e0010000"      # mov 0x1e0(%esi), %eax
    "3d000c0000"        # cmp $3072, %eax
    "7239"              # jb end
    "89f3"              # mov %esi, %ebx
    "bf00200000"        # mov $0x2000, %edi
    "b900000900"        # mov $0x90000, %ecx
    "39cb7702"          # cmp %ecx, %ebx; ja
    "89d9"              # mov %ebx, %ecx
    "29f97623"          # sub %edi, %ecx; jbe end
    "b0ccf3aa"          # mov $0xcc, %al; rep stosb
    "e8000000005e"      # call and pop %esi: where it is
    "81c61e000000"      # add $0x1e, %esi
    "bf00100000"        # mov $0x1000, %edi
    "b921000000"        # mov $0x21, %ecx
    "f3a4"              # rep movsb
    "ea001000001000"    # ljmp $0x10, $0x1000
    "faf4ebfc"          # cli; hlt; jmp back            end
    "8bb328020000"      # mov 0x228(%ebx), %esi         the routine: cmd_line_ptr
    "bafd030000"        # mov $0x3fd, %edx              next: the line status
    "eca82074fb"        # in %dx, %al; test $0x20, %al; jz back to in
    "ac84c07408"        # lodsb; test %al, %al; jz end
    "baf8030000"        # mov $0x3f8, %edx
    "eeebe9"            # out %al, %dx; jmp next
    "faf4ebfc")         # cli; hlt; jmp back            end
OLD_CONFIG = """\
[vm old]
kernel = kernel
memory = 4M
cmdline = old protocols are alive
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
        with case.boot(iso) as machine:
            use_shell(machine.console)
            machine.wait(ANSWER_TIMEOUT)
            assert machine.powered_off(), "the last guest has ended, but the machine was not powered off"
    return test


def mach_test(kernel):
    """Without modules there is no system for GNU Mach to start, and it says so."""
    def test(case, directory):
        iso = nacre_iso(directory, MACH_CONFIG, {"kernel": guest(kernel)})
        with case.boot(iso) as machine:
            machine.console.alarm = r"vm mach: the guest .*"
            machine.console.expect(r"GNU Mach 1\.8", MACH_TIMEOUT)
            machine.console.expect(r"No bootstrap code loaded", MACH_TIMEOUT)
    return test


def xen(case, directory):
    """Up to where it counts the processors, which it knows by their local APICs alone."""
    iso = nacre_iso(directory, XEN_CONFIG, {"kernel": guest("xen"), "module": guest("invaders")})
    with case.boot(iso) as machine:
        machine.console.alarm = r"error: .*"
        for words in XEN_SAYS:
            machine.console.expect(words, START_TIMEOUT)


def real_mode(case, directory):
    sector = REAL_CODE.ljust(510, b"\0") + b"\x55\xaa"
    iso = nacre_iso(directory, REAL_CONFIG, {"kernel": sector})
    with case.boot(iso) as machine:
        machine.console.alarm = r"vm sector: the guest .*"
        machine.console.expect(r"vm sector: calls the BIOS by INT 13h \(disk\)", START_TIMEOUT)
        machine.console.expect(r"real mode is alive", START_TIMEOUT)
        machine.console.expect(r"vm sector: halted with interrupts off after \d+ exits", START_TIMEOUT)
        machine.wait(ANSWER_TIMEOUT)
        assert machine.powered_off(), "the last guest has halted, but the machine was not powered off"


def old_image(version):
    """Linux documentation, "The Real-Mode Kernel Header"; the header ends at 230h."""
    image = bytearray(5 * 512) + OLD_CODE.ljust(512, b"\0")
    image[0x1f1] = 4                                            # setup_sects
    image[0x1fe:0x206] = b"\x55\xaa\xeb\x2eHdrS"
    struct.pack_into("<H", image, 0x206, version)
    struct.pack_into("<BHI", image, 0x211, 1, 0, 0x100000)      # loadflags, setup_move_size, code32_start
    struct.pack_into("<I", image, 0x1f4, 512 // 16)             # syssize
    struct.pack_into("<I", image, 0x22c, 0x37ffffff)            # initrd_addr_max
    return bytes(image)


def old_linux(case, directory):
    iso = nacre_iso(directory, OLD_CONFIG, {"kernel": old_image(0x203)})
    with case.boot(iso) as machine:
        machine.console.alarm = r"vm old: the guest .*"
        machine.console.expect(r"old protocols are alive", START_TIMEOUT)
        machine.console.expect(r"vm old: halted with interrupts off", START_TIMEOUT)


def screens(case, directory):
    """They are loaded and run on."""
    names = ("invaders", "memtest-x64", "memtest-ia32")
    iso = nacre_iso(directory, SCREEN_CONFIG, {name: guest(name) for name in names})
    with case.boot(iso) as machine:
        machine.console.alarm = r"error: .*"
        for name in names:
            machine.console.expect(rf"vm {name}: starts with 16M of memory", START_TIMEOUT)
        operator = Operator(machine.console)
        operator.to_shell()
        for name in names:
            operator.until_state(name, "running")


CASES = [
    Case("boot real-mode image", 150, real_mode),
    Case("boot like old Linux", 150, old_linux),
    Case("boot invaders and memtest86+", 150, screens),
    Case("boot GNU Mach i386", 200, mach_test("gnumach-i386")),
    Case("boot GNU Mach amd64", 200, mach_test("gnumach-amd64")),
    Case("boot Xen by Multiboot 2", 150, xen),
    Case("boot Linux 686", 800, linux_test("bzImage-686")),
    Case("boot Linux 686-pae bzImage", 800, linux_test("bzImage-686-pae"), slow=True),
    Case("boot Linux 686-pae by PVH", 800, linux_test("vmlinux-686-pae")),
]
