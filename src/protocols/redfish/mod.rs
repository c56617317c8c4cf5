//! Redfish (DMTF DSP0266): systems, their power state and their reset, over one HTTPS connection.
//!
//! [`Client`] asks; every answer is either data or one of the [`Error`]s, which says of itself whether asking again
//! can help. What a reset request came to is a [`Reset`], and none of its variants is a proof: that is only
//! [`System::power_state`], read afterwards.
//!
//! Every link that the service supplies is checked against the origin of the first request, every answer has a
//! largest size, every request has a limit of its own besides the deadline of the caller.

mod answer;
mod client;
mod error;
#[doc(hidden)]
pub mod inside;
mod message;
mod resource;

pub use super::http::json::is_whole;
pub use super::http::{Address, Certificate, LARGEST_BODY, Link, Transport, Trust};
pub use client::{Account, Client, Config, Credentials, Login, Manager, Way};
pub use error::Error;
pub use message::ServiceMessage;
pub use resource::{Allowed, PowerState, Progress, Reset, ResetAction, ResetType, Root, System, Task};
