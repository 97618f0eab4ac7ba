/* SPDX-License-Identifier: MIT */
/* What the loaders share: one image on its way into one guest. Used by guests/ alone. */
#ifndef GUESTS_LOADERS_LOADING_H
#define GUESTS_LOADERS_LOADING_H

#include "guests/loaders/budget.h"
#include "guests/loaders/loader.h"
#include "lib/errors.h"

/* [start, end) of guest-physical memory. */
struct extent {
	gpa_t start, end;
};

struct loading {
	const struct guest_image *image;
	const struct guest_config *config; /* the image's */
	const struct machine_config *machine;
	struct vcpu_start *start;
	struct budget budget;
	unsigned copies;   /* that were deferred */
	bool entry_32;     /* the operator asked for the 32-bit entry */
	gpa_t rsdp;        /* of the ACPI tables; 0: none */
	gpa_t initrd;      /* 0: none */
	struct extent low; /* around what the image takes below 1 MiB */
	gpa_t handover;    /* how far what is handed over has moved out of its way */
	size_t header;     /* where the format's `fit` has found the kernel's header */
	char *problem;
	size_t problem_size;
};

/* Write the sentence, unless there is an earlier one, and return -error. */
int loading_fail(struct loading *loading, enum error error, const char *format, ...) printf_like(3, 4);

/*
 * Copy into the guest; a hole is an error with its sentence. A large copy is done later, after all
 * others, so nothing else may go to the same place; a small one is done at once.
 */
int must_check loading_copy(struct loading *loading, gpa_t gpa, const void *data, size_t size);

/* Zero [gpa, gpa + size). */
int must_check loading_zero(struct loading *loading, gpa_t gpa, uint64_t size);

/* Where this image finds what is usually handed over at `usual`. */
static inline gpa_t loading_handover(const struct loading *loading, gpa_t usual)
{
	return usual + loading->handover;
}

/*
 * Place the command line at `at`, in GUEST_CMDLINE_SIZE bytes; `limit` is the longest that the
 * kernel takes, without its NUL.
 */
int must_check loading_cmdline(struct loading *loading, gpa_t at, uint64_t limit);

/*
 * Place the initrd, if there is one, as high as possible in [from, limit) and below 3 GiB,
 * page-aligned, and note its address in loading->initrd.
 */
int must_check loading_initrd(struct loading *loading, gpa_t from, gpa_t limit);

/* Selectors in the table that loading_gdt() writes. They are Linux's __BOOT_CS and __BOOT_DS. */
#define GDT_CODE 0x10
#define GDT_DATA 0x18
#define GDT_TSS  0x20

/* Write the flat descriptor table to `at` and fill the start's gdt, selectors and stack. */
int must_check loading_gdt(struct loading *loading, gpa_t at, bool long_mode);

/* How well a loader and an image fit. */
enum fit {
	FIT_NO,
	FIT_ON_REQUEST, /* nothing speaks against it, if the operator says so */
	FIT_PERHAPS,    /* if no other loader is sure */
	FIT_SURE,
};

/* One image format. */
struct loader {
	enum config_type type;
	const char *name; /* as a message has it after "no " */
	bool entry_32;
	bool takes_modules;
	enum fit (*fit)(struct loading *loading);
	int (*load)(struct loading *loading);
};

#endif
