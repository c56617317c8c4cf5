//! What is told of the disks and of the node: for explain, doctor, evidence and the options that name the disks.

use std::collections::BTreeSet;
use std::path::Path;

use super::disk_info::DiskInfo;
use super::disks::{Task, Trouble};
use super::examination::{self, Seen};
use super::keys::{self, KeyMethod};
use super::rules::{self, Reading, Step, TYPE};
use super::{
    KEY_VALUE, SharedDisks, TOOL_LIMIT, all, arbiter_first, files, judge, judge_each, local, same_device,
    tool,
};
use crate::base::Deadline;
use crate::fencing::{About, Error, Fact, Finding, Identity, IdentityKind};
use crate::protocols::scsi::{Command, Key, Reservation};

/// Where the watchdog looks for what it is to run.
const WATCHDOG: &str = "/etc/watchdog.d";

impl SharedDisks {
    /// Keeps how the devices were found. What was asked for less often stays.
    pub(super) fn remember(&mut self, outcomes: &[Result<Reading, Trouble>]) {
        let mut kept = std::mem::take(&mut self.last).into_iter();
        self.last = outcomes
            .iter()
            .map(|outcome| {
                let before = kept.next().and_then(Result::ok);
                outcome.clone().map(|reading| match before {
                    Some(Reading { info, .. }) if reading.info.is_none() => Reading { info, ..reading },
                    _ => reading,
                })
            })
            .collect();
    }

    /// Asks every device for all that it says of itself.
    pub(super) fn read_info(&mut self, by: Deadline) -> Result<(), Error> {
        let outcomes = self.visit(&self.the_devices()?, Task::ReadInfo, by);
        self.remember(&outcomes);
        Ok(())
    }

    /// The devices that could be read last, with what they say of themselves where these were asked for.
    fn seen(&self) -> impl Iterator<Item = (&str, &Reading)> {
        let devices = self.devices.iter().flatten().map(String::as_str);
        devices.zip(&self.last).filter_map(|(device, outcome)| Some((device, outcome.as_ref().ok()?)))
    }

    fn infos(&self) -> impl Iterator<Item = &DiskInfo> {
        self.seen().filter_map(|(_, reading)| reading.info.as_ref())
    }

    /// The disks, and the way to them.
    pub(super) fn about_the_disks(&self) -> About {
        let different = |text: fn(&DiskInfo) -> String| {
            let texts: BTreeSet<String> = self.infos().map(text).collect();
            texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
        };
        let credentials = match files::own_key() {
            Ok(own) => format!("this node's key 0x{own}"),
            Err(_) => "this node has no key".to_owned(),
        };
        let mut more = vec![Fact::new("keys", self.source_of_keys())];
        if let Some(devices) = &self.devices {
            let how = if self.found_by_vgs { "found by vgs" } else { "as given" };
            more.push(Fact::new("devices", format!("{}, {how}", devices.len())));
        }
        About {
            product: different(DiskInfo::product),
            firmware: different(|info| info.revision.clone()),
            protocol: "SCSI persistent reservations".to_owned(),
            credentials,
            more,
            ..About::default()
        }
    }

    fn source_of_keys(&self) -> String {
        let how = match self.method {
            _ if self.key_given => return "as given".to_owned(),
            KeyMethod::Id => "position",
            KeyMethod::Hash => "hash of the name",
        };
        format!("{how} in corosync's node list")
    }

