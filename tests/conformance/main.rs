//! One suite for these agents and for the originals: what callers see on stdout, in the exit code, and on the
//! device.
//!
//! By default it runs the agents built here. With `FENCE_AGENTS_DIR=/usr/sbin` it runs the originals installed
//! there, and expects of them what docs/differences.md says about them: a difference that isn't one any more
//! fails as well.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

mod ipmilan;
mod redfish;
mod snmp;

use std::collections::BTreeSet;

#[test]
fn the_suite_and_the_document_name_the_same_differences() {
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/differences.md")).unwrap();
    let suite: String = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let marks = |text: &str, before: char, after: char| -> BTreeSet<String> {
        text.split(before)
            .filter_map(|rest| rest.split(after).next())
            .filter(|word| {
                word.strip_prefix('D').is_some_and(|number| {
                    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
                })
            })
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(marks(&document, '[', ']'), marks(&suite, '"', '"'));
}
