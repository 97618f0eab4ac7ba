/* Segment registers with their hidden parts. */
#ifndef LIB_SEGMENT_H
#define LIB_SEGMENT_H

#include "lib/types.h"

enum segment_index { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/* A segment register with its cached descriptor. Access rights as in the VMCS:
 * SDM Vol. 3C "Guest Register State", Table "Format of Access Rights". */
struct segment {
	uint64_t base;
	uint32_t limit; /* in bytes, granularity applied */
	uint32_t access;
	uint16_t selector;
};
#define SEGMENT_TYPE(s)	     ((s)->access & 0xf)
#define SEGMENT_DPL(s)	     ((s)->access >> 5 & 3)
#define SEGMENT_CODE_OR_DATA BIT(4)
#define SEGMENT_PRESENT	     BIT(7)
#define SEGMENT_L	     BIT(13)
#define SEGMENT_DB	     BIT(14)
#define SEGMENT_UNUSABLE     BIT(16)

#endif
