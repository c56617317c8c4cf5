//! Every agent on its simulated devices: those of the shared suites, so that a new one is measured from its first day.

use peers::subject::ROWS;

use super::contest::{Cost, Sink, succeeds, weigh};

/// The part `cost-every`.
pub(crate) fn costs(sink: &Sink) {
    for row in ROWS {
        sink.progress(row.name);
        let subject = row.subject();
        for action in ["status", "off"] {
            // Each time from the same state: once for the cost, once on the scale.
            let agent = || {
                subject.device.set(0, true);
                subject.agent(action)
            };
            let cost = || {
                let (one, before) = (agent(), subject.device.requests());
                let done = succeeds(one);
                let sent = subject.device.requests() - before;
                Cost::new(&done, sent, weigh(agent()))
            };
            let costs: Vec<Cost> = (0..sink.runs).map(|_| cost()).collect();
            sink.costs(&format!("{}: {action}", row.name), "ours", &costs, "requests");
        }
    }
}
