/* SPDX-License-Identifier: MIT */
/*
 * The probe kernel of devices, MSRs and CPUID: one line for each thing that is tried, "probe NAME -
 * VALUES". It runs bare and as a guest, and tests/equivalence compares the lines. So no value may
 * depend on how fast a machine is.
 */
#ifndef TESTS_KERNELS_PROBE_DEVICES_DEVICES_H
#define TESTS_KERNELS_PROBE_DEVICES_DEVICES_H

#include "kernel.h"

/* ---- output.c: the whole, a line, and what it is made of ---- */

void probe_begin(void);
_Noreturn void probe_end(void);

void begin(const char *name);
void begin_numbered(const char *name, uint64_t number); /* NAME_NUMBER, in hexadecimal */
void value(uint64_t value);
void end(void);

/* A port write; a read whose value goes into the line. */
static inline void put(uint16_t port, uint8_t byte)
{
	out8(port, byte);
}
static inline void show(uint16_t port)
{
	value(in8(port));
}

/*
 * Take one interrupt, if one comes now; returns its vector, or 0. Interrupts are disabled before
 * and after.
 */
uint64_t take(void);
void show_taken(void);

/* HLT until an interrupt; it is taken. */
uint64_t halt(void);

/* An instruction that may fault: returns false at #GP. */
bool try_read_msr(uint32_t index, uint64_t *value);
bool try_write_msr(uint32_t index, uint64_t value);

/* ---- time.c: in ticks of the 8254, 1193182 Hz, by the TSC ---- */

void time_init(void);
uint64_t time_now(void);
void time_wait(uint64_t ticks);

/* A time as a class: eighths of `expected`, rounded; 8 is right to 6 %. */
void show_ratio(uint64_t ticks, uint64_t expected);

/* ---- lines.c: interrupt lines that software drives ---- */

enum { LINE_PIT = 0, LINE_COM2 = 3, LINE_COM1 = 4, LINE_RTC = 8 };

void line_high(unsigned irq);
void line_low(unsigned irq);
void lines_low(void);

/* ---- The probes ---- */

void probe_pic(void);
void probe_pit(void);
void probe_uart(void);
void probe_rtc(void);
void probe_i8042(void);
void probe_cpuid(void);
void probe_msrs(void);
void probe_agreement(void);

/* Both 8259A with ICW4 `icw4`, vectors 20h and 28h, everything masked. */
void pic_start(uint8_t icw4);

#define MASTER 0x20
#define SLAVE  0xa0

#define OCW2_EOI      0x20
#define OCW3_READ_IRR 0x0a
#define OCW3_READ_ISR 0x0b

/* CMOS registers. */
uint8_t cmos_read(uint8_t index);
void cmos_write(uint8_t index, uint8_t value);

#endif
