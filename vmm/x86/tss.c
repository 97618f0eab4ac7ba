/* SPDX-License-Identifier: MIT */
#include "lib/string.h"
#include "vmm/x86/task_switch.h"

struct tss_32 {
	uint16_t link, reserved0;
	uint32_t stacks[6];
	uint32_t cr3, eip, eflags, gpr[8];
	struct {
		uint16_t selector, reserved;
	} segment[6];
	uint16_t ldt, reserved1;
	uint16_t trap, io_map;
};

struct tss_16 {
	uint16_t link, stacks[6];
	uint16_t ip, flags, gpr[8];
	uint16_t selector[4];
	uint16_t ldt;
};

_Static_assert(sizeof(struct tss_32) == TSS_32_LIMIT + 1, "the manual's 32-bit TSS");
_Static_assert(sizeof(struct tss_16) == TSS_16_LIMIT + 1, "the manual's 16-bit TSS");

#define IS_32_BIT(access) (8 & (access))

static bool tss_copy_in(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t address, void *data,
                        size_t size, struct linear_fault *fault)
{
	struct linear_range range;

	if (!linear_translate(vcpu, paging, address, size, ACCESS_SYSTEM, &range, fault))
		return false;
	linear_read(vcpu, &range, data);
	return true;
}

static bool tss_copy_out(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t address,
                         const void *data, size_t size, struct linear_fault *fault)
{
	struct linear_range range;

	if (!linear_translate(vcpu, paging, address, size, ACCESS_SYSTEM | ACCESS_WRITE, &range, fault))
		return false;
	linear_write(vcpu, &range, data);
	return true;
}

bool tss_read(const struct vcpu *vcpu, const struct guest_paging *paging, const struct descriptor *descriptor,
              struct tss_image *tss, struct linear_fault *fault)
{
	struct tss_32 wide;
	struct tss_16 narrow;

	*tss = (struct tss_image){0};
	if (IS_32_BIT(descriptor->access)) {
		if (!tss_copy_in(vcpu, paging, descriptor->base, &wide, sizeof(wide), fault))
			return false;
		tss->cr3 = wide.cr3;
		tss->eip = wide.eip;
		tss->eflags = wide.eflags;
		memcpy(tss->gpr, wide.gpr, sizeof(tss->gpr));
		for (unsigned i = 0; i < 6; i++)
			tss->selector[i] = wide.segment[i].selector;
		tss->ldt = wide.ldt;
		tss->trap = wide.trap & 1;
		return true;
	}
	if (!tss_copy_in(vcpu, paging, descriptor->base, &narrow, sizeof(narrow), fault))
		return false;
	tss->eip = narrow.ip;
	tss->eflags = narrow.flags;
	for (unsigned i = 0; i < 8; i++)
		tss->gpr[i] = 0xffff0000 | narrow.gpr[i];
	memcpy(tss->selector, narrow.selector, sizeof(narrow.selector));
	tss->ldt = narrow.ldt;
	return true;
}

bool tss_save(const struct vcpu *vcpu, const struct guest_paging *paging, const struct segment *tr,
              const struct tss_image *tss, struct linear_fault *fault)
{
	struct tss_32 wide;
	struct tss_16 narrow;
	const size_t wide_from = offsetof(struct tss_32, eip), wide_to = offsetof(struct tss_32, ldt);
	const size_t narrow_from = offsetof(struct tss_16, ip), narrow_to = offsetof(struct tss_16, ldt);

	if (IS_32_BIT(tr->access)) {
		wide.eip = tss->eip;
		wide.eflags = tss->eflags;
		memcpy(wide.gpr, tss->gpr, sizeof(wide.gpr));
		for (unsigned i = 0; i < 6; i++) {
			wide.segment[i].selector = tss->selector[i];
			wide.segment[i].reserved = 0;
		}
		return tss_copy_out(vcpu, paging, tr->base + wide_from, &wide.eip, wide_to - wide_from,
		                    fault);
	}
	narrow.ip = (uint16_t)tss->eip;
	narrow.flags = (uint16_t)tss->eflags;
	for (unsigned i = 0; i < 8; i++)
		narrow.gpr[i] = (uint16_t)tss->gpr[i];
	memcpy(narrow.selector, tss->selector, sizeof(narrow.selector));
	return tss_copy_out(vcpu, paging, tr->base + narrow_from, &narrow.ip, narrow_to - narrow_from, fault);
}

bool tss_write_link(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t base, uint16_t selector,
                    struct linear_fault *fault)
{
	return tss_copy_out(vcpu, paging, base, &selector, sizeof(selector), fault);
}
