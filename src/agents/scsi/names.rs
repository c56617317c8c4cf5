//! Which disk is which: what disks are told apart by, and whether those that are found now are those on which this node
//! was switched on.

use std::collections::BTreeMap;
use std::fmt;

use crate::base::told::Told;

/// What a disk says that no other says. Two disks without any of it can't be told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Names {
    /// Its worldwide name.
    pub(super) wwid: Option<String>,
    /// Its unit serial number, which counts where there is no worldwide name.
    pub(super) serial: Option<String>,
}

impl Names {
    /// There is something by which it can be told from others.
    pub(super) fn tell(&self) -> bool {
        *self != Names::default()
    }

    /// Both have a name of one kind, and it isn't the same. Where one of them has none, they can't be compared.
    pub(super) fn contradict(&self, other: &Names) -> bool {
        let differ =
            |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
        differ(&self.wwid, &other.wwid) || differ(&self.serial, &other.serial)
    }

    /// One line, for a pipe or a state file.
    pub(super) fn line(&self) -> String {
        match self {
            Names { wwid: Some(wwid), .. } => format!("wwid {wwid}"),
            Names { serial: Some(serial), .. } => format!("serial {serial}"),
            Names { wwid: None, serial: None } => "none ".to_owned(),
        }
    }

    /// What such a line says; `None` where it is another one.
    pub(super) fn of_line(line: &str) -> Option<Names> {
        match line.split_once(' ')? {
            ("wwid", wwid) if !wwid.is_empty() => {
                Some(Names { wwid: Some(wwid.to_owned()), ..Names::default() })
            }
            ("serial", serial) if !serial.is_empty() => {
                Some(Names { serial: Some(serial.to_owned()), ..Names::default() })
            }
            ("none", "") => Some(Names::default()),
            _ => None,
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Names { wwid: Some(wwid), .. } => Told::new(wwid).fmt(f),
            Names { serial: Some(serial), .. } => {
                write!(f, "the disk with the serial number {}", Told::new(serial))
            }
            Names { wwid: None, serial: None } => f.write_str("a disk without a name"),
        }
    }
}

/// The disks on which this node was switched on, by the paths they were given by.
pub(super) type Stored = BTreeMap<String, Names>;

/// What is known of a disk that stands behind a path now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acquaintance {
    /// This node was switched on with it.
    Known,
    /// Nothing was written down about this path: another agent, or an older release of this one, switched this node on, or
    /// nobody did so here. Or there is nothing to tell it by, and there was nothing then.
    Unknown,
}

