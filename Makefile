# SPDX-License-Identifier: MIT
# Nacre: `make help` lists the targets.

BUILD   := build
CONFIG  ?= guests/demo.conf
MACHINE ?= auto
MODEL   ?= corei7_skylake_x
MEMORY  ?= 1024
CPUS    ?= 2
MENU    ?= 3
PYTHON  ?= python3
CC      := gcc
OBJCOPY := objcopy

.DEFAULT_GOAL := monitor
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# ---- Debian packages ------------------------------------------------------------------------------
# make deps, run and test install; any other target names what is missing of what it needs itself.

PACKAGES_build    := binutils python3 acpica-tools
PACKAGES_iso      := python3 grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools
PACKAGES_guests   := python3 lz4 zstd libc6-dev
PACKAGES_host     := $(PACKAGES_build) libc6-dev
PACKAGES_unit     := $(PACKAGES_host) libcmocka-dev
PACKAGES_fuzz     := $(PACKAGES_host) clang libclang-rt-dev llvm
PACKAGES_coverage := $(PACKAGES_unit) lcov
PACKAGES_format   := clang-format
PACKAGES_lint     := $(PACKAGES_build) libc6-dev libcmocka-dev clang-format clang-tidy cppcheck
PACKAGES_bochs    := python3 bochs bochsbios vgabios
PACKAGES_qemu     := python3 qemu-system-x86 ovmf
PACKAGES_auto     := $(PACKAGES_bochs) $(if $(wildcard /dev/kvm),$(PACKAGES_qemu))
PACKAGES_machines := $(PACKAGES_bochs) $(PACKAGES_qemu)
PACKAGES_bench    := $(PACKAGES_bochs)
PACKAGES_gdb      := gdb $(PACKAGES_$(MACHINE))
PACKAGES_bare     := python3 debootstrap git
PACKAGES_run      := $(sort $(PACKAGES_iso) $(PACKAGES_guests) $(PACKAGES_host) $(PACKAGES_$(MACHINE)))
PACKAGES_test     := $(sort $(PACKAGES_build) $(PACKAGES_iso) $(PACKAGES_guests) $(PACKAGES_unit) \
		       $(PACKAGES_fuzz) $(PACKAGES_lint) $(PACKAGES_machines) $(PACKAGES_gdb))

KINDS := $(patsubst PACKAGES_%,%,$(filter PACKAGES_%,$(.VARIABLES)))
NEEDS := $(KINDS:%=need-%)
.PHONY: deps $(NEEDS)
$(NEEDS): need-%:
	@sh tools/install.sh --check $(PACKAGES_$*)

deps: ## install the Debian packages that any target needs
	@sh tools/install.sh $(sort $(foreach kind,$(KINDS),$(PACKAGES_$(kind))))

.PHONY: help
help: ## this list
	@echo "Nacre, a type-1 hypervisor for x86-64. Targets:"
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /  \1	/p' Makefile | sort | expand -t 16
	@echo "CONFIG=FILE chooses the guests (default $(CONFIG)), for run, iso and check-config."
	@echo "MACHINE=bochs|qemu, MODEL=, MEMORY= (MiB) and CPUS= choose the machine of run."
	@echo "MENU= is how many seconds the boot menu of iso waits (default $(MENU))."

# ---- The monitor ---------------------------------------------------------------------------------

# The rooms of the house: docs/architecture.md says what each holds.
ROOMS := boot lib mm vmm $(addprefix vmm/,cpu vm x86 emulate vmx observe console shell) \
	 $(addprefix devices/,bus pc machine real) guests $(addprefix guests/,config loaders firmware)

