//! What one run is: decided by the dice before it begins.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::super::{Dice, Limits};
use super::lun::{FENCING, Lun, REGISTER_AND_IGNORE, RESERVE};
use super::scene::{Act, Done, Fault, Met, Scene, Unit, VICTIM, Watched, What, Wire};
use super::wire::{UNITS, path};

/// The keys that a cluster called `labcluster` gives its nodes: by position, and by the hash of their names
/// `node1` to `node4`. MD5 of the cluster's name begins with c8fb.
const BY_POSITION: [u64; 4] = [0xc8fb_0000, 0xc8fb_0001, 0xc8fb_0002, 0xc8fb_0003];
const BY_HASH: [u64; 4] = [0xc8fb_1645, 0xc8fb_7888, 0xc8fb_1315, 0xc8fb_9e22];

/// corosync-cmapctl of that cluster.
pub(super) const COROSYNC: &str = "#!/bin/sh\n\
    case $1 in\n\
    totem.cluster_name) echo 'totem.cluster_name (str) = labcluster' ;;\n\
    nodelist) for n in 0 1 2 3; do\n\
    echo \"nodelist.node.$n.name (str) = node$((n + 1))\"\n\
    echo \"nodelist.node.$n.ring0_addr (str) = 192.0.2.$((n + 1))\"\n\
    done ;;\n\
    esac\n";

/// How often in a hundred a run is one of these.
const CONTROL: u64 = 8;
const RACE: u64 = 8;
const LIFTED: u64 = 5;
/// How often in a hundred a run of the control group has one bad moment.
const MOMENT: u64 = 40;
/// How often in a hundred another disk comes into the place of one.
const STRANGER: u64 = 12;

/// For ever.
const ALWAYS: u32 = u32::MAX;

/// An agent that is run.
#[derive(Debug)]
pub(super) struct Call {
    /// What it reads on stdin.
    pub(super) options: Vec<(String, String)>,
    /// The content of its state files.
    pub(super) key_file: Option<String>,
    pub(super) device_file: Option<String>,
    pub(super) names_file: Option<String>,
    /// What vgs shows.
    pub(super) vgs: String,
}

/// A run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) action: &'static str,
    /// One agent, or two that fence each other.
    pub(super) calls: Vec<Call>,
    pub(super) limits: Limits,
    /// Called by the cluster manager, which keeps the time.
    pub(super) lifted: bool,
    /// Nothing is wrong, or only for a moment: it has to succeed, and has the time for it on a busy machine too.
    pub(super) control: bool,
    /// What was wrong before the run began.
    pub(super) wrong: Vec<&'static str>,
    /// Whether a fault may hang.
    pub(super) hangs: bool,
    pub(super) scene: Scene,
    pub(super) story: String,
}

