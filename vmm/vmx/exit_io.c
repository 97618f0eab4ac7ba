/* SPDX-License-Identifier: MIT */
/* IN, OUT, INS and OUTS. SDM Vol. 3C "Exit Qualification for I/O Instructions". */
#include "vmm/x86/breakpoints.h"
#include "vmm/x86/string_io.h"
#include "vmm/vmx/vmx.h"

#define IO_SIZE(qualification) ((7 & (qualification)) + 1)
#define IO_IN                  BIT(3)
#define IO_STRING              BIT(4)
#define IO_REP                 BIT(5)
#define IO_FORM                0x1f /* size, direction, string: 0 is a byte out */
#define IO_PORT(qualification) ((uint16_t)((qualification) >> 16))

/*
 * VM-exit instruction information for INS and OUTS: address size in bits 9:7, segment in bits
 * 17:15.
 */
#define INFORMATION_ADDRESS_SIZE(i) (2u << ((i) >> 7 & 7))
#define INFORMATION_SEGMENT(i)      ((enum segment_index)((i) >> 15 & 7))

/* 32 bits clear the upper half of RAX, 16 bits leave the rest of it. */
static uint64_t exit_io_merge(uint64_t old, uint32_t value, unsigned size)
{
	return size == 2 ? (old & ~0xffffUL) | (uint16_t)value : value;
}

static enum action exit_string_io(struct vcpu *vcpu, uint64_t qualification)
{
	struct string_io io = {
		.port = IO_PORT(qualification),
		.size = (uint8_t)IO_SIZE(qualification),
		.in = qualification & IO_IN,
		.rep = qualification & IO_REP,
		.segment = SEG_ES,
	};

	if (vmx_features.ins_outs_information) {
		uint32_t information = (uint32_t)vmread(VMCS_INSTRUCTION_INFORMATION);

		io.address_size = (uint8_t)INFORMATION_ADDRESS_SIZE(information);
		if (!io.in)
			io.segment = INFORMATION_SEGMENT(information);
	} else {
		string_io_decode(vcpu, &io);
	}
	return string_io(vcpu, &io);
}

static noinline enum action exit_long_io(struct vcpu *vcpu, uint64_t qualification)
{
	struct stretch_part part = vmx_begin_stretch();
	enum action action = exit_string_io(vcpu, qualification);

	stretch_end_part(&this_cpu()->stretches, part, STRETCH_EXIT, "string I/O");
	vmx_end_stretch(vcpu);
	return action;
}

static noinline enum action exit_wide_io(struct vcpu *vcpu, uint64_t qualification)
{
	struct port_space *ports = vcpu->ports;
	unsigned size = IO_SIZE(qualification);

	if (unlikely(qualification & IO_STRING))
		return exit_long_io(vcpu, qualification);
	if (qualification & IO_IN)
		vcpu->gpr[RAX] =
			exit_io_merge(vcpu->gpr[RAX], port_read(ports, IO_PORT(qualification), size), size);
	else
		port_write(ports, IO_PORT(qualification), size, (uint32_t)vcpu->gpr[RAX]);
	return ACTION_ADVANCE;
}

static noinline enum action exit_byte_out(struct vcpu *vcpu, uint16_t port)
{
	port_write(vcpu->ports, port, 1, (uint8_t)vcpu->gpr[RAX]);
	return ACTION_ADVANCE;
}

/* INS and OUTS look by themselves, at each iteration. A DR7 without breakpoints ends the watch. */
void vmx_meet_port(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION), met = 0;

	if (!(vmread(VMCS_GUEST_DR7) & DR7_ENABLED))
		vmx_watch_ports(vcpu, false);
	else if (!(qualification & IO_STRING))
		met = breakpoints_met(vcpu, BREAKPOINT_PORT, IO_PORT(qualification), IO_SIZE(qualification));
	if (met)
		backend_trap_breakpoints(vcpu, met);
}

/*
 * Bytes have a way of their own: guests poll status registers, and legacy devices are a byte wide.
 */
enum action exit_io(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION);
	struct port_space *ports = vcpu->ports;

	if (unlikely((qualification & IO_FORM) != IO_IN)) {
		if (qualification & IO_FORM)
			return exit_wide_io(vcpu, qualification);
		return exit_byte_out(vcpu, IO_PORT(qualification));
	}
	*(uint8_t *)&vcpu->gpr[RAX] = (uint8_t)port_read(ports, IO_PORT(qualification), 1);
	return ACTION_ADVANCE;
}
