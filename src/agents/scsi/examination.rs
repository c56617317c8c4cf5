//! What doctor finds out about shared disks, out of what they have answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::disk_info::DiskInfo;
use super::names::{Acquaintance, Names, Stored, acquaintances};
use super::rules::{self, Reading, Step};
use crate::fencing::{Error, Finding};
use crate::protocols::scsi::Key;

/// What to do where registrations are missing.
const SWITCH_ON: &str =
    "run the action on for each node that is to write; Pacemaker does so when a node joins (unfencing)";

/// The programs that are to be linked into the watchdog's directory, by how their names begin.
const CHECK: &str = "fence_scsi_check";

/// Kernel names of disks, which change from one start to the next.
const UNSTABLE: &[&str] = &["/dev/sd", "/dev/nvme", "/dev/dm-", "/dev/vd"];

/// How many keys that are nobody's are named: there may be thousands.
const STRANGERS_NAMED: usize = 20;

/// A device that could be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) device: &'a str,
    pub(super) reading: &'a Reading,
    pub(super) info: &'a DiskInfo,
}

/// The devices for which something holds.
fn those<'a>(seen: &[Seen<'a>], holds: impl Fn(&Seen<'a>) -> bool) -> Vec<&'a str> {
    seen.iter().filter(|one| holds(one)).map(|one| one.device).collect()
}

/// Some of the devices, in words.
fn named(some: &[&str], all: usize) -> String {
    match some {
        [one] => (*one).to_owned(),
        some if some.len() == all => format!("all {all} devices"),
        some => some.join(", "),
    }
}

/// What has become of devices that were grouped by it.
fn grouped<'a>(
    seen: &[Seen<'a>],
    of: impl Fn(&Seen<'a>) -> Option<String>,
) -> BTreeMap<String, Vec<&'a str>> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in seen {
        if let Some(group) = of(one) {
            groups.entry(group).or_default().push(one.device);
        }
    }
    groups
}

