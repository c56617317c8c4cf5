//! `fence_scsi`, and the watchdog's checks that are names of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::agents::scsi::check::run_if_called()
        .unwrap_or_else(|| fence_agents::fencing::run(&fence_agents::agents::scsi::AGENT))
}
