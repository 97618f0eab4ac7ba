# SPDX-License-Identifier: MIT
"""As many VMs as one likes: Linux guests from one image, and guests that have nothing to do."""
import os
import re
import subprocess
import sys

from case import Case, guest, nacre_iso
from operators import ALARM, TIMEOUT, Operator

# Linux makes what it does not know of its command line the environment of its init.
SAYS = "is up on its own kernel"
INIT = f"""#!/busybox sh
echo $name {SAYS}
exec /busybox sleep 1000000
"""
CMDLINE = ("console=ttyS0,115200 panic=-1 nokaslr quiet noapic nolapic pci=off mitigations=off no_timer_check lpj=1000000 "
           "cryptomgr.notests edd=off i8042.noaux i8042.nokbd 8250.nr_uarts=1 reboot=t highres=off")
LINUX_MEMORY = 40  # MiB
REST_MAX = 4  # percent of a processor that each may take: Debian's i386 kernels tick at rest, too


FILES = """\
dir  /dev         755
char /dev/console 600 5 1
file /busybox     {busybox} 755
file /init        init 755
"""


def initramfs(directory):
    """The initial RAM disk's path."""
    for name, text in ("init", INIT), ("files", FILES):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)
    path = os.path.join(directory, "crowd.cpio")
    subprocess.run([sys.executable, "tools/cpio.py", os.path.join(directory, "files"), path,
                    "busybox=" + guest("busybox-i386")], check=True)
    return path


def linux_table(count):
    return "".join(f"""\
[vm guest{number}]
kernel = kernel
initrd = initrd
memory = {LINUX_MEMORY}M
screen = no
cmdline = {CMDLINE} name=guest{number}
""" for number in range(1, count + 1))


def shares(operator):
    """{name: percent of a processor in a second} by `stat`."""
    rows = re.findall(r"^ *\d+  (\S+) +\w+ +(\d+\.\d) +\d+\.\d ", operator.command("stat"), re.MULTILINE)
    return {name: float(share) for name, share in rows}


def expect_of_each(operator, names, pattern, timeout):
    """In the tagged view, in any order."""
    waiting = set(names)
    while waiting:
        waiting.discard(operator.expect(rf"\[(\w+)\] [^\r]*{pattern}", timeout)[1])


def linux_guests(count):
    def test(case, directory):
        iso = nacre_iso(directory, linux_table(count), {"kernel": guest("vmlinux-686-pae"), "initrd": initramfs(directory)})
        memory = 96 + 64 + count * (LINUX_MEMORY + 2)
        with case.boot(iso, memory=memory, cpus=2) as machine:
            machine.console.alarm = ALARM + r"|Kernel panic[^\r]*|vm \w+: memory = [^\r]*"
            operator = Operator(machine.console)
            operator.expect(rf"vm guest{count}: starts with {LINUX_MEMORY}M of memory", TIMEOUT)
            operator.key("t")
            names = [f"guest{number}" for number in range(1, count + 1)]
            expect_of_each(operator, names, SAYS, case.limit)
            operator.key("t")
            operator.expect(r"\[Nacre: no VM's output any more\]")
            operator.until_prompt()
            text = operator.command("list")
            for name in names:
                assert re.search(rf"^ *\d+  {name} +running", text, re.MULTILINE), text
            idle = shares(operator)
            assert set(idle) == set(names), idle
            print(f"     {case.name}: at rest they take {sum(idle.values()):.1f} % of a processor", flush=True)
            assert max(idle.values()) < REST_MAX, f"guests at rest take {idle}"
            machine.console.send("poweroff\r")
            machine.wait(TIMEOUT)
            assert machine.powered_off(), "'poweroff' did not turn the machine off"
    return test


CASES = [
    Case("eight Linux guests", 800, linux_guests(8)),
    Case("thirty-two Linux guests", 3000, linux_guests(32), slow=True),
]
