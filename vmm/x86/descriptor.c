/* SPDX-License-Identifier: MIT */
#include "vmm/x86/descriptor.h"
#include "vmm/backend.h"

#define SELECTOR_LDT    4
#define TYPE_OFFSET     5 /* of the type byte in a descriptor */
#define TYPE_ACCESSED   1
#define TYPE_BUSY       2
#define TYPE_CODE       8
#define TYPE_CONFORMING 4
#define TYPE_WRITABLE   2 /* data; readable for code */

/* Linear address of the descriptor; false: null or beyond the limit. */
static bool descriptor_locate(const struct vcpu *vcpu, uint16_t selector, gva_t *address)
{
	struct segment table;

	if (!(selector & 0xfffc))
		return false;
	if (selector & SELECTOR_LDT)
		backend_segment(vcpu, SEG_LDTR, &table);
	else
		backend_table(vcpu, false, &table);
	if (table.access & SEGMENT_UNUSABLE)
		return false;
	*address = table.base + (selector & 0xfff8u);
	return (selector | 7u) <= table.limit;
}

enum descriptor_result descriptor_read(const struct vcpu *vcpu, const struct guest_paging *paging,
                                       uint16_t selector, struct descriptor *descriptor,
                                       struct linear_fault *fault)
{
	struct linear_range range;
	gva_t address;
	uint64_t raw;

	if (!descriptor_locate(vcpu, selector, &address))
		return DESCRIPTOR_OUTSIDE;
	if (!linear_translate(vcpu, paging, address, sizeof(raw), ACCESS_SYSTEM, &range, fault))
		return DESCRIPTOR_FAULT;
	linear_read(vcpu, &range, &raw);
	descriptor->base = (raw >> 16 & 0xffffff) | (raw >> 56) << 24;
	descriptor->limit = (uint32_t)((raw & 0xffff) | (raw >> 32 & 0xf0000));
	descriptor->access = (uint32_t)(raw >> 40) & 0xf0ff;
	if (descriptor->access & BIT(15))
		descriptor->limit = descriptor->limit << 12 | 0xfff;
	return DESCRIPTOR_OK;
}

/* Change bits of the type byte in memory. */
static bool descriptor_change_type(const struct vcpu *vcpu, const struct guest_paging *paging,
                                   uint16_t selector, uint8_t set, uint8_t clear, struct linear_fault *fault)
{
	struct linear_range range;
	gva_t address;
	uint8_t type;

	if (!descriptor_locate(vcpu, selector, &address))
		return true; /* the table shrank since TR was loaded: nothing to mark */
	if (!linear_translate(vcpu, paging, address + TYPE_OFFSET, 1, ACCESS_SYSTEM | ACCESS_WRITE, &range,
	                      fault))
		return false;
	linear_read(vcpu, &range, &type);
	type = (uint8_t)((type | set) & ~clear);
	linear_write(vcpu, &range, &type);
	return true;
}

bool descriptor_set_accessed(const struct vcpu *vcpu, const struct guest_paging *paging, uint16_t selector,
                             struct descriptor *descriptor, struct linear_fault *fault)
{
	if (descriptor->access & TYPE_ACCESSED)
		return true;
	descriptor->access |= TYPE_ACCESSED;
	return descriptor_change_type(vcpu, paging, selector, TYPE_ACCESSED, 0, fault);
}

bool descriptor_set_busy(const struct vcpu *vcpu, const struct guest_paging *paging, uint16_t selector,
                         bool busy, struct linear_fault *fault)
{
	return descriptor_change_type(vcpu, paging, selector, busy ? TYPE_BUSY : 0, busy ? 0 : TYPE_BUSY,
	                              fault);
}

/*
 * SDM Vol. 3A "Privilege Level Checking When Accessing Data Segments", "... Loading the SS
 * Register", and the exception conditions of "Task Switching".
 */
bool descriptor_loadable(const struct descriptor *descriptor, unsigned index, uint16_t selector, uint8_t cpl)
{
	uint8_t type = descriptor->access & 0xf, dpl = descriptor->access >> 5 & 3, rpl = selector & 3;

	if (!(descriptor->access & SEGMENT_CODE_OR_DATA))
		return false;
	if (index == SEG_CS)
		return type & TYPE_CODE && (type & TYPE_CONFORMING ? dpl <= rpl : dpl == rpl);
	if (index == SEG_SS)
		return !(type & TYPE_CODE) && type & TYPE_WRITABLE && dpl == cpl && rpl == cpl;
	if (type & TYPE_CODE && !(type & TYPE_WRITABLE))
		return false;
	if (type & TYPE_CODE && type & TYPE_CONFORMING)
		return true;
	return dpl >= cpl && dpl >= rpl;
}
