/* SPDX-License-Identifier: MIT */
/* The kernel's own page tables, made larger. */
#include "attack.h"

#define PRESENT BIT(0)
#define OPEN    (PRESENT | MAP_WRITE | MAP_USER)
#define ENTRIES 512
#define TABLES  24

extern uint64_t pml4[];

static uint64_t tables[TABLES][ENTRIES] __attribute__((aligned(4096)));
static unsigned used;

static uint64_t *entry_of(uint64_t *table, uint64_t address, unsigned level)
{
	return &table[address >> (12 + 9 * level) & (ENTRIES - 1)];
}

/* The table of that level which serves the address; 0 is the one whose entries are pages. */
static uint64_t *table_for(uint64_t address, unsigned level)
{
	uint64_t *table = pml4;

	for (unsigned at = 3; at > level; at--) {
		uint64_t *entry = entry_of(table, address, at);

		if (!*entry) {
			if (used == TABLES) {
				print("attack: no page table is left\n");
				power_off();
			}
			*entry = (uint64_t)tables[used++] | OPEN;
		}
		*entry |= MAP_USER;
		table = (uint64_t *)ALIGN_DOWN(*entry, PAGE_SIZE);
	}
	return table;
}

static void flush(void)
{
	write_cr3(read_cr3());
}

void map_open_scratch(void)
{
	uint64_t *pdpt = (uint64_t *)ALIGN_DOWN(pml4[0], PAGE_SIZE);
	uint64_t *directory = (uint64_t *)ALIGN_DOWN(pdpt[0], PAGE_SIZE);

	pml4[0] |= MAP_USER;
	pdpt[0] |= MAP_USER;
	for (uint64_t at = SCRATCH; at < SCRATCH_END; at += MIB(2))
		directory[at >> 21] |= MAP_USER;
	flush();
}

void map_page(uint64_t address, uint64_t physical, uint64_t flags)
{
	*entry_of(table_for(address, 0), address, 0) = ALIGN_DOWN(physical, PAGE_SIZE) | flags | PRESENT;
	flush();
}

void unmap_page(uint64_t address)
{
	*entry_of(table_for(address, 0), address, 0) = 0;
	flush();
}

void map_table(uint64_t address, uint64_t physical)
{
	*entry_of(table_for(address, 1), address, 1) = physical | OPEN;
	flush();
}

void map_one_everywhere(uint64_t physical)
{
	uint64_t *level[3];

	for (unsigned i = 0; i < 3; i++)
		level[i] = tables[used++];
	for (unsigned i = 0; i < ENTRIES; i++) {
		level[0][i] = physical | OPEN;
		level[1][i] = (uint64_t)level[0] | OPEN;
		level[2][i] = (uint64_t)level[1] | OPEN;
	}
	*entry_of(pml4, WINDOW, 3) = (uint64_t)level[2] | OPEN;
	flush();
}
