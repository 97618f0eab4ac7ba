/* SPDX-License-Identifier: MIT */
/* The audit of guest state after a failed VM entry, rule by rule: vmm/vmx/audit.c. */
#include "rigs/vm_rig.h"

static char lines[32][160];
static unsigned line_count;

static void keep(const char *line)
{
	assert_true(line_count < ARRAY_SIZE(lines));
	snprintf(lines[line_count++], sizeof(lines[0]), "%s", line);
}

static unsigned audit(void)
{
	line_count = 0;
	return vmx_audit(vm.vcpus[0], keep);
}

static const char *joined(void)
{
	static char text[32 * 161];

	text[0] = 0;
	for (unsigned i = 0; i < line_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", lines[i]);
	return text;
}

/* Exactly one rule is broken, and its line is this one. */
#define assert_broken(text)                                                                                  \
	do {                                                                                                 \
		unsigned broken = audit();                                                                   \
		if (broken != 1 || line_count != 1 || strcmp(lines[0], (text)) != 0)                         \
			fail_msg("%u rules instead of \"%s\":\n%s", broken, (text), joined());               \
	} while (0)

/* It is one of those that are broken. */
#define assert_among(text)                                                                                   \
	do {                                                                                                 \
		unsigned broken = audit();                                                                   \
		assert_int_equal(broken, line_count);                                                        \
		if (!strstr(joined(), (text)))                                                               \
			fail_msg("\"%s\" is not among\n%s", (text), joined());                               \
	} while (0)

#define assert_sound()                                                                                       \
	do {                                                                                                 \
		if (audit())                                                                                 \
			fail_msg("%s", joined());                                                            \
	} while (0)

#define SEGMENT_FIELD(field, index) ((enum vmcs_field)(VMCS_GUEST_ES_##field + 2 * (index)))

static void set_bits(enum vmcs_field field, uint64_t set, uint64_t clear)
{
	vmwrite(field, (vmread(field) | set) & ~clear);
}

/* Break a field, look for the line, mend it. */
static void breaks(enum vmcs_field field, uint64_t value, const char *line)
{
	uint64_t before = vmread(field);

	vmwrite(field, value);
	assert_broken(line);
	vmwrite(field, before);
	assert_sound();
}

static void every_mode_starts_sound(void **state)
{
	(void)state;
	assert_sound();
	rig_long_mode();
	assert_sound();
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc09b); /* compatibility mode */
	assert_sound();
}

static void real_mode_is_sound(void **state)
{
	(void)state;
	rig_real_mode();
	assert_sound();
	vmwrite(VMCS_GUEST_CS_ACCESS, 0x93); /* as after reset */
	assert_sound();
}

/* ---- "Checks on Guest Control Registers, Debug Registers, and MSRs" ---- */

static void broken_rules_of_control_registers_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_CR0, CR0_PE | CR0_ET, "guest CR0 = 0x11: a bit that VMX fixes has the other value");
	set_bits(VMCS_GUEST_CR0, CR0_CD | CR0_NW, 0); /* not looked at */
	assert_sound();
	vmx_features.cr0_fixed1 &= ~CR0_AM;
	breaks(VMCS_GUEST_CR0, CR0_PE | CR0_NE | CR0_AM,
	       "guest CR0 = 0x40021: a bit that VMX fixes has the other value");
	breaks(VMCS_GUEST_CR0, CR0_PG | CR0_NE, "guest CR0 = 0x80000020: PG is set without PE");
	breaks(VMCS_GUEST_CR4, 0, "guest CR4 = 0x0: a bit that VMX fixes has the other value");
	breaks(VMCS_GUEST_CR4, CR4_VMXE | BIT(30),
	       "guest CR4 = 0x40002000: a bit that VMX fixes has the other value");
	breaks(VMCS_GUEST_CR4, CR4_VMXE | CR4_PCIDE, "guest CR4 = 0x22000: PCIDE is set outside IA-32e mode");
	breaks(VMCS_GUEST_CR3, 1UL << 39, "guest CR3 = 0x8000000000: bits beyond the physical-address width");
}

