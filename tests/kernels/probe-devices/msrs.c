/* SPDX-License-Identifier: MIT */
/*
 * MSRs: the value; then each bit is turned over alone, and the line says which of them are #GP, and
 * which stayed turned over. The old value is written back after each.
 */
#include "devices.h"
#include "lib/registers.h"

#define NO_VALUE BIT(0) /* it holds time */
#define READ     BIT(1) /* never written: it would change how this kernel runs */

/* clang-format off */
static const struct {
	uint32_t index;
	uint32_t flags;
	uint64_t keep; /* bits that are left alone */
} msrs[] = {
	{0x0,        0,               0},                /* P5_MC_ADDR */
	{0x1,        0,               0},                /* P5_MC_TYPE */
	{0x6,        0,               0},                /* MONITOR_FILTER_SIZE */
	{0x10,       NO_VALUE | READ, 0},                /* TIME_STAMP_COUNTER */
	{0x17,       0,               0},                /* PLATFORM_ID */
	{0x1b,       READ,            0},                /* APIC_BASE */
	{0x3a,       0,               0},                /* FEATURE_CONTROL */
	{0x3b,       READ,            0},                /* TSC_ADJUST */
	{0x48,       0,               0},                /* SPEC_CTRL */
	{0x49,       0,               0},                /* PRED_CMD */
	{0x79,       READ,            0},                /* BIOS_UPDT_TRIG */
	{0x8b,       0,               0},                /* BIOS_SIGN_ID */
	{0xc1,       0,               0},                /* PMC0 */
	{0xce,       0,               0},                /* PLATFORM_INFO */
	{0xe1,       0,               0},                /* UMWAIT_CONTROL */
	{0xe7,       READ,            0},                /* MPERF */
	{0xe8,       READ,            0},                /* APERF */
	{0xfe,       0,               0},                /* MTRRCAP */
	{0x10a,      0,               0},                /* ARCH_CAPABILITIES */
	{0x10b,      0,               0},                /* FLUSH_CMD */
	{0x174,      0,               0},                /* SYSENTER_CS */
	{0x175,      0,               0},                /* SYSENTER_ESP */
	{0x176,      0,               0},                /* SYSENTER_EIP */
	{0x179,      0,               0},                /* MCG_CAP */
	{0x17a,      0,               0},                /* MCG_STATUS */
	{0x186,      0,               0},                /* PERFEVTSEL0 */
	{0x198,      0,               0},                /* PERF_STATUS */
	{0x199,      0,               0},                /* PERF_CTL */
	{0x19a,      0,               0},                /* CLOCK_MODULATION */
	{0x19b,      0,               0},                /* THERM_INTERRUPT */
	{0x19c,      0,               0},                /* THERM_STATUS */
	{0x1a0,      0,               0},                /* MISC_ENABLE */
	{0x1b0,      0,               0},                /* ENERGY_PERF_BIAS */
	{0x1c9,      0,               0},                /* LASTBRANCH_TOS */
	{0x1d9,      0,               0},                /* DEBUGCTL */
	{0x200,      0,               0},                /* MTRR_PHYSBASE0 */
	{0x201,      0,               0},                /* MTRR_PHYSMASK0 */
	{0x20e,      0,               0},                /* MTRR_PHYSBASE7 */
	{0x20f,      0,               0},                /* MTRR_PHYSMASK7 */
	{0x210,      0,               0},                /* MTRR_PHYSBASE8 */
	{0x250,      0,               0},                /* MTRR_FIX64K_00000 */
	{0x258,      0,               0},                /* MTRR_FIX16K_80000 */
	{0x26f,      0,               0},                /* MTRR_FIX4K_F8000 */
	{0x277,      0,               0},                /* PAT */
	{0x2ff,      0,               0},                /* MTRR_DEF_TYPE */
	{0x345,      0,               0},                /* PERF_CAPABILITIES */
	{0x38f,      0,               0},                /* PERF_GLOBAL_CTRL */
	{0x3f1,      0,               0},                /* PEBS_ENABLE */
	{0x400,      0,               0},                /* MC0_CTL */
	{0x401,      0,               0},                /* MC0_STATUS */
	{0x480,      0,               0},                /* VMX_BASIC */
	{0x600,      0,               0},                /* DS_AREA */
	{0x6e0,      0,               0},                /* TSC_DEADLINE */
	{0x802,      0,               0},                /* X2APIC_APICID */
	{0x80b,      READ,            0},                /* X2APIC_EOI */
	{0xc90,      0,               0},                /* L3_MASK_0 */
	{0xd90,      0,               0},                /* BNDCFGS */
	{0xda0,      0,               0},                /* XSS */
	{0xc0000080, 0,               BIT(8) | BIT(10)}, /* EFER: LME and LMA are tried in rows.def */
	{0xc0000081, 0,               0},                /* STAR */
	{0xc0000082, 0,               0},                /* LSTAR */
	{0xc0000083, 0,               0},                /* CSTAR */
	{0xc0000084, 0,               0},                /* FMASK */
	{0xc0000100, 0,               0},                /* FS_BASE */
	{0xc0000101, 0,               0},                /* GS_BASE */
	{0xc0000102, 0,               0},                /* KERNEL_GS_BASE */
	{0xc0000103, 0,               0},                /* TSC_AUX */
	{0xc0010015, 0,               0},                /* AMD's HWCR */
	{0x40000000, 0,               0},                /* a hypervisor's */
	{0x12345678, 0,               0},
	{0xffffffff, 0,               0},
};
/* clang-format on */

void probe_msrs(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t old = 0, refused = 0, kept = 0, now;
		uint32_t index = msrs[i].index;
		bool reads = try_read_msr(index, &old);

		print("probe msr_%x - %s", (uint64_t)index, reads ? "" : "gp");
		if (reads && !(msrs[i].flags & NO_VALUE))
			print("%x", old);
		if (msrs[i].flags & READ) {
			print("\n");
			continue;
		}
		for (unsigned bit = 0; bit < 64; bit++) {
			if (msrs[i].keep & BIT(bit))
				continue;
			if (!try_write_msr(index, old ^ BIT(bit))) {
				refused |= BIT(bit);
				continue;
			}
			if (reads && try_read_msr(index, &now) && now == (old ^ BIT(bit)))
				kept |= BIT(bit);
			(void)try_write_msr(index, old);
		}
		print(" refused %x kept %x\n", refused, kept);
	}
}
