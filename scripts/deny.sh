#!/bin/sh
# Checks the crates: licences, sources, duplicates, and the advisory database where it can be reached.
set -eu
cd "$(dirname "$0")/.."
command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny
cargo deny --locked check bans licenses sources
# The database comes from elsewhere: being offline is no defect of the crates, a finding is.
if cargo deny --locked fetch db 2>/dev/null; then
    cargo deny --locked check advisories
else
    echo "the advisory database can't be reached from here: not checked"
fi
