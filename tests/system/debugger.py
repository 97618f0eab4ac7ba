# SPDX-License-Identifier: MIT
"""`make gdb`: a breakpoint in the running monitor, its symbols, and the helpers that print what it keeps."""
import re
import subprocess
import sys

from case import Case, kernel, nacre_iso

CONFIG = """\
[vm small]
kernel = kernel
cmdline = exits
memory = 16M
cpus = 1
[vm large]
kernel = kernel
cmdline = exits
memory = 24M
cpus = 1
"""

# The guests are on CPU 1: thread 2. CPU 0 has nothing but the console. The third processor runs no guest.
SCRIPT = """\
break exit_cpuid
continue
backtrace
info threads
echo ==== vms\\n
nacre vms
echo ==== vcpus\\n
nacre vcpus
echo ==== cpus\\n
nacre cpus
echo ==== timers\\n
nacre timers
echo ==== lines\\n
nacre lines
echo ==== trace\\n
nacre trace 200
echo ==== step\\n
delete
break vmx_serve_requests
continue
next
delete
finish
echo ==== parked\\n
monitor set $cpu = 2
monitor r
monitor creg
echo ==== end\\n
kill
"""

# What each part must show, by its title.
EXPECTED = {
    "": (r"^Thread 2 hit Breakpoint 1, exit_cpuid \(vcpu=0x\w+\) at (\./)?vmm/\w+/\w+\.c:\d+$",
         r"^#0 +exit_cpuid \(vcpu=0x\w+\) at ",
         r"^#\d +.*\bvmx_exit \(vcpu=[^)]+\) at (\./)?vmm/vmx/run\.c:\d+$",
         r"^#\d +.*\bvmx_exit_entry \(\) at (\./)?vmm/vmx/entry\.S:\d+$",
         r"^\* 2 +Thread 2 \(processor 1\) +exit_cpuid ",
         r"^  3 +Thread 3 \(processor 2\) +cpu_parked "),
    "vms": (r"^ +1  small +VM_RUNNING +16 MiB  1 vCPU$", r"^ +2  large +VM_\w+ +24 MiB  1 vCPU$"),
    "vcpus": (r"^small/0 +cpu 1  SCHED_RUNNING +\d+ exits  requests: (none|REQUEST_)", r"^large/0 +cpu 1  SCHED_"),
    "cpus": (r"^cpu 0  current: - ", r"^cpu 1  current: (small|large) +waiting: [01]$"),
    "timers": (r"^cpu \d +\d+  \w+$",),
    "lines": (r"^small +high: [\d none]+; INTR [01]$", r"^large +8259A 1  edges [01]{8}  mask [01]{8}  in service [01]{8}$"),
    "trace": (r"^ *\d+  cpu [01]  small +start +code 0x00",),
    "step": (r"^Thread 2 hit Breakpoint 2, vmx_serve_requests \(\) at ", r"^\w+ \(\) at (\./)?vmm/vmx/entry\.S:\d+$"),
    # Halted with interrupts off, and a broadcast machine check does not shut the machine down.
    "parked": (r"^eflags.* if ", r"^CR4=.* MCE "),
}


def debug(case, directory):
    """What gdb prints on the way through SCRIPT."""
    iso = nacre_iso(directory, CONFIG, {"kernel": kernel("spinner")}, ("cpus=2",))
    script = f"{directory}/commands"
    with open(script, "w", encoding="utf-8") as file:
        file.write(SCRIPT)
    done = subprocess.run([sys.executable, "tools/gdb/debug.py", "--machine", "bochs", "--cpus", "3", "--limit",
                           str(case.limit), iso, "-batch", "-iex", "set width 0", "-x", script],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=case.limit, check=False)
    with open(case.log_path(), "w", encoding="utf-8") as log:
        log.write(done.stdout)
    return done.stdout


def test(case, directory):
    text = debug(case, directory)
    parts = re.split(r"^==== (\w+)\n", text, flags=re.MULTILINE)
    shown = {"": parts[0], **dict(zip(parts[1::2], parts[2::2]))}
    assert "end" in shown, f"gdb did not come to the end of its commands:\n{text[-3000:]}"
    for title, patterns in EXPECTED.items():
        for pattern in patterns:
            assert re.search(pattern, shown[title], re.MULTILINE), f"no {pattern!r} in {title or 'the beginning'}:\n{text}"


CASES = [Case("gdb", 300, test)]
