/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/nmi.h"
#include "devices/real/lapic.h"
#include "devices/real/wait.h"
#include "lib/x86.h"
#include "mm/image.h"
#include "vmm/cpu/cpu.h"
#include "vmm/observe/log.h"
#include "vmm/observe/machine_check.h"
#include "vmm/observe/panic.h"
#include "vmm/observe/symbols.h"
#include "vmm/observe/trace.h"

/* Intel I/O controller hub datasheets, "NMI_SC - NMI Status and Control Register". */
#define PORT_B          0x61
#define PORT_B_OWN      0x0f /* the bits that can be written */
#define PORT_B_NO_SERR  0x04 /* set: takes the report back, and no further one */
#define PORT_B_NO_IOCHK 0x08
#define PORT_B_IOCHK    0x40
#define PORT_B_SERR     0x80

#define INT_2      0x02cd /* raise_nmi() after a VM exit */
#define HANG_US    1000000
#define ANSWERS_US 10000

static struct {
	uint64_t count;       /* of all; atomic */
	uint64_t unsaid_from; /* TSC of the first that is not reported; 0: none */
	uint8_t source;       /* bits of port B since then */
	struct {
		uint64_t rip;
		bool guest, fresh; /* since the last report */
	} place[CPUS_MAX];
} nmi;

/* Its report stays, and a second one is not seen, until it is taken back. */
static void nmi_rearm(void)
{
	uint8_t value = in8(PORT_B), off;

	if (!(value & (PORT_B_SERR | PORT_B_IOCHK)) || value == UINT8_MAX)
		return;
	off = (uint8_t)((value & PORT_B_SERR ? PORT_B_NO_SERR : 0) |
	                (value & PORT_B_IOCHK ? PORT_B_NO_IOCHK : 0));
	__atomic_fetch_or(&nmi.source, value & (PORT_B_SERR | PORT_B_IOCHK), __ATOMIC_RELAXED);
	out8(PORT_B, (uint8_t)((value & PORT_B_OWN) | off));
	out8(PORT_B, (uint8_t)(value & PORT_B_OWN & ~off));
}

/* The instruction after which it came is that of raise_nmi(). */
static bool nmi_came_by_exit(uint64_t rip)
{
	const uint8_t *at = (const uint8_t *)rip;

	return at >= text_start + 2 && at < text_end && (at[-2] | at[-1] << 8) == INT_2;
}

void nmi_arrived(const struct interrupt_frame *frame)
{
	unsigned index = this_cpu()->index;
	uint64_t from = 0, now = read_tsc();

	if (panic_in_progress()) /* not every processor may have taken the machine check that it reports */
		machine_check_collect();
	while (panic_in_progress())
		__asm__ volatile("cli; hlt");
	trace(TRACE_NMI, __atomic_add_fetch(&nmi.count, 1, __ATOMIC_RELAXED), 0);
	nmi_rearm();
	nmi.place[index].rip = frame->rip;
	nmi.place[index].guest = nmi_came_by_exit(frame->rip);
	__atomic_store_n(&nmi.place[index].fresh, true, __ATOMIC_RELEASE);
	if (!__atomic_compare_exchange_n(&nmi.unsaid_from, &from, now, false, __ATOMIC_RELAXED,
	                                 __ATOMIC_RELAXED) &&
	    now - from >= wait_ticks(HANG_US))
		panic_exception(frame);
}

bool nmi_unsaid(void)
{
	return __atomic_load_n(&nmi.unsaid_from, __ATOMIC_RELAXED);
}

static bool nmi_is_fresh(unsigned cpu)
{
	return __atomic_load_n(&nmi.place[cpu].fresh, __ATOMIC_ACQUIRE);
}

static bool nmi_all_are_fresh(void)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (!nmi_is_fresh(i) && cpu_get(i) != this_cpu())
			return false;
	return true;
}

static void nmi_ask_others(void)
{
	struct wait wait = wait_begin(ANSWERS_US);

	for (unsigned i = 0; i < cpu_count; i++)
		if (!nmi_is_fresh(i) && cpu_get(i) != this_cpu())
			lapic_send_ipi(cpu_get(i)->apic_id, LAPIC_DELIVER_NMI, 0);
	while (!nmi_all_are_fresh() && !wait_over(&wait))
		cpu_relax();
}

static const char *nmi_source(uint8_t bits)
{
	if (bits & PORT_B_SERR)
		return "the chipset reports an error (SERR#)";
	if (bits & PORT_B_IOCHK)
		return "an expansion card reports an error (IOCHK#)";
	return "the hardware names no source: the NMI button, a watchdog or the firmware";
}

static void nmi_describe_cpu(unsigned cpu)
{
	char name[80];

	if (!nmi_is_fresh(cpu))
		log_warning("  CPU %u: %s\n", cpu,
		            cpu_get(cpu) == this_cpu() ? "reports this" : "does not answer");
	else if (nmi.place[cpu].guest)
		log_warning("  CPU %u: in a guest\n", cpu);
	else
		log_warning("  CPU %u: at %016lx %s\n", cpu, nmi.place[cpu].rip,
		            symbol_describe(nmi.place[cpu].rip, name, sizeof(name)));
}

void nmi_report(void)
{
	uint64_t from = __atomic_load_n(&nmi.unsaid_from, __ATOMIC_RELAXED);
	static uint32_t reporting; /* one CPU is enough */

	if (!from || __atomic_exchange_n(&reporting, 1, __ATOMIC_ACQUIRE))
		return;
	nmi_ask_others();
	log_warning("NMI %lu: %s\n", __atomic_load_n(&nmi.count, __ATOMIC_RELAXED),
	            nmi_source(__atomic_exchange_n(&nmi.source, 0, __ATOMIC_RELAXED)));
	for (unsigned i = 0; i < cpu_count; i++) {
		nmi_describe_cpu(i);
		nmi.place[i].fresh = false;
	}
	__atomic_store_n(&nmi.unsaid_from, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&reporting, 0, __ATOMIC_RELEASE);
}
