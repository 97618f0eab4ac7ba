/* SPDX-License-Identifier: MIT */
/*
 * What serves the operator's console, with interrupts that arrive or do not: a UART and a keyboard
 * controller at the fake ports, and one CPU's timers.
 */
#include "rigs/console_rig.h"
#include "devices/real/lapic.h"
#include "vmm/console/console_irq.h"
#include "vmm/console/console_ports.h"
#include "vmm/cpu/irq.h"
#include "vmm/observe/log.h"

#define MS 1000000u

/* ---- The interrupt controllers ---- */

static struct {
	bool ioapic;  /* there is one */
	bool arrives; /* what a device asks for comes to the CPU */
	void (*serial)(void), (*keyboard)(void);
} wires;

bool irq_has_ioapic(void)
{
	return wires.ioapic;
}

bool irq_route_isa(unsigned line, uint8_t vector, void (*handler)(void))
{
	if (line == 4)
		wires.serial = handler;
	else if (line == 1)
		wires.keyboard = handler;
	return wires.ioapic;
}

bool irq_arrives(uint8_t vector, uint32_t us)
{
	assert_int_equal(vector, VECTOR_UART);
	return wires.arrives && uart_model_line();
}

void lapic_eoi(void)
{
}

void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	timer_arm(&cpu->timers, timer, deadline);
}

void cpu_call(struct cpu *cpu, struct cpu_call *call)
{
	fail_msg("there is one CPU");
}

/* ---- The log ---- */

static char said[LOG_KEPT + 1];
static size_t said_length;

static void keep(const char *text, size_t length)
{
	memcpy(said + said_length, text, length);
	said_length += length;
}

static bool logged(const char *text)
{
	said_length = 0;
	log_replay(keep);
	said[said_length] = 0;
	return strstr(said, text);
}

/* ---- A boot ---- */

static struct acpi_info acpi;
static uint32_t (*uart_in)(uint16_t port, unsigned size);
static uint8_t keyboard_status, keyboard_data;

static uint32_t in(uint16_t port, unsigned size)
{
	if (port == 0x64)
		return keyboard_status;
	if (port == 0x60) {
		keyboard_status = 0;
		return keyboard_data;
	}
	return uart_in(port, size);
}

static int setup_irq(void **state)
{
	setup(state);
	for (unsigned i = 0; i < LOG_KEPT; i++)
		log_info("\n"); /* what earlier tests said is gone */
	uart_in = fake_x86.in;
	fake_x86.in = in;
	keyboard_status = 0;
	memset(&wires, 0, sizeof(wires));
	wires.ioapic = wires.arrives = true;
	acpi = (struct acpi_info){.has_8042 = true};
	timer_queue_init(&cpus[0].timers);
	return 0;
}

static void start(bool use_interrupt)
{
	console_irq_init(&acpi, &cpus[0], use_interrupt);
	console_irq_start();
	clear();
}

/* `ns` of the clock in which no interrupt comes, and the timers that are due in it. */
static unsigned pass(uint64_t ns)
{
	uint64_t end = fake_x86.tsc + ns;
	unsigned fired = 0;

	fake_x86.tsc_step = 0;
	while (timer_queue_next(&cpus[0].timers) <= end) {
		fake_x86.tsc = MAX(fake_x86.tsc, timer_queue_next(&cpus[0].timers));
		timer_queue_run(&cpus[0].timers, fake_x86.tsc);
		fired++;
	}
	fake_x86.tsc = end;
	fake_x86.tsc_step = 100000;
	return fired;
}

#define irq_test(f) cmocka_unit_test_setup_teardown(f, setup_irq, teardown)

static void an_interrupt_that_arrives_is_used(void **state)
{
	(void)state;
	start(true);
	assert_true(logged("irq: interrupt 4 of the serial port arrives\n"));
	assert_int_equal(uart_model.ier & 3, 1); /* the trial is over, input is announced */
	uart_model_type("k");
	wires.serial();
	assert_string_equal(typed, "k");
	assert_in_range(pass(1000 * MS), 40, 60); /* the floor is slow */
}

static void an_interrupt_that_does_not_arrive_is_polled(void **state)
{
	(void)state;
	wires.arrives = false;
	start(true);
	assert_true(logged(
		"warning: irq: the serial port at 3F8h is polled every ms: its interrupt does not arrive\n"));
	assert_int_equal(uart_model.ier, 0);
	console_write("0123456789abcdefghij", 20);
	uart_model_type("k");
	uart_model_drain();
	pass(2 * MS);
	assert_string_equal(typed, "k");
	assert_string_equal(uart_model.sent, "0123456789abcdefghij");
	assert_in_range(pass(100 * MS), 90, 110);
}

static void the_log_names_why_a_port_is_polled(void **state)
{
	(void)state;
	wires.ioapic = false;
	start(true);
	assert_true(logged("polled every ms: this machine names no I/O APIC\n"));
	wires.ioapic = true;
	start(false);
	assert_true(logged("polled every ms: serial_irq = none\n"));
	assert_in_range(pass(100 * MS), 90, 110);
}

/* One that came in the trial and never again: the operator waits 20 ms, and not forever. */
static void input_and_output_go_on_when_interrupts_end(void **state)
{
	(void)state;
	start(true);
	console_write("0123456789abcdefghij", 20);
	assert_string_equal(uart_model.sent, "0123456789abcdef");
	uart_model_drain();
	uart_model_type("ls");
	pass(20 * MS);
	assert_string_equal(uart_model.sent, "0123456789abcdefghij");
	assert_string_equal(typed, "ls");
	uart_model_type("!");
	pass(20 * MS);
	assert_string_equal(typed, "ls!");
}

static void a_port_where_nothing_is_costs_no_polling(void **state)
{
	(void)state;
	uart_model.present = false;
	start(true);
	assert_false(logged("serial port"));
	assert_in_range(pass(1000 * MS), 40, 60);
}

static void a_key_is_taken_without_its_interrupt(void **state)
{
	(void)state;
	start(true);
	console_irq_init_keyboard(true, true);
	assert_true(logged("irq: PS/2 keyboard: found\n"));
	keyboard_status = 1;
	keyboard_data = 0x1e;
	pass(20 * MS);
	assert_string_equal(typed, "a");
}

static void the_log_always_says_whether_there_is_a_keyboard(void **state)
{
	(void)state;
	start(true);
	keyboard_status = 0xff;
	console_irq_init_keyboard(true, true);
	assert_true(logged("irq: no PS/2 keyboard: no controller is there\n"));
	acpi.has_8042 = false;
	console_irq_init_keyboard(true, false);
	assert_true(logged(
		"irq: no PS/2 keyboard: ACPI names no controller; keyboard = force uses one all the same\n"));
	console_irq_init_keyboard(false, false);
	assert_true(logged("irq: no PS/2 keyboard: keyboard = no\n"));
	assert_false(logged("nothing can be typed"));
	uart_model.present = false;
	console_irq_init_keyboard(true, true);
	assert_true(logged("so nothing can be typed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		irq_test(an_interrupt_that_arrives_is_used),
		irq_test(an_interrupt_that_does_not_arrive_is_polled),
		irq_test(the_log_names_why_a_port_is_polled),
		irq_test(input_and_output_go_on_when_interrupts_end),
		irq_test(a_port_where_nothing_is_costs_no_polling),
		irq_test(a_key_is_taken_without_its_interrupt),
		irq_test(the_log_always_says_whether_there_is_a_keyboard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
