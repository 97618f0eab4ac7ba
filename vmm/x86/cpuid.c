/* SPDX-License-Identifier: MIT */
#include "vmm/x86/cpuid.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "vmm/backend.h"

#define EXTENDED_FIRST 0x80000000

/* CPUID.1:ECX */
#define LEAF1_ECX_XSAVE   BIT(26)
#define LEAF1_ECX_OSXSAVE BIT(27)
/* CPUID.80000001h */
#define EXT1_EDX_SYSCALL BIT(11)
#define EXT1_EDX_NX      BIT(20)
#define EXT1_EDX_1G      BIT(26)

#define LIMITED_MAX_BASIC 2 /* of MISC_LIMIT_CPUID */

/* State components that guests may enable: those without MSRs or exits of their own. */
#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))

enum cpuid_policy {
	ZERO,   /* the guest reads zeroes */
	FILTER, /* the processor's answer through the masks */
	FIXED,  /* the masks themselves */
};

/* One row per leaf of subleaf 0; what is not listed is ZERO. */
struct cpuid_rule {
	uint32_t leaf;
	uint8_t policy;
	uint32_t eax, ebx, ecx, edx;
};

#define ALL UINT32_MAX

/* clang-format off */
static const struct cpuid_rule cpuid_rules[] = {
	/* Vendor; the maximum is trimmed in cpuid_init(). */
	{0x00000000, FILTER, ALL,        ALL,        ALL,        ALL},
	/*
	 * EBX: one logical processor with APIC id 0; the CLFLUSH line size is kept.
	 * ECX, hidden: DTES64 2; MONITOR 3, which would idle the real CPU; DS-CPL 4, VMX 5, SMX 6,
	 * EIST 7, TM2 8, SDBG 11, xTPR 14, PDCM 15, DCA 18, x2APIC 21; TSC-deadline 24;
	 * OSXSAVE 27, which follows CR4; hypervisor 31.
	 * EDX, hidden: APIC 9 (none is emulated yet), PSN 18, DS 21, ACPI 22, HTT 28, TM 29,
	 * PBE 31.
	 */
	{0x00000001, FILTER, ALL,        0x0000ff00, 0x76da3203, 0x0f8bf9ff},
	/* Cache descriptors; caches, which one core has to itself. */
	{0x00000002, FILTER, ALL,        ALL,        ALL,        ALL},
	{0x00000004, FILTER, 0x00003fff, ALL,        ALL,        ALL},
	/* ARAT: the guest's timers do not stop. */
	{0x00000006, FILTER, 0x00000004, 0,          0,          0},
	/*
	 * EBX, hidden: SGX 2, PQM 12 and PQE 15 (MSRs of the machine), MPX 14, PT 25.
	 * ECX, hidden: PKU 3, since mm/guest_paging.c does not know keys; WAITPKG 5, whose control
	 * is off; CET 7, LA57 16, MPX width 17-21, key locker 23, bus lock 24, ENQCMD 29,
	 * SGX_LC 30, PKS 31.
	 * EDX, hidden: what needs MSRs that are not virtualised: UINTR 5, hybrid 15, PCONFIG 18,
	 * LBR 19, CET_IBT 20, AMX 22-25, IBRS 26, STIBP 27, L1D flush 28; ARCH_CAPABILITIES 29,
	 * CORE_CAPABILITIES 30, SSBD 31.
	 */
	{0x00000007, FILTER, 0,          0xfdff2ffb, 0x1a405f47, 0x0000451c},
	/* One thread on one core. */
	{0x0000000b, FIXED,  0,          1,          0x00000100, 0},
	/* XSAVE: see cpuid_dynamic(). */
	{0x0000000d, FILTER, ALL,        ALL,        ALL,        ALL},
	/* ECX: the TSC's rate, in cpuid_init(). */
	{0x00000015, FIXED,  1,          1,          0,          0},
	/* MHz: base and highest, in cpuid_init(); bus. */
	{0x00000016, FIXED,  0,          0,          100,        0},
	{0x80000000, FILTER, ALL,        0,          0,          0},
	/*
	 * ECX: LAHF 0, LZCNT 5, PREFETCHW 8.
	 * EDX: SYSCALL 11, NX 20, 1G pages 26, RDTSCP 27, LM 29.
	 */
	{0x80000001, FILTER, ALL,        0,          0x00000121, 0x2c100800},
	/* Brand string. */
	{0x80000002, FILTER, ALL,        ALL,        ALL,        ALL},
	{0x80000003, FILTER, ALL,        ALL,        ALL,        ALL},
	{0x80000004, FILTER, ALL,        ALL,        ALL,        ALL},
	/* L2. */
	{0x80000006, FILTER, 0,          0,          ALL,        0},
	/* Invariant TSC. */
	{0x80000007, FILTER, 0,          0,          0,          0x00000100},
	/* Address sizes. */
	{0x80000008, FILTER, 0x0000ffff, 0,          0,          0},
};
/* clang-format on */

