//! fence_scsi: nodes that share disks with persistent reservations, cut off from them by their keys.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use log::{debug, warn};

use self::disks::{Known, Manner, Nature, Task, Trouble, together};
use self::keys::KeyMethod;
use self::names::{Acquaintance, Names, Stored, acquaintances};
use self::rules::Reading;
use crate::base::Deadline;
use crate::base::process::{self, Failure};
use crate::fencing::options::{self, tool_path};
use crate::fencing::who::{Met, Who};
use crate::fencing::{
    About, Action, Agent, Answer, Command, Describe, Device, Error, Fact, Finding, Identity, IdentityKind,
    Joint, Kind, Opt, Plugs, Power, Proof, Seen, Settings, State, Times, Unfencing,
};
use crate::protocols::scsi::Key;

pub mod check;
mod disk_info;
mod disks;
mod examination;
mod files;
pub mod fuzzing;
pub mod keys;
mod knowledge;
mod names;
mod rules;

const APTPL: Opt = Opt::new(
    "aptpl",
    "aptpl",
    Kind::Switch,
    "Ask the devices to keep registrations and reservation through a loss of power (APTPL). The last node that registers decides for all of them",
)
.short('a');

const DEVICES: Opt = Opt::new(
    "devices",
    "devices",
    Kind::Text,
    "Devices to fence on, separated by commas or white space, such as /dev/disk/by-id/wwn-0x5000c500a1b2c3d4; the same ones on every node. Without it, the physical volumes of all shared and clustered volume groups that vgs shows. Each must support persistent reservations",
)
.short('d')
.suffix("=[devices]");

const KEY: Opt = Opt::new(
    "key",
    "key",
    Kind::Text,
    "Key of the node, one to sixteen hexadecimal digits: the one to register for on, the one to remove for off. It takes the place of the key that is made from the node's name",
)
.short('k')
.suffix("=[key]");

const NODE: Opt = options::PLUG
    .suffix("=[nodename]")
    .text("Name of the node, as corosync's node list has it: its key is made from it. nodename, which clusters send, comes first");

const MPATH_REGISTER_METHOD: Opt = Opt::new(
    "mpath_register_method",
    "mpath-register-method",
    Kind::Choice(&["multi", "single"]),
    "Where to register a device-mapper map: multi on every path below it, single on the map itself",
)
.suffix("=[multi|single]")
.string_in_metadata()
.default("multi");

const READONLY: Opt = Opt::new(
    "readonly",
    "readonly",
    Kind::Switch,
    "Open devices for reading only, also for the commands that register, reserve and remove. For asking it is always done so",
);

const TAKE_OVER: Opt = Opt::new(
    "take_over",
    "take-over",
    Kind::Switch,
    "Let off reserve a device without any registrations also where nothing tells that it is the one on which this node was switched on: neither what on wrote down about it, nor this node's key on another device. And let on take another disk than the one that was there before. Any disk that has nothing to do with the nodes looks the same, so give it only where all devices are sure to be the right ones",
);

const SUPPRESS_ERRORS: Opt = Opt::new(
    "suppress_errors",
    "suppress-errors",
    Kind::Switch,
    "Accepted; it matters only as suppress-errors=yes in /etc/sysconfig/stonith, where it silences the watchdog check while no devices are known",
)
.old("suppress-errors");

const COROSYNC_CMAP_PATH: Opt =
    Opt::new("corosync_cmap_path", "corosync-cmap-path", Kind::Text, "Where corosync-cmapctl is")
        .suffix("=[path]")
        .default("/usr/sbin/corosync-cmapctl");

const VGS_PATH: Opt =
    Opt::new("vgs_path", "vgs-path", Kind::Text, "Where vgs is").suffix("=[path]").default("/sbin/vgs");

const KEY_VALUE: Opt = Opt::new(
    "key_value",
    "key-value",
    Kind::Choice(&["id", METHOD_HASH]),
    "How a key is made from the node's name: id takes the node's position in corosync's node list, which changes when a node before it is removed; hash takes a hash of the name, which doesn't. The same on every node",
)
.suffix("=<id|hash>")
.string_in_metadata()
.default("id");

