/* The config table's reader: lines, sections, keys, and a sentence for each mistake. */
#include "guests/config.h"
#include "guests/config_keys.h"
#include "guests/config_lines.h"
#include "lib/format.h"
#include "lib/string.h"

enum state {
	STATE_NONE,    /* before any section */
	STATE_SECTION, /* inside one */
	STATE_SKIP,    /* inside one whose header was wrong */
};

struct parser {
	struct config_lines lines;
	struct config_findings findings;
	struct config *config;
	enum state state;
	enum config_section section;
	void *fields;                    /* of the open section */
	unsigned errors_before;          /* findings when it began */
	bool vm_seen;                    /* a [vm] section, good or not */
	unsigned monitor_line;           /* of the [monitor] header; 0: none yet */
	unsigned seen[CONFIG_KEY_COUNT]; /* line of each key in the open section; 0: none yet */
};

/* A finding about the current line. */
#define complain(p, ...) config_complain(&(p)->findings, (p)->lines.start, __VA_ARGS__)

/* ---- Sections ---- */

/* What contradicts itself between the keys of one VM. */
static void check_vm(struct parser *p, const struct vm_config *vm)
{
	unsigned line = p->seen[config_find_key(SECTION_VM, "view") - config_keys];

	if (!vm->kernel[0])
		config_complain(&p->findings, vm->line, "VM '%s' has no kernel; add a line 'kernel = PATH'",
		                vm->name);
	if (vm->view == VIEW_SCREEN && !vm->screen)
		config_complain(&p->findings, line,
		                "VM '%s' has no screen to show; write view = serial, or screen = yes",
		                vm->name);
	if (vm->view == VIEW_SERIAL && !vm->uarts)
		config_complain(&p->findings, line,
		                "VM '%s' has no serial port to show; write view = screen, or uarts = 1",
		                vm->name);
}

/* Check the section that ends here; a VM without errors becomes part of the table. */
static void close_section(struct parser *p)
{
	struct vm_config *vm = p->fields;

	if (p->state == STATE_SECTION && p->section == SECTION_VM) {
		if (p->findings.count == p->errors_before)
			check_vm(p, vm);
		if (p->findings.count == p->errors_before)
			p->config->vm_count++;
	}
	p->state = STATE_NONE;
}