    /// The node, and each device as it was found last.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let node = self.node.iter().map(|node| Fact::new("node", node.as_str()));
        let key = self.key.iter().map(|key| Fact::new("key", format!("0x{key}")));
        let devices = self.devices.iter().flatten().enumerate().map(|(at, device)| {
            let found = match self.last.get(at) {
                Some(Ok(reading)) => format!(": {}", in_words(reading)),
                Some(Err(trouble)) => format!(": {}", trouble.why),
                None => String::new(),
            };
            Fact::new("device", format!("{device}{found}"))
        });
        node.chain(key).chain(devices).collect()
    }

    /// Who the devices are, each by itself and read now. One that doesn't tell what others tell is nobody. From now on
    /// no other is sent a command.
    pub(super) fn identities(
        &mut self,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let devices = self.the_devices()?;
        let readings = self.readings(&devices, Task::ReadInfo, by)?;
        let mut told = Vec::new();
        for (kind, page) in [(IdentityKind::Wwid, 0x83), (IdentityKind::Serial, 0x80)] {
            let value = |reading: &Reading| match kind {
                IdentityKind::Wwid => reading.names.wwid.clone(),
                _ => reading.info.as_ref().and_then(|info| info.serial.clone()),
            };
            if !kinds.contains(&kind) || readings.iter().all(|reading| value(reading).is_none()) {
                continue;
            }
            told.extend(devices.iter().zip(&readings).map(|(device, reading)| {
                let value = value(reading).unwrap_or_default();
                Identity::new(kind, value, format!("VPD page {page:x}h of {device}"))
            }));
        }
        for (device, reading) in devices.into_iter().zip(readings) {
            let serial = reading.info.and_then(|info| info.serial);
            let known = self.manner.known.entry(device).or_default();
            known.serial = serial.filter(|_| kinds.contains(&IdentityKind::Serial));
        }
        Ok(told)
    }

    /// Each device's last reading, or why there is nothing to go by.
    fn last_readings(&self, devices: &[String]) -> Result<Vec<Reading>, Error> {
        if self.last.is_empty() {
            return Err(Error::Local { what: "the devices haven't been read".to_owned() });
        }
        all(devices, self.last.clone())
    }

    /// What off would send, after the last reading of the devices.
    pub(super) fn plan_off(&self) -> Result<Vec<String>, Error> {
        let (own, victim) = self.opponents()?;
        let devices = self.devices_to_fence_on()?;
        let readings = self.last_readings(&devices)?;
        let vouched = self.vouched(&devices, &readings, own)?;
        judge_each(&devices, &readings, |device, reading| {
            rules::allowed_step(reading, own, victim, vouched.get(device) == Some(&true)).map(drop)
        })?;
        let (arbiter, rest) = arbiter_first(devices.clone(), readings.clone());
        let mut words = Vec::new();
        for device in std::iter::once(arbiter).chain(rest) {
            let found = devices.iter().zip(&readings).find(|(one, _)| **one == device);
            let Some((device, reading)) = found else { continue };
            let steps = rules::steps_ahead(reading, own, victim).unwrap_or_default();
            if steps.is_empty() {
                words.push(format!("nothing to {device}: {}", in_short(reading)));
            }
            for step in steps {
                words.extend(self.step_in_words(step, device, reading, own, victim));
            }
        }
        Ok(words)
    }

    fn step_in_words(
        &self,
        step: Step,
        device: &str,
        reading: &Reading,
        own: Key,
        victim: Key,
    ) -> Vec<String> {
        match step {
            Step::None => Vec::new(),
            Step::Preempt => vec![format!(
                "{} of the key 0x{victim}, with this node's key 0x{own}, type {}, on {device}",
                Command::PreemptAndAbort,
                TYPE.code()
            )],
            Step::Reserve => vec![reserve_in_words(own, device)],
            Step::TakeOver => {
                let mut words = self.register_in_words(Command::Register, own, device, reading);
                words.push(reserve_in_words(own, device));
                words
            }
        }
    }

    /// One registration for each path that gets one.
    fn register_in_words(&self, command: Command, key: Key, device: &str, reading: &Reading) -> Vec<String> {
        let below = reading.info.iter().flat_map(|info| &info.paths).map(String::as_str);
        let mut paths: Vec<&str> = below.filter(|_| self.manner.every_path).collect();
        if paths.is_empty() {
            paths.push(device);
        }
        let kept = if self.manner.aptpl { ", kept through a loss of power" } else { "" };
        paths.iter().map(|path| format!("{command} with the key 0x{key}{kept}, on {path}")).collect()
    }

    /// What on would send, after the last reading of the devices.
    pub(super) fn plan_on(&self) -> Result<Vec<String>, Error> {
        let (key, devices) = (self.the_key()?, self.the_devices()?);
        let readings = self.last_readings(&devices)?;
        judge(&devices, &readings, rules::foreign_reservation)?;
        self.expect_no_stray(&devices, &readings, key)?;
        let mut words = vec![format!("the key {key} is written down as this node's own, and its devices")];
        for (device, reading) in devices.iter().zip(&readings) {
            words.extend(self.register_in_words(Command::RegisterAndIgnore, key, device, reading));
            if reading.reservation.is_none() {
                words.push(reserve_in_words(key, device));
            }
        }
        Ok(words)
    }

    /// What doctor should know.
    pub(super) fn findings(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        if self.infos().next().is_none() {
            self.read_info(by)?;
        }
        let devices = self.the_devices()?;
        // What can't be read is a failure of the steps before this one.
        let seen: Vec<Seen<'_>> = self
            .seen()
            .filter_map(|(device, reading)| {
                let info = reading.info.as_ref()?;
                Some(Seen { device, reading, info })
            })
            .collect();
        let own = files::own_key();
        let mut findings = examination::of_own_key(&seen, &own, self.key);
        findings.extend(examination::of_reservations(&seen));
        findings.extend(self.of_nodes(&seen, own.as_ref().ok().copied(), by));
        findings.extend(examination::of_capabilities(&seen, self.manner.aptpl));
        findings.extend(examination::of_names(&seen, &devices, self.found_by_vgs));
        findings.extend(examination::of_state_file(&files::devices(), &devices, same_device));
        findings.extend(examination::of_stored(&seen, &files::stored()));
        findings.extend(examination::of_times(&seen, self.shell.unwrap_or(TOOL_LIMIT)));
        findings.extend(examination::of_watchdog(Path::new(WATCHDOG)));
        if !self.key_given && self.method == KeyMethod::Id {
            findings.push(examination::of_positions(KEY_VALUE.name));
        }
        Ok(findings)
    }

    /// Whose keys are there and whose aren't. Keys that users choose can be told for the one node only.
    fn of_nodes(&self, seen: &[Seen<'_>], own: Option<Key>, by: Deadline) -> Vec<Finding> {
        if self.key_given {
            let victim = self.key.filter(|key| Some(*key) != own);
            let nodes: Vec<_> = victim.map(|key| ("this node".to_owned(), vec![key])).into_iter().collect();
            return examination::of_registered(seen, &nodes, own);
        }
        match self.all_keys(by) {
            Ok(nodes) => {
                let mut findings = examination::of_registered(seen, &nodes, own);
                findings.extend(examination::of_strangers(seen, &nodes, own));
                findings
            }
            Err(error) => vec![Finding::failure(
                error.to_string(),
                "without corosync's node list there is no key to remove; is corosync running?",
            )],
        }
    }

    fn all_keys(&self, by: Deadline) -> Result<Vec<(String, Vec<Key>)>, Error> {
        let ask = |key| tool(&self.corosync_cmapctl, &[key], by);
        let (cluster, nodes) = (ask("totem.cluster_name")?, ask("nodelist")?);
        let cluster = keys::cluster_name(&cluster).map_err(local)?;
        let nodes = keys::node_list(&nodes).map_err(local)?;
        Ok(keys::all_keys(cluster, &nodes, self.method))
    }
}

