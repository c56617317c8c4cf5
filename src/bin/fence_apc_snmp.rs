//! `fence_apc_snmp`, and the names listed with [`fence_agents::agents::apc_snmp::AGENT`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::fencing::run(&fence_agents::agents::apc_snmp::AGENT)
}
