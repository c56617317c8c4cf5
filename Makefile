# What can be done with this project. "make help" lists it.

PREFIX      ?= /usr
DESTDIR     ?=
SBINDIR     ?= $(PREFIX)/sbin
MANDIR      ?= $(PREFIX)/share/man/man8
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions
DOCDIR      ?= $(PREFIX)/share/doc/fence-agents-rs
CARGO       ?= cargo

# Each agent with its other names, as the declarations in src/agents have them.
AGENTS := $(patsubst src/bin/%.rs,%,$(wildcard src/bin/fence_*.rs))
NAMES  := $(patsubst metadata/%.xml,%,$(wildcard metadata/*.xml))
RELEASE := target/release

.PHONY: help build demo test check unit conformance bench generated deps deny install uninstall clean

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
	FENCE_AGENTS_DIR=$(AGENTS_DIR) $(CARGO) test --locked --test conformance

bench: build     ## cost of each action, beside the Python original
	@scripts/deps.sh bench
	$(CARGO) run --quiet --locked --release -p peers --bin bench

generated: build ## metadata/, man/ and completions/, from the declarations
	@scripts/generated.sh $(RELEASE)

deny:            ## licences, sources and known defects of the crates
	@scripts/deny.sh

install:         ## the built agents: DESTDIR, PREFIX (run make build first)
	@test -x $(RELEASE)/$(firstword $(AGENTS)) || { echo "nothing is built yet: run make build first" >&2; exit 1; }
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(MANDIR) $(DESTDIR)$(COMPLETIONS) $(DESTDIR)$(DOCDIR)
	install -m 755 $(addprefix $(RELEASE)/,$(AGENTS)) $(DESTDIR)$(SBINDIR)
	scripts/links.sh $(DESTDIR)$(SBINDIR)
	install -m 644 $(foreach name,$(NAMES),man/$(name).8) $(DESTDIR)$(MANDIR)
	install -m 644 $(foreach name,$(NAMES),completions/$(name)) $(DESTDIR)$(COMPLETIONS)
	install -m 644 README.md CHANGELOG.md SECURITY.md LICENSE-MIT LICENSE-APACHE $(DESTDIR)$(DOCDIR)

uninstall:       ## takes away what install put there
	rm -f $(foreach name,$(NAMES),$(DESTDIR)$(SBINDIR)/$(name) $(DESTDIR)$(MANDIR)/$(name).8 $(DESTDIR)$(COMPLETIONS)/$(name))
	rm -rf $(DESTDIR)$(DOCDIR)

clean:           ## what was built
	$(CARGO) clean