/// The method that hashes names.
const METHOD_HASH: &str = "hash";

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_scsi",
    shortdesc: "Fence agent for shared disks with SCSI persistent reservations",
    longdesc: "fence_scsi cuts a node off from shared disks and leaves its power alone. Every node registers a key of \
               its own on each disk (action on), and one of them holds a reservation of the type \"write exclusive, \
               registrants only\": who isn't registered can't write. Action off removes the key of the node with \
               PREEMPT AND ABORT. It sends the commands itself and needs no other program, except corosync-cmapctl \
               where the key is made from the node's name, and vgs where no devices are given.\
               \n\n\
               Off succeeds only when every disk, read after the command, has lost the key and is reserved with that \
               type by a registrant; otherwise it fails and names each disk. Where there are several disks the one \
               with the lowest worldwide name decides which of two nodes that fence each other survives. A node \
               that has been fenced can't fence others until action on has been run there again.\
               \n\n\
               On writes down which disks the devices are (/var/run/cluster.wwid). Off takes no other disk behind the same \
               path, and a disk without registrations only where something says that it is the right one: this file, \
               expect_wwid, expect_serial, the node's own key on another device, or take_over.\
               \n\n\
               A fenced node goes on running. To have it restarted, link fence_scsi_check or \
               fence_scsi_check_hardreboot from /usr/share/cluster into /etc/watchdog.d. Their settings are in \
               /etc/sysconfig/stonith: retry, retry-sleep (seconds), verbose=yes, and strict=yes to demand the key on \
               every disk that answers in place of any.",
    vendor_url: "",
    examples: &[
        "-n node2 -o status",
        "-n node2 -o off -v",
    ],
    aliases: &[],
    options: &[
        &[
            options::ACTION.default("off"),
            APTPL,
            DEVICES,
            KEY,
            NODE,
            MPATH_REGISTER_METHOD,
            READONLY,
            TAKE_OVER,
            SUPPRESS_ERRORS,
            options::LOGFILE,
            COROSYNC_CMAP_PATH,
            KEY_VALUE,
            tool_path("sg_persist_path", "sg_persist-path"),
            tool_path("sg_turs_path", "sg_turs-path"),
            VGS_PATH,
            options::EXPECT_SERIAL.text(
                "Serial numbers of all the devices, as explain shows them: devices that tell others, or none, are sent no command",
            ),
            options::EXPECT_WWID,
        ],
        options::COMMON,
    ],
    defaults: &[],
    actions: &[
        Action::On,
        Action::Off,
        Action::Status,
        Action::Monitor,
        Action::Metadata,
        Action::Manpage,
        Action::ValidateAll,
        Action::Doctor,
        Action::Evidence,
    ],
    unadvertised: &[],
    default_action: Action::Off,
    unfencing: Unfencing::AutomaticOnTarget,
    plugs: Plugs::Node,
    proof: Proof::Reported,
    check,
    open,
};

/// How long corosync-cmapctl or vgs may take at once, where the caller leaves more.
const TOOL_LIMIT: Duration = Duration::from_secs(20);

/// What vgs is asked for. It must not wait for a lock that a dead node may hold, and calls a disk the same as the
/// state file does.
const VGS_ARGUMENTS: &[&str] = &[
    "--noheadings",
    "--separator",
    ":",
    "--sort",
    "pv_uuid",
    "--options",
    "vg_attr,pv_name",
    "--config",
    "global { locking_type = 0 } devices { preferred_names = [ \"^/dev/dm\" ] }",
];

/// How many devices there may be: each gets a process of its own, all at once.
const MOST_DEVICES: usize = 1024;

fn too_many(devices: usize) -> String {
    format!("{devices} devices are more than the {MOST_DEVICES} that one action takes")
}

