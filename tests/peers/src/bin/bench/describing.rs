//! What a configuration tool costs that wants to know every agent, the agents under all names one after the other.

use peers::agents_dir;
use peers::cluster::{names, timed_for_each};

use super::contest::{AGENTS, Sink, in_turns};

/// The part `cost-describing`.
pub(crate) fn costs(sink: &Sink) {
    let names = names();
    for (row, command) in [
        ("pcs stonith describe", "pcs stonith describe $name"),
        ("crm_resource --show-metadata, as pcs calls it", "crm_resource --show-metadata stonith:$name"),
        ("action=metadata", "echo action=metadata | /usr/sbin/$name"),
    ] {
        sink.progress(row);
        let row = format!("{row}, {} agents", names.len());
        let all = in_turns(sink.runs.min(3), &AGENTS, |whose| {
            let ours = agents_dir();
            let ours = (whose == "ours").then_some(ours.as_path());
            timed_for_each(&names, command, ours).as_secs_f64()
        });
        for (whose, times) in all {
            sink.median(&row, whose, ("wall", "s"), &times);
        }
    }
}
