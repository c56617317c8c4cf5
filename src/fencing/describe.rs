//! What a driver can tell of its device beyond what the engine asks: for explain, doctor, evidence, and the options that
//! say which machine is meant.

use crate::base::Deadline;
use crate::fencing::device::Device;
use crate::fencing::error::Error;
use crate::fencing::knowledge::{About, Command, Fact, Finding, Identity, IdentityKind};

/// A device that tells of itself. Every method has a default that tells nothing, and none changes anything on the
/// device.
pub trait Describe: Device {
    /// The name or address that the device is asked at, without port and brackets; `None` where there is none.
    fn host(&self) -> Option<&str> {
        None
    }

    /// What is known of the device and of the way to it without asking anything, more of it once connected. Evidence
    /// records it.
    fn known(&self) -> About {
        About::default()
    }

    /// What the device says it is. Asked by explain and doctor alone, so it may cost requests; it changes nothing.
    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        let _ = by;
        Ok(self.known())
    }

    /// What is known of a resolved plug without asking anything: its alias, URI, index, node key, devices.
    fn plug_facts(&self, plug: usize) -> Vec<Fact> {
        let _ = plug;
        Vec::new()
    }

    /// What identifies the plug, of the kinds asked for, read from the device now and from nothing kept.
    ///
    /// Every value that counts is told: two different ones of a kind fit no expectation of one. A kind that the
    /// device doesn't have, or leaves empty, is left out. An error that [`Error::is_definitive`] doesn't call so
    /// makes the caller ask again. Where the protocol has sessions, a command that follows goes through the session
    /// in which this was read, or fails.
    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let (_, _, _) = (plug, kinds, by);
        Ok(Vec::new())
    }

    /// The requests that this command would send for a resolved plug, in their order and in the protocol's words.
    /// Sends nothing.
    fn plan(&self, plug: usize, command: Command) -> Vec<String> {
        vec![format!("{command} for {}", self.plug_name(plug))]
    }

    /// What doctor should know of this kind of device, beyond what it finds out with the other methods: privilege,
    /// dates of certificates, quirks of firmware. Asks and changes nothing. An error means that the examination
    /// itself failed; what is wrong with the device is a finding.
    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let _ = by;
        Ok(Vec::new())
    }
}
