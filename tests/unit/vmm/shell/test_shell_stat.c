/* SPDX-License-Identifier: MIT */
/* The shell's `stat` and `top`, on a whole VM. */
#include "rigs/vm_rig.h"
#include "vmm/console/console_internal.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_load.h"
#include "vmm/shell/shell_stat.h"
#include "vmm/shell/shell_vm.h"
#include "rigs/shell_direct.h"

static const struct shell_command *table;
static size_t table_size;
static char said[65536];
static const struct shell_live *live;
static size_t room;

void shell_add_commands(const struct shell_command *commands, size_t count)
{
	table = commands;
	table_size = count;
}

void shell_print(const char *format, ...)
{
	size_t length = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + length, sizeof(said) - length, format, args);
	va_end(args);
}

void console_put(const void *bytes, size_t length)
{
	strncat(said, bytes, length);
}

bool console_away(void)
{
	return rig.attached;
}

size_t console_free(void)
{
	return room;
}

void shell_live(const struct shell_live *which)
{
	live = which;
}

void with_vm(const char *name, void (*act)(struct vm *vm))
{
	if (!strcmp(name, vm.name))
		act(&vm);
	else
		shell_print("There is no VM '%s'\n", name);
}

void with_all_vms(void (*act)(struct vm *vm))
{
	act(&vm);
}

const char *shell_vm_name(unsigned index)
{
	return index ? NULL : vm.name;
}

static int setup(void **state)
{
	said[0] = '\0';
	live = NULL;
	room = 32768;
	memset(&cpu.sched, 0, sizeof(cpu.sched));
	shell_stat_init();
	return rig_setup(state);
}

#define stat_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

static void run(const char *name, const char *argument)
{
	said[0] = '\0';
	live = NULL;
	for (size_t i = 0; i < table_size; i++)
		if (!strcmp(table[i].name, name))
			table[i].run(argument ? 1 : 0, &argument);
}

/* So much later, what is live has its turn. */
static bool later(uint64_t ticks)
{
	assert_non_null(live);
	fake_x86.tsc += ticks;
	if (live->step())
		return true;
	live->end();
	return false;
}

/* A count went up meanwhile. */
static void add_exits(unsigned reason, unsigned count)
{
	vm.vcpus[0]->exit_count[reason] += count;
}

#define assert_said(text)                                                                                    \
	do {                                                                                                 \
		if (!strstr(said, (text)))                                                                   \
			fail_msg("\"%s\" was not said, but:\n%s", (text), said);                             \
	} while (0)

static void stat_takes_a_second_for_its_rates(void **state)
{
	(void)state;
	add_exits(EXIT_REASON_CPUID, 40);
	vm.vcpus[0]->injected = 7;
	run("stat", "bench");
	assert_string_equal(said, "");
	assert_int_equal(live->interval, 1000000000);
	assert_true(live->keeps_key);
	add_exits(EXIT_REASON_CPUID, 10);
	add_exits(EXIT_REASON_IO_INSTRUCTION, 3);
	vm.vcpus[0]->injected += 5;
	assert_false(later(RIG_TSC_HZ));
	assert_said("          50  CPUID  10/s\n");
	assert_said("           3  I/O  3/s\n");
	assert_said("          53  exits in total  13/s\n");
	assert_said("          12  interrupts injected  5/s\n");
	assert_null(strstr(said, "HLT")); /* what has not been is not shown */
}

static void a_key_shortens_the_second(void **state)
{
	(void)state;
	run("stat", "bench");
	add_exits(EXIT_REASON_CPUID, 10);
	fake_x86.tsc += RIG_TSC_HZ / 4;
	live->end();
	assert_said("          10  CPUID  40/s\n");
	assert_said(" in the last 250 ms,");
}

static void going_to_a_vm_is_no_time_for_figures(void **state)
{
	(void)state;
	run("stat", "bench");
	rig.attached = &vm_console.serial;
	assert_false(later(1));
	assert_string_equal(said, "");
}

static void stat_of_a_vm_that_is_off_comes_at_once(void **state)
{
	(void)state;
	add_exits(EXIT_REASON_CPUID, 40);
	vm.state = VM_STOPPED;
	run("stat", "bench");
	assert_null(live);
	assert_said("VM bench, stopped\n");
	assert_said("          40  CPUID\n");
	assert_said("          40  exits in total\n");
	run("stat", NULL);
	assert_null(live);
	assert_said("bench            stopped");
}

