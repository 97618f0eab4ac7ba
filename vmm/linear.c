#include "vmm/linear.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "vmm/backend.h"
#include "vmm/vm.h"

bool linear_translate(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t address, size_t size,
                      unsigned access, struct linear_range *range, struct linear_fault *fault)
{
	size_t first = MIN(size, PAGE_SIZE - (address & (PAGE_SIZE - 1)));

	*range = (struct linear_range){
		.size = {first, size - first}
        };
	for (unsigned i = 0; i < 2; i++) {
		gva_t at = i ? address + first : address;
		struct guest_translation translation;

		if (!range->size[i])
			break;
		if (!(paging->efer & EFER_LMA) || (i && !(access & ACCESS_SYSTEM) && !backend_long_code()))
			at = (uint32_t)at;
		translation = guest_translate(&vcpu->vm->map, paging, at, access);
		if (!translation.ok) {
			*fault = (struct linear_fault){translation.error_code, at};
			return false;
		}
		range->gpa[i] = translation.gpa;
	}
	return true;
}

/* `size` bytes inside one page. What is neither RAM nor ROM is the devices'. */
static void read_physical(struct vm *vm, gpa_t gpa, void *data, size_t size)
{
	const void *from = guest_pointer(&vm->map, gpa, size, false);

	if (likely(from))
		memcpy(data, from, size);
	else
		memory_read(&vm->machine.memory, gpa, data, size);
}

static void write_physical(struct vm *vm, gpa_t gpa, const void *data, size_t size)
{
	void *to = guest_pointer(&vm->map, gpa, size, true);

	if (likely(to))
		memcpy(to, data, size);
	else if (guest_map_find(&vm->map, gpa).type != GUEST_ROM)
		memory_write(&vm->machine.memory, gpa, data, size);
}

void linear_read(const struct vcpu *vcpu, const struct linear_range *range, void *data)
{
	read_physical(vcpu->vm, range->gpa[0], data, range->size[0]);
	if (range->size[1])
		read_physical(vcpu->vm, range->gpa[1], (uint8_t *)data + range->size[0], range->size[1]);
}

void linear_write(const struct vcpu *vcpu, const struct linear_range *range, const void *data)
{
	write_physical(vcpu->vm, range->gpa[0], data, range->size[0]);
	if (range->size[1])
		write_physical(vcpu->vm, range->gpa[1], (const uint8_t *)data + range->size[0],
		               range->size[1]);
}

unsigned linear_fetch(const struct vcpu *vcpu, uint8_t bytes[15], struct linear_fault *fault)
{
	struct guest_paging paging;
	struct linear_range range;
	struct segment cs;
	gva_t address = backend_rip();
	unsigned first;

	backend_paging(&paging);
	backend_segment(SEG_CS, &cs);
	if (!backend_long_code())
		address = (uint32_t)(address + cs.base);
	/* What lies behind a page end may be missing without harm: the instruction may be shorter. */
	first = (unsigned)MIN(15, PAGE_SIZE - (address & (PAGE_SIZE - 1)));
	if (!linear_translate(vcpu, &paging, address, first, ACCESS_EXECUTE, &range, fault))
		return 0;
	guest_read(&vcpu->vm->map, range.gpa[0], bytes, first); /* no code comes from a device */
	if (first < 15) {
		struct linear_fault behind;

		if (!linear_translate(vcpu, &paging, address + first, 15 - first, ACCESS_EXECUTE, &range,
		                      &behind))
			return first;
		guest_read(&vcpu->vm->map, range.gpa[0], bytes + first, 15 - first);
	}
	return 15;
}
