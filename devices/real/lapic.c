/* SPDX-License-Identifier: MIT */
#include "devices/real/lapic.h"
#include "devices/real/wait.h"
#include "lib/registers.h"
#include "lib/string.h"
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
#define REG_ISR             0x100 /* 256 bits, 32 in each register; so is the next */
#define REG_IRR             0x200
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
#define CPUID_ECX_GUEST    BIT(31) /* reserved for hypervisors */
#define CPUID_SIGNATURE    0x40000000

/* SDM Vol. 3A "xAPIC Disable and Lock". */
#define CPUID7_EDX_ARCH_CAPABILITIES BIT(29)
#define CAPABILITY_XAPIC_DISABLE     BIT(21)
#define IA32_XAPIC_DISABLE_STATUS    0xbd
#define LEGACY_XAPIC_DISABLED        BIT(0)

#define LVT_MASKED       0x10000
#define LVT_ACTIVE_LOW   0x2000
#define LVT_MODE         0x700
#define LVT_SMI          0x200
#define LVT_NMI          0x400
#define LVT_TSC_DEADLINE 0x40000
#define SVR_ENABLE       0x100
#define DIVIDE_BY_1      0xb
#define ICR_PENDING      0x1000
#define ICR_ASSERT       0x4000

#define MEASURE_DIVISOR 100 /* of a second: 10 ms */
#define IPI_US          100000

/* SDM Vol. 3A "Local Vector Table": which entries exist follows from the version register. */
/* clang-format off */
static const struct {
	uint16_t reg;
	uint8_t from; /* lowest "Max LVT Entry" with which it exists */
} lapic_lvt[] = {
	{REG_LVT_TIMER,       0},
	{REG_LVT_LINT0,       0},
	{REG_LVT_LINT1,       0},
	{REG_LVT_ERROR,       3},
	{REG_LVT_PERFORMANCE, 4},
	{REG_LVT_THERMAL,     5},
	{REG_LVT_CMCI,        6},
};
/* clang-format on */

static struct {
	bool x2apic, deadline_mode;
	uint8_t spurious_vector;
	volatile uint32_t *registers;
	uint64_t ticks_per_tsc;              /* one-shot mode: 32.32 fixed point */
	uint32_t smi[ARRAY_SIZE(lapic_lvt)]; /* the firmware's entries; 0: not the firmware's */
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

static bool lapic_has_entry(size_t entry)
{
	return (lapic_get(REG_VERSION) >> 16 & 0xff) >= lapic_lvt[entry].from;
}

/*
 * Firmware that manages heat or memory errors by itself gets them as system management interrupts.
 * Masked, they leave it waiting in that mode for good.
 */
static void lapic_find_firmware_entries(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(lapic_lvt); i++) {
		uint32_t value = lapic_has_entry(i) ? lapic_get(lapic_lvt[i].reg) : 0;

		lapic.smi[i] = (value & LVT_MODE) == LVT_SMI ? value : 0;
	}
}

/* INIT has reset those of other processors, which must have the boot processor's. */
static void lapic_set_local_vectors(bool firmware)
{
	for (size_t i = 0; i < ARRAY_SIZE(lapic_lvt); i++) {
		uint32_t value = firmware ? lapic.smi[i] : LVT_MASKED;

		if (!lapic_has_entry(i) || firmware != !!lapic.smi[i])
			continue;
		if (!firmware || lapic_get(lapic_lvt[i].reg) != value)
			lapic_put(lapic_lvt[i].reg, value);
	}
}

/* Outer hypervisors that deliver an I/O APIC's interrupts in x2APIC mode; VMware may not. */
static bool lapic_outer_offers_x2apic(void)
{
	static const char signatures[][13] = {"KVMKVMKVM\0\0", "Microsoft Hv", "XenVMMXenVMM"};
	struct cpuid_result leaf;
	uint32_t signature[3];

	if (!(cpuid(1, 0).ecx & CPUID_ECX_GUEST))
		return false;
	leaf = cpuid(CPUID_SIGNATURE, 0);
	signature[0] = leaf.ebx;
	signature[1] = leaf.ecx;
	signature[2] = leaf.edx;
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (!memcmp(signature, signatures[i], sizeof(signature)))
			return true;
	return false;
}

/* From then on leaving x2APIC mode is #GP. */
static bool lapic_is_locked(void)
{
	return cpuid(0, 0).eax >= 7 && cpuid(7, 0).edx & CPUID7_EDX_ARCH_CAPABILITIES &&
	       read_msr(MSR_ARCH_CAPABILITIES) & CAPABILITY_XAPIC_DISABLE &&
	       read_msr(IA32_XAPIC_DISABLE_STATUS) & LEGACY_XAPIC_DISABLED;
}

