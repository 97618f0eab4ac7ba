/* SPDX-License-Identifier: MIT */
/*
 * The shell's commands for VMs, on a whole VM. What the shell prints is kept; what runs a VM is the
 * real thing.
 */
#include "rigs/vm_rig.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_stat.h"
#include "vmm/shell/shell_trace.h"
#include "vmm/shell/shell_vm.h"
#include "vmm/observe/trace.h"
#include "rigs/shell_direct.h"

static struct {
	const struct shell_command *commands;
	size_t count;
} tables[SHELL_TABLES_MAX];
static unsigned table_count;
static char said[32768];
static unsigned ended; /* times that the last VM was said to have ended */
static bool cannot_load;
static unsigned shown, dumps; /* by the trace */

void shell_add_commands(const struct shell_command *commands, size_t count)
{
	tables[table_count].commands = commands;
	tables[table_count++].count = count;
}

void shell_print(const char *format, ...)
{
	size_t length = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + length, sizeof(said) - length, format, args);
	va_end(args);
}

/* stat and top have a test of their own. */
void shell_stat_init(void)
{
}

void trace_show(unsigned count)
{
	shown = count;
}

void trace_dump(void)
{
	dumps++;
}

static const struct shell_command *command(const char *name)
{
	for (unsigned i = 0; i < table_count; i++)
		for (size_t k = 0; k < tables[i].count; k++)
			if (!strcmp(tables[i].commands[k].name, name))
				return &tables[i].commands[k];
	fail_msg("there is no command '%s'", name);
	return NULL;
}

/* Run a command with one argument, or none (null), and forget what was said before. */
static void run(const char *name, const char *argument)
{
	said[0] = '\0';
	command(name)->run(argument ? 1 : 0, &argument);
}

/* The same with two arguments. */
static void run_two(const char *name, const char *first, const char *second)
{
	const char *const arguments[] = {first, second};

	said[0] = '\0';
	command(name)->run(2, arguments);
}

#define assert_said(text)                                                                                    \
	do {                                                                                                 \
		if (!strstr(said, (text)))                                                                   \
			fail_msg("\"%s\" was not said, but:\n%s", (text), said);                             \
	} while (0)

static void count_end(void)
{
	ended++;
}

static int load(struct vm *which, struct vcpu_start *start, char *problem, size_t size)
{
	if (!cannot_load)
		return rig_load(which, start, problem, size);
	snprintf(problem, size, "the image is gone");
	return -ERR_NOT_FOUND;
}

static int setup(void **state)
{
	int error = rig_setup(state);

	vm.loader.load = load;
	cannot_load = false;
	ended = 0;
	vm_all_stopped = count_end;
	table_count = 0;
	shell_vm_init();
	return error;
}

#define shell_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

/* What becomes of guests meanwhile: test_shell_task.c. */
static void commands_let_guests_run_while_they_wait(void **state)
{
	(void)state;
	assert_ptr_equal(vm_wait, shell_task_wait);
	assert_ptr_equal(vm_pass, shell_task_pass);
}

static void list_shows_every_vm(void **state)
{
	(void)state;
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	run("list", NULL);
	assert_said("No  Name             State   Memory      Exits  Ended since\n");
	assert_said(" 1  bench            running      4M          1  \n");
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_false(rig_run());
	run("list", NULL);
	assert_said(" 1  bench            stopped      4M          1  triple fault: an exception, "
	            "and no handler for it could be entered\n");
}

static void regs_shows_code_registers_and_exits(void **state)
{
	static const uint8_t code[] = {0x0f, 0xa2, 0xf4};

	(void)state;
	guest_write(&vm.map, RIG_RIP, code, sizeof(code));
	rig_instruction(EXIT_REASON_CPUID, 0, 2);
	vmwrite(VMCS_GUEST_RIP, RIG_RIP);
	vm.vcpus[0]->gpr[R15] = 0x1122334455667788;
	run("regs", "bench");
	assert_said("VM bench, vCPU 0, running\n");
	assert_said("  code 0f a2 f4 00");
	assert_said("r15 1122334455667788");
	assert_said("rip 0000000000010000 ");
	assert_said("  last exits, oldest first (1 in total):\n    rip 0000000000010000  CPUID\n");
}

static void an_unknown_vm_is_one_sentence(void **state)
{
	static const char *const needing[] = {"regs", "start", "stop", "destroy", "reset", "pause", "resume"};
	static const char *const no_number[] = {"0", "2", "1x", "4294967297", "18446744073709551617"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(needing); i++) {
		run(needing[i], "benhc");
		assert_string_equal(said, "There is no VM 'benhc'; known are: bench\n");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(no_number); i++) {
		char sentence[80];

		run("regs", no_number[i]);
		snprintf(sentence, sizeof(sentence), "There is no VM '%s'; known are: bench\n", no_number[i]);
		assert_string_equal(said, sentence);
	}
	assert_int_equal(vm.state, VM_RUNNING);
}

static void names_complete(void **state)
{
	(void)state;
	assert_string_equal(command("stop")->candidate(0), "bench");
	assert_null(command("stop")->candidate(1));
	assert_null(command("list")->candidate);
}

