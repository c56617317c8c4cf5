//! `fencing`: looks after all the fence devices of a cluster at once. No agent, and its name must not look like one.

use std::process::ExitCode;

fn main() -> ExitCode {
    fence_agents::cluster::run()
}