static void stat_counts_everything(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		rig_instruction(EXIT_REASON_CPUID, 0, 2);
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, 0x5555UL << 16 | 8, 1);
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, 0x5555UL << 16 | 8, 1);
	rig_instruction(EXIT_REASON_IO_INSTRUCTION, 0x1234UL << 16, 1);
	vm.vcpus[0]->gpr[RCX] = 0x7f0;
	rig_instruction(EXIT_REASON_RDMSR, 0, 2);
	vm.vcpus[0]->emulated = 77;
	vm.resets = 66;
	vm.ept.faults = 88;
	fake_x86.tsc = vm.clock.base;
	run("stat", "bench");
	later(RIG_TSC_HZ + 5000000);
	assert_said("VM bench, running, on processor 0\n");
	assert_said("           3  CPUID  0/s\n");
	assert_said("           7  exits in total  0/s\n");
	assert_said("  refused by #GP: read of MSR 7f0, 1 times, ");
	assert_said("       1.005  seconds since its machine was switched on\n");
	assert_said("          66  resets by the guest\n");
	assert_said("          77  instructions emulated\n");
	assert_said("          88  EPT violations that mapped a page\n");
	assert_said("           2  reads of ports that no device has\n");
	assert_said("           1  writes to such ports\n");
	assert_said("              the last ones, and how often: 1234h 1 5555h 2\n");
}

static void stat_knows_the_ticks_of_measured_exits(void **state)
{
	(void)state;
	add_exits(EXIT_REASON_CPUID, 100);
	vm.vcpus[0]->exit_measured[EXIT_REASON_CPUID] = 10;
	vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID] = 1209;
	run("stat", "bench");
	later(RIG_TSC_HZ);
	assert_said("         100  CPUID  0/s  120 ticks each, 1209 in total\n");
}

static void stat_knows_what_a_vm_owns(void **state)
{
	uint64_t ram = RIG_HOLE + RIG_ROM - 0xc0000 + RIG_MEMORY - MIB(1);
	char line[100];

	(void)state;
	run("stat", "bench");
	later(RIG_TSC_HZ);
	snprintf(line, sizeof(line), "%12lu  KiB of memory, %lu of them its RAM\n",
	         frames_owned(VM_OWNER(&vm)) * 4, ram / 1024);
	assert_said(line);
	snprintf(line, sizeof(line), "%12lu  KiB in addition to its RAM",
	         frames_owned(VM_OWNER(&vm)) * 4 - ram / 1024 +
	                 (sizeof(vm) + sizeof(struct vcpu) + 1023) / 1024);
	assert_said(line);
	assert_said("           0  writes to such ports\n");
	assert_null(strstr(said, "the last ones"));
}

static void stat_divides_the_time(void **state)
{
	(void)state;
	fake_x86.tsc = vm.clock.base + 10UL * RIG_TSC_HZ;
	vm.vcpus[0]->sched.ran = RIG_TSC_HZ;
	run("stat", "bench");
	vm.vcpus[0]->sched.ran += RIG_TSC_HZ / 2;
	vm.vcpus[0]->sched.waited += RIG_TSC_HZ / 4;
	later(RIG_TSC_HZ);
	assert_said("        50.0  % of a processor in the last 1000 ms, 13.6 % since it was switched on\n");
	assert_said("       1.500  seconds run\n");
	assert_said("       0.250  seconds ready without a processor (steal)\n");
	assert_said("       9.250  seconds idle\n");
}

static void stat_of_all_is_a_table(void **state)
{
	char row[160];

	(void)state;
	run("stat", NULL);
	vm.vcpus[0]->sched.ran += RIG_TSC_HZ / 3;
	vm.vcpus[0]->sched.waited += RIG_TSC_HZ / 100;
	add_exits(EXIT_REASON_CPUID, 1234);
	vm.vcpus[0]->injected += 250;
	later(RIG_TSC_HZ);
	assert_said(
		" No  Name             State      %CPU  Steal    Exits/s     Intr/s    Memory Overhead\n");
	snprintf(row, sizeof(row),
	         "  1  bench            running    33.3    1.0       1234        250 %8luM %7luK\n",
	         vm.config.machine.memory >> 20, load_overhead(&vm));
	assert_said(row);
}

static void an_unknown_vm_is_one_sentence(void **state)
{
	(void)state;
	run("stat", "benhc");
	assert_string_equal(said, "There is no VM 'benhc'\n");
	assert_null(live);
}

