/* SPDX-License-Identifier: MIT */
/* The tables of commands, and the commands that need no VM. */
#include "lib/panic.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/observe/log.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_internal.h"
#include "vmm/cpu/shutdown.h"

static void command_help(unsigned count, const char *const *arguments);
static const char *command_name(unsigned index);

static const char *const shell_log_levels[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

/* What `log` takes. */
static const char *shell_log_word(unsigned index)
{
	if (index == ARRAY_SIZE(shell_log_levels))
		return "previous";
	return index < ARRAY_SIZE(shell_log_levels) ? shell_log_levels[index] : NULL;
}

static void command_log(unsigned count, const char *const *arguments)
{
	if (!count) {
		log_replay(shell_write);
		return;
	}
	if (!strcmp(arguments[0], "previous")) {
		if (!log_replay_previous(shell_write))
			shell_print("No log of an earlier run has survived: only a restart without "
			            "switching off keeps it.\n");
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(shell_log_levels); i++) {
		if (!strcmp(arguments[0], shell_log_levels[i])) {
			log_level_set((enum log_level)i);
			return;
		}
	}
	shell_print("log: there is no level '%s'; give error, warning, info or debug, or 'previous'\n",
	            arguments[0]);
}

static void command_poweroff(unsigned count, const char *const *arguments)
{
	shutdown_power_off();
}

static void command_reboot(unsigned count, const char *const *arguments)
{
	shutdown_reset();
}

/* clang-format off */
static const struct shell_command shell_builtin[] = {
	{"help",     "[COMMAND]",                  "what the commands do",                             0, 1, command_help,     command_name},
	{"log",      "[previous|LEVEL]",           "show the log, or that before the restart; set its level", 0, 1, command_log,      shell_log_word},
	{"poweroff", "",                           "turn the machine off, whatever the VMs do",        0, 0, command_poweroff, NULL},
	{"reboot",   "",                           "restart the machine, whatever the VMs do",         0, 0, command_reboot,   NULL},
};
/* clang-format on */

static struct table {
	const struct shell_command *commands;
	size_t count;
} shell_tables[SHELL_TABLES_MAX];
static unsigned shell_table_count;

void shell_add_commands(const struct shell_command *commands, size_t count)
{
	assert_monitor(shell_table_count < SHELL_TABLES_MAX);
	shell_tables[shell_table_count++] = (struct table){commands, count};
}

void shell_init(void)
{
	shell_table_count = 0;
	shell_add_commands(shell_builtin, ARRAY_SIZE(shell_builtin));
	shell_start();
	console_set_shell((struct console_shell){shell_input, shell_hide_prompt, shell_show_prompt,
	                                         shell_prompt_hidden});
}

/* The index-th command of all tables, null after the last. */
static const struct shell_command *command_at(unsigned index)
{
	for (unsigned i = 0; i < shell_table_count; i++) {
		if (index < shell_tables[i].count)
			return &shell_tables[i].commands[index];
		index -= (unsigned)shell_tables[i].count;
	}
	return NULL;
}

static const char *command_name(unsigned index)
{
	const struct shell_command *command = command_at(index);

	return command ? command->name : NULL;
}

static const struct shell_command *shell_find(const char *name)
{
	const struct shell_command *command;

	for (unsigned i = 0; (command = command_at(i)); i++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static void shell_unknown(const char *name)
{
	shell_print("There is no command '%s'; 'help' lists them.\n", name);
}

static void command_help(unsigned count, const char *const *arguments)
{
	const struct shell_command *command;

	if (count) {
		command = shell_find(arguments[0]);
		if (command)
			shell_print("%s%s%s: %s\n", command->name, *command->usage ? " " : "", command->usage,
			            command->help);
		else
			shell_unknown(arguments[0]);
		return;
	}
	for (unsigned i = 0; (command = command_at(i)); i++)
		shell_print("  %-10s %-31s %s\n", command->name, command->usage, command->help);
	shell_print("Ctrl-A ? shows the keys that switch between the VMs and this shell.\n");
}

/* Cut `line` into words, in place. More than fit are counted, not kept. */
static unsigned shell_split(char *line, const char **words, unsigned max)
{
	unsigned count = 0;

	for (char *at = line; *at;) {
		while (*at == ' ')
			*at++ = '\0';
		if (!*at)
			break;
		if (count < max)
			words[count] = at;
		count++;
		while (*at && *at != ' ')
			at++;
	}
	return count;
}

static const struct shell_command *shell_command; /* executed last */

const char *shell_command_name(void)
{
	return shell_command ? shell_command->name : NULL;
}

void shell_execute(const char *line)
{
	char copy[SHELL_LINE_MAX];
	const char *words[SHELL_ARGUMENTS_MAX + 1];
	const struct shell_command *command;
	unsigned count;

	memcpy(copy, line, strnlen(line, sizeof(copy) - 1) + 1);
	copy[sizeof(copy) - 1] = '\0';
	count = shell_split(copy, words, ARRAY_SIZE(words));
	if (!count)
		return;
	shell_command = command = shell_find(words[0]);
	if (!command)
		shell_unknown(words[0]);
	else if (count - 1 < command->min_arguments || count - 1 > command->max_arguments)
		shell_print("Usage: %s %s\n", command->name, command->usage);
	else
		command->run(count - 1, words + 1);
}

struct candidates {
	const char *(*at)(unsigned index);
	const char *begun; /* what is typed already */
	size_t length;
};

/* How many go on from what is begun; `shared` and `length` are what they have in common. */
static unsigned shell_count_matching(const struct candidates *candidates, const char **shared, size_t *length)
{
	unsigned matching = 0;
	const char *name;

	for (unsigned i = 0; (name = candidates->at(i)); i++) {
		if (strncmp(name, candidates->begun, candidates->length))
			continue;
		if (!matching++) {
			*shared = name;
			*length = strlen(name);
		}
		for (size_t k = 0; k < *length; k++)
			if (name[k] != (*shared)[k])
				*length = k;
	}
	return matching;
}

static void shell_list_matching(const struct candidates *candidates)
{
	const char *name;

	for (unsigned i = 0; (name = candidates->at(i)); i++)
		if (!strncmp(name, candidates->begun, candidates->length))
			shell_print("%s  ", name);
	shell_print("\n");
}

static const char *shell_first_word(const char *text)
{
	while (*text == ' ')
		text++;
	return text;
}

/* Empty if the text ends with a blank. */
static const char *shell_last_word(const char *text)
{
	for (const char *at = text; *at; at++)
		if (*at == ' ')
			text = at + 1;
	return text;
}

/* What may be typed at the cursor; at: null if that is not known. */
static struct candidates shell_find_candidates(const char *line)
{
	struct candidates candidates = {.at = command_name};
	const struct shell_command *command;
	char name[SHELL_LINE_MAX];
	const char *blank;

	candidates.begun = shell_first_word(line);
	blank = strchr(candidates.begun, ' ');
	if (blank) {
		memcpy(name, candidates.begun, (size_t)(blank - candidates.begun));
		name[blank - candidates.begun] = '\0';
		command = shell_find(name);
		candidates.at = command ? command->candidate : NULL;
		candidates.begun = shell_last_word(blank);
		if (candidates.begun != shell_first_word(blank) && command &&
		    command->max_arguments < SHELL_ARGUMENTS_MAX)
			candidates.at = NULL; /* only the first argument is known */
	}
	candidates.length = strlen(candidates.begun);
	return candidates;
}

bool shell_complete(const char *line, char *addition, size_t size)
{
	struct candidates candidates = shell_find_candidates(line);
	const char *shared = NULL;
	size_t length = 0, added;
	unsigned matching = candidates.at ? shell_count_matching(&candidates, &shared, &length) : 0;

	*addition = '\0';
	if (!matching)
		return false;
	added = MIN(length - candidates.length, size - 2);
	memcpy(addition, shared + candidates.length, added);
	if (matching == 1)
		addition[added++] = ' ';
	addition[added] = '\0';
	if (!added)
		shell_list_matching(&candidates);
	return true;
}