static void long_mode_needs_paging_and_pae(void **state)
{
	(void)state;
	rig_long_mode();
	breaks(VMCS_GUEST_CR4, CR4_VMXE, "guest CR4 = 0x2000: IA-32e mode needs CR0.PG and CR4.PAE");
	breaks(VMCS_GUEST_CR0, CR0_PE | CR0_NE, "guest CR4 = 0x2060: IA-32e mode needs CR0.PG and CR4.PAE");
}

static void broken_rules_of_efer_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_EFER, 2, "guest EFER = 0x2: reserved bits are set");
	breaks(VMCS_GUEST_EFER, EFER_LMA,
	       "guest EFER = 0x400: LMA differs from the \"IA-32e mode guest\" entry control");
	vmwrite(VMCS_GUEST_EFER, EFER_LME); /* fine while paging is off */
	assert_sound();
	set_bits(VMCS_GUEST_CR0, CR0_PG, 0);
	assert_broken("guest EFER = 0x100: LMA differs from LME with paging on");
}

static void broken_rules_of_other_registers_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_DR7, 0x100000400, "guest DR7 = 0x100000400: bits 63:32 are not 0");
	breaks(VMCS_GUEST_SYSENTER_ESP, 1UL << 47, "guest SYSENTER_ESP = 0x800000000000: not canonical");
	breaks(VMCS_GUEST_SYSENTER_EIP, 1UL << 63, "guest SYSENTER_EIP = 0x8000000000000000: not canonical");
	breaks(VMCS_GUEST_PAT, 0x0600000000000002,
	       "guest PAT = 0x600000000000002: a memory type that does not exist");
	breaks(VMCS_GUEST_PAT, 0x0300000000000001,
	       "guest PAT = 0x300000000000001: a memory type that does not exist");
	breaks(VMCS_GUEST_PAT, 0x0000080000000000,
	       "guest PAT = 0x80000000000: a memory type that does not exist");
	vmwrite(VMCS_GUEST_PAT, 0x0001040506070000);
	vmwrite(VMCS_GUEST_SYSENTER_EIP, 0xffff800000000000);
	assert_sound();
}

/* ---- "Checks on Guest Segment Registers" ---- */

static void broken_rules_of_tr_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_TR_SELECTOR, 28, "guest TR = 0x1c: the selector points into the LDT");
	breaks(VMCS_GUEST_TR_ACCESS, 0x89, "guest TR = 0x89: the type is no busy TSS of this mode");
	breaks(VMCS_GUEST_TR_ACCESS, 0x9b, "guest TR = 0x9b: S is 1, or unusable");
	breaks(VMCS_GUEST_TR_ACCESS, 0x1008b, "guest TR = 0x1008b: S is 1, or unusable");
	breaks(VMCS_GUEST_TR_ACCESS, 0x0b, "guest TR = 0xb: usable but not present");
	breaks(SEGMENT_FIELD(BASE, SEG_TR), 1UL << 47, "guest TR = 0x800000000000: not canonical");
	vmwrite(VMCS_GUEST_TR_ACCESS, 0x83); /* of 16 bits */
	assert_sound();
	rig_long_mode();
	assert_broken("guest TR = 0x83: the type is no busy TSS of this mode");
}

static void broken_rules_of_ldtr_are_named_if_it_is_usable(void **state)
{
	const struct segment ldt = {.selector = 0x30, .base = 0x1000, .limit = 0xff, .access = 0x82};

	(void)state;
	vmwrite(SEGMENT_FIELD(SELECTOR, SEG_LDTR), 4); /* unusable: nothing counts */
	vmwrite(SEGMENT_FIELD(BASE, SEG_LDTR), 1UL << 47);
	assert_sound();
	rig_set_segment(SEG_LDTR, &ldt);
	assert_sound();
	breaks(SEGMENT_FIELD(SELECTOR, SEG_LDTR), 0x34,
	       "guest LDTR = 0x34: the selector points into the LDT");
	breaks(SEGMENT_FIELD(ACCESS, SEG_LDTR), 0x83, "guest LDTR = 0x83: the type is no LDT");
	breaks(SEGMENT_FIELD(ACCESS, SEG_LDTR), 0x92, "guest LDTR = 0x92: the type is no LDT");
	breaks(SEGMENT_FIELD(BASE, SEG_LDTR), 1UL << 47, "guest LDTR = 0x800000000000: not canonical");
	breaks(SEGMENT_FIELD(ACCESS, SEG_LDTR), 0x02, "guest LDTR = 0x2: usable but not present");
}