MONITOR_C := $(wildcard $(ROOMS:%=%/*.c))
MONITOR_S := $(wildcard $(ROOMS:%=%/*.S))
MONITOR_O := $(MONITOR_C:%.c=$(BUILD)/monitor/%.o) $(MONITOR_S:%=$(BUILD)/monitor/%.o)

WARNINGS := -Wall -Wextra -Wno-unused-parameter -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	    -Wvla -Wundef

# Retpolines for every indirect branch, and no red zone: see docs/mitigations.md.
MONITOR_FLAGS := -std=gnu17 -O2 -g -ffreestanding -fno-pie -mcmodel=kernel -mno-red-zone \
		 -mgeneral-regs-only -mpreferred-stack-boundary=3 -fno-stack-protector -fno-asynchronous-unwind-tables \
		 -fcf-protection=none -fno-strict-aliasing -fno-common -ffunction-sections \
		 -mindirect-branch=thunk-extern -mindirect-branch-register -fno-jump-tables \
		 $(WARNINGS) -I. -I$(BUILD)/generated

$(BUILD)/monitor/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(MONITOR_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/monitor/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(MONITOR_FLAGS) -MMD -MP -c -o $@ $<

# The guests' DSDT as an array of bytes, dsdt_aml_code.
GENERATED := $(BUILD)/generated/dsdt.h

$(BUILD)/generated/dsdt.h: guests/firmware/dsdt.asl | need-build
	@mkdir -p $(@D)
	iasl -vs -tc -p $(@:.h=) $< > $(@:.h=.log) || { cat $(@:.h=.log); exit 1; }
	@mv $(@:.h=.hex) $@

$(MONITOR_O): | $(GENERATED)

MONITOR_LINK := $(CC) -nostdlib -static -no-pie -Wl,-T,linker.ld -Wl,-z,max-page-size=4096 \
		-Wl,--build-id=none -Wl,-z,noexecstack -Wl,--gc-sections

# Linked twice: the symbol table for backtraces is made from the first link and
# does not move any code, since it stands behind everything else.
$(BUILD)/nacre.elf: $(MONITOR_O) linker.ld tools/symbols.py | need-build
	@mkdir -p $(@D)
	$(PYTHON) tools/symbols.py > $(BUILD)/symbols0.S < /dev/null
	$(CC) -c -o $(BUILD)/symbols0.o $(BUILD)/symbols0.S
	$(MONITOR_LINK) -o $(BUILD)/nacre.pass1 $(MONITOR_O) $(BUILD)/symbols0.o
	nm -n $(BUILD)/nacre.pass1 | $(PYTHON) tools/symbols.py > $(BUILD)/symbols1.S
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
	      -Itests/unit/fake -Itests/unit -I. -I$(BUILD)/generated -DHOST_BUILD

$(BUILD)/host/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(HOST_FLAGS) -MMD -MP -c -o $@ $<

$(HOST_O): | $(GENERATED)

# An archive, so that a test pulls in only what it names, and may bring its own
# definition of anything else. The stand-ins come first, that of panic() in any case.
$(BUILD)/host/libnacre.a: $(HOST_O)
	rm -f $@ && ar rcs $@ $^
$(BUILD)/host/libfake.a: $(FAKE_O)
	rm -f $@ && ar rcs $@ $^

UNIT_C := $(wildcard $(foreach room,$(ROOMS) tools,tests/unit/$(room)/test_*.c))
UNIT   := $(UNIT_C:tests/unit/%.c=$(BUILD)/unit/%)

$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/host/libnacre.a $(BUILD)/host/libfake.a | need-unit
	@mkdir -p $(@D)
	$(CC) $(HOST_FLAGS) -MMD -MP -o $@ $< -Wl,-u,panic -Wl,--start-group $(BUILD)/host/libfake.a \
		$(BUILD)/host/libnacre.a -Wl,--end-group -lcmocka

.PHONY: unit unit-build
unit-build: $(UNIT)
unit: $(UNIT) ## run the unit tests on the host
	@failed=0; for t in $(UNIT); do $$t || failed=1; done; exit $$failed

COVERED := vmm mm devices guests

.PHONY: coverage
coverage: $(UNIT) | need-coverage ## line coverage of the unit tests, by directory; HTML in build/coverage
	@find $(BUILD)/host $(BUILD)/unit -name '*.gcda' -delete; rm -f $(BUILD)/coverage.log
	@for t in $(UNIT); do echo "  $$t"; $$t >> $(BUILD)/coverage.log 2>&1 || echo "  FAILED: $$t"; done
	@lcov -q -c -i -d $(BUILD)/host -o $(BUILD)/coverage.base 2>> $(BUILD)/coverage.log
	@lcov -q -c -d $(BUILD)/host -o $(BUILD)/coverage.tests 2>> $(BUILD)/coverage.log
	@lcov -q -a $(BUILD)/coverage.base -a $(BUILD)/coverage.tests -o $(BUILD)/coverage.info
	@$(PYTHON) tests/harness/coverage.py $(BUILD)/coverage.info $(COVERED)
	@genhtml -q -o $(BUILD)/coverage $(BUILD)/coverage.info

# ---- Fuzzing: the host build again, by clang with libFuzzer ------------------------------------------

FUZZ_SECONDS ?= 60
FUZZ_C     := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ       := $(FUZZ_C:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_O     := $(FAKE_C:%.c=$(BUILD)/clang/%.o) $(HOST_C:%.c=$(BUILD)/clang/%.o)
FUZZ_FLAGS := -std=gnu17 -O1 -g -fno-strict-aliasing -w -Itests/unit/fake -Itests/unit -I. -I$(BUILD)/generated \
	      -DHOST_BUILD -fno-sanitize-recover=undefined

$(BUILD)/clang/%.o: %.c $(GENERATED) | need-fuzz
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -fprofile-instr-generate -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c -o $@ $<

$(BUILD)/clang/libnacre.a: $(FUZZ_O) # the stand-ins first: the linker takes the first that fits
	rm -f $@ && ar rcs $@ $^

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/clang/libnacre.a $(wildcard tests/fuzz/*.h)
	@mkdir -p $(@D)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer,address,undefined -o $@ $(filter-out %.h,$^)

.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ)
fuzz: $(FUZZ) ## run each fuzz target for FUZZ_SECONDS (60)
	@for f in $(FUZZ); do sh tests/harness/fuzz.sh $$f $(FUZZ_SECONDS) || exit 1; done

# ---- Guests, images, machines ---------------------------------------------------------------------------

LINUX   := cloud amd64 686 686-pae
FETCHED := $(addprefix $(BUILD)/guests/,$(LINUX:%=bzImage-%) $(LINUX:%=vmlinux-%) gnumach-amd64 gnumach-i386 xen invaders \
	     memtest-x64 memtest-ia32 busybox busybox-i386)

$(FETCHED): $(BUILD)/guests/%: tools/fetch.sh tools/vmlinux.py | need-guests
	@BUILD=$(BUILD) sh tools/fetch.sh $*

$(BUILD)/guests/initramfs.cpio: tools/cpio.py $(wildcard guests/initramfs/*) $(BUILD)/guests/busybox
	$(PYTHON) tools/cpio.py guests/initramfs/demo.list $@ busybox=$(BUILD)/guests/busybox

$(BUILD)/guests/initramfs-i386.cpio: tools/cpio.py $(wildcard guests/initramfs/*) $(BUILD)/guests/busybox-i386
	$(PYTHON) tools/cpio.py guests/initramfs/demo.list $@ busybox=$(BUILD)/guests/busybox-i386

$(BUILD)/guests/init: tests/kernels/linux-init/init.c | need-guests
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O2 -static $(WARNINGS) -o $@ $<

$(BUILD)/guests/bench.cpio: tools/cpio.py guests/initramfs/bench.list $(BUILD)/guests/init $(BUILD)/guests/busybox
	$(PYTHON) tools/cpio.py guests/initramfs/bench.list $@ init=$(BUILD)/guests/init busybox=$(BUILD)/guests/busybox

# Small kernels of our own, which boot bare (multiboot2) and as guests (PVH): one directory each.
KERNEL_LIB   := $(wildcard tests/kernels/lib/*.[cS])
KERNELS      := $(filter-out lib linux-init,$(notdir $(patsubst %/,%,$(wildcard tests/kernels/*/))))
KERNEL_FLAGS := -std=gnu17 -O2 -ffreestanding -fno-pie -static -nostdlib -mno-red-zone -mgeneral-regs-only \
		-fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-strict-aliasing \
		$(WARNINGS) -I. -Itests/kernels/lib -I$(BUILD)/generated

