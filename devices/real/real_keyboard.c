/* SPDX-License-Identifier: MIT */
#include "devices/real/real_keyboard.h"
#include "devices/real/real_keyboard_codes.h"
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

#define POLLS_MAX 500000 /* reads of STATUS: half a second on an ISA or LPC bus */
#define READS_MAX 32

static struct {
	bool present;
	struct keyboard_state state;
} keyboard;

static bool keyboard_wait_for(uint8_t mask, uint8_t value)
{
	for (unsigned polls = 0; polls < POLLS_MAX; polls++) {
		if ((in8(STATUS) & mask) == value)
			return true;
		cpu_relax();
	}
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

static bool keyboard_start_controller(void)
{
	int config;

	if (!keyboard_write(COMMAND, DISABLE_KEYBOARD) || !keyboard_write(COMMAND, DISABLE_AUX))
		return false;
	keyboard_discard();
	if (keyboard_ask(SELF_TEST) != SELF_TEST_GOOD)
		return false;
	config = keyboard_ask(READ_CONFIG);
	if (config < 0)
		return false;
	config &= ~(CONFIG_IRQ12 | CONFIG_NO_CLOCK);
	config |= CONFIG_IRQ1 | CONFIG_NO_AUX | CONFIG_TRANSLATE;
	return keyboard_write(COMMAND, WRITE_CONFIG) && keyboard_write(DATA, (uint8_t)config) &&
	       keyboard_ask(INTERFACE_TEST) == 0 && keyboard_write(COMMAND, ENABLE_KEYBOARD);
}

const char *keyboard_init(void)
{
	keyboard.present = false;
	keyboard.state = (struct keyboard_state){.num_lock = true};
	if (in8(STATUS) == STATUS_FLOATING)
		return "no controller is there";
	if (!keyboard_start_controller())
		return "the controller does not answer as an 8042 does";
	if (!keyboard_tell(SET_CODES) || !keyboard_tell(CODES_2) || !keyboard_tell(ENABLE))
		return "none is plugged in";
	keyboard.present = true;
	return NULL;
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
