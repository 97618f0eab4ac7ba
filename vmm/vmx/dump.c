/* SPDX-License-Identifier: MIT */
/* A vCPU's state for a person to read. */
#include "lib/format.h"
#include "vmm/vmx/vmx.h"

static void dump_general(const struct vcpu *vcpu, void (*put)(const char *line))
{
	static const char *const name[GPRS] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	                                       "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15"};
	char line[120];

	for (unsigned i = 0; i < GPRS; i += 4) {
		int length = 0;

		for (unsigned j = i; j < i + 4; j++)
			length += format_buffer(line + length, sizeof(line) - (size_t)length, "%s%s %016lx",
			                        j == i ? "" : "  ", name[j],
			                        j == RSP ? vmcs_read(vcpu, VMCS_GUEST_RSP) : vcpu->gpr[j]);
		put(line);
	}
}

static void dump_segments(const struct vcpu *vcpu, void (*put)(const char *line))
{
	static const char *const name[SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
	char line[120];

	for (unsigned i = 0; i < SEG_COUNT; i++) {
		struct segment segment;

		backend_segment(vcpu, (enum segment_index)i, &segment);
		format_buffer(line, sizeof(line), "%-4s %04x  base %016lx  limit %08x  access %05x%s",
		              name[i], segment.selector, segment.base, segment.limit, segment.access,
		              segment.access & SEGMENT_UNUSABLE ? " unusable" : "");
		put(line);
	}
	format_buffer(line, sizeof(line), "gdtr base %016lx limit %04lx   idtr base %016lx limit %04lx",
	              vmcs_read(vcpu, VMCS_GUEST_GDTR_BASE), vmcs_read(vcpu, VMCS_GUEST_GDTR_LIMIT),
	              vmcs_read(vcpu, VMCS_GUEST_IDTR_BASE), vmcs_read(vcpu, VMCS_GUEST_IDTR_LIMIT));
	put(line);
}

void backend_dump(const struct vcpu *vcpu, void (*put)(const char *line))
{
	char line[120];

	dump_general(vcpu, put);
	format_buffer(line, sizeof(line), "rip %016lx  rflags %08lx  cr0 %08lx  cr3 %016lx  cr4 %08lx",
	              vmcs_read(vcpu, VMCS_GUEST_RIP), vmcs_read(vcpu, VMCS_GUEST_RFLAGS), backend_cr0(vcpu),
	              vmcs_read(vcpu, VMCS_GUEST_CR3), backend_cr4(vcpu));
	put(line);
	format_buffer(line, sizeof(line), "efer %04lx  dr7 %08lx  interruptibility %lx  pending debug %lx",
	              vmcs_read(vcpu, VMCS_GUEST_EFER), vmcs_read(vcpu, VMCS_GUEST_DR7),
	              vmcs_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY),
	              vmcs_read(vcpu, VMCS_GUEST_PENDING_DEBUG));
	put(line);
	dump_segments(vcpu, put);
}
