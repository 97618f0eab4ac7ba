/* SPDX-License-Identifier: MIT */
/*
 * A whole VM on the bench, for the tests of the exit path: real guest memory, devices, policies
 * and handlers over a fake processor and VMCS. Include it in one file of a program.
 */
#ifndef TESTS_UNIT_RIGS_VM_RIG_H
#define TESTS_UNIT_RIGS_VM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/errors.h"
#include "lib/registers.h"
#include "memory.h"
#include "vmm/console/console_internal.h"
#include "vmm/console/console_vm.h"
#include "vmm/x86/cpuid.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"
#include "vmm/vm/vm.h"
#include "vmm/vmx/vmx.h"

#define UNUSED __attribute__((unused))

/*
 * The guest's memory: RAM, with a hole where a PC has its video memory and ROM where it has its
 * BIOS.
 */
#define RIG_MEMORY MIB(4)
#define RIG_HOLE   0xa0000u
#define RIG_ROM    0xf0000u
#define RIG_TOP    RIG_MEMORY /* a hole again */
#define RIG_RIP    0x10000u
#define RIG_TSC_HZ 1000000000u /* one tick is one ns */

struct rig {
	char log[65536]; /* what the operator read */
	size_t log_length;
	unsigned interrupts; /* dispatched to the monitor */
	unsigned vector;     /* the last of them */
	uint64_t apic_deadline;
	unsigned idles;     /* times that the CPU had nothing to run */
	void (*idle)(void); /* what happens meanwhile; null: the end of the test's exit */
	jmp_buf *stuck;     /* where to go then */
	struct channel *attached;
	bool console_busy, console_full;
	unsigned console_polls;
	uint32_t kicked;              /* the APIC ID that got the last IPI, plus 1 */
	bool runs;                    /* backend_run() was reached */
	struct vmx_features features; /* as detected */
};

/* What the VM's devices ask of the monitor. */
#define RIG_PLATFORM (&vm.machine.environment.platform)

static struct rig rig;
static struct vm vm;
static struct console_vm vm_console;
static struct cpu cpu;

/* ---- What the VM's code needs from modules that cannot run in a process ---- */

const char vmx_exit_entry[1], vmx_exit_entry_instrumented[1];
void lapic_timer_arm(uint64_t deadline);
void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector);
void console_write(const char *text, size_t length);
struct channel *console_attached(void);
void console_attach(struct channel *channel);
void console_return(void);
bool console_room(void);
bool console_half_free(void);
void console_put_vm(const struct filter_piece *piece, uint32_t changed);
void console_want(void);
uint16_t console_serial_port(void);

_Noreturn void backend_run(void)
{
	rig.runs = true;
	longjmp(*rig.stuck, 2);
}

void lapic_timer_arm(uint64_t deadline)
{
	rig.apic_deadline = deadline;
}

void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector)
{
	(void)delivery;
	(void)vector;
	rig.kicked = apic_id + 1;
}

struct descriptor_tables interrupts_tables(void)
{
	return (struct descriptor_tables){.gdt = 0x1000, .idt = 0x2000, .tss = 0x3000};
}

void interrupt_dispatch(unsigned vector)
{
	rig.interrupts++;
	rig.vector = vector;
}

void console_write(const char *text, size_t length)
{
	length = MIN(length, sizeof(rig.log) - 1 - rig.log_length);
	memcpy(rig.log + rig.log_length, text, length);
	rig.log_length += length;
}

bool cpu_background_ready(void)
{
	return rig.console_busy;
}

bool cpu_background_waits(void)
{
	return false;
}

void cpu_background_run(void)
{
	rig.console_polls++;
}

struct channel *console_attached(void)
{
	return rig.attached;
}

void console_attach(struct channel *channel)
{
	if (rig.attached)
		channel_detach(rig.attached);
	rig.attached = channel;
	if (channel)
		channel_attach(channel);
}

void console_return(void)
{
	console_attach(NULL);
}

bool console_room(void)
{
	return !rig.console_full;
}

bool console_half_free(void)
{
	return !rig.console_full;
}

void console_put_vm(const struct filter_piece *piece, uint32_t changed)
{
	(void)piece;
	(void)changed;
}

void console_want(void)
{
}

uint16_t console_serial_port(void)
{
	return 0;
}

/* The processor waits: the test says for what, or that is the end. */
static void rig_halt(void)
{
	rig.idles++;
	if (rig.idle && rig.idles < 100)
		rig.idle();
	else if (rig.stuck)
		longjmp(*rig.stuck, 1);
	else
		fail_msg("the processor waits for ever");
}

