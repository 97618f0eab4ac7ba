/* SPDX-License-Identifier: MIT */
/* Errors that the hardware reports: vmm/observe/machine_check.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/per_cpu.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/observe/log.h"
#include "vmm/observe/machine_check.h"

#define MCA_AND_MCE (BIT(14) | BIT(7)) /* CPUID.1:EDX */
#define BANKS       10                 /* as on a client processor, with IA32_MCG_CTL */
#define MCG_CAP     (0xc00UL | BIT(8) | BANKS)
#define CTL(bank)   (0x400U + 4 * (bank))
#define STATUS(b)   (0x401U + 4 * (b))
#define ADDRESS(b)  (0x402U + 4 * (b))

/* A memory controller's uncorrected read error with address: SDM Vol. 3B "Compound Error Codes". */
#define MEMORY_ERROR 0xbe00000000800090UL

static char report[2000], logged[2000];

static void append(const char *line)
{
	strcat(report, line);
	strcat(report, "\n");
}

static void log_append(const char *text, size_t length)
{
	strncat(logged, text, length);
}

static struct per_cpu cpus[2] = {{.index = 0}, {.index = 1}};
static struct fake_x86 machine[2]; /* the MSRs of each */

/* Go on as processor `index`. */
static void run_on(unsigned index)
{
	machine[((struct per_cpu *)fake_x86.per_cpu)->index] = fake_x86;
	fake_x86 = machine[index];
}

static void make_cpu(unsigned index)
{
	fake_x86_reset();
	fake_cpuid_set(1, 0, (struct cpuid_result){.edx = MCA_AND_MCE});
	fake_msr_set(MSR_GS_BASE, 1);
	fake_msr_set(MSR_MCG_CAP, MCG_CAP);
	fake_msr_set(MSR_MCG_STATUS, 0);
	for (unsigned bank = 0; bank < BANKS; bank++) {
		fake_msr_set(CTL(bank), 0);
		fake_msr_set(STATUS(bank), 0);
	}
	fake_x86.per_cpu = &cpus[index];
	fake_x86.tsc_step = 1000000;
	machine[index] = fake_x86;
}

/*
 * In one test, since what was reported stays: two processors start, one of them with an error of
 * an earlier boot; an error of the second is seen by a machine check on both.
 */
static void an_error_is_named_whichever_processor_has_it(void **state)
{
	(void)state;
	log_set_sink((struct log_sink){.write = log_append});
	make_cpu(0);
	make_cpu(1);

	fake_msr_set(STATUS(4), MEMORY_ERROR);
	fake_msr_set(ADDRESS(4), 0x1234000);
	fake_msr_set(0x403 + 16, 0x86);
	machine_check_init_cpu();
	assert_non_null(strstr(logged, "machine check before this boot, CPU 1, bank 4: "
	                               "status be00000000800090 address 1234000 misc 86: uncorrected error"));
	assert_int_equal(fake_msr_get(STATUS(4)), 0);
	assert_true(fake_msr_get(MSR_MCG_CTL) == UINT64_MAX);
	for (unsigned bank = 0; bank < BANKS; bank++)
		assert_true(fake_msr_get(CTL(bank)) == UINT64_MAX);
	assert_int_equal(fake_x86.cr[4], CR4_MCE);
	run_on(0);
	machine_check_init_cpu();

	/* The first to come has nothing in its own banks. */
	fake_msr_set(MSR_MCG_STATUS, 5);
	machine_check_collect();
	assert_int_equal(fake_msr_get(MSR_MCG_STATUS), 0);
	run_on(1);
	fake_msr_set(STATUS(7), MEMORY_ERROR);
	fake_msr_set(ADDRESS(7), 0xabcd000);
	fake_msr_set(0x403 + 28, 0x86);
	fake_msr_set(MSR_MCG_STATUS, 5);
	machine_check_collect();
	machine_check_collect(); /* again, by the NMI that stops it */
	run_on(0);
	machine_check_print(append);
	assert_string_equal(report, "CPU 1, bank 7: status be00000000800090 address abcd000 misc 86: "
	                            "uncorrected error, the processor's state is lost\n"
	                            "CPU 1, IA32_MCG_STATUS 5\n"
	                            "2 of 2 CPUs have answered\n");
}

static void a_processor_that_is_silent_is_not_waited_for_long(void **state)
{
	(void)state;
	machine_check_init_cpu(); /* a third, which never collects */
	report[0] = '\0';
	machine_check_print(append);
	assert_non_null(strstr(report, "2 of 3 CPUs have answered\n"));
}

static void a_processor_without_the_architecture_is_left_alone(void **state)
{
	(void)state;
	fake_x86_reset();
	machine_check_init_cpu(); /* reading an MSR would panic */
	assert_int_equal(fake_x86.cr[4], 0);
	fake_cpuid_set(1, 0, (struct cpuid_result){.edx = BIT(7)});
	machine_check_init_cpu();
	assert_int_equal(fake_x86.cr[4], CR4_MCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_named_whichever_processor_has_it),
		cmocka_unit_test(a_processor_that_is_silent_is_not_waited_for_long),
		cmocka_unit_test(a_processor_without_the_architecture_is_left_alone),
	};

	return cmocka_run_group_tests_name("machine_check", tests, NULL, NULL);
}