# bareboot loads its kernel as the monitor would.
KERNEL_NEEDS_bareboot := $(wildcard guests/loaders/*.[ch] guests/firmware/*.[ch]) guests/config/config.h \
			 boot/multiboot2.c lib/format.c lib/string.c $(GENERATED)

KERNEL_NEEDS_scribbler := tests/unit/rigs/hostile_output.h

KERNEL_NEEDS_probe    := $(wildcard tests/kernels/probe/*.def)
KERNEL_NEEDS_probe-calendar := $(addprefix tests/kernels/probe-devices/,lines.c output.c pic.c rtc_interrupts.c time.c \
			       devices.h rtc.h)
KERNEL_FLAGS_probe-calendar := -Itests/kernels/probe-devices

define KERNEL
$(BUILD)/kernels/$(1).elf: $(wildcard tests/kernels/$(1)/*.[cSh] tests/kernels/$(1)/*.inc) $(KERNEL_LIB) $(KERNEL_NEEDS_$(1))
endef
$(foreach kernel,$(KERNELS),$(eval $(call KERNEL,$(kernel))))

$(BUILD)/kernels/%.elf: tests/kernels/lib/kernel.lds tests/kernels/lib/kernel.h lib/x86.h | need-build
	@mkdir -p $(@D)
	$(CC) $(KERNEL_FLAGS) $(KERNEL_FLAGS_$*) -Wl,-T,$<,-z,max-page-size=4096,--build-id=none,-z,noexecstack,--no-warn-rwx-segments \
		-o $@ $(filter %.c %.S,$^)

# The image files of ours that the config names; any other is the user's own.
CONFIG_IMAGES := $(if $(wildcard $(CONFIG)),$(shell sed -n \
	's|^[^\#]*build/guests/\([A-Za-z0-9._-]*\).*|$(BUILD)/guests/\1|p' $(CONFIG)))

CHECK_CONFIG_C := $(wildcard tools/check_*.c $(addprefix guests/,config/*.c loaders/*.c firmware/*.c)) \
		  $(filter-out $(HOST_SKIP),$(wildcard lib/*.c))

$(BUILD)/check-config: $(CHECK_CONFIG_C) $(GENERATED) $(wildcard tools/*.h $(addprefix guests/,config/*.h loaders/*.h \
		       firmware/*.h) lib/*.h) vmm/vm/vm_config.h vmm/vcpu_start.h devices/machine/machine_config.h \
		       boot/multiboot2.h | need-host
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O1 -g $(WARNINGS) -Itests/unit/fake -I. -I$(BUILD)/generated -DHOST_BUILD -o $@ $(CHECK_CONFIG_C)

.PHONY: check-config iso run gdb
check-config: $(BUILD)/check-config ## check a config file: make check-config CONFIG=FILE
	@$< $(CONFIG)

iso: $(BUILD)/nacre $(BUILD)/check-config $(CONFIG_IMAGES) | need-iso ## the bootable image build/nacre.iso
	@$(PYTHON) tools/mkiso.py --monitor $(BUILD)/nacre --config $(CONFIG) \
		--check $(BUILD)/check-config --menu $(MENU) --out $(BUILD)/nacre.iso

run: ## boot it in the best machine here: QEMU/KVM with nested VT-x, else Bochs
	@sh tools/install.sh $(PACKAGES_run)
	@$(MAKE) --no-print-directory iso MENU=1
	@$(PYTHON) tools/run.py --machine $(MACHINE) --model $(MODEL) --memory $(MEMORY) \
		--cpus $(CPUS) $(BUILD)/nacre.iso

gdb: MENU = 0
gdb: iso | need-gdb ## gdb on the running monitor, with its symbols and commands of its own
	@$(PYTHON) tools/gdb/debug.py --elf $(BUILD)/nacre.elf --machine $(MACHINE) --model $(MODEL) \
		--memory $(MEMORY) --cpus $(CPUS) $(BUILD)/nacre.iso

# ---- Tests and figures --------------------------------------------------------------------------------

# The operator's terminal of the unit tests, for whole boots.
$(BUILD)/host/xterm.so: tests/harness/xterm.c tests/unit/rigs/xterm.h | need-build
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O1 -fPIC -shared $(WARNINGS) -I. -o $@ $<

.PHONY: test test-slow fairness system system-images control control-images equivalence bench loc
SYSTEM_IMAGES := $(addprefix $(BUILD)/guests/,bzImage-cloud vmlinux-cloud initramfs.cpio bzImage-686 bzImage-686-pae \
		   vmlinux-686-pae initramfs-i386.cpio gnumach-i386 gnumach-amd64 xen invaders memtest-x64 memtest-ia32) \
		 $(patsubst %,$(BUILD)/kernels/%.elf,fault idle napper neighbour scribbler spinner) $(BUILD)/host/xterm.so
system-images: $(BUILD)/nacre $(BUILD)/check-config $(SYSTEM_IMAGES) | need-iso need-machines need-gdb

test: ## all tests; the last line is "N passed, N failed"
	@sh tools/install.sh $(PACKAGES_test)
	@BUILD=$(BUILD) MAKE="$(MAKE)" $(PYTHON) tests/harness/test.py

system: system-images ## the whole boots alone; CASES="NAME..." runs only these
	@BUILD=$(BUILD) $(PYTHON) tests/system/run.py $(CASES)

CONTROL_IMAGES := $(BUILD)/nacre $(patsubst %,$(BUILD)/kernels/%.elf,attack neighbour random)
control-images: $(CONTROL_IMAGES) | need-iso need-machines

control: control-images ## hostile guests alone; CASES="NAME...", PROGRAMS= and SEED= of random code
	@$(if $(PROGRAMS),PROGRAMS=$(PROGRAMS)) $(if $(SEED),SEED=$(SEED)) BUILD=$(BUILD) $(PYTHON) tests/control/run.py $(CASES)

fairness: system-images ## guests that nap, by every device at every period
	@BUILD=$(BUILD) $(PYTHON) tests/system/run.py --slow "all naps"

test-slow: system-images $(BUILD)/guests/bzImage-amd64 ## whole boots that take minutes: Debian's XZ kernel
	@BUILD=$(BUILD) $(PYTHON) tests/system/run.py --slow $(CASES)

equivalence: $(BUILD)/nacre $(BUILD)/check-config $(patsubst %,$(BUILD)/kernels/%.elf,probe probe-devices probe-calendar) | need-machines need-iso ## the same probes bare and in a guest: every difference must be allowed
	@$(PYTHON) tests/equivalence/sensitive.py --check
	@BUILD=$(BUILD) $(PYTHON) tests/equivalence/run.py

BENCH_IMAGES := $(addprefix $(BUILD)/,nacre $(patsubst %,kernels/%.elf,bench bareboot spinner switch) guests/vmlinux-amd64 \
		  guests/bench.cpio guests/vmlinux-cloud guests/initramfs.cpio)
bench: $(BENCH_IMAGES) | need-bench need-iso ## measure: a table, and build/bench.json
	@BUILD=$(BUILD) $(PYTHON) tests/efficiency/bench.py

.PHONY: pictures
pictures: system-images | need-bochs ## draw README's pictures from a run of the demo: docs/pictures
	@$(PYTHON) tools/pictures/pictures.py

loc: | need-build ## lines of code: each folder has a limit
	@$(PYTHON) tests/harness/loc.py

RELEASE ?= trixie
COMMAND ?= make test
.PHONY: bare-test bare-run
bare-test: | need-bare ## make test, or COMMAND=, in a clone of HEAD on a bare Debian: RELEASE=bookworm or trixie
	@$(PYTHON) tests/harness/bare.py $(RELEASE) "$(COMMAND)"

bare-run: | need-bare ## make run on a bare Debian: it must reach a guest's login
	@$(PYTHON) tests/harness/bare.py --expect 'login: ' $(RELEASE) "make run"

# ---- Style ----------------------------------------------------------------------------------------------

STYLED := $(wildcard $(foreach d,$(ROOMS) $(ROOMS:%=tests/unit/%) tests/unit/tools tests/unit/rigs \
	    tests/unit/fake tests/fuzz tests/harness tests/kernels/* tools, \
	    $(d)/*.c $(d)/*.h))
TIDY   := $(MONITOR_C:%=tidy/%)

.PHONY: format lint lint-format lint-arrows lint-headers lint-licence lint-prose lint-checks lint-cppcheck lint-tidy $(TIDY)
format: | need-format ## lay out the C sources by .clang-format
	clang-format -i $(STYLED)

lint: $(addprefix lint-,format arrows headers licence prose checks cppcheck tidy) ## all style checks

lint-format: | need-lint
	@clang-format --dry-run --Werror $(STYLED)

lint-arrows lint-licence lint-prose: lint-%: | need-build
	@$(PYTHON) tests/harness/$*.py

lint-headers: $(GENERATED) | need-lint
	@CC="$(CC)" $(PYTHON) tests/harness/headers.py

lint-checks: | need-build # the checks themselves, by planted faults
	@$(PYTHON) tests/harness/test_checks.py --quiet

lint-cppcheck: | need-lint
	@mkdir -p $(BUILD)/cppcheck
	@cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --language=c \
		--enable=warning,portability,performance --suppress=zerodivcond --suppress=arrayIndexOutOfBoundsCond --suppress=normalCheckLevelMaxBranches \
		--cppcheck-build-dir=$(BUILD)/cppcheck -D__GNUC__=12 -D__x86_64__=1 -I. $(MONITOR_C)

lint-tidy: $(TIDY)
$(TIDY): tidy/%: $(GENERATED) | need-lint
	@clang-tidy --quiet $* -- -std=gnu17 -ffreestanding -mgeneral-regs-only -I. -I$(BUILD)/generated

.PHONY: clean distclean
clean: ## remove what was built; downloads stay
	@[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +

distclean: clean ## remove downloads too
	rm -rf $(BUILD)

-include $(shell find $(addprefix $(BUILD)/,monitor host unit clang) -name '*.d' 2>/dev/null)
