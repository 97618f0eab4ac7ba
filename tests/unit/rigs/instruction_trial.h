/* SPDX-License-Identifier: MIT */
/*
 * Random trials of the forms in instruction_forms.h: an encoding, and registers and
 * memory that make it do something within the window of native.h.
 */
#ifndef TESTS_UNIT_RIGS_INSTRUCTION_TRIAL_H
#define TESTS_UNIT_RIGS_INSTRUCTION_TRIAL_H

#include "rigs/instruction_forms.h"
#include "rigs/native.h"
#include "rigs/random_values.h"
#include "vmm/emulate/emulate.h"

#define CF            0x001
#define PF            0x004
#define AF            0x010
#define ZF            0x040
#define SF            0x080
#define DF            0x400
#define OF            0x800
#define VISIBLE_FLAGS (CF | PF | AF | ZF | SF | DF | OF)

/* ---- One case: an encoding and the state before it ---- */

struct trial {
	const struct form *form;
	uint8_t bytes[24]; /* now and then more than the 15 that are allowed */
	unsigned length;
	bool rex_w, operand_prefix, address_prefix, lock;
	uint8_t rex, repeat, segment; /* prefixes */
	unsigned size;                /* of the operand */
	uint8_t opcode, mod, reg, rm; /* with REX bits */
	int base, index;              /* -1: none */
	unsigned scale;
	bool rip_relative;
	int32_t displacement;
	uint64_t immediate;
	unsigned immediate_size;
	uint64_t target; /* linear address of the memory operand */
	struct native_state state;
};

static uint64_t window_address(const struct trial *t)
{
	uint64_t window = (uint64_t)(uintptr_t)native.window;
	bool atomic = t->lock || (t->form->flags & FORM_LOCKED);

	if (percent(2) && !atomic)
		return window + NATIVE_WINDOW_SIZE - 1 - below(16); /* may reach beyond */
	if (percent(1) && t->base >= 0 && !t->address_prefix)
		return 0x800000000000UL + (random64() >> 18); /* not canonical */
	/* The middle: room for bit offsets, strings and pushes. No split locks. */
	return (window + 2048 + below(4096)) & (atomic ? ~15UL : ~0UL);
}

static uint64_t segment_base(const struct trial *t)
{
	return t->segment == 0x65 ? NATIVE_GS_BASE : t->segment == 0x64 ? native.fs_base : 0;
}

/* A 32-bit address may have anything above. */
static uint64_t pointer(const struct trial *t, uint64_t address)
{
	return t->address_prefix ? (uint32_t)address | random64() << 32 : address;
}

static void choose_prefixes(struct trial *t)
{
	unsigned flags = t->form->flags;

	t->operand_prefix = !(flags & FORM_NO66) && percent(25);
	t->address_prefix = percent(15);
	t->rex_w = percent(35);
	t->rex = percent(60) ? 0x40 | (t->rex_w << 3) | below(8) : t->rex_w ? 0x48 : 0;
	if (flags & FORM_STRING)
		t->repeat = percent(70) ? 0xf2 + below(2) : 0;
	if (flags & FORM_F3)
		t->repeat = percent(50) || (flags & FORM_F3_ALWAYS) == FORM_F3_ALWAYS ? 0xf3 : 0;
	if (percent(20)) {
		static const uint8_t segments[] = {0x65, 0x65, 0x64, 0x26, 0x2e, 0x36, 0x3e};

		t->segment = segments[below(ARRAY_SIZE(segments))];
		if (t->segment == 0x64)
			t->address_prefix = false;
	}
}

static unsigned operand_size(const struct trial *t)
{
	if (t->form->flags & FORM_BYTE)
		return 1;
	if (t->rex_w || (t->form->flags & FORM_FORCE64))
		return 8;
	if (t->operand_prefix)
		return 2;
	return t->form->flags & FORM_DEFAULT64 ? 8 : 4;
}

static void choose_registers(struct trial *t)
{
	unsigned flags = t->form->flags;

	t->mod = flags & FORM_MEMORY ? below(3) : flags & FORM_REGISTER ? 3 : below(4);
	t->reg = t->form->digit >= 0 ? t->form->digit : (int)below(8);
	t->rm = below(8);
	t->scale = below(4);
	t->base = t->index = -1;
	if (t->mod != 3 && t->rm == 4) { /* SIB */
		t->base = below(8);
		t->index = below(8) | (t->rex & 2 ? 8 : 0);
		t->index = t->index == 4 ? -1 : t->index;
		t->base = t->base == 5 && t->mod == 0 ? -1 : t->base | (t->rex & 1 ? 8 : 0);
	} else if (t->mod != 3) {
		t->rip_relative = t->mod == 0 && t->rm == 5;
		t->base = t->rip_relative ? -1 : t->rm | (t->rex & 1 ? 8 : 0);
	} else {
		t->rm |= t->rex & 1 ? 8 : 0;
	}
	if (t->form->digit < 0)
		t->reg |= t->rex & 4 ? 8 : 0;
}