impl Plan {
    /// Rolls one.
    pub(super) fn roll(dice: &mut Dice, directory: &Path) -> Plan {
        let control = dice.chance(CONTROL);
        let race = dice.chance(RACE);
        let action = match dice.below(40) {
            _ if race => "off",
            0..=31 => "off",
            32..=35 => "on",
            36..=38 => "status",
            _ => "monitor",
        };
        let lifted = !control && !race && dice.chance(LIFTED);
        let mut wrong = Vec::new();
        let nodes = 2 + dice.below(3);
        let count = 1 + dice.below(UNITS);
        let (keys, style) = keys(dice);
        let aptpl = dice.chance(20);
        // An agent that fences gives the victim's key, one that switches a node on its own.
        let named = if action == "on" { 0 } else { VICTIM };

        let mut units: Vec<Unit> = (0..count).map(|number| unit(dice, number, &keys, nodes)).collect();
        let nexuses = 4;
        if race {
            both_registered(dice, &mut units, &keys);
        } else {
            vary(dice, &mut units, &keys, action);
        }
        if dice.chance(10) {
            crowd(dice, &mut units);
        }
        for unit in &mut units {
            unit.fixed_sense = dice.chance(50);
            unit.lun.settle();
            unit.lun.can_persist |= aptpl;
            if dice.chance(20) {
                unit.lun.attention(0, *dice.pick(ATTENTIONS));
            }
        }
        if !control && !race {
            spoil(dice, &mut units, &keys, action, nodes, aptpl, &mut wrong);
        }
        let names = units.iter().map(|unit| unit.lun.name_line()).collect();
        if control && matches!(action, "off" | "on") && dice.chance(MOMENT) {
            let at = dice.below(count);
            let fault = bad_moment(dice, units[at].fixed_sense);
            units[at].faults.push(fault);
        }
        let strange = !control && !race && dice.chance(STRANGER);
        if strange {
            let at = dice.below(count);
            stranger(dice, &mut units[at], &keys, action, &mut wrong);
        }
        // What kills whoever has met the right disk first leaves nobody who could tell the difference.
        if !(control || strange && action == "on") {
            for _ in 0..[1, 1, 1, 2, 2, 3][dice.below(6)] {
                let at = dice.below(count);
                if let Some(fault) = fault(dice, action, lifted, race, &units[at]) {
                    units[at].faults.push(fault);
                }
            }
        }
        let hangs =
            units.iter().flat_map(|unit| &unit.faults).any(|fault| matches!(fault.what, What::Hangs { .. }));

        let patient = control || race;
        let seconds = |dice: &mut Dice, least, most, patient_one| {
            Duration::from_secs(if patient { patient_one } else { dice.between(least, most) })
        };
        let limits = Limits {
            login: seconds(dice, 2, 2, 10),
            shell: seconds(dice, 1, 2, 10),
            power: seconds(dice, 2, 4, 10),
            power_wait: Duration::from_secs(u64::from(dice.chance(5))),
            delay: Duration::from_secs(u64::from(!race && dice.chance(3))),
            retry_on: 1,
        };
        let options = common(dice, &limits, aptpl, style, directory);
        let shared = Shared { action, names, keys: &keys, style, options, directory };
        let calls = (0..if race { 2 } else { 1 })
            .map(|node| {
                let target = if race { 1 - node } else { named };
                let call = call(dice, node, target, &shared);
                if control || race { call } else { damaged(dice, call, action, strange, &mut wrong) }
            })
            .collect();

        let watched: &[Watched] = match (race, action) {
            (true, _) => &[Watched::Writes(keys[1]), Watched::Writes(keys[0])],
            (_, "on") => &[Watched::Joined(0, keys[0])],
            (_, "status") => &[Watched::Registered(keys[named])],
            _ => &[Watched::Writes(keys[named])],
        };
        let mut story = format!(
            "  {action}{}{}, {count} units, {nodes} nodes\n",
            if race { " by two at once" } else { "" },
            if lifted { " in Pacemaker's environment" } else { "" }
        );
        for (number, unit) in units.iter().enumerate() {
            for fault in &unit.faults {
                let _ = writeln!(story, "  fault of unit {number}: {fault:?}");
            }
        }
        let scene = Scene::new(units, keys.to_vec(), nexuses, watched);
        let _ = writeln!(story, "  at first: {}", scene.world().in_words());
        Plan { action, calls, limits, lifted, control, wrong, hangs, scene, story }
    }
}

/// How the agent learns of a node's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Given,
    Position,
    Hash,
}

fn keys(dice: &mut Dice) -> ([u64; 4], Style) {
    match dice.below(5) {
        0 => (BY_POSITION, Style::Position),
        1 => (BY_HASH, Style::Hash),
        2 => ([0xa1, 0xb2, 0xc3, 0xd4], Style::Given),
        // Any 64 bits but 0; neighbours, so that a slip of one bit makes another node of it.
        _ => {
            let first = dice.number() | 1 << 62;
            ([first, first ^ 1, first ^ 2, first ^ 1 << 63], Style::Given)
        }
    }
}

/// A unit as it is in a healthy cluster: all nodes are registered, and one of them holds the reservation.
fn unit(dice: &mut Dice, number: usize, keys: &[u64; 4], nodes: usize) -> Unit {
    let mut name = [0; 16];
    name.copy_from_slice(&dice.bytes(16));
    // NAA 6, IEEE Registered Extended.
    name[0] = 0x60 | name[0] & 0x0f;
    name[15] = number as u8;
    let mut lun = Lun::new(Some(name), dice.chance(50));
    let persist = lun.can_persist && dice.chance(50);
    for (node, key) in keys.iter().enumerate().take(nodes) {
        lun.act(node, REGISTER_AND_IGNORE, 0, 0, *key, persist);
    }
    let holder = dice.below(nodes);
    lun.act(holder, RESERVE, FENCING, keys[holder], 0, false);
    Unit::new(lun)
}

