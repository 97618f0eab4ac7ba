/* SPDX-License-Identifier: MIT */
/*
 * Guests that do nothing but take time, as simple programs, on one or two processors: all of the
 * monitor and its devices as they are, over simulated time. One tick of the TSC is one ns. The
 * monitor's work takes time, too: EXIT_NS an exit, and SWITCH_NS the way from one guest to another.
 */
#ifndef TESTS_UNIT_RIGS_GUESTS_H
#define TESTS_UNIT_RIGS_GUESTS_H

#include "rigs/vm_life.h"

#define GUESTS_MAX 7
#define EXIT_NS    2000 /* Bochs: 1,500 */
#define SWITCH_NS  6000 /* Bochs: 6,200 */
#define LOAD_NS    500000
#define MS         1000000UL

enum program {
	BUSY,     /* never halts */
	NAP_8254, /* after `work` ns halts until the interrupt, which comes each `period` ns */
	NAP_HPET,
	NAP_RTC,  /* `period` is as the rate of register A says */
	NAP_UART, /* until the character timeout of a byte that it sent to itself */
	NAP_8042, /* until the byte that it told the controller to send, which comes at once */
	DEAF,     /* halts with interrupts off, the HPET's timer 0 each `period` ns */
	RESETS,   /* resets its machine after `work` ns, which is then loaded again */
};

struct guest {
	struct vm vm;
	struct console_vm console;
	enum program program;
	uint64_t work, period;
	uint64_t left; /* ns until it halts */
	uint64_t done; /* ns in which it ran */
	uint64_t naps;
	uint64_t woke, longest; /* TSC of its last interrupt; ns between two of them */
};

static struct guest guests[GUESTS_MAX];
static unsigned guest_count;
static bool guest_idles[2];    /* by CPU */
static uint64_t guest_idle[2]; /* ns in which it did */

static struct guest *guest_on(const struct cpu *which)
{
	return container_of(which->current->vm, struct guest, vm);
}

static struct cpu *guest_cpu(unsigned index)
{
	return index ? &second : &cpu;
}

/* So much time has passed on all CPUs except this one; null: on all. */
static void guests_go_on(const struct cpu *except, uint64_t ns)
{
	for (unsigned i = 0; i < cpu_count; i++) {
		struct guest *guest;

		if (guest_cpu(i) == except)
			continue;
		if (guest_idles[i]) {
			guest_idle[i] += ns;
			continue;
		}
		guest = guest_on(guest_cpu(i));
		guest->done += ns;
		if (guest->program != BUSY)
			guest->left -= MIN(ns, guest->left);
	}
}

/* The test's code is that processor's from here on. */
static void guest_switch_cpu(struct cpu *which)
{
	on(which);
	fake_vmx.clock = NULL;
	if (which->vmx.loaded)
		assert_true(vmptrld(which->vmx.loaded->vmx.vmcs));
	fake_vmx.clock = &fake_x86.tsc;
}

/* ---- The programs ---- */

static void guest_out(struct guest *guest, uint16_t port, uint8_t value)
{
	port_write(&guest->vm.machine.ports, port, 1, value);
}

static void guest_put_hpet(struct guest *guest, unsigned offset, uint64_t value)
{
	memory_write(&guest->vm.machine.memory, HPET_BASE + offset, &value, sizeof(value));
}

static void guest_put_rtc(struct guest *guest, uint8_t index, uint8_t value)
{
	guest_out(guest, 0x70, index);
	guest_out(guest, 0x71, value);
}

/* A byte to itself, one below the FIFO's trigger level, at the highest rate. */
static void guest_send_byte(struct guest *guest)
{
	guest_out(guest, 0x3FC, 0x1B);
	guest_out(guest, 0x3F8, 'x');
	guest_out(guest, 0x3FC, 0x0B);
}

static void guest_start_hpet(struct guest *guest)
{
	uint64_t ticks = guest->period * 1000000 / HPET_PERIOD_FS;

	guest_put_hpet(guest, 0x100, 0x4C);
	guest_put_hpet(guest, 0x108, ticks);
	guest_put_hpet(guest, 0x108, ticks);
	guest_put_hpet(guest, 0x010, 3);
}

static void guest_start_8254(struct guest *guest)
{
	uint64_t count = guest->period * 1193182 / 1000000000;

	guest_out(guest, 0x43, 0x34);
	guest_out(guest, 0x40, (uint8_t)count);
	guest_out(guest, 0x40, (uint8_t)(count >> 8));
}