/* ---- The processor ---- */

#define RIG_EPT_CAPABILITIES                                                                                 \
	(EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_PAGE_2M | EPT_CAP_INVEPT | EPT_CAP_INVEPT_SINGLE |            \
	 EPT_CAP_INVEPT_ALL | VPID_CAP_INVVPID | VPID_CAP_INVVPID_SINGLE)

/* All controls may be 1; those of the first processors that had VT-x must be. */
UNUSED static void rig_vmx_msrs(void)
{
	const uint64_t all = 0xffffffff00000000;

	fake_msr_set(MSR_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
	fake_msr_set(MSR_VMX_BASIC, BIT(55) | BIT(54) | 6UL << 50 | 0x1234);
	fake_msr_set(MSR_MISC_ENABLE, 1);
	fake_msr_set(MSR_VMX_MISC, 5);
	fake_msr_set(MSR_VMX_PINBASED_CTLS, all | 0x16);
	fake_msr_set(MSR_VMX_PROCBASED_CTLS, all | 0x401e172);
	fake_msr_set(MSR_VMX_PROCBASED_CTLS2, all);
	fake_msr_set(MSR_VMX_EXIT_CTLS, all | 0x36dff);
	fake_msr_set(MSR_VMX_ENTRY_CTLS, all | 0x11ff);
	fake_msr_set(MSR_VMX_TRUE_PINBASED_CTLS, all | 0x16);
	fake_msr_set(MSR_VMX_TRUE_PROCBASED_CTLS, all | 0x4006172);
	fake_msr_set(MSR_VMX_TRUE_EXIT_CTLS, all | 0x36dfb);
	fake_msr_set(MSR_VMX_TRUE_ENTRY_CTLS, all | 0x11fb);
	fake_msr_set(MSR_VMX_CR0_FIXED0, CR0_PE | CR0_NE | CR0_PG);
	fake_msr_set(MSR_VMX_CR0_FIXED1, 0xffffffff);
	fake_msr_set(MSR_VMX_CR4_FIXED0, CR4_VMXE);
	fake_msr_set(MSR_VMX_CR4_FIXED1, 0x777fff);
	fake_msr_set(MSR_VMX_EPT_VPID_CAP, RIG_EPT_CAPABILITIES);
}

/* Everything that the policy could let through, and more. */
UNUSED static void rig_cpuid(void)
{
	/* clang-format off */
	static const struct {
		uint32_t leaf, subleaf;
		struct cpuid_result r;
	} leaves[] = {
		{0,          0, {0x16, 0x756e6547, 0x6c65746e, 0x49656e69}},
		{1,          0, {0x000506e3, 0x07100800, UINT32_MAX, UINT32_MAX}},
		{2,          0, {0x76036301, 0xf0b5ff, 0, 0xc30000}},
		{4,          0, {0x1c004121, 0x01c0003f, 0x3f, 0}},
		{4,          1, {0x1c004122, 0x01c0003f, 0x3f, 0}},
		{6,          0, {UINT32_MAX, 2, 9, 0}},
		{7,          0, {3, UINT32_MAX, UINT32_MAX, 0x0000451c}}, /* no MSRs for mitigations */
		{7,          1, {UINT32_MAX, 0, 0, 0}},
		{0xa,        0, {0x07300404, 0, 0, 0x603}},
		{0xb,        0, {1, 2, 0x100, 7}},
		{0xd,        0, {0x2ff, 0x340, 0xa88, 0}},
		{0xd,        1, {0xf, 0x340, 0x100, 0}},
		{0xd,        2, {0x100, 0x240, 0, 0}},
		{0xd,        5, {0x40, 0x440, 0, 0}},
		{0xd,        6, {0x200, 0x480, 0, 0}},
		{0xd,        7, {0x400, 0x680, 0, 0}},
		{0xd,        9, {8, 0xa80, 0, 0}},
		{0x15,       0, {2, 250, 0, 0}},
		{0x16,       0, {3500, 4000, 100, 0}},
		{0x80000000, 0, {0x80000008, 1, 2, 3}},
		{0x80000001, 0, {0, 5, UINT32_MAX, UINT32_MAX}},
		{0x80000002, 0, {0x65746e49, 0x2952286c, 1, 2}},
		{0x80000006, 0, {1, 2, 0x01006040, 4}},
		{0x80000007, 0, {1, 2, 3, 0x100}},
		{0x80000008, 0, {0x3027, 0, 0, 0}},                       /* 39 bits */
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
		fake_cpuid_set(leaves[i].leaf, leaves[i].subleaf, leaves[i].r);
}

/* A cmocka group set-up: the monitor has booted on that processor. */
UNUSED static int rig_boot(void **state)
{
	char problem[200];

	(void)state;
	fake_x86_reset();
	log_set_sink((struct log_sink){.write = console_write});
	rig_cpuid();
	rig_vmx_msrs();
	fake_msr_set(MSR_PAT, 0x0007040600070406);
	fake_msr_set(MSR_EFER, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
	fake_msr_set(MSR_BIOS_SIGN_ID, 0xd600000000);
	fake_x86.cr[0] = CR0_PE | CR0_ET | CR0_PG | CR0_WP;
	fake_x86.cr[4] = CR4_PAE | CR4_MCE;
	fake_x86.per_cpu = &cpu;
	fake_x86.halt = rig_halt;
	fake_x86.tsc = 1000;
	fake_memory_init(MIB(64));
	time_set_rate(RIG_TSC_HZ);
	cpu_init(&cpu, 0);
	cpu_add(&cpu);
	mitigations_init(true);
	if (backend_detect(problem, sizeof(problem)))
		return -1;
	cpuid_init(backend_offers(), time_tsc_hz);
	rig.features = vmx_features;
	return backend_cpu_start(&cpu, problem, sizeof(problem));
}

/* ---- The VM ---- */

UNUSED static int rig_populate(struct guest_map *map, uint64_t memory)
{
	int error = guest_map_add(map, 0, RIG_HOLE, GUEST_RAM);

	if (!error)
		error = guest_map_add(map, 0xc0000, RIG_ROM - 0xc0000, GUEST_RAM);
	if (!error)
		error = guest_map_add(map, RIG_ROM, MIB(1) - RIG_ROM, GUEST_ROM);
	if (!error)
		error = guest_map_add(map, MIB(1), memory - MIB(1), GUEST_RAM);
	return error;
}

/* Flat 32-bit protected mode without paging. */
UNUSED static int rig_load(struct vm *which, struct vcpu_start *start, char *problem, size_t size)
{
	(void)which;
	(void)problem;
	(void)size;
	*start = (struct vcpu_start){
		.rip = RIG_RIP, .rsp = 0x8000, .gdt = 0x1000, .gdt_limit = 0xff, .cs = 8, .ds = 16, .tr = 24};
	return 0;
}

static const struct vm_config rig_config = {
	.name = "bench",
	.machine = {.memory = RIG_MEMORY, .uarts = 1},
	.weight = SCHED_WEIGHT_DEFAULT,
	.cpus = UINT64_MAX,
};

static int rig_firmware(struct vm *made)
{
	(void)made;
	return 0;
}

static const struct vm_loader rig_loader = {
	.populate = rig_populate, .firmware = rig_firmware, .load = rig_load};

/* The steps from vm_start() to the first entry, as the run loop does them. */
UNUSED static int rig_start(struct vm *which)
{
	char problem[200];
	int error = vm_start(which, problem, sizeof(problem));

	if (error)
		return error;
	cpu.current = NULL;
	vmx_serve_requests();
	which->vcpus[0]->requests &= ~(uint32_t)ENTRY_LAUNCH;
	return 0;
}

UNUSED static int rig_setup(void **state)
{
	(void)state;
	fake_vmx_reset();
	memset(&vm, 0, sizeof(vm));
	memset(&vm_console, 0, sizeof(vm_console));
	cpu.current = cpu.vmx.loaded = cpu.vmx.resident = NULL;
	timer_queue_init(&cpu.timers);
	timer_queue_init(&cpu.sleepers);
	cpu.quiet = 0;
	cpu.slice_end = TIMER_NEVER;
	sched_queue_init(&cpu.sched);
	rig.log_length = 0;
	memset(rig.log, 0, sizeof(rig.log));
	rig.interrupts = rig.vector = rig.idles = 0;
	rig.idle = NULL;
	rig.attached = NULL;
	rig.console_busy = rig.console_full = false;
	rig.console_polls = 0;
	rig.runs = false;
	vmx_features = rig.features;
	fake_x86.relaxes = fake_x86.halts = 0;
	if (vm_define(&vm, &rig_config, &rig_loader, 0))
		return -1;
	console_vm_connect(&vm_console, &vm);
	if (rig_start(&vm))
		return -1;
	machine_reset(&vm.machine); /* without the timer that firmware leaves on */
	vmwrite(VMCS_PREEMPTION_TIMER, 0);
	cpu.interrupts_due = TIMER_NEVER; /* tests of that set it */
	return 0;
}

UNUSED static int rig_teardown(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_FORCE);
	vm_ask_and_wait(&vm, VM_FREE);
	console_vm_disconnect(&vm_console);
	vm_forget(&vm);
	return 0;
}

#define rig_test(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* The run loop, up to the next entry; false: no vCPU runs, the processor waits. */
UNUSED static bool rig_run_on(struct cpu *which)
{
	jmp_buf here;
	bool runs = true;

	rig.stuck = &here;
	rig.idles = 0;
	if (setjmp(here)) {
		runs = false;
	} else {
		which->current = NULL;
		vmx_serve_requests();
	}
	rig.stuck = NULL;
	return runs;
}

UNUSED static bool rig_run(void)
{
	return rig_run_on(&cpu);
}

/* ---- Exits ---- */

/* What the processor does on every exit before the monitor sees it. */
static void rig_hardware_exit(uint32_t reason, uint64_t qualification)
{
	vmwrite(VMCS_EXIT_REASON, reason);
	vmwrite(VMCS_EXIT_QUALIFICATION, qualification);
	vmwrite(VMCS_ENTRY_INTERRUPTION, vmread(VMCS_ENTRY_INTERRUPTION) & ~INTERRUPTION_VALID);
}

/* What vmm/vmx/entry.S does, from an exit to the next entry. */
UNUSED static void rig_enter(void (*handle)(struct vcpu *vcpu))
{
	handle(vm.vcpus[0]);
	if (vm.vcpus[0]->requests & ~(uint32_t)ENTRY_ACTIONS)
		vmx_serve_requests();
	assert_ptr_equal(cpu.current, vm.vcpus[0]);
	vm.vcpus[0]->requests &= ~(uint32_t)ENTRY_LAUNCH;
}

/* Run the exit path; false: the vCPU does not run on, the processor waits. */
UNUSED static bool rig_exit(uint32_t reason, uint64_t qualification)
{
	jmp_buf here;
	bool runs = true;

	rig_hardware_exit(reason, qualification);
	rig.stuck = &here;
	rig.idles = 0;
	if (setjmp(here))
		runs = false;
	else
		rig_enter(vmx_exit);
	rig.stuck = NULL;
	return runs;
}

/* The same for an instruction of `length` bytes at RIG_RIP. */
UNUSED static bool rig_instruction(uint32_t reason, uint64_t qualification, unsigned length)
{
	vmwrite(VMCS_GUEST_RIP, RIG_RIP);
	vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) & ~RFLAGS_RF);
	vmwrite(VMCS_EXIT_LENGTH, length);
	return rig_exit(reason, qualification);
}

