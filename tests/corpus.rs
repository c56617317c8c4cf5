//! Every input that the fuzzers have been given or have found, read once more, and every beginning of the seeds: what is
//! cut short at any place. `make fuzz` looks for more; fuzz/README.md tells how.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

pub mod fuzz_targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Each target, and the name of the test that replays its inputs.
macro_rules! targets {
    ($($target:ident: $test:ident),* $(,)?) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $test() {
                replay(stringify!($target), fuzz_targets::$target::run);
            }
        )*
    };
}

targets! {
    addresses: no_address_leads_anywhere_else,
    argv: no_command_line_shows_a_secret_or_means_an_off_that_it_does_not_name,
    files: no_file_upsets_the_watchdog_check,
    ipmi_login: no_datagram_gets_into_a_session_without_its_keys,
    ipmi_session: no_changed_packet_counts_and_no_other_bit_is_off,
    known_hosts: no_line_about_hosts_hides_another_or_makes_a_key_known,
    programs: no_output_of_a_program_gives_two_nodes_one_key,
    redfish: no_answer_is_off_without_the_word_or_leads_to_another_service,
    scsi: no_answer_of_a_disk_hides_a_key,
    snmp: no_value_but_a_number_is_off,
    snmp_v3: no_message_without_its_signature_is_a_reply,
    ssh_options: no_option_of_ssh_is_passed_over,
    stdin: no_line_shows_a_secret_or_means_an_off_that_it_does_not_name,
    telnet: no_command_of_telnet_is_text_wherever_it_is_cut,
}

fn directory(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind)
}

/// The files of a directory that may not be there, in order.
fn inputs(kind: &str, target: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory(kind).join(target)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn replay(target: &str, run: fn(&[u8])) {
    let one = |path: &Path, data: &[u8]| {
        let held = catch_unwind(AssertUnwindSafe(|| run(data)));
        assert!(held.is_ok(), "{target}: the first {} bytes of {}", data.len(), path.display());
    };
    for kind in ["regressions", "corpus"] {
        for path in inputs(kind, target) {
            one(&path, &fs::read(&path).unwrap());
        }
    }
    for path in inputs("seeds", target) {
        let data = fs::read(&path).unwrap();
        for length in 0..=data.len() {
            one(&path, &data[..length]);
        }
    }
}

#[test]
fn every_target_is_replayed_and_has_seeds() {
    let stems = |paths: Vec<PathBuf>| -> BTreeSet<String> {
        paths.iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect()
    };
    let replayed: BTreeSet<String> = TARGETS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(stems(inputs("fuzz_targets", ".")), replayed);
    assert_eq!(stems(inputs("seeds", ".")), replayed);
}
