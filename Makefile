# What can be done with this project. "make help" lists it.

PREFIX      ?= /usr
DESTDIR     ?=
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man/man8
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
DOCDIR      ?= $(PREFIX)/share/doc/fence-agents-rs
DATADIR     ?= $(PREFIX)/share/fence-agents-rs
CLUSTERDIR  ?= $(PREFIX)/share/cluster
KEPTDIR     ?= $(PREFIX)/lib/fence-agents-rs/originals
# Which families "make install" installs, as scripts/links.sh families names them; all where it is empty.
FAMILY      ?=
CARGO       ?= cargo

RELEASE     := target/release
# Not exported: a make within, with another PREFIX, would find these set.
PLACES      := $(foreach name,DESTDIR SBINDIR MANDIR COMPLETIONS DOCDIR DATADIR CLUSTERDIR KEPTDIR RELEASE FAMILY,$(name)='$($(name))')

.PHONY: help build demo test check unit conformance campaign faults portable minimal miri mutants fuzz bench generated deps deny install uninstall deb rpm archive packages clean

help:            ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build:           ## the agents, into target/release
	$(CARGO) build --release --locked --bins

demo:            ## fence a simulated machine and watch each step
	@scripts/deps.sh demo
	$(CARGO) build --locked --bin fence_ipmilan
	@scripts/demo.sh

test: deps check unit packages   ## everything: formatting, lints, and all tests against real peers

deps:            ## what the tests need from Debian
	@scripts/deps.sh test

check:           ## formatting, lints, and imports without circles
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	scripts/circles.py
	shellcheck -x scripts/*.sh packaging/*.sh packaging/debian/* tests/packages/*.sh tests/packages/before/* tests/peers/src/*.sh

unit:            ## all tests; most of their time is waiting, so they run eight at once
	RUST_TEST_THREADS=8 $(CARGO) test --workspace --locked --no-fail-fast

conformance:     ## the conformance suite against another directory: make conformance AGENTS_DIR=/usr/sbin
	FENCE_AGENTS_DIR=$(AGENTS_DIR) $(CARGO) test --locked --test conformance

campaign:        ## the long tests: 300 runs with faults, 200 rounds of two nodes in a virtual machine; then portable, minimal and miri
	CAMPAIGN=1 RUST_TEST_THREADS=8 $(CARGO) test --locked --test fence_scsi -- --nocapture
	$(MAKE) portable minimal miri

faults: build    ## the fault campaign: 20,000 runs for each protocol; make faults ARGS='--seed 7 --runs 500 ipmi'
	@scripts/deps.sh test
	$(CARGO) build --quiet --locked --release -p peers --bins
	target/release/faults $(ARGS)
	$(if $(ARGS),,$(MAKE) campaign)

portable:        ## what needs no device, built and tested for 32 bits (i686) and big-endian (s390x, under qemu)
	@scripts/deps.sh portable
	scripts/portable.sh

minimal:         ## library and programs checked with the lowest version of each crate that is allowed
	@scripts/deps.sh build
	scripts/minimal.sh

miri:            ## the parsers under miri, which finds what is undefined in Rust; needs a nightly compiler
	@scripts/deps.sh build
	scripts/miri.sh

mutants:         ## breaks the code in the ways of tests/mutants.toml: a test must notice each; make mutants ARGS='--only engine'
	@scripts/deps.sh test
	scripts/mutants.py $(ARGS)

fuzz:            ## each parser under libFuzzer for a quarter of an hour; make fuzz SECONDS=60 TARGETS='argv scsi'
	@scripts/deps.sh fuzz
	scripts/fuzz.sh run $(or $(SECONDS),900) $(TARGETS)

bench: build     ## docs/benchmarks.md: beside the original and C tools; make bench ARGS='--only load', ARGS=--list
	@scripts/deps.sh bench
	$(CARGO) build --quiet --locked --release -p peers --bins
	target/release/bench $(ARGS)

generated: build ## metadata/, man/ and completions/, from the declarations
	@scripts/generated.sh $(RELEASE)

deny:            ## licences, sources and known defects of the crates
	@scripts/deny.sh

install:         ## the built agents: DESTDIR, PREFIX, FAMILY='ipmi snmp' (run make build first)
	@$(PLACES) scripts/install.sh install

uninstall:       ## takes away what install put there, and puts the originals back
	@$(PLACES) scripts/install.sh uninstall

deb: build       ## packages for Debian and Ubuntu, one for each family, into target/package
	@scripts/deps.sh packages
	@packaging/deb.sh

rpm: build       ## the same for Red Hat, Fedora and SUSE, into target/package
	@scripts/deps.sh packages
	@packaging/rpm.sh

archive: build   ## archive for hosts and containers without Python, into target/package
	@scripts/deps.sh packages
	@packaging/archive.sh

packages: deb rpm archive   ## all three, then installed and removed in roots of their own
	@tests/packages/run.sh

clean:           ## what was built
	$(CARGO) clean