fn reserve_in_words(key: Key, device: &str) -> String {
    format!("{} with the key 0x{key}, type {}, on {device}", Command::Reserve, TYPE.code())
}

/// A device as a fact.
fn in_words(reading: &Reading) -> String {
    let mut words = vec![reading.names.wwid.clone().unwrap_or_else(|| "no worldwide name".to_owned())];
    if let Some(info) = &reading.info {
        words.extend(info.serial.iter().map(|serial| format!("serial {serial}")));
        words.push(match (info.is_multipath, info.paths.len()) {
            (true, paths) => format!("multipath of {paths}"),
            (false, 0) => "plain".to_owned(),
            (false, disks) => format!("map of {disks}"),
        });
    }
    words.push(in_short(reading));
    words.join(", ")
}

/// Registrations and reservation in few words.
fn in_short(reading: &Reading) -> String {
    let held = match &reading.reservation {
        None => "not reserved".to_owned(),
        Some(Reservation { holder: Some(holder), kind }) => format!("0x{holder} holds {kind}"),
        Some(Reservation { holder: None, kind }) => format!("all hold {kind}"),
    };
    let registered = match reading.keys.len() {
        1 => "1 registration".to_owned(),
        count => format!("{count} registrations"),
    };
    format!("{registered}, {held}")
}