/* ---- What came of it ---- */

UNUSED static uint32_t rig_injected(void)
{
	return (uint32_t)vmread(VMCS_ENTRY_INTERRUPTION);
}

/* What is asked for, apart from what entry.S does with every entry. */
UNUSED static uint32_t rig_requests(void)
{
	return vm.vcpus[0]->requests & ~(uint32_t)ENTRY_ACTIONS;
}

#define INJECT(type, vector) (0x80000000u | (uint32_t)(type) << 8 | (vector))

/* Nothing is injected and RIP is `rip`. */
#define assert_went_on(rip)                                                                                  \
	do {                                                                                                 \
		assert_int_equal(rig_injected() & INTERRUPTION_VALID, 0);                                    \
		assert_int_equal(vmread(VMCS_GUEST_RIP), rip);                                               \
	} while (0)

/* The instruction at RIG_RIP faults, with RF set in the image that its handler gets. */
#define assert_faulted(vector)                                                                               \
	do {                                                                                                 \
		assert_int_equal(rig_injected() & ~INTERRUPTION_ERROR_CODE,                                  \
		                 INJECT(EVENT_EXCEPTION, (vector)));                                         \
		assert_int_equal(!!(rig_injected() & INTERRUPTION_ERROR_CODE),                               \
		                 exception_has_error_code(vector));                                          \
		assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);                                           \
		assert_true(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF);                                          \
	} while (0)

