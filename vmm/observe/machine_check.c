/* SPDX-License-Identifier: MIT */
#include "vmm/observe/machine_check.h"
#include "lib/format.h"
#include "lib/per_cpu.h"
#include "vmm/observe/log.h"

#define CPUID1_EDX_MCE BIT(7)
#define CPUID1_EDX_MCA BIT(14)

#define MCG_CAP_BANKS 0xff
#define MCG_CAP_CTL_P BIT(8) /* IA32_MCG_CTL exists */

/* Four MSRs a bank. */
#define MSR_MC_CTL(bank)    (0x400 + 4 * (bank))
#define MSR_MC_STATUS(bank) (0x401 + 4 * (bank))
#define MSR_MC_ADDR(bank)   (0x402 + 4 * (bank))
#define MSR_MC_MISC(bank)   (0x403 + 4 * (bank))

#define STATUS_VAL   BIT(63)
#define STATUS_UC    BIT(61)
#define STATUS_MISCV BIT(59)
#define STATUS_ADDRV BIT(58)
#define STATUS_PCC   BIT(57)

#define CPUS       64
#define BANKS_KEPT 4         /* of one CPU; an error is seldom in more than two */
#define WAIT_TICKS 400000000 /* of the TSC: 100 ms at 4 GHz */

struct bank {
	unsigned number;
	uint64_t status, address, misc;
};

static struct {
	bool collected;
	unsigned banks;
	uint64_t mcg_status;
	struct bank bank[BANKS_KEPT];
} machine_checks[CPUS];

static unsigned watched; /* CPUs that report */

static bool machine_check_has(uint32_t feature)
{
	return cpuid(1, 0).edx & feature;
}

static unsigned machine_check_banks(void)
{
	return machine_check_has(CPUID1_EDX_MCA) ? read_msr(MSR_MCG_CAP) & MCG_CAP_BANKS : 0;
}

static bool bank_read(unsigned number, struct bank *bank)
{
	uint64_t status = read_msr(MSR_MC_STATUS(number));

	if (!(status & STATUS_VAL))
		return false;
	*bank = (struct bank){number, status, status & STATUS_ADDRV ? read_msr(MSR_MC_ADDR(number)) : 0,
	                      status & STATUS_MISCV ? read_msr(MSR_MC_MISC(number)) : 0};
	return true;
}

/* Writing the status to zero is the only write that no bank refuses. */
static void bank_clear(unsigned number)
{
	write_msr(MSR_MC_STATUS(number), 0);
}

static void bank_describe(const struct bank *bank, char *line, size_t size)
{
	format_buffer(line, size, "bank %u: status %016lx address %lx misc %lx: %s error%s", bank->number,
	              bank->status, bank->address, bank->misc,
	              bank->status & STATUS_UC ? "uncorrected" : "corrected",
	              bank->status & STATUS_PCC ? ", the processor's state is lost" : "");
}

static void bank_init(unsigned number)
{
	struct bank bank;
	char line[120];

	if (bank_read(number, &bank)) {
		bank_describe(&bank, line, sizeof(line));
		log_warning("machine check before this boot, CPU %u, %s\n", per_cpu_index(), line);
	}
	write_msr(MSR_MC_CTL(number), UINT64_MAX);
	bank_clear(number);
}

void machine_check_enable(void)
{
	if (machine_check_has(CPUID1_EDX_MCE))
		write_cr4(read_cr4() | CR4_MCE);
}

/* SDM Vol. 3B "Machine-Check Initialization": CR4.MCE comes last. */
void machine_check_init_cpu(void)
{
	unsigned banks = machine_check_banks();

	if (banks && read_msr(MSR_MCG_CAP) & MCG_CAP_CTL_P)
		write_msr(MSR_MCG_CTL, UINT64_MAX);
	for (unsigned i = 0; i < banks; i++)
		bank_init(i);
	machine_check_enable();
	__atomic_add_fetch(&watched, 1, __ATOMIC_RELEASE);
}

void machine_check_collect(void)
{
	const struct per_cpu *cpu = per_cpu_or_null();
	unsigned index = cpu ? cpu->index : 0, banks = machine_check_banks();

	if (index >= CPUS || machine_checks[index].collected)
		return;
	if (banks)
		machine_checks[index].mcg_status = read_msr(MSR_MCG_STATUS);
	for (unsigned i = 0; i < banks && machine_checks[index].banks < BANKS_KEPT; i++)
		if (bank_read(i, &machine_checks[index].bank[machine_checks[index].banks])) {
			machine_checks[index].banks++;
			bank_clear(i);
		}
	if (banks) /* a second one while MCIP is set resets the machine */
		write_msr(MSR_MCG_STATUS, 0);
	__atomic_store_n(&machine_checks[index].collected, true, __ATOMIC_RELEASE);
}

static unsigned machine_check_collected(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CPUS; i++)
		count += __atomic_load_n(&machine_checks[i].collected, __ATOMIC_ACQUIRE);
	return count;
}

void machine_check_print(void (*put)(const char *line))
{
	uint64_t start = read_tsc();
	char text[120], line[140];

	while (machine_check_collected() < watched && read_tsc() - start < WAIT_TICKS)
		cpu_relax();
	for (unsigned i = 0; i < CPUS; i++) {
		for (unsigned b = 0; b < machine_checks[i].banks; b++) {
			bank_describe(&machine_checks[i].bank[b], text, sizeof(text));
			format_buffer(line, sizeof(line), "CPU %u, %s", i, text);
			put(line);
		}
		if (machine_checks[i].banks) {
			format_buffer(line, sizeof(line), "CPU %u, IA32_MCG_STATUS %lx", i,
			              machine_checks[i].mcg_status);
			put(line);
		}
	}
	format_buffer(line, sizeof(line), "%u of %u CPUs have answered", machine_check_collected(), watched);
	put(line);
}
