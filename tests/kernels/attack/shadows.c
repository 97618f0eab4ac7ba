/* SPDX-License-Identifier: MIT */
/*
 * Instruction boundaries at which something waits: the shadows of STI and MOV SS, single steps,
 * breakpoints that a shadow holds back; over exits, faults, HLT, and exceptions that the monitor
 * looks at itself.
 */
#include "attack.h"

/* DR6: SDM Vol. 3B "Debug Status Register (DR6)". */
#define DR6_INITIAL 0xffff0ff0UL
#define DR6_B0      BIT(0)
#define DR6_BD      BIT(13)
#define DR6_BS      BIT(14)
#define DR6_CAUSES  (DR6_B0 | DR6_BD | DR6_BS)
#define ANY_CAUSES  UINT64_MAX /* the manual does not say */

#define DR7_INITIAL 0x400UL
#define DR7_GD      BIT(13)
#define DR7_WATCH   (BIT(1) | 3UL << 16 | 1UL << 18) /* breakpoint 0: reads and writes of two bytes */

static uint16_t watched; /* a selector for SS, below breakpoint 0 */

static void set_debug(uint64_t dr7)
{
	__asm__ volatile("mov %0, %%dr7; mov %1, %%dr6; mov %2, %%dr0"
	                 :
	                 : "r"(DR7_INITIAL), "r"(DR6_INITIAL), "r"(&watched));
	__asm__ volatile("mov %0, %%dr7" : : "r"(dr7));
}

static uint64_t take_causes(void)
{
	uint64_t dr6;

	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	set_debug(DR7_INITIAL);
	return dr6 & DR6_CAUSES;
}

/*
 * Snippets start with RAX, RCX and RDX 0 and RDI pointing at `watched`; label 3 is where the
 * exception is reported. STEP sets TF, so that the instruction after it is the first to be stepped
 * over.
 */
#define STEP    "pushf; orl $0x100, (%%rsp); popf; "
#define LOAD_SS "mov (%%rdi), %%ss; "
#define DEFINE_SNIPPET(name, instructions)                                                                   \
	static void name(uint64_t dr7)                                                                       \
	{                                                                                                    \
		__asm__ volatile("movq $3f, %0" : "=m"(place));                                              \
		set_debug(dr7);                                                                              \
		__asm__ volatile("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; " instructions       \
		                 "; nop; nop; cli"                                                           \
		                 :                                                                           \
		                 : "D"(&watched)                                                             \
		                 : "rax", "rbx", "rcx", "rdx", "memory");                                    \
	}

static uint64_t place;

DEFINE_SNIPPET(step_sti, STEP "sti; 3: nop")
DEFINE_SNIPPET(step_out, STEP "out %%al, $0x80; 3: nop")
DEFINE_SNIPPET(step_cr8, STEP "mov %%rax, %%cr8; 3: nop")
DEFINE_SNIPPET(step_hlt, STEP "hlt; 3: nop")
DEFINE_SNIPPET(step_ss_hlt, STEP LOAD_SS "hlt; 3: nop")
DEFINE_SNIPPET(step_ss_out, STEP LOAD_SS "out %%al, $0x80; 3: nop")
DEFINE_SNIPPET(step_ss_int1, STEP LOAD_SS ".byte 0xf1; 3: nop")
DEFINE_SNIPPET(step_ss_vmcall, STEP LOAD_SS "3: vmcall")
DEFINE_SNIPPET(step_ss_dr, STEP LOAD_SS "3: mov %%dr0, %%rax")
DEFINE_SNIPPET(ss_nop, LOAD_SS "nop; 3: nop")
DEFINE_SNIPPET(ss_cpuid, LOAD_SS "cpuid; 3: nop")
DEFINE_SNIPPET(ss_out, LOAD_SS "out %%al, $0x80; 3: nop")
DEFINE_SNIPPET(ss_hlt, LOAD_SS "hlt; 3: nop")
DEFINE_SNIPPET(ss_vmcall, LOAD_SS "3: vmcall")
DEFINE_SNIPPET(ss_dr, LOAD_SS "3: mov %%dr0, %%rax")
DEFINE_SNIPPET(sti_dr, "sti; 3: mov %%dr0, %%rax")
DEFINE_SNIPPET(sti_vmcall, "sti; 3: vmcall")
DEFINE_SNIPPET(sti_rdmsr, "mov $0x480, %%ecx; sti; 3: rdmsr")
DEFINE_SNIPPET(sti_int1, "sti; .byte 0xf1; 3: nop")

