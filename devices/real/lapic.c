/* SPDX-License-Identifier: MIT */
#include "devices/real/lapic.h"
#include "lib/x86.h"
#include "mm/host_map.h"

/*
 * SDM Vol. 3A "Advanced Programmable Interrupt Controller (APIC)", "Local APIC Register Address
 * Map".
 */
#define REG_ID              0x020
#define REG_VERSION         0x030
#define REG_TPR             0x080
#define REG_EOI             0x0b0
#define REG_SVR             0x0f0
#define REG_IRR             0x200 /* 256 bits, 32 in each register */
#define REG_ESR             0x280
#define REG_LVT_CMCI        0x2f0
#define REG_ICR_LOW         0x300
#define REG_ICR_HIGH        0x310
#define REG_LVT_TIMER       0x320
#define REG_LVT_THERMAL     0x330
#define REG_LVT_PERFORMANCE 0x340
#define REG_LVT_LINT0       0x350
#define REG_LVT_LINT1       0x360
#define REG_LVT_ERROR       0x370
#define REG_INITIAL_COUNT   0x380
#define REG_CURRENT_COUNT   0x390
#define REG_DIVIDE          0x3e0

#define IA32_APIC_BASE     0x1b
#define APIC_BASE_EXTD     BIT(10)
#define APIC_BASE_EN       BIT(11)
#define APIC_BASE_ADDRESS  0xffffffffff000
#define IA32_TSC_DEADLINE  0x6e0
#define X2APIC_MSR(reg)    (0x800 + ((reg) >> 4))
#define CPUID_EDX_APIC     BIT(9)
#define CPUID_ECX_X2APIC   BIT(21)
#define CPUID_ECX_DEADLINE BIT(24)

#define LVT_MASKED       0x10000
#define LVT_TSC_DEADLINE 0x40000
#define SVR_ENABLE       0x100
#define DIVIDE_BY_1      0xb
#define ICR_PENDING      0x1000
#define ICR_ASSERT       0x4000

#define MEASURE_DIVISOR 100        /* of a second: 10 ms */
#define LOOPS_MAX       100000000u /* in case the TSC stands still */
#define IPI_POLLS_MAX   1000000u

static struct {
	bool x2apic, deadline_mode;
	volatile uint32_t *registers;
	uint64_t ticks_per_tsc; /* one-shot mode: 32.32 fixed point */
} lapic;

static uint32_t lapic_get(unsigned reg)
{
	return lapic.x2apic ? (uint32_t)read_msr(X2APIC_MSR(reg)) : lapic.registers[reg / 4];
}

static void lapic_put(unsigned reg, uint32_t value)
{
	if (lapic.x2apic)
		write_msr(X2APIC_MSR(reg), value);
	else
		lapic.registers[reg / 4] = value;
}

/* SDM Vol. 3A "Local Vector Table": which entries exist follows from the version register. */
static void lapic_mask_local_vectors(void)
{
	/* clang-format off */
	static const struct {
		uint16_t reg;
		uint8_t from; /* lowest "Max LVT Entry" with which it exists */
	} entries[] = {
		{REG_LVT_TIMER,       0},
		{REG_LVT_LINT0,       0},
		{REG_LVT_LINT1,       0},
		{REG_LVT_ERROR,       3},
		{REG_LVT_PERFORMANCE, 4},
		{REG_LVT_THERMAL,     5},
		{REG_LVT_CMCI,        6},
	};
	/* clang-format on */
	unsigned last = lapic_get(REG_VERSION) >> 16 & 0xff;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		if (last >= entries[i].from)
			lapic_put(entries[i].reg, LVT_MASKED);
}

bool lapic_init(uint8_t spurious_vector)
{
	struct cpuid_result features = cpuid(1, 0);
	uint64_t base;

	if (!(features.edx & CPUID_EDX_APIC))
		return false;
	base = read_msr(IA32_APIC_BASE);
	/* SDM Vol. 3A "x2APIC State Transitions": from disabled, only by way of xAPIC mode. */
	if (!(base & APIC_BASE_EN)) {
		base |= APIC_BASE_EN;
		write_msr(IA32_APIC_BASE, base);
	}
	lapic.x2apic = features.ecx & CPUID_ECX_X2APIC;
	if (lapic.x2apic && !(base & APIC_BASE_EXTD))
		write_msr(IA32_APIC_BASE, base | APIC_BASE_EXTD);
	if (!lapic.x2apic && !lapic.registers)
		lapic.registers = host_map_mmio(base & APIC_BASE_ADDRESS, PAGE_SIZE);
	if (!lapic.x2apic && !lapic.registers)
		return false;
	lapic_mask_local_vectors();
	lapic_put(REG_TPR, 0);
	lapic_put(REG_ESR, 0);
	lapic_put(REG_SVR, SVR_ENABLE | spurious_vector);
	return true;
}

