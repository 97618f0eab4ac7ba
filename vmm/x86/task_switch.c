/* SPDX-License-Identifier: MIT */
/*
 * Hardware task switches, which the hardware leaves to the monitor: CALL and JMP to a TSS or task
 * gate, task gates in the IDT, and IRET with NT. SDM Vol. 3A "Task Switching", "Task-State Segment
 * (TSS)"; Vol. 3C "Treatment of Task Switches".
 */
#include "vmm/x86/task_switch.h"
#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/x86/linear.h"
#include "vmm/x86/descriptor.h"
#include "vmm/x86/cr.h"

#define TSS_AVAILABLE 1 /* the 16-bit type; busy adds 2, 32-bit adds 8 */
#define TSS_BUSY      2
#define TSS_32_BIT    8

#define RFLAGS_NT BIT(14)

/* DR6.BT; DR7: L0..L3 and LE, GD. SDM Vol. 3B "Debug Status Register (DR6)". */
#define DR6_TASK  BIT(15)
#define DR7_LOCAL 0x155UL
#define DR7_GD    BIT(13)

struct switching {
	struct vcpu *vcpu;
	struct guest_paging paging; /* of the task that is left, while its memory is touched */
	enum task_switch_source source;
	uint16_t selector; /* of the new TSS */
	struct descriptor descriptor;
	struct tss_image old_tss, new_tss;
	struct segment old_tr;
	bool nmi; /* the switch delivers one */
	bool has_error_code;
	uint32_t error_code;
	uint32_t external; /* the EXT bit of error codes: not caused by an instruction of the program */
};

/* ---- Checks ---- */

/* SDM Vol. 3A "Error Code". */
static uint32_t switch_error_code(const struct switching *s, uint16_t selector)
{
	return (selector & 0xfffcu) | s->external;
}

/* A fault in the context of the task that is left; ACTION_ADVANCE: all is well. */
static enum action switch_check_target(struct switching *s)
{
	bool iret = s->source == BY_IRET;
	uint8_t type = s->descriptor.access & 0x1f;
	uint8_t wanted = TSS_AVAILABLE | (iret ? TSS_BUSY : 0);
	uint8_t fault = iret ? EXCEPTION_TS : EXCEPTION_GP;
	uint32_t code = switch_error_code(s, s->selector);

	if ((type & ~TSS_32_BIT) != wanted)
		return vcpu_raise(s->vcpu, fault, code);
	if (!(s->descriptor.access & SEGMENT_PRESENT))
		return vcpu_raise(s->vcpu, EXCEPTION_NP, code);
	if (s->descriptor.limit < (type & TSS_32_BIT ? TSS_32_LIMIT : TSS_16_LIMIT))
		return vcpu_raise(s->vcpu, EXCEPTION_TS, code);
	return ACTION_ADVANCE;
}

static enum action switch_page_fault(struct switching *s, const struct linear_fault *fault)
{
	return vcpu_raise_page_fault(s->vcpu, fault->error_code, fault->address);
}

/* ---- Leaving ---- */

static void switch_capture(struct switching *s, uint64_t next_rip)
{
	struct tss_image *tss = &s->old_tss;
	uint64_t rflags = backend_rflags(s->vcpu);

	if (s->source == BY_IRET)
		rflags &= ~RFLAGS_NT;
	tss->eip = (uint32_t)next_rip;
	tss->eflags = (uint32_t)rflags;
	for (unsigned i = 0; i < 8; i++)
		tss->gpr[i] = (uint32_t)(i == RSP ? backend_rsp(s->vcpu) : s->vcpu->gpr[i]);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		struct segment segment;

		backend_segment(s->vcpu, (enum segment_index)i, &segment);
		tss->selector[i] = segment.selector;
	}
}

/* ---- Entering ---- */

static void switch_set_segment(struct switching *s, unsigned index, uint16_t selector,
                               const struct descriptor *d)
{
	const struct segment segment = {
		.selector = selector, .base = d->base, .limit = d->limit, .access = d->access};

	backend_set_segment(s->vcpu, (enum segment_index)index, &segment);
}

/* The shadows of STI and MOV SS end, an NMI's gate blocks further ones, IRET lifts that. */
static void switch_set_blocking(struct switching *s)
{
	backend_end_shadow(s->vcpu);
	if (s->source == BY_IRET || s->nmi)
		backend_block_nmis(s->vcpu, s->source != BY_IRET);
}

static void switch_load_registers(struct switching *s)
{
	const struct tss_image *tss = &s->new_tss;
	struct descriptor tr = s->descriptor;
	uint64_t eflags = (tss->eflags & 0x3f7fd7) | RFLAGS_RESERVED;

	if (s->source == BY_CALL || s->source == BY_GATE)
		eflags |= RFLAGS_NT;
	tr.access |= TSS_BUSY;
	switch_set_segment(s, SEG_TR, s->selector, &tr);
	backend_set_cr0(s->vcpu, backend_cr0(s->vcpu) | CR0_TS);
	backend_set_rip(s->vcpu, tss->eip);
	backend_set_rflags(s->vcpu, eflags);
	backend_set_rsp(s->vcpu, tss->gpr[RSP]);
	for (unsigned i = 0; i < 8; i++)
		if (i != RSP)
			s->vcpu->gpr[i] = tss->gpr[i];
	/* Local breakpoints end with the task. A trap by the T flag also clears GD. */
	backend_set_dr7(s->vcpu, backend_dr7(s->vcpu) & ~(DR7_LOCAL | (tss->trap ? DR7_GD : 0)));
	switch_set_blocking(s);
}

