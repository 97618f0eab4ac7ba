/* SPDX-License-Identifier: MIT */
/* The processor in host tests: see fake/lib/x86.h. */
#include <string.h>
#include "lib/x86.h"
#include "lib/panic.h"

struct fake_x86 fake_x86;

void fake_x86_reset(void)
{
	memset(&fake_x86, 0, sizeof(fake_x86));
}

static uint32_t port_in(uint16_t port, unsigned size)
{
	fake_x86.ins++;
	return fake_x86.in ? fake_x86.in(port, size) : UINT32_MAX;
}

static void port_out(uint16_t port, unsigned size, uint32_t value)
{
	fake_x86.outs++;
	if (fake_x86.out)
		fake_x86.out(port, size, value);
}

void out8(uint16_t port, uint8_t value)
{
	port_out(port, 1, value);
}

void out16(uint16_t port, uint16_t value)
{
	port_out(port, 2, value);
}

void out32(uint16_t port, uint32_t value)
{
	port_out(port, 4, value);
}

uint8_t in8(uint16_t port)
{
	return (uint8_t)port_in(port, 1);
}

uint16_t in16(uint16_t port)
{
	return (uint16_t)port_in(port, 2);
}

uint32_t in32(uint16_t port)
{
	return port_in(port, 4);
}

struct fake_msr *fake_msr_find(uint32_t index)
{
	for (unsigned i = 0; i < fake_x86.msrs; i++)
		if (fake_x86.msr[i].index == index)
			return &fake_x86.msr[i];
	return NULL;
}

void fake_msr_set(uint32_t index, uint64_t value)
{
	struct fake_msr *msr = fake_msr_find(index);

	if (!msr) {
		assert_monitor(fake_x86.msrs < FAKE_MSRS);
		msr = &fake_x86.msr[fake_x86.msrs++];
		*msr = (struct fake_msr){.index = index};
	}
	msr->value = value;
}

uint64_t fake_msr_get(uint32_t index)
{
	struct fake_msr *msr = fake_msr_find(index);

	return msr ? msr->value : 0;
}

uint64_t read_msr(uint32_t index)
{
	struct fake_msr *msr;

	if (fake_x86.read_msr)
		return fake_x86.read_msr(index);
	msr = fake_msr_find(index);
	if (!msr)
		panic("RDMSR of %x, which the test did not define", index);
	return msr->value;
}

void write_msr(uint32_t index, uint64_t value)
{
	if (fake_x86.write_msr) {
		fake_x86.write_msr(index, value);
		return;
	}
	fake_msr_set(index, value);
	fake_msr_find(index)->writes++;
}

uint64_t read_tsc(void)
{
	uint64_t tsc = fake_x86.tsc;

	fake_x86.tsc += fake_x86.tsc_step;
	return tsc;
}

static struct fake_cpuid *find_cpuid(uint32_t leaf, uint32_t subleaf)
{
	for (unsigned i = 0; i < fake_x86.cpuids; i++)
		if (fake_x86.cpuid[i].leaf == leaf && fake_x86.cpuid[i].subleaf == subleaf)
			return &fake_x86.cpuid[i];
	return NULL;
}

void fake_cpuid_set(uint32_t leaf, uint32_t subleaf, struct cpuid_result result)
{
	struct fake_cpuid *entry = find_cpuid(leaf, subleaf);

	if (!entry) {
		assert_monitor(fake_x86.cpuids < FAKE_CPUIDS);
		entry = &fake_x86.cpuid[fake_x86.cpuids++];
	}
	*entry = (struct fake_cpuid){leaf, subleaf, result};
}

struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct fake_cpuid *entry;

	if (fake_x86.cpuid_hook)
		return fake_x86.cpuid_hook(leaf, subleaf);
	entry = find_cpuid(leaf, subleaf);
	return entry ? entry->result : (struct cpuid_result){0};
}

#define DEFINE_CONTROL_REGISTER(n)                                                                           \
	uint64_t read_cr##n(void)                                                                            \
	{                                                                                                    \
		return fake_x86.cr[n];                                                                       \
	}                                                                                                    \
	void write_cr##n(uint64_t value)                                                                     \
	{                                                                                                    \
		fake_x86.cr[n] = value;                                                                      \
	}
DEFINE_CONTROL_REGISTER(0)
DEFINE_CONTROL_REGISTER(2)
DEFINE_CONTROL_REGISTER(3)
DEFINE_CONTROL_REGISTER(4)

void write_dr7(uint64_t value)
{
	fake_x86.dr7 = value;
}

void cpu_relax(void)
{
	fake_x86.relaxes++;
	if (fake_x86.relax)
		fake_x86.relax();
}

void interrupts_disable(void)
{
	fake_x86.interrupt_disables++;
}

void cpu_halt(void)
{
	wait_for_interrupt();
}

void wait_for_interrupt(void)
{
	fake_x86.halts++;
	if (fake_x86.halt)
		fake_x86.halt();
}

void *per_cpu_base(void)
{
	return fake_x86.per_cpu;
}

void interrupts_window(void)
{
	fake_x86.windows++;
	if (fake_x86.window)
		fake_x86.window();
}
