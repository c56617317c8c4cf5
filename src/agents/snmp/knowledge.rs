//! What an SNMP agent tells of itself, and what is to be said of the login: the same for every kind of device.

use super::Link;
use crate::base::Deadline;
use crate::fencing::{About, Error, Fact, Finding};
use crate::protocols::snmp::{
    Auth, AuthProtocol, CommunityVersion, Credentials, Level, Oid, PrivProtocol, Value,
};

/// The system group (RFC 3418): sysDescr, sysObjectID, sysUpTime, sysName, sysLocation.
const SYSTEM: [&[u32]; 5] = [
    &[1, 3, 6, 1, 2, 1, 1, 1, 0],
    &[1, 3, 6, 1, 2, 1, 1, 2, 0],
    &[1, 3, 6, 1, 2, 1, 1, 3, 0],
    &[1, 3, 6, 1, 2, 1, 1, 5, 0],
    &[1, 3, 6, 1, 2, 1, 1, 6, 0],
];

/// Communities that devices are delivered with.
const FACTORY_COMMUNITIES: &[&[u8]] = &[b"public", b"private"];

/// sysUpTime counts hundredths of a second (RFC 3418).
const TICKS: u32 = 100;

impl Link {
    /// What is known without asking.
    pub fn known(&self) -> About {
        let (protocol, credentials) = match &self.credentials {
            Credentials::Community { version, .. } => {
                let version = match version {
                    CommunityVersion::V1 => "1",
                    CommunityVersion::V2c => "2c",
                };
                (format!("SNMP {version}, unprotected"), "a community".to_owned())
            }
            Credentials::User { name, level } => {
                let (protection, secrets) = match level {
                    Level::NoAuthNoPriv => (String::new(), "nothing else"),
                    Level::AuthNoPriv(auth) => (format!(" ({})", auth.protocol.name()), "a password"),
                    Level::AuthPriv(auth, privacy) => (
                        format!(" ({}, {})", auth.protocol.name(), privacy.protocol.name()),
                        "a password and a privacy password",
                    ),
                };
                let level = level.name();
                (format!("SNMP 3, {level}{protection}"), format!("user {name} with {secrets}"))
            }
        };
        About { protocol, credentials, ..About::default() }
    }

    /// What the system group says. An object that isn't there is left out.
    pub fn about(&mut self, by: Deadline) -> Result<About, Error> {
        let objects = SYSTEM.map(Oid::new);
        let answers = self.ask(by, |client, by| client.get(&objects, by))?;
        let told = |at: usize| answers.get(at).and_then(|answer| answer.value());
        let text = |at| told(at).and_then(Value::as_text).unwrap_or_default();
        let more = [
            ("sysobjectid", told(1).and_then(Value::as_oid).map(Oid::to_string)),
            ("up", told(2).and_then(up_time)),
            ("location", Some(text(4))),
        ];
        Ok(About {
            product: text(0),
            name: text(3),
            more: more
                .into_iter()
                .filter_map(|(name, value)| Some(Fact::new(name, value.filter(|value| !value.is_empty())?)))
                .collect(),
            ..self.known()
        })
    }

    /// What doctor should say of the login.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = vec![Finding::advice(
            "SNMP can't be asked whether this login may switch, only whether it may read",
            "once, run the action on for a plug that is on: it changes nothing, and is refused where writing is",
        )];
        match &self.credentials {
            Credentials::Community { community, .. } => {
                findings.push(Finding::advice(
                    "whoever sees the network between here and the device can read the community and forge answers",
                    "use snmp_version=3 with snmp_sec_level=authPriv, or a network of its own",
                ));
                if FACTORY_COMMUNITIES.contains(&community.expose()) {
                    findings.push(Finding::warning(
                        "the community is one that devices are delivered with",
                        "set another one on the device: anybody on the network can switch its plugs",
                    ));
                }
            }
            Credentials::User { level: Level::NoAuthNoPriv, .. } => findings.push(Finding::warning(
                "the user name is all that is needed to switch plugs, and answers can be forged",
                "give the user passwords on the device, and use snmp_sec_level=authPriv",
            )),
            Credentials::User { level: Level::AuthNoPriv(auth), .. } => {
                findings.extend(weak_hash(auth));
            }
            Credentials::User { level: Level::AuthPriv(auth, privacy), .. } => {
                findings.extend(weak_hash(auth));
                if privacy.protocol == PrivProtocol::Des {
                    findings.push(Finding::advice(
                        "DES can be broken by now",
                        "use snmp_priv_prot=AES where the device has it",
                    ));
                }
            }
        }
        findings
    }
}

fn weak_hash(auth: &Auth) -> Option<Finding> {
    let weak = matches!(auth.protocol, AuthProtocol::Md5 | AuthProtocol::Sha);
    weak.then(|| {
        Finding::advice(
            format!("{} is a weak hash by now", auth.protocol.name()),
            "use snmp_auth_prot=SHA-256 where the device has it",
        )
    })
}

/// How long the agent has been running, in days and hours.
fn up_time(value: &Value) -> Option<String> {
    let Value::TimeTicks(ticks) = value else { return None };
    let minutes = ticks / TICKS / 60;
    let (days, hours, minutes) = (minutes / 60 / 24, minutes / 60 % 24, minutes % 60);
    Some(format!("{days} d {hours} h {minutes} min"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_since_the_start_is_told_in_days_hours_and_minutes() {
        assert_eq!(up_time(&Value::TimeTicks(100 * 60 * (60 * 25 + 2))).as_deref(), Some("1 d 1 h 2 min"));
        assert_eq!(up_time(&Value::Integer(1)), None);
    }
}
