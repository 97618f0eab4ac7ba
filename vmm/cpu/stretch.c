/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/stretch.h"
#include "lib/format.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"
#include "vmm/observe/symbols.h"

/* clang-format off */
static const struct {
	const char *name;
	bool function; /* `what` is one, else it is a text */
} stretch_causes[STRETCH_CAUSES] = {
	[STRETCH_LOOP]      = {"the run loop",     true},
	[STRETCH_EXIT]      = {"an exit",          false},
	[STRETCH_INTERRUPT] = {"an interrupt",     true},
	[STRETCH_CALL]      = {"a call",           true},
	[STRETCH_WORK]      = {"a step of work",   false},
	[STRETCH_CONSOLE]   = {"the console",      false},
	[STRETCH_COMMAND]   = {"a shell command",  false},
};
/* clang-format on */

struct stretch_part stretch_begin_part(struct stretches *stretches)
{
	struct stretch_part part = {read_tsc(), stretches->inner};

	stretches->inner = 0;
	return part;
}

void stretch_end_part(struct stretches *stretches, struct stretch_part part, enum stretch_cause cause,
                      const void *what)
{
	uint64_t ticks = read_tsc() - part.start, own = ticks - MIN(ticks, stretches->inner);

	stretches->inner = part.inner + MAX(ticks, 1);
	if (own >= stretches->largest.ticks)
		stretches->largest = (struct stretch_own){cause, own, what};
}

void stretch_close_noted(struct stretches *stretches, uint64_t now)
{
	uint64_t ticks = now - stretches->start;
	struct stretch_own most = {STRETCH_LOOP, ticks - MIN(ticks, stretches->inner), stretches->timer};

	if (stretches->largest.ticks >= most.ticks)
		most = stretches->largest;
	stretch_note(stretches, most.cause, most.what, ticks);
	stretches->inner = stretches->largest.ticks = 0;
}

struct stretch_record stretch_longest(enum stretch_cause cause, unsigned *cpu)
{
	struct stretch_record longest = {0};

	for (unsigned i = 0; i < cpu_count; i++) {
		const struct stretch_record *record = &cpu_get(i)->stretches.longest[cause];

		if (record->ticks > longest.ticks) {
			longest = *record;
			*cpu = i;
		}
	}
	return longest;
}

static const char *stretch_what(enum stretch_cause cause, const void *what)
{
	struct symbol symbol;

	if (what && stretch_causes[cause].function)
		return symbol_find((uint64_t)what, &symbol) ? symbol.name : "?";
	return what;
}

void stretch_describe(enum stretch_cause cause, const void *what, char *text, size_t size)
{
	const char *name = stretch_what(cause, what);

	format_buffer(text, size, "%s%s%s", stretch_causes[cause].name, name ? ", " : "", name ? name : "");
}

const char *stretch_describe_longest(char *text, size_t size)
{
	struct stretch_record longest = {0};
	enum stretch_cause by = STRETCH_LOOP;
	unsigned on = 0, cpu = 0;
	char what[STRETCH_TEXT_MAX];

	for (enum stretch_cause cause = 0; cause < STRETCH_CAUSES; cause++) {
		struct stretch_record record = stretch_longest(cause, &cpu);

		if (record.ticks > longest.ticks) {
			longest = record;
			by = cause;
			on = cpu;
		}
	}
	stretch_describe(by, longest.what, what, sizeof(what));
	format_buffer(text, size, "Interrupts waited for at most %lu ticks (%lu us), on processor %u: %s",
	              longest.ticks, time_ns_from_tsc(longest.ticks) / 1000, on, what);
	return text;
}

void stretch_log_longest(void)
{
	char text[STRETCH_TEXT_MAX * 2];

	log_info("%s\n", stretch_describe_longest(text, sizeof(text)));
}
