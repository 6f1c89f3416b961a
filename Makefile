# The commands of this repository. Each target first runs set-up (silent if nothing is missing), and then a script in
# scripts/ that does the work.

.DEFAULT_GOAL := help
.PHONY: help setup run-x86 run-arm run-riscv64 run-x86-32 run-arm32 run-x86-kernel run-arm-kernel run-riscv64-kernel run-arm32-kernel test test-fresh test-powercut test-crowd mutants fuzz miri inspect size lint bench bench-heap bench-msort bench-echo bench-pipe bench-probe bench-examples doc manual install uninstall clean

PROGRAM ?= hello
ARCH    ?= $(shell uname -m)
ALL     := x86_64 aarch64 riscv64 x86 arm
# qemu-user before version 9 cannot run programs for x86, so only x86_64 machines test them.
ARCHES  ?= $(if $(filter x86_64,$(shell uname -m)),$(ALL),$(filter-out x86,$(ALL)))
PREFIX  ?= /usr/local
SECONDS ?= 60
CUTS    ?= 50

help: ## print this list; variables in brackets: make fuzz SECONDS=9
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 20

setup: ## set up all that the other targets need, except mutants
	@scripts/setup.sh

run-x86: arch = x86_64 ## build the eight programs for x86_64, and run them
run-arm: arch = aarch64 ## the same for aarch64; on another machine under qemu-user
run-riscv64: arch = riscv64 ## the same for riscv64
run-x86-32: arch = x86 ## the same for 32-bit x86; on an x86_64 machine natively
run-arm32: arch = arm ## the same for 32-bit ARM
run-x86 run-arm run-riscv64 run-x86-32 run-arm32:
	@scripts/setup.sh run-$(arch)
	@scripts/build.sh $(arch)
	@scripts/run.sh $(arch)

run-x86-kernel: arch = x86_64 ## boot a real x86_64 kernel with the programs
run-arm-kernel: arch = aarch64 ## the same with an aarch64 kernel
run-riscv64-kernel: arch = riscv64 ## the same with a riscv64 kernel
run-arm32-kernel: arch = arm ## the same with a 32-bit ARM kernel
run-x86-kernel run-arm-kernel run-riscv64-kernel run-arm32-kernel:
	@scripts/setup.sh run-kernel-$(arch)
	@scripts/build.sh $(arch) probes
	@scripts/run-kernel.sh $(arch)

test: ## run all tests (ARCHES="x86_64 aarch64" for a quick run)
	@scripts/setup.sh $(TESTED:%=test-%) servers $(foreach arch,$(ARCHES),$(guests_$(arch):%=guest-%))
	@set -e; for arch in $(TESTED); do \
		scripts/build.sh $$arch probes; scripts/profiles.sh $$arch; scripts/outside.sh $$arch; done
	@scripts/test.sh $(ARCHES)

# Some tests of every run use the programs of this machine's architecture.
TESTED = $(sort $(shell uname -m) $(ARCHES))

# The guests (kernels that the tests boot) of each architecture.
guests_x86_64  = x86_64
guests_aarch64 = aarch64 aarch64_16k
guests_riscv64 = riscv64
guests_arm     = arm

test-fresh: ## run the README's commands in new Debian roots (FRESH=short)
	@scripts/setup.sh fresh
	@scripts/test-fresh.sh $(FRESH)

test-powercut: ## cut a guest's power while save writes (CUTS=50, ARCH)
	@scripts/setup.sh test-$(ARCH) powercut guest-$(ARCH)
	@scripts/build.sh $(ARCH) probes
	@RING3_CUTS=$(CUTS) scripts/test-long.sh $(ARCH) "powercut::old_or_new_and_whole [$(ARCH) kernel]"

test-crowd: ## connect 100,000 clients to echod, on a real kernel (ARCH)
	@scripts/setup.sh test-$(ARCH) guest-$(ARCH)
	@scripts/build.sh $(ARCH) probes
	@RING3_CROWD=1 scripts/test-long.sh $(ARCH) "crowd::all_are_served [$(ARCH) kernel]"

mutants: ## count small changes of src/ that tests find (N=50 SEED=7)
	@scripts/setup.sh test mutants
	@N='$(N)' SEED='$(SEED)' FILES='$(FILES)' SKIP='$(SKIP)' scripts/mutants.sh

fuzz: ## fuzz the heap with libFuzzer (SECONDS=60)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(SECONDS)

miri: ## run unit tests under Miri and AddressSanitizer, if available
	@scripts/setup.sh test
	@scripts/miri.sh

inspect: ## list calls, disassemble (PROGRAM=hello, ARCH, CALLS=1)
	@scripts/setup.sh inspect-$(ARCH)
	@scripts/build.sh $(ARCH)
	@CALLS=$(CALLS) scripts/inspect.sh $(ARCH) $(PROGRAM)

# The architectures of which programs are built already, and the two that every machine can build.
size: ARCHES = $(filter x86_64 aarch64 $(notdir $(wildcard target/dist/*)),$(ALL))
size: ## print the size of each shipped program, in bytes (ARCHES)
	@scripts/setup.sh $(ARCHES:%=build-%)
	@set -e; for arch in $(ARCHES); do scripts/build.sh $$arch; done
	@scripts/size.sh $(ARCHES)

lint: ## rustfmt, clippy, rustdoc, shellcheck, codespell
	@scripts/setup.sh lint
	@scripts/lint.sh

bench: ## run all benches, each against other implementations
	@scripts/setup.sh bench bench-echo bench-pipe bench-probe bench-examples build-$(shell uname -m)
	@scripts/bench.sh

bench-heap: ## run the heap's bench (BENCH="--only pair,lifo --rounds 9")
	@scripts/setup.sh bench
	@scripts/bench-heap.sh $(BENCH)

bench-msort: ## run the bench of msort and sort
	@scripts/setup.sh bench build-$(shell uname -m)
	@scripts/bench-msort.sh

bench-echo: ## bench echod and servers in C, Rust, Go (BENCH="--with go")
	@scripts/setup.sh bench-echo build-$(shell uname -m)
	@scripts/bench-echo.sh $(BENCH)

bench-pipe: ## run the bench of pipe, posix_spawn and a shell
	@scripts/setup.sh bench-pipe build-$(shell uname -m)
	@scripts/bench-pipe.sh

bench-probe: ## run the bench of probe, a C program and curl
	@scripts/setup.sh bench-probe build-$(shell uname -m)
	@scripts/bench-probe.sh

bench-examples: ## compare examples/ with programs on std, musl, origin
	@scripts/setup.sh test bench-examples
	@scripts/bench-examples.sh

doc: ## make the library's documentation, and print where it is
	@scripts/setup.sh build-$(shell uname -m)
	@scripts/doc.sh

manual: ## write man pages, completions and the tables in docs/
	@scripts/setup.sh manual
	@scripts/manual.sh

install: ## install programs, man pages, completions (PREFIX, DESTDIR)
	@scripts/setup.sh build-$(shell uname -m) manual
	@scripts/build.sh $(shell uname -m)
	@scripts/manual.sh
	@scripts/install.sh install "$(DESTDIR)$(PREFIX)"

uninstall: ## remove what make install installed (PREFIX, DESTDIR)
	@scripts/install.sh uninstall "$(DESTDIR)$(PREFIX)"

clean: ## remove everything in target, except target/setup
	@find target -mindepth 1 -maxdepth 1 ! -name setup -exec rm -rf {} +
