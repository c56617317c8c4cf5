//! `fence_redfish`: see [`fence_agents::agents::redfish::AGENT`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::fencing::run(&fence_agents::agents::redfish::AGENT)
}
