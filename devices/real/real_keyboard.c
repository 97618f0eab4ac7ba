/* SPDX-License-Identifier: MIT */
#include "devices/real/real_keyboard.h"
#include "devices/real/real_keyboard_codes.h"
#include "devices/real/wait.h"
#include "lib/x86.h"

#define DATA    0x60
#define STATUS  0x64 /* read */
#define COMMAND 0x64 /* write */

#define STATUS_OUTPUT   0x01 /* a byte for us is in DATA */
#define STATUS_INPUT    0x02 /* a byte of ours has not been taken yet */
#define STATUS_AUX      0x20 /* the byte is the mouse's */
#define STATUS_FLOATING 0xff

#define READ_CONFIG      0x20
#define WRITE_CONFIG     0x60
#define DISABLE_AUX      0xa7
#define SELF_TEST        0xaa
#define SELF_TEST_GOOD   0x55
#define INTERFACE_TEST   0xab
#define DISABLE_KEYBOARD 0xad
#define ENABLE_KEYBOARD  0xae

#define CONFIG_IRQ1      0x01
#define CONFIG_IRQ12     0x02
#define CONFIG_NO_CLOCK  0x10 /* of the keyboard */
#define CONFIG_NO_AUX    0x20
#define CONFIG_TRANSLATE 0x40 /* set 2 from the keyboard is set 1 for us */

#define SET_CODES  0xf0
#define CODES_2    0x02
#define ENABLE     0xf4
#define ACK        0xfa
#define RESEND     0xfe
#define TRIES      3
#define OTHERS_MAX 16 /* bytes before an acknowledgement: keys that were pressed */

#define ANSWER_US  250000  /* for one answer ... */
#define PROBE_US   2000000 /* ... and for all of them: then each gets one more look */
#define SELF_TESTS 3
#define READS_MAX  32

static struct {
	bool present;
	struct keyboard_state state;
	struct wait probe;
} keyboard;

static bool keyboard_wait_for(uint8_t mask, uint8_t value)
{
	struct wait wait = wait_begin(ANSWER_US);
	bool over;

	do {
		over = wait_over(&wait) || wait_over(&keyboard.probe);
		if ((in8(STATUS) & mask) == value)
			return true;
		cpu_relax();
	} while (!over);
	return false;
}

static bool keyboard_write(uint16_t port, uint8_t value)
{
	if (!keyboard_wait_for(STATUS_INPUT, 0))
		return false;
	out8(port, value);
	return true;
}

/* The controller's answer, or -1. */
static int keyboard_receive(void)
{
	return keyboard_wait_for(STATUS_OUTPUT, STATUS_OUTPUT) ? in8(DATA) : -1;
}

static int keyboard_ask(uint8_t command)
{
	return keyboard_write(COMMAND, command) ? keyboard_receive() : -1;
}

static void keyboard_discard(void)
{
	for (unsigned i = 0; i < READS_MAX && in8(STATUS) & STATUS_OUTPUT; i++)
		(void)in8(DATA);
}

/* A byte for the keyboard itself; does it take it? */
static bool keyboard_tell(uint8_t value)
{
	int answer = RESEND;

	for (unsigned tries = 0; tries < TRIES && answer == RESEND; tries++) {
		if (!keyboard_write(DATA, value))
			return false;
		answer = keyboard_receive();
		for (unsigned i = 0; i < OTHERS_MAX && answer >= 0 && answer != ACK && answer != RESEND; i++)
			answer = keyboard_receive();
	}
	return answer == ACK;
}

/* Some controllers pass only when asked again. */
static bool keyboard_self_test(void)
{
	for (unsigned tries = 0; tries < SELF_TESTS; tries++)
		if (keyboard_ask(SELF_TEST) == SELF_TEST_GOOD)
			return true;
	return false;
}

static bool keyboard_configure(void)
{
	int config = keyboard_ask(READ_CONFIG);

	if (config < 0)
		return false;
	config &= ~(CONFIG_IRQ12 | CONFIG_NO_CLOCK);
	config |= CONFIG_IRQ1 | CONFIG_NO_AUX | CONFIG_TRANSLATE;
	return keyboard_write(COMMAND, WRITE_CONFIG) && keyboard_write(DATA, (uint8_t)config);
}

/*
 * Every step is advice: laptops' controllers are known that fail each of them, and whose keyboards
 * work. Returns the last thing that was odd, which says most, or null.
 */
static const char *keyboard_start(void)
{
	const char *odd = NULL;

	if (!keyboard_write(COMMAND, DISABLE_KEYBOARD))
		return "the controller takes no commands";
	(void)keyboard_write(COMMAND, DISABLE_AUX);
	keyboard_discard();
	if (!keyboard_self_test())
		odd = "the controller fails its self-test";
	if (!keyboard_configure())
		odd = "the controller does not tell its configuration";
	if (keyboard_ask(INTERFACE_TEST) != 0)
		odd = "the controller fails the test of the keyboard's lines";
	(void)keyboard_write(COMMAND, ENABLE_KEYBOARD);
	/* The keyboard has set 2 since power-on, unless somebody changed that. */
	if (!keyboard_tell(SET_CODES) || !keyboard_tell(CODES_2))
		odd = "the keyboard does not take scan code set 2";
	if (!keyboard_tell(ENABLE))
		odd = "no keyboard answers";
	return odd;
}

const char *keyboard_init(bool as_it_is)
{
	keyboard.state = (struct keyboard_state){.num_lock = true};
	keyboard.probe = wait_begin(PROBE_US);
	keyboard.present = in8(STATUS) != STATUS_FLOATING;
	if (!keyboard.present)
		return "no controller is there";
	return as_it_is ? NULL : keyboard_start();
}

bool keyboard_present(void)
{
	return keyboard.present;
}

size_t keyboard_read(uint8_t *bytes, size_t size)
{
	size_t count = 0;

	if (!keyboard.present)
		return 0;
	for (unsigned i = 0; i < READS_MAX && count + KEYBOARD_KEY_MAX <= size; i++) {
		uint8_t status = in8(STATUS), code;

		if (!(status & STATUS_OUTPUT))
			break;
		code = in8(DATA);
		if (!(status & STATUS_AUX))
			count += keyboard_decode(&keyboard.state, code, bytes + count);
	}
	return count;
}