static void broken_rules_of_cs_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_CS_ACCESS, 0xc09a, "guest CS = 0xc09a: the type is no accessed code segment");
	breaks(VMCS_GUEST_CS_ACCESS, 0xc08b, "guest CS = 0xc08b: S is 0");
	breaks(VMCS_GUEST_CS_ACCESS, 0xc0fb, "guest CS = 0xc0fb: the DPL differs from SS's");
	breaks(VMCS_GUEST_CS_ACCESS, 0xc0ff, "guest CS = 0xc0ff: the DPL is above SS's");
	breaks(VMCS_GUEST_CS_ACCESS, 0xc0f3, "guest CS = 0xc0f3: a data segment in CS must have DPL 0");
	breaks(VMCS_GUEST_CS_BASE, 1UL << 32, "guest CS = 0x100000000: base bits 63:32 are not 0");
	breaks(VMCS_GUEST_CS_ACCESS, 0xc01b, "guest CS = 0xc01b: usable but not present");
	breaks(VMCS_GUEST_CS_ACCESS, 0xc19b, "guest CS = 0xc19b: reserved access-rights bits are set");
	breaks(VMCS_GUEST_CS_ACCESS, 0x409b, "guest CS = 0xffffffff: G is 0 but the limit is 1 MiB or more");
	breaks(VMCS_GUEST_CS_LIMIT, 0xffffeffe,
	       "guest CS = 0xffffeffe: G is 1 but the limit's low 12 bits are not all ones");
	rig_long_mode();
	breaks(VMCS_GUEST_CS_ACCESS, 0xe09b, "guest CS = 0xe09b: L and D are both 1");
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xa09f); /* conforming */
	assert_sound();
}

static void without_unrestricted_guest_cs_is_no_data_segment(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc093);
	assert_sound();
	vmx_features.control[CONTROLS_SECONDARY] &= ~(uint32_t)BIT(7); /* no unrestricted guest */
	assert_broken("guest CS = 0xc093: the type is no accessed code segment");
}

static void broken_rules_of_data_segments_are_named(void **state)
{
	(void)state;
	breaks(SEGMENT_FIELD(ACCESS, SEG_DS), 0xc092,
	       "guest DS = 0xc092: the type is not accessed, or an execute-only code segment");
	breaks(SEGMENT_FIELD(ACCESS, SEG_ES), 0xc099,
	       "guest ES = 0xc099: the type is not accessed, or an execute-only code segment");
	breaks(SEGMENT_FIELD(ACCESS, SEG_DS), 0xc083, "guest DS = 0xc083: S is 0");
	breaks(SEGMENT_FIELD(ACCESS, SEG_DS), 0xc013, "guest DS = 0xc013: usable but not present");
	breaks(SEGMENT_FIELD(ACCESS, SEG_GS), 0x2c093,
	       "guest GS = 0x2c093: reserved access-rights bits are set");
	breaks(SEGMENT_FIELD(BASE, SEG_DS), 1UL << 32,
	       "guest DS = 0x100000000: the base is not canonical, or above 4 GiB");
	breaks(SEGMENT_FIELD(BASE, SEG_FS), 1UL << 47,
	       "guest FS = 0x800000000000: the base is not canonical, or above 4 GiB");
	vmwrite(SEGMENT_FIELD(BASE, SEG_GS), 0xffffffff80000000); /* these two have whole bases */
	vmwrite(SEGMENT_FIELD(ACCESS, SEG_DS), 0xc09b);           /* readable code */
	vmwrite(SEGMENT_FIELD(ACCESS, SEG_ES), 0x10000);          /* null */
	vmwrite(SEGMENT_FIELD(BASE, SEG_ES), 1UL << 32);
	assert_sound();
	vmwrite(SEGMENT_FIELD(ACCESS, SEG_FS), 0x10000); /* its base counts even so */
	breaks(SEGMENT_FIELD(BASE, SEG_FS), 1UL << 47,
	       "guest FS = 0x800000000000: the base is not canonical, or above 4 GiB");
}

