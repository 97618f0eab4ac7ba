#include "vmm/mitigations.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/vcpu.h"

/* CPUID.7.0:EDX */
#define HAS_MD_CLEAR          BIT(10)
#define HAS_IBPB              BIT(26)
#define HAS_L1D_FLUSH         BIT(28)
#define HAS_ARCH_CAPABILITIES BIT(29)

/* IA32_ARCH_CAPABILITIES */
#define CAPABILITY_RDCL_NO          BIT(0)
#define CAPABILITY_SKIP_L1DFL_ENTRY BIT(3)
#define CAPABILITY_MDS_NO           BIT(5)
#define CAPABILITY_TAA_NO           BIT(8)

static bool wanted;
static uint32_t for_entry;
static bool buffers_safe, l1d_safe, barrier;

void mitigations_init(bool on)
{
	uint32_t features = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).edx : 0;
	uint64_t capabilities = features & HAS_ARCH_CAPABILITIES ? read_msr(MSR_ARCH_CAPABILITIES) : 0;

	wanted = on;
	for_entry = 0;
	barrier = on && features & HAS_IBPB;
	buffers_safe = capabilities & CAPABILITY_MDS_NO && capabilities & CAPABILITY_TAA_NO;
	/* An outer hypervisor that flushes for us says SKIP_L1DFL_VMENTRY. */
	l1d_safe = capabilities & (CAPABILITY_RDCL_NO | CAPABILITY_SKIP_L1DFL_ENTRY);
	if (on && !buffers_safe && features & HAS_MD_CLEAR)
		for_entry |= ENTRY_MITIGATE_BUFFERS;
	if (on && !l1d_safe && features & HAS_L1D_FLUSH)
		for_entry |= ENTRY_MITIGATE_L1D;
}

uint32_t mitigations_for_entry(void)
{
	return for_entry;
}

void mitigations_between_guests(void)
{
	if (barrier)
		write_msr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

static const char *state(bool safe, bool active)
{
	return safe     ? "not needed"
	       : active ? "on"
	       : wanted ? "not possible: microcode lacks it"
	                : "off by config";
}

void mitigations_report(void (*put)(const char *line))
{
	char line[120];

	put("  branch target injection (Spectre v2)   retpolines, built in");
	put("  return stack (RSB) poisoning           no return crosses an exit, built in");
	put("  guest values in registers              cleared on every exit, built in");
	format_buffer(line, sizeof(line), "  branch targets of another guest        IBPB between guests: %s",
	              state(false, barrier));
	put(line);
	format_buffer(line, sizeof(line), "  fill-buffer leaks (MDS, TAA)           VERW on entry: %s",
	              state(buffers_safe, for_entry & ENTRY_MITIGATE_BUFFERS));
	put(line);
	format_buffer(line, sizeof(line), "  L1 terminal fault (L1TF)               L1D flush on entry: %s",
	              state(l1d_safe, for_entry & ENTRY_MITIGATE_L1D));
	put(line);
}
