/* SPDX-License-Identifier: MIT */
/*
 * When the processor refuses a guest's state it does not say why. This walks the
 * rules of SDM Vol. 3C "Checks on the Guest State Area", section by section, and names
 * every field that breaks one. So it does for the event that is to be injected.
 */
#include "lib/format.h"
#include "lib/registers.h"
#include "vmm/x86/cpuid.h"
#include "vmm/observe/log.h"
#include "vmm/vmx/vmx.h"

#define LINEAR_BITS 48

struct audit {
	void (*put)(const char *line);
	unsigned broken;
	uint64_t cr0, cr3, cr4, efer, rflags;
	bool ia32e, v86, unrestricted;
	struct segment segment[SEG_COUNT];
};

static const char *const segment_name[SEG_COUNT] = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};

/* Say `rule` unless it holds. */
static void audit_rule(struct audit *audit, bool holds, const char *field, uint64_t value, const char *rule)
{
	char line[160];

	if (holds)
		return;
	audit->broken++;
	format_buffer(line, sizeof(line), "guest %s = %#lx: %s", field, value, rule);
	audit->put(line);
}

/* "Checks on Guest Control Registers, Debug Registers, and MSRs" */
static void audit_registers(struct audit *a)
{
	uint64_t fixed0 = vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);
	uint64_t fixed1 = vmx_features.cr0_fixed1 | CR0_NW | CR0_CD;
	bool lma = a->efer & EFER_LMA, lme = a->efer & EFER_LME;
	uint64_t pat = vmread(VMCS_GUEST_PAT);

	audit_rule(a, !(fixed0 & ~a->cr0) && !(a->cr0 & ~fixed1), "CR0", a->cr0,
	           "a bit that VMX fixes has the other value");
	audit_rule(a, !(a->cr0 & CR0_PG) || a->cr0 & CR0_PE, "CR0", a->cr0, "PG is set without PE");
	audit_rule(a, !(vmx_features.cr4_fixed0 & ~a->cr4) && !(a->cr4 & ~vmx_features.cr4_fixed1), "CR4",
	           a->cr4, "a bit that VMX fixes has the other value");
	audit_rule(a, !a->ia32e || (a->cr0 & CR0_PG && a->cr4 & CR4_PAE), "CR4", a->cr4,
	           "IA-32e mode needs CR0.PG and CR4.PAE");
	audit_rule(a, a->ia32e || !(a->cr4 & CR4_PCIDE), "CR4", a->cr4, "PCIDE is set outside IA-32e mode");
	audit_rule(a, !(a->cr3 >> cpuid_physical_bits()), "CR3", a->cr3,
	           "bits beyond the physical-address width");
	audit_rule(a, !(vmread(VMCS_GUEST_DR7) >> 32), "DR7", vmread(VMCS_GUEST_DR7), "bits 63:32 are not 0");
	audit_rule(a, is_canonical(vmread(VMCS_GUEST_SYSENTER_ESP)), "SYSENTER_ESP",
	           vmread(VMCS_GUEST_SYSENTER_ESP), "not canonical");
	audit_rule(a, is_canonical(vmread(VMCS_GUEST_SYSENTER_EIP)), "SYSENTER_EIP",
	           vmread(VMCS_GUEST_SYSENTER_EIP), "not canonical");
	for (unsigned i = 0; i < 64; i += 8) {
		uint8_t type = (uint8_t)(pat >> i);

		audit_rule(a, type <= 1 || (type >= 4 && type <= 7), "PAT", pat,
		           "a memory type that does not exist");
	}
	audit_rule(a, !(a->efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)), "EFER", a->efer,
	           "reserved bits are set");
	audit_rule(a, lma == a->ia32e, "EFER", a->efer,
	           "LMA differs from the \"IA-32e mode guest\" entry control");
	audit_rule(a, !(a->cr0 & CR0_PG) || lma == lme, "EFER", a->efer,
	           "LMA differs from LME with paging on");
}

/* "Checks on Guest Segment Registers", virtual-8086 mode */
static void audit_v86_segment(struct audit *a, unsigned i)
{
	const struct segment *s = &a->segment[i];

	audit_rule(a, s->base == (uint64_t)s->selector << 4, segment_name[i], s->base,
	           "virtual-8086 mode needs base = selector * 16");
	audit_rule(a, s->limit == 0xffff, segment_name[i], s->limit, "virtual-8086 mode needs limit FFFFh");
	audit_rule(a, s->access == 0xf3, segment_name[i], s->access,
	           "virtual-8086 mode needs access rights F3h");
}

