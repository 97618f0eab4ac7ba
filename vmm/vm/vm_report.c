/* SPDX-License-Identifier: MIT */
/* The report of a VM that cannot go on. Reading it should be enough to know why. */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/x86/linear.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"
#include "vmm/vm/vm.h"

/* Between whole reports of a VM that restarts each time: all VMs share the log. */
#define REPORT_NS 10000000000

/* clang-format off */
static const struct {
	const char *text;
	bool fault; /* the guest's own: deserves a report, and what on_crash says */
} vm_ends[] = {
	[VM_NOT_STARTED] =     {"has not run yet",                                                    false},
	[VM_POWERED_OFF] =     {"powered off by the guest",                                           false},
	[VM_FORCED] =          {"stopped by the operator",                                            false},
	[VM_TRIPLE_FAULT] =    {"triple fault: an exception, and no handler for it could be entered", true},
	[VM_BAD_STATE] =       {"VM entry failed: the processor refuses the guest's state",           true},
	[VM_EMULATION] =       {"an instruction that touches a device or a hole cannot be emulated",  true},
	[VM_UNEXPECTED_EXIT] = {"an exit that should not happen",                                     true},
	[VM_NO_MEMORY] =       {"no memory left for translation tables",                              true},
	[VM_HALTED] =          {"halted with interrupts off",                                         false},
	[VM_NOT_LOADED] =      {"its images could not be loaded",                                     false},
};
/* clang-format on */

const char *vm_end_name(enum vm_end end)
{
	return vm_ends[end].text;
}

const char *vm_state_name(enum vm_state state)
{
	static const char *const name[] = {
		[VM_STOPPED] = "stopped", [VM_STARTING] = "starting", [VM_RUNNING] = "running",
		[VM_PAUSED] = "paused",   [VM_ENDING] = "ending",     [VM_HELD] = "held",
	};

	return name[state];
}

bool vm_end_is_fault(enum vm_end end)
{
	return vm_ends[end].fault;
}

static void vm_report_code(const struct vcpu *vcpu, void (*put)(const char *line))
{
	char line[120];
	uint8_t bytes[15];
	struct guest_paging paging;
	struct linear_fault fault;
	unsigned count;
	int length;

	backend_paging(vcpu, &paging);
	count = linear_fetch(vcpu, &paging, bytes, &fault);
	if (!count) {
		format_buffer(line, sizeof(line),
		              "the instruction at rip cannot be read: page fault, error code %#x, at %#lx",
		              fault.error_code, fault.address);
		put(line);
		return;
	}
	length = format_buffer(line, sizeof(line), "code");
	for (unsigned i = 0; i < count; i++)
		length += format_buffer(line + length, sizeof(line) - (size_t)length, " %02x", bytes[i]);
	put(line);
}

void vm_put_refused_msrs(const struct vm *vm, void (*put)(const char *line))
{
	char line[120];

	for (unsigned i = 0; i < vm->vcpu_count * MSR_REFUSALS; i++) {
		const struct msr_refusal *r = &vm->vcpus[i / MSR_REFUSALS]->refused[i % MSR_REFUSALS];
		int length;

		if (!r->count)
			continue;
		length = format_buffer(line, sizeof(line), "refused by #GP: %s of MSR %x",
		                       r->write ? "write" : "read", r->index);
		if (r->write)
			length += format_buffer(line + length, sizeof(line) - (size_t)length, ", value %lx",
			                        r->value);
		format_buffer(line + length, sizeof(line) - (size_t)length, ", %lu times, last at rip %lx",
		              r->count, r->rip);
		put(line);
	}
}

static void vm_report_raised(const struct vcpu *vcpu, void (*put)(const char *line))
{
	const struct raised_exception *raised = &vcpu->raised;
	char line[120];

	if (!raised->any)
		return;
	format_buffer(line, sizeof(line),
	              "last exception raised by the monitor: vector %u, error code %#x, at rip %016lx",
	              raised->vector, raised->error_code, raised->rip);
	put(line);
}

static void vm_report_last_exits(const struct vcpu *vcpu, void (*put)(const char *line))
{
	char line[120];
	uint64_t exits = vcpu_exits(vcpu);
	unsigned next = vcpu->last_at / sizeof(vcpu->last[0]);
	unsigned count = (unsigned)MIN(exits, LAST_EXITS);

	format_buffer(line, sizeof(line), "last exits, oldest first (%lu in total):", exits);
	put(line);
	for (unsigned i = LAST_EXITS - count; i < LAST_EXITS; i++) {
		const struct exit_record *record = &vcpu->last[(next + i) % LAST_EXITS];

		format_buffer(line, sizeof(line), "  rip %016lx  %s", record->rip,
		              backend_exit_name(record->reason & 0xffff));
		put(line);
	}
}

void vm_dump(struct vm *vm, void (*put)(const char *line))
{
	vm_put_refused_msrs(vm, put);
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vm_report_code(vm->vcpus[i], put);
		backend_dump(vm->vcpus[i], put);
		vm_report_raised(vm->vcpus[i], put);
		vm_report_last_exits(vm->vcpus[i], put);
	}
}

/* A report is long, and its VM has stopped: interrupts come in between. */
static void vm_report_line(const char *line)
{
	log_error("  %s\n", line);
	cpu_pause(this_cpu());
}

void vm_report(struct vm *vm)
{
	uint64_t now = time_now();

	log_error("vm %s, vCPU 0: %s\n", vm->name, vm_end_name(vm->end));
	if (vm->config.on_crash == VM_CRASH_RESTART && vm->reported &&
	    now - vm->reported < time_tsc_from_ns(REPORT_NS))
		return;
	vm->reported = now;
	vm_dump(vm, vm_report_line);
}

char vm_dumped[VM_DUMP_SIZE];
static size_t vm_dumped_size;
static const struct vm *vm_dumped_of;
static bool vm_dumped_used; /* it is being written or read: atomic */

static void vm_keep_line(const char *line)
{
	size_t size = strlen(line) + 1;

	if (size > sizeof(vm_dumped) - 1 - vm_dumped_size)
		return;
	memcpy(vm_dumped + vm_dumped_size, line, size);
	vm_dumped_size += size;
	vm_dumped[vm_dumped_size] = '\0';
}

void vm_keep_dump(struct vm *vm)
{
	if (__atomic_exchange_n(&vm_dumped_used, true, __ATOMIC_ACQUIRE))
		return; /* its operator gave up, and is looking at another VM by now */
	vm_dumped_size = 0;
	vm_dumped[0] = '\0';
	vm_dumped_of = vm;
	if (vm->powered)
		vm_dump(vm, vm_keep_line);
	vm_dump_end();
}

const char *vm_dump_begin(const struct vm *vm)
{
	if (__atomic_exchange_n(&vm_dumped_used, true, __ATOMIC_ACQUIRE))
		return NULL;
	if (vm_dumped_of == vm)
		return vm_dumped;
	vm_dump_end();
	return NULL;
}

void vm_dump_end(void)
{
	__atomic_store_n(&vm_dumped_used, false, __ATOMIC_RELEASE);
}
