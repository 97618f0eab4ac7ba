# Nacre: `make help` lists the targets.

BUILD   := build
CONFIG  ?= guests/demo.conf
PYTHON  ?= python3
CC      := gcc
OBJCOPY := objcopy

.DEFAULT_GOAL := monitor
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- The monitor ---------------------------------------------------------------------------------

MONITOR_C := $(wildcard boot/*.c vmm/*.c vmm/vmx/*.c vmm/emulate/*.c mm/*.c \
	       devices/virtual/*.c devices/real/*.c guests/*.c lib/*.c)
MONITOR_S := $(wildcard boot/*.S vmm/*.S vmm/vmx/*.S lib/*.S)
MONITOR_O := $(MONITOR_C:%.c=$(BUILD)/monitor/%.o) $(MONITOR_S:%.S=$(BUILD)/monitor/%.o)

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef

# Retpolines for every indirect branch, and no red zone: see docs/mitigations.md.
MONITOR_FLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pie -mcmodel=kernel -mno-red-zone \
		 -mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables \
		 -fcf-protection=none -fno-strict-aliasing -fno-common -ffunction-sections \
		 -mindirect-branch=thunk-extern -mindirect-branch-register -fno-jump-tables \
		 $(WARNINGS) -I. -I$(BUILD)/generated

$(BUILD)/monitor/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(MONITOR_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/monitor/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(MONITOR_FLAGS) -MMD -MP -c -o $@ $<

MONITOR_LINK := $(CC) -nostdlib -static -no-pie -Wl,-T,linker.ld -Wl,-z,max-page-size=4096 \
		-Wl,--build-id=none -Wl,-z,noexecstack -Wl,--gc-sections

# Linked twice: the symbol table for backtraces is made from the first link and
# does not move any code, since it stands behind everything else.
$(BUILD)/nacre.elf: $(MONITOR_O) linker.ld boot/symbols.py
	@mkdir -p $(@D)
	$(PYTHON) boot/symbols.py > $(BUILD)/symbols0.S < /dev/null
	$(CC) -c -o $(BUILD)/symbols0.o $(BUILD)/symbols0.S
	$(MONITOR_LINK) -o $(BUILD)/nacre.pass1 $(MONITOR_O) $(BUILD)/symbols0.o
	nm -n $(BUILD)/nacre.pass1 | $(PYTHON) boot/symbols.py > $(BUILD)/symbols1.S
	$(CC) -c -o $(BUILD)/symbols1.o $(BUILD)/symbols1.S
	$(MONITOR_LINK) -o $@ $(MONITOR_O) $(BUILD)/symbols1.o

$(BUILD)/nacre: $(BUILD)/nacre.elf
	$(OBJCOPY) --strip-debug $< $@

.PHONY: monitor
monitor: $(BUILD)/nacre ## build the monitor: build/nacre

# ---- Host builds: unit tests, coverage ---------------------------------------------------------------

# The same sources as the monitor, less what cannot run in a process. Headers under
# tests/unit/fake stand in for the ones that execute privileged instructions.
HOST_SKIP := lib/string.c
HOST_C    := $(filter-out $(HOST_SKIP),$(MONITOR_C))
HOST_O    := $(HOST_C:%.c=$(BUILD)/host/%.o)
FAKE_C    := $(wildcard tests/unit/fake/*.c)
FAKE_O    := $(FAKE_C:%.c=$(BUILD)/host/%.o)

HOST_FLAGS := -std=gnu17 -O1 -g -fno-strict-aliasing -fno-builtin-panic $(WARNINGS) \
	      -fsanitize=address,undefined -fno-sanitize-recover=undefined --coverage \
	      -Itests/unit/fake -I. -I$(BUILD)/generated -DHOST_BUILD

$(BUILD)/host/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

# An archive, so that a test pulls in only what it names, and may bring its own
# definition of anything else.
$(BUILD)/host/libnacre.a: $(HOST_O)
	rm -f $@ && ar rcs $@ $^
$(BUILD)/host/libfake.a: $(FAKE_O)
	rm -f $@ && ar rcs $@ $^

UNIT_C := $(wildcard tests/unit/test_*.c)
UNIT   := $(UNIT_C:tests/unit/%.c=$(BUILD)/unit/%)

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/host/libnacre.a $(BUILD)/host/libfake.a
	@mkdir -p $(@D)
	$(CC) $(HOST_FLAGS) -MMD -MP -o $@ $< -Wl,--start-group $(BUILD)/host/libnacre.a \
		$(BUILD)/host/libfake.a -Wl,--end-group -lcmocka

.PHONY: unit
unit: $(UNIT) ## run the unit tests on the host
	@failed=0; for t in $(UNIT); do $$t || failed=1; done; exit $$failed

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
