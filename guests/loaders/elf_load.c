/* SPDX-License-Identifier: MIT */
#include "guests/loaders/elf_load.h"
#include "lib/checked.h"

#define SENTENCE_CORRUPT "the ELF kernel is corrupt: segment %u %s; fetch or build it again"

static bool elf_is_loaded(const struct elf_segment *segment)
{
	return segment->type == ELF_PT_LOAD && segment->memory_size;
}

static bool elf_overlaps_earlier(const struct elf_image *elf, unsigned index)
{
	struct elf_segment a = elf_segment(elf, index);

	for (unsigned i = 0; i < index; i++) {
		struct elf_segment b = elf_segment(elf, i);

		if (elf_is_loaded(&b) && a.physical < b.physical + b.memory_size &&
		    b.physical < a.physical + a.memory_size)
			return true;
	}
	return false;
}

static int elf_check_in_file(struct loading *loading, const struct elf_image *elf, unsigned index)
{
	struct elf_segment segment = elf_segment(elf, index);

	if (segment.file_size > segment.memory_size)
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, index,
		                    "is larger in the file than in memory");
	if (!range_within(segment.offset, segment.file_size, elf->size))
		return loading_fail(loading, ERR_TRUNCATED,
		                    "the ELF kernel is truncated: segment %u ends after the file's end at "
		                    "%zu bytes; fetch or build it again",
		                    index, elf->size);
	return 0;
}

int elf_check_file(struct loading *loading, const struct elf_image *elf)
{
	int error = 0;

	for (unsigned i = 0; i < elf->count && !error; i++) {
		struct elf_segment segment = elf_segment(elf, i);

		if (elf_is_loaded(&segment))
			error = elf_check_in_file(loading, elf, i);
	}
	return error;
}

struct extent elf_span(const struct elf_image *elf)
{
	struct extent span = {0, 0};

	for (unsigned i = 0; i < elf->count; i++) {
		struct elf_segment segment = elf_segment(elf, i);
		uint64_t end;

		if (!elf_is_loaded(&segment) || add_overflows(segment.physical, segment.memory_size, &end))
			continue; /* elf_load() will refuse it */
		if (!span.end || segment.physical < span.start)
			span.start = segment.physical;
		span.end = MAX(span.end, end);
	}
	return span;
}

/*
 * Check segment `index`, which is whole in the file; the ones before it are good, and lie below
 * `top`.
 */
static int elf_check_segment(struct loading *loading, const struct elf_image *elf, unsigned index,
                             uint64_t shift, gpa_t top)
{
	struct elf_segment segment = elf_segment(elf, index);
	uint64_t start = segment.physical + shift, end;

	if (add_overflows(start, segment.memory_size, &end) ||
	    segment.physical + segment.memory_size < segment.physical)
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, index,
		                    "ends after the last address");
	if (!placing_is_free(loading->machine->memory, start, end))
		return placing_refuse(loading, "ELF kernel", start, end);
	if (start < top && elf_overlaps_earlier(elf, index))
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, index, "overlaps another");
	return 0;
}

static int elf_load_segment(struct loading *loading, const struct elf_image *elf, unsigned index,
                            uint64_t shift)
{
	struct elf_segment segment = elf_segment(elf, index);
	gpa_t start = segment.physical + shift;
	int error = loading_copy(loading, start, elf->data + segment.offset, segment.file_size);

	if (error)
		return error;
	return loading_zero(loading, start + segment.file_size, segment.memory_size - segment.file_size);
}

/* Add what segment `index` takes between 1 MiB and 3 GiB. */
static void elf_extend(struct extent *used, const struct elf_segment *segment, uint64_t shift)
{
	gpa_t start = segment->physical + shift, end = start + segment->memory_size;

	if (start < GUEST_HIGH_START || start >= GUEST_HOLE_START)
		return;
	if (used->end == GUEST_HIGH_START || start < used->start)
		used->start = ALIGN_DOWN(start, PAGE_SIZE);
	used->end = MAX(used->end, ALIGN_UP(end, PAGE_SIZE));
}

int elf_load(struct loading *loading, const struct elf_image *elf, uint64_t shift, struct extent *used)
{
	gpa_t top = 0;

	*used = (struct extent){GUEST_HIGH_START, GUEST_HIGH_START};
	for (unsigned i = 0; i < elf->count; i++) {
		struct elf_segment segment = elf_segment(elf, i);
		int error;

		if (!elf_is_loaded(&segment))
			continue;
		error = elf_check_segment(loading, elf, i, shift, top);
		if (!error)
			error = elf_load_segment(loading, elf, i, shift);
		if (error)
			return error;
		elf_extend(used, &segment, shift);
		top = MAX(top, segment.physical + shift + segment.memory_size);
		placing_note_low(loading, segment.physical + shift,
		                 segment.physical + shift + segment.memory_size);
	}
	return 0;
}

bool elf_has_physical(const struct elf_image *elf, uint64_t address)
{
	for (unsigned i = 0; i < elf->count; i++) {
		struct elf_segment segment = elf_segment(elf, i);

		if (elf_is_loaded(&segment) && address >= segment.physical &&
		    address - segment.physical < segment.memory_size)
			return true;
	}
	return false;
}

bool elf_translate(const struct elf_image *elf, uint64_t *address)
{
	for (unsigned i = 0; i < elf->count; i++) {
		struct elf_segment segment = elf_segment(elf, i);

		if (elf_is_loaded(&segment) && *address >= segment.virtual &&
		    *address - segment.virtual < segment.memory_size) {
			*address = segment.physical + (*address - segment.virtual);
			return true;
		}
	}
	return false;
}
