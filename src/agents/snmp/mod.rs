//! What the agents that speak SNMP share: their options, the login, and how errors of the protocol are told.

mod failures;
pub mod families;
mod family;
mod knowledge;
pub mod named;
pub mod outlets;
mod table;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::named::Named;
use crate::base::{Deadline, Secret};
use crate::fencing::{Endpoint, Error, Kind, Met, Opt, Same, Settings, Who, options};
use crate::protocols::snmp::{
    self, Auth, AuthProtocol, Client, CommunityVersion, Config, Credentials, ErrorStatus, Level, Oid,
    PrivProtocol, Privacy, Value,
};

/// The UDP port of SNMP agents (RFC 3417, section 3.2).
const PORT: u16 = 161;

/// The community of SNMPv1 and v2c.
pub const COMMUNITY: Opt =
    Opt::new("community", "community", Kind::Secret, "Community for SNMP versions 1 and 2c")
        .short('c')
        .suffix("=[community]");

/// The version.
pub const SNMP_VERSION: Opt =
    Opt::new("snmp_version", "snmp-version", Kind::Choice(&["1", "2c", "3"]), "Version of SNMP")
        .short('d')
        .suffix("=[version]");

/// How messages are signed.
pub const SNMP_AUTH_PROT: Opt = Opt::new(
    "snmp_auth_prot",
    "snmp-auth-prot",
    Kind::Choice(&["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]),
    "Authentication protocol of SNMP version 3; MD5 where none is given",
)
.short('b')
.suffix("=[prot]");

/// How messages are encrypted.
pub const SNMP_PRIV_PROT: Opt = Opt::new(
    "snmp_priv_prot",
    "snmp-priv-prot",
    Kind::Choice(&["DES", "AES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C"]),
    "Privacy protocol of SNMP version 3; DES where none is given. The names with -C extend short keys as Cisco's devices do, those without try both ways",
)
.short('B')
.suffix("=[prot]");

/// With which password they are encrypted.
pub const SNMP_PRIV_PASSWD: Opt = Opt::new(
    "snmp_priv_passwd",
    "snmp-priv-passwd",
    Kind::Secret,
    "Privacy password of SNMP version 3: at least 8 characters",
)
.short('P')
.suffix("=[pass]");

/// Or with the one that a program prints.
pub const SNMP_PRIV_PASSWD_SCRIPT: Opt = Opt::new(
    "snmp_priv_passwd_script",
    "snmp-priv-passwd-script",
    Kind::Text,
    "Shell command that prints the privacy password; used in place of one given directly",
)
.short('R')
.fills("snmp_priv_passwd");

/// How much is protected.
pub const SNMP_SEC_LEVEL: Opt = Opt::new(
    "snmp_sec_level",
    "snmp-sec-level",
    Kind::Choice(&["noAuthNoPriv", "authNoPriv", "authPriv"]),
    "Security level of SNMP version 3; where it isn't given, it follows from the passwords that are",
)
.short('E')
.suffix("=[level]");

/// Where the device is.
pub const ADDRESS: &[Opt] = &[options::IP.required(), options::IPPORT.default("161")];

/// What proves to the device who asks, beside the login. Default community and version are the agent's.
pub const OPTIONS: &[Opt] = &[
    COMMUNITY,
    SNMP_VERSION,
    SNMP_AUTH_PROT,
    SNMP_PRIV_PASSWD,
    SNMP_PRIV_PASSWD_SCRIPT,
    SNMP_PRIV_PROT,
    SNMP_SEC_LEVEL,
];

/// The programs of net-snmp, which aren't needed.
pub const TOOLS: &[Opt] = &[
    options::tool_path("snmpget_path", "snmpget-path"),
    options::tool_path("snmpset_path", "snmpset-path"),
    options::tool_path("snmpwalk_path", "snmpwalk-path"),
];

/// What proves to the device who asks.
pub fn credentials(settings: &Settings) -> Result<Credentials, Error> {
    let community = settings.secret(&COMMUNITY).cloned();
    let community = community.or_else(|| settings.text(&COMMUNITY).map(Secret::new));
    let version = match settings.choice(&SNMP_VERSION) {
        Some("3") => return user(settings),
        Some("1") => CommunityVersion::V1,
        // As upstream has it: a community without a version and without a user is one of 2c, and whatever else it is
        // net-snmp's default, 3.
        None if community.is_none() || settings.is_given(&options::USERNAME) => return user(settings),
        _ => CommunityVersion::V2c,
    };
    match community {
        Some(community) => Ok(Credentials::Community { version, community }),
        None => Err(Error::bad_input(settings.called(&COMMUNITY), "SNMP versions 1 and 2c need one")),
    }
}

fn user(settings: &Settings) -> Result<Credentials, Error> {
    let Some(name) = settings.text(&options::USERNAME) else {
        return Err(Error::bad_input(settings.called(&options::USERNAME), "SNMP version 3 needs one"));
    };
    let password = settings.secret(&options::PASSWORD);
    let privacy = settings.secret(&SNMP_PRIV_PASSWD);
    // A script that is still to be run will give it.
    let will_be = |script: &Opt| settings.text(script).map(|_| Secret::new("not known yet"));
    let password = password.cloned().or_else(|| will_be(&options::PASSWORD_SCRIPT));
    let privacy = privacy.cloned().or_else(|| will_be(&SNMP_PRIV_PASSWD_SCRIPT));
    let needed = |option: &Opt, secret: Option<Secret>| {
        secret.ok_or_else(|| {
            Error::bad_input(settings.called(option), "the security level of SNMP version 3 needs it")
        })
    };
    let level = match settings.choice(&SNMP_SEC_LEVEL) {
        Some(level) => level,
        None if privacy.is_some() => "authPriv",
        None if password.is_some() => "authNoPriv",
        None => "noAuthNoPriv",
    };
    let auth = |password| -> Result<Auth, Error> {
        let protocol = settings.choice(&SNMP_AUTH_PROT).and_then(AuthProtocol::from_name);
        let password = needed(&options::PASSWORD, password)?;
        Ok(Auth { protocol: protocol.unwrap_or(AuthProtocol::Md5), password })
    };
    let level = match level {
        "authPriv" => {
            let protocol = settings.choice(&SNMP_PRIV_PROT).and_then(PrivProtocol::from_name);
            let auth = auth(password)?;
            let password = needed(&SNMP_PRIV_PASSWD, privacy)?;
            Level::AuthPriv(auth, Privacy { protocol: protocol.unwrap_or(PrivProtocol::Des), password })
        }
        "authNoPriv" => Level::AuthNoPriv(auth(password)?),
        _ => Level::NoAuthNoPriv,
    };
    Ok(Credentials::User { name: name.to_owned(), level })
}

/// Checks what can be checked without asking the device.
pub fn check(settings: &Settings) -> Result<(), Error> {
    settings.check_host(host_in(settings.address().unwrap_or_default()))?;
    let credentials = credentials(settings)?;
    let placeholder = SocketAddr::from(([127, 0, 0, 1], PORT));
    let too_short = |secret: &Secret| secret.len() < snmp::credentials::MIN_PASSWORD;
    if let Credentials::User { level, .. } = &credentials {
        let (auth, privacy) = match level {
            Level::NoAuthNoPriv => (None, None),
            Level::AuthNoPriv(auth) => (Some(auth), None),
            Level::AuthPriv(auth, privacy) => (Some(auth), Some(privacy)),
        };
        for (option, short) in [
            (options::PASSWORD, auth.is_some_and(|auth| too_short(&auth.password))),
            (SNMP_PRIV_PASSWD, privacy.is_some_and(|privacy| too_short(&privacy.password))),
        ] {
            if short {
                let why = "a password of SNMP version 3 has at least 8 characters";
                return Err(Error::bad_input(settings.called(&option), why));
            }
        }
    }
    Client::new(&[placeholder], &credentials, Config::default())
        .map(|_| ())
        .map_err(|error| Error::bad_input(settings.called(&SNMP_VERSION), error.to_string()))
}

/// The connection to one SNMP agent: to the first one that has proved who it is, and to no other one after that.
pub struct Link {
    endpoint: Endpoint,
    credentials: Credentials,
    client: Option<Client>,
    /// When the first request was made.
    begun: Option<Instant>,
    same: Same,
    /// Whether a command may have reached a device.
    sent: bool,
    /// Whether a reading request of this login has succeeded.
    read: bool,
    /// When a write was first refused in words that don't last.
    refused: Option<Instant>,
}

/// What an address may begin with in configurations made for net-snmp's tools.
const TRANSPORTS: &[&str] = &["udp:", "udp6:", "udpv6:", "udpipv6:"];

/// How long a write is tried that is refused as if there were no such object. Somebody who is logged on at the device
/// may be why (APC's manual for the access type Write), and may log off.
const REFUSED_FOR_A_WHILE: Duration = Duration::from_secs(5);

/// The host in an address that may begin with a transport of net-snmp's.
pub fn host_in(address: &str) -> &str {
    TRANSPORTS.iter().find_map(|prefix| address.strip_prefix(prefix)).unwrap_or(address)
}

impl Link {
    /// To where the settings say. Asks nothing yet.
    pub fn new(settings: &Settings) -> Result<Link, Error> {
        Ok(Link {
            endpoint: Endpoint::new(host_in(settings.address().unwrap_or_default()), settings.port(PORT)),
            credentials: credentials(settings)?,
            client: None,
            begun: None,
            same: Same::default(),
            sent: false,
            read: false,
            refused: None,
        })
    }

    /// The name or address of the device.
    pub fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// Who has answered last: the SNMPv3 engine, where it signs its messages.
    pub fn who(&self) -> Option<Who> {
        let engine = self.client.as_ref()?.engine()?;
        let digits: String = engine.iter().map(|byte| format!("{byte:02x}")).collect();
        Who::named("SNMP engine", &digits)
    }

    /// Who has answered last for a plug: with its name, where it was asked for by that.
    pub(super) fn met(&self, named: Option<&Named>) -> Met {
        Met { who: self.who(), name: named.map(|named| named.name.clone()) }
    }

    /// Asks the device something.
    pub fn ask<T>(
        &mut self,
        by: Deadline,
        request: impl FnOnce(&mut Client, Deadline) -> Result<T, snmp::Error>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        self.begun.get_or_insert(started);
        let mut client = match self.client.take() {
            Some(client) => client,
            None => {
                let addresses = self.endpoint.resolve(by)?;
                Client::new(&addresses, &self.credentials, Config::default())
                    .map_err(|error| self.explained(error, started))?
            }
        };
        let answer = client.as_one(|client| request(client, by));
        self.client = Some(client);
        // Whatever somebody else has said. Whoever has answered in the midst of another one's answers is nobody to
        // remember.
        if self.same.is_known() || !matches!(answer, Err(snmp::Error::AnotherEngine)) {
            self.meet()?;
        }
        self.read |= answer.is_ok();
        answer.map_err(|error| self.explained(error, started))
    }

    /// Writes a number to one object, and to nobody else than whoever has answered before.
    pub fn set(&mut self, object: &Oid, value: i64, by: Deadline) -> Result<(), Error> {
        self.write(object, Value::Integer(value), by)
    }

    /// Writes one object, and to nobody else than whoever has answered before.
    pub fn write(&mut self, object: &Oid, value: Value, by: Deadline) -> Result<(), Error> {
        if self.meet().is_err() {
            // Perhaps the right one is back.
            let _ = self
                .ask(by, |client, by| client.get_one(&Oid::from(snmp::SYS_OBJECT_ID), by))
                .map_err(|error| error.before_the_command("who is there wasn't told"))?;
        }
        let mut refusal = None;
        let written = self.ask(by, |client, by| {
            let written = client.set(&[(object.clone(), value.clone())], by);
            if let Err(snmp::Error::WriteRefused { status, .. }) = &written {
                refusal = Some(*status);
            }
            written
        });
        self.sent |= !matches!(written, Err(Error::AnotherMachine { .. }));
        let Some(ErrorStatus::NoSuchName) = refusal else {
            self.refused = None;
            return written;
        };
        // In version 1 this is all that an agent can say against a write.
        let since = *self.refused.get_or_insert_with(Instant::now);
        written.map_err(|error| match error {
            Error::NoPrivilege { why } if since.elapsed() < REFUSED_FOR_A_WHILE => {
                Error::Device { request: "the write".to_owned(), code: why, passing: true }
            }
            error => error,
        })
    }

    /// Makes sure that whoever has answered last is the one that answered first.
    fn meet(&mut self) -> Result<(), Error> {
        let who = self.who();
        self.same.meet(&format!("the SNMP agent at {}", self.endpoint.given()), who.as_ref(), self.sent)
    }

    fn explained(&self, error: snmp::Error, started: Instant) -> Error {
        match error {
            // Several requests are one to whoever waits for them.
            snmp::Error::NoTime => Error::TimeOver {
                what: format!("asking {}", self.endpoint),
                after: self.begun.unwrap_or(started).elapsed(),
            },
            // What this login could read before, it can read again.
            snmp::Error::Failed { .. } if self.read => {
                Error::Device { request: "SNMP".to_owned(), code: error.to_string(), passing: true }
            }
            error => Error::of(&error, &self.endpoint.asked(started)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_a_protocol_is_one_that_the_client_knows() {
        let Kind::Choice(names) = SNMP_AUTH_PROT.kind else { panic!("a choice") };
        assert!(names.iter().all(|name| AuthProtocol::from_name(name).is_some()));
        assert_eq!(names.len(), AuthProtocol::NAMES.len());
        let Kind::Choice(names) = SNMP_PRIV_PROT.kind else { panic!("a choice") };
        assert!(names.iter().all(|name| PrivProtocol::from_name(name).is_some()));
        assert_eq!(names.len(), PrivProtocol::NAMES.len());
    }
}