fn check(settings: &Settings) -> Result<(), Error> {
    key(settings)?;
    let bad_devices = |why: String| Error::bad_input(settings.called(&DEVICES), why);
    match given_devices(settings) {
        Some(devices) if devices.is_empty() => return Err(bad_devices("this names no device".to_owned())),
        Some(devices) if devices.len() > MOST_DEVICES => return Err(bad_devices(too_many(devices.len()))),
        _ => {}
    }
    let of_this_node = |word| matches!(AGENT.action(word), Ok(Action::Monitor | Action::Doctor));
    let needs_node = !settings.text(&options::ACTION).is_some_and(of_this_node);
    if needs_node && node(settings).is_none() && !settings.is_given(&KEY) {
        let why = format!("nodename or key is required; the key is given as {}", settings.called(&KEY));
        return Err(Error::bad_input(settings.called(&NODE), why));
    }
    Ok(())
}

fn key(settings: &Settings) -> Result<Option<Key>, Error> {
    settings
        .text(&KEY)
        .map(|text| {
            text.parse().map_err(|why| Error::bad_input(settings.called(&KEY), format!("'{text}': {why}")))
        })
        .transpose()
}

fn node(settings: &Settings) -> Option<&str> {
    settings.node().or_else(|| settings.text(&NODE))
}

/// The devices as given, each once.
fn given_devices(settings: &Settings) -> Option<Vec<String>> {
    let given = settings.text(&DEVICES)?.split(|c: char| c == ',' || c.is_whitespace());
    let mut known = HashSet::new();
    Some(given.filter(|device| !device.is_empty() && known.insert(*device)).map(str::to_owned).collect())
}

fn open(settings: &Settings, times: &Times) -> Result<Box<dyn Describe>, Error> {
    let path = |option| settings.text(option).unwrap_or_default().to_owned();
    let devices = given_devices(settings);
    Ok(Box::new(SharedDisks {
        node: node(settings).map(str::to_owned),
        key: key(settings)?,
        key_given: settings.is_given(&KEY),
        method: if settings.choice(&KEY_VALUE) == Some(METHOD_HASH) {
            KeyMethod::Hash
        } else {
            KeyMethod::Id
        },
        corosync_cmapctl: path(&COROSYNC_CMAP_PATH),
        vgs: path(&VGS_PATH),
        found_by_vgs: devices.is_none(),
        devices,
        manner: Manner {
            aptpl: settings.is_on(&APTPL),
            readonly: settings.is_on(&READONLY),
            every_path: settings.choice(&MPATH_REGISTER_METHOD) != Some("single"),
            known: BTreeMap::new(),
        },
        take_over: settings.is_on(&TAKE_OVER)
            || settings.is_given(&options::EXPECT_WWID)
            || settings.is_given(&options::EXPECT_SERIAL),
        shell: times.shell,
        sent: None,
        declined: false,
        read: BTreeSet::new(),
        last: Vec::new(),
    }))
}

/// The disks that the nodes share, and the one node that is meant.
struct SharedDisks {
    node: Option<String>,
    key: Option<Key>,
    /// It is the user's, and not made from the node's name.
    key_given: bool,
    method: KeyMethod,
    corosync_cmapctl: String,
    vgs: String,
    /// `None` until they have been found.
    devices: Option<Vec<String>>,
    found_by_vgs: bool,
    manner: Manner,
    /// Somebody says that disks without registrations are the right ones: these, whatever they are, or those that the
    /// options name, which are compared before anything is sent.
    take_over: bool,
    /// What the disks have been sent: from then on a look demands the proof of it.
    sent: Option<Power>,
    /// Disks declined what was sent last, and may carry it out later: until then a look that lacks the proof isn't the
    /// end.
    declined: bool,
    /// How long the reading may take.
    shell: Option<Duration>,
    /// The devices that could be read in this run.
    read: BTreeSet<String>,
    /// How each device was found last.
    last: Vec<Result<Reading, Trouble>>,
}

impl SharedDisks {
    fn node_key(&self, node: &str, by: Deadline) -> Result<Key, Error> {
        let ask = |key| tool(&self.corosync_cmapctl, &[key], by);
        let (cluster, nodes) = (ask("totem.cluster_name")?, ask("nodelist")?);
        keys::cluster_name(&cluster)
            .and_then(|cluster| keys::node_key(cluster, &keys::node_list(&nodes)?, node, self.method))
            .map_err(local)
    }

