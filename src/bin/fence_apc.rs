//! The program of [`fence_agents::agents::CONSOLES`], under all names of its agents.

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::fencing::run(&fence_agents::agents::CONSOLES)
}
