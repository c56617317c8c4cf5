//! The ground floor: what every other part stands on, and what knows nothing of any of them.

pub mod deadline;
mod fork;
pub mod secret;
pub mod worker;

pub use deadline::Deadline;
pub use secret::Secret;