    fn the_key(&self) -> Result<Key, Error> {
        self.key.ok_or_else(|| Error::Local { what: "the node's key isn't known".to_owned() })
    }

    fn the_devices(&self) -> Result<Vec<String>, Error> {
        self.devices.clone().filter(|devices| !devices.is_empty()).ok_or_else(|| Error::Local {
            what: "no devices found: vgs shows no shared or clustered volume group; devices=... names disks"
                .to_owned(),
        })
    }

    /// Does the task on every device. Whoever is met behind a device for the first time is the one that is meant in this
    /// run.
    fn visit(&mut self, devices: &[String], task: Task, by: Deadline) -> Vec<Result<Reading, Trouble>> {
        let mut outcomes = together(devices, task, &self.manner, by);
        for (device, outcome) in devices.iter().zip(&mut outcomes) {
            let met = match outcome {
                Ok(reading) => {
                    self.read.insert(device.clone());
                    Some(&reading.names)
                }
                Err(trouble) => {
                    // It could be read before: that doesn't end with one bad moment.
                    if trouble.nature == Nature::Unreadable && self.read.contains(device) {
                        trouble.nature = Nature::Passing;
                    }
                    trouble.met.as_ref()
                }
            };
            if let Some(names) = met {
                let known = || Known { names: names.clone(), ..Known::default() };
                self.manner.known.entry(device.clone()).or_insert_with(known);
            }
        }
        outcomes
    }

    /// Every device's reading, or an error that names each device without one.
    fn readings(&mut self, devices: &[String], task: Task, by: Deadline) -> Result<Vec<Reading>, Error> {
        let outcomes = self.visit(devices, task, by);
        all(devices, outcomes)
    }

    /// The proof of what was sent, on every device.
    fn prove(
        &self,
        devices: &[String],
        readings: &[Reading],
        rule: impl Fn(&Reading) -> Result<(), String>,
    ) -> Result<(), Error> {
        judge(devices, readings, rule).map_err(|error| match error {
            Error::Devices { failed, verdict: Joint::Final } if self.declined => {
                Error::Devices { failed, verdict: Joint::Passing }
            }
            error => error,
        })
    }

    /// Registers the node on every device.
    fn switch_on(&mut self, by: Deadline) -> Result<(), Error> {
        let (key, devices) = (self.the_key()?, self.the_devices()?);
        let before = self.readings(&devices, Task::Read, by)?;
        judge(&devices, &before, rules::foreign_reservation)?;
        self.expect_no_stray(&devices, &before, key)?;
        files::write_key(key)?;
        let outcomes = self.visit(&devices, Task::Register(key), by);
        let (mut registered, mut names) = (Vec::new(), Stored::new());
        for (device, outcome) in devices.iter().zip(&outcomes) {
            if let Ok(reading) = outcome {
                registered.push(device.as_str());
                names.insert(device.clone(), reading.names.clone());
            }
        }
        files::add_devices(&registered)?;
        if let Err(error) = files::store(&names) {
            warn!(
                "{error}: which disks these are isn't written down, and off takes over none that has lost its registrations"
            );
        }
        for (device, reading) in devices.iter().zip(all(&devices, outcomes)?) {
            for note in reading.notes {
                warn!("device {device}: {note}");
            }
        }
        Ok(())
    }