/* clang-format off */
static const struct {
	const char *name;
	void (*snippet)(uint64_t dr7);
	uint64_t dr7;
	int vector;
	uint64_t causes;
} rows[] = {
	{"a step over STI",               step_sti,       DR7_INITIAL,             EXCEPTION_DB, DR6_BS},
	{"a step over OUT",               step_out,       DR7_INITIAL,             EXCEPTION_DB, DR6_BS},
	{"a step over MOV to CR8",        step_cr8,       DR7_INITIAL,             EXCEPTION_DB, DR6_BS},
	{"a step over HLT",               step_hlt,       DR7_INITIAL,             EXCEPTION_DB, DR6_BS},
	{"a step over HLT behind MOV SS", step_ss_hlt,    DR7_INITIAL,             EXCEPTION_DB, DR6_BS},
	{"a step over OUT behind MOV SS", step_ss_out,    DR7_INITIAL,             EXCEPTION_DB, DR6_BS},
	{"INT1 behind MOV SS, stepped",   step_ss_int1,   DR7_INITIAL,             EXCEPTION_DB, ANY_CAUSES},
	{"VMCALL behind MOV SS, stepped", step_ss_vmcall, DR7_INITIAL,             EXCEPTION_UD, 0},
	{"MOV DR behind MOV SS, stepped", step_ss_dr,     DR7_INITIAL | DR7_GD,    EXCEPTION_DB, ANY_CAUSES},
	{"MOV SS watched, NOP",           ss_nop,         DR7_INITIAL | DR7_WATCH, EXCEPTION_DB, DR6_B0},
	{"MOV SS watched, CPUID",         ss_cpuid,       DR7_INITIAL | DR7_WATCH, EXCEPTION_DB, DR6_B0},
	{"MOV SS watched, OUT",           ss_out,         DR7_INITIAL | DR7_WATCH, EXCEPTION_DB, DR6_B0},
	{"MOV SS watched, HLT",           ss_hlt,         DR7_INITIAL | DR7_WATCH, EXCEPTION_DB, DR6_B0},
	{"MOV SS watched, VMCALL",        ss_vmcall,      DR7_INITIAL | DR7_WATCH, EXCEPTION_UD, 0},
	{"MOV DR behind MOV SS",          ss_dr,          DR7_INITIAL | DR7_GD,    EXCEPTION_DB, DR6_BD},
	{"MOV DR behind STI",             sti_dr,         DR7_INITIAL | DR7_GD,    EXCEPTION_DB, DR6_BD},
	{"VMCALL behind STI",             sti_vmcall,     DR7_INITIAL,             EXCEPTION_UD, 0},
	{"RDMSR behind STI",              sti_rdmsr,      DR7_INITIAL,             EXCEPTION_GP, 0},
	{"INT1 behind STI",               sti_int1,       DR7_INITIAL,             EXCEPTION_DB, 0},
};
/* clang-format on */

/* #AC, which the monitor looks at, too: at CPL 3, with TF and AC. */
static void attack_alignment(void)
{
	static const uint8_t bytes[] = {
		0x8c, 0xd1,                                           /* MOV ECX, SS */
		0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x04, 0x00, 0x9d, /* PUSHF; OR [RSP], 40100h; POPF */
		0x8e, 0xd1,                                           /* MOV SS, ECX */
		0x8b, 0x47, 0x01,                                     /* MOV EAX, [RDI + 1] */
	};

	write_cr0(read_cr0() | CR0_AM);
	check_equal("#AC behind MOV SS, stepped", 3,
	            (uint64_t)attempt_bytes(bytes, sizeof(bytes), 3, SCRATCH + 64), EXCEPTION_AC);
	check_equal("RIP of it", 3, fault.rip, SCRATCH + sizeof(bytes) - 3);
	write_cr0(read_cr0() & ~(uint64_t)CR0_AM);
	take_causes();
}

void attack_shadows(void)
{
	__asm__ volatile("mov %%ss, %0" : "=m"(watched));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		int vector = attempt(rows[i].snippet, rows[i].dr7);
		uint64_t causes = take_causes();

		check_equal(rows[i].name, i, (uint64_t)vector, (uint64_t)rows[i].vector);
		check_equal("RIP of it", i, fault.rip, place);
		if (rows[i].causes != ANY_CAUSES)
			check_equal("DR6 of it", i, causes, rows[i].causes);
	}
	attack_alignment();
}
