#!/bin/sh
# miri.sh [MODULE...]: runs the tests of the parsers, which make no system calls, under miri. It finds what is undefined in
# them and in the crates that they stand on: reads out of bounds, wrong alignment, values that their type doesn't have.
#
# Miri is some thousand times slower than the machine. So it gets what reads the bytes of others, and of that no test
# whose point is length or number: these are marked in their place (cfg!(miri), cfg_attr(miri, ignore)). What calls
# foreign code, OpenSSL for example, can't run there.
set -eu
cd "$(dirname "$0")/.."
miri() { cargo +nightly miri "$@"; }
if ! miri --version >/dev/null 2>&1; then
    echo "no miri: rustup toolchain install nightly --component miri,rust-src" >&2
    exit 1
fi
export CARGO_TARGET_DIR="$PWD/target/miri"

[ $# -gt 0 ] || set -- \
    base::date base::secret base::told \
    protocols::http::address protocols::http::challenge protocols::http::cookies protocols::http::digest \
    protocols::http::json protocols::http::origin protocols::http::request protocols::http::response \
    protocols::ipmi::fru protocols::ipmi::robustness protocols::ipmi::suite protocols::ipmi::window \
    protocols::redfish::client protocols::redfish::message protocols::redfish::resource \
    protocols::scsi::sense \
    protocols::snmp::ber protocols::snmp::credentials protocols::snmp::message protocols::snmp::oid \
    protocols::snmp::value \
    cluster::config cluster::pacemaker \
    agents::redfish::reset_time agents::scsi::keys agents::scsi::names

# The whole names: to look for parts of them in all names takes minutes there.
all=$(miri test --quiet --locked --lib -- --list --format terse | sed -n 's/: test$//p')
names=
for module in "$@"; do
    found=$(echo "$all" | grep "^$module::[a-z0-9_]*$\|^$module::tests::") ||
        { echo "no test in $module" >&2; exit 1; }
    names="$names $found"
done
# Names are words.
# shellcheck disable=SC2086
miri test --locked --lib -- --exact $names
