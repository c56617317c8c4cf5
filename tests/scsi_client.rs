//! The SCSI client against scripted devices, and against real reservations in a guest.

#[cfg(test)]
#[path = "scsi_client/guest.rs"]
mod guest;
#[cfg(test)]
#[path = "scsi_client/scripted.rs"]
mod scripted;
