/* SPDX-License-Identifier: MIT */
/* Queueing exceptions: vmm/x86/vcpu.c. */
#include "rigs/vm_rig.h"

/*
 * SDM Vol. 3A "Interrupt 8: Double Fault Exception (#DF)", Table "Interrupt and Exception Classes".
 */
enum class {
	BENIGN,
	CONTRIBUTORY,
	PAGE,
	DOUBLE,
};

/* clang-format off */
static const struct {
	uint8_t vector;
	enum class class;
	bool has_code;
} exceptions[] = {
	{EXCEPTION_DE, CONTRIBUTORY, false},
	{EXCEPTION_DB, BENIGN,       false},
	{EXCEPTION_BP, BENIGN,       false},
	{EXCEPTION_OF, BENIGN,       false},
	{5,            BENIGN,       false},
	{EXCEPTION_UD, BENIGN,       false},
	{EXCEPTION_NM, BENIGN,       false},
	{EXCEPTION_DF, DOUBLE,       true},
	{EXCEPTION_TS, CONTRIBUTORY, true},
	{EXCEPTION_NP, CONTRIBUTORY, true},
	{EXCEPTION_SS, CONTRIBUTORY, true},
	{EXCEPTION_GP, CONTRIBUTORY, true},
	{EXCEPTION_PF, PAGE,         true},
	{EXCEPTION_MF, BENIGN,       false},
	{EXCEPTION_AC, BENIGN,       true},
	{EXCEPTION_MC, BENIGN,       false},
	{19,           BENIGN,       false},
};
/* clang-format on */

enum outcome { SERIES, DOUBLE_FAULT, SHUTDOWN };

/*
 * Table "Conditions for Generating a Double Fault": first down, second across (benign,
 * contributory, page).
 */
/* clang-format off */
static const enum outcome table[4][3] = {
	[BENIGN] =       {SERIES, SERIES,       SERIES},
	[CONTRIBUTORY] = {SERIES, DOUBLE_FAULT, SERIES},
	[PAGE] =         {SERIES, DOUBLE_FAULT, DOUBLE_FAULT},
	[DOUBLE] =       {SERIES, SHUTDOWN,     SHUTDOWN},
};
/* clang-format on */

static void error_codes_are_pushed_by_these(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(exceptions); i++)
		assert_int_equal(exception_has_error_code(exceptions[i].vector), exceptions[i].has_code);
	assert_false(exception_has_error_code(32 + EXCEPTION_GP));
}

static void check_pair(unsigned first, unsigned second)
{
	const struct event *event = &vm.vcpus[0]->event;
	enum action action;

	vm.vcpus[0]->requests = 0;
	assert_int_equal(vcpu_raise(vm.vcpus[0], exceptions[first].vector, 0x10), ACTION_RETRY);
	action = vcpu_raise(vm.vcpus[0], exceptions[second].vector, 0x20);
	switch (table[exceptions[first].class][exceptions[second].class]) {
	case SERIES:
		assert_int_equal(action, ACTION_RETRY);
		assert_int_equal(event->vector, exceptions[second].vector);
		assert_int_equal(event->error_code, 0x20);
		break;
	case DOUBLE_FAULT:
		assert_int_equal(action, ACTION_RETRY);
		assert_int_equal(event->vector, EXCEPTION_DF);
		assert_int_equal(event->error_code, 0);
		assert_true(event->has_error_code);
		break;
	case SHUTDOWN:
		assert_int_equal(action, ACTION_STOP);
		assert_int_equal(vm.vcpus[0]->requests & REQUEST_STOP, REQUEST_STOP);
		assert_int_equal(vm.end, VM_TRIPLE_FAULT);
		vm.state = VM_RUNNING; /* before its memory is freed */
		vm.asked = 0;
		return;
	}
	assert_int_equal(event->type, EVENT_EXCEPTION);
	assert_int_equal(vm.vcpus[0]->requests, REQUEST_EVENT);
}

static void every_pair_of_exceptions(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(exceptions); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(exceptions); j++)
			if (exceptions[j].class != DOUBLE)
				check_pair(i, j);
}

static void a_fault_in_an_interrupts_delivery_replaces_it(void **state)
{
	static const enum event_type types[] = {EVENT_INTERRUPT, EVENT_SOFTWARE_INTERRUPT, EVENT_NMI};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		/* The vector is one that would be contributory as an exception. */
		vm.vcpus[0]->event = (struct event){.vector = EXCEPTION_GP, .type = (uint8_t)types[i]};
		vm.vcpus[0]->requests = REQUEST_EVENT;
		assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_NP, 0x28), ACTION_RETRY);
		assert_int_equal(vm.vcpus[0]->event.vector, EXCEPTION_NP);
		assert_int_equal(vm.vcpus[0]->event.type, EVENT_EXCEPTION);
		assert_int_equal(!!(vm.vcpus[0]->requests & REQUEST_NMI), types[i] == EVENT_NMI);
	}
}

static void a_fault_in_the_delivery_of_int3_or_int1_replaces_it(void **state)
{
	(void)state;
	assert_int_equal(vcpu_raise_software(vm.vcpus[0], EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, 1),
	                 ACTION_RETRY);
	assert_int_equal(vm.vcpus[0]->event.length, 1);
	assert_false(vm.vcpus[0]->event.has_error_code);
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_GP, 0), ACTION_RETRY);
	assert_int_equal(vm.vcpus[0]->event.vector, EXCEPTION_GP);
	vm.vcpus[0]->requests = 0;
	assert_int_equal(vcpu_raise_software(vm.vcpus[0], EXCEPTION_DB, EVENT_PRIVILEGED_EXCEPTION, 1),
	                 ACTION_RETRY);
	assert_int_equal(vm.vcpus[0]->event.type, EVENT_PRIVILEGED_EXCEPTION);
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_PF, 0), ACTION_RETRY);
	assert_int_equal(vm.vcpus[0]->event.vector, EXCEPTION_PF);
}

static void a_page_fault_that_becomes_a_double_fault_still_loads_cr2(void **state)
{
	(void)state;
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_PF, 0), ACTION_RETRY);
	assert_int_equal(vcpu_raise_page_fault(vm.vcpus[0], 2, 0xdead000), ACTION_RETRY);
	assert_int_equal(vm.vcpus[0]->event.vector, EXCEPTION_DF);
	assert_int_equal(fake_x86.cr[2], 0xdead000);
}

static void faults_set_rf_and_traps_do_not(void **state)
{
	(void)state;
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_DB, 0), ACTION_RETRY);
	assert_false(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
	assert_int_equal(vcpu_raise_software(vm.vcpus[0], EXCEPTION_BP, EVENT_SOFTWARE_EXCEPTION, 1),
	                 ACTION_RETRY);
	assert_false(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
	assert_int_equal(vcpu_raise(vm.vcpus[0], EXCEPTION_UD, 0), ACTION_RETRY);
	assert_true(vmread(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(error_codes_are_pushed_by_these),
		rig_test(every_pair_of_exceptions),
		rig_test(a_fault_in_an_interrupts_delivery_replaces_it),
		rig_test(a_fault_in_the_delivery_of_int3_or_int1_replaces_it),
		rig_test(a_page_fault_that_becomes_a_double_fault_still_loads_cr2),
		rig_test(faults_set_rf_and_traps_do_not),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