/// Two nodes that race are registered everywhere, and one of the two holds the reservation where the other nodes
/// don't: nothing more to do.
fn both_registered(dice: &mut Dice, units: &mut [Unit], keys: &[u64; 4]) {
    // Some units have lost the reservation, which is no reason for two winners.
    if dice.chance(10) {
        let at = dice.below(units.len());
        units[at].lun = bare(units[at].lun.clone(), keys, &[0, 1]);
    }
}

/// The same unit, with these nodes registered and no reservation.
fn bare(lun: Lun, keys: &[u64; 4], nodes: &[usize]) -> Lun {
    let mut bare = Lun::new(lun.name, lun.can_persist);
    for &node in nodes {
        bare.act(node, REGISTER_AND_IGNORE, 0, 0, keys[node], false);
    }
    bare
}

/// What may be found on units without anything being wrong.
fn vary(dice: &mut Dice, units: &mut [Unit], keys: &[u64; 4], action: &str) {
    let everywhere = dice.chance(30);
    let chosen = dice.below(units.len());
    let kind = dice.below(20);
    for (number, unit) in units.iter_mut().enumerate() {
        if !everywhere && number != chosen {
            continue;
        }
        let lun = unit.lun.clone();
        unit.lun = match kind {
            // The victim is off, or out of the list, already.
            0 | 1 => reserved(bare(lun, keys, &[0]), keys, 0),
            2 => reserved(bare(lun, keys, &[0, 2]), keys, 2),
            // Nobody has reserved it.
            3 => bare(lun, keys, &[0, 1]),
            4 => bare(lun, keys, &[0]),
            // It has lost everything.
            5 | 6 => bare(lun, keys, &[]),
            // A node that is to be switched on isn't registered, or is under another key.
            7..=12 if action == "on" => reserved(bare(lun, keys, &[1]), keys, 1),
            13 | 14 if action == "on" => {
                let mut lun = reserved(bare(lun, keys, &[1]), keys, 1);
                lun.act(0, REGISTER_AND_IGNORE, 0, 0, 0x0dd, false);
                lun
            }
            // It has no worldwide name.
            15 => {
                let mut lun = lun;
                lun.name = None;
                lun
            }
            _ => lun,
        };
    }
}

fn reserved(mut lun: Lun, keys: &[u64; 4], holder: usize) -> Lun {
    lun.act(holder, RESERVE, FENCING, keys[holder], 0, false);
    lun
}

/// More registrants than there is room for in the first answer.
fn crowd(dice: &mut Dice, units: &mut [Unit]) {
    let at = dice.below(units.len());
    if units[at].lun.keys().count() == 0 {
        return;
    }
    for host in 0..40 + dice.below(160) {
        units[at].lun.act(100 + host, REGISTER_AND_IGNORE, 0, 0, 0x1000 + host as u64, false);
    }
}

/// What makes the agent fail, or has to.
fn spoil(
    dice: &mut Dice,
    units: &mut [Unit],
    keys: &[u64; 4],
    action: &str,
    nodes: usize,
    aptpl: bool,
    wrong: &mut Vec<&'static str>,
) {
    let at = dice.below(units.len());
    let lun = units[at].lun.clone();
    match dice.below(24) {
        0 | 1 if action == "off" => {
            let others: Vec<usize> = (1..nodes).collect();
            units[at].lun = reserved(bare(lun, keys, &others), keys, VICTIM);
            wrong.push("caller fenced");
        }
        2 => {
            let mut lun = bare(lun, keys, &[0, 1]);
            let kind = *dice.pick(&[1, 3, 6, 7, 8]);
            let holder = dice.below(2);
            lun.act(holder, RESERVE, kind, keys[holder], 0, false);
            units[at].lun = lun;
            wrong.push("another type");
        }
        3..=6 if aptpl => {
            units[at].lun = Lun::new(lun.name, false);
            wrong.push("no aptpl");
        }
        _ => return,
    }
    units[at].lun.settle();
}

