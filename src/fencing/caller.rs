//! Who has called this process, as far as the environment says.

/// The environment variable in which Pacemaker says who is calling, and the caller that has time limits of its
/// own (Pacemaker, `pacemaker-fenced`).
const CALLER: (&str, &str) = ("PCMK_service", "pacemaker-fenced");

/// Whether a cluster manager that says so is calling.
pub fn is_a_cluster() -> bool {
    std::env::var_os(CALLER.0).is_some()
}

/// Whether the caller keeps the time by itself.
pub fn keeps_the_time() -> bool {
    std::env::var(CALLER.0).is_ok_and(|caller| caller == CALLER.1)
}