    /// A path may come to mean another disk, and somebody may have put one there on purpose. The latter is believed of
    /// a disk that this cluster's nodes use already: this node's key is on it, or a key that is also on a listed disk
    /// that is known. That somebody is registered says nothing: other clusters have disks too.
    fn expect_no_stray(&self, devices: &[String], readings: &[Reading], key: Key) -> Result<(), Error> {
        // What can't be read is written anew.
        let stored = files::stored().unwrap_or_default();
        let found = acquaintances(&named(devices, readings), &stored);
        let known = readings.iter().zip(&found).filter(|(_, found)| **found == Ok(Acquaintance::Known));
        let ours: HashSet<Key> = known.flat_map(|(reading, _)| &reading.keys).copied().chain([key]).collect();
        let mut failed = Vec::new();
        for ((device, reading), why) in devices.iter().zip(readings).zip(found.into_iter().map(Result::err)) {
            let is_ours = reading.keys.iter().any(|key| ours.contains(key));
            match why {
                Some(why) if !is_ours && !self.take_over => failed.push((
                    device.clone(),
                    format!(
                        "another disk stands there than before, and no key on it says that it is this cluster's: \
                         {why}. If it was replaced, set take_over=1 once"
                    ),
                )),
                Some(why) => warn!("device {device}: another disk stands there than before: {why}"),
                None => {}
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(Error::Devices { failed, verdict: Joint::Final }) }
    }

    /// What is known of each device from when this node was switched on.
    ///
    /// # Errors
    /// One that names each device behind which another disk stands than then.
    fn recognised(&self, devices: &[String], readings: &[Reading]) -> Result<Vec<Acquaintance>, Error> {
        let stored = files::stored()?;
        let (mut known, mut failed) = (Vec::new(), Vec::new());
        for (device, found) in devices.iter().zip(acquaintances(&named(devices, readings), &stored)) {
            match found {
                Ok(one) => known.push(one),
                Err(why) => failed.push((
                    device.clone(),
                    format!(
                        "another disk stands there: {why}. If it was replaced, run the action on here with \
                         take_over=1; nothing was sent to it"
                    ),
                )),
            }
        }
        if failed.is_empty() { Ok(known) } else { Err(Error::Devices { failed, verdict: Joint::Final }) }
    }

    /// Whether something says of each device that it is the one meant, also where it has no registrations: it is the one
    /// that this node was switched on with, an option names it or says so, or this node's key is still on it or on another
    /// one.
    fn vouched(
        &self,
        devices: &[String],
        readings: &[Reading],
        own: Key,
    ) -> Result<BTreeMap<String, bool>, Error> {
        let known = self.recognised(devices, readings)?;
        let mine = readings.iter().any(|reading| reading.has(own));
        let each = devices.iter().zip(known).map(|(device, known)| {
            let before = self.manner.known.get(device).is_some_and(|known| known.vouched);
            let vouched = self.take_over || mine || before || known == Acquaintance::Known;
            (device.clone(), vouched)
        });
        Ok(each.collect())
    }

    /// This node's key and the victim's.
    fn opponents(&self) -> Result<(Key, Key), Error> {
        let victim = self.the_key()?;
        let own = files::own_key()?;
        if own == victim {
            return Err(Error::Local {
                what: format!("You can not fence yourself: {own} is this node's own key"),
            });
        }
        Ok((own, victim))
    }

    /// The devices, none of which is missing.
    fn devices_to_fence_on(&self) -> Result<Vec<String>, Error> {
        let devices = self.the_devices()?;
        if self.found_by_vgs {
            expect_all_known(&devices)?;
        }
        Ok(devices)
    }

    /// Removes the victim's key from every device.
    fn switch_off(&mut self, by: Deadline) -> Result<(), Error> {
        let (own, victim) = self.opponents()?;
        let devices = self.devices_to_fence_on()?;
        // Nothing is sent to any device before each of them has been read, recognised and found in order.
        let before = self.readings(&devices, Task::Read, by)?;
        let vouched = self.vouched(&devices, &before, own)?;
        judge_each(&devices, &before, |device, reading| {
            rules::allowed_step(reading, own, victim, vouched.get(device) == Some(&true)).map(drop)
        })?;
        for (device, vouched) in vouched {
            self.manner.known.entry(device).or_default().vouched = vouched;
        }
        let (arbiter, rest) = arbiter_first(devices, before);
        let fence = Task::Fence { own, victim };
        for devices in [vec![arbiter], rest] {
            // Of two nodes that fence each other only the one that wins here gets any further.
            let after = self.readings(&devices, fence, by)?;
            judge(&devices, &after, |reading| rules::proof_of_off(reading, victim))?;
        }
        Ok(())
    }

    /// What the readings say where nothing has been sent.
    fn state(key: Key, devices: &[String], readings: &[Reading]) -> State {
        let lacking: Vec<&str> = devices
            .iter()
            .zip(readings)
            .filter(|(_, reading)| !reading.has(key))
            .map(|(device, _)| device.as_str())
            .collect();
        if lacking.len() == devices.len() {
            return State::Off;
        }
        if !lacking.is_empty() {
            warn!("the key {key} is registered, but not on {}", lacking.join(", "));
        }
        State::On
    }
}

/// Each device with what it says it is.
fn named<'a>(devices: &'a [String], readings: &'a [Reading]) -> Vec<(&'a str, &'a Names)> {
    devices.iter().zip(readings).map(|(device, reading)| (device.as_str(), &reading.names)).collect()
}

