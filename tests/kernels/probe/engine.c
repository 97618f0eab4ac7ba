/* SPDX-License-Identifier: MIT */
/*
 * The engine: run a row's snippet in each of its modes, and print what it did. That is the vector
 * that ended it, with error code and place. It is also each register and byte that differs from a
 * run of no instruction at all in that mode.
 */
#include "probe.h"

#define PIT_CONTROL        0x43
#define PIT_CHANNEL0       0x40
#define PIT_SOON           60 /* ticks of 0.84 us */
#define IRQ0_VECTOR        0x20
#define DR6_INITIAL        0xffff0ff0
#define DR7_INITIAL        0x400
#define DR7_GENERAL_DETECT 0x2000

extern uint64_t kernel_cr0, kernel_cr3, kernel_cr4, kernel_efer;

static volatile uint64_t *const before = (volatile uint64_t *)BEFORE;
static volatile uint64_t *const after = (volatile uint64_t *)AFTER;
static volatile bool running;

/* clang-format off */
static const struct mode_info {
	const char *name;
	uint16_t cs, ss, ds;
	uint8_t size; /* index into row->code */
} modes[MODES] = {
	{"l64.0", SEL_CODE64,      SEL_DATA,        SEL_DATA,        2},
	{"l64.3", SEL_USER_CODE64, SEL_USER_DATA,   SEL_USER_DATA,   2},
	{"c32.0", SEL_CODE32,      SEL_DATA,        SEL_DATA,        1},
	{"c32.3", SEL_USER_CODE32, SEL_USER_DATA,   SEL_USER_DATA,   1},
	{"c16.0", SEL_CODE16,      SEL_DATA16,      SEL_DATA16,      0},
	{"c16.3", SEL_USER_CODE16, SEL_USER_DATA16, SEL_USER_DATA16, 0},
	{"p32.0", SEL_CODE32,      SEL_DATA,        SEL_DATA,        1},
	{"p32.3", SEL_USER_CODE32, SEL_USER_DATA,   SEL_USER_DATA,   1},
	{"p16.0", SEL_CODE16,      SEL_DATA16,      SEL_DATA16,      0},
	{"p16.3", SEL_USER_CODE16, SEL_USER_DATA16, SEL_USER_DATA16, 0},
	{"real",  0,               0,               0,               0},
	{"v86",   0,               0,               0,               0},
};
/* clang-format on */

static const char *const names[R_COUNT] = {
	"ax",   "cx",  "dx",  "bx",   "sp",       "bp",        "si",       "di",        "r8",
	"r9",   "r10", "r11", "r12",  "r13",      "r14",       "r15",      "fl",        0,
	"cs",   "ss",  "ds",  "es",   "fs",       "gs",        0,          0,           "cr0",
	"cr2",  "cr3", "cr4", "efer", "gdt.base", "gdt.limit", "idt.base", "idt.limit", "tr",
	"ldtr", "cr8", "dr0", "dr6",  "dr7",      "xcr0",      "fs.base",  "gs.base",   "kernel.gs",
};

/* MSRs that a snippet may have changed. */
/* clang-format off */
static const struct {
	uint32_t index;
	uint64_t value;
} msrs[] = {
	{MSR_STAR,           (uint64_t)(SEL_USER_CODE32) << 48 | (uint64_t)SEL_CODE64 << 32},
	{MSR_LSTAR,          CODE_SYSCALL},
	{MSR_FMASK,          0x40},
	{MSR_FS_BASE,        0},
	{MSR_GS_BASE,        0},
	{MSR_KERNEL_GS_BASE, 0x1234},
	{MSR_SYSENTER_CS,    SEL_CODE32},
	{MSR_SYSENTER_ESP,   KERNEL_STACK},
	{MSR_SYSENTER_EIP,   CODE_SYSENTER},
};
/* clang-format on */

static bool has_xsave;

/* ---- What is found afterwards, in 64-bit mode ---- */

#define TAKE_CONTROL(number, name) after[number] = read_##name()

static uint64_t read_cr8(void)
{
	uint64_t value;

	__asm__ volatile("mov %%cr8, %0" : "=r"(value));
	return value;
}

static void take_debug_registers(void)
{
	uint64_t value;

	__asm__ volatile("mov %%dr6, %0" : "=r"(value));
	after[R_DR6] = value;
	__asm__ volatile("mov %%dr7, %0" : "=r"(value));
	after[R_DR7] = value;
	__asm__ volatile("mov %%dr0, %0" : "=r"(value));
	after[R_DR0] = value;
}

