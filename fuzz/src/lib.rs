//! The targets, which `tests/corpus.rs` replays without libFuzzer.

#[path = "../../tests/fuzz_targets/mod.rs"]
pub mod targets;