/// The readings, or an error that names each device without one.
fn all(devices: &[String], outcomes: Vec<Result<Reading, Trouble>>) -> Result<Vec<Reading>, Error> {
    let (mut readings, mut failed, mut natures) = (Vec::new(), Vec::new(), Vec::new());
    if outcomes.len() != devices.len() {
        return Err(Error::Unexpected { what: "not every device has an outcome".to_owned() });
    }
    for (device, outcome) in devices.iter().zip(outcomes) {
        match outcome {
            Ok(reading) => readings.push(reading),
            Err(trouble) => {
                natures.push(trouble.nature);
                failed.push((device.clone(), trouble.why));
            }
        }
    }
    let Some(verdict) = joint(&natures) else { return Ok(readings) };
    Err(Error::Devices { failed, verdict })
}

/// What these troubles come to; `None` where there is none.
fn joint(natures: &[Nature]) -> Option<Joint> {
    let every = |some: &[Nature]| natures.iter().all(|nature| some.contains(nature));
    use Nature::{Conflict, Declined, Nameless, Passing, Refused, Unreached};
    Some(match natures {
        [] => return None,
        _ if every(&[Refused, Conflict]) => Joint::Refused,
        _ if every(&[Refused, Conflict, Declined]) => Joint::Declined,
        _ if !every(&[Passing, Unreached, Declined, Nameless]) => Joint::Final,
        _ if natures.contains(&Unreached) => Joint::Unreached,
        _ => Joint::Passing,
    })
}

/// Every reading as it should be, or an error that names each device that isn't.
fn judge(
    devices: &[String],
    readings: &[Reading],
    rule: impl Fn(&Reading) -> Result<(), String>,
) -> Result<(), Error> {
    judge_each(devices, readings, |_, reading| rule(reading))
}

/// The same with a rule that differs between devices.
fn judge_each(
    devices: &[String],
    readings: &[Reading],
    rule: impl Fn(&str, &Reading) -> Result<(), String>,
) -> Result<(), Error> {
    let failed: Vec<(String, String)> = devices
        .iter()
        .zip(readings)
        .filter_map(|(device, reading)| rule(device, reading).err().map(|why| (device.clone(), why)))
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::Devices { failed, verdict: Joint::Final }) }
}

/// The device with the lowest worldwide name, which is the same one for every node; and the others. One without
/// a name comes last.
fn arbiter_first(devices: Vec<String>, readings: Vec<Reading>) -> (String, Vec<String>) {
    let mut ranked: Vec<(bool, Option<String>, String)> = devices
        .into_iter()
        .zip(readings)
        .map(|(device, reading)| (reading.names.wwid.is_none(), reading.names.wwid, device))
        .collect();
    ranked.sort();
    let mut ordered = ranked.into_iter().map(|(_, name, device)| {
        debug!("{device}: worldwide name {}", name.as_deref().unwrap_or("unknown"));
        device
    });
    let arbiter = ordered.next().unwrap_or_default();
    (arbiter, ordered.collect())
}

/// A device on which this node was registered, and which isn't found any more, may still be written to by the
/// victim.
fn expect_all_known(found: &[String]) -> Result<(), Error> {
    let numbers: HashSet<u64> = found.iter().filter_map(|device| number(device)).collect();
    let is_there =
        |known: &String| found.contains(known) || number(known).is_some_and(|one| numbers.contains(&one));
    let missing = files::known_devices()?
        .into_iter()
        .filter(|known| !is_there(known))
        .map(|known| (known, "this node was registered on it, and vgs doesn't show it any more".to_owned()));
    let failed: Vec<(String, String)> = missing.collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::Devices { failed, verdict: Joint::Final }) }
}

