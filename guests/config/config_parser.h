/* SPDX-License-Identifier: MIT */
/* The reader of the config table in its parts: sections, keys, and what must fit together. */
#ifndef GUESTS_CONFIG_CONFIG_PARSER_H
#define GUESTS_CONFIG_CONFIG_PARSER_H

#include "guests/config/config_lines.h"

enum config_state {
	STATE_NONE,    /* before any section */
	STATE_SECTION, /* inside one */
	STATE_SKIP,    /* inside one whose header was wrong */
};

struct config_parser {
	struct config_lines lines;
	struct config_findings findings;
	struct config *config;
	/* What is left of the storage. */
	unsigned vm_max;
	bool keeps_left_out; /* each section has its place */
	struct config_module *modules;
	char *strings;

	enum config_state state;
	enum config_section section;
	void *fields;           /* of the open section */
	unsigned errors_before; /* findings when it began */
	bool vm_seen;           /* a [vm] section, good or not */
	unsigned monitor_line;  /* of the [monitor] header; 0: none yet */
	struct monitor_config second_monitor;
	unsigned seen[CONFIG_KEY_COUNT]; /* line of each key in the open section; 0: none yet */
};

/* A finding about the current line. */
#define complain(p, ...) config_complain(&(p)->findings, (p)->lines.start, __VA_ARGS__)

/* A lasting copy. Every string comes from a line that is longer than it, so there is room. */
char *config_keep(struct config_parser *p, const char *text);

/* Take the current line as `key = value` of the open section. */
void config_assign(struct config_parser *p);

/* Complain of what contradicts itself between the keys of the VM whose section ends. */
void config_check_guest(struct config_parser *p, const struct guest_config *guest);

/* Take the guest at `index` out of the table. */
void config_leave_out(struct config_parser *p, unsigned index);

/*
 * Leave out, with a finding for each, the VMs whose serial port is taken. Comes last: the monitor's
 * section may be anywhere.
 */
void config_check_consoles(struct config_parser *p);

#endif
