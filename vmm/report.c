/* The report of a VM that cannot go on. Reading it should be enough to know why. */
#include "lib/format.h"
#include "vmm/linear.h"
#include "vmm/log.h"
#include "vmm/vm.h"

static void report_code(const struct vcpu *vcpu, void (*put)(const char *line))
{
	char line[120];
	uint8_t bytes[15];
	struct linear_fault fault;
	unsigned count = linear_fetch(vcpu, bytes, &fault);
	int length;

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

static void report_last_exits(const struct vcpu *vcpu, void (*put)(const char *line))
{
	char line[120];
	uint64_t exits = vcpu_exits(vcpu);
	unsigned next = vcpu->last_at / sizeof(vcpu->last[0]);
	unsigned count = (unsigned)MIN(exits, LAST_EXITS);

	format_buffer(line, sizeof(line), "last exits, oldest first (%lu in all):", exits);
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
	backend_vcpu_look(this_cpu(), &vm->vcpu);
	report_code(&vm->vcpu, put);
	backend_dump(&vm->vcpu, put);
	report_last_exits(&vm->vcpu, put);
}

static void log_line(const char *line)
{
	log_error("  %s\n", line);
}

void vm_report(struct vm *vm)
{
	log_error("vm %s, vCPU 0: %s\n", vm->name, vm_end_name(vm->end));
	vm_dump(vm, log_line);
}
