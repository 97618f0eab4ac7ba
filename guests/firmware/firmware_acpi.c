/* SPDX-License-Identifier: MIT */
#include "guests/firmware/firmware_acpi.h"
#include "devices/pc/acpi_pm.h"
#include "devices/pc/hpet.h"
#include "dsdt.h" /* made from dsdt.asl */
#include "lib/errors.h"
#include "lib/string.h"

struct packed acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem_id[6], oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
};

/* "Generic Address Structure" */
struct packed acpi_address {
	uint8_t space, bits, offset, access;
	uint64_t address;
};

#define SPACE_MEMORY 0
#define SPACE_IO     1
#define ACCESS_BYTE  1
#define ACCESS_WORD  2
#define ACCESS_DWORD 3

/* "Root System Description Pointer" */
struct packed acpi_rsdp {
	char signature[8];
	uint8_t checksum; /* of the first 20 bytes */
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
};

/* "Fixed ACPI Description Table", revision 5 */
struct packed acpi_fadt {
	struct acpi_header header;
	uint32_t firmware_ctrl, dsdt;
	uint8_t reserved0, preferred_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len, gpe1_base, cst_cnt;
	uint16_t p_lvl2_lat, p_lvl3_lat, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_architecture;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_address reset_register;
	uint8_t reset_value;
	uint16_t arm_boot_architecture;
	uint8_t minor_revision;
	uint64_t x_firmware_ctrl, x_dsdt;
	struct acpi_address x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr, x_gpe0,
		x_gpe1;
	struct acpi_address sleep_control, sleep_status;
};

/* "Firmware ACPI Control Structure" */
struct packed acpi_facs {
	char signature[4];
	uint32_t length, hardware_signature, waking_vector, global_lock, flags;
	uint64_t x_waking_vector;
	uint8_t version;
	uint8_t reserved[31];
};

_Static_assert(sizeof(struct acpi_rsdp) == 36 && sizeof(struct acpi_fadt) == 268, "ACPI");
_Static_assert(offsetof(struct acpi_fadt, flags) == 112 && offsetof(struct acpi_fadt, x_pm_tmr) == 208,
               "ACPI");
_Static_assert(sizeof(struct acpi_facs) == ACPI_FACS_SIZE, "ACPI");

/* FADT flags */
#define FADT_WBINVD        BIT(0)
#define FADT_PROC_C1       BIT(2) /* HLT */
#define FADT_SLP_BUTTON    BIT(5) /* not in the fixed registers: there is none */
#define FADT_FIX_RTC       BIT(6) /* the RTC's wake status is not in the fixed registers */
#define FADT_TMR_VAL_EXT   BIT(8)
#define FADT_RESET_REG_SUP BIT(10)

/* "IA-PC Boot Architecture Flags" */
#define BOOT_LEGACY_DEVICES BIT(0)
#define BOOT_8042           BIT(1)
#define BOOT_NO_VGA         BIT(2)
#define BOOT_NO_MSI         BIT(3)
#define BOOT_NO_ASPM        BIT(4)

#define LISTED_MAX    3 /* tables that the root tables list: FADT, SSDT, HPET */
#define RESET_PORT    0xcf9
#define RESET_FULL    0x06
#define LATENCY_NO_C2 0xfff /* above 100 us: the state does not exist */
#define LATENCY_NO_C3 0xfff /* above 1000 us */
#define CMOS_CENTURY  0x32

struct writer {
	const struct guest_map *map;
	gpa_t at, limit;
};