struct cpuid_table cpuid_table;

static uint64_t xcr0_mask;
static uint8_t physical_bits;

/* Leaf 4 by subleaf; the last says that there are no more. */
#define CACHES 8
static struct cpuid_answer caches[CACHES];
static uint32_t xsave_size;

static struct cpuid_answer *cpuid_slot(uint32_t leaf)
{
	return leaf >= EXTENDED_FIRST ? &cpuid_table.extended[leaf - EXTENDED_FIRST]
	                              : &cpuid_table.basic[leaf];
}

static void cpuid_apply_rule(const struct cpuid_rule *rule, uint32_t host_max)
{
	struct cpuid_answer *answer = cpuid_slot(rule->leaf);
	struct cpuid_result host;

	if (rule->policy == FIXED) {
		*answer = (struct cpuid_answer){rule->eax, rule->ebx, rule->ecx, rule->edx, false};
		return;
	}
	if (rule->leaf > host_max)
		return;
	host = cpuid(rule->leaf, 0);
	*answer = (struct cpuid_answer){host.eax & rule->eax, host.ebx & rule->ebx, host.ecx & rule->ecx,
	                                host.edx & rule->edx, false};
}

static void cpuid_find_xcr0(uint32_t host_max)
{
	struct cpuid_result host;

	xcr0_mask = 0;
	if (!(cpuid_table.basic[1].ecx & LEAF1_ECX_XSAVE) || host_max < 0xd)
		return;
	host = cpuid(0xd, 0);
	xcr0_mask = ((uint64_t)host.edx << 32 | host.eax) & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
	/* The AVX-512 components come together or not at all. */
	if ((xcr0_mask & XCR0_AVX512) != XCR0_AVX512)
		xcr0_mask &= ~XCR0_AVX512;
}

/* The size of an XSAVE area with everything on that is offered. */
static uint32_t cpuid_largest_xsave_area(void)
{
	uint32_t size = 576; /* x87, SSE and the header */

	for (uint32_t i = 2; i < 63; i++) {
		if (xcr0_mask & BIT(i)) {
			struct cpuid_result part = cpuid(0xd, i);

			size = MAX(size, part.ebx + part.eax);
		}
	}
	return size;
}

static void cpuid_find_subleaves(void)
{
	xsave_size = cpuid_largest_xsave_area();
	for (uint32_t i = 0; i < CACHES; i++) {
		struct cpuid_result host = cpuid(4, i);

		caches[i] = (struct cpuid_answer){host.eax & 0x3fff, host.ebx, host.ecx, host.edx, false};
	}
}

static void cpuid_apply_backend(struct cpuid_backend backend)
{
	if (!backend.rdtscp) {
		cpuid_table.extended[1].edx &= ~(uint32_t)BIT(27);
		cpuid_table.basic[7].ecx &= ~(uint32_t)BIT(22); /* RDPID reads the same MSR */
	}
	if (!backend.invpcid)
		cpuid_table.basic[7].ebx &= ~(uint32_t)BIT(10);
}

static bool xsaves_offered;

void cpuid_init(struct cpuid_backend backend, uint64_t tsc_hz)
{
	uint32_t host_basic = cpuid(0, 0).eax, host_extended = cpuid(EXTENDED_FIRST, 0).eax;
	static const uint32_t dynamic[] = {1, 4, 7, 0xb, 0xd, 0x80000001};

	memset(&cpuid_table, 0, sizeof(cpuid_table));
	for (const struct cpuid_rule *r = cpuid_rules; r < cpuid_rules + ARRAY_SIZE(cpuid_rules); r++)
		cpuid_apply_rule(r, r->leaf >= EXTENDED_FIRST ? host_extended : host_basic);
	for (unsigned i = 0; i < ARRAY_SIZE(dynamic); i++)
		cpuid_slot(dynamic[i])->dynamic = true;

	/*
	 * Leaves 15h and 16h save the guest its own calibration; the rate in 15h must fit 32 bits.
	 */
	cpuid_table.max_basic = 0x16;
	if (tsc_hz > UINT32_MAX)
		cpuid_table.basic[0x15] = (struct cpuid_answer){0};
	else
		cpuid_table.basic[0x15].ecx = (uint32_t)tsc_hz;
	cpuid_table.basic[0x16].eax = cpuid_table.basic[0x16].ebx = (uint32_t)(tsc_hz / 1000000);
	cpuid_table.basic[0].eax = cpuid_table.max_basic;
	cpuid_table.extended[0].eax = MIN(host_extended, EXTENDED_FIRST + CPUID_EXTENDED_LEAVES - 1);
	cpuid_table.basic[1].ebx |= 0x00010000; /* one logical processor */
	cpuid_find_xcr0(host_basic);
	cpuid_find_subleaves();
	cpuid_apply_backend(backend);
	xsaves_offered = backend.xsaves;
	physical_bits =
		(uint8_t)MIN(MAX(cpuid_table.extended[8].eax & 0xff, 36), 48); /* 4-level EPT maps 48 bits */
	cpuid_table.extended[8].eax = 0x3000 | physical_bits;
}