static void audit_segment_common(struct audit *a, unsigned i)
{
	const struct segment *s = &a->segment[i];
	const char *name = segment_name[i];

	audit_rule(a, s->access & SEGMENT_PRESENT, name, s->access, "usable but not present");
	audit_rule(a, !(s->access & 0xfffe0f00), name, s->access, "reserved access-rights bits are set");
	/* Granularity: SDM, "Bit 15 (G)". */
	audit_rule(a, (s->limit & 0xfff) == 0xfff || !(s->access & BIT(15)), name, s->limit,
	           "G is 1 but the limit's low 12 bits are not all ones");
	audit_rule(a, !(s->limit & 0xfff00000) || s->access & BIT(15), name, s->limit,
	           "G is 0 but the limit is 1 MiB or more");
}

static void audit_code(struct audit *a)
{
	const struct segment *cs = &a->segment[SEG_CS], *ss = &a->segment[SEG_SS];
	uint32_t type = SEGMENT_TYPE(cs);
	bool flat_data = type == 3 && a->unrestricted;

	audit_rule(a, !(type == 3 || !(a->cr0 & CR0_PE)) || SEGMENT_DPL(ss) == 0, "SS", ss->access,
	           "real mode, or a data segment in CS, needs DPL 0");
	audit_rule(a, flat_data || type == 9 || type == 11 || type == 13 || type == 15, "CS", cs->access,
	           "the type is no accessed code segment");
	audit_rule(a, cs->access & SEGMENT_CODE_OR_DATA, "CS", cs->access, "S is 0");
	if (type == 3)
		audit_rule(a, SEGMENT_DPL(cs) == 0, "CS", cs->access, "a data segment in CS must have DPL 0");
	if (type == 9 || type == 11)
		audit_rule(a, SEGMENT_DPL(cs) == SEGMENT_DPL(ss), "CS", cs->access,
		           "the DPL differs from SS's");
	if (type == 13 || type == 15)
		audit_rule(a, SEGMENT_DPL(cs) <= SEGMENT_DPL(ss), "CS", cs->access, "the DPL is above SS's");
	audit_rule(a, !a->ia32e || !(cs->access & SEGMENT_L) || !(cs->access & SEGMENT_DB), "CS", cs->access,
	           "L and D are both 1");
	audit_rule(a, !(cs->base >> 32), "CS", cs->base, "base bits 63:32 are not 0");
	audit_segment_common(a, SEG_CS);
}

static void audit_data(struct audit *a, unsigned i)
{
	const struct segment *s = &a->segment[i];
	const char *name = segment_name[i];
	uint32_t type = SEGMENT_TYPE(s);

	audit_rule(a,
	           (i == SEG_FS || i == SEG_GS) ? is_canonical(s->base)
	                                        : s->access & SEGMENT_UNUSABLE || !(s->base >> 32),
	           name, s->base, "the base is not canonical, or above 4 GiB");
	if (s->access & SEGMENT_UNUSABLE)
		return;
	if (i == SEG_SS)
		audit_rule(a, type == 3 || type == 7, name, s->access,
		           "the type is no accessed writable data segment");
	else
		audit_rule(a, type & 1 && (!(type & 8) || type & 2), name, s->access,
		           "the type is not accessed, or an execute-only code segment");
	audit_rule(a, s->access & SEGMENT_CODE_OR_DATA, name, s->access, "S is 0");
	audit_segment_common(a, i);
}

static void audit_system_segments(struct audit *a)
{
	const struct segment *tr = &a->segment[SEG_TR], *ldtr = &a->segment[SEG_LDTR];
	uint32_t type = SEGMENT_TYPE(tr);

	audit_rule(a, !(tr->selector & 4), "TR", tr->selector, "the selector points into the LDT");
	audit_rule(a, type == 11 || (type == 3 && !a->ia32e), "TR", tr->access,
	           "the type is no busy TSS of this mode");
	audit_rule(a, !(tr->access & (SEGMENT_CODE_OR_DATA | SEGMENT_UNUSABLE)), "TR", tr->access,
	           "S is 1, or unusable");
	audit_rule(a, is_canonical(tr->base), "TR", tr->base, "not canonical");
	audit_segment_common(a, SEG_TR);
	if (ldtr->access & SEGMENT_UNUSABLE)
		return;
	audit_rule(a, !(ldtr->selector & 4), "LDTR", ldtr->selector, "the selector points into the LDT");
	audit_rule(a, SEGMENT_TYPE(ldtr) == 2 && !(ldtr->access & SEGMENT_CODE_OR_DATA), "LDTR", ldtr->access,
	           "the type is no LDT");
	audit_rule(a, is_canonical(ldtr->base), "LDTR", ldtr->base, "not canonical");
	audit_segment_common(a, SEG_LDTR);
}

static void audit_segments(struct audit *a)
{
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		if (a->v86)
			audit_v86_segment(a, i);
		else if (i == SEG_CS)
			audit_code(a);
		else
			audit_data(a, i);
	}
	audit_system_segments(a);
}

