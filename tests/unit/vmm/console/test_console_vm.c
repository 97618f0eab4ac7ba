/* SPDX-License-Identifier: MIT */
/* A VM's console: when its screen is looked at. */
#include "rigs/vm_rig.h"

#define VMS   32
#define APART 1000000 /* ns */

static struct vm vms[VMS];
static struct console_vm consoles[VMS];

static void vms_that_start_together_are_looked_at_apart(void **state)
{
	uint64_t now;

	(void)state;
	now = time_now();
	for (unsigned i = 0; i < VMS; i++) {
		vms[i].number = 10 + i;
		vms[i].config.machine.screen = true;
		console_vm_connect(&consoles[i], &vms[i]);
		vms[i].terminal->ops->arrive(vms[i].terminal);
	}
	for (unsigned i = 0; i < VMS; i++) {
		uint64_t due = consoles[i].look.deadline;

		assert_in_range(due - now, 1, 2000000000);
		for (unsigned j = 0; j < i; j++)
			assert_true((due - consoles[j].look.deadline + APART) % 1000000000 >= 2 * APART);
	}
	for (unsigned i = 0; i < VMS; i++) {
		vms[i].terminal->ops->leave(vms[i].terminal);
		console_vm_disconnect(&consoles[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(vms_that_start_together_are_looked_at_apart),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