/*
 * Without interrupt remapping x2APIC mode is no architecture but of guests, and firmware whose
 * system management code uses the xAPIC's page hangs in it. So what firmware chose is kept.
 */
static bool lapic_choose_x2apic(enum lapic_choice choice, bool wide_ids)
{
	if (!(cpuid(1, 0).ecx & CPUID_ECX_X2APIC))
		return false;
	if (lapic.x2apic)
		return choice != LAPIC_XAPIC || lapic_is_locked();
	return choice == LAPIC_X2APIC ||
	       (choice == LAPIC_AS_FIRMWARE && (wide_ids || lapic_outer_offers_x2apic()));
}

/*
 * SDM Vol. 3A "x2APIC State Transitions": from x2APIC mode to xAPIC mode only by way of disabled,
 * from there to x2APIC mode only by way of xAPIC mode.
 */
static void lapic_enter_mode(void)
{
	uint64_t base = read_msr(IA32_APIC_BASE), off = base & ~(APIC_BASE_EN | APIC_BASE_EXTD);

	if (!lapic.x2apic && base & APIC_BASE_EXTD) {
		write_msr(IA32_APIC_BASE, off);
		base = off;
	}
	if (!(base & APIC_BASE_EN))
		write_msr(IA32_APIC_BASE, off | APIC_BASE_EN);
	if (lapic.x2apic && !(base & APIC_BASE_EXTD))
		write_msr(IA32_APIC_BASE, off | APIC_BASE_EN | APIC_BASE_EXTD);
}

/* While it is disabled by software, its vectors are masked whatever is written. */
static void lapic_start(void)
{
	lapic_enter_mode();
	lapic_set_local_vectors(false);
	lapic_put(REG_TPR, 0);
	lapic_put(REG_ESR, 0);
	lapic_put(REG_SVR, SVR_ENABLE | lapic.spurious_vector);
	lapic_set_local_vectors(true);
}

bool lapic_init(uint8_t spurious_vector, enum lapic_choice choice, bool wide_ids)
{
	uint64_t base;

	if (!(cpuid(1, 0).edx & CPUID_EDX_APIC))
		return false;
	base = read_msr(IA32_APIC_BASE);
	lapic.spurious_vector = spurious_vector;
	lapic.registers = host_map_mmio(base & APIC_BASE_ADDRESS, PAGE_SIZE);
	lapic.x2apic = base & APIC_BASE_EXTD;
	memset(lapic.smi, 0, sizeof(lapic.smi));
	if (base & APIC_BASE_EN && (lapic.x2apic || lapic.registers))
		lapic_find_firmware_entries();
	lapic.x2apic = lapic_choose_x2apic(choice, wide_ids);
	if (!lapic.x2apic && !lapic.registers)
		return false;
	lapic_start();
	return true;
}

void lapic_init_cpu(void)
{
	lapic_start();
}

void lapic_set_nmi(unsigned lint, bool active_low)
{
	unsigned reg = lint ? REG_LVT_LINT1 : REG_LVT_LINT0;

	if ((lapic_get(reg) & LVT_MODE) != LVT_SMI)
		lapic_put(reg, LVT_NMI | (active_low ? LVT_ACTIVE_LOW : 0));
}

unsigned lapic_firmware_entries(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lapic_lvt); i++)
		count += lapic.smi[i] != 0;
	return count;
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

bool lapic_in_service(uint8_t vector)
{
	return (lapic.x2apic || lapic.registers) && lapic_has_bit(REG_ISR, vector);
}

/* How far the timer counts during 10 ms of the TSC. */
static bool lapic_measure(uint64_t tsc_hz)
{
	uint64_t wanted = tsc_hz / MEASURE_DIVISOR, elapsed = 0, start;
	uint32_t counted;

	lapic_put(REG_DIVIDE, DIVIDE_BY_1);
	lapic_put(REG_INITIAL_COUNT, UINT32_MAX);
	start = read_tsc();
	while (elapsed < wanted)
		elapsed = read_tsc() - start;
	counted = UINT32_MAX - lapic_get(REG_CURRENT_COUNT);
	lapic_put(REG_INITIAL_COUNT, 0);
	if (!counted || !elapsed)
		return false;
	lapic.ticks_per_tsc = ((uint64_t)counted << 32) / elapsed;
	return lapic.ticks_per_tsc;
}

bool lapic_timer_init(uint8_t vector, uint64_t tsc_hz, bool deadline)
{
	lapic.deadline_mode = deadline && cpuid(1, 0).ecx & CPUID_ECX_DEADLINE;
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
	struct wait wait;

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
	wait = wait_begin(IPI_US);
	while (lapic_get(REG_ICR_LOW) & ICR_PENDING && !wait_over(&wait))
		cpu_relax();
}
