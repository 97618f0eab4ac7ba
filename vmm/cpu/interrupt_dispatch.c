/* SPDX-License-Identifier: MIT */
/* What becomes of an exception, an NMI or an interrupt that has arrived. */
#include "devices/real/lapic.h"
#include "lib/panic.h"
#include "lib/registers.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/nmi.h"
#include "vmm/observe/log.h"
#include "vmm/observe/panic.h"
#include "vmm/observe/trace.h"

#define VECTORS       256
#define VECTOR_LOWEST 16 /* that a local APIC accepts: SDM Vol. 3A "Valid Interrupt Vectors" */

static void (*dispatch_handlers[VECTORS])(void);
static uint64_t dispatch_counts[VECTORS];

void interrupt_register(uint8_t vector, void (*handler)(void))
{
	assert_monitor(vector >= VECTOR_FIRST_FREE && !dispatch_handlers[vector]);
	dispatch_handlers[vector] = handler;
}

static void dispatch_unhandled(unsigned vector)
{
	if (dispatch_counts[vector] == 1)
		log_warning("interrupt vector %u has no handler\n", vector);
	lapic_eoi();
}

void interrupt_dispatch(unsigned vector)
{
	uint64_t start = read_tsc();

	assert_monitor(vector < VECTORS);
	trace(TRACE_INTERRUPT, vector, __atomic_add_fetch(&dispatch_counts[vector], 1, __ATOMIC_RELAXED));
	if (likely(dispatch_handlers[vector]))
		dispatch_handlers[vector]();
	else
		dispatch_unhandled(vector);
	if (unlikely(nmi_unsaid()))
		nmi_report();
	stretch_note(&this_cpu()->stretches, STRETCH_INTERRUPT, (const void *)dispatch_handlers[vector],
	             read_tsc() - start);
}

/*
 * Firmware may have left a device with a message at one of the exceptions' vectors. The local APIC
 * knows which it was.
 */
static bool dispatch_is_interrupt(unsigned vector)
{
	return vector >= VECTOR_FIRST_FREE || (vector >= VECTOR_LOWEST && lapic_in_service((uint8_t)vector));
}

/* Does the exception push an error code, as its stub in interrupts.S expects? */
static bool dispatch_has_error_code(unsigned vector)
{
	return vector == EXCEPTION_AC || vector == EXCEPTION_CP || vector == EXCEPTION_VC ||
	       vector == EXCEPTION_SX;
}

size_t interrupt_entry(const struct interrupt_frame *frame)
{
	unsigned vector = (unsigned)frame->vector;

	if (dispatch_is_interrupt(vector)) {
		interrupt_dispatch(vector);
		return dispatch_has_error_code(vector) ? INTERRUPT_FRAME_VECTOR : INTERRUPT_FRAME_WHOLE;
	}
	if (vector != EXCEPTION_NMI)
		panic_exception(frame);
	nmi_arrived(frame);
	return INTERRUPT_FRAME_WHOLE;
}
