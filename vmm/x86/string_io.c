/* SPDX-License-Identifier: MIT */
#include "vmm/x86/string_io.h"
#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/x86/breakpoints.h"
#include "vmm/x86/linear.h"

static uint64_t string_io_mask(const struct string_io *io)
{
	return io->address_size == 8 ? UINT64_MAX : io->address_size == 4 ? UINT32_MAX : UINT16_MAX;
}

/* A 32-bit register write clears the upper half, a 16-bit one leaves it. */
static void string_io_set_register(uint64_t *gpr, uint64_t value, const struct string_io *io)
{
	uint64_t mask = string_io_mask(io);

	*gpr = io->address_size == 2 ? (*gpr & ~mask) | (value & mask) : value & mask;
}

void string_io_decode(const struct vcpu *vcpu, struct string_io *io)
{
	static const uint8_t override[6] = {[SEG_ES] = 0x26, [SEG_CS] = 0x2e, [SEG_SS] = 0x36,
	                                    [SEG_DS] = 0x3e, [SEG_FS] = 0x64, [SEG_GS] = 0x65};
	struct guest_paging paging;
	struct linear_fault fault;
	struct segment cs;
	uint8_t bytes[15];
	unsigned count;
	bool other_size = false;

	backend_paging(vcpu, &paging);
	count = linear_fetch(vcpu, &paging, bytes, &fault);
	io->segment = io->in ? SEG_ES : SEG_DS;
	for (unsigned i = 0; i < count && (bytes[i] < 0x6c || bytes[i] > 0x6f); i++) {
		if (bytes[i] == 0x67)
			other_size = true;
		for (unsigned s = SEG_ES; s <= SEG_GS && !io->in; s++)
			if (bytes[i] == override[s])
				io->segment = (enum segment_index)s;
	}
	backend_segment(vcpu, SEG_CS, &cs);
	if (backend_long_code(vcpu))
		io->address_size = other_size ? 4 : 8;
	else
		io->address_size = !!(cs.access & SEGMENT_DB) != other_size ? 4 : 2;
}

struct string_io_access {
	const struct string_io *io;
	struct guest_paging paging;
	struct segment segment;
	bool long_code;
	uint64_t met; /* breakpoints of the last element */
};

static enum action string_io_segment_fault(struct vcpu *vcpu, const struct string_io *io)
{
	return vcpu_raise(vcpu, io->segment == SEG_SS ? EXCEPTION_SS : EXCEPTION_GP, 0);
}

/* The element's linear address; false: #GP or #SS. */
static bool string_io_address(const struct string_io_access *access, uint64_t offset, gva_t *address)
{
	bool protected = access->paging.cr0 & CR0_PE && !(access->paging.rflags & RFLAGS_VM);
	enum segment_mode mode = access->long_code ? SEGMENT_MODE_64
	                         : protected       ? SEGMENT_MODE_PROTECTED
	                                           : SEGMENT_MODE_REAL;

	return segment_linear(&access->segment, access->io->segment, mode, offset, access->io->size,
	                      access->io->in, address);
}

static bool string_io_misaligned(const struct string_io_access *access, gva_t address)
{
	const struct guest_paging *p = &access->paging;

	return p->cpl == 3 && p->cr0 & CR0_AM && p->rflags & RFLAGS_AC && address & (access->io->size - 1u);
}

/* One element; ACTION_ADVANCE if it is done. */
static enum action string_io_element(struct vcpu *vcpu, struct string_io_access *access, uint64_t offset)
{
	const struct string_io *io = access->io;
	struct port_space *ports = vcpu->ports;
	struct linear_range range;
	struct linear_fault fault;
	uint32_t value = 0;
	gva_t address;

	if (!string_io_address(access, offset, &address))
		return string_io_segment_fault(vcpu, io);
	if (string_io_misaligned(access, address))
		return vcpu_raise(vcpu, EXCEPTION_AC, 0);
	if (!linear_translate(vcpu, &access->paging, address, io->size, io->in ? ACCESS_WRITE : 0, &range,
	                      &fault))
		return vcpu_raise_page_fault(vcpu, fault.error_code, fault.address);
	if (io->in) {
		value = port_read(ports, io->port, io->size);
		linear_write(vcpu, &range, &value);
	} else {
		linear_read(vcpu, &range, &value);
		port_write(ports, io->port, io->size, value);
	}
	access->met = breakpoints_met(vcpu, io->in ? BREAKPOINT_WRITE : BREAKPOINT_READ, address, io->size) |
	              breakpoints_met(vcpu, BREAKPOINT_PORT, io->port, io->size);
	return ACTION_ADVANCE;
}

/* Much time has passed in the monitor, which the deadline of this CPU shall know. */
enum action string_break_off(struct vcpu *vcpu)
{
	backend_deadline_changed(this_cpu());
	backend_instruction_done(vcpu);
	backend_set_rflags(vcpu, backend_rflags(vcpu) | RFLAGS_RF);
	return ACTION_RETRY;
}

enum action string_io(struct vcpu *vcpu, const struct string_io *io)
{
	struct string_io_access access = {.io = io, .long_code = backend_long_code(vcpu)};
	uint64_t mask = string_io_mask(io);
	uint64_t *pointer = &vcpu->gpr[io->in ? RDI : RSI], *counter = &vcpu->gpr[RCX];
	uint64_t count = io->rep ? *counter & mask : 1;
	uint64_t rflags = backend_rflags(vcpu);
	int64_t step = rflags & RFLAGS_DF ? -(int64_t)io->size : io->size;
	unsigned batch = rflags & RFLAGS_TF ? 1 : STRING_IO_BATCH;

	backend_paging(vcpu, &access.paging);
	backend_segment(vcpu, io->segment, &access.segment);
	for (unsigned done = 0; count; done++) {
		enum action action;

		/*
		 * Let interrupts in between two batches, as between two elements on the bare
		 * machine.
		 */
		if (done && (done == batch || vcpu->requests & ~(uint32_t)ENTRY_ACTIONS))
			return string_break_off(vcpu);
		action = string_io_element(vcpu, &access, *pointer & mask);
		if (action != ACTION_ADVANCE)
			return action;
		count--;
		string_io_set_register(pointer, *pointer + (uint64_t)step, io);
		if (io->rep)
			string_io_set_register(counter, count, io);
		if (unlikely(access.met)) {
			backend_trap_breakpoints(vcpu, access.met);
			batch = done + 1; /* #DB comes after the iteration */
		}
	}
	return ACTION_ADVANCE;
}