/* Registers that cannot be what the form needs them to be and part of the address too. */
static bool registers_collide(const struct trial *t)
{
	unsigned flags = t->form->flags;

	if (!(flags & FORM_MODRM))
		return false;
	if (t->mod == 3)
		return (flags & FORM_STACK) && (flags & FORM_TARGET) && t->rm == 4;
	if (t->base >= 0 && t->base == t->index)
		return true;
	if ((flags & FORM_BIT_OFFSET) && (t->reg == t->base || t->reg == t->index))
		return true;
	return (flags & FORM_STACK) && t->index == 4;
}

/* Give the address registers and the displacement values that make the target. */
static void aim(struct trial *t)
{
	bool near = (t->form->flags & FORM_STACK) && t->base == 4; /* keep RSP itself in the window */
	uint64_t offset;
	uint64_t index = 0;

	if (t->segment == 0x64 && t->base < 0)
		t->segment = 0; /* FS lies out of reach of a displacement */
	t->target = window_address(t);
	offset = t->target - segment_base(t);
	if (t->index >= 0) {
		uint64_t value = t->base >= 0 && !near ? any_value() : below(16);

		if (t->base < 0 && !t->address_prefix && percent(20))
			value = -value;
		t->state.gpr[t->index] = t->base >= 0 ? value : pointer(t, value);
		index = t->state.gpr[t->index] << t->scale;
	}
	if (t->base >= 0) {
		t->displacement = t->mod == 0           ? 0
		                  : t->mod == 1 || near ? (int8_t)random64()
		                                        : (int32_t)random64();
		t->state.gpr[t->base] = pointer(t, offset - index - (uint64_t)(int64_t)t->displacement);
	} else {
		t->displacement = (int32_t)(offset - index); /* less RIP, once that is known */
	}
}

static void put(struct trial *t, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		t->bytes[t->length++] = value >> 8 * i;
}

static void encode_prefixes(struct trial *t)
{
	uint8_t prefixes[6];
	unsigned count = 0;

	if (t->operand_prefix)
		prefixes[count++] = 0x66;
	if (t->address_prefix)
		prefixes[count++] = 0x67;
	if (t->lock)
		prefixes[count++] = 0xf0;
	if (t->repeat)
		prefixes[count++] = t->repeat;
	if (t->segment)
		prefixes[count++] = t->segment;
	if (count && percent(3))
		put(t, 0x48 | below(8), 1); /* a REX in the wrong place counts for nothing */
	while (count) {
		unsigned i = below(count);

		put(t, prefixes[i], 1);
		prefixes[i] = prefixes[--count];
	}
	if (t->rex)
		put(t, t->rex, 1);
}

static void encode_address(struct trial *t)
{
	put(t, t->mod << 6 | (t->reg & 7) << 3 | (t->rm & 7), 1);
	if (t->mod == 3)
		return;
	if (t->rm == 4)
		put(t,
		    t->scale << 6 | (t->index < 0 ? 4 : t->index & 7) << 3 | (t->base < 0 ? 5 : t->base & 7),
		    1);
	if (t->rip_relative)
		t->displacement = (int32_t)((uint32_t)t->displacement -
		                            (uint32_t)(t->state.rip + t->length + 4 + t->immediate_size));
	if (t->mod == 1)
		put(t, (uint8_t)t->displacement, 1);
	else if (t->mod == 2 || t->base < 0)
		put(t, (uint32_t)t->displacement, 4);
}

static void choose_immediate(struct trial *t)
{
	unsigned word = t->size == 8 ? 4 : t->size;

	switch (t->form->immediate) {
	case IMMEDIATE_NONE: t->immediate_size = 0; break;
	case IMMEDIATE_BYTE: t->immediate_size = 1; break;
	case IMMEDIATE_WORD: t->immediate_size = 2; break;
	case IMMEDIATE_ENTER: t->immediate_size = 3; break;
	case IMMEDIATE_SIZE: t->immediate_size = word; break;
	case IMMEDIATE_ADDRESS: t->immediate_size = t->address_prefix ? 4 : 8; break;
	}
	t->immediate = any_value();
	if (t->form->immediate == IMMEDIATE_ENTER)
		t->immediate &= 0x20ff; /* level 0 (modulo 32) */
	if (t->form->immediate == IMMEDIATE_ADDRESS)
		t->immediate = window_address(t) - segment_base(t);
	if (t->form->flags & FORM_RELATIVE)
		t->immediate = sizeof(t->bytes) + below(100);
	if ((t->form->flags & FORM_RELATIVE) && percent(50))
		t->immediate = -t->immediate - sizeof(t->bytes);
}

