/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_task.h"
#include "lib/panic.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/time.h"
#include "vmm/shell/shell_internal.h"

#define TURN_NS 250000 /* then it is put off, and for as long: half of the processor is left to the guests */

static struct {
	void *top;             /* of its stack; null: there is none */
	uint64_t rsp, callers; /* of the command and of the run loop, while the other of them runs */
	uint64_t until;        /* TSC: its turn ends */
	bool busy, runs;       /* there is a command; its stack is the one in use */
	void (*body)(void);
	struct timer timer;
	struct cpu_call call;
} task;

/*
 * Keep the registers that a function must keep on this stack, and its end in `*from`; go on on the
 * stack `to`, where it was left in the same way.
 */
void shell_task_switch(uint64_t *from, uint64_t to);

__asm__(".pushsection .text\n"
        "	.globl shell_task_switch\n"
        "shell_task_switch:\n"
        "	push %rbx\n"
        "	push %rbp\n"
        "	push %r12\n"
        "	push %r13\n"
        "	push %r14\n"
        "	push %r15\n"
        "	mov %rsp, (%rdi)\n"
        "	mov %rsi, %rsp\n"
        "	pop %r15\n"
        "	pop %r14\n"
        "	pop %r13\n"
        "	pop %r12\n"
        "	pop %rbp\n"
        "	pop %rbx\n"
        "	ret\n"
        ".popsection");

#define SWITCH_KEEPS 6

static void shell_task_leave(void)
{
	task.runs = false;
	shell_task_switch(&task.rsp, task.callers);
}

static _Noreturn void shell_task_main(void)
{
	for (;;) {
		task.body();
		task.busy = false;
		shell_task_leave();
	}
}

/* Its turn. When the command has ended, what was typed meanwhile comes next. */
static void shell_task_turn(struct cpu_call *call)
{
	struct stretches *stretches = &this_cpu()->stretches;
	struct stretch_part part;

	cpu_pause(this_cpu()); /* timers may have taken long */
	part = stretch_begin_part(stretches);
	task.until = time_now() + time_tsc_from_ns(TURN_NS);
	task.runs = true;
	shell_task_switch(&task.callers, task.rsp);
	stretch_end_part(stretches, part, STRETCH_COMMAND, shell_command_name());
	if (task.busy)
		cpu_timer_arm(this_cpu(), &task.timer, time_now() + time_tsc_from_ns(TURN_NS));
	else
		shell_command_ended();
}

static void shell_task_timer_expired(struct timer *timer)
{
	cpu_call(this_cpu(), &task.call);
}

void shell_task_init(void *top)
{
	uint64_t *stack = top;

	task = (typeof(task)){.top = top, .call.run = shell_task_turn};
	timer_init(&task.timer, shell_task_timer_expired);
	if (!top)
		return;
	*--stack = 0; /* as if it had been called */
	*--stack = (uint64_t)shell_task_main;
	task.rsp = (uint64_t)(stack - SWITCH_KEEPS); /* whatever is there */
}

void shell_task_begin(void (*body)(void))
{
	assert_monitor(!task.busy);
	if (!task.top) {
		body();
		return;
	}
	task.body = body;
	task.busy = true;
	cpu_call(this_cpu(), &task.call);
}

bool shell_task_busy(void)
{
	return task.busy;
}

void shell_task_pass(void)
{
	if (task.runs && time_now() >= task.until)
		shell_task_leave();
}

bool shell_task_wait(void)
{
	if (!task.runs)
		return false;
	shell_task_leave();
	return true;
}
