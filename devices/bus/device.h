/* SPDX-License-Identifier: MIT */
/*
 * What every emulated device has in common.
 *
 * A device knows its registers, not exits, vCPUs or VMs. All of its state is
 * one plain struct without pointers, so that saving is copying. It is driven
 * by calls from the machine (devices/machine/machine.h) and talks back only
 * through its machine and devices/machine/services.h.
 *
 * Locking: the machine's owner serialises all calls for one machine.
 */
#ifndef DEVICES_BUS_DEVICE_H
#define DEVICES_BUS_DEVICE_H

#include "lib/types.h"

struct device;
struct machine;

#define DEADLINE_NONE    UINT64_MAX
#define DEVICE_STATE_MAX 1024 /* bytes of the largest state */

/* A run of I/O ports that a device answers. */
struct port_region {
	uint16_t base;
	uint16_t count;
	/*
	 * Widest access in bytes (1, 2 or 4) that the device takes in one go.
	 * The region layer splits wider ones into cycles of this width, lowest
	 * address first, as an ISA bus does; `offset` and `size` that reach the
	 * handlers always lie inside the region, `size` is 1, 2 or 4. Both handlers exist.
	 */
	uint8_t width;
	uint32_t (*read)(struct device *device, unsigned offset, unsigned size);
	void (*write)(struct device *device, unsigned offset, unsigned size, uint32_t value);
};

/* A range of guest-physical memory that a device answers. */
struct memory_region {
	gpa_t base;
	uint32_t size;
	/*
	 * Bytes of a register: 1, 2, 4 or 8; base and size are multiples of it. The region layer
	 * splits accesses so that what reaches a handler lies inside one register, aligned to the
	 * width, lowest address first: `size` is 1..width. Of `read` the low `size` bytes count.
	 * Both handlers exist.
	 */
	uint8_t width;
	uint64_t (*read)(struct device *device, unsigned offset, unsigned size);
	void (*write)(struct device *device, unsigned offset, unsigned size, uint64_t value);
};

/* The constant part of a device. One per kind; instances differ in `struct device`. */
struct device_model {
	const char *name;
	uint32_t version;  /* of the layout of the state; raised when it changes */
	size_t state_size; /* bytes behind device->state */

	/* The ports it answers. A region with base 0 is placed by the machine (UARTs). */
	const struct port_region *ports;
	uint8_t port_count;

	/* The memory it answers. */
	const struct memory_region *memory;
	uint8_t memory_count;

	/* Power-on state. The state holds no valid data before the first reset. */
	void (*reset)(struct device *device);

	/*
	 * Check a state that came from outside before it becomes the device's:
	 * every index in range, every enum known. Null: any bytes are valid.
	 */
	bool (*state_valid)(const void *state);

	/* After load: make outputs (lines, deadline) follow the new state. May be null. */
	void (*restored)(struct device *device);

	/* The deadline set by device_arm() has been reached. May be null. */
	void (*timer)(struct device *device);
};

/* One device in one machine. Nothing here but `state` is saved. */
struct device {
	const struct device_model *model;
	struct machine *machine;
	void *state;
	uint64_t deadline; /* machine clock, ns; DEADLINE_NONE: not armed */
	uint8_t unit;      /* 0 for the first of its model, 1 for the second ... */
	uint8_t irq;       /* ISA line 0..15 that it drives, where it has one */
};

/* Ask for a call of model->timer at `deadline` (machine clock, ns); replaces an earlier wish. */
void device_arm(struct device *device, uint64_t deadline);

/* Drive the device's ISA line. Repeating a level is harmless. */
void device_set_line(struct device *device, bool level);

/*
 * Drive ISA line `irq` (0..15) instead of the device's own. While it takes a line, only this device
 * drives it: all others are cut off, as by a switch in the chip set. Repeating either is harmless.
 */
void device_drive_irq(struct device *device, unsigned irq, bool level);
void device_take_irq(struct device *device, unsigned irq, bool taken);

/* Has another device taken this device's line? */
bool device_is_cut_off(const struct device *device);

/*
 * The machine's clock: devices/machine/services.h. Named here for the next function, which every
 * poll calls.
 */
uint64_t service_clock_ns(const struct machine *machine);

/* The machine's clock in ns: monotonic, stands still while the VM is paused. */
static inline uint64_t device_now(const struct device *device)
{
	return service_clock_ns(device->machine);
}

/*
 * Save and load. A record is {name, version, unit, size, state}; device_save returns
 * the bytes needed, and writes them if `size` is enough. device_load returns
 * 0, -ERR_TRUNCATED, or -ERR_INVALID (other device, version or broken state; the
 * device is then unchanged).
 */
size_t device_save(const struct device *device, void *buffer, size_t size);
int must_check device_load(struct device *device, const void *buffer, size_t size);

/* What device_load would return, without loading. */
int must_check device_check(const struct device *device, const void *buffer, size_t size);

#endif
