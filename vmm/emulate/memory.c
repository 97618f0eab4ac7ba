/* Segment, offset and size to a checked linear address; then the access. SDM Vol. 3A "Protection". */
#include "vmm/emulate/emulation.h"

/* SDM Vol. 3A "Segment Descriptors", Table "Code- and Data-Segment Types". */
#define TYPE_CODE	 BIT(3)
#define TYPE_EXPAND_DOWN BIT(2)
#define TYPE_WRITABLE	 BIT(1) /* data */
#define TYPE_READABLE	 BIT(1) /* code */

enum access { ACCESS_READ, ACCESS_WRITE };

bool linear_is_canonical(const struct emulation *e, uint64_t address)
{
	unsigned unused = e->context->cr4 & CR4_LA57 ? 7 : 16;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

static bool raise_segment(struct emulation *e, unsigned segment)
{
	return emulation_fault(e, segment == SEG_SS ? VECTOR_SS : VECTOR_GP, true);
}

/* Section "Limit Checking". An offset + size beyond 4 GiB faults at any limit, as the section permits. */
static bool within_limit(const struct segment *s, uint64_t offset, unsigned size)
{
	uint64_t last = offset + size - 1;

	if (SEGMENT_TYPE(s) & TYPE_CODE || !(SEGMENT_TYPE(s) & TYPE_EXPAND_DOWN))
		return last <= s->limit;
	return offset > s->limit && last <= (s->access & SEGMENT_DB ? 0xffffffffUL : 0xffffUL);
}

/* Section "Type Checking"; real-address and virtual-8086 mode have limits, but no types. */
static bool type_allows(const struct segment *s, enum access access)
{
	if (s->access & SEGMENT_UNUSABLE)
		return false;
	if (SEGMENT_TYPE(s) & TYPE_CODE)
		return access == ACCESS_READ && (SEGMENT_TYPE(s) & TYPE_READABLE);
	return access == ACCESS_READ || (SEGMENT_TYPE(s) & TYPE_WRITABLE);
}

/* SDM Vol. 3A "Alignment Check Exception (#AC)". */
static bool check_alignment(struct emulation *e, uint64_t address, unsigned size)
{
	const struct emulate_context *context = e->context;

	if ((address & (size - 1)) && context->cpl == 3 && (context->cr0 & CR0_AM) &&
	    (context->rflags & RFLAGS_AC))
		return emulation_fault(e, VECTOR_AC, true);
	return true;
}

static bool linear_address(struct emulation *e, unsigned segment, uint64_t offset, unsigned size,
			   enum access access, gva_t *linear)
{
	const struct segment *s = &e->context->segment[segment];

	if (e->code_size == 8) {
		*linear = offset + (segment >= SEG_FS ? s->base : 0);
		if (!linear_is_canonical(e, *linear) || !linear_is_canonical(e, *linear + size - 1))
			return raise_segment(e, segment);
	} else {
		if ((e->protected_mode && !type_allows(s, access)) || !within_limit(s, offset, size))
			return raise_segment(e, segment);
		*linear = (uint32_t)(s->base + offset);
	}
	return check_alignment(e, *linear, size);
}

/* How many of `size` bytes come before the linear address space wraps to zero. */
static unsigned bytes_before_wrap(const struct emulation *e, gva_t linear, unsigned size)
{
	uint64_t top = size_mask(e->code_size == 8 ? 8 : 4);

	return top - linear < size - 1 ? top - linear + 1 : size;
}

static bool access_done(struct emulation *e, bool done)
{
	if (!done)
		e->status = EMULATE_FAULT;
	return done;
}

static bool linear_read(struct emulation *e, gva_t linear, void *data, unsigned size, bool for_write)
{
	return access_done(e, e->context->ops->read(e->context, linear, data, size, for_write));
}

static bool linear_write(struct emulation *e, gva_t linear, const void *data, unsigned size)
{
	return access_done(e, e->context->ops->write(e->context, linear, data, size));
}

static bool linear_check(struct emulation *e, gva_t linear, unsigned size, bool for_write)
{
	if (!e->context->ops->check)
		return true;
	return access_done(e, e->context->ops->check(e->context, linear, size, for_write));
}

bool segmented_read(struct emulation *e, unsigned segment, uint64_t offset, void *data, unsigned size,
		    bool for_write)
{
	gva_t linear;
	unsigned first;

	if (!linear_address(e, segment, offset, size, for_write ? ACCESS_WRITE : ACCESS_READ, &linear))
		return false;
	first = bytes_before_wrap(e, linear, size);
	return linear_read(e, linear, data, first, for_write) &&
	       (first == size || linear_read(e, 0, (uint8_t *)data + first, size - first, for_write));
}

bool segmented_write(struct emulation *e, unsigned segment, uint64_t offset, const void *data, unsigned size)
{
	gva_t linear;
	unsigned first;

	if (!linear_address(e, segment, offset, size, ACCESS_WRITE, &linear))
		return false;
	first = bytes_before_wrap(e, linear, size);
	if (first == size)
		return linear_write(e, linear, data, size);
	return linear_check(e, linear, first, true) && linear_check(e, 0, size - first, true) &&
	       linear_write(e, linear, data, first) &&
	       linear_write(e, 0, (const uint8_t *)data + first, size - first);
}

bool segmented_check(struct emulation *e, unsigned segment, uint64_t offset, unsigned size, bool for_write)
{
	gva_t linear;
	unsigned first;

	if (!linear_address(e, segment, offset, size, for_write ? ACCESS_WRITE : ACCESS_READ, &linear))
		return false;
	first = bytes_before_wrap(e, linear, size);
	return linear_check(e, linear, first, for_write) &&
	       (first == size || linear_check(e, 0, size - first, for_write));
}

bool segmented_precheck(struct emulation *e, unsigned segment, uint64_t offset, unsigned size, bool for_write)
{
	return !e->context->ops->check || segmented_check(e, segment, offset, size, for_write);
}
