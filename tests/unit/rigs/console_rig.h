/* SPDX-License-Identifier: MIT */
/*
 * The console against a fake UART and a screen in memory, with two VMs' channels and two CPUs.
 * Include it in one file of a program.
 */
#ifndef TESTS_UNIT_RIGS_CONSOLE_RIG_H
#define TESTS_UNIT_RIGS_CONSOLE_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "lib/x86.h"
#include "mm/host_map.h"
#include "uart_model.h"
#include "vmm/console/console_channel.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/time.h"

#define UNUSED __attribute__((unused))

UNUSED static const struct boot_framebuffer text_mode = {
	FRAMEBUFFER_TEXT, 0xb8000, 160, 80, 25, 16, 0, 0, 0, 0, 0, 0};
static uint16_t text_memory[25 * 80];
static struct cpu cpus[2] = {{.index = 0}, {.index = 1}};
static unsigned wanted;

/* The shell, as far as the console sees it. */
static char typed[64];
static size_t typed_count;
static bool prompt_shown, prompt_exists;

static void rig_shell_input(uint8_t byte)
{
	if (typed_count < sizeof(typed) - 1)
		typed[typed_count++] = (char)byte;
}

static void rig_shell_hide_prompt(void)
{
	prompt_shown = false;
}

static void rig_shell_show_prompt(void)
{
	prompt_shown = prompt_exists;
}

static bool rig_shell_prompt_hidden(void)
{
	return prompt_exists && !prompt_shown;
}

void *host_map_mmio(hpa_t hpa, size_t size)
{
	assert_int_equal(hpa, 0xb8000);
	assert_int_equal(size, sizeof(text_memory));
	return text_memory;
}

void *host_map_framebuffer(hpa_t hpa, size_t size)
{
	(void)hpa;
	(void)size;
	fail_msg("the screen is in text mode");
	return NULL;
}

/* Two VMs; where the second one is depends on the test. */
struct vm_end {
	struct channel channel;
	struct scrollback scrollback;
	struct cpu *cpu;
	char input[4096];
	size_t input_count, takes;      /* at most so many at a time */
	unsigned ready, kicks, changes; /* calls */
	bool sleeps;                    /* its CPU does not come to channel_service() by itself */
};

static struct vm_end one, two;

/* There is one thread: a lock that is held was held by the caller. */
static bool unlocked(const struct channel *channel)
{
	return channel->lock.next == channel->lock.serving;
}

static size_t vm_input(struct channel *channel, const uint8_t *bytes, size_t count)
{
	struct vm_end *end = channel->owner;
	size_t taken = MIN(MIN(count, end->takes), sizeof(end->input) - 1 - end->input_count);

	assert_ptr_equal(fake_x86.per_cpu, end->cpu);
	assert_true(unlocked(channel));
	assert_true(count > 0);
	memcpy(end->input + end->input_count, bytes, taken);
	end->input_count += taken;
	return taken;
}

/* Among the input it is seen as NUL. False, as vm_input() takes nothing: no room. */
static bool vm_break(struct channel *channel)
{
	struct vm_end *end = channel->owner;

	assert_ptr_equal(fake_x86.per_cpu, end->cpu);
	assert_true(unlocked(channel));
	if (!end->takes)
		return false;
	end->input[end->input_count++] = '\0';
	return true;
}

static void vm_ready(struct channel *channel)
{
	struct vm_end *end = channel->owner;

	assert_ptr_equal(fake_x86.per_cpu, end->cpu);
	assert_true(unlocked(channel));
	end->ready++;
}

/* Of a screen. */
static void vm_changed(struct channel *channel)
{
	struct vm_end *end = channel->owner;

	assert_ptr_equal(fake_x86.per_cpu, end->cpu);
	assert_true(unlocked(channel));
	end->changes++;
	if (channel_attached(channel))
		for (const char *at = "<picture>"; *at; at++)
			channel_put(channel, (uint8_t)*at);
}

