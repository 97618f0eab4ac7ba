# SPDX-License-Identifier: MIT
"""Unmodified Debian kernels as guests, up to a shell, used as a person would use it."""
import re

from case import Case, guest, nacre_iso

PROMPT = r"nacre# "
LOGIN_TIMEOUT = 500
ANSWER_TIMEOUT = 60
START_YEAR = "2023"  # Bochs' clock starts at second 1,700,000,000

CONFIG = """\
[monitor]
on_all_stopped = poweroff

[vm linux]
kernel = kernel
initrd = initrd
memory = 256M
cmdline = console=ttyS0,115200 panic=-1
"""


def command(console, line):
    """Type a line at the shell's prompt; return what it printed."""
    console.send(line + "\n")
    console.expect(re.escape(line) + r"\r?\n", ANSWER_TIMEOUT)
    start = console.mark
    end = console.expect(PROMPT, ANSWER_TIMEOUT).start()
    return console.text[start:end].replace("\r", "")


# The guest or the monitor has come to its end before its time.
ALARM = r"vm linux: the guest .*|Kernel panic.*|Nacre panic.*|panic: .*"


def use_shell(console):
    console.alarm = ALARM
    console.expect(r"Nacre demo: welcome", LOGIN_TIMEOUT)
    console.expect(r"login: ", ANSWER_TIMEOUT)
    console.send("root\n")
    console.expect(PROMPT, ANSWER_TIMEOUT)

    answer = command(console, "echo one $((1 + 1)) three")
    assert "one 2 three" in answer, answer
    answer = command(console, "date")
    assert START_YEAR in answer, f"the guest's clock is wrong: {answer}"
    answer = command(console, "cat /proc/interrupts")
    for device in "timer", "ttyS0":
        count = re.search(rf"^\s*\w+:\s+(\d+)\s.*\b{device}\b", answer, re.MULTILINE)
        assert count and int(count[1]) > 0, f"no interrupts from {device}:\n{answer}"
    answer = command(console, "a=$(date +%s); sleep 2; echo slept $(($(date +%s) - a))")
    slept = re.search(r"^slept (\d+)", answer, re.MULTILINE)
    assert slept and int(slept[1]) in (2, 3), f"sleep 2 took something else: {answer}"
    console.alarm = None
    console.send("poweroff\n")
    console.expect(r"Power down", ANSWER_TIMEOUT)


def shell_test(model, kernel):
    def test(case, directory):
        iso = nacre_iso(directory, CONFIG, {"kernel": guest(kernel), "initrd": guest("initramfs.cpio")})
        with case.boot(iso, model=model) as machine:
            use_shell(machine.console)
            machine.wait(ANSWER_TIMEOUT)
            assert machine.powered_off(), "the last guest has ended, but the machine was not powered off"
    return test


CASES = [
    Case("boot skylake_x", 800, shell_test("corei7_skylake_x", "vmlinux-cloud")),
    Case("boot arrandale", 800, shell_test("corei5_arrandale_m520", "vmlinux-cloud")),
    Case("boot haswell", 800, shell_test("corei7_haswell_4770", "vmlinux-cloud")),
    Case("boot cannon lake", 800, shell_test("corei3_cnl", "vmlinux-cloud")),
    Case("boot bzImage LZ4", 800, shell_test("corei7_skylake_x", "bzImage-cloud")),
    Case("boot bzImage XZ", 1500, shell_test("corei7_skylake_x", "bzImage-amd64"), slow=True),
]
