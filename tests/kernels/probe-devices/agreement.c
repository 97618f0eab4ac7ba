/* SPDX-License-Identifier: MIT */
/*
 * What must agree: the 8254's output and IRR; its count, its request and the ticks that were taken;
 * an error of the FPU and the line that reports it.
 */
#include "devices.h"
#include "lib/registers.h"

#define PERIOD  4000 /* ticks of the 8254 */
#define PERIODS 10
#define NEVER   (20 * PERIODS * PERIOD)

#define FPU_VECTOR   0x2d
#define CASCADE      BIT(2)
#define FPU_OF_SLAVE BIT(5)

static void start_channel_0(uint8_t control)
{
	pic_start(1);
	put(0x43, control);
	put(0x40, (uint8_t)PERIOD);
	put(0x40, PERIOD >> 8);
}

static bool irr(void)
{
	return in8(MASTER) & 1;
}

/* From a fall on, with interrupts off and the line masked: rises, and the falls between them. */
static void irr_against_out(void)
{
	unsigned rises = 0, falls = 0;
	bool last = false;
	uint64_t start;

	begin("irr_against_out");
	start_channel_0(0x36);
	start = time_now();
	while (!irr() && time_now() - start < NEVER)
		cpu_relax();
	while (irr() && time_now() - start < NEVER)
		cpu_relax();
	while (rises < PERIODS && time_now() - start < NEVER) {
		bool now = irr();

		rises += now && !last;
		falls += !now && last;
		last = now;
	}
	value(rises);
	value(falls);
	end();
}

static unsigned latched(void)
{
	unsigned low;

	put(0x43, 0);
	low = in8(0x40);
	return low | (unsigned)in8(0x40) << 8;
}

/*
 * As old systems tell the time: how often does it go back, and does it go on? A request that waits
 * while the count is high came after the last tick; it is taken a little later.
 */
static void count_against_tick(void)
{
	uint64_t last = 0, time, ticks = 0, start;
	unsigned back = 0;

	begin("count_against_tick");
	start_channel_0(0x34);
	put(MASTER + 1, 0xfe);
	start = time_now();
	while (ticks < PERIODS && time_now() - start < NEVER) {
		unsigned count = latched();
		bool waits = irr();

		time = (ticks + (waits && count > PERIOD / 2)) * PERIOD + PERIOD - count;
		back += time < last;
		last = time;
		if (waits && count > PERIOD / 2 && count < PERIOD / 4 * 3 && take()) {
			put(MASTER, OCW2_EOI);
			ticks++;
		}
	}
	value(back);
	value(ticks);
	end();
	put(MASTER + 1, 0xff);
}

static volatile unsigned interrupts, faults;

static void on_fpu_interrupt(struct frame *frame)
{
	(void)frame;
	interrupts++;
	put(0xf0, 0);
	__asm__ volatile("fnclex");
	put(SLAVE, OCW2_EOI);
	put(MASTER, OCW2_EOI);
}

static void on_fpu_fault(struct frame *frame)
{
	(void)frame;
	faults++;
	__asm__ volatile("fnclex");
}

/* 1 / 0, with that error unmasked, and an instruction that waits for the FPU. */
static void divide_by_zero(void)
{
	const uint16_t control = 0x37b;

	__asm__ volatile("fninit; fldcw %0; fldz; fld1; fdiv %%st(1), %%st; sti; nop; fwait; nop; cli; fninit"
	                 :
	                 : "m"(control)
	                 : "memory");
}

static void fpu_error(const char *name, uint64_t ne)
{
	uint64_t cr0 = read_cr0();

	begin(name);
	pic_start(1);
	put(MASTER + 1, (uint8_t)~CASCADE);
	put(SLAVE + 1, (uint8_t)~FPU_OF_SLAVE);
	interrupts = faults = 0;
	write_cr0((cr0 & ~(CR0_NE | CR0_TS | CR0_EM)) | ne);
	divide_by_zero();
	write_cr0(cr0);
	value(interrupts);
	value(faults);
	end();
}

static void apic_base_written_back(void)
{
	uint64_t base = 0;

	begin("msr_apic_base_written_back");
	value(try_read_msr(MSR_APIC_BASE, &base) && try_write_msr(MSR_APIC_BASE, base));
	end();
}

void probe_agreement(void)
{
	lines_low();
	irr_against_out();
	count_against_tick();
	lines_low();
	set_handler(FPU_VECTOR, on_fpu_interrupt);
	set_handler(EXCEPTION_MF, on_fpu_fault);
	fpu_error("fpu_error_without_ne", 0);
	fpu_error("fpu_error_with_ne", CR0_NE);
	apic_base_written_back();
	pic_start(1);
}
