//! Where a password may be, and where it must not: outputs, logs, other processes, memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod memory;