/// Whether off, as this node would run it, is possible everywhere.
pub(super) fn of_own_key(seen: &[Seen<'_>], own: &Result<Key, Error>, victim: Option<Key>) -> Vec<Finding> {
    let own = match own {
        Ok(own) => *own,
        Err(error) => return vec![Finding::failure(error.to_string(), SWITCH_ON)],
    };
    let victim = victim.unwrap_or(own);
    let next = |one: &Seen<'_>| rules::next_step(one.reading, own, victim);
    let mut findings: Vec<Finding> = grouped(seen, |one| next(one).err())
        .into_iter()
        .map(|(why, devices)| {
            let devices = named(&devices, seen.len());
            Finding::failure(format!("off would fail on {devices}: {why}"), SWITCH_ON)
        })
        .collect();
    let lost = those(seen, |one| next(one) == Ok(Step::TakeOver));
    if !lost.is_empty() {
        findings.push(Finding::warning(
            format!(
                "no registrations and no reservation on {}, so everybody can write: never switched on, or all lost \
                 with the power",
                named(&lost, seen.len())
            ),
            SWITCH_ON,
        ));
    }
    let registered = those(seen, |one| one.reading.has(own));
    if !registered.is_empty() {
        let devices = named(&registered, seen.len());
        findings.push(Finding::fine(format!("this node's key 0x{own} is registered on {devices}")));
    }
    for one in seen {
        let (count, paths) =
            (one.reading.keys.iter().filter(|key| **key == own).count(), one.info.paths.len());
        if one.info.is_multipath && (1..paths).contains(&count) {
            findings.push(Finding::warning(
                format!(
                    "{} has {paths} paths, and this node's key 0x{own} is registered {count} times",
                    one.device
                ),
                "a path without a registration can't write: run the action on for this node",
            ));
        }
    }
    findings
}

/// Whether those who aren't registered are kept out. What is reserved otherwise is told with this node's key.
pub(super) fn of_reservations(seen: &[Seen<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let free = those(seen, |one| one.reading.reservation.is_none() && !one.reading.keys.is_empty());
    if !free.is_empty() {
        findings.push(Finding::warning(
            format!(
                "no reservation on {}, so everybody can write until off or on makes one",
                named(&free, seen.len())
            ),
            SWITCH_ON,
        ));
    }
    let held = those(seen, |one| {
        let reading = one.reading;
        reading.reservation.is_some() && rules::foreign_reservation(reading).is_ok()
    });
    if !held.is_empty() {
        findings.push(Finding::fine(format!(
            "a registrant holds the reservation \"{}\" (type {}) on {}",
            rules::TYPE,
            rules::TYPE.code(),
            named(&held, seen.len())
        )));
    }
    findings
}

/// Which nodes aren't registered everywhere, this one left out.
pub(super) fn of_registered(
    seen: &[Seen<'_>],
    nodes: &[(String, Vec<Key>)],
    own: Option<Key>,
) -> Vec<Finding> {
    let others = nodes.iter().filter(|(_, keys)| !own.is_some_and(|own| keys.contains(&own)));
    others
        .filter_map(|(node, keys)| {
            let words = keys.iter().map(|key| format!("0x{key}")).collect::<Vec<_>>().join(" or ");
            let lacking = those(seen, |one| !keys.iter().any(|key| one.reading.has(*key)));
            Some(match lacking.len() {
                0 => return None,
                count if count == seen.len() => Finding::advice(
                    format!("{node} isn't registered ({words}): it can't write, and can't fence"),
                    "that is as wanted where it is off, fenced or not yet started",
                ),
                _ => Finding::warning(
                    format!("{node} is registered ({words}), but not on {}", named(&lacking, seen.len())),
                    "run the action on for that node: until then it can't write there, and can't fence",
                ),
            })
        })
        .collect()
}

/// Keys that no node of the cluster has.
pub(super) fn of_strangers(
    seen: &[Seen<'_>],
    nodes: &[(String, Vec<Key>)],
    own: Option<Key>,
) -> Vec<Finding> {
    let mut strangers: BTreeMap<Key, Vec<&str>> = BTreeMap::new();
    for one in seen {
        for key in &one.reading.keys {
            let known = Some(*key) == own || nodes.iter().any(|(_, keys)| keys.contains(key));
            let devices = strangers.entry(*key).or_default();
            if !known && !devices.contains(&one.device) {
                devices.push(one.device);
            }
        }
    }
    strangers.retain(|_, devices| !devices.is_empty());
    let more = strangers.len().saturating_sub(STRANGERS_NAMED);
    let each = strangers.iter().take(STRANGERS_NAMED).map(|(key, devices)| {
        format!(
            "the key 0x{key} is registered on {}, and no node of corosync's list has it",
            named(devices, seen.len())
        )
    });
    let rest = (more > 0).then(|| format!("{more} more such keys are registered"));
    each.chain(rest)
        .map(|text| {
            Finding::warning(
                text,
                "whoever has it can write, and no action off removes it: a node that has left the list, another \
                 cluster, or key_value that isn't the same on every node",
            )
        })
        .collect()
}

/// What the devices can do, and whether it fits the option aptpl.
pub(super) fn of_capabilities(seen: &[Seen<'_>], aptpl: bool) -> Vec<Finding> {
    let all = seen.len();
    let lacks = |ability: fn(&DiskInfo) -> Option<bool>| those(seen, |one| ability(one.info) == Some(false));
    let has = |ability: fn(&DiskInfo) -> Option<bool>| those(seen, |one| ability(one.info) == Some(true));
    let mut findings = Vec::new();
    let mut add = |devices: Vec<&str>, finding: &dyn Fn(String) -> Finding| {
        if !devices.is_empty() {
            findings.push(finding(named(&devices, all)));
        }
    };
    add(lacks(|info| info.has_type), &|devices| {
        Finding::failure(
            format!(
                "no support for the reservation \"{}\" (type {}) on {devices}",
                rules::TYPE,
                rules::TYPE.code()
            ),
            "fence with other devices",
        )
    });
    add(lacks(|info| info.has_abort), &|devices| {
        Finding::failure(
            format!("no support for PREEMPT AND ABORT, with which off removes a key, on {devices}"),
            "fence with other devices",
        )
    });
    add(has(|info| info.has_abort), &|devices| {
        Finding::fine(format!("PREEMPT AND ABORT is supported on {devices}"))
    });
    if aptpl {
        add(lacks(|info| info.can_persist), &|devices| {
            Finding::failure(
                format!("aptpl is set, and registrations can't outlast a loss of power on {devices}"),
                "registering would be refused: leave aptpl out",
            )
        });
        let lapsed =
            those(seen, |one| one.info.can_persist == Some(true) && one.info.persists == Some(false));
        add(lapsed, &|devices| {
            Finding::warning(
                format!(
                    "aptpl is set, and registrations don't outlast a loss of power at present on {devices}"
                ),
                "the last node that registered decides for all: set aptpl for all of them, and run on again",
            )
        });
        add(has(|info| info.persists), &|devices| {
            Finding::fine(format!("registrations outlast a loss of power on {devices}"))
        });
    } else {
        add(has(|info| info.persists), &|devices| {
            Finding::warning(
                format!("aptpl isn't set, and registrations outlast a loss of power on {devices}"),
                "another node registered with aptpl, and the last one decides for all: set it for all or for none",
            )
        });
        let idle = those(seen, |one| one.info.can_persist == Some(true) && one.info.persists == Some(false));
        add(idle, &|devices| {
            Finding::advice(
                format!("registrations could outlast a loss of power, and aptpl isn't set, on {devices}"),
                "aptpl=1 on all nodes does; without it a fenced node can write again after the array's loss of power",
            )
        });
    }
    findings
}

/// What the devices are called, by whom ever.
pub(super) fn of_names(seen: &[Seen<'_>], devices: &[String], found_by_vgs: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let unstable: Vec<&str> = devices
        .iter()
        .map(String::as_str)
        .filter(|device| !found_by_vgs && UNSTABLE.iter().any(|prefix| device.starts_with(prefix)))
        .collect();
    if !unstable.is_empty() {
        findings.push(Finding::advice(
            format!("names that the kernel gives anew at each start: {}", unstable.join(", ")),
            "name devices as in /dev/disk/by-id, such as /dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        ));
    }
    for (name, devices) in grouped(seen, |one| one.reading.names.wwid.clone()) {
        if devices.len() > 1 {
            findings.push(Finding::warning(
                format!("{} are one and the same disk, {name}", devices.join(", ")),
                "give each disk once: by its multipath map where it has several paths",
            ));
        }
    }
    let nameless = those(seen, |one| one.reading.names.wwid.is_none());
    if seen.len() > 1 && !nameless.is_empty() {
        findings.push(Finding::warning(
            format!("no worldwide name is told by {}", named(&nameless, seen.len())),
            "the device with the lowest one decides between nodes that fence each other: give devices that have one",
        ));
    }
    findings
}

/// Whether what this node was registered on is what is fenced on.
pub(super) fn of_state_file(
    file: &Result<Option<Vec<String>>, Error>,
    devices: &[String],
    same: impl Fn(&str, &str) -> bool,
) -> Vec<Finding> {
    let known = match file {
        Ok(known) => known.as_deref().unwrap_or_default(),
        Err(error) => return vec![Finding::failure(error.to_string(), "see to the file")],
    };
    let lacking = |some: &[String], among: &[String]| -> Vec<String> {
        let there = |one: &&String| among.iter().any(|other| same(one, other));
        some.iter().filter(|one| !there(one)).cloned().collect()
    };
    let mut findings = Vec::new();
    let forgotten = lacking(known, devices);
    if !forgotten.is_empty() {
        findings.push(Finding::warning(
            format!(
                "this node was registered on {}, which the devices here don't include",
                forgotten.join(", ")
            ),
            "a node that is fenced can go on writing there: add them, or take the registrations there back and \
             remove their lines from /var/run/cluster.dev",
        ));
    }
    let new = lacking(devices, known);
    if !new.is_empty() {
        findings.push(Finding::warning(
            format!(
                "/var/run/cluster.dev doesn't list {}: this node was never switched on there",
                new.join(", ")
            ),
            SWITCH_ON,
        ));
    }
    findings
}

/// Whether the disks are those that this node was switched on with.
pub(super) fn of_stored(seen: &[Seen<'_>], stored: &Result<Stored, Error>) -> Vec<Finding> {
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => return vec![Finding::failure(error.to_string(), "off would fail")],
    };
    let disks: Vec<(&str, &Names)> = seen.iter().map(|one| (one.device, &one.reading.names)).collect();
    let (mut findings, mut unknown, mut nameless) = (Vec::new(), Vec::new(), Vec::new());
    for (one, found) in seen.iter().zip(acquaintances(&disks, stored)) {
        match found {
            Ok(Acquaintance::Known) => {}
            Ok(Acquaintance::Unknown) if !one.reading.names.tell() => nameless.push(one.device),
            Ok(Acquaintance::Unknown) => unknown.push(one.device),
            Err(why) => findings.push(Finding::failure(
                format!("off would fail: behind {} {why}", one.device),
                "if the disk was replaced, run the action on for this node with take_over=1; otherwise see to the path",
            )),
        }
    }
    if !nameless.is_empty() {
        findings.push(Finding::advice(
            format!(
                "neither a worldwide name nor a serial number is told by {}",
                named(&nameless, seen.len())
            ),
            "another disk in its place can't be told from it: give devices that have a name",
        ));
    }
    if !unknown.is_empty() {
        findings.push(Finding::advice(
            format!(
                "it isn't written down in /var/run/cluster.wwid which disk stands behind {}",
                named(&unknown, seen.len())
            ),
            "the next action on here writes it down; until then off takes over no disk that has lost its \
             registrations, unless this node's key is on another one",
        ));
    }
    findings
}

/// How long the slowest took.
pub(super) fn of_times(seen: &[Seen<'_>], limit: Duration) -> Option<Finding> {
    let slowest = seen.iter().max_by_key(|one| one.info.took)?;
    let took = slowest.info.took;
    let text = format!("{} took {:.2} s to answer all questions", slowest.device, took.as_secs_f64());
    Some(if took.saturating_mul(2) > limit {
        Finding::warning(
            format!("{text}, of {} s that one reading may take", limit.as_secs()),
            "raise shell_timeout and power_timeout; look why this device is slow",
        )
    } else {
        Finding::fine(format!("{text}, and none took longer"))
    })
}

/// Whether a fenced node would be restarted.
pub(super) fn of_watchdog(directory: &Path) -> Option<Finding> {
    let mut linked = std::fs::read_dir(directory).ok().into_iter().flatten().flatten();
    // One that leads nowhere is none.
    let works =
        linked.any(|entry| entry.file_name().to_string_lossy().starts_with(CHECK) && entry.path().exists());
    (!works).then(|| {
        Finding::advice(
            format!("nothing in {} restarts this node when it has been fenced", directory.display()),
            "link fence_scsi_check or fence_scsi_check_hardreboot from /usr/share/cluster there, and run watchdog(8)",
        )
    })
}

/// Keys that are made from positions.
pub(super) fn of_positions(option: &str) -> Finding {
    Finding::advice(
        "keys are made from positions in corosync's node list, which change when a node is removed from it",
        format!(
            "{option}=hash makes them from the names; change it on all nodes at once, while none is fenced"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fencing::Severity;
    use crate::protocols::scsi::{Reservation, ReservationType};

    const OWN: u64 = 0xa1;
    const VICTIM: u64 = 0xb2;

    fn key(value: u64) -> Key {
        Key::new(value).unwrap()
    }

    fn reading(keys: &[u64], holder: Option<u64>) -> Reading {
        Reading {
            keys: keys.iter().map(|value| key(*value)).collect(),
            reservation: holder.map(|holder| Reservation { holder: Some(key(holder)), kind: rules::TYPE }),
            ..Reading::default()
        }
    }

    fn worst(findings: impl IntoIterator<Item = Finding>) -> Option<Severity> {
        findings.into_iter().map(|finding| finding.severity).max()
    }

    fn nodes() -> Vec<(String, Vec<Key>)> {
        vec![("node1".to_owned(), vec![key(OWN)]), ("node2".to_owned(), vec![key(VICTIM)])]
    }

    fn own_key(reading: &Reading) -> Option<Severity> {
        let info = DiskInfo::default();
        let seen = [Seen { device: "/dev/a", reading, info: &info }];
        worst(of_own_key(&seen, &Ok(key(OWN)), Some(key(VICTIM))))
    }

    #[test]
    fn a_node_that_could_not_fence_is_a_failure() {
        assert_eq!(own_key(&reading(&[OWN, VICTIM], Some(VICTIM))), Some(Severity::Fine));
        assert_eq!(own_key(&reading(&[VICTIM], Some(VICTIM))), Some(Severity::Failure));
        assert_eq!(own_key(&reading(&[VICTIM], None)), Some(Severity::Failure));
        assert_eq!(own_key(&reading(&[], None)), Some(Severity::Warning));
        let mut foreign = reading(&[OWN], Some(OWN));
        foreign.reservation =
            Some(Reservation { holder: Some(key(OWN)), kind: ReservationType::WriteExclusive });
        assert_eq!(own_key(&foreign), Some(Severity::Failure));
        assert_eq!(
            worst(of_own_key(&[], &Err(Error::Local { what: String::new() }), None)),
            Some(Severity::Failure)
        );
    }

    #[test]
    fn a_map_with_more_paths_than_registrations_is_a_warning() {
        let info = |paths: usize| DiskInfo {
            is_multipath: true,
            paths: (0..paths).map(|path| format!("/dev/sd{path}")).collect(),
            ..DiskInfo::default()
        };
        for (keys, paths, severity) in [
            (&[OWN, OWN, VICTIM][..], 2, Severity::Fine),
            (&[OWN, VICTIM], 2, Severity::Warning),
            (&[OWN, OWN], 3, Severity::Warning),
        ] {
            let (reading, info) = (reading(keys, Some(OWN)), info(paths));
            let seen = [Seen { device: "/dev/m", reading: &reading, info: &info }];
            assert_eq!(worst(of_own_key(&seen, &Ok(key(OWN)), None)), Some(severity), "{keys:x?} {paths}");
        }
    }

    #[test]
    fn what_was_asked_of_the_device_and_what_it_does_are_compared() {
        let (yes, no) = (Some(true), Some(false));
        for (aptpl, can_persist, persists, severity) in [
            (true, no, no, Some(Severity::Failure)),
            (true, yes, no, Some(Severity::Warning)),
            (true, yes, yes, Some(Severity::Fine)),
            (true, None, None, None),
            (false, yes, yes, Some(Severity::Warning)),
            (false, yes, no, Some(Severity::Advice)),
            (false, no, no, None),
        ] {
            let info = DiskInfo { can_persist, persists, ..DiskInfo::default() };
            let reading = Reading::default();
            let seen = [Seen { device: "/dev/a", reading: &reading, info: &info }];
            assert_eq!(
                worst(of_capabilities(&seen, aptpl)),
                severity,
                "{aptpl} {can_persist:?} {persists:?}"
            );
        }
        for lacking in [
            DiskInfo { has_type: no, ..DiskInfo::default() },
            DiskInfo { has_abort: no, has_type: yes, ..DiskInfo::default() },
        ] {
            let reading = Reading::default();
            let seen = [Seen { device: "/dev/a", reading: &reading, info: &lacking }];
            assert_eq!(worst(of_capabilities(&seen, false)), Some(Severity::Failure));
        }
    }

    #[test]
    fn keys_that_are_nobodys_and_nodes_that_are_not_everywhere_are_warnings() {
        let info = DiskInfo::default();
        let (full, half, strange) = (
            reading(&[OWN, VICTIM], Some(OWN)),
            reading(&[OWN], Some(OWN)),
            reading(&[OWN, VICTIM, 0x77], Some(OWN)),
        );
        let seen = |readings: [&'static str; 2], of: [&Reading; 2]| -> Vec<Finding> {
            let [a, b] = of;
            let seen = [
                Seen { device: readings[0], reading: a, info: &info },
                Seen { device: readings[1], reading: b, info: &info },
            ];
            let own = Some(key(OWN));
            let mut findings = of_registered(&seen, &nodes(), own);
            findings.extend(of_strangers(&seen, &nodes(), own));
            findings
        };
        let devices = ["/dev/a", "/dev/b"];
        assert_eq!(worst(seen(devices, [&full, &full])), None);
        assert_eq!(worst(seen(devices, [&half, &half])), Some(Severity::Advice));
        let partly = seen(devices, [&full, &half]);
        assert!(partly[0].text.contains("node2") && partly[0].text.ends_with("/dev/b"), "{partly:?}");
        let strangers = seen(devices, [&full, &strange]);
        assert_eq!(worst(strangers.clone()), Some(Severity::Warning));
        assert!(strangers[0].text.contains("0x77 is registered on /dev/b"), "{strangers:?}");
        let crowd: Vec<u64> = (0x1000..0x1000 + 5000).collect();
        let crowd = seen(devices, [&full, &reading(&crowd, None)]);
        assert!(crowd.len() < 40 && crowd.iter().any(|one| one.text.contains("4980 more")), "{crowd:?}");
    }

    #[test]
    fn a_disk_given_twice_and_one_without_a_name_are_warnings() {
        let info = DiskInfo::default();
        let named = |name: Option<&str>| {
            let names = Names { wwid: name.map(str::to_owned), ..Names::default() };
            Reading { names, ..Reading::default() }
        };
        for (names, severity) in [
            ([Some("naa.1"), Some("naa.2")], None),
            ([Some("naa.1"), Some("naa.1")], Some(Severity::Warning)),
            ([Some("naa.1"), None], Some(Severity::Warning)),
        ] {
            let [a, b] = names.map(named);
            let seen = [
                Seen { device: "a", reading: &a, info: &info },
                Seen { device: "b", reading: &b, info: &info },
            ];
            assert_eq!(worst(of_names(&seen, &[], false)), severity, "{names:?}");
        }
        let of = |device: &str, vgs| worst(of_names(&[], &[device.to_owned()], vgs));
        assert_eq!(of("/dev/sda", false), Some(Severity::Advice));
        assert_eq!(of("/dev/dm-3", true), None);
        assert_eq!(of("/dev/disk/by-id/wwn-0x5000", false), None);
        assert_eq!(of("/dev/mapper/mpatha", false), None);
    }

    #[test]
    fn devices_that_the_state_file_and_the_configuration_do_not_share_are_warnings() {
        let list = |devices: &[&str]| devices.iter().map(|device| (*device).to_owned()).collect::<Vec<_>>();
        let same = |one: &str, other: &str| one == other || (one == "/dev/dm-0" && other == "/dev/mapper/m");
        let of = |known: &[&str], devices: &[&str]| {
            of_state_file(&Ok(Some(list(known))), &list(devices), same)
                .into_iter()
                .map(|finding| finding.text)
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&["/dev/a", "/dev/b"], &["/dev/b", "/dev/a"]), [""; 0]);
        assert!(of(&["/dev/a", "/dev/b"], &["/dev/a"])[0].contains("registered on /dev/b,"));
        assert!(of(&["/dev/a"], &["/dev/a", "/dev/c"])[0].contains("doesn't list /dev/c:"));
    }

    #[test]
    fn another_disk_than_the_node_was_switched_on_with_is_a_failure() {
        let info = DiskInfo::default();
        let names = |wwid: &str| Names { wwid: Some(wwid.to_owned()), ..Names::default() };
        let bare = Reading::default();
        let bare = [Seen { device: "/dev/a", reading: &bare, info: &info }];
        let told = of_stored(&bare, &Ok([("/dev/a".to_owned(), Names::default())].into()));
        assert!(told[0].text.contains("neither a worldwide name"), "{told:?}");
        let reading = Reading { names: names("naa.1"), ..Reading::default() };
        let seen = [Seen { device: "/dev/a", reading: &reading, info: &info }];
        let stored = |of: &[(&str, &str)]| {
            Ok(of.iter().map(|(path, wwid)| ((*path).to_owned(), names(wwid))).collect())
        };
        for (stored, severity) in [
            (stored(&[("/dev/a", "naa.1")]), None),
            (stored(&[("/dev/b", "naa.1")]), None),
            (stored(&[]), Some(Severity::Advice)),
            (stored(&[("/dev/a", "naa.2")]), Some(Severity::Failure)),
            (Err(Error::Local { what: String::new() }), Some(Severity::Failure)),
        ] {
            assert_eq!(worst(of_stored(&seen, &stored)), severity, "{stored:?}");
        }
    }

    #[test]
    fn a_device_that_takes_half_of_the_time_there_is_is_a_warning() {
        let reading = Reading::default();
        for (millis, severity) in [(100, Severity::Fine), (2600, Severity::Warning)] {
            let info = DiskInfo { took: Duration::from_millis(millis), ..DiskInfo::default() };
            let seen = [Seen { device: "/dev/a", reading: &reading, info: &info }];
            assert_eq!(worst(of_times(&seen, Duration::from_secs(5))), Some(severity));
        }
        assert_eq!(of_times(&[], Duration::ZERO), None);
    }

    #[test]
    fn only_a_link_that_leads_to_a_check_lets_the_watchdog_restart_the_node() {
        let directory = std::env::temp_dir().join(format!("watchdog-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        assert!(of_watchdog(&directory).is_some());
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("another"), "").unwrap();
        std::os::unix::fs::symlink("/nowhere", directory.join("fence_scsi_check")).unwrap();
        assert!(of_watchdog(&directory).is_some());
        std::fs::write(directory.join("fence_scsi_check_hardreboot"), "").unwrap();
        assert!(of_watchdog(&directory).is_none());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
