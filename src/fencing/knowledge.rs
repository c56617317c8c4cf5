//! What a driver can tell of its device beyond the state of its plugs: for explain, doctor, evidence, and for the
//! options that say which machine is meant.

use std::fmt;

use crate::fencing::state::Power;

/// One thing known of a device or a plug, such as `uri` and `/redfish/v1/Systems/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is, as one word in lower case: programs read it, so it stays as it is.
    pub name: &'static str,
    /// The value as the device, or the configuration, gives it. Never a secret.
    pub value: String,
}

impl Fact {
    /// A fact.
    pub fn new(name: &'static str, value: impl Into<String>) -> Fact {
        Fact { name, value: value.into() }
    }
}

/// What a device is, and how it is spoken to. A text that isn't known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Maker and product.
    pub product: String,
    /// The revision of its firmware.
    pub firmware: String,
    /// What it calls itself.
    pub name: String,
    /// The protocol, its version and its protection, such as `IPMI 2.0, cipher suite 17`.
    pub protocol: String,
    /// Who logs in and with what, never the secret itself: `user admin with a password`.
    pub credentials: String,
    /// What that login may do, as the device says it: `operator`.
    pub privilege: String,
    /// What else is worth knowing.
    pub more: Vec<Fact>,
}

impl About {
    /// Everything that is known, in the order in which it is shown.
    pub fn facts(&self) -> Vec<Fact> {
        [
            ("product", &self.product),
            ("firmware", &self.firmware),
            ("name", &self.name),
            ("protocol", &self.protocol),
            ("credentials", &self.credentials),
            ("privilege", &self.privilege),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| Fact::new(name, value.as_str()))
        .chain(self.more.iter().cloned())
        .collect()
    }
}

/// A kind of value by which a machine, an outlet or a disk is told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityKind {
    /// The machine's UUID.
    Uuid,
    /// A serial number.
    Serial,
    /// A name that an administrator has given it at the device: asset tag, outlet name, ifAlias. Never a host name
    /// that the machine's system has to tell (it may be dead).
    Name,
    /// A disk's worldwide name.
    Wwid,
}

impl IdentityKind {
    /// Its name in what programs read.
    pub fn name(self) -> &'static str {
        match self {
            IdentityKind::Uuid => "uuid",
            IdentityKind::Serial => "serial",
            IdentityKind::Name => "name",
            IdentityKind::Wwid => "wwid",
        }
    }
}

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IdentityKind::Uuid => "UUID",
            IdentityKind::Serial => "serial number",
            IdentityKind::Name => "name",
            IdentityKind::Wwid => "worldwide name",
        })
    }
}

/// One value by which a device tells who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it is.
    pub kind: IdentityKind,
    /// The value as the device tells it; spaces around it, with which devices fill fields up, are no part of it.
    pub value: String,
    /// Where it was read, in the protocol's words: `Get System GUID`, `SerialNumber`, `VPD page 83h of /dev/sdb`.
    pub source: String,
}

impl Identity {
    /// An identity.
    pub fn new(kind: IdentityKind, value: impl AsRef<str>, source: impl Into<String>) -> Identity {
        let value = value.as_ref().trim_matches([' ', '\0']).to_owned();
        Identity { kind, value, source: source.into() }
    }
}

/// A command of the kind that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Bring the plug to this state.
    Switch(Power),
    /// Cut the power and bring it back, by the device itself.
    Cycle,
    /// Send a diagnostic interrupt.
    Diag,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Switch(power) => power.fmt(f),
            Command::Cycle => f.write_str("power cycle"),
            Command::Diag => f.write_str("diagnostic interrupt"),
        }
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// It works, and could be better.
    Advice,
    /// It works now, and may not when it is needed.
    Warning,
    /// Fencing would fail.
    Failure,
}

impl Severity {
    /// Its name, for people and programs.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Fine => "fine",
            Severity::Advice => "advice",
            Severity::Warning => "warning",
            Severity::Failure => "failure",
        }
    }
}

/// One thing that doctor has found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was found, as one sentence without a full stop.
    pub text: String,
    /// What to do about it; empty where there is nothing to do.
    pub remedy: String,
}

impl Finding {
    /// As it should be.
    pub fn fine(text: impl Into<String>) -> Finding {
        Finding { severity: Severity::Fine, text: text.into(), remedy: String::new() }
    }

    /// It works, and could be better.
    pub fn advice(text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { severity: Severity::Advice, text: text.into(), remedy: remedy.into() }
    }

    /// It works now, and may not when it is needed.
    pub fn warning(text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { severity: Severity::Warning, text: text.into(), remedy: remedy.into() }
    }

    /// Fencing would fail.
    pub fn failure(text: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { severity: Severity::Failure, text: text.into(), remedy: remedy.into() }
    }
}