/// The number of the block device that a path leads to.
fn number(device: &str) -> Option<u64> {
    std::fs::metadata(device).map(|meta| meta.rdev()).ok()
}

/// Whether two paths lead to one block device.
fn same_device(one: &str, other: &str) -> bool {
    one == other || number(one).is_some_and(|one| number(other) == Some(one))
}

fn tool(path: &str, arguments: &[&str], by: Deadline) -> Result<String, Error> {
    debug!("running {path} {}", arguments.join(" "));
    process::output(path, arguments, by.at_most(TOOL_LIMIT)).map_err(|error| {
        let what = format!("{path}: {error}");
        match error {
            Failure::Late { after } => Error::TimeOver { what: path.to_owned(), after },
            _ => Error::Local { what },
        }
    })
}

fn local(error: keys::Error) -> Error {
    Error::Local { what: error.to_string() }
}

impl Device for SharedDisks {
    fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        if let (None, Some(node)) = (self.key, &self.node) {
            let key = self.node_key(node, by)?;
            debug!("the key of {node} is {key}");
            self.key = Some(key);
        }
        if self.devices.is_none() {
            let devices = keys::shared_volumes(&tool(&self.vgs, VGS_ARGUMENTS, by)?).map_err(local)?;
            if devices.len() > MOST_DEVICES {
                return Err(Error::Local { what: too_many(devices.len()) });
            }
            debug!("devices of shared volume groups: {}", devices.join(", "));
            self.devices = Some(devices);
        }
        Ok(())
    }

    /// The node and its devices are found in connecting.
    fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    fn plug_name(&self, _plug: usize) -> String {
        match (&self.node, self.key) {
            (Some(node), _) => format!("node {node}"),
            (None, Some(key)) => format!("the node with the key {key}"),
            (None, None) => "the node".to_owned(),
        }
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        // Doctor may be asked about this node alone.
        let key = self.key.map_or_else(files::own_key, Ok)?;
        let devices = self.the_devices()?;
        let outcomes = self.visit(&devices, Task::Read, by);
        self.remember(&outcomes);
        let readings = all(&devices, outcomes)?;
        let state = match self.sent {
            None => {
                self.recognised(&devices, &readings)?;
                SharedDisks::state(key, &devices, &readings)
            }
            Some(Power::Off) => {
                self.prove(&devices, &readings, |reading| rules::proof_of_off(reading, key))?;
                State::Off
            }
            Some(Power::On) => {
                self.prove(&devices, &readings, |reading| rules::proof_of_on(reading, key))?;
                State::On
            }
        };
        Ok(vec![Seen { state, met: self.met(0) }])
    }

    /// All the disks, once each of them has said who it is.
    fn met(&self, _plug: usize) -> Met {
        let devices = self.devices.as_deref().unwrap_or_default();
        let known: Option<Vec<&Known>> = devices.iter().map(|device| self.manner.known.get(device)).collect();
        let who = |known: &Known| match (&known.names.wwid, &known.names.serial) {
            (Some(wwid), _) => Who::of(IdentityKind::Wwid, wwid),
            (None, Some(serial)) => Who::of(IdentityKind::Serial, serial),
            (None, None) => None,
        };
        Met { who: Who::all(known.unwrap_or_default().into_iter().map(who)), name: None }
    }

    fn switch(&mut self, _plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        self.sent = Some(to);
        let done = match to {
            Power::On => self.switch_on(by),
            Power::Off => self.switch_off(by),
        };
        self.declined = matches!(done, Err(Error::Devices { verdict: Joint::Declined, .. }));
        done.map(|()| Answer::Accepted)
    }

    /// `on` does all its work in any case: a key may be registered for a path that isn't there any more.
    fn tells_already(&self, power: Power) -> bool {
        power == Power::Off
    }

    /// As far as this node goes: it has a key, it knows devices, and the tools that off needs answer.
    fn monitor(&mut self, _by: Deadline) -> Result<(), Error> {
        files::own_key()?;
        files::known_devices()?;
        Ok(())
    }
}

