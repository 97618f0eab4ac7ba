/* SPDX-License-Identifier: MIT */
/* Lines and interrupts. */
#include "devices.h"

#define VALUES 64

static const char *name;
static uint64_t number;
static bool numbered;
static uint64_t values[VALUES];
static unsigned count;
static volatile uint64_t taken, fault_continues;

void begin(const char *text)
{
	name = text;
	numbered = false;
	count = 0;
}

void begin_numbered(const char *text, uint64_t n)
{
	begin(text);
	number = n;
	numbered = true;
}

void value(uint64_t v)
{
	if (count < VALUES)
		values[count++] = v;
}

void end(void)
{
	print("probe %s", name);
	if (numbered)
		print("_%x", number);
	print(" -");
	for (unsigned i = 0; i < count; i++)
		print(" %x", values[i]);
	print("\n");
}

/* One interrupt at a time: the next waits for the next window. */
static void on_interrupt(struct frame *frame)
{
	taken = frame->vector;
	frame->rflags &= ~BIT(9);
}

uint64_t take(void)
{
	taken = 0;
	__asm__ volatile("sti; nop; nop; nop; cli" : : : "memory");
	return taken;
}

void show_taken(void)
{
	value(take());
}

uint64_t halt(void)
{
	taken = 0;
	__asm__ volatile("sti; hlt; cli" : : : "memory");
	return taken;
}

static void on_fault(struct frame *frame)
{
	if (!fault_continues) {
		print("unexpected vector %u at %x\n", frame->vector, frame->rip);
		power_off();
	}
	frame->rip = fault_continues;
	frame->rax = 1;
}

bool try_read_msr(uint32_t index, uint64_t *result)
{
	uint64_t fault = 0, low, high;

	__asm__ volatile("movq $1f, %[continues]\n\t"
	                 "rdmsr\n\t"
	                 "mov %%rax, %[low]\n\t"
	                 "xor %%eax, %%eax\n\t"
	                 "1: movq $0, %[continues]"
	                 : "+a"(fault), "=&d"(high), [low] "=&r"(low), [continues] "=m"(fault_continues)
	                 : "c"(index)
	                 : "memory");
	if (fault)
		return false;
	*result = high << 32 | (uint32_t)low;
	return true;
}

bool try_write_msr(uint32_t index, uint64_t v)
{
	uint64_t fault = (uint32_t)v;

	__asm__ volatile("movq $1f, %[continues]\n\t"
	                 "wrmsr\n\t"
	                 "xor %%eax, %%eax\n\t"
	                 "1: movq $0, %[continues]"
	                 : "+a"(fault), [continues] "=m"(fault_continues)
	                 : "c"(index), "d"(v >> 32)
	                 : "memory");
	return !fault;
}

void probe_begin(void)
{
	idt_init();
	for (unsigned vector = 0x20; vector < 0x40; vector++)
		set_handler(vector, on_interrupt);
	set_handler(13, on_fault);
	pic_start(1);
	time_init();
	print("probe begin\n");
}

void probe_end(void)
{
	print("probe end\n");
	power_off();
}
