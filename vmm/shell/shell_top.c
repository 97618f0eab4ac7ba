/* SPDX-License-Identifier: MIT */
/* `top`: who uses the processors, drawn every second over the picture before. */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console_internal.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_load.h"
#include "vmm/shell/shell_stat.h"
#include "vmm/shell/shell_task.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define INTERVAL_NS 1000000000
#define NS_PER_S    1000000000
#define ROOM        8192 /* for one picture; with less the line is too slow for it, and it is left out */
#define LINE_MAX    128
#define CPUS_SHOWN  8
#define ROWS        23 /* of a terminal with 24 */
#define LINE_END    "\x1b[K\r\n"

static struct {
	struct load vm[VMS_MAX], cpu[CPUS_MAX]; /* samples of the picture before */
	struct {
		struct load load; /* of the last second */
		bool shown;
	} now[VMS_MAX];
	unsigned rows; /* drawn so far */
} top;

static void top_put(const char *format, ...) printf_like(1, 2);

/* One line. Others may have their turns after it, and the console may go to a VM then. */
static void top_put(const char *format, ...)
{
	char line[LINE_MAX];
	size_t length;
	va_list args;

	if (console_away())
		return;
	va_start(args, format);
	length = (size_t)format_buffer_va(line, sizeof(line), format, args);
	va_end(args);
	console_put(line, MIN(length, sizeof(line) - 1));
	console_put(LINE_END, sizeof(LINE_END) - 1);
	top.rows++;
	shell_task_pass();
}

static void top_sample_vms(void)
{
	for (unsigned i = 0; i < vm_count; i++) {
		const struct vm *vm = vm_get(i);
		struct load now;

		if (!vm)
			continue;
		now = load_of_vm(vm);
		top.now[i].load = load_between(&top.vm[i], &now);
		top.now[i].shown = false;
		top.vm[i] = now;
	}
}

static const char *top_running_on(const struct cpu *cpu)
{
	const struct sched_entity *running = __atomic_load_n(&cpu->sched.running, __ATOMIC_RELAXED);

	return running ? container_of(running, const struct vcpu, sched)->vm->name : "-";
}

static void top_draw_cpus(void)
{
	top_put("CPU   Busy  Switches/s  Runs");
	for (unsigned i = 0; i < cpu_count; i++) {
		struct load now = load_of_cpu(cpu_get(i)), load = load_between(&top.cpu[i], &now);
		unsigned busy = load_share(load.ran, load.tsc);

		top.cpu[i] = now;
		if (i < CPUS_SHOWN)
			top_put("%3u  %3u.%u  %10lu  %s", i, busy / 10, busy % 10,
			        load_per_second(load.exits, load.tsc), top_running_on(cpu_get(i)));
	}
	if (cpu_count > CPUS_SHOWN)
		top_put("     and %u processors more", cpu_count - CPUS_SHOWN);
}

static void top_draw_vm(unsigned number)
{
	const struct vm *vm = vm_get(number);
	const struct load *load = &top.now[number].load;
	unsigned share = load_share(load->ran, load->tsc), steal = load_share(load->waited, load->tsc);

	top_put("%3u  %-16s %-8s %3u  %3u.%u  %3u.%u %10lu %10lu %7luM", vm_console_number(vm), vm->name,
	        vm_state_name(vm->state), vm_boot_vcpu(vm)->sched.cpu, share / 10, share % 10, steal / 10,
	        steal % 10, load_per_second(load->exits, load->tsc),
	        load_per_second(load->injected, load->tsc), vm->config.machine.memory >> 20);
}

/* The VM that used most of those that are not shown yet; VMS_MAX: none is left. */
static unsigned top_find_busiest(void)
{
	unsigned busiest = VMS_MAX;

	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i) && !top.now[i].shown &&
		    (busiest == VMS_MAX || top.now[i].load.ran > top.now[busiest].load.ran))
			busiest = i;
	return busiest;
}

static unsigned top_not_shown(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < vm_count; i++)
		count += vm_get(i) && !top.now[i].shown;
	return count;
}

static void top_draw_vms(void)
{
	unsigned number, left;

	top_put(" No  Name             State    CPU   %%CPU  Steal    Exits/s     Intr/s   Memory");
	while (top.rows < ROWS - 1 && (number = top_find_busiest()) != VMS_MAX) {
		top.now[number].shown = true;
		top_draw_vm(number);
	}
	left = top_not_shown();
	if (left)
		top_put("     and %u VMs more", left);
}

static bool top_draw(void)
{
	if (console_free() < ROOM)
		return true;
	top.rows = 0;
	console_put("\x1b[H", 3);
	top_put("Nacre, %lu s after its start. Any key ends this.",
	        time_ns_from_tsc(time_now() - time_entry) / NS_PER_S);
	top_sample_vms();
	top_draw_cpus();
	top_draw_vms();
	console_put("\x1b[J", 3);
	return true;
}

/* The picture stays, and the prompt comes below it. */
static void top_end(void)
{
}

void shell_top(unsigned count, const char *const *arguments)
{
	static const struct shell_live live = {.step = top_draw, .end = top_end, .interval = INTERVAL_NS};

	memset(&top, 0, sizeof(top));
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i))
			top.vm[i] = load_of_vm(vm_get(i));
	for (unsigned i = 0; i < cpu_count; i++)
		top.cpu[i] = load_of_cpu(cpu_get(i));
	console_put("\x1b[H\x1b[J", 6);
	top_draw();
	shell_live(&live);
}