static bool name_is_good(const char *name)
{
	for (const char *c = name; *c; c++) {
		bool letter =
			(*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');

		if (!letter && (c == name || !strchr("-_.", *c)))
			return false;
	}
	return strlen(name) < CONFIG_NAME_MAX;
}

static void open_monitor(struct parser *p, const char *name)
{
	if (*name) {
		complain(p, "[monitor] takes no name; write [monitor]");
		return;
	}
	if (p->monitor_line) {
		complain(p, "a second [monitor] section; move its keys to the one in line %u",
		         p->monitor_line);
		return;
	}
	p->monitor_line = p->lines.start;
	p->section = SECTION_MONITOR;
	p->fields = &p->config->monitor;
	p->state = STATE_SECTION;
}

static void open_vm(struct parser *p, const char *name)
{
	struct config *config = p->config;
	struct vm_config *vm;

	p->vm_seen = true;
	if (!*name) {
		complain(p, "the VM has no name; write [vm NAME]");
		return;
	}
	if (!name_is_good(name)) {
		complain(
			p,
			"bad VM name '%.40s'; use up to %d letters, digits, '-', '_' and '.', beginning with "
			"a letter or digit",
			name, CONFIG_NAME_MAX - 1);
		return;
	}
	for (unsigned i = 0; i < config->vm_count; i++) {
		if (strcmp(config->vm[i].name, name) == 0) {
			complain(p, "a VM named '%s' stands already in line %u; give this one another name",
			         name, config->vm[i].line);
			return;
		}
	}
	if (config->vm_count == CONFIG_VMS_MAX) {
		complain(p, "too many VMs: '%s' is more than the %d that are possible; remove some", name,
		         CONFIG_VMS_MAX);
		return;
	}
	vm = &config->vm[config->vm_count];
	memset(vm, 0, sizeof(*vm));
	config_defaults(SECTION_VM, vm);
	memcpy(vm->name, name, strlen(name) + 1);
	vm->line = p->lines.start;
	p->section = SECTION_VM;
	p->fields = vm;
	p->state = STATE_SECTION;
}

static void parse_header(struct parser *p)
{
	char *word = config_skip_blanks(p->lines.text + 1), *close = strchr(word, ']'), *after, *name;

	close_section(p);
	p->state = STATE_SKIP;
	p->errors_before = p->findings.count;
	memset(p->seen, 0, sizeof(p->seen));
	if (!close) {
		complain(p, "the section has no closing ']'; write [monitor] or [vm NAME]");
		return;
	}
	after = config_skip_blanks(close + 1);
	if (*after && *after != '#' && *after != ';') {
		complain(p, "text behind ']'; begin a new line for it");
		return;
	}
	(void)config_trim(word, (size_t)(close - word));
	for (name = word; *name && !config_is_blank(*name); name++)
		;
	if (*name) {
		*name = '\0';
		name = config_skip_blanks(name + 1);
	}
	if (strcmp(word, config_section_names[SECTION_MONITOR]) == 0)
		open_monitor(p, name);
	else if (strcmp(word, config_section_names[SECTION_VM]) == 0)
		open_vm(p, name);
	else
		complain(p, "unknown section '%.40s'; use [monitor] or [vm NAME]", word);
}

/* ---- Keys ---- */

const struct config_key *config_find_key(enum config_section section, const char *name)
{
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
		if (config_keys[i].section == section && strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}

static void complain_unknown_key(struct parser *p, const char *name)
{
	const char *here = config_section_names[p->section];
	const struct config_key *near = config_nearest_key(p->section, name);
	char keys[160];
	size_t used = 0;

	for (unsigned other = 0; other < SECTION_COUNT; other++) {
		if (other != p->section && config_find_key(other, name)) {
			complain(p, "key '%s' does not belong in [%s]; move it to [%s]", name, here,
			         config_section_names[other]);
			return;
		}
	}
	if (near) {
		complain(p, "unknown key '%.40s' in [%s]; did you mean '%s'?", name, here, near->name);
		return;
	}
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
		if (config_keys[i].section == p->section && used < sizeof(keys))
			used += (size_t)format_buffer(keys + used, sizeof(keys) - used, "%s%s",
			                              used ? ", " : "", config_keys[i].name);
	complain(p, "unknown key '%.40s' in [%s]; the keys are %s", name, here, keys);
}

static void complain_value(struct parser *p, const struct config_key *key, const char *value)
{
	char values[CONFIG_VALUES_MAX];

	config_describe_values(key, values, sizeof(values));
	if (!*value)
		complain(p, "key '%s' has no value; use %s", key->name, values);
	else if (strlen(value) > key->max && (key->kind == KIND_PATH || key->kind == KIND_TEXT))
		complain(p, "the value of '%s' has %zu characters; use %s", key->name, strlen(value), values);
	else
		complain(p, "bad value '%.40s' for '%s'; use %s", value, key->name, values);
}

/* A comment may follow any value but a verbatim one; blanks set it apart. */
static void cut_comment(char *value)
{
	for (char *c = value; *c; c++) {
		if ((*c == '#' || *c == ';') && (c == value || config_is_blank(c[-1]))) {
			(void)config_trim(value, (size_t)(c - value));
			return;
		}
	}
}

static void set_key(struct parser *p, const struct config_key *key, char *value)
{
	unsigned *seen = &p->seen[key - config_keys];

	if (key->kind != KIND_TEXT)
		cut_comment(value);
	if (*seen) {
		complain(p, "key '%s' stands already in line %u; remove one of the two", key->name, *seen);
		return;
	}
	*seen = p->lines.start;
	if (key->line_offset != LINE_NOT_KEPT)
		memcpy((char *)p->fields + key->line_offset, &p->lines.start, sizeof(p->lines.start));
	if (!config_value_parse(key, value, p->fields))
		complain_value(p, key, value);
}

static void parse_assignment(struct parser *p)
{
	char *equals = strchr(p->lines.text, '='), *value;
	const struct config_key *key;

	if (!equals) {
		complain(p, "neither a [section] nor 'key = value'; begin comments with '#'");
		return;
	}
	value = config_skip_blanks(equals + 1);
	(void)config_trim(p->lines.text, (size_t)(equals - p->lines.text));
	if (p->state == STATE_NONE) {
		complain(p, "key '%.40s' before any section; put it below [monitor] or [vm NAME]",
		         p->lines.text);
		return;
	}
	key = config_find_key(p->section, p->lines.text);
	if (key)
		set_key(p, key, value);
	else
		complain_unknown_key(p, p->lines.text);
}

static void parse_line(struct parser *p)
{
	switch (p->lines.text[0]) {
	case '\0':
	case '#':
	case ';': break;
	case '[': parse_header(p); break;
	default:
		if (p->state != STATE_SKIP)
			parse_assignment(p);
	}
}

/* ---- The table as a whole ---- */

/* The I/O base of the machine's serial port that is `vm`'s alone; 0: it has none. */
static unsigned own_port(const struct vm_config *vm)
{
	static const uint16_t bases[] = {
		[CONSOLE_COM2] = 0x2f8, [CONSOLE_COM3] = 0x3e8, [CONSOLE_COM4] = 0x2e8};

	return vm->console < ARRAY_SIZE(bases) ? bases[vm->console] : 0;
}

/* May VM number `index` have the serial port that it asks for? */
static bool check_console(struct parser *p, unsigned index)
{
	const struct config *config = p->config;
	const struct vm_config *vm = &config->vm[index];
	unsigned port = own_port(vm);

	if (port && port == config->monitor.serial_port) {
		config_complain(&p->findings, vm->console_line,
		                "the console of VM '%s' is the monitor's own serial port; "
		                "give one of the two another",
		                vm->name);
		return false;
	}
	for (unsigned i = 0; port && i < index; i++) {
		if (own_port(&config->vm[i]) == port) {
			config_complain(&p->findings, vm->console_line,
			                "the console of VM '%s' is that of '%s' already (line %u); give one "
			                "of the two another",
			                vm->name, config->vm[i].name, config->vm[i].console_line);
			return false;
		}
	}
	return true;
}

/* Leave out the VMs whose serial port is taken. The monitor's own may stand behind them, so this comes last.
 */
static void check_consoles(struct parser *p)
{
	struct config *config = p->config;
	unsigned i = 0;

	while (i < config->vm_count) {
		if (check_console(p, i)) {
			i++;
			continue;
		}
		config->vm_count--;
		memmove(&config->vm[i], &config->vm[i + 1], (config->vm_count - i) * sizeof(config->vm[0]));
	}
}

unsigned config_parse(const char *text, size_t size, struct config *config, struct config_error *errors,
                      unsigned max_errors)
{
	/* Too big for the monitor's stack. The table is read once, before any other processor runs. */
	static struct parser parser;
	struct parser *p = &parser;
	enum config_line result;

	memset(p, 0, sizeof(*p));
	memset(config, 0, sizeof(*config));
	config_defaults(SECTION_MONITOR, &config->monitor);
	config_lines_init(&p->lines, text, size);
	p->findings = (struct config_findings){errors, 0, max_errors};
	p->config = config;
	while ((result = config_next_line(&p->lines, &p->findings)) != CONFIG_LINE_END)
		if (result == CONFIG_LINE_GOOD)
			parse_line(p);
	close_section(p);
	check_consoles(p);
	if (!config->vm_count && !p->vm_seen)
		config_complain(&p->findings, 0,
		                "there is no VM; add a section [vm NAME] with a line 'kernel = PATH'");
	return p->findings.count;
}