static uint8_t acpi_checksum(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	while (size--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

/* Put `size` bytes at the next multiple of 16; `*gpa` becomes their address. */
static int acpi_place(struct writer *writer, const void *data, size_t size, gpa_t *gpa)
{
	*gpa = ALIGN_UP(writer->at, 16);
	if (*gpa + size > writer->limit)
		return -ERR_NO_MEMORY;
	writer->at = *gpa + size;
	return guest_load(writer->map, *gpa, data, size);
}

/* Complete the header of the table at `table` and place it. */
static int acpi_place_table(struct writer *writer, void *table, const char *signature, uint8_t revision,
                            size_t size, gpa_t *gpa)
{
	struct acpi_header *header = table;

	*header = (struct acpi_header){
		.length = (uint32_t)size,
		.revision = revision,
		.oem_id = "NACRE ",
		.oem_table_id = "NACREPC ",
		.oem_revision = 1,
		.creator_id = "NACR",
		.creator_revision = 1,
	};
	memcpy(header->signature, signature, sizeof(header->signature));
	header->checksum = acpi_checksum(table, size);
	return acpi_place(writer, table, size, gpa);
}

/* "NameOp NameString ByteConst" in AML: Name (\NAME, value) */
struct packed acpi_aml_name {
	uint8_t name_op, root;
	char name[4];
	uint8_t byte_prefix, value;
};

static struct acpi_aml_name acpi_aml_name(const char *text, uint8_t value)
{
	struct acpi_aml_name name = {.name_op = 0x08, .root = '\\', .byte_prefix = 0x0a, .value = value};

	memcpy(name.name, text, sizeof(name.name));
	return name;
}

/*
 * What the DSDT asks for: \UCNT, the serial ports, and whether there are an HPET (\HPTP) and a
 * keyboard (\KBDP).
 */
static int acpi_place_ssdt(struct writer *writer, const struct machine_config *machine, gpa_t *gpa)
{
	struct packed {
		struct acpi_header header;
		struct acpi_aml_name uarts, hpet, keyboard;
	} ssdt = {
		.uarts = acpi_aml_name("UCNT", machine->uarts),
		.hpet = acpi_aml_name("HPTP", machine->hpet),
		.keyboard = acpi_aml_name("KBDP", machine->screen),
	};

	return acpi_place_table(writer, &ssdt, "SSDT", 2, sizeof(ssdt), gpa);
}

static struct acpi_address acpi_io_register(uint16_t port, uint8_t bits, uint8_t access)
{
	return (struct acpi_address){SPACE_IO, bits, 0, access, port};
}

static int acpi_place_fadt(struct writer *writer, gpa_t dsdt, gpa_t facs, bool screen, gpa_t *gpa)
{
	struct acpi_fadt fadt = {
		.firmware_ctrl = (uint32_t)facs,
		.dsdt = (uint32_t)dsdt,
		.sci_int = ACPI_SCI_IRQ,
		.pm1a_evt = ACPI_PM1A_EVT_PORT,
		.pm1a_cnt = ACPI_PM1A_CNT_PORT,
		.pm_tmr = ACPI_PM_TMR_PORT,
		.pm1_evt_len = 4,
		.pm1_cnt_len = 2,
		.pm_tmr_len = 4,
		.p_lvl2_lat = LATENCY_NO_C2,
		.p_lvl3_lat = LATENCY_NO_C3,
		.century = CMOS_CENTURY,
		.boot_architecture = BOOT_LEGACY_DEVICES | BOOT_8042 | (screen ? 0 : BOOT_NO_VGA) |
	                             BOOT_NO_MSI | BOOT_NO_ASPM,
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_TMR_VAL_EXT |
	                 FADT_RESET_REG_SUP,
		.reset_register = acpi_io_register(RESET_PORT, 8, ACCESS_BYTE),
		.reset_value = RESET_FULL,
		.minor_revision = 1,
		.x_dsdt = dsdt,
		.x_pm1a_evt = acpi_io_register(ACPI_PM1A_EVT_PORT, 32, ACCESS_WORD),
		.x_pm1a_cnt = acpi_io_register(ACPI_PM1A_CNT_PORT, 16, ACCESS_WORD),
		.x_pm_tmr = acpi_io_register(ACPI_PM_TMR_PORT, 32, ACCESS_DWORD),
	};

	return acpi_place_table(writer, &fadt, "FACP", 5, sizeof(fadt), gpa);
}

/* IA-PC HPET specification, "The ACPI 2.0 HPET Description Table (HPET)" */
static int acpi_place_hpet(struct writer *writer, gpa_t *gpa)
{
	struct packed {
		struct acpi_header header;
		uint32_t event_timer_block_id;
		struct acpi_address base;
		uint8_t number;
		uint16_t minimum_tick;
		uint8_t page_protection;
	} hpet = {
		.event_timer_block_id = HPET_ID,
		.base = {.space = SPACE_MEMORY, .bits = 64, .address = HPET_BASE},
		.minimum_tick = HPET_MIN_INTERVAL,
		.page_protection = 1, /* nothing else in its 4 KiB */
	};

	return acpi_place_table(writer, &hpet, "HPET", 1, sizeof(hpet), gpa);
}

/* RSDT and XSDT list the same tables, with 32 and 64 bits an address. */
static int acpi_place_roots(struct writer *writer, const gpa_t *tables, unsigned count, gpa_t *rsdt_gpa,
                            gpa_t *xsdt_gpa)
{
	struct packed {
		struct acpi_header header;
		uint32_t tables[LISTED_MAX];
	} rsdt = {0};
	struct packed {
		struct acpi_header header;
		uint64_t tables[LISTED_MAX];
	} xsdt = {0};
	int error;

	for (unsigned i = 0; i < count; i++) {
		rsdt.tables[i] = (uint32_t)tables[i];
		xsdt.tables[i] = tables[i];
	}
	error = acpi_place_table(writer, &rsdt, "RSDT", 1, sizeof(rsdt.header) + count * sizeof(uint32_t),
	                         rsdt_gpa);
	if (error)
		return error;
	return acpi_place_table(writer, &xsdt, "XSDT", 1, sizeof(xsdt.header) + count * sizeof(uint64_t),
	                        xsdt_gpa);
}

static int acpi_write_rsdp(const struct guest_map *map, gpa_t rsdt, gpa_t xsdt, gpa_t gpa)
{
	struct acpi_rsdp rsdp = {
		.signature = "RSD PTR ",
		.oem_id = "NACRE ",
		.revision = 2,
		.rsdt = (uint32_t)rsdt,
		.length = sizeof(rsdp),
		.xsdt = xsdt,
	};

	rsdp.checksum = acpi_checksum(&rsdp, 20);
	rsdp.extended_checksum = acpi_checksum(&rsdp, sizeof(rsdp));
	return guest_load(map, gpa, &rsdp, sizeof(rsdp));
}

int firmware_acpi_load(const struct guest_map *map, gpa_t *at, gpa_t limit, gpa_t facs,
                       const struct machine_config *machine, gpa_t *rsdp)
{
	const struct acpi_facs facs_table = {.signature = "FACS", .length = sizeof(facs_table), .version = 1};
	/* The root pointer comes first, where firmware_rsdp() says, though it is known last. */
	gpa_t root = ALIGN_UP(*at, 16);
	struct writer writer = {map, root + sizeof(struct acpi_rsdp), limit};
	gpa_t dsdt, rsdt, xsdt, listed[LISTED_MAX];
	unsigned count = 2;
	int error = guest_load(map, facs, &facs_table, sizeof(facs_table));

	if (!error)
		error = acpi_place(&writer, dsdt_aml_code, sizeof(dsdt_aml_code), &dsdt);
	if (!error)
		error = acpi_place_ssdt(&writer, machine, &listed[1]);
	if (!error)
		error = acpi_place_fadt(&writer, dsdt, facs, machine->screen, &listed[0]);
	if (!error && machine->hpet)
		error = acpi_place_hpet(&writer, &listed[count++]);
	if (!error)
		error = acpi_place_roots(&writer, listed, count, &rsdt, &xsdt);
	if (!error)
		error = acpi_write_rsdp(map, rsdt, xsdt, root);
	*rsdp = root;
	*at = writer.at;
	return error;
}
