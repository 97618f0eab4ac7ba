/* SPDX-License-Identifier: MIT */
/*
 * Every MSR of the architecture's ranges and a sample of all others: read, and written with hostile
 * values.
 */
#include "attack.h"
#include "command.h"

#define SAMPLE 3000

static uint64_t value_read;

static void read(uint64_t index)
{
	value_read = read_msr((uint32_t)index);
}

static uint64_t value_to_write;

static void write(uint64_t index)
{
	write_msr((uint32_t)index, value_to_write);
}

static bool try_read(uint32_t index, uint64_t *value)
{
	int vector = attempt(read, index);

	if (vector != NO_FAULT) {
		check_equal("exception of RDMSR", index, (uint64_t)vector, EXCEPTION_GP);
		check_equal("error code of RDMSR", index, fault.error_code, 0);
		return false;
	}
	*value = value_read;
	return true;
}

static bool try_write(uint32_t index, uint64_t value)
{
	int vector;

	value_to_write = value;
	vector = attempt(write, index);
	if (vector == NO_FAULT)
		return true;
	check_equal("exception of WRMSR", index, (uint64_t)vector, EXCEPTION_GP);
	return false;
}

static bool moves(uint32_t index)
{
	return index == MSR_TSC || index == MSR_TSC_ADJUST;
}

/* A write that faults changes nothing; one that does not is taken back. */
static void write_and_back(uint32_t index, uint64_t value, uint64_t before)
{
	uint64_t after;

	if (try_write(index, value)) {
		try_write(index, before);
		return;
	}
	if (try_read(index, &after) && !moves(index))
		check_equal("MSR after a write that faulted", index, after, before);
}

static bool attack_msr(uint32_t index)
{
	static const uint64_t values[] = {0, UINT64_MAX, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa,
	                                  0x8000000000000000};
	uint64_t before;

	if (!try_read(index, &before)) {
		for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
			try_write(index, values[i]);
		return false;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
		write_and_back(index, values[i], before);
	for (unsigned bit = 0; bit < 64; bit++)
		write_and_back(index, before ^ BIT(bit), before);
	return true;
}

static unsigned attack_range(uint32_t first, uint32_t last)
{
	unsigned there = 0;

	for (uint32_t index = first; index <= last; index++)
		there += attack_msr(index);
	return there;
}

/*
 * What a processor has of VT-x, SMM, power, debugging and its APIC's registers is not the guest's.
 */
/* clang-format off */
static const struct {
	uint32_t first, last;
} absent[] = {
	{0x480,      0x491},      /* VT-x capabilities */
	{0x9b,       0x9b},       /* SMM monitor */
	{0x9e,       0x9e},       /* SMBASE */
	{0x1f2,      0x1f3},      /* SMRR */
	{0x800,      0x8ff},      /* x2APIC */
	{0x10a,      0x10b},      /* ARCH_CAPABILITIES, FLUSH_CMD */
	{0x48,       0x49},       /* SPEC_CTRL, PRED_CMD */
	{0xc0010000, 0xc0010200}, /* another vendor's */
};
/* clang-format on */

static void attack_absent(void)
{
	uint64_t value;

	for (unsigned i = 0; i < ARRAY_SIZE(absent); i++)
		for (uint32_t index = absent[i].first; index <= absent[i].last; index++)
			check_equal("MSR of the machine, readable", index, try_read(index, &value), 0);
}

void attack_msrs(void)
{
	unsigned there = attack_range(0, 0x1fff) + attack_range(0x40000000, 0x400001ff) +
	                 attack_range(0xc0000000, 0xc0001fff) + attack_range(0xc0010000, 0xc0011fff);
	unsigned sampled = 0;

	attack_absent();
	for (unsigned i = 0; i < SAMPLE; i++)
		sampled += attack_msr((uint32_t)random64() | 0x10000);
	check_equal("random MSRs that are there", 0, sampled, 0);
	print("attack: msrs there %u\n", (uint64_t)there);
}
