# What there is to do here; each line is set-up first (silent when nothing is missing), then the work.
# The work itself is in scripts/, one thing a file.

.DEFAULT_GOAL := help
.PHONY: help setup run-x86 run-arm run-x86-kernel run-arm-kernel test test-fresh test-powercut test-crowd mutants fuzz miri inspect size lint bench bench-heap bench-msort bench-echo bench-pipe install clean

PROGRAM ?= hello
ARCH    ?= $(shell uname -m)
PREFIX  ?= /usr/local
SECONDS ?= 60
CUTS    ?= 50

help: ## this list; variables are in brackets: SECONDS=600 make fuzz
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 16

setup: ## all set-up that the others would do, but for mutants
	@scripts/setup.sh

run-x86: ## build and run the seven programs for x86_64
	@scripts/setup.sh run-x86_64
	@scripts/build.sh x86_64
	@scripts/run.sh x86_64

run-arm: ## the same for aarch64, under qemu-user on any other machine
	@scripts/setup.sh run-aarch64
	@scripts/build.sh aarch64
	@scripts/run.sh aarch64

run-x86-kernel: ## boot a real kernel for x86_64 into the programs
	@scripts/setup.sh run-kernel-x86_64
	@scripts/build.sh x86_64 probes
	@scripts/run-kernel.sh x86_64

run-arm-kernel: ## the same for aarch64
	@scripts/setup.sh run-kernel-aarch64
	@scripts/build.sh aarch64 probes
	@scripts/run-kernel.sh aarch64

test: ## every test, both architectures
	@scripts/setup.sh test guest-x86_64 guest-aarch64 guest-aarch64_16k
	@scripts/build.sh x86_64 probes
	@scripts/build.sh aarch64 probes
	@scripts/profiles.sh x86_64
	@scripts/profiles.sh aarch64
	@scripts/test.sh

test-fresh: ## the README's commands in clean roots of Debian (FRESH=short)
	@scripts/setup.sh fresh
	@scripts/test-fresh.sh $(FRESH)

test-powercut: ## cut the power of a kernel while save writes (CUTS=50, ARCH)
	@scripts/setup.sh test powercut guest-$(ARCH)
	@scripts/build.sh $(ARCH) probes
	@RING3_CUTS=$(CUTS) scripts/test-long.sh "powercut::old_or_new_and_whole [$(ARCH) kernel]"

test-crowd: ## a hundred thousand clients of echod, on a real kernel (ARCH)
	@scripts/setup.sh test guest-$(ARCH)
	@scripts/build.sh $(ARCH) probes
	@RING3_CROWD=1 scripts/test-long.sh "crowd::all_are_served [$(ARCH) kernel]"

mutants: ## how many small changes of src/ the tests notice (N=50 SEED=7)
	@scripts/setup.sh test mutants
	@N='$(N)' SEED='$(SEED)' FILES='$(FILES)' SKIP='$(SKIP)' scripts/mutants.sh

fuzz: ## the heap over inputs that libFuzzer makes up (SECONDS=60)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(SECONDS)

miri: ## unit tests under Miri and AddressSanitizer, if available
	@scripts/setup.sh test
	@scripts/miri.sh

inspect: ## the disassembly of a program (PROGRAM=hello, ARCH)
	@scripts/setup.sh inspect-$(ARCH)
	@scripts/build.sh $(ARCH)
	@scripts/inspect.sh $(ARCH) $(PROGRAM)

size: ## what each program weighs, in bytes as shipped
	@scripts/setup.sh build-x86_64 build-aarch64
	@scripts/build.sh x86_64
	@scripts/build.sh aarch64
	@scripts/size.sh

lint: ## rustfmt, clippy, rustdoc and shellcheck; warnings are errors
	@scripts/setup.sh lint
	@scripts/lint.sh

bench: ## measure against what others ship
	@scripts/setup.sh bench bench-echo bench-pipe build-$(shell uname -m)
	@scripts/bench.sh

bench-heap: ## the heap's alone (BENCH="--only pair,lifo --rounds 9")
	@scripts/setup.sh bench
	@scripts/bench-heap.sh $(BENCH)

bench-msort: ## msort's alone, beside sort
	@scripts/setup.sh bench build-$(shell uname -m)
	@scripts/bench-msort.sh

bench-echo: ## echod's, beside servers in C, Rust, Go (BENCH="--with go")
	@scripts/setup.sh bench-echo build-$(shell uname -m)
	@scripts/bench-echo.sh $(BENCH)

bench-pipe: ## pipe's alone, beside posix_spawn and a shell
	@scripts/setup.sh bench-pipe build-$(shell uname -m)
	@scripts/bench-pipe.sh

install: ## the programs for this machine (PREFIX=/usr/local, DESTDIR)
	@scripts/setup.sh build-$(shell uname -m)
	@scripts/build.sh $(shell uname -m)
	@scripts/install.sh "$(DESTDIR)$(PREFIX)"

clean: ## remove what was built; what set-up found (target/setup) stays
	@find target -mindepth 1 -maxdepth 1 ! -name setup -exec rm -rf {} +