static uint64_t read_xcr0(void)
{
	uint64_t low, high;

	if (!has_xsave)
		return 0;
	write_cr4(read_cr4() | CR4_OSXSAVE);
	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return high << 32 | low;
}

/* What no mode changes on the way here. */
static void take_common(void)
{
	TAKE_CONTROL(R_CR2, cr2);
	TAKE_CONTROL(R_CR8, cr8);
	take_debug_registers();
	after[R_XCR0] = read_xcr0();
	after[R_KERNEL_GS] = read_msr(MSR_KERNEL_GS_BASE);
}

struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
};

static void take_long(void)
{
	struct table_pointer gdt, idt;
	uint16_t tr, ldtr;

	TAKE_CONTROL(R_CR0, cr0);
	TAKE_CONTROL(R_CR3, cr3);
	TAKE_CONTROL(R_CR4, cr4);
	after[R_EFER] = read_msr(MSR_EFER);
	after[R_FS_BASE] = read_msr(MSR_FS_BASE);
	after[R_GS_BASE] = read_msr(MSR_GS_BASE);
	__asm__ volatile("sgdt %0; sidt %1; str %2; sldt %3" : "=m"(gdt), "=m"(idt), "=m"(tr), "=m"(ldtr));
	after[R_GDT_BASE] = gdt.base;
	after[R_GDT_LIMIT] = gdt.limit;
	after[R_IDT_BASE] = idt.base;
	after[R_IDT_LIMIT] = idt.limit;
	after[R_TR] = tr;
	after[R_LDTR] = ldtr;
	__asm__ volatile("mov %%ds, %0" : "=r"(after[R_DS]));
	__asm__ volatile("mov %%es, %0" : "=r"(after[R_ES]));
	__asm__ volatile("mov %%fs, %0" : "=r"(after[R_FS]));
	__asm__ volatile("mov %%gs, %0" : "=r"(after[R_GS]));
}

static void on_vector(struct frame *frame)
{
	const uint64_t gprs[16] = {frame->rax, frame->rcx, frame->rdx, frame->rbx, frame->rsp, frame->rbp,
	                           frame->rsi, frame->rdi, frame->r8,  frame->r9,  frame->r10, frame->r11,
	                           frame->r12, frame->r13, frame->r14, frame->r15};

	if (!running) {
		if (frame->vector == EXCEPTION_DB)
			return; /* DR7.GD, which the exception has cleared */
		print("unexpected vector %u error %x rip %x\n", frame->vector, frame->error_code, frame->rip);
		power_off();
	}
	running = false;
	__asm__ volatile("cld");
	for (unsigned i = 0; i < 16; i++)
		after[i] = gprs[i];
	after[R_FLAGS] = frame->rflags;
	after[R_IP] = frame->rip;
	after[R_CS] = frame->cs;
	after[R_SS] = frame->ss;
	after[R_VECTOR] = frame->vector;
	after[R_ERROR] = frame->error_code;
	take_long();
	leave();
}