static void without_vms_it_says_so(void **state)
{
	unsigned count = vm_count;

	(void)state;
	vm_count = 0; /* as when none could be started */
	run("list", NULL);
	assert_said("No VM could be started; 'log' says why.\n");
	run("stop", "bench");
	assert_string_equal(said, "There is no VM 'bench', since none could be started; 'log' says why.\n");
	assert_null(command("stop")->candidate(0));
	vm_count = count;
}

static void stop_ends_a_vm(void **state)
{
	(void)state;
	run("stop", "bench");
	assert_stopped(VM_FORCED);
	assert_int_equal(ended, 1);
	assert_logged("vm bench: stopped by the operator after 0 exits");
	assert_false(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
	run("stop", "bench");
	assert_string_equal(said, "VM bench has stopped already: stopped by the operator.\n");
	assert_int_equal(ended, 1);
}

static void destroy_ends_a_vm(void **state)
{
	(void)state;
	run("destroy", "bench");
	assert_stopped(VM_FORCED);
	assert_string_equal(said, "");
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
	run("destroy", "bench");
	assert_string_equal(said, "VM bench has stopped already: stopped by the operator.\n");
	run("regs", "bench");
	assert_string_equal(said, "VM bench, vCPU 0, stopped\n");
}

static void stop_beats_a_reset_that_waits(void **state)
{
	(void)state;
	vm_reset(&vm);
	run("stop", "bench");
	assert_false(rig_run());
	assert_stopped(VM_FORCED);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
}

static void a_vm_that_crashed_is_held_for_a_look(void **state)
{
	(void)state;
	vm.config.on_crash = VM_CRASH_HOLD;
	vm.vcpus[0]->gpr[R14] = 0x8877665544332211;
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_false(rig_run());
	run("list", NULL);
	assert_said(" 1  bench            held         4M          0  triple fault: ");
	run("regs", "1"); /* the number that the list shows */
	assert_said("VM bench, vCPU 0, held\n");
	assert_said("r14 8877665544332211");
	run("resume", "bench");
	assert_string_equal(said, "VM bench is held.\n");
	run("start", "bench");
	assert_string_equal(said, "VM bench starts anew; Ctrl-A 1 goes to its console.\n");
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
	run("list", NULL);
	assert_null(strstr(said, "triple fault"));
}

static void a_loop_of_resets_is_said_once_a_second(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		platform_reset(RIG_PLATFORM, RESET_SYSTEM);
	assert_logged("vm bench: the guest resets its machine (reset 1)\n");
	assert_null(strstr(rig.log, "(reset 2)"));
	fake_x86.tsc += RIG_TSC_HZ;
	platform_reset(RIG_PLATFORM, RESET_CPU);
	assert_logged("(reset 1)\nvm bench: the guest resets its processor (reset 11)\n");
	assert_int_equal(vm.resets, 11);
}

static void start_begins_anew(void **state)
{
	(void)state;
	run("start", "bench");
	assert_string_equal(said, "VM bench is running; 'reset' starts it anew.\n");
	assert_int_equal(rig_requests(), 0);
	run("stop", "bench");
	vmwrite(VMCS_GUEST_RIP, 0x77777);
	run("start", "bench");
	assert_string_equal(said, "VM bench starts anew; Ctrl-A 1 goes to its console.\n");
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
}

static void reset_works_in_every_state(void **state)
{
	static const char *const before[] = {NULL, "pause", "stop"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(before); i++) {
		if (before[i])
			run(before[i], "bench");
		vmwrite(VMCS_GUEST_RIP, 0x77777);
		run("reset", "bench");
		assert_said("VM bench starts anew");
		assert_true(rig_run());
		assert_int_equal(vm.state, VM_RUNNING);
		assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	}
}

static void a_reset_without_images_stops_the_vm(void **state)
{
	(void)state;
	cannot_load = true;
	run("reset", "bench");
	assert_false(rig_run());
	assert_stopped(VM_NOT_LOADED);
	assert_logged("vm bench: the image is gone");
	assert_int_equal(ended, 1);
	/* The operator may have another try. */
	cannot_load = false;
	run("start", "bench");
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
}

static void a_start_without_memory_is_one_sentence(void **state)
{
	(void)state;
	run("destroy", "bench");
	vm.config.machine.memory = GIB(1);
	run("start", "bench");
	assert_said("VM bench: memory = 1024M, but only ");
	assert_int_equal(vm.state, VM_STOPPED);
	vm.config.machine.memory = RIG_MEMORY;
}

static void pause_holds_and_resume_goes_on(void **state)
{
	(void)state;
	run("resume", "bench");
	assert_string_equal(said, "VM bench is running.\n");
	run("pause", "bench");
	assert_string_equal(said, "");
	assert_int_equal(vm.state, VM_PAUSED);
	assert_false(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
	run("pause", "bench");
	assert_string_equal(said, "VM bench is paused.\n");
	run("start", "bench");
	assert_string_equal(said, "VM bench is paused; 'reset' starts it anew.\n");
	run("resume", "bench");
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(rig_exit(EXIT_REASON_EXTERNAL_INTERRUPT, 0));
	run("stop", "bench");
	run("resume", "bench");
	assert_string_equal(said, "VM bench is stopped.\n");
	assert_int_equal(vm.state, VM_STOPPED);
}

static void one_command_takes_several_vms(void **state)
{
	static struct vm other;
	struct vm_config config = rig_config;
	const char *const names[] = {"bench", "other"}, *const wrong[] = {"bench", "otter"};

	(void)state;
	config.name = "other";
	assert_int_equal(vm_define(&other, &config, &rig_loader, 1), 0);
	said[0] = '\0';
	command("pause")->run(2, names);
	assert_string_equal(said, "VM other is stopped.\n");
	assert_int_equal(vm.state, VM_PAUSED);
	said[0] = '\0';
	command("resume")->run(2, wrong);
	assert_string_equal(said, "There is no VM 'otter'; known are: bench other\n");
	assert_int_equal(vm.state, VM_PAUSED);
	vm_forget(&other);
	vm_count = 1;
}

static void cpu_and_mem_report(void **state)
{
	struct frames_stat stat = frames_stat();
	char line[100];

	(void)state;
	run("cpu", NULL);
	assert_said("Processor: Intel VT-x\n");
	assert_said("unrestricted guest");
	assert_said("Speculation mitigations:\n");
	run("mem", NULL);
	snprintf(line, sizeof(line), "%10lu KiB  free, the largest block %lu KiB\n", stat.free * 4,
	         4UL << stat.largest);
	assert_said(line);
	snprintf(line, sizeof(line), "%10lu KiB  VM bench\n", frames_owned(VM_OWNER(&vm)) * 4);
	assert_said(line);
}

static void measure_and_trace_turn_the_watch_on_and_off(void **state)
{
	(void)state;
	run("measure", "on");
	assert_int_equal(vm.vcpus[0]->watch, WATCH_MEASURE);
	assert_false(trace_on);
	vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID] = vm.vcpus[0]->exit_measured[EXIT_REASON_CPUID] = 5;
	run("measure", "on"); /* it is: nothing begins again */
	assert_int_equal(vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID], 5);
	run_two("trace", "on", "bench");
	assert_int_equal(vm.vcpus[0]->watch, WATCH_MEASURE | WATCH_TRACE);
	assert_true(trace_on);
	run_two("measure", "off", "bench");
	assert_int_equal(vm.vcpus[0]->watch, WATCH_TRACE);
	assert_int_equal(vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID], 5); /* still to be read */
	run_two("measure", "on", "bench");
	assert_int_equal(vm.vcpus[0]->exit_ticks[EXIT_REASON_CPUID], 0);
	assert_int_equal(vm.vcpus[0]->exit_measured[EXIT_REASON_CPUID], 0);
	run("trace", "off");
	assert_int_equal(vm.vcpus[0]->watch, WATCH_MEASURE);
	assert_false(trace_on);
	assert_string_equal(said, "");
}