/// Another disk comes into the place of one, or gets its name: since this node was switched on, or within the run. The
/// one that is meant goes on elsewhere.
fn stranger(dice: &mut Dice, unit: &mut Unit, keys: &[u64; 4], action: &str, wrong: &mut Vec<&'static str>) {
    let mut other = Lun::new(Some([0x60; 16]), dice.chance(50));
    other.serial = Some("ANOTHER".to_owned());
    // A spare one, one that looks as wanted, one that would take the commands, and others' own.
    let registered: &[usize] = match dice.below(6) {
        0 | 1 => &[],
        2 | 3 => &[0],
        4 => &[0, 1],
        _ => &[2, 3],
    };
    other = bare(other, keys, registered);
    if let Some(holder) = registered.first() {
        other = reserved(other, keys, *holder);
    }
    other.settle();
    let fault =
        |name, met, skip: usize, times, what| Fault { name, met, path: None, skip: skip as u32, times, what };
    // Whoever is met first, and says twice who that is, is the one that on is given.
    let first = if action == "on" { 2 } else { 0 };
    match dice.below(4) {
        0 if action != "on" => {
            unit.stranger = Some(other);
            unit.replaced = true;
            wrong.push("another disk since on");
        }
        1 => {
            let what = What::Replaced(Box::new(other));
            unit.faults.push(fault("another disk", Met::Any, first + dice.below(24), 1, what));
        }
        which => {
            let times = if which == 2 { ALWAYS } else { 1 };
            let what = What::Renamed(Box::new(other));
            let skip = first.min(1) + dice.below(7);
            unit.faults.push(fault("another disk by the name", Met::Opening, skip, times, what));
        }
    }
}

/// An answer to one command that only reads, of a kind that would be final if it stayed so.
fn bad_moment(dice: &mut Dice, fixed: bool) -> Fault {
    let refused = |asc| What::Answered { wire: Wire::check(5, asc, 0, fixed, false), done: false };
    let what = match dice.below(6) {
        0 => refused(0x20),
        1 => refused(0x24),
        2 => What::Answered { wire: Wire { status: 0x18, ..Wire::default() }, done: false },
        3 => What::Truncated { keep: dice.below(12), silent: false },
        4 => What::Answered { wire: Wire { host: 0x07, ..Wire::default() }, done: false },
        _ => What::Answered { wire: Wire { errno: libc::EIO, ..Wire::default() }, done: false },
    };
    let met = *dice.pick(&[Met::Reads, Met::Keys, Met::Reservations, Met::Inquiries]);
    let skip = dice.below(9) as u32;
    Fault { name: "one bad moment", met, path: None, skip, times: 1, what }
}

/// Options that all calls of a run have.
fn common(
    dice: &mut Dice,
    limits: &Limits,
    aptpl: bool,
    style: Style,
    directory: &Path,
) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: String| options.push((name.to_owned(), value));
    add("power_timeout", limits.power.as_secs().to_string());
    add("login_timeout", limits.login.as_secs().to_string());
    add("shell_timeout", limits.shell.as_secs().to_string());
    for (name, time) in [("power_wait", limits.power_wait), ("delay", limits.delay)] {
        if !time.is_zero() {
            add(name, time.as_secs().to_string());
        }
    }
    if aptpl {
        add("aptpl", "1".to_owned());
    }
    if dice.chance(20) {
        add("readonly", "1".to_owned());
    }
    if style != Style::Given {
        add("corosync_cmap_path", directory.join("corosync-cmapctl").display().to_string());
    }
    if style == Style::Hash {
        add("key_value", "hash".to_owned());
    }
    options
}

/// What the calls of a run have in common.
struct Shared<'a> {
    action: &'a str,
    /// What each unit is told from others by.
    names: Vec<String>,
    keys: &'a [u64; 4],
    style: Style,
    options: Vec<(String, String)>,
    directory: &'a Path,
}

