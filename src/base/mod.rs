//! The ground floor: what every other part stands on, and what knows nothing of any of them.

pub mod arguments;
pub mod date;
pub mod deadline;
pub mod file;
pub mod memory;
pub mod net;
pub mod output;
pub mod process;
pub mod secret;
pub mod sys;
pub mod told;
pub mod worker;

pub use deadline::Deadline;
pub use secret::Secret;
pub use told::Told;
