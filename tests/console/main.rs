//! Devices with a console against the ways in which they have been misread.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

mod boards;
mod common;
mod strips;
