//! fence_scsi on real reservations: two nodes in a virtual machine that share disks. The Python original runs
//! there too, and what it does in the same cases stands beside what is wanted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

#[path = "fence_scsi/campaign.rs"]
mod campaign;
#[path = "fence_scsi/check.rs"]
mod check;
#[path = "fence_scsi/faults.rs"]
mod faults;
#[path = "fence_scsi/lab.rs"]
mod lab;
#[path = "fence_scsi/model.rs"]
mod model;
#[path = "fence_scsi/paths.rs"]
mod paths;
#[path = "fence_scsi/race.rs"]
mod race;
#[path = "fence_scsi/table.rs"]
mod table;