static void trace_says_what_it_does_not_understand(void **state)
{
	static const char *const bad[] = {"0", "4096", "12x", "99999999999", "", "-1"};

	(void)state;
	run("trace", "of");
	assert_string_equal(said, "trace: give on, off, show or dump; 'help trace' says more\n");
	run_two("trace", "dump", "bench");
	assert_string_equal(said, "trace: give on, off, show or dump; 'help trace' says more\n");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		run_two("trace", "show", bad[i]);
		assert_said("' is no number from 1 to 4095\n");
	}
	run_two("trace", "on", "benhc");
	assert_string_equal(said, "There is no VM 'benhc'; known are: bench\n");
	assert_false(trace_on);
	run("measure", "maybe");
	assert_string_equal(said, "measure: there is no 'maybe'; give on or off\n");
}

static void trace_shows_and_dumps(void **state)
{
	(void)state;
	run("trace", NULL);
	assert_int_equal(shown, 32);
	run_two("trace", "show", "4095");
	assert_int_equal(shown, 4095);
	run("trace", "dump");
	assert_int_equal(dumps, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		shell_test(commands_let_guests_run_while_they_wait),
		shell_test(list_shows_every_vm),
		shell_test(regs_shows_code_registers_and_exits),
		shell_test(an_unknown_vm_is_one_sentence),
		shell_test(names_complete),
		shell_test(without_vms_it_says_so),
		shell_test(stop_ends_a_vm),
		shell_test(destroy_ends_a_vm),
		shell_test(stop_beats_a_reset_that_waits),
		shell_test(a_vm_that_crashed_is_held_for_a_look),
		shell_test(a_loop_of_resets_is_said_once_a_second),
		shell_test(start_begins_anew),
		shell_test(reset_works_in_every_state),
		shell_test(a_reset_without_images_stops_the_vm),
		shell_test(a_start_without_memory_is_one_sentence),
		shell_test(pause_holds_and_resume_goes_on),
		shell_test(one_command_takes_several_vms),
		shell_test(cpu_and_mem_report),
		shell_test(measure_and_trace_turn_the_watch_on_and_off),
		shell_test(trace_says_what_it_does_not_understand),
		shell_test(trace_shows_and_dumps),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
