//! Fence agents: small programs that cut a dead cluster node off from its power or its storage, and prove it.
//!
//! The house has four floors, and each knows only the ones below it:
//!
//! * `src/bin/`: one line for each program.
//! * [`agents`]: one file for each agent: its declaration and its driver.
//! * [`fencing`]: what every agent shares: options, the action engine, metadata, man page, help, logging, errors.
//! * [`protocols`]: clients for what devices speak. They know nothing of fencing.
//!
//! Beside the agents stands [`cluster`], the program `fencing` for an administrator, which runs them.
//!
//! [`base`] is the ground they all stand on: deadlines, secrets, name resolution, the few system calls.

pub mod agents;
pub mod base;
pub mod cluster;
pub mod fencing;
pub mod protocols;