/* The processor computes sizes from XCR0, which holds the guest's value: ask it, then filter. */
static void cpuid_xsave_leaf(uint32_t subleaf, struct cpuid_answer *a)
{
	struct cpuid_result host;

	*a = (struct cpuid_answer){0};
	if (!xcr0_mask)
		return;
	host = cpuid(0xd, subleaf);
	if (subleaf == 0)
		*a = (struct cpuid_answer){(uint32_t)xcr0_mask, host.ebx, xsave_size,
		                           (uint32_t)(xcr0_mask >> 32), false};
	else if (subleaf == 1)
		/* XSAVEOPT, XSAVEC, XGETBV(1), and XSAVES without any supervisor state. */
		*a = (struct cpuid_answer){host.eax & (xsaves_offered ? 0xf : 0x7), host.ebx, 0, 0, false};
	else if (subleaf < 63 && xcr0_mask & BIT(subleaf))
		*a = (struct cpuid_answer){host.eax, host.ebx, host.ecx, host.edx, false};
}

static void cpuid_dynamic(const struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf, struct cpuid_answer *a)
{
	switch (leaf) {
	case 0:
		if (vcpu->misc_enable & MISC_LIMIT_CPUID)
			a->eax = LIMITED_MAX_BASIC;
		break;
	case 1:
		if (backend_cr4(vcpu) & CR4_OSXSAVE)
			a->ecx |= (uint32_t)LEAF1_ECX_OSXSAVE;
		break;
	case 4: *a = caches[clamp_index(MIN(subleaf, CACHES - 1), CACHES)]; break;
	case 7:
		if (subleaf)
			*a = (struct cpuid_answer){0};
		break;
	case 0xb:
		/* Levels: thread, core, none. */
		*a = (struct cpuid_answer){0, subleaf < 2,
		                           subleaf < 2 ? (subleaf + 1) << 8 | subleaf : subleaf, 0, false};
		break;
	case 0xd: cpuid_xsave_leaf(subleaf, a); break;
	default:
		/* Intel processors report SYSCALL in 64-bit mode only. */
		if (!backend_long_code(vcpu))
			a->edx &= ~(uint32_t)EXT1_EDX_SYSCALL;
		if (vcpu->misc_enable & MISC_XD_DISABLE)
			a->edx &= ~(uint32_t)EXT1_EDX_NX;
	}
}

void cpuid_emulate_other(struct vcpu *vcpu)
{
	uint32_t leaf = (uint32_t)vcpu->gpr[RAX];
	const struct cpuid_answer *answer;
	struct cpuid_answer own;

	if (leaf <= cpuid_table.max_basic) {
		answer = &cpuid_table.basic[clamp_index(leaf, CPUID_BASIC_LEAVES)];
	} else if (leaf - EXTENDED_FIRST < CPUID_EXTENDED_LEAVES && leaf <= cpuid_table.extended[0].eax) {
		answer = &cpuid_table.extended[clamp_index(leaf - EXTENDED_FIRST, CPUID_EXTENDED_LEAVES)];
	} else {
		/* Out of range: the data of the highest basic leaf. */
		leaf = cpuid_table.max_basic;
		answer = &cpuid_table.basic[leaf];
	}
	if (answer->dynamic) {
		own = *answer;
		cpuid_dynamic(vcpu, leaf, (uint32_t)vcpu->gpr[RCX], &own);
		answer = &own;
	}
	cpuid_give(vcpu, answer);
}

uint64_t cpuid_xcr0_mask(void)
{
	return xcr0_mask;
}

/* SDM Vol. 1 "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
bool cpuid_xcr0_valid(uint64_t value)
{
	if (value & ~xcr0_mask || !(value & XCR0_X87))
		return false;
	if (value & XCR0_AVX && !(value & XCR0_SSE))
		return false;
	if (value & XCR0_AVX512)
		return (value & XCR0_AVX512) == XCR0_AVX512 && value & XCR0_AVX;
	return true;
}

uint8_t cpuid_physical_bits(void)
{
	return physical_bits;
}

bool cpuid_has_nx(void)
{
	return cpuid_table.extended[1].edx & EXT1_EDX_NX;
}

/* Any CPU may: other guests take the longer way to the same answer. */
void cpuid_allow_limit(void)
{
	cpuid_table.basic[0].dynamic = true;
}

bool cpuid_has_1g_pages(void)
{
	return cpuid_table.extended[1].edx & EXT1_EDX_1G;
}