static bool has_error_code(uint64_t vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

/*
 * The stack as legacy_common found it: EAX, DS, vector, [error code], EIP, CS, EFLAGS, [ESP, SS,
 * [ES, DS, FS, GS]].
 */
static void decode_frame(void)
{
	volatile uint64_t *word = after + R_FRAME;
	uint64_t esp = after[4] + 12;

	after[0] = word[0];
	after[R_DS] = word[1] & 0xffff;
	after[R_VECTOR] = word[2];
	word += 3;
	after[R_ERROR] = 0;
	if (has_error_code(after[R_VECTOR])) {
		after[R_ERROR] = *word++;
		esp += 4;
	}
	after[R_IP] = word[0];
	after[R_CS] = word[1] & 0xffff;
	after[R_FLAGS] = word[2];
	after[4] = esp + 12;
	if (!(word[2] & RFLAGS_VM) && !(word[1] & 3))
		return;
	after[4] = word[3];
	after[R_SS] = word[4] & 0xffff;
	if (word[2] & RFLAGS_VM) {
		after[R_ES] = word[5] & 0xffff;
		after[R_DS] = word[6] & 0xffff;
		after[R_FS] = word[7] & 0xffff;
		after[R_GS] = word[8] & 0xffff;
	}
}

/* ---- One run ---- */

static void load_msrs(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		write_msr(msrs[i].index, msrs[i].value);
}

static void restore(void)
{
	write_cr0(kernel_cr0);
	write_cr4(kernel_cr4);
	write_cr3(kernel_cr3);
	write_msr(MSR_EFER, kernel_efer);
	load_msrs();
	__asm__ volatile("mov %0, %%dr7; mov %1, %%dr6; mov %2, %%dr0; mov %2, %%cr8; mov %2, %%cr2"
	                 :
	                 : "r"((uint64_t)DR7_INITIAL), "r"((uint64_t)DR6_INITIAL), "r"(0UL));
	if (has_xsave) {
		write_cr4(kernel_cr4 | CR4_OSXSAVE);
		__asm__ volatile("xsetbv" : : "a"(1), "d"(0), "c"(0));
		write_cr4(kernel_cr4);
	}
	tables_load();
	out8(0x21, 0xff);
}

static void start_timer(void)
{
	pic_init();
	pic_unmask(0);
	out8(PIT_CONTROL, 0x30);
	out8(PIT_CHANNEL0, PIT_SOON);
	out8(PIT_CHANNEL0, 0);
}

static void set_up(const struct row *row, bool empty)
{
	if (row->setup == SETUP_LDT)
		__asm__ volatile("lldt %w0" : : "r"(SEL_LDT));
	if (empty)
		return;
	if (row->setup == SETUP_TIMER)
		start_timer();
	if (row->setup == SETUP_GD)
		__asm__ volatile("mov %0, %%dr7" : : "r"((uint64_t)DR7_INITIAL | DR7_GENERAL_DETECT));
}

static void load_before(const struct row *row, unsigned number)
{
	const struct mode_info *mode = &modes[number];

	for (unsigned i = 8; i < 16; i++)
		before[i] = 0x1111111111111111 * i;
	before[0] = row->ax;
	before[1] = row->cx;
	before[2] = row->dx;
	before[3] = DATA;
	before[4] = BIT(number) & USER ? USER_STACK : KERNEL_STACK;
	before[5] = 0x5555;
	before[6] = DATA + 0x10;
	before[7] = DATA + 0x80;
	before[R_FLAGS] = row->flags | RFLAGS_RESERVED;
	before[R_IP] = CODE;
	before[R_CS] = mode->cs;
	before[R_SS] = mode->ss;
	for (unsigned i = R_DS; i <= R_GS; i++)
		before[i] = mode->ds;
	before[R_CR0] = (kernel_cr0 & ~CR0_PG) | row->cr0;
	before[R_CR4] = kernel_cr4 | row->cr4;
	before[R_EFER] = kernel_efer & ~(EFER_LME | EFER_LMA);
	if (BIT(number) == REAL)
		before[R_CR0] &= ~CR0_PE;
	if (BIT(number) == V86)
		before[R_FLAGS] |= RFLAGS_VM;
}

static void run(const struct row *row, unsigned number, bool empty)
{
	unsigned size = modes[number].size;
	const uint8_t *from = row->code[size][0];

	tables_reset((enum mode)BIT(number));
	for (unsigned i = 0; from + i < row->code[size][1] && !empty; i++)
		((volatile uint8_t *)CODE)[i] = from[i];
	load_before(row, number);
	set_up(row, empty);
	for (unsigned i = 0; i < R_COUNT; i++)
		after[i] = 0;
	if (BIT(number) & LONG) {
		write_cr0(kernel_cr0 | row->cr0);
		write_cr4(kernel_cr4 | row->cr4);
		running = true;
		enter_long();
	} else {
		enter_legacy();
		if (BIT(number) != REAL)
			decode_frame();
	}
	take_common();
	restore();
	if (after[R_VECTOR] == IRQ0_VECTOR)
		pic_end(0);
}

/* ---- What is printed ---- */

#define RESULT_MAX 400

/* A result as text. */
struct result {
	char text[RESULT_MAX];
	unsigned length;
};
static struct result results[MODES];

static void add_text(struct result *result, const char *text)
{
	while (*text && result->length < RESULT_MAX - 1)
		result->text[result->length++] = *text++;
	result->text[result->length] = '\0';
}

static void add_number(struct result *result, const char *before_it, uint64_t value, unsigned digits)
{
	char text[17] = {0};

	add_text(result, before_it);
	while (digits < 16 && value >> 4 * digits)
		digits++;
	for (unsigned i = 0; i < digits; i++)
		text[i] = "0123456789abcdef"[value >> 4 * (digits - 1 - i) & 15];
	add_text(result, text);
}

static void add_data(struct result *result, const uint8_t *old)
{
	const volatile uint8_t *now = (const volatile uint8_t *)DATA;
	unsigned first = 0, end = sizeof(data_initial);

	while (first < end && now[first] == old[first])
		first++;
	while (end > first && now[end - 1] == old[end - 1])
		end--;
	if (first == end)
		return;
	add_number(result, " m", first, 1);
	add_text(result, "=");
	for (unsigned i = first; i < end; i++)
		add_number(result, "", now[i], 2);
}

/* What no instruction at all leaves behind in a mode, and for which setup that is. */
static struct baseline {
	uint64_t flags, cr0, cr4;
	enum setup setup;
	bool known;
	uint64_t registers[R_COUNT];
	uint8_t data[sizeof(data_initial)];
} baselines[MODES];

static const struct baseline *baseline(const struct row *row, unsigned number)
{
	struct baseline *b = &baselines[number];

	if (!b->known || b->flags != row->flags || b->cr0 != row->cr0 || b->cr4 != row->cr4 ||
	    b->setup != row->setup) {
		run(row, number, true);
		b->flags = row->flags;
		b->cr0 = row->cr0;
		b->cr4 = row->cr4;
		b->setup = row->setup;
		b->known = true;
		for (unsigned i = 0; i < R_COUNT; i++)
			b->registers[i] = after[i];
		for (unsigned i = 0; i < sizeof(b->data); i++)
			b->data[i] = ((volatile uint8_t *)DATA)[i];
	}
	b->registers[0] = row->ax;
	b->registers[1] = row->cx;
	b->registers[2] = row->dx;
	return b;
}

static void try_mode(const struct row *row, unsigned number, struct result *result)
{
	const struct baseline *old = baseline(row, number);
	const uint8_t *const *code = row->code[modes[number].size];

	run(row, number, false);
	result->length = 0;
	if (after[R_VECTOR] == EXCEPTION_BP && after[R_IP] == CODE + 1 + (uint64_t)(code[1] - code[0])) {
		add_text(result, "done");
	} else {
		add_number(result, "v", after[R_VECTOR], 1);
		add_number(result, " e", after[R_ERROR], 1);
		add_number(result, " +", after[R_IP] - CODE, 1);
	}
	if (row->any)
		return;
	for (unsigned i = 0; i < R_COUNT; i++) {
		if (names[i] && old->registers[i] != after[i]) {
			add_text(result, " ");
			add_text(result, names[i]);
			add_number(result, "=", after[i], 1);
		}
	}
	add_data(result, old->data);
}

static bool equal(const struct result *a, const struct result *b)
{
	unsigned i = 0;

	while (a->text[i] && a->text[i] == b->text[i])
		i++;
	return a->text[i] == b->text[i];
}

/* One line for all modes with the same result, which come first as a bit mask. */
void engine_try(const struct row *row)
{
	uint32_t left = row->modes;

	for (unsigned i = 0; i < MODES; i++)
		if (row->modes & BIT(i))
			try_mode(row, i, &results[i]);
	for (unsigned i = 0; i < MODES; i++) {
		uint32_t same = 0;

		for (unsigned j = i; j < MODES && left & BIT(i); j++)
			if (left & BIT(j) && equal(&results[i], &results[j]))
				same |= BIT(j);
		if (same)
			print("probe %s %x %s\n", row->name, (uint64_t)same, results[i].text);
		left &= ~same;
	}
}

void engine_init(void)
{
	kernel_cr0 = read_cr0() & ~(CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_CD | CR0_NW);
	kernel_cr3 = read_cr3();
	kernel_cr4 = read_cr4();
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE | EFER_NXE);
	kernel_efer = read_msr(MSR_EFER);
	has_xsave = cpuid(1, 0).ecx & BIT(26);
	write_cr0(kernel_cr0);
	__asm__ volatile("fninit"); /* not what the loader left */
	for (unsigned i = 0; i < 256; i++)
		set_handler(i, on_vector);
	tables_init();
	tables_reset(L64_0);
	restore();
}
