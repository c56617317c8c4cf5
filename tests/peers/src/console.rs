//! Devices with a command line or menus: a console as data, behind a real sshd, a real telnetd, or a port of our own
//! that gets telnet wrong as told. What is true of the outlets is asked behind the agent's back.
//!
//! ```no_run
//! use peers::console::{APC, Device};
//!
//! let device = Device::of(&APC).outlets(&["web1", "db1"]).start();
//! let ssh = device.ssh();
//! // ... ssh operator@127.0.0.1 -p ssh.port(), with the password of console::PASSWORD ...
//! assert!(device.is_on("2"));
//! assert_eq!(device.typed(), ["olStatus all"]);
//! ```

mod apc;
mod asyncssh;
mod blades;
mod boards;
mod boards_of_one;
mod data;
mod device;
mod door;
mod drac;
mod session;
mod ssh;
mod strips;
mod telnet;
mod wti;

pub use apc::{APC, APC_MENUS};
pub use asyncssh::{AsyncSsh, Habit};
pub use blades::{COMPUTE_BLADE, HPBLADE, SUPERDOME};
pub use boards::{BLADECENTER, ILO};
pub use boards_of_one::{ILO_MP, RSA, RSB};
pub use data::{Command, Console, Enter, Exec, Login, Many, Pager, State, Step, Words};
pub use device::{Builder, Device, Fault, PASSWORD, Taken, Trouble, USER};
pub use door::Door;
pub use drac::{CMC, DRAC, DRAC_MC, DRAC5, IDRAC};
pub use ssh::{Key, Old, Ssh};
pub use strips::{EATON, NETIO};
pub use telnet::{IAC, Negotiation};
pub use wti::WTI;
