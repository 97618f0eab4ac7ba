# SPDX-License-Identifier: MIT
"""gdb's remote protocol on top of Bochs' internal debugger: the class Stub, for one gdb.

A thread is a processor. Memory is always the monitor's: while the selected processor runs a guest, another
processor's view is taken. A breakpoint counts only where the monitor's own code is at that address, since guests
use the same addresses; and an interrupt lets the machine run on until some processor is in the monitor.
"The GNU Debugger", appendix "GDB Remote Serial Protocol".
"""
import re
import select
import socket
import time

from console import ConsoleError

GENERAL = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
NARROW = "eflags cs ss ds es fs gs".split()  # 32 bits each
SIGINT, SIGTRAP = 2, 5
ENTRY = "vmx_exit"   # where the monitor begins with a clean stack
ENTRY_LIMIT = 5      # seconds for an interrupt to find the monitor
RUNS = re.compile(r"\s*(c|cont\w*|s|step|n|next|p|q|quit|exit)\b")


class Stub:
    def __init__(self, machine, image, cpus):
        self.machine, self.image, self.cpus = machine, image, cpus
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connection, self.buffer = None, b""
        self.cpu = 0            # the thread that gdb has selected
        self.home = 0           # a CPU that is in the monitor
        self.wanted = set()     # breakpoints
        self.signal = SIGTRAP
        self.ended = False

    # ---- Packets

    def serve(self):
        """Until gdb leaves or the machine ends."""
        self.connection = self.listener.accept()[0]
        try:
            while not self.ended:
                packet = self.receive()
                if packet is None:
                    return
                if packet != "\x03":  # too late: the machine has stopped
                    self.reply(self.answer(packet))
        except ConsoleError as error:
            self.reply("O" + f"{error}\n".encode().hex())
            self.reply("W00")
        except OSError:
            pass  # gdb is gone
        finally:
            self.connection.close()

    def receive(self):
        """The next packet; "\\x03" for an interrupt, None when gdb has left."""
        while True:
            match = re.search(rb"\x03|\$([^#]*)#..", self.buffer, re.DOTALL)
            if match:
                self.buffer = self.buffer[match.end():]
                if match[0] == b"\x03":
                    return "\x03"
                self.connection.sendall(b"+")
                return match[1].decode("latin-1")
            data = self.connection.recv(4096)
            if not data:
                return None
            self.buffer += data

    def reply(self, text):
        data = text.encode("latin-1")
        self.connection.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))

    def answer(self, packet):
        """Empty for what is not supported, as the protocol wants it."""
        for pattern, method in self.PACKETS:
            match = re.fullmatch(pattern, packet, re.DOTALL)
            if match:
                return method(self, *match.groups())
        return ""

    # ---- Looking

    def why(self):
        return f"T{self.signal:02x}thread:{self.cpu + 1:x};"

    def select(self, thread):
        if int(thread, 16) > 0:
            self.cpu = int(thread, 16) - 1
        return "OK"

    def alive(self, thread):
        return "OK" if 1 <= int(thread, 16) <= self.cpus else "E01"

    def registers(self):
        values = self.machine.registers(self.cpu)
        return "".join(values[name].to_bytes(size, "little").hex()
                       for names, size in ((GENERAL, 8), (NARROW, 4)) for name in names)

    def memory(self, address, size):
        return self.machine.read(self.home, int(address, 16), int(size, 16)).hex() or "E01"

    def breakpoint(self, action, address):
        (self.wanted.add if action == "Z" else self.wanted.discard)(int(address, 16))
        return "OK"

    def monitor(self, line):
        """`monitor COMMAND` in gdb: a command of Bochs' own debugger, which must not run the machine."""
        line = bytes.fromhex(line).decode()
        if RUNS.match(line):
            return b"Run the machine by gdb's own commands.\n".hex()
        return self.machine.ask(line).encode().hex() or "OK"

    # ---- Running

    def in_monitor(self, cpu):
        rip = self.machine.registers(cpu)["rip"]
        code = self.image.code(rip)
        return bool(code) and self.machine.read(cpu, rip, len(code)) == code

    def is_guests(self, cpu):
        """Does this CPU, at a breakpoint, run other code at an address of the monitor's?"""
        return bool(self.image.code(self.machine.registers(cpu)["rip"])) and not self.in_monitor(cpu)

    def run(self, limit=None):
        """Let the machine run until a breakpoint or an interrupt of gdb's; False: `limit` seconds have passed."""
        end = limit and time.monotonic() + limit
        self.machine.send("c")
        while not self.machine.read_some(0):
            ready = select.select([self.machine.process.stdout, self.connection], [], [], 0.5)[0]
            late = end and time.monotonic() > end
            if late or (self.connection in ready and self.receive() in ("\x03", None)):
                self.machine.interrupt()
                self.machine.until_prompt()
                return not late
        return True

    def settle(self, cpu, number):
        """The machine has stopped, and gdb is told of this CPU."""
        self.cpu, self.signal = cpu, number
        self.home = next((each for each in (cpu, *range(self.cpus)) if self.in_monitor(each)), cpu)
        return self.why()

    def resume(self, *_):
        self.machine.set_breakpoints(self.wanted)
        while True:
            self.run()
            cpu = self.machine.stopped_at()
            self.machine.cpu = None
            if cpu is None:
                return self.find_monitor()
            if not self.is_guests(cpu):
                return self.settle(cpu, SIGTRAP)
            self.machine.ask(f"s {cpu} 1")

    def find_monitor(self):
        """After an interrupt: stop where some CPU is in the monitor, if one gets there soon."""
        for _ in range(2):
            for cpu in range(self.cpus):
                if self.in_monitor(cpu):
                    return self.settle(cpu, SIGINT)
            self.machine.set_breakpoints(self.wanted | {self.image.symbols[ENTRY]})
            self.run(ENTRY_LIMIT)
            self.machine.cpu = None
        return self.settle(0, SIGINT)

    def step(self, thread=None, others=None):
        """One instruction of a CPU; of the others, too, where gdb lets them run."""
        cpu = int(thread, 16) - 1 if thread and int(thread, 16) > 0 else self.cpu
        self.machine.set_breakpoints(self.wanted)
        self.machine.ask("s all 1" if others else f"s {cpu} 1")
        return self.settle(cpu, SIGTRAP)

    def leave(self):
        self.ended = True
        return "OK"

    PACKETS = (
        (r"\?", why),
        (r"qSupported.*", lambda self: "PacketSize=1000;vContSupported+"),
        (r"vCont\?", lambda self: "vCont;c;C;s;S"),
        (r"qC", lambda self: f"QC{self.cpu + 1:x}"),
        (r"qAttached.*", lambda self: "1"),
        (r"qfThreadInfo", lambda self: "m" + ",".join(f"{cpu + 1:x}" for cpu in range(self.cpus))),
        (r"qsThreadInfo", lambda self: "l"),
        (r"qThreadExtraInfo,(\w+)", lambda self, thread: f"processor {int(thread, 16) - 1}".encode().hex()),
        (r"T(\w+)", alive),
        (r"H[gc](-?\w+)", select),
        (r"g", registers),
        (r"m(\w+),(\w+)", memory),
        (r"([Zz])[01],(\w+),\w+", breakpoint),
        (r"qRcmd,(\w*)", monitor),
        (r"vCont;[sS]\w*(?::(-?\w+))?(;[cC].*)?", step),
        (r"s", step),
        (r"vCont;[cC].*|c", resume),
        (r"D.*|k", leave),
    )
