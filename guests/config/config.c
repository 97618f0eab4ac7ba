/* SPDX-License-Identifier: MIT */
/* The config table's reader: its storage, its sections, and a sentence for each mistake. */
#include "guests/config/config_parser.h"
#include "lib/string.h"

/* ---- Sections ---- */

/* Check the section that ends here; a VM without mistakes becomes part of the table. */
static void config_close_section(struct config_parser *p)
{
	struct guest_config *guest = p->fields;

	if (p->state == STATE_SECTION && p->section == SECTION_VM) {
		config_check_guest(p, guest);
		p->config->guest_count++;
		if (p->findings.count != p->errors_before)
			config_leave_out(p, p->config->guest_count - 1);
	}
	p->state = STATE_NONE;
}

static bool config_name_is_good(const char *name)
{
	for (const char *c = name; *c; c++) {
		bool letter =
			(*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');

		if (!letter && (c == name || !strchr("-_.", *c)))
			return false;
	}
	return strlen(name) < VM_NAME_MAX;
}

/* Keys of a second section are checked as well, and go nowhere. */
static void config_open_monitor(struct config_parser *p, const char *name)
{
	if (*name)
		complain(p, "[monitor] takes no name; write [monitor]");
	else if (p->monitor_line)
		complain(p, "a second [monitor] section; move its keys to the one on line %u",
		         p->monitor_line);
	p->section = SECTION_MONITOR;
	p->fields = p->monitor_line ? &p->second_monitor : &p->config->monitor;
	p->state = STATE_SECTION;
	p->monitor_line = p->monitor_line ? p->monitor_line : p->lines.start;
}

static void config_check_name(struct config_parser *p, const char *name)
{
	const struct config *config = p->config;

	if (!*name) {
		complain(p, "the VM has no name; write [vm NAME]");
		return;
	}
	if (!config_name_is_good(name)) {
		complain(p,
		         "bad VM name '%.40s'; use up to %d letters, digits, '-', '_' and '.', "
		         "beginning with a letter or digit",
		         name, VM_NAME_MAX - 1);
		return;
	}
	for (unsigned i = 0; i < config->guest_count; i++)
		if (strcmp(config->guest[i].vm.name, name) == 0)
			complain(p, "VM '%s' is already defined on line %u; give this one another name", name,
			         config->guest[i].line);
}

static void config_open_vm(struct config_parser *p, const char *name)
{
	struct config *config = p->config;
	struct guest_config *guest = &config->guest[config->guest_count];

	p->vm_seen = true;
	if (config->guest_count == p->vm_max) {
		complain(p, "too many VMs: '%.40s' is more than the %d that are possible; remove some", name,
		         CONFIG_VMS_MAX);
		return;
	}
	config_check_name(p, name);
	memset(guest, 0, sizeof(*guest));
	config_defaults(SECTION_VM, guest);
	guest->module = p->modules;
	guest->vm.name = config_keep(p, name);
	guest->line = p->lines.start;
	p->section = SECTION_VM;
	p->fields = guest;
	p->state = STATE_SECTION;
}

static void config_parse_header(struct config_parser *p)
{
	char *word = config_skip_blanks(p->lines.text + 1), *close = strchr(word, ']'), *after, *name;

	config_close_section(p);
	p->state = STATE_SKIP;
	p->errors_before = p->findings.count;
	memset(p->seen, 0, sizeof(p->seen));
	if (!close) {
		complain(p, "the section has no closing ']'; write [monitor] or [vm NAME]");
		return;
	}
	after = config_skip_blanks(close + 1);
	if (*after && *after != '#' && *after != ';')
		complain(p, "text after ']'; begin a new line for it");
	(void)config_trim(word, (size_t)(close - word));
	for (name = word; *name && !config_is_blank(*name); name++)
		;
	if (*name) {
		*name = '\0';
		name = config_skip_blanks(name + 1);
	}
	if (strcmp(word, config_section_names[SECTION_MONITOR]) == 0)
		config_open_monitor(p, name);
	else if (strcmp(word, config_section_names[SECTION_VM]) == 0)
		config_open_vm(p, name);
	else
		complain(p, "unknown section '%.40s'; use [monitor] or [vm NAME]", word);
}

static void config_parse_line(struct config_parser *p)
{
	switch (p->lines.text[0]) {
	case '\0':
	case '#':
	case ';': break;
	case '[': config_parse_header(p); break;
	default:
		if (p->state != STATE_SKIP)
			config_assign(p);
	}
}

/* ---- Storage: the VMs, then their modules, then all strings ---- */

/* Upper bounds, without reading the lines in full. */
struct config_counts {
	size_t sections, vms, modules;
};

static struct config_counts config_count(const char *text, size_t size)
{
	struct config_counts counts;

	counts.sections = config_lines_count(text, size, "[");
	counts.vms = MIN(counts.sections, CONFIG_VMS_MAX);
	counts.modules = MIN(config_lines_count(text, size, "module"), counts.vms * CONFIG_MODULES_MAX);
	return counts;
}

size_t config_storage_size(const char *text, size_t size)
{
	struct config_counts counts;

	if (size > CONFIG_SIZE_MAX)
		return 0;
	counts = config_count(text, size);
	return counts.vms * sizeof(struct guest_config) + counts.modules * sizeof(struct config_module) +
	       size;
}

static void config_divide_storage(struct config_parser *p, const char *text, size_t size, void *storage)
{
	struct config_counts counts = config_count(text, size);

	p->vm_max = (unsigned)counts.vms;
	p->keeps_left_out = counts.sections == counts.vms;
	p->config->guest = storage;
	p->config->left_out = p->config->guest + counts.vms;
	p->modules = (struct config_module *)(p->config->guest + counts.vms);
	p->strings = (char *)(p->modules + counts.modules);
}

unsigned config_parse(const char *text, size_t size, void *storage, struct config *config,
                      struct config_error *errors, unsigned max_errors)
{
	/*
	 * Too big for the monitor's stack. The table is read once, before any other processor runs.
	 */
	static struct config_parser parser;
	struct config_parser *p = &parser;
	enum config_line result;

	memset(p, 0, sizeof(*p));
	memset(config, 0, sizeof(*config));
	config_defaults(SECTION_MONITOR, &config->monitor);
	p->findings = (struct config_findings){errors, 0, max_errors};
	p->config = config;
	if (size > CONFIG_SIZE_MAX) {
		config_complain(&p->findings, 0,
		                "larger than %lu MiB, so not a config file; give the config file instead",
		                CONFIG_SIZE_MAX / MIB(1));
		return p->findings.count;
	}
	if (!storage) {
		config_complain(
			&p->findings, 0,
			"there is no room for the table, which takes %zuK; give the machine more memory",
			config_storage_size(text, size) / 1024 + 1);
		return p->findings.count;
	}
	config_divide_storage(p, text, size, storage);
	config_lines_init(&p->lines, text, size);
	while ((result = config_next_line(&p->lines, &p->findings)) != CONFIG_LINE_END)
		if (result == CONFIG_LINE_GOOD)
			config_parse_line(p);
	config_close_section(p);
	config_check_consoles(p);
	if (!config->guest_count && !p->vm_seen)
		config_complain(&p->findings, 0,
		                "there is no VM; add a section [vm NAME] with a line 'kernel = PATH'");
	return p->findings.count;
}
