//! The ground floor: what every other part stands on, and what knows nothing of any of them.

pub mod deadline;
pub mod secret;

pub use deadline::Deadline;
pub use secret::Secret;