fn call(dice: &mut Dice, node: usize, target: usize, shared: &Shared<'_>) -> Call {
    let Shared { action, ref names, keys, style, ref options, directory } = *shared;
    let place = |unit| path(&directory.join("dev"), node, unit).display().to_string();
    let mut devices: Vec<String> = (0..names.len()).map(place).collect();
    // In any order.
    for at in (1..devices.len()).rev() {
        devices.swap(at, dice.below(at + 1));
    }
    let mut options = options.clone();
    let mut add = |name: &str, value: String| options.push((name.to_owned(), value));
    add("action", action.to_owned());
    match style {
        Style::Given => {
            let key = keys[target];
            let key = match dice.below(4) {
                0 => format!("0x{key:x}"),
                1 => format!("{key:X}"),
                2 => format!("{key:016x}"),
                _ => format!("{key:x}"),
            };
            add("key", key);
        }
        Style::Position | Style::Hash => add("nodename", format!("node{}", target + 1)),
    }
    let mut vgs = String::new();
    if dice.chance(5) {
        for device in &devices {
            let _ = writeln!(vgs, "  wz--ns:{device}");
        }
        add("vgs_path", directory.join(format!("vgs{node}")).display().to_string());
    } else {
        add("devices", devices.join([",", " ", ", "][dice.below(3)]));
    }
    let lines: String = devices.iter().map(|device| format!("{device}\n")).collect();
    let named = names.iter().enumerate().map(|(unit, name)| format!("{} {name}\n", place(unit))).collect();
    // A node that is switched on may have no state files yet.
    let new = action == "on" && dice.chance(50);
    Call {
        options,
        key_file: (!new).then(|| format!("{:x}\n", keys[node])),
        device_file: (!new).then_some(lines),
        names_file: (!new).then_some(named),
        vgs,
    }
}

/// State files and surroundings that aren't as they should be.
fn damaged(
    dice: &mut Dice,
    mut call: Call,
    action: &str,
    strange: bool,
    wrong: &mut Vec<&'static str>,
) -> Call {
    match dice.below(40) {
        0 if matches!(action, "off" | "monitor") => {
            call.key_file = dice.pick(&[None, Some(""), Some("zz\n"), Some("0\n")]).map(str::to_owned);
            wrong.push("key file damaged");
        }
        // Switched on by another agent, or an older release. Nobody can tell then which disk is the right one, if
        // another one has come into its place.
        11..=13 if !strange => {
            call.names_file = None;
            wrong.push("names not written down");
        }
        // A unit that the node was registered on, and that vgs has forgotten.
        1..=10 if action == "off" && !call.vgs.is_empty() => {
            call.vgs = call.vgs.lines().skip(1).map(|line| format!("{line}\n")).collect();
            wrong.push("not shown by vgs");
        }
        _ => {}
    }
    call
}

/// Unit attention conditions (SPC-4, annex F): power on, resets, lost nexus, changed parameters, reservations and
/// registrations, capacity, microcode, inquiry data, logical units, cleared commands.
const ATTENTIONS: &[(u8, u8)] = &[
    (0x29, 0x00),
    (0x29, 0x01),
    (0x29, 0x02),
    (0x29, 0x03),
    (0x29, 0x04),
    (0x29, 0x07),
    (0x2a, 0x00),
    (0x2a, 0x01),
    (0x2a, 0x03),
    (0x2a, 0x04),
    (0x2a, 0x05),
    (0x2a, 0x06),
    (0x2a, 0x09),
    (0x2f, 0x00),
    (0x3f, 0x01),
    (0x3f, 0x03),
    (0x3f, 0x0e),
];

/// Additional sense codes with the keys they come with, and some that don't belong together.
const CONDITIONS: &[(u8, u8, u8)] = &[
    (0x0, 0x00, 0x00),
    (0x1, 0x5d, 0x00),
    (0x1, 0x0b, 0x01),
    (0x2, 0x04, 0x00),
    (0x2, 0x04, 0x01),
    (0x2, 0x04, 0x03),
    (0x2, 0x04, 0x0a),
    (0x2, 0x04, 0x0b),
    (0x2, 0x3a, 0x00),
    (0x3, 0x11, 0x00),
    (0x4, 0x44, 0x00),
    (0x5, 0x20, 0x00),
    (0x5, 0x24, 0x00),
    (0x5, 0x25, 0x00),
    (0x5, 0x26, 0x00),
    (0x5, 0x55, 0x04),
    (0x7, 0x27, 0x00),
    (0xb, 0x44, 0x00),
    (0xb, 0x47, 0x00),
    (0xb, 0x4b, 0x00),
    (0xd, 0x00, 0x00),
    (0xe, 0x1d, 0x00),
    (0xf, 0x00, 0x00),
];