static void broken_rules_of_ss_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_SS_ACCESS, 0xc091,
	       "guest SS = 0xc091: the type is no accessed writable data segment");
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc097);
	assert_sound();
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc093);
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc0f3);
	assert_broken("guest SS = 0xc0f3: real mode, or a data segment in CS, needs DPL 0");
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc09f);
	assert_sound();
	set_bits(VMCS_GUEST_CR0, 0, CR0_PE);
	assert_broken("guest SS = 0xc0f3: real mode, or a data segment in CS, needs DPL 0");
}

static void broken_rules_of_virtual_8086_segments_are_named(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_VM);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		const struct segment segment = {
			.selector = 0x1234, .base = 0x12340, .limit = 0xffff, .access = 0xf3};

		rig_set_segment((enum segment_index)i, &segment);
	}
	assert_sound();
	breaks(SEGMENT_FIELD(BASE, SEG_CS), 0x12341,
	       "guest CS = 0x12341: virtual-8086 mode needs base = selector * 16");
	breaks(SEGMENT_FIELD(LIMIT, SEG_SS), 0xfffe,
	       "guest SS = 0xfffe: virtual-8086 mode needs limit FFFFh");
	breaks(SEGMENT_FIELD(ACCESS, SEG_GS), 0x93,
	       "guest GS = 0x93: virtual-8086 mode needs access rights F3h");
	set_bits(VMCS_GUEST_CR0, 0, CR0_PE);
	assert_broken("guest RFLAGS = 0x20002: VM is set in IA-32e or real mode");
}

/* ---- "Checks on Guest Descriptor-Table Registers", "... RIP, RFLAGS" ---- */

static void broken_rules_of_descriptor_tables_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_GDTR_BASE, 1UL << 47, "guest GDTR base = 0x800000000000: not canonical");
	breaks(VMCS_GUEST_IDTR_BASE, 1UL << 47, "guest IDTR base = 0x800000000000: not canonical");
	breaks(VMCS_GUEST_GDTR_LIMIT, 0x10000, "guest GDTR limit = 0x10000: above FFFFh");
	breaks(VMCS_GUEST_IDTR_LIMIT, 0x10000, "guest IDTR limit = 0x10000: above FFFFh");
}

static void broken_rules_of_rip_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_RIP, 1UL << 32, "guest RIP = 0x100000000: above 4 GiB outside 64-bit code");
	rig_long_mode();
	vmwrite(VMCS_GUEST_RIP, 0xffffffff80000000);
	assert_sound();
	vmwrite(VMCS_GUEST_RIP,
	        1UL << 47); /* after the last instruction of the lower half: #GP, but after entry */
	assert_sound();
	vmwrite(VMCS_GUEST_RIP, 0xffffffff80000000);
	breaks(VMCS_GUEST_RIP, 1UL << 48, "guest RIP = 0x1000000000000: bits 63:48 differ");
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc09b);
	assert_broken("guest RIP = 0xffffffff80000000: above 4 GiB outside 64-bit code");
}

static void broken_rules_of_rflags_are_named(void **state)
{
	static const unsigned reserved[] = {3, 5, 15, 22, 63};

	(void)state;
	breaks(VMCS_GUEST_RFLAGS, 0, "guest RFLAGS = 0x0: reserved bits have the wrong value");
	for (unsigned i = 0; i < ARRAY_SIZE(reserved); i++) {
		char line[100];
		uint64_t value = RFLAGS_RESERVED | BIT(reserved[i]);

		snprintf(line, sizeof(line), "guest RFLAGS = %#lx: reserved bits have the wrong value",
		         value);
		breaks(VMCS_GUEST_RFLAGS, value, line);
	}
	vmwrite(VMCS_GUEST_RFLAGS, 0x3d7fd7 & ~RFLAGS_VM & ~RFLAGS_TF);
	assert_sound();
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED);
	breaks(VMCS_ENTRY_INTERRUPTION, INJECT(EVENT_INTERRUPT, 0x30),
	       "guest RFLAGS = 0x2: an interrupt is to be injected with IF = 0");
}

/* ---- "Checks on Guest Non-Register State" ---- */

static void broken_rules_of_the_activity_state_are_named(void **state)
{
	(void)state;
	breaks(VMCS_GUEST_ACTIVITY, 4, "guest activity state = 0x4: not defined");
	vmwrite(VMCS_GUEST_ACTIVITY, 1);
	assert_sound();
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS);
	assert_broken("guest activity state = 0x1: not active while blocking by STI or MOV SS");
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_SS_ACCESS, 0xc0f3);
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xc0fb);
	assert_broken("guest activity state = 0x1: HLT outside privilege level 0");
}