/* Both 8259A, the second one without a mask, in automatic EOI. */
static void guest_start_pic(struct guest *guest)
{
	static const uint8_t words[][2] = {{0x20, 0x11}, {0x21, 0x20}, {0x21, 0x04}, {0x21, 0x03},
	                                   {0xA0, 0x11}, {0xA1, 0x28}, {0xA1, 0x02}, {0xA1, 0x03}};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		guest_out(guest, words[i][0], words[i][1]);
}

static void guest_start_program(struct guest *guest)
{
	guest_start_pic(guest);
	vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) | (guest->program == DEAF ? 0 : RFLAGS_IF));
	switch (guest->program) {
	case NAP_8254: guest_start_8254(guest); break;
	case NAP_HPET:
	case DEAF: guest_start_hpet(guest); break;
	case NAP_RTC:
		guest_put_rtc(guest, 0x0A, 0x20 | (uint8_t)guest->period);
		guest_put_rtc(guest, 0x0B, 0x42);
		break;
	case NAP_UART:
		guest_out(guest, 0x3FB, 0x83);
		guest_out(guest, 0x3F8, 1);
		guest_out(guest, 0x3F9, 0);
		guest_out(guest, 0x3FB, 0x03);
		guest_out(guest, 0x3FA, 0xC1);
		guest_out(guest, 0x3F9, 0x01);
		guest_send_byte(guest);
		break;
	case NAP_8042:
		guest_out(guest, 0x64, 0x60);
		guest_out(guest, 0x60, 0x61);
		break;
	case BUSY:
	case RESETS: break;
	}
}

/* Its handler, and then a round of its work. */
static void guest_interrupted(struct guest *guest)
{
	vmwrite(VMCS_ENTRY_INTERRUPTION, 0);
	guest->naps++;
	guest->left = guest->work;
	if (guest->woke)
		guest->longest = MAX(guest->longest, fake_x86.tsc - guest->woke);
	guest->woke = fake_x86.tsc;
	if (guest->program == NAP_RTC) {
		guest_out(guest, 0x70, 0x0C);
		port_read(&guest->vm.machine.ports, 0x71, 1);
	} else if (guest->program == NAP_UART) {
		port_read(&guest->vm.machine.ports, 0x3F8, 1);
		guest_send_byte(guest);
	} else if (guest->program == NAP_8042) {
		port_read(&guest->vm.machine.ports, 0x60, 1);
	}
}

/* ---- Exits ---- */

static void guest_take_event(struct cpu *which)
{
	which->current->requests &= ~(uint32_t)ENTRY_LAUNCH;
	if (vmread(VMCS_ENTRY_INTERRUPTION) & INTERRUPTION_VALID)
		guest_interrupted(guest_on(which));
}

/* The run loop from an exit, or from a wait, to the next entry. */
static void guest_run_loop(unsigned index, uint32_t reason)
{
	struct cpu *which = guest_cpu(index);
	jmp_buf here;

	rig.stuck = &here;
	rig.idles = 0;
	if (!setjmp(here)) {
		if (guest_idles[index]) {
			which->current = NULL;
			guest_idles[index] = false;
			vmx_serve_requests();
		} else {
			rig_hardware_exit(reason, 0);
			vmwrite(VMCS_EXIT_LENGTH, 1);
			vmx_exit(which->current);
			if (which->current->requests & ~(uint32_t)ENTRY_ACTIONS)
				vmx_serve_requests();
		}
		guest_take_event(which);
	} else {
		guest_idles[index] = true;
	}
	rig.stuck = NULL;
}

/* What comes next on this CPU: HLT, a timer, or a call from the other one. */
static void guest_exit(unsigned index)
{
	struct cpu *which = guest_cpu(index);
	uint32_t reason = EXIT_REASON_PREEMPTION_TIMER;
	uint64_t start = fake_x86.tsc;

	guest_switch_cpu(which);
	fake_x86.tsc += EXIT_NS;
	if (!list_empty(&which->calls))
		cpu_reschedule(which);
	else if (!guest_idles[index] && !guest_on(which)->left)
		reason = EXIT_REASON_HLT;
	if (reason == EXIT_REASON_HLT && guest_on(which)->program == NAP_8042) {
		guest_out(guest_on(which), 0x64, 0xD2);
		guest_out(guest_on(which), 0x60, 'x');
	}
	if (reason == EXIT_REASON_HLT && guest_on(which)->program == RESETS) {
		reason = EXIT_REASON_CPUID;
		guest_on(which)->left = guest_on(which)->work;
		guest_on(which)->naps++;
		guest_out(guest_on(which), 0xCF9, 0x06);
	}
	guest_run_loop(index, reason);
	guests_go_on(which, fake_x86.tsc - start);
}

