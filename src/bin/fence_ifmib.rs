//! `fence_ifmib`, and the names listed with [`fence_agents::agents::ifmib::AGENT`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::fencing::run(&fence_agents::agents::ifmib::AGENT)
}