bool lapic_x2apic(void)
{
	return lapic.x2apic;
}

uint32_t lapic_id(void)
{
	return lapic.x2apic ? lapic_get(REG_ID) : lapic_get(REG_ID) >> 24;
}

void lapic_eoi(void)
{
	lapic_put(REG_EOI, 0);
}

static bool lapic_has_bit(unsigned reg, uint8_t vector)
{
	return lapic_get(reg + vector / 32 * 0x10) >> vector % 32 & 1;
}

bool lapic_requested(uint8_t vector)
{
	return lapic_has_bit(REG_IRR, vector);
}

/* How far the timer counts during 10 ms of the TSC. */
static bool lapic_measure(uint64_t tsc_hz)
{
	uint64_t wanted = tsc_hz / MEASURE_DIVISOR, elapsed = 0, start;
	uint32_t counted;

	lapic_put(REG_DIVIDE, DIVIDE_BY_1);
	lapic_put(REG_INITIAL_COUNT, UINT32_MAX);
	start = read_tsc();
	for (unsigned i = 0; elapsed < wanted && i < LOOPS_MAX; i++)
		elapsed = read_tsc() - start;
	counted = UINT32_MAX - lapic_get(REG_CURRENT_COUNT);
	lapic_put(REG_INITIAL_COUNT, 0);
	if (!counted || !elapsed)
		return false;
	lapic.ticks_per_tsc = ((uint64_t)counted << 32) / elapsed;
	return lapic.ticks_per_tsc;
}

bool lapic_timer_init(uint8_t vector, uint64_t tsc_hz)
{
	lapic.deadline_mode = cpuid(1, 0).ecx & CPUID_ECX_DEADLINE;
	if (lapic.deadline_mode) {
		lapic_put(REG_LVT_TIMER, LVT_TSC_DEADLINE | vector);
		/*
		 * SDM Vol. 3A "TSC-Deadline Mode": the write to the LVT must come before those to
		 * the MSR.
		 */
		__asm__ volatile("mfence" : : : "memory");
		return true;
	}
	lapic_put(REG_LVT_TIMER, LVT_MASKED | vector);
	if (!lapic_measure(tsc_hz))
		return false;
	lapic_put(REG_LVT_TIMER, vector);
	return true;
}

/* Too far for the 32-bit counter: the interrupt comes early, and whoever waits arms it again. */
static uint32_t lapic_one_shot_count(uint64_t deadline)
{
	uint64_t now = read_tsc();
	unsigned __int128 count;

	if (deadline <= now)
		return 1;
	count = ((unsigned __int128)(deadline - now) * lapic.ticks_per_tsc >> 32) + 1;
	return count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
}

void lapic_timer_arm(uint64_t deadline)
{
	bool never = deadline == UINT64_MAX;

	if (lapic.deadline_mode)
		write_msr(IA32_TSC_DEADLINE, never ? 0 : MAX(deadline, 1)); /* 0 disarms */
	else
		lapic_put(REG_INITIAL_COUNT, never ? 0 : lapic_one_shot_count(deadline));
}

const char *lapic_timer_mode(void)
{
	return lapic.deadline_mode ? "TSC-deadline" : "one-shot";
}

void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector)
{
	uint32_t command = ICR_ASSERT | (delivery & 7) << 8 | vector;

	if (lapic.x2apic) {
		/*
		 * SDM Vol. 3A "MSR Access in x2APIC Mode": the write waits for nothing, but whoever
		 * gets the interrupt shall see what was stored before.
		 */
		__asm__ volatile("mfence; lfence" : : : "memory");
		write_msr(X2APIC_MSR(REG_ICR_LOW), (uint64_t)apic_id << 32 | command);
		return;
	}
	lapic_put(REG_ICR_HIGH, apic_id << 24);
	lapic_put(REG_ICR_LOW, command);
	for (unsigned i = 0; lapic_get(REG_ICR_LOW) & ICR_PENDING && i < IPI_POLLS_MAX; i++)
		cpu_relax();
}
