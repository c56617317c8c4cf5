//! What every agent shares: options, actions and their verification, metadata, man page, help, logging, errors.

pub mod agent;
pub mod argv;
pub mod completion;
pub mod device;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod evidence;
pub mod explain;
pub mod help;
pub mod knowledge;
pub mod logging;
pub mod manpage;
pub mod metadata;
pub mod option;
pub mod options;
pub mod pins;
pub mod program;
pub mod rehearsal;
pub mod settings;
pub mod state;
pub mod stdin;
pub(crate) mod terminal;
pub mod times;
pub mod who;
mod writer;

pub use agent::{Action, Agent, Alias, Family, Plugs, Unfencing};
pub use device::{Answer, Device, Outlet, Seen};
pub use error::Error;
pub use knowledge::{About, Command, Fact, Finding, Identity, IdentityKind, Severity};
pub use option::{Kind, Opt};
pub use program::run;
pub use settings::Settings;
pub use state::{Power, State};
pub use times::Times;
pub use who::{Met, Same, Who};