/* Selectors are loaded first, all unusable, so that a fault finds a defined state. */
static void switch_load_selectors(struct switching *s)
{
	const struct descriptor none = {.access = (uint32_t)SEGMENT_UNUSABLE};
	bool v86 = s->new_tss.eflags & RFLAGS_VM;
	uint32_t dpl = (s->new_tss.selector[SEG_CS] & 3u) << 5;

	switch_set_segment(s, SEG_LDTR, s->new_tss.ldt, &none);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		uint16_t selector = s->new_tss.selector[i];
		struct descriptor real = {.base = (uint64_t)selector << 4, .limit = 0xffff, .access = 0xf3};
		struct descriptor flat = {.access = (i == SEG_CS ? 0x9b : 0x93) | dpl, .limit = 0xffff};

		if (v86)
			switch_set_segment(s, i, selector, &real);
		else if (i == SEG_CS || i == SEG_SS)
			switch_set_segment(s, i, selector, &flat);
		else
			switch_set_segment(s, i, selector, &none);
	}
}

static enum action switch_load_ldt(struct switching *s)
{
	struct descriptor d;
	struct linear_fault fault;
	uint16_t selector = s->new_tss.ldt;

	if (!(selector & 0xfffc))
		return ACTION_ADVANCE;
	switch (descriptor_read(s->vcpu, &s->paging, selector, &d, &fault)) {
	case DESCRIPTOR_OK: break;
	case DESCRIPTOR_FAULT: return switch_page_fault(s, &fault);
	default: return vcpu_raise(s->vcpu, EXCEPTION_TS, switch_error_code(s, selector));
	}
	if (selector & 4 || (d.access & 0x1f) != 2 || !(d.access & SEGMENT_PRESENT))
		return vcpu_raise(s->vcpu, EXCEPTION_TS, switch_error_code(s, selector));
	switch_set_segment(s, SEG_LDTR, selector, &d);
	return ACTION_ADVANCE;
}

static enum action switch_load_segment(struct switching *s, unsigned index, uint8_t cpl)
{
	uint16_t selector = s->new_tss.selector[index];
	uint32_t code = switch_error_code(s, selector);
	struct descriptor d;
	struct linear_fault fault;

	if (!(selector & 0xfffc))
		return index == SEG_CS || index == SEG_SS ? vcpu_raise(s->vcpu, EXCEPTION_TS, code)
		                                          : ACTION_ADVANCE;
	switch (descriptor_read(s->vcpu, &s->paging, selector, &d, &fault)) {
	case DESCRIPTOR_OK: break;
	case DESCRIPTOR_FAULT: return switch_page_fault(s, &fault);
	default: return vcpu_raise(s->vcpu, EXCEPTION_TS, code);
	}
	if (!descriptor_loadable(&d, index, selector, cpl))
		return vcpu_raise(s->vcpu, EXCEPTION_TS, code);
	if (!(d.access & SEGMENT_PRESENT))
		return vcpu_raise(s->vcpu, index == SEG_SS ? EXCEPTION_SS : EXCEPTION_NP, code);
	if (!descriptor_set_accessed(s->vcpu, &s->paging, selector, &d, &fault))
		return switch_page_fault(s, &fault);
	switch_set_segment(s, index, selector, &d);
	return ACTION_ADVANCE;
}

static enum action switch_load_segments(struct switching *s)
{
	static const uint8_t order[] = {SEG_SS, SEG_CS, SEG_ES, SEG_DS, SEG_FS, SEG_GS};
	uint8_t cpl = s->new_tss.selector[SEG_CS] & 3;
	enum action action = switch_load_ldt(s);

	if (s->new_tss.eflags & RFLAGS_VM)
		return action; /* virtual-8086 segments come from the selectors alone */
	for (unsigned i = 0; i < ARRAY_SIZE(order) && action == ACTION_ADVANCE; i++)
		action = switch_load_segment(s, order[i], cpl);
	return action;
}

/* SDM Vol. 3A "Limit Checking": an expand-down segment begins past its limit. */
static bool switch_stack_holds(const struct segment *ss, uint64_t offset, unsigned size, uint64_t top)
{
	uint64_t last = offset + size - 1;

	return ss->access & 4 ? offset > ss->limit && last <= top : last <= ss->limit;
}

/* The gate's exception had an error code: it goes on the new task's stack. */
static enum action switch_push_error_code(struct switching *s)
{
	unsigned size = s->descriptor.access & TSS_32_BIT ? 4 : 2;
	uint64_t rsp = backend_rsp(s->vcpu), mask, next;
	struct linear_range range;
	struct linear_fault fault;
	struct segment ss;