static void broken_rules_of_interruptibility_are_named(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	breaks(VMCS_GUEST_INTERRUPTIBILITY, 0x20, "guest interruptibility = 0x20: reserved bits are set");
	breaks(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_SMI,
	       "guest interruptibility = 0x4: blocking by SMI outside SMM");
	breaks(VMCS_GUEST_INTERRUPTIBILITY, 3,
	       "guest interruptibility = 0x3: blocking by STI and by MOV SS at once");
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	assert_sound();
	breaks(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED,
	       "guest interruptibility = 0x1: blocking by STI with IF = 0");
	breaks(VMCS_ENTRY_INTERRUPTION, INJECT(EVENT_INTERRUPT, 0x30),
	       "guest interruptibility = 0x1: an interrupt is to be injected while blocked");
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_MOV_SS);
	breaks(VMCS_ENTRY_INTERRUPTION, INJECT(EVENT_NMI, EXCEPTION_NMI),
	       "guest interruptibility = 0x2: an NMI is to be injected while blocked by MOV SS");
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_NMI);
	breaks(VMCS_ENTRY_INTERRUPTION, INJECT(EVENT_NMI, EXCEPTION_NMI),
	       "guest interruptibility = 0x8: an NMI is to be injected while NMIs are blocked");
	vmx_features.virtual_nmi = false;
	vmwrite(VMCS_ENTRY_INTERRUPTION, INJECT(EVENT_NMI, EXCEPTION_NMI));
	assert_sound();
}

static void broken_rules_of_pending_debug_exceptions_are_named(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_PENDING_DEBUG, PENDING_DEBUG_BS);
	assert_sound();
	breaks(VMCS_GUEST_PENDING_DEBUG, BIT(4),
	       "guest pending debug exceptions = 0x10: reserved bits are set");
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	assert_broken("guest pending debug exceptions = 0x4000: in a shadow or HLT, BS must be 1 "
	              "exactly with TF = 1 and BTF = 0");
	set_bits(VMCS_GUEST_RFLAGS, RFLAGS_TF, 0);
	assert_sound();
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	assert_broken("guest pending debug exceptions = 0x4000: in a shadow or HLT, BS must be 1 "
	              "exactly with TF = 1 and BTF = 0");
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, 1);
	breaks(VMCS_GUEST_PENDING_DEBUG, 0,
	       "guest pending debug exceptions = 0x0: in a shadow or HLT, BS must be 1 exactly "
	       "with TF = 1 and BTF = 0");
}

static void a_wrong_link_pointer_is_named(void **state)
{
	(void)state;
	breaks(VMCS_LINK_POINTER, 0, "guest VMCS link pointer = 0x0: not all ones");
}

/* ---- "Checks on Guest Page-Directory-Pointer-Table Entries" ---- */

static void reserved_bits_of_pdptes_are_named_in_pae_paging(void **state)
{
	(void)state;
	vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 6), 3);
	assert_sound(); /* not in use */
	set_bits(VMCS_GUEST_CR0, CR0_PG, 0);
	set_bits(VMCS_GUEST_CR4, CR4_PAE, 0);
	assert_broken("guest PDPTE = 0x3: reserved bits are set");
	vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 6), 2); /* not present */
	assert_sound();
}

/* ---- "VM-Entry Control Fields" ---- */

static uint64_t event_of(enum event_type type, uint8_t vector)
{
	return INTERRUPTION_VALID | (uint64_t)type << 8 | vector;
}

static void broken_rules_of_an_event_are_named(void **state)
{
	(void)state;
	breaks(VMCS_ENTRY_INTERRUPTION, event_of(1, 32), "guest event = 0x80000120: its type is not defined");
	breaks(VMCS_ENTRY_INTERRUPTION, event_of(7, 0), "guest event = 0x80000700: its type is not defined");
	breaks(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_NMI, 3),
	       "guest event = 0x80000203: an NMI has vector 2");
	breaks(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_EXCEPTION, 32),
	       "guest event = 0x80000320: an exception has a vector below 32");
	breaks(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_EXCEPTION, EXCEPTION_UD) | BIT(12),
	       "guest event = 0x80001306: reserved bits are set");
	vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_NMI, 2));
	assert_sound();
	vmwrite(VMCS_ENTRY_INTERRUPTION, 0x7ffff7ff); /* not valid, so not looked at */
	assert_sound();
}

