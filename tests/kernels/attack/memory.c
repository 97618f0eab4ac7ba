/* SPDX-License-Identifier: MIT */
/* Physical addresses where nothing is, and the edge of what is there. */
#include "attack.h"

#define PF_PRESENT  BIT(0)
#define PF_RESERVED BIT(3)

static unsigned physical_bits(void)
{
	return cpuid(0x80000008, 0).eax & 0xff;
}

static void read8(uint64_t address)
{
	*(volatile uint8_t *)address;
}

static void check_reads(uint64_t physical, uint64_t address)
{
	check_equal("hole, 1 byte", physical, *(volatile uint8_t *)address, 0xff);
	check_equal("hole, 2 bytes", physical, *(volatile uint16_t *)address, 0xffff);
	check_equal("hole, 4 bytes", physical, *(volatile uint32_t *)address, 0xffffffff);
	check_equal("hole, 8 bytes", physical, *(volatile uint64_t *)address, UINT64_MAX);
}

static void write_all_ways(uint64_t address)
{
	volatile uint64_t *word = (volatile uint64_t *)address;

	*(volatile uint8_t *)address = 0x12;
	*(volatile uint16_t *)address = 0x1234;
	*(volatile uint32_t *)address = 0x12345678;
	*word = 0x123456789abcdef0;
	__asm__ volatile("lock addq $1, %0; lock xaddq %1, %0" : "+m"(*word) : "r"(1UL));
	__asm__ volatile("lock cmpxchgq %1, %0" : "+m"(*word) : "r"(5UL), "a"(UINT64_MAX));
	__asm__ volatile("lock btsq $3, %0; xchgq %1, %0" : "+m"(*word) : "r"(7UL));
}

static void attack_hole(uint64_t physical)
{
	uint64_t buffer[4] = {1, 2, 3, 4};
	uint64_t count = sizeof(buffer);
	void *to = buffer;
	const void *from = (const void *)WINDOW;

	map_page(WINDOW, physical, MAP_WRITE);
	check_reads(physical, WINDOW);
	write_all_ways(WINDOW);
	check_reads(physical, WINDOW);
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	for (unsigned i = 0; i < ARRAY_SIZE(buffer); i++)
		check_equal("copy of a hole", physical, buffer[i], UINT64_MAX);
	check_equal("code in a hole", physical, (uint64_t)attempt((void (*)(uint64_t))WINDOW, 0),
	            EXCEPTION_UD);
}

/* A page table in a hole has all bits set, also the reserved ones. */
static void attack_table(uint64_t physical)
{
	uint64_t address = WINDOW + GIB(1);

	map_table(address, physical);
	check_equal("page table in a hole", physical, (uint64_t)attempt(read8, address), EXCEPTION_PF);
	check_equal("error code", physical, fault.error_code, PF_PRESENT | PF_RESERVED);
	check_equal("CR2", physical, fault.cr2, address);
}

/* Port strings to and from where nothing is. */
static void attack_strings(void)
{
	uint64_t count = 64;
	void *at = (void *)HOLE;

	__asm__ volatile("rep insb" : "+D"(at), "+c"(count) : "d"(0x5555) : "memory");
	count = 64;
	at = (void *)HOLE;
	__asm__ volatile("rep outsb" : "+S"(at), "+c"(count) : "d"(0x5555) : "memory");
	check_equal("OUTS from a hole", HOLE, count, 0);
}

void attack_holes(void)
{
	unsigned bits = physical_bits();

	for (uint64_t at = ALIGN_UP(attack_memory_end, MIB(32)) + PAGE_SIZE; at < 0xe0000000; at += MIB(64))
		attack_hole(at);
	for (unsigned bit = 33; bit < bits; bit++) {
		attack_hole(BIT(bit));
		attack_hole(BIT(bit) - PAGE_SIZE);
		attack_table(BIT(bit));
	}
	attack_hole((BIT(bits) - 1) & ~(PAGE_SIZE - 1));
	attack_table(HOLE);
	for (unsigned bit = bits; bit < 52; bit++) {
		map_page(WINDOW, BIT(bit), MAP_WRITE);
		check_equal("page beyond all addresses", bit, (uint64_t)attempt(read8, WINDOW), EXCEPTION_PF);
		check_equal("error code", bit, fault.error_code, PF_PRESENT | PF_RESERVED);
	}
	attack_strings();
}

/* ---- The last byte of RAM ---- */

static void attack_crossing(unsigned before)
{
	volatile uint64_t *word = (volatile uint64_t *)(attack_memory_end - before);
	uint64_t ones = UINT64_MAX << 8 * before, pattern = 0x1122334455667788;

	*word = pattern;
	check_equal("write across the end of RAM", before, *word, (pattern & ~ones) | ones);
	__asm__ volatile("addq $1, %0" : "+m"(*word));
	check_equal("addition across the end of RAM", before, *word, (((pattern & ~ones) | ones) + 1) | ones);
}

void attack_top(void)
{
	volatile uint8_t *last = (volatile uint8_t *)(attack_memory_end - 1);
	void *to = (void *)(attack_memory_end - 100);
	uint64_t count = 200;

	for (unsigned before = 1; before < 8; before++)
		attack_crossing(before);
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0x77) : "memory");
	check_equal("last byte of RAM", attack_memory_end, *last, 0x77);
	check_equal("first byte behind it", attack_memory_end, last[1], 0xff);
	*last = 0x0f; /* 0F FF, UD0 */
	check_equal("instruction across the end of RAM", attack_memory_end,
	            (uint64_t)attempt((void (*)(uint64_t))last, 0), EXCEPTION_UD);
	*last = 0xc3;
	check_equal("RET at the end of RAM", attack_memory_end,
	            (uint64_t)attempt((void (*)(uint64_t))last, 0), (uint64_t)NO_FAULT);
}

/* ---- What another guest left behind ---- */

#define MARK 0x6d61726b00000000UL

static uint64_t mark(uint64_t address)
{
	return MARK | (uint32_t)(address ^ attack_seed << 20);
}

void attack_marker(void)
{
	for (uint64_t at = SCRATCH_END; at < attack_memory_end; at += sizeof(uint64_t))
		*(volatile uint64_t *)at = mark(at);
	check_equal("own mark", SCRATCH_END, *(volatile uint64_t *)SCRATCH_END, mark(SCRATCH_END));
}

/* All of RAM that is not the kernel's own: nothing but zeros, since nothing has written there. */
void attack_search(void)
{
	for (uint64_t at = SCRATCH_END; at < attack_memory_end; at += sizeof(uint64_t))
		if (*(volatile uint64_t *)at)
			check_equal("RAM that nobody has written", at, *(volatile uint64_t *)at, 0);
	check_equal("last word of RAM", attack_memory_end, *(volatile uint64_t *)(attack_memory_end - 8), 0);
}