/* When the CPU's next exit is due, or its wait over. */
static uint64_t guest_next_exit(unsigned index)
{
	const struct cpu *which = guest_cpu(index);
	uint64_t next = cpu_deadline(which);

	if (!list_empty(&which->calls))
		return fake_x86.tsc;
	if (!guest_idles[index]) {
		next = MIN(next, which->interrupts_due);
		if (guest_on(which)->program != BUSY)
			next = MIN(next, fake_x86.tsc + guest_on(which)->left);
	}
	return MAX(next, fake_x86.tsc);
}

/* Let time pass. */
UNUSED static void guests_run(uint64_t ns)
{
	uint64_t end = fake_x86.tsc + ns;

	while (fake_x86.tsc < end) {
		unsigned first = cpu_count > 1 && guest_next_exit(1) < guest_next_exit(0);
		uint64_t next = MIN(guest_next_exit(first), end);

		guests_go_on(NULL, next - fake_x86.tsc);
		fake_x86.tsc = next;
		if (next < end)
			guest_exit(first);
	}
	for (unsigned i = 0; i < cpu_count; i++) {
		guest_switch_cpu(guest_cpu(i));
		sched_account(guest_cpu(i));
	}
}

/* ---- Life ---- */

static int guest_load_image(struct vm *which, struct vcpu_start *start, char *text, size_t size)
{
	fake_x86.tsc += LOAD_NS;
	return rig_load(which, start, text, size);
}

static const struct vm_loader guest_loader = {
	.populate = rig_populate, .firmware = rig_firmware, .load = guest_load_image};

/* On CPU 0, where the others wait meanwhile. */
UNUSED static struct guest *guest_start(enum program program, uint64_t work, uint64_t period)
{
	static const char names[][2] = {"a", "b", "c", "d", "e", "f", "g"};
	struct guest *guest = &guests[guest_count];
	struct vm_config config = rig_config;

	memset(guest, 0, sizeof(*guest));
	guest->program = program;
	guest->work = work;
	guest->left = program == BUSY ? UINT64_MAX : work;
	guest->period = period;
	config.name = names[guest_count];
	config.machine.hpet = true;
	assert_int_equal(vm_define(&guest->vm, &config, &guest_loader, ++guest_count), 0);
	console_vm_connect(&guest->console, &guest->vm);
	assert_int_equal(vm_start(&guest->vm, problem, sizeof(problem)), 0);
	for (unsigned i = 0; i < 1000 && (guest->vm.state != VM_RUNNING || cpu.current != guest->vm.vcpus[0]);
	     i++) {
		fake_x86.tsc += 2 * SCHED_SLICE_NS;
		assert_true(rig_run());
	}
	assert_int_equal(guest->vm.state, VM_RUNNING);
	machine_reset(&guest->vm.machine);
	guest_start_program(guest);
	return guest;
}

/* They are on CPU 0 so far. */
UNUSED static void guests_add_cpu(void)
{
	add_second();
	guest_idles[1] = true;
}

UNUSED static int guests_setup(void **state)
{
	if (setup(state))
		return -1;
	vm_ask_and_wait(&vm, VM_FORCE);
	vm_ask_and_wait(&vm, VM_FREE);
	guest_count = 0;
	memset(guest_idles, 0, sizeof(guest_idles));
	memset(guest_idle, 0, sizeof(guest_idle));
	fake_vmx.load_ticks = SWITCH_NS;
	return 0;
}

UNUSED static int guests_teardown(void **state)
{
	(void)state;
	guest_switch_cpu(&cpu);
	for (unsigned i = 0; i < guest_count; i++)
		vm_ask(&guests[i].vm, VM_FORCE);
	for (unsigned i = 0; i < 6; i++) { /* one may be on its way from CPU to CPU */
		guest_switch_cpu(guest_cpu(i % cpu_count));
		rig_run_on(guest_cpu(i % cpu_count));
	}
	guest_switch_cpu(&cpu);
	fake_vmx.clock = NULL;
	cpu_count = 1;
	while (guest_count) {
		struct guest *guest = &guests[--guest_count];

		assert_int_equal(guest->vm.state, VM_STOPPED);
		console_vm_disconnect(&guest->console);
		vm_forget(&guest->vm);
	}
	vm_count = 1;
	console_vm_disconnect(&vm_console);
	vm_forget(&vm);
	return 0;
}

#define guests_test(f) cmocka_unit_test_setup_teardown(f, guests_setup, guests_teardown)

#endif