impl Describe for SharedDisks {
    fn known(&self) -> About {
        self.about_the_disks()
    }

    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        self.read_info(by)?;
        Ok(self.known())
    }

    fn plug_facts(&self, _plug: usize) -> Vec<Fact> {
        self.facts()
    }

    fn identity(
        &mut self,
        _plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        self.identities(kinds, by)
    }

    fn plan(&self, _plug: usize, command: Command) -> Vec<String> {
        let steps = match command {
            Command::Switch(Power::Off) => self.plan_off(),
            Command::Switch(Power::On) => self.plan_on(),
            Command::Cycle | Command::Diag => Ok(Vec::new()),
        };
        steps.unwrap_or_else(|error| vec![format!("nothing is sent to any device: {error}")])
    }

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        self.findings(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wwid: Option<&str>) -> Reading {
        let names = Names { wwid: wwid.map(str::to_owned), serial: wwid.is_none().then(|| "0A".to_owned()) };
        Reading { names, ..Reading::default() }
    }

    /// The arbiter among these disks, and the others in their order.
    fn arbiter(disks: &[(&str, Option<&str>)]) -> (String, Vec<String>) {
        let paths = disks.iter().map(|(path, _)| (*path).to_owned()).collect();
        arbiter_first(paths, disks.iter().map(|(_, wwid)| reading(*wwid)).collect())
    }

    #[test]
    fn the_disk_with_the_lowest_worldwide_name_decides_whatever_its_paths_are_on_a_node() {
        let here = [("/dev/sdb", Some("naa.3")), ("/dev/sdc", Some("naa.1")), ("/dev/sdd", Some("naa.2"))];
        let there = [("/dev/sda", Some("naa.2")), ("/dev/sdb", Some("naa.3")), ("/dev/sdz", Some("naa.1"))];
        assert_eq!(
            arbiter(&here),
            ("/dev/sdc".to_owned(), vec!["/dev/sdd".to_owned(), "/dev/sdb".to_owned()])
        );
        assert_eq!(
            arbiter(&there),
            ("/dev/sdz".to_owned(), vec!["/dev/sda".to_owned(), "/dev/sdb".to_owned()])
        );
        let mut turned = here;
        turned.reverse();
        assert_eq!(arbiter(&turned), arbiter(&here));
    }

    #[test]
    fn a_disk_without_a_worldwide_name_never_decides_beside_one_that_has_one() {
        let disks = [("/dev/sda", None), ("/dev/sdb", Some("naa.9")), ("/dev/sdc", None)];
        assert_eq!(arbiter(&disks).0, "/dev/sdb");
        // Among those without there is nothing but the path.
        assert_eq!(arbiter(&[("/dev/sdb", None), ("/dev/sda", None)]).0, "/dev/sda");
    }

    #[test]
    fn what_several_disks_fail_with_is_final_where_one_of_them_is() {
        use Nature::{
            Conflict, Declined, Forbidden, Nameless, Passing, Refused, Stranger, Unreached, Unreadable,
        };
        for (natures, verdict) in [
            (&[][..], None),
            (&[Passing], Some(Joint::Passing)),
            (&[Nameless], Some(Joint::Passing)),
            (&[Nameless, Stranger], Some(Joint::Final)),
            (&[Passing, Unreached], Some(Joint::Unreached)),
            (&[Refused, Refused], Some(Joint::Refused)),
            // The others could still refuse it, or be another disk.
            (&[Refused, Passing], Some(Joint::Final)),
            (&[Refused, Forbidden], Some(Joint::Final)),
            (&[Passing, Stranger], Some(Joint::Final)),
            (&[Unreadable, Unreached], Some(Joint::Final)),
            (&[Conflict], Some(Joint::Refused)),
            (&[Declined, Refused], Some(Joint::Declined)),
            (&[Declined, Passing], Some(Joint::Passing)),
            (&[Declined, Forbidden], Some(Joint::Final)),
        ] {
            assert_eq!(joint(natures), verdict, "{natures:?}");
        }
    }
}
