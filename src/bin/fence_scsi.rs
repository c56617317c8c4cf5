//! The program of [`fence_agents::agents::RESERVATIONS`], under all names of its agents and of the watchdog's checks.

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::agents::scsi::check::run_if_called()
        .unwrap_or_else(|| fence_agents::fencing::run(&fence_agents::agents::RESERVATIONS))
}