	backend_segment(s->vcpu, SEG_SS, &ss);
	mask = ss.access & SEGMENT_DB ? UINT32_MAX : UINT16_MAX;
	next = (rsp & ~mask) | ((rsp - size) & mask);
	if (!switch_stack_holds(&ss, next & mask, size, mask))
		return vcpu_raise(s->vcpu, EXCEPTION_SS, s->external);
	backend_paging(s->vcpu, &s->paging);
	if (!linear_translate(s->vcpu, &s->paging, ss.base + (next & mask), size, ACCESS_WRITE, &range,
	                      &fault))
		return switch_page_fault(s, &fault);
	linear_write(s->vcpu, &range, &s->error_code);
	backend_set_rsp(s->vcpu, next);
	return ACTION_ADVANCE;
}

/* The new task's address space; the TSS of 16 bits has none. */
static enum action switch_load_cr3(struct switching *s)
{
	if (!(s->descriptor.access & TSS_32_BIT) || !(s->paging.cr0 & CR0_PG))
		return ACTION_ADVANCE;
	return cr3_write(s->vcpu, s->new_tss.cr3);
}

static enum action switch_enter(struct switching *s)
{
	enum action action = switch_load_cr3(s);

	if (action != ACTION_ADVANCE)
		return action;
	switch_load_registers(s);
	switch_load_selectors(s);
	backend_paging(s->vcpu, &s->paging);
	action = switch_load_segments(s);
	if (action == ACTION_ADVANCE && s->has_error_code)
		action = switch_push_error_code(s);
	if (action != ACTION_ADVANCE)
		return action;
	/*
	 * The event that went through the gate has been delivered; a fault before this is one on
	 * top of it.
	 */
	s->vcpu->requests &= ~(uint32_t)REQUEST_EVENT;
	if (s->new_tss.trap) {
		backend_set_dr6(s->vcpu, backend_dr6(s->vcpu) | DR6_TASK);
		action = vcpu_raise(s->vcpu, EXCEPTION_DB, 0);
	}
	return action;
}

/* ---- The whole ---- */

/*
 * Where the old task goes on: after the instruction of `length` bytes, unless an exception or
 * interrupt interrupted it.
 */
static uint64_t switch_resume_address(struct switching *s, uint8_t length)
{
	const struct event *event = &s->vcpu->event;
	uint64_t rip = backend_rip(s->vcpu);

	if (s->source != BY_GATE)
		return rip + length;
	if (!(s->vcpu->requests & REQUEST_EVENT))
		return rip;
	/* The switch is the delivery of that event. */
	s->has_error_code = event->has_error_code;
	s->error_code = event->error_code;
	s->external = event->type != EVENT_SOFTWARE_INTERRUPT && event->type != EVENT_SOFTWARE_EXCEPTION;
	s->nmi = event->type == EVENT_NMI;
	return event->type >= EVENT_SOFTWARE_INTERRUPT ? rip + event->length : rip;
}

/* Busy flags and the back link, in memory. False: `fault`. */
static bool switch_update_descriptors(struct switching *s, struct linear_fault *fault)
{
	bool nested = s->source == BY_CALL || s->source == BY_GATE;

	if (!nested && !descriptor_set_busy(s->vcpu, &s->paging, s->old_tr.selector, false, fault))
		return false;
	if (s->source != BY_IRET && !descriptor_set_busy(s->vcpu, &s->paging, s->selector, true, fault))
		return false;
	return !nested || tss_write_link(s->vcpu, &s->paging, s->descriptor.base, s->old_tr.selector, fault);
}

enum action task_switch(struct vcpu *vcpu, enum task_switch_source source, uint16_t selector, uint8_t length)
{
	struct switching s = {.vcpu = vcpu, .source = source, .selector = selector};
	struct linear_fault fault;
	enum action action;
	uint64_t next_rip;

	next_rip = switch_resume_address(&s, length);
	backend_paging(vcpu, &s.paging);
	backend_segment(vcpu, SEG_TR, &s.old_tr);
	switch (descriptor_read(vcpu, &s.paging, s.selector & 0xfff8u, &s.descriptor, &fault)) {
	case DESCRIPTOR_OK: break;
	case DESCRIPTOR_FAULT: return switch_page_fault(&s, &fault);
	default: return vcpu_raise(vcpu, EXCEPTION_GP, switch_error_code(&s, s.selector));
	}
	action = switch_check_target(&s);
	if (action != ACTION_ADVANCE)
		return action;
	switch_capture(&s, next_rip);
	if (!tss_read(vcpu, &s.paging, &s.descriptor, &s.new_tss, &fault) ||
	    !tss_save(vcpu, &s.paging, &s.old_tr, &s.old_tss, &fault) ||
	    !switch_update_descriptors(&s, &fault))
		return switch_page_fault(&s, &fault);
	action = switch_enter(&s);
	return action == ACTION_ADVANCE ? ACTION_RETRY : action;
}