static void broken_rules_of_error_codes_are_named(void **state)
{
	const char *rule =
		"an error code comes with vectors 8, 10 to 14 and 17 in protected mode, and with no others";
	static const uint8_t coded[] = {8, 10, 11, 12, 13, 14, 17};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(coded); i++) {
		vmwrite(VMCS_ENTRY_INTERRUPTION,
		        event_of(EVENT_EXCEPTION, coded[i]) | INTERRUPTION_ERROR_CODE);
		assert_sound();
		vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_EXCEPTION, coded[i]));
		assert_among(rule);
	}
	vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_EXCEPTION, EXCEPTION_UD) | INTERRUPTION_ERROR_CODE);
	assert_among(rule);
	vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_SOFTWARE_INTERRUPT, 13) | INTERRUPTION_ERROR_CODE);
	vmwrite(VMCS_ENTRY_LENGTH, 2);
	assert_among(rule);
	vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_EXCEPTION, EXCEPTION_GP) | INTERRUPTION_ERROR_CODE);
	breaks(VMCS_ENTRY_ERROR_CODE, 0x10000, "guest event's error code = 0x10000: above FFFFh");
	rig_real_mode();
	assert_among(rule);
	vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(EVENT_EXCEPTION, EXCEPTION_GP));
	assert_sound();
}

static void broken_rules_of_instruction_lengths_are_named(void **state)
{
	(void)state;
	for (unsigned type = EVENT_SOFTWARE_INTERRUPT; type <= EVENT_SOFTWARE_EXCEPTION; type++) {
		vmwrite(VMCS_ENTRY_INTERRUPTION, event_of(type, 3));
		vmwrite(VMCS_ENTRY_LENGTH, 15);
		assert_sound();
		breaks(VMCS_ENTRY_LENGTH, 0, "guest event's instruction length = 0x0: not in 1 to 15");
		breaks(VMCS_ENTRY_LENGTH, 16, "guest event's instruction length = 0x10: not in 1 to 15");
	}
}

static void several_rules_are_all_named(void **state)
{
	(void)state;
	vmwrite(VMCS_GUEST_RFLAGS, 0);
	vmwrite(VMCS_GUEST_TR_ACCESS, 0x89);
	vmwrite(VMCS_LINK_POINTER, 0);
	assert_int_equal(audit(), 3);
	assert_among("RFLAGS");
	assert_among("TR");
	assert_among("link pointer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(every_mode_starts_sound),
		rig_test(real_mode_is_sound),
		rig_test(broken_rules_of_control_registers_are_named),
		rig_test(long_mode_needs_paging_and_pae),
		rig_test(broken_rules_of_efer_are_named),
		rig_test(broken_rules_of_other_registers_are_named),
		rig_test(broken_rules_of_tr_are_named),
		rig_test(broken_rules_of_ldtr_are_named_if_it_is_usable),
		rig_test(broken_rules_of_cs_are_named),
		rig_test(without_unrestricted_guest_cs_is_no_data_segment),
		rig_test(broken_rules_of_data_segments_are_named),
		rig_test(broken_rules_of_ss_are_named),
		rig_test(broken_rules_of_virtual_8086_segments_are_named),
		rig_test(broken_rules_of_descriptor_tables_are_named),
		rig_test(broken_rules_of_rip_are_named),
		rig_test(broken_rules_of_rflags_are_named),
		rig_test(broken_rules_of_the_activity_state_are_named),
		rig_test(broken_rules_of_interruptibility_are_named),
		rig_test(broken_rules_of_pending_debug_exceptions_are_named),
		rig_test(a_wrong_link_pointer_is_named),
		rig_test(reserved_bits_of_pdptes_are_named_in_pae_paging),
		rig_test(broken_rules_of_an_event_are_named),
		rig_test(broken_rules_of_error_codes_are_named),
		rig_test(broken_rules_of_instruction_lengths_are_named),
		rig_test(several_rules_are_all_named),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