#define assert_faulted_code(vector, code)                                                                    \
	do {                                                                                                 \
		assert_faulted(vector);                                                                      \
		assert_int_equal(vmread(VMCS_ENTRY_ERROR_CODE), (code));                                     \
	} while (0)

#define assert_gp0() assert_faulted_code(EXCEPTION_GP, 0)

#define assert_stopped(why)                                                                                  \
	do {                                                                                                 \
		assert_int_equal(vm.state, VM_STOPPED);                                                      \
		assert_int_equal(vm.end, (why));                                                             \
	} while (0)

#define assert_logged(text)                                                                                  \
	do {                                                                                                 \
		if (!strstr(rig.log, (text)))                                                                \
			fail_msg("\"%s\" is not in the log:\n%s", (text), rig.log);                          \
	} while (0)

/* ---- A device: it reads as 1, 2, 3 ..., and keeps what is written ---- */

#define RIG_PORT 0x5000

static struct {
	unsigned reads, writes;
	unsigned size[1024];
	uint32_t written[1024];
	void (*hook)(void); /* called on each access; may be null */
	struct device device;
	struct port_binding binding;
} tape;

static uint32_t tape_read(struct device *device, unsigned offset, unsigned size)
{
	(void)device;
	(void)offset;
	(void)size;
	if (tape.hook)
		tape.hook();
	return ++tape.reads * 0x01010101u;
}

