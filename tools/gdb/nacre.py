# SPDX-License-Identifier: MIT
"""gdb commands that print what the monitor keeps: `help nacre` in gdb. Sourced there by `make gdb`.

They read the monitor's structs by name, without calling its code, so they work wherever it is stopped.
"""
import gdb

TSC_NEVER = (1 << 64) - 1
TRACE_SHOWN = 20


def value(expression):
    return gdb.parse_and_eval(expression)


def text(string):
    return string.string(errors="replace") if string else "-"


def short(enum):
    """The name of an enum's value."""
    return str(enum).replace("(", "").replace(")", "")


def place(pointer):
    """A function's name instead of its address."""
    return str(pointer.format_string(symbols=True, address=False)).strip("<>") or hex(int(pointer))


def flags(number, enum):
    """A set of an enum's bits by their names."""
    fields = [field for field in gdb.lookup_type(enum).fields() if field.enumval & (field.enumval - 1) == 0]
    return " ".join(field.name for field in fields if int(number) & field.enumval) or "none"


def members(head, container, link):
    """What is on a `struct list`, by the member that links it."""
    kind = gdb.lookup_type(container)
    offset = next(field.bitpos // 8 for field in kind.fields() if field.name == link)
    at = head["next"]
    while at != head.address:
        yield (at.cast(gdb.lookup_type("char").pointer()) - offset).cast(kind.pointer()).dereference()
        at = at["next"]


def elements(array):
    """What a table of pointers leads to, with its index."""
    first, last = array.type.range()
    return [(index, array[index].dereference()) for index in range(first, last + 1) if array[index]]


def cpus():
    return elements(value("'vmm/cpu/cpu.c'::cpus"))


def vms():
    return elements(value("'vmm/vm/vm.c'::vms"))


def vm_name(number):
    return next((text(vm["name"]) for index, vm in vms() if index == number), "-")


class Nacre(gdb.Command):
    """What the monitor keeps: nacre vms, vcpus, cpus, timers, lines, trace."""

    def __init__(self):
        super().__init__("nacre", gdb.COMMAND_DATA, prefix=True)


class Helper(gdb.Command):
    def __init__(self):
        super().__init__("nacre " + type(self).__name__.lower(), gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for line in self.lines(argument):
            print(line)


class Vms(Helper):
    """Each VM: number, name, state, memory, vCPUs."""

    def lines(self, _):
        for number, vm in vms():
            yield (f"{number + 1:3}  {text(vm['name']):16} {short(vm['state']):12} "
                   f"{int(vm['config']['machine']['memory']) >> 20:6} MiB  {int(vm['vcpu_count'])} vCPU")


class Vcpus(Helper):
    """Each vCPU: its VM and index, the CPU that it is on, its state there, exits, requests."""

    def lines(self, _):
        for _, vm in vms():
            for index in range(int(vm["vcpu_count"])):
                vcpu = vm["vcpus"][index].dereference()
                exits = sum(int(vcpu["exit_count"][reason]) for reason in range(vcpu["exit_count"].type.range()[1] + 1))
                yield (f"{text(vm['name'])}/{index:<3} cpu {int(vcpu['sched']['cpu'])}  {short(vcpu['sched']['state']):16}"
                       f"{exits:10} exits  requests: {flags(vcpu['requests'], 'enum vcpu_request')}")


class Cpus(Helper):
    """Each processor: whose registers it holds, how many vCPUs wait for it."""

    def lines(self, _):
        for index, cpu in cpus():
            current = cpu["current"]
            name = text(current["vm"]["name"]) if current else "-"
            yield f"cpu {index}  current: {name:16} waiting: {int(cpu['sched']['waiting'])}"


class Timers(Helper):
    """The armed timers of each processor, those of sleepers last: deadline in TSC ticks, what it calls."""

    def lines(self, _):
        for index, cpu in cpus():
            for queue in ("timers", "sleepers"):
                for timer in members(cpu[queue]["end"]["link"], "struct timer", "link"):
                    yield f"cpu {index}  {int(timer['deadline']):20}  {place(timer['expired'])}"
            if int(cpu["slice_end"]) != TSC_NEVER:
                yield f"cpu {index}  {int(cpu['slice_end']):20}  the end of a turn"


class Lines(Helper):
    """The interrupt lines of each VM that are high, and its two 8259A, a bit per input."""

    def lines(self, _):
        for _, vm in vms():
            name, interrupts = text(vm["name"]), vm["machine"]["interrupts"]
            gsis = range(interrupts["gsi"].type.range()[1] + 1)
            high = " ".join(str(gsi) for gsi in gsis if interrupts["gsi"][gsi]["level"]) or "none"
            yield f"{name:16} high: {high}; INTR {int(interrupts['intr']['level'])}"
            for chip in (0, 1):
                state = vm["machine"]["pic"]["chip"][chip]
                yield (f"{name:16} 8259A {chip}  edges {int(state['edges']):08b}  mask {int(state['imr']):08b}  "
                       f"in service {int(state['isr']):08b}")


class Trace(Helper):
    """The last records of every processor in the order of time: nacre trace [COUNT]."""

    def lines(self, argument):
        count = int(argument or TRACE_SHOWN)
        records = []
        for cpu, ring in elements(value("'vmm/observe/trace.c'::trace_rings")):
            written, size = int(ring["written"]), ring["record"].type.range()[1] + 1
            records += [(int(record["tsc"]), cpu, record) for record in
                        (ring["record"][at % size] for at in range(max(written - min(count, size), 0), written))]
        names = value("'vmm/observe/trace.c'::trace_names")
        for tsc, cpu, record in sorted(records, key=lambda entry: entry[:2])[-count:]:
            yield (f"{tsc:16}  cpu {cpu}  {vm_name(int(record['vm'])):16} {text(names[int(record['event'])]):14} "
                   f"code {int(record['code']):#04x}  a {int(record['a']):#x}  b {int(record['b']):#x}")


gdb.execute("set trust-readonly-sections on")  # the monitor never writes its code: take it from the file
gdb.execute("mem 0xffff800000000000 0 rw cache")  # read in larger pieces while the machine is stopped
gdb.execute("set dcache line-size 512")
Nacre()
for helper in Helper.__subclasses__():
    helper()