/// What is known of each of these disks, in their order: the path of each, and what it says it is now.
///
/// Names that the kernel gives may change places among the disks that are meant: all of them are still there then, and
/// nothing is left out. A path that leads to another disk, while the one that it led to is behind none of the paths, is
/// an error.
pub(super) fn acquaintances(disks: &[(&str, &Names)], stored: &Stored) -> Vec<Result<Acquaintance, String>> {
    let is_here = |names: &Names| names.tell() && disks.iter().any(|(_, now)| *now == names);
    let is_stored = |names: &Names| names.tell() && stored.values().any(|one| one == names);
    disks
        .iter()
        .map(|(path, now)| match stored.get(*path) {
            // Two disks without names are no more the same one than any two.
            Some(before) if before == *now && !now.tell() => Ok(Acquaintance::Unknown),
            Some(before) if before == *now => Ok(Acquaintance::Known),
            Some(before) if is_here(before) && is_stored(now) => Ok(Acquaintance::Known),
            Some(before) => Err(format!("{now} stands there; this node was switched on with {before}")),
            None if is_stored(now) => Ok(Acquaintance::Known),
            None => Ok(Acquaintance::Unknown),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wwid(text: &str) -> Names {
        Names { wwid: Some(text.to_owned()), serial: None }
    }

    fn serial(text: &str) -> Names {
        Names { serial: Some(text.to_owned()), wwid: None }
    }

    /// What is known, one letter for each disk: k, u, or x for an error.
    fn known(disks: &[(&str, Names)], stored: &[(&str, Names)]) -> String {
        let stored = stored.iter().map(|(path, names)| ((*path).to_owned(), names.clone())).collect();
        let disks: Vec<(&str, &Names)> = disks.iter().map(|(path, names)| (*path, names)).collect();
        let found = acquaintances(&disks, &stored).into_iter();
        found
            .map(|one| match one {
                Ok(Acquaintance::Known) => 'k',
                Ok(Acquaintance::Unknown) => 'u',
                Err(_) => 'x',
            })
            .collect()
    }

    #[test]
    fn a_path_that_leads_to_another_disk_is_an_error() {
        let stored = [("sdb", wwid("naa.1")), ("sdc", wwid("naa.2"))];
        assert_eq!(known(&[("sdb", wwid("naa.1")), ("sdc", wwid("naa.2"))], &stored), "kk");
        assert_eq!(known(&[("sdb", wwid("naa.9")), ("sdc", wwid("naa.2"))], &stored), "xk");
        assert_eq!(known(&[("sdb", wwid("naa.9"))], &stored), "x");
        // The other one stands there twice, and the first nowhere.
        assert_eq!(known(&[("sdb", wwid("naa.2")), ("sdc", wwid("naa.2"))], &stored), "xk");
        assert_eq!(known(&[("sdb", wwid("naa.2"))], &stored), "x");
        // It stands behind another path, and a stranger behind its own.
        assert_eq!(known(&[("sdb", wwid("naa.9")), ("sdc", wwid("naa.1"))], &stored), "xx");
    }

    #[test]
    fn paths_that_change_places_leave_no_disk_out() {
        let stored = [("sdb", wwid("naa.1")), ("sdc", wwid("naa.2"))];
        assert_eq!(known(&[("sdb", wwid("naa.2")), ("sdc", wwid("naa.1"))], &stored), "kk");
    }

    #[test]
    fn a_disk_is_known_by_its_name_under_whatever_path() {
        let stored = [("/dev/sdb", wwid("naa.1"))];
        assert_eq!(known(&[("/dev/disk/by-id/wwn-0x1", wwid("naa.1"))], &stored), "k");
        assert_eq!(known(&[("/dev/disk/by-id/wwn-0x2", wwid("naa.2"))], &stored), "u");
        assert_eq!(known(&[("/dev/sdb", wwid("naa.1"))], &[]), "u");
    }

    #[test]
    fn names_that_are_missing_are_told_from_those_that_are_not_and_identify_nothing() {
        let stored = [("sdb", Names::default()), ("sdc", serial("7"))];
        assert_eq!(known(&[("sdb", Names::default()), ("sdc", serial("7"))], &stored), "uk");
        assert_eq!(known(&[("sdb", wwid("naa.1")), ("sdc", Names::default())], &stored), "xx");
        assert_eq!(known(&[("sdb", serial("7")), ("sdc", Names::default())], &stored), "xx");
        assert_eq!(known(&[("sdd", Names::default())], &stored), "u");
        assert_eq!(known(&[("sdc", wwid("7"))], &stored), "x");
    }

    #[test]
    fn only_another_name_of_the_same_kind_contradicts() {
        let none = Names::default();
        for (one, other, contradict) in [
            (wwid("naa.1"), wwid("naa.2"), true),
            (serial("1"), serial("2"), true),
            (wwid("naa.1"), wwid("naa.1"), false),
            (wwid("naa.1"), serial("1"), false),
            (wwid("naa.1"), none.clone(), false),
            (none.clone(), none, false),
        ] {
            assert_eq!(one.contradict(&other), contradict, "{one:?} {other:?}");
            assert_eq!(other.contradict(&one), contradict, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_name_gets_into_messages_without_what_could_harm_there() {
        for (names, shown) in [
            (wwid("t10.A\u{1b}[2J"), "t10.A\\u{1b}[2J"),
            (serial("A\n7"), "the disk with the serial number A\\n7"),
        ] {
            assert_eq!(names.to_string(), shown);
        }
    }

    #[test]
    fn what_is_written_down_is_read_back() {
        for names in [wwid("naa.6001"), wwid("t10.MAKER  X 1"), serial("A 7"), Names::default()] {
            assert_eq!(Names::of_line(&names.line()), Some(names));
        }
        for line in ["", "wwid", "wwid ", "serial ", "none", "none x", "naa.6001"] {
            assert_eq!(Names::of_line(line), None, "{line}");
        }
    }
}
