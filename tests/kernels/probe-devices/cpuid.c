/* SPDX-License-Identifier: MIT */
/*
 * CPUID: a line for each flag, so that a hidden one has its own reason, and a line for what are no
 * flags.
 */
#include "devices.h"

struct leaf {
	uint32_t leaf, subleaf;
	uint8_t flags; /* registers that hold flags: bits 0 to 3 for EAX to EDX */
	const char *name;
};

#define EAX BIT(0)
#define EBX BIT(1)
#define ECX BIT(2)
#define EDX BIT(3)

/* clang-format off */
static const struct leaf leaves[] = {
	{0x0,        0,  0,               "cpuid_0"},
	{0x1,        0,  ECX | EDX,       "cpuid_1"},
	{0x2,        0,  0,               "cpuid_2"},
	{0x3,        0,  0,               "cpuid_3"},
	{0x4,        0,  0,               "cpuid_4_0"},
	{0x4,        1,  0,               "cpuid_4_1"},
	{0x4,        2,  0,               "cpuid_4_2"},
	{0x4,        3,  0,               "cpuid_4_3"},
	{0x4,        4,  0,               "cpuid_4_4"},
	{0x5,        0,  0,               "cpuid_5"},
	{0x6,        0,  EAX,             "cpuid_6"},
	{0x7,        0,  EBX | ECX | EDX, "cpuid_7"},
	{0x7,        1,  EAX,             "cpuid_7_1"},
	{0x8,        0,  0,               "cpuid_8"},
	{0x9,        0,  0,               "cpuid_9"},
	{0xa,        0,  0,               "cpuid_a"},
	{0xb,        0,  0,               "cpuid_b_0"},
	{0xb,        1,  0,               "cpuid_b_1"},
	{0xb,        2,  0,               "cpuid_b_2"},
	{0xc,        0,  0,               "cpuid_c"},
	{0xd,        0,  EAX,             "cpuid_d_0"},
	{0xd,        1,  EAX,             "cpuid_d_1"},
	{0xd,        2,  0,               "cpuid_d_2"},
	{0xd,        3,  0,               "cpuid_d_3"},
	{0xd,        5,  0,               "cpuid_d_5"},
	{0xd,        6,  0,               "cpuid_d_6"},
	{0xd,        7,  0,               "cpuid_d_7"},
	{0xd,        8,  0,               "cpuid_d_8"},
	{0xd,        9,  0,               "cpuid_d_9"},
	{0xd,        63, 0,               "cpuid_d_63"},
	{0xe,        0,  0,               "cpuid_e"},
	{0xf,        0,  0,               "cpuid_f"},
	{0x10,       0,  0,               "cpuid_10"},
	{0x12,       0,  0,               "cpuid_12"},
	{0x14,       0,  0,               "cpuid_14"},
	{0x15,       0,  0,               "cpuid_15"},
	{0x16,       0,  0,               "cpuid_16"},
	{0x17,       0,  0,               "cpuid_17"},
	{0x40000000, 0,  0,               "cpuid_40000000"},
	{0x80000000, 0,  0,               "cpuid_80000000"},
	{0x80000001, 0,  ECX | EDX,       "cpuid_80000001"},
	{0x80000002, 0,  0,               "cpuid_80000002"},
	{0x80000003, 0,  0,               "cpuid_80000003"},
	{0x80000004, 0,  0,               "cpuid_80000004"},
	{0x80000005, 0,  0,               "cpuid_80000005"},
	{0x80000006, 0,  0,               "cpuid_80000006"},
	{0x80000007, 0,  EDX,             "cpuid_80000007"},
	{0x80000008, 0,  EBX,             "cpuid_80000008"},
	{0x80000009, 0,  0,               "cpuid_80000009"},
	{0xffffffff, 0,  0,               "cpuid_ffffffff"},
};
/* clang-format on */

void probe_cpuid(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++) {
		const struct leaf *leaf = &leaves[i];
		struct cpuid_result result = cpuid(leaf->leaf, leaf->subleaf);
		uint32_t registers[] = {result.eax, result.ebx, result.ecx, result.edx};

		for (unsigned r = 0; r < 4; r++) {
			if (!(leaf->flags & BIT(r))) {
				print("probe %s_e%cx - %x\n", leaf->name, "abcd"[r], (uint64_t)registers[r]);
				continue;
			}
			for (unsigned bit = 0; bit < 32; bit++)
				print("probe %s_e%cx_%u - %x\n", leaf->name, "abcd"[r], (uint64_t)bit,
				      (uint64_t)(registers[r] >> bit & 1));
		}
	}
}
