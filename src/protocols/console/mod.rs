//! Consoles: a command line or menus, meant for people, over telnet, SSH or a plain port.
//!
//! What is believed here is little. A prompt counts at the end of what has come, and only when the line falls silent after it;
//! once one has been met, it is that very text that is waited for. The answer to a command begins with the command, where the
//! device shows what is typed. Nothing is typed ahead, a user and a password are said once, and every wait and every page has a
//! limit. A question that isn't in the device's table ends the conversation with an error that quotes it.

mod dialogue;
mod error;
mod manners;
mod screen;

pub use dialogue::{Console, Page, Pattern};
pub use error::Error;
pub use manners::{Login, Manners, USUAL, USUAL_LOGIN};
