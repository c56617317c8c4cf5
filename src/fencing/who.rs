//! Who answers: the one rule that lets nobody but the device that was commanded prove its own state.
//!
//! An address, a path, an index can come to mean another device between two requests. So a look tells with each state
//! who told it, and the first one met is the only one that counts from then on.

use std::fmt;

use crate::fencing::error::Error;
use crate::fencing::knowledge::IdentityKind;

/// What boards say whose maker never gave them an identity. Many machines say the same, so it tells none from another.
const PLACEHOLDERS: &[(IdentityKind, &[&str])] = &[
    (
        IdentityKind::Uuid,
        &[
            "00000000000000000000000000000000",
            "ffffffffffffffffffffffffffffffff",
            "03000200040005000006000700080009",
            // OpenBMC's, until the inventory is read.
            "0102030405060708090a0b0c0d0e0f10",
            "0102030405060708090a0b0c0d0e0f11",
        ],
    ),
    (
        IdentityKind::Serial,
        &[
            "0",
            "00000000",
            "0123456789",
            "123456789",
            "1234567890",
            "None",
            "N/A",
            "NA",
            "Not Specified",
            "Not Available",
            "Default string",
            "Default",
            "System Serial Number",
            "Chassis Serial Number",
            "Base Board Serial Number",
            "To be filled by O.E.M.",
            "empty",
            "unknown",
        ],
    ),
];

/// Hexadecimal digits of a UUID.
pub const UUID_DIGITS: usize = 32;

/// The value as it is compared; `None` where it identifies nothing: empty, a placeholder, or a UUID that is none.
pub fn comparable(kind: IdentityKind, value: &str) -> Option<String> {
    let value = match kind {
        IdentityKind::Uuid => uuid_digits(value)?,
        IdentityKind::Serial | IdentityKind::Name | IdentityKind::Wwid => value.to_owned(),
    };
    let placeholder = PLACEHOLDERS
        .iter()
        .filter(|(of, _)| *of == kind)
        .any(|(_, words)| words.iter().any(|word| word.eq_ignore_ascii_case(value.trim())));
    Some(value).filter(|value| !value.trim().is_empty() && !placeholder)
}

/// The digits of a UUID in lower case, without what stands between them.
pub fn uuid_digits(uuid: &str) -> Option<String> {
    let bare: String =
        uuid.trim_matches(['{', '}']).chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let right = bare.len() == UUID_DIGITS && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(bare).filter(|_| right)
}

/// What a protocol has authenticated of the device that answers, as one comparable text: a BMC's GUID, the id of an
/// SNMP engine, a machine's UUID and serial number, worldwide names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(String);

impl Who {
    /// One value of a kind; `None` where it identifies nothing.
    pub fn of(kind: IdentityKind, value: &str) -> Option<Who> {
        comparable(kind, value).map(|value| Who(format!("{kind} {value}")))
    }

    /// Something that has no kind of its own, such as the id of an SNMP engine: `what` names it in messages.
    pub fn named(what: &str, value: &str) -> Option<Who> {
        Some(value.trim()).filter(|value| !value.is_empty()).map(|value| Who(format!("{what} {value}")))
    }

    /// All of several that are known, in the order given; `None` where none is.
    pub fn all(parts: impl IntoIterator<Item = Option<Who>>) -> Option<Who> {
        let known: Vec<String> = parts.into_iter().flatten().map(|who| who.0).collect();
        Some(known.join(", ")).filter(|text| !text.is_empty()).map(Who)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who was met about a plug, and what the plug was called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// The device; `None` where its protocol authenticates nobody.
    pub who: Option<Who>,
    /// The plug's name as the device tells it, where it was asked for by its name.
    pub name: Option<String>,
}

/// The first device that was met, and nobody else after it.
#[derive(Clone, Debug, Default)]
pub struct Same(Option<Who>);

impl Same {
    /// Compares with the first one met, or remembers who that is. Whoever tells nothing is nobody to remember, and
    /// nobody else once somebody was met. `sent` says whether a command has gone out in this run.
    ///
    /// # Errors
    /// [`Error::AnotherMachine`].
    pub fn meet(&mut self, plug: &str, who: Option<&Who>, sent: bool) -> Result<(), Error> {
        match (&self.0, who) {
            (Some(first), who) if who != Some(first) => Err(Error::AnotherMachine {
                plug: plug.to_owned(),
                first: first.to_string(),
                now: who.map(Who::to_string),
                sent,
            }),
            (Some(_), _) => Ok(()),
            (None, who) => {
                self.0 = who.cloned();
                Ok(())
            }
        }
    }

    /// Whether somebody was met who says who it is.
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(value: &str) -> Option<Who> {
        Who::of(IdentityKind::Serial, value)
    }

    #[test]
    fn what_many_boards_say_is_nobody() {
        for value in ["", "  ", "0123456789", "To Be Filled By O.E.M.", "unknown ", "0"] {
            assert_eq!(serial(value), None, "{value:?}");
        }
        for value in ["00000000-0000-0000-0000-000000000000", "{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}", "12"]
        {
            assert_eq!(Who::of(IdentityKind::Uuid, value), None, "{value:?}");
        }
        assert!(serial("CZ1234567").is_some());
    }

    /// Written out once more: a word that leaves the table makes two boards one machine.
    #[test]
    fn every_word_that_boards_without_an_identity_say_is_nobody() {
        for word in [
            "0",
            "00000000",
            "0123456789",
            "123456789",
            "1234567890",
            "none",
            "n/a",
            "NA",
            "not specified",
            "Not Available",
            "DEFAULT STRING",
            "default",
            "System Serial Number",
            "Chassis Serial Number",
            "Base Board Serial Number",
            "To be filled by O.E.M.",
            "Empty",
            "Unknown",
        ] {
            assert_eq!(serial(word), None, "{word}");
        }
        for uuid in [
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "03000200-0400-0500-0006-000700080009",
        ] {
            assert_eq!(Who::of(IdentityKind::Uuid, uuid), None, "{uuid}");
        }
    }

    #[test]
    fn after_the_first_one_met_nobody_else_counts_and_nobody_unnamed() {
        let mut same = Same::default();
        assert_eq!(same.meet("1", None, false), Ok(()));
        assert_eq!(same.meet("1", serial("A1").as_ref(), false), Ok(()));
        assert_eq!(same.meet("1", serial("A1").as_ref(), true), Ok(()));
        for other in [serial("B2"), None] {
            let error = same.meet("1", other.as_ref(), true).unwrap_err();
            assert!(matches!(error, Error::AnotherMachine { sent: true, .. }), "{error:?}");
        }
        assert_eq!(same.meet("1", serial("A1").as_ref(), true), Ok(()));
    }

    #[test]
    fn one_uuid_has_many_spellings() {
        let one = Who::of(IdentityKind::Uuid, "{12345678-9ABC-def0-1234-56789abcdef0}");
        assert_eq!(one, Who::of(IdentityKind::Uuid, "123456789abcdef0123456789abcdef0"));
        assert!(one.is_some());
    }
}