/* "Checks on Guest Descriptor-Table Registers" and "... RIP, RFLAGS, and SSP" */
static void audit_tables_and_flow(struct audit *a)
{
	uint64_t rip = vmread(VMCS_GUEST_RIP), info = vmread(VMCS_ENTRY_INTERRUPTION);
	bool external = info & INTERRUPTION_VALID && (info & INTERRUPTION_TYPE) == 0;

	audit_rule(a, is_canonical(vmread(VMCS_GUEST_GDTR_BASE)), "GDTR base", vmread(VMCS_GUEST_GDTR_BASE),
	           "not canonical");
	audit_rule(a, is_canonical(vmread(VMCS_GUEST_IDTR_BASE)), "IDTR base", vmread(VMCS_GUEST_IDTR_BASE),
	           "not canonical");
	audit_rule(a, !(vmread(VMCS_GUEST_GDTR_LIMIT) >> 16), "GDTR limit", vmread(VMCS_GUEST_GDTR_LIMIT),
	           "above FFFFh");
	audit_rule(a, !(vmread(VMCS_GUEST_IDTR_LIMIT) >> 16), "IDTR limit", vmread(VMCS_GUEST_IDTR_LIMIT),
	           "above FFFFh");
	if (a->ia32e && a->segment[SEG_CS].access & SEGMENT_L)
		audit_rule(a, is_canonical(rip) || rip >> LINEAR_BITS == 0, "RIP", rip, "bits 63:48 differ");
	else
		audit_rule(a, !(rip >> 32), "RIP", rip, "above 4 GiB outside 64-bit code");
	audit_rule(a, !(a->rflags & 0xffffffffffc08028) && a->rflags & RFLAGS_RESERVED, "RFLAGS", a->rflags,
	           "reserved bits have the wrong value");
	audit_rule(a, !a->v86 || (!a->ia32e && a->cr0 & CR0_PE), "RFLAGS", a->rflags,
	           "VM is set in IA-32e or real mode");
	audit_rule(a, !external || a->rflags & RFLAGS_IF, "RFLAGS", a->rflags,
	           "an interrupt is to be injected with IF = 0");
}

/* "Checks on Guest Non-Register State" */
static void audit_non_registers(struct audit *a)
{
	uint64_t activity = vmread(VMCS_GUEST_ACTIVITY), blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY);
	uint64_t info = vmread(VMCS_ENTRY_INTERRUPTION);
	uint64_t type = (info & INTERRUPTION_TYPE) >> 8;
	uint64_t pending = vmread(VMCS_GUEST_PENDING_DEBUG);
	bool stepping = a->rflags & RFLAGS_TF && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);
	bool valid = info & INTERRUPTION_VALID;

	audit_rule(a, activity <= 3, "activity state", activity, "not defined");
	audit_rule(a, activity != 1 || SEGMENT_DPL(&a->segment[SEG_SS]) == 0, "activity state", activity,
	           "HLT outside privilege level 0");
	audit_rule(a, !activity || !(blocking & (BLOCKING_STI | BLOCKING_MOV_SS)), "activity state", activity,
	           "not active while blocking by STI or MOV SS");
	audit_rule(a, !(blocking & ~0x1fUL), "interruptibility", blocking, "reserved bits are set");
	audit_rule(a, !(blocking & BLOCKING_SMI), "interruptibility", blocking,
	           "blocking by SMI outside SMM");
	audit_rule(a, (blocking & (BLOCKING_STI | BLOCKING_MOV_SS)) != (BLOCKING_STI | BLOCKING_MOV_SS),
	           "interruptibility", blocking, "blocking by STI and by MOV SS at once");
	audit_rule(a, a->rflags & RFLAGS_IF || !(blocking & BLOCKING_STI), "interruptibility", blocking,
	           "blocking by STI with IF = 0");
	audit_rule(a, !valid || type != EVENT_INTERRUPT || !(blocking & (BLOCKING_STI | BLOCKING_MOV_SS)),
	           "interruptibility", blocking, "an interrupt is to be injected while blocked");
	audit_rule(a, !valid || type != EVENT_NMI || !(blocking & BLOCKING_MOV_SS), "interruptibility",
	           blocking, "an NMI is to be injected while blocked by MOV SS");
	audit_rule(a, !valid || type != EVENT_NMI || !vmx_features.virtual_nmi || !(blocking & BLOCKING_NMI),
	           "interruptibility", blocking, "an NMI is to be injected while NMIs are blocked");
	audit_rule(a, !(pending & ~PENDING_DEBUG_ALL), "pending debug exceptions", pending,
	           "reserved bits are set");
	if (activity == 1 || blocking & (BLOCKING_STI | BLOCKING_MOV_SS))
		audit_rule(a, !(pending & PENDING_DEBUG_BS) == !stepping, "pending debug exceptions", pending,
		           "in a shadow or HLT, BS must be 1 exactly with TF = 1 and BTF = 0");
	audit_rule(a, vmread(VMCS_LINK_POINTER) == UINT64_MAX, "VMCS link pointer", vmread(VMCS_LINK_POINTER),
	           "not all ones");
}

