#!/bin/sh
# minimal.sh: checks the library and the programs with the lowest version of each crate that the Cargo.toml files allow,
# as a distribution may have it. In a copy, whose lock file is its own.
set -eu
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="$PWD/target/minimal"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' HUP INT TERM
git ls-files -z | xargs -0 cp --parents --target-directory "$copy"
cd "$copy"
rm Cargo.lock
# The switch is for nightly compilers only; what it does is the same.
RUSTC_BOOTSTRAP=1 cargo generate-lockfile -Z direct-minimal-versions
cargo check --package fence-agents --lib --bins --locked