/* What the VM's CPU does when it comes to it. */
static void serve(struct vm_end *end)
{
	void *here = fake_x86.per_cpu;

	fake_x86.per_cpu = end->cpu;
	channel_service(&end->channel);
	fake_x86.per_cpu = here;
}

static void vm_kick(struct channel *channel)
{
	struct vm_end *end = channel->owner;

	assert_ptr_equal(fake_x86.per_cpu, &cpus[0]);
	assert_true(unlocked(channel));
	end->kicks++;
	if (!end->sleeps)
		serve(end);
}

static void prepare(struct vm_end *end, const char *name)
{
	memset(end, 0, sizeof(*end));
	end->takes = SIZE_MAX;
	end->cpu = &cpus[0];
	end->channel.name = name;
	end->channel.owner = end;
	end->channel.scrollback = &end->scrollback;
	end->channel.kick = vm_kick;
	end->channel.input = vm_input;
	end->channel.input_break = vm_break;
	end->channel.output_ready = vm_ready;
}

static void add(struct vm_end *end, const char *name, unsigned number)
{
	prepare(end, name);
	assert_int_equal(channel_add(&end->channel, number), 0);
}

UNUSED static void add_screen(struct vm_end *end, const char *name, unsigned number)
{
	prepare(end, name);
	end->channel.screen = true;
	end->channel.scrollback = NULL;
	end->channel.input_break = NULL;
	end->channel.attached_changed = vm_changed;
	assert_int_equal(channel_add(&end->channel, number), 0);
}

static void want(void)
{
	wanted++;
}

/* All that waits goes out, as if enough time had passed. */
static void settle(void)
{
	for (unsigned i = 0; i < 20000 && console_pending(); i++) {
		uart_model_drain();
		console_poll();
	}
	assert_false(console_pending());
}

static void clear(void)
{
	settle();
	uart_model_drain();
	memset(uart_model.sent, 0, sizeof(uart_model.sent));
	uart_model.sent_count = 0;
	wanted = 0;
}

UNUSED static void assert_sent(const char *text)
{
	settle();
	assert_string_equal(uart_model.sent, text);
	clear();
}

UNUSED static bool sent(const char *text)
{
	return strstr(uart_model.sent, text);
}

/*
 * The console's state is one per machine: each test starts the same machine over, buffered, with
 * two VMs.
 */
UNUSED static int setup(void **state)
{
	uint64_t now = fake_x86.tsc; /* time does not go back between two tests */

	(void)state;
	fake_x86_reset();
	fake_x86.tsc = now;
	fake_x86.per_cpu = &cpus[0];
	fake_x86.tsc_step = 100000;
	time_set_rate(1000000000); /* a tick is a nanosecond */
	uart_model_reset();
	console_set_shell((struct console_shell){rig_shell_input, rig_shell_hide_prompt,
	                                         rig_shell_show_prompt, rig_shell_prompt_hidden});
	console_early_init(0, 0);
	console_early_init(UART_MODEL_BASE, 115200);
	uart_model.drain = 0;
	console_buffered(true, want);
	prompt_exists = false;
	typed_count = 0;
	memset(typed, 0, sizeof(typed));
	add(&one, "first", 1);
	add(&two, "second", 2);
	clear();
	return 0;
}

UNUSED static int teardown(void **state)
{
	(void)state;
	console_attach(NULL);
	tagged_turn(false);
	channel_remove(&one.channel);
	channel_remove(&two.channel);
	uart_model.drain = 16;
	return 0;
}

UNUSED static void type(const char *text)
{
	uart_model_type(text);
	console_interrupt();
}

UNUSED static void put(struct channel *channel, const char *text)
{
	for (; *text; text++)
		channel_put(channel, (uint8_t)*text);
}

UNUSED static void on_cpu(unsigned index)
{
	fake_x86.per_cpu = &cpus[index];
}

#define console_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