static void tape_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	(void)device;
	(void)offset;
	assert_true(tape.writes < ARRAY_SIZE(tape.written));
	tape.size[tape.writes] = size;
	tape.written[tape.writes++] = value;
	if (tape.hook)
		tape.hook();
}

UNUSED static void rig_plug_tape(void)
{
	static const struct port_region region = {
		.base = RIG_PORT, .count = 4, .width = 4, .read = tape_read, .write = tape_write};

	memset(&tape, 0, sizeof(tape));
	assert_int_equal(port_space_claim(&vm.machine.ports, &tape.binding, &tape.device, &region, RIG_PORT),
	                 0);
}

/* ---- Modes and memory ---- */

/* 64-bit code, its tables of identity-mapped 2 MiB pages at 8000h. */
UNUSED static void rig_long_mode(void)
{
	uint64_t pml4 = 0x9007, pdpt = 0xa007, pd[2] = {0x87, 0x2000e7};

	guest_write(&vm.map, 0x8000, &pml4, 8);
	guest_write(&vm.map, 0x9000, &pdpt, 8);
	guest_write(&vm.map, 0xa000, pd, sizeof(pd));
	vmwrite(VMCS_GUEST_CR3, 0x8000);
	vmwrite(VMCS_GUEST_CR0, vmread(VMCS_GUEST_CR0) | CR0_PG);
	vmwrite(VMCS_CR0_SHADOW, vmread(VMCS_CR0_SHADOW) | CR0_PG);
	vmwrite(VMCS_GUEST_CR4, vmread(VMCS_GUEST_CR4) | CR4_PAE);
	vmwrite(VMCS_CR4_SHADOW, vmread(VMCS_CR4_SHADOW) | CR4_PAE);
	vmwrite(VMCS_GUEST_EFER, EFER_LME | EFER_LMA);
	vmwrite(VMCS_ENTRY_CONTROLS, vmread(VMCS_ENTRY_CONTROLS) | ENTRY_IA32E_GUEST);
	vmwrite(VMCS_GUEST_CS_ACCESS, 0xa09b);
}

UNUSED static void rig_set_segment(enum segment_index index, const struct segment *segment)
{
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + 2 * index), segment->selector);
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * index), segment->base);
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * index), segment->limit);
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_ACCESS + 2 * index), segment->access);
}

UNUSED static void rig_real_mode(void)
{
	vmwrite(VMCS_GUEST_CR0, vmread(VMCS_GUEST_CR0) & ~CR0_PE);
	vmwrite(VMCS_CR0_SHADOW, vmread(VMCS_CR0_SHADOW) & ~CR0_PE);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		struct segment segment = {.limit = 0xffff, .access = i == SEG_CS ? 0x9b : 0x93};

		rig_set_segment((enum segment_index)i, &segment);
	}
}

UNUSED static void rig_code(const void *bytes, size_t size)
{
	guest_write(&vm.map, RIG_RIP, bytes, size);
}

UNUSED static uint64_t rig_memory(gpa_t gpa, size_t size)
{
	uint64_t value = 0;

	guest_read(&vm.map, gpa, &value, size);
	return value;
}

UNUSED static void rig_poke(gpa_t gpa, uint64_t value, size_t size)
{
	guest_write(&vm.map, gpa, &value, size);
}

#endif
