# What can be done with this project. "make help" lists it.

PREFIX      ?= /usr
DESTDIR     ?=
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man/man8
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
CLUSTERDIR  ?= $(PREFIX)/share/cluster
DOCDIR      ?= $(PREFIX)/share/doc/fence-agents-rs
CARGO       ?= cargo

# Each agent with its other names, as the declarations in src/agents have them.
AGENTS := $(patsubst src/bin/%.rs,%,$(wildcard src/bin/fence_*.rs))
NAMES  := $(patsubst metadata/%.xml,%,$(wildcard metadata/*.xml))
# Other programs that fence_scsi is, by name: the watchdog runs them, and Pacemaker must not find them beside the agents.
CHECKS := fence_scsi_check fence_scsi_check_hardreboot
RELEASE := target/release

.PHONY: help build demo test check unit conformance campaign bench generated deps deny install uninstall clean

help:            ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build:           ## the agents, into target/release
	$(CARGO) build --release --locked --bins

demo: build      ## fence a simulated machine and watch each step
	@scripts/deps.sh demo
	@scripts/demo.sh

test: deps check unit   ## everything: formatting, lints, and all tests against real peers

deps:            ## what the tests need from Debian
	@scripts/deps.sh test

check:           ## formatting and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit:            ## all tests; most of their time is waiting, so they run eight at once
	RUST_TEST_THREADS=8 $(CARGO) test --workspace --locked

conformance:     ## the conformance suite against another directory: make conformance AGENTS_DIR=/usr/sbin
	FENCE_AGENTS_DIR=$(AGENTS_DIR) $(CARGO) test --locked --test 'conformance*'

campaign:        ## the long tests: 200 rounds of two nodes that fence each other, the original in every case
	CAMPAIGN=1 RUST_TEST_THREADS=8 $(CARGO) test --locked --test fence_scsi -- --nocapture

bench: build     ## cost of each action, beside the Python original
	@scripts/deps.sh bench
	$(CARGO) build --quiet --locked --release -p peers --bins
	target/release/bench

generated: build ## metadata/, man/ and completions/, from the declarations
	@scripts/generated.sh $(RELEASE)

deny:            ## licences, sources and known defects of the crates
	@scripts/deny.sh

install:         ## the built agents: DESTDIR, PREFIX (run make build first)
	@test -x $(RELEASE)/$(firstword $(AGENTS)) || { echo "nothing is built yet: run make build first" >&2; exit 1; }
	install -d $(foreach dir,$(SBINDIR) $(MANDIR) $(COMPLETIONS) $(CLUSTERDIR) $(DOCDIR),$(DESTDIR)$(dir))
	install -m 755 $(addprefix $(RELEASE)/,$(AGENTS)) $(DESTDIR)$(SBINDIR)
	scripts/links.sh $(DESTDIR)$(SBINDIR)
	for check in $(CHECKS); do ln -sf $(SBINDIR)/fence_scsi $(DESTDIR)$(CLUSTERDIR)/$$check; done
	install -m 644 $(foreach name,$(NAMES),man/$(name).8) $(DESTDIR)$(MANDIR)
	install -m 644 $(foreach name,$(NAMES),completions/$(name)) $(DESTDIR)$(COMPLETIONS)
	install -m 644 README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE $(DESTDIR)$(DOCDIR)

uninstall:       ## takes away what install put there
	rm -f $(foreach name,$(NAMES),$(DESTDIR)$(SBINDIR)/$(name) $(DESTDIR)$(MANDIR)/$(name).8 $(DESTDIR)$(COMPLETIONS)/$(name))
	rm -f $(addprefix $(DESTDIR)$(CLUSTERDIR)/,$(CHECKS))
	rm -rf $(DESTDIR)$(DOCDIR)

clean:           ## what was built
	$(CARGO) clean
