/* SPDX-License-Identifier: MIT */
#include "record.h"
#include "lib/x86.h"

#define RECORD_AT 0x800000 /* after the kernel */

/* CMOS RAM that no PC's firmware uses: the number of the block that runs, and its complement. */
#define CMOS_INDEX    0x70
#define CMOS_DATA     0x71
#define CMOS_BLOCK    0x70
#define CMOS_CHECK    0x74
#define CMOS_BYTES    3
#define BLOCK_PROGRAM 1024

static volatile struct record *const kept = (volatile struct record *)(uint64_t)RECORD_AT;

static uint64_t sum_of(const struct record *record)
{
	uint64_t sum = (record->seed ^ 0x9e3779b97f4a7c15UL) + record->next * 3 + record->begun * 5 +
	               record->resets * 7 + record->real * 11 + record->v86 * 13;

	for (unsigned i = 0; i < V86_VARIANTS; i++)
		sum = sum * 17 + record->v86_vectors[i];
	return sum;
}

static void cmos_write(unsigned index, uint8_t value)
{
	out8(CMOS_INDEX, (uint8_t)index);
	out8(CMOS_DATA, value);
}

static uint8_t cmos_read(unsigned index)
{
	out8(CMOS_INDEX, (uint8_t)index);
	return in8(CMOS_DATA);
}

/* The first program after the block that ran; 0: there is no such number. */
static uint64_t behind_block(void)
{
	uint64_t block = 0;

	for (unsigned i = 0; i < CMOS_BYTES; i++) {
		uint8_t byte = cmos_read(CMOS_BLOCK + i);

		if ((byte ^ cmos_read(CMOS_CHECK + i)) != 0xff)
			return 0;
		block |= (uint64_t)byte << 8 * i;
	}
	return (block + 1) * BLOCK_PROGRAM;
}

bool record_load(struct record *record)
{
	record->seed = kept->seed;
	record->next = kept->next;
	record->begun = kept->begun;
	record->resets = kept->resets;
	record->real = kept->real;
	record->v86 = kept->v86;
	for (unsigned i = 0; i < V86_VARIANTS; i++)
		record->v86_vectors[i] = kept->v86_vectors[i];
	if (kept->sum == sum_of(record))
		return true;
	*record = (struct record){.next = behind_block()};
	return record->next != 0;
}

void record_store(struct record *record)
{
	if (record->next % BLOCK_PROGRAM == 0) {
		for (unsigned i = 0; i < CMOS_BYTES; i++) {
			uint8_t byte = (uint8_t)(record->next / BLOCK_PROGRAM >> 8 * i);

			cmos_write(CMOS_BLOCK + i, byte);
			cmos_write(CMOS_CHECK + i, (uint8_t)~byte);
		}
	}
	kept->seed = record->seed;
	kept->next = record->next;
	kept->begun = record->begun;
	kept->resets = record->resets;
	kept->real = record->real;
	kept->v86 = record->v86;
	for (unsigned i = 0; i < V86_VARIANTS; i++)
		kept->v86_vectors[i] = record->v86_vectors[i];
	kept->sum = sum_of(record);
}