static void encode(struct trial *t)
{
	encode_prefixes(t);
	if (t->form->map)
		put(t, 0x0f, 1);
	if (t->form->map == 2)
		put(t, 0x38, 1);
	put(t, t->opcode, 1);
	if (t->form->flags & FORM_MODRM)
		encode_address(t);
	put(t, t->immediate, t->immediate_size);
}

/* ---- What particular forms want in their registers, to be of interest ---- */

static bool in_address(const struct trial *t, int reg)
{
	return t->mod != 3 && (t->base == reg || t->index == reg);
}

static bool target_in_window(const struct trial *t)
{
	uint64_t offset = t->target - (uint64_t)(uintptr_t)native.window;

	return t->mod != 3 && offset <= NATIVE_WINDOW_SIZE - 16;
}

static void arrange_exchange(struct trial *t)
{
	const uint8_t *memory = native.window + (t->target - (uint64_t)(uintptr_t)native.window);

	if (t->mod == 3 && percent(50))
		t->state.gpr[0] = t->state.gpr[t->rm];
	if (!target_in_window(t) || in_address(t, 0) || in_address(t, 2) || percent(50))
		return;
	memcpy(&t->state.gpr[0], memory, 8);
	if (t->form->opcode == 0xc7)
		memcpy(&t->state.gpr[2], memory + (t->rex_w ? 8 : 4), 8);
}

static void arrange_divide(struct trial *t)
{
	if (in_address(t, 0) || in_address(t, 2) || percent(30))
		return;
	t->state.gpr[2] = percent(50) ? 0 : t->size == 1 ? random64() : below(256);
	t->state.gpr[0] = t->size == 1 ? below(2048) : random64();
	if (t->form->digit == 7 && percent(50)) {
		t->state.gpr[2] = ~t->state.gpr[2];
		t->state.gpr[0] = -t->state.gpr[0];
	}
}

static void arrange_branch_target(struct trial *t)
{
	uint64_t target = (uint64_t)(uintptr_t)native.code + below(NATIVE_CODE_OFFSET);
	uint64_t at = t->form->flags & FORM_MODRM ? t->target : t->state.gpr[4];

	if ((t->form->flags & FORM_MODRM) && t->mod == 3) {
		t->state.gpr[t->rm] = target;
		return;
	}
	at -= (uint64_t)(uintptr_t)native.window;
	if (at <= NATIVE_WINDOW_SIZE - 8)
		memcpy(native.window + at, &target, 8);
}

static void arrange(struct trial *t)
{
	unsigned flags = t->form->flags;

	if (flags & (FORM_STACK | FORM_RSP_TARGET) && !in_address(t, 4))
		t->state.gpr[4] = window_address(t);
	if (flags & FORM_RBP)
		t->state.gpr[5] = window_address(t);
	if ((flags & FORM_BIT_OFFSET) && t->mod != 3)
		t->state.gpr[t->reg] = (uint64_t)((int64_t)below(16384) - 8192);
	if (flags & FORM_STRING) {
		t->state.gpr[6] = pointer(t, window_address(t) - segment_base(t));
		t->state.gpr[7] = pointer(t, window_address(t));
		t->state.gpr[1] = pointer(t, below(40));
	}
	if (flags & FORM_XLAT)
		t->state.gpr[3] = pointer(t, window_address(t) - segment_base(t) - (t->state.gpr[0] & 0xff));
	if (flags & FORM_COMPARE_EXCHANGE)
		arrange_exchange(t);
	if (flags & FORM_DIVIDE)
		arrange_divide(t);
	if (flags & FORM_TARGET)
		arrange_branch_target(t);
}

static void fill_window(void)
{
	for (unsigned i = 0; i < NATIVE_WINDOW_SIZE; i += 8) {
		uint64_t value = any_value();

		memcpy(native.window + i, &value, 8);
	}
}

static void generate(struct trial *t, const struct form *form)
{
	do {
		memset(t, 0, sizeof(*t));
		t->form = form;
		t->base = -1;
		t->mod = 3;
		choose_prefixes(t);
		if (form->flags & FORM_MODRM)
			choose_registers(t);
	} while (registers_collide(t));
	t->opcode = form->opcode + below(form->span);
	t->lock = percent((form->flags & FORM_LOCKABLE) && t->mod != 3 ? 20 : 2);
	t->size = operand_size(t);
	for (int i = 0; i < 16; i++)
		t->state.gpr[i] = any_value();
	t->state.rflags = 0x202 | (random64() & (VISIBLE_FLAGS & ~DF)) | (percent(30) ? DF : 0);
	t->state.rip = (uint64_t)(uintptr_t)native.code + NATIVE_CODE_OFFSET;
	choose_immediate(t);
	if (t->mod != 3)
		aim(t);
	arrange(t);
	encode(t);
}

#endif
