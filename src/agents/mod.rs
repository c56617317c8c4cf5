//! The agents.

pub mod scsi_keys;