/// One fault that makes sense with this action; `None` where the dice give one that doesn't.
fn fault(dice: &mut Dice, action: &str, lifted: bool, race: bool, unit: &Unit) -> Option<Fault> {
    let any = *dice.pick(&[
        Met::Any,
        Met::Any,
        Met::Reads,
        Met::Keys,
        Met::Reservations,
        Met::Changes,
        Met::Changes,
        Met::Inquiries,
        Met::Opening,
    ]);
    let command = if any == Met::Opening { Met::Any } else { any };
    let skip = match any {
        Met::Any | Met::NoInquiries => dice.below(14),
        Met::Reads => dice.below(12),
        Met::Keys | Met::Opening => dice.below(6),
        Met::Reservations => dice.below(4),
        // Most often there is one only.
        Met::Changes | Met::Inquiries => dice.below(5) / 4,
    } as u32;
    let times = match dice.below(10) {
        _ if lifted => 1 + dice.below(5) as u32,
        0..=5 => 1,
        6 | 7 => 2 + dice.below(4) as u32,
        _ => ALWAYS,
    };
    let what = What::Acts(Act::SomebodyPasses);
    let once = Fault { name: "", met: command, path: None, skip, times: 1, what };
    let several = Fault { times, ..once.clone() };
    let often = dice.chance(50);
    let after = dice.millis(1, 2500);
    let done = *dice.pick(&[Done::Never, Done::AtOnce, Done::After(after)]);
    let fixed = unit.fixed_sense;
    let answered = |wire, done| What::Answered { wire, done };
    // One that makes data lie stands alone on its unit, and happens once: the agent reads keys twice. What says the
    // same again and again agrees with itself, and nobody who reads it can tell.
    let honest = unit.faults.iter().all(|fault| !matches!(fault.name, "corrupted" | "truncated silently"));
    let fault = match dice.below(if race { 13 } else { 35 }) {
        0 | 1 => {
            let (asc, ascq) = *dice.pick(ATTENTIONS);
            // Up to more in a row than any device has events.
            let times = if often { 1 + dice.below(40) as u32 } else { times };
            let what = answered(Wire::check(6, asc, ascq, fixed, false), false);
            Fault { name: "unit attention", times, what, ..several }
        }
        2 => {
            let (key, asc, ascq) = *dice.pick(CONDITIONS);
            let what = answered(Wire::check(key, asc, ascq, fixed, true), false);
            Fault { name: "deferred error", what, ..several }
        }
        3 => {
            let status = *dice.pick(&[0x08, 0x08, 0x28, 0x28, 0x30, 0x40, 0x04, 0x22, 0x7e]);
            let what = answered(Wire { status, ..Wire::default() }, false);
            Fault { name: "busy", what, ..several }
        }
        4 | 5 => {
            let host = if often { dice.between(1, 0x14) } else { dice.between(1, 0xff) } as u16;
            let driver = if dice.chance(20) { dice.between(1, 0x0f) as u16 } else { 0 };
            let host = if driver != 0 && often { 0 } else { host };
            // Codes that repeat what a status says come with one.
            let status = if (0x10..=0x13).contains(&host) { 0x18 } else { 0 };
            let what = answered(Wire { host, driver, status, ..Wire::default() }, done != Done::Never);
            Fault { name: "transport error", what, ..several }
        }
        6 => {
            let errno = *dice.pick(&[libc::EIO, libc::EAGAIN, libc::EBUSY, libc::ENOMEM, libc::EINVAL]);
            let what =
                answered(Wire { errno, ..Wire::default() }, done != Done::Never && any != Met::Opening);
            Fault { name: "failing call", met: any, what, ..several }
        }
        7 | 8 => {
            let takes = if often { dice.millis(1, 80) } else { dice.millis(80, 1500) };
            Fault { name: "delayed", met: any, what: What::Slow { takes, first: dice.chance(50) }, ..several }
        }
        // Where the limits are lifted each takes half a minute: a few of them are enough.
        9 if lifted && dice.chance(85) => return None,
        9 => {
            let returns = dice.chance(40);
            Fault { name: "hangs", met: any, what: What::Hangs { done, returns }, ..several }
        }
        10 => {
            let back = (lifted || often).then(|| dice.millis(1, 2500));
            Fault { name: "vanishes", what: What::Vanishes(back), ..once }
        }
        11 => {
            let away = if often { Duration::ZERO } else { dice.millis(1, 2000) };
            Fault { name: "restarts", what: What::Restarts(away), ..once }
        }
        12 => {
            let what = What::Acts(Act::SomebodyPasses);
            Fault { name: "another node acts", met: Met::Any, skip: dice.below(10) as u32, what, ..several }
        }
        13 => {
            let (key, asc, ascq) = *dice.pick(CONDITIONS);
            let wire = Wire::check(key, asc, ascq, fixed, false);
            let done = done != Done::Never || wire.reports_success();
            Fault { name: "check condition", what: answered(wire, done), ..several }
        }
        14 => {
            let length = dice.below(20);
            let sense = dice.bytes(length);
            // Sense data that reads as success is an answer of its own.
            let wire = Wire { status: 0x02, driver: 0x08, sense, ..Wire::default() };
            let done = done != Done::Never || wire.reports_success();
            Fault { name: "no sense", what: answered(wire, done), ..several }
        }
        15 => {
            let what = answered(Wire { status: 0x18, ..Wire::default() }, false);
            Fault { name: "conflict", met: Met::Changes, skip: dice.below(5) as u32 / 4, what, ..several }
        }
        16 => {
            let silent = dice.chance(40);
            if silent && !honest {
                return None;
            }
            let what = What::Truncated { keep: dice.below(40), silent };
            let met = if command == Met::Changes { Met::Reads } else { command };
            if silent {
                Fault { name: "truncated silently", met, what, ..once }
            } else {
                Fault { name: "truncated", met, what, ..several }
            }
        }
        17 if honest => {
            let flips = (0..1 + dice.below(3)).map(|_| (dice.below(64), dice.below(8) as u8)).collect();
            let met = if command == Met::Changes { Met::Keys } else { command };
            Fault { name: "corrupted", met, what: What::Corrupted(flips), ..once }
        }
        18 | 24 | 25 => Fault {
            name: "acknowledges only",
            met: Met::Changes,
            skip: dice.below(5) as u32 / 4,
            what: What::Acknowledged(Done::Never),
            ..several
        },
        19 | 26 | 27 => {
            let after = if often { dice.millis(1, 200) } else { dice.millis(200, 4000) };
            let what = What::Acknowledged(Done::After(after));
            Fault { name: "late", met: Met::Changes, skip: dice.below(5) as u32 / 4, what, ..several }
        }
        20 | 28 | 29 if action == "off" => {
            let after = if often { dice.millis(0, 30) } else { dice.millis(30, 2000) };
            Fault { name: "reverts", met: Met::Changes, what: What::Reverts(after), ..several }
        }
        // READ KEYS alone is stale: PRGENERATION in READ RESERVATION tells. Were both stale, nobody could tell.
        21 if action == "off" => {
            let what = What::Stale(dice.millis(1, 3000));
            Fault { name: "stale", met: Met::Any, skip: dice.below(2) as u32, what, ..once }
        }
        22 | 30 if action == "off" => {
            let act = *dice.pick(&[Act::VictimReturns, Act::VictimReturns, Act::VictimLeaves]);
            Fault { name: "victim acts", what: What::Acts(act), ..several }
        }
        23 | 31 if action != "status" => {
            let act = *dice.pick(&[
                Act::VictimPreempted,
                Act::CallerPreempted,
                Act::Released,
                Act::Cleared,
                Act::TypeChanged(1),
                Act::TypeChanged(6),
                Act::TypeChanged(7),
            ]);
            Fault { name: "another node acts", what: What::Acts(act), ..once }
        }
        32 => Fault { name: "child killed", what: What::Kills, ..several },
        33 | 34 => {
            let wire = match dice.below(4) {
                0 => Wire { status: 0x18, ..Wire::default() },
                1 => Wire::check(5, 0x26, 0, fixed, false),
                2 => Wire::check(2, 0x04, 0x03, fixed, false),
                _ => Wire::check(4, 0x44, 0, fixed, false),
            };
            let what = What::RefusesWhatIsSo(wire);
            Fault { name: "refuses what is so", met: Met::Changes, skip: 0, times: ALWAYS, what, ..once }
        }
        _ => return None,
    };
    Some(fault)
}
