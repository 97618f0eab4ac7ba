/* SPDX-License-Identifier: MIT */
#include "vmm/x86/linear.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "vmm/backend.h"

bool linear_translate(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t address, size_t size,
                      unsigned access, struct linear_range *range, struct linear_fault *fault)
{
	size_t first = MIN(size, PAGE_SIZE - (address & (PAGE_SIZE - 1)));

	*range = (struct linear_range){.size = {first, size - first}};
	for (unsigned i = 0; i < 2; i++) {
		gva_t at = i ? address + first : address;
		struct guest_translation translation;

		if (!range->size[i])
			break;
		if (!(paging->efer & EFER_LMA) ||
		    (i && !(access & ACCESS_SYSTEM) && !backend_long_code(vcpu)))
			at = (uint32_t)at;
		translation = guest_translate(vcpu->map, paging, at, access);
		if (!translation.ok) {
			*fault = (struct linear_fault){translation.error_code, at};
			return false;
		}
		range->gpa[i] = translation.gpa;
	}
	return true;
}

/* `size` bytes inside one page. What is neither RAM nor ROM is the devices'. */
static void linear_transfer(const struct vcpu *vcpu, gpa_t gpa, uint8_t *data, size_t size, bool write)
{
	void *memory = guest_pointer(vcpu->map, gpa, size, write);

	if (likely(memory))
		memcpy(write ? memory : data, write ? data : memory, size);
	else if (!write)
		memory_read(vcpu->memory, gpa, data, size);
	else if (guest_map_find(vcpu->map, gpa).type != GUEST_ROM)
		memory_write(vcpu->memory, gpa, data, size);
}

void linear_read(const struct vcpu *vcpu, const struct linear_range *range, void *data)
{
	linear_transfer(vcpu, range->gpa[0], data, range->size[0], false);
	if (range->size[1])
		linear_transfer(vcpu, range->gpa[1], (uint8_t *)data + range->size[0], range->size[1], false);
}

void linear_write(const struct vcpu *vcpu, const struct linear_range *range, const void *data)
{
	linear_transfer(vcpu, range->gpa[0], (uint8_t *)data, range->size[0], true);
	if (range->size[1])
		linear_transfer(vcpu, range->gpa[1], (uint8_t *)data + range->size[0], range->size[1], true);
}

unsigned linear_fetch(const struct vcpu *vcpu, const struct guest_paging *paging, uint8_t bytes[15],
                      struct linear_fault *fault)
{
	struct linear_range range;
	struct segment cs;
	gva_t address = backend_rip(vcpu);
	unsigned count = 0;

	backend_segment(vcpu, SEG_CS, &cs);
	if (!(paging->efer & EFER_LMA) || !(cs.access & SEGMENT_L))
		address = (uint32_t)(address + cs.base);
	/*
	 * What lies past a page end may be missing without harm: the instruction may be shorter.
	 */
	while (count < 15) {
		gva_t at = address + count;
		size_t piece = MIN(15u - count, PAGE_SIZE - at % PAGE_SIZE);

		if (!linear_translate(vcpu, paging, at, piece, ACCESS_EXECUTE, &range, fault))
			break;
		guest_read(vcpu->map, range.gpa[0], bytes + count, piece); /* no code comes from a device */
		count += (unsigned)piece;
	}
	return count;
}