static void top_draws_every_second(void **state)
{
	(void)state;
	fake_x86.tsc = 100UL * RIG_TSC_HZ;
	run("top", NULL);
	assert_said("\x1b[H\x1b[J\x1b[HNacre, 100 s after its start. Any key ends this.\x1b[K\r\n");
	assert_false(live->keeps_key);
	said[0] = '\0';
	cpu.sched.busy += RIG_TSC_HZ / 2;
	cpu.sched.switches += 120;
	cpu.sched.running = &vm.vcpus[0]->sched;
	vm.vcpus[0]->sched.ran += RIG_TSC_HZ / 2;
	add_exits(EXIT_REASON_CPUID, 1000);
	assert_true(later(RIG_TSC_HZ));
	assert_said("\x1b[HNacre, 101 s after");
	assert_said("  0   50.0         120  bench\x1b[K\r\n");
	assert_said(
		"  1  bench            running    0   50.0    0.0       1000          0       4M\x1b[K\r\n");
	assert_string_equal(said + strlen(said) - 3, "\x1b[J");
	said[0] = '\0';
	cpu.sched.running = NULL;
	assert_true(later(RIG_TSC_HZ)); /* each second for itself */
	assert_said("  0    0.0           0  -\x1b[K\r\n");
	assert_said("    0.0    0.0          0          0 ");
}

static void top_waits_for_a_slow_line(void **state)
{
	(void)state;
	run("top", NULL);
	said[0] = '\0';
	room = 100;
	assert_true(later(RIG_TSC_HZ));
	assert_string_equal(said, "");
}

/*
 * They stay defined, so this comes last. 23 rows: the title, 2 for the processor, the title of the
 * VMs, 18 of them, the rest.
 */
static void what_top_has_no_room_for_is_counted(void **state)
{
	static struct vm others[30];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
		const struct vm_config config = {
			.name = i == 29 ? "busy" : "other", .weight = 100, .cpus = 1};

		assert_int_equal(vm_define(&others[i], &config, &rig_loader, i + 1), 0);
	}
	run("top", NULL);
	others[29].vcpus[0]->sched.ran += RIG_TSC_HZ;
	said[0] = '\0';
	assert_true(later(RIG_TSC_HZ));
	assert_said("\n 31  busy"); /* the busiest is first */
	assert_said("     and 13 VMs more\x1b[K\r\n\x1b[J");
}

static void shares_and_rates(void **state)
{
	struct load a = {.tsc = 10, .ran = 20, .waited = 30, .exits = 40, .injected = 50};
	struct load b = {.tsc = 10 + RIG_TSC_HZ / 100, .ran = 19, .waited = 37, .exits = 41, .injected = 50};
	struct load between = load_between(&a, &b);

	(void)state;
	assert_int_equal(between.tsc, RIG_TSC_HZ / 100);
	assert_int_equal(between.ran, 0); /* it began again */
	assert_int_equal(between.waited, 7);
	assert_int_equal(between.exits, 1);
	assert_int_equal(between.injected, 0);
	b.tsc--; /* too short */
	between = load_between(&a, &b);
	assert_int_equal(between.tsc, 0);
	assert_int_equal(between.waited, 0);
	assert_int_equal(load_share(1, 0), 0);
	assert_int_equal(load_share(0, 1000000), 0);
	assert_int_equal(load_share(499999, 1000000), 499);
	assert_int_equal(load_share(1000000, 1000000), 1000);
	assert_int_equal(load_share(UINT64_MAX, 1000000), 1000);
	assert_int_equal(load_per_second(5, 0), 0);
	assert_int_equal(load_per_second(3, 2UL * RIG_TSC_HZ), 2); /* rounded */
	assert_int_equal(load_per_second(1UL << 43, RIG_TSC_HZ), 1UL << 43);
}

/* Ran for 10 s, then held for 100 s: no time passes for it. */
static void a_pause_counts_for_nothing(void **state)
{
	(void)state;
	fake_x86.tsc = vm.clock.base + 10UL * RIG_TSC_HZ;
	assert_true(vm_ask_and_wait(&vm, VM_PAUSE));
	fake_x86.tsc += 100UL * RIG_TSC_HZ;
	run("stat", "bench");
	assert_false(later(RIG_TSC_HZ));
	assert_said("      10.000  seconds since its machine was switched on");
	assert_null(strstr(said, "     101.000  seconds idle"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stat_test(stat_takes_a_second_for_its_rates),
		stat_test(a_key_shortens_the_second),
		stat_test(going_to_a_vm_is_no_time_for_figures),
		stat_test(stat_of_a_vm_that_is_off_comes_at_once),
		stat_test(stat_counts_everything),
		stat_test(stat_knows_the_ticks_of_measured_exits),
		stat_test(stat_knows_what_a_vm_owns),
		stat_test(stat_divides_the_time),
		stat_test(stat_of_all_is_a_table),
		stat_test(an_unknown_vm_is_one_sentence),
		stat_test(top_draws_every_second),
		stat_test(top_waits_for_a_slow_line),
		stat_test(shares_and_rates),
		stat_test(what_top_has_no_room_for_is_counted),
		stat_test(a_pause_counts_for_nothing),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