/* "Checks on Guest Page-Directory-Pointer-Table Entries" */
static void audit_pdptes(struct audit *a)
{
	uint64_t reserved = ~((1UL << cpuid_physical_bits()) - 1) | 0x1e6;

	if (!(a->cr0 & CR0_PG) || !(a->cr4 & CR4_PAE) || a->ia32e)
		return;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t pdpte = vmread((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i));

		audit_rule(a, !(pdpte & 1) || !(pdpte & reserved), "PDPTE", pdpte, "reserved bits are set");
	}
}

/* Does the vector come with an error code? SDM Vol. 3A "Exception and Interrupt Reference". */
static bool audit_has_error_code(uint64_t vector)
{
	const uint32_t vectors = BIT(EXCEPTION_DF) | BIT(EXCEPTION_TS) | BIT(EXCEPTION_NP) |
	                         BIT(EXCEPTION_SS) | BIT(EXCEPTION_GP) | BIT(EXCEPTION_PF) |
	                         BIT(EXCEPTION_AC);

	return vector < 32 && vectors & BIT(vector);
}

/* "VM-Entry Control Fields": the event to be injected. */
static void audit_event(struct audit *a)
{
	uint64_t info = vmread(VMCS_ENTRY_INTERRUPTION), length = vmread(VMCS_ENTRY_LENGTH);
	uint64_t error_code = vmread(VMCS_ENTRY_ERROR_CODE);
	uint64_t type = (info & INTERRUPTION_TYPE) >> 8, vector = info & INTERRUPTION_VECTOR;
	bool software = type >= EVENT_SOFTWARE_INTERRUPT && type <= EVENT_SOFTWARE_EXCEPTION;
	bool coded = type == EVENT_EXCEPTION && a->cr0 & CR0_PE && audit_has_error_code(vector);

	if (!(info & INTERRUPTION_VALID))
		return;
	audit_rule(a, type != 1 && type != 7, "event", info, "its type is not defined");
	audit_rule(a, type != EVENT_NMI || vector == EXCEPTION_NMI, "event", info, "an NMI has vector 2");
	audit_rule(a, type != EVENT_EXCEPTION || vector < 32, "event", info,
	           "an exception has a vector below 32");
	audit_rule(
		a, !(info & INTERRUPTION_ERROR_CODE) == !coded, "event", info,
		"an error code comes with vectors 8, 10 to 14 and 17 in protected mode, and with no others");
	audit_rule(a, !(info & ~(INTERRUPTION_VALID | INTERRUPTION_ERROR_CODE | 0x7ffUL)), "event", info,
	           "reserved bits are set");
	audit_rule(a, !(info & INTERRUPTION_ERROR_CODE) || !(error_code >> 16), "event's error code",
	           error_code, "above FFFFh");
	audit_rule(a, !software || (length >= 1 && length <= 15), "event's instruction length", length,
	           "not in 1 to 15");
}

unsigned vmx_audit(const struct vcpu *vcpu, void (*put)(const char *line))
{
	struct audit a = {
		.put = put,
		.cr0 = vmread(VMCS_GUEST_CR0),
		.cr3 = vmread(VMCS_GUEST_CR3),
		.cr4 = vmread(VMCS_GUEST_CR4),
		.efer = vmread(VMCS_GUEST_EFER),
		.rflags = vmread(VMCS_GUEST_RFLAGS),
		.ia32e = vmread(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST,
		.unrestricted = vmx_features.control[CONTROLS_SECONDARY] & BIT(7),
	};

	a.v86 = a.rflags & RFLAGS_VM;
	for (unsigned i = 0; i < SEG_COUNT; i++)
		backend_segment(vcpu, (enum segment_index)i, &a.segment[i]);
	audit_registers(&a);
	audit_segments(&a);
	audit_tables_and_flow(&a);
	audit_non_registers(&a);
	audit_pdptes(&a);
	audit_event(&a);
	return a.broken;
}

static void audit_log_line(const char *line)
{
	log_error("  %s\n", line);
}

unsigned vmx_audit_to_log(const struct vcpu *vcpu)
{
	unsigned broken = vmx_audit(vcpu, audit_log_line);

	if (broken)
		log_error("  %u rule(s) for guest state broken\n", broken);
	return broken;
}
