//! fence_ipmilan: machines with a baseboard management controller (BMC) that speaks IPMI over LAN.

mod examination;
mod failures;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use log::debug;

use crate::base::{Deadline, Secret};
use crate::fencing::options::{self, tool_path};
use crate::fencing::{
    About, Action, Agent, Alias, Answer, Command, Describe, Device, Endpoint, Error, Fact, Finding, Identity,
    IdentityKind, Kind, Met, Opt, Plugs, Power, Proof, Same, Seen, Settings, State, Times, Unfencing, Who,
};
use crate::protocols::ipmi::chassis::{
    ChassisControl, GetChassisStatus, GetSystemRestartCause, RestartCause,
};
use crate::protocols::ipmi::command::Command as _;
use crate::protocols::ipmi::config::PORT;
use crate::protocols::ipmi::device::{
    GetAssetTag, GetDeviceId, GetSelTime, GetSessionInfo, GetSystemGuid, Guid,
};
use crate::protocols::ipmi::fru::{self, Inventory};
use crate::protocols::ipmi::{self, AuthType, BadConfig, Config, Privilege, Session, Version};

const AUTH: Opt = Opt::new(
    "auth",
    "auth",
    Kind::Choice(&["md5", "password", "none"]),
    "Authentication type of IPMI 1.5; naming one selects IPMI 1.5 where lanplus isn't given",
)
.short('A')
.suffix("=[auth]");

const CIPHER: Opt = Opt::new(
    "cipher",
    "cipher",
    Kind::Text,
    "Cipher suite of IPMI 2.0, by its number: 0 to 3, 6 to 8, 11, 12, 15 to 17. Without it, 17 is tried, then 3; 0, which protects nothing, only when named",
)
.short('C')
.suffix("=[cipher]");

const HEXADECIMAL_KG: Opt = Opt::new(
    "hexadecimal_kg",
    "hexadecimal-kg",
    Kind::Secret,
    "Key Kg of the BMC for IPMI 2.0, as hexadecimal digits: at most 20 bytes",
)
.suffix("=[key]");

const LANPLUS: Opt = Opt::new(
    "lanplus",
    "lanplus",
    Kind::Switch,
    "1: IPMI 2.0 only, 0: IPMI 1.5 only. Where it isn't given, IPMI 2.0 is tried first, then 1.5",
)
.short('P')
.default("0");

const PRIVLVL: Opt = Opt::new(
    "privlvl",
    "privlvl",
    Kind::Choice(&["callback", "user", "operator", "administrator"]),
    "Privilege level to ask the BMC for. Switching the power needs operator. The default steps down to operator where the BMC refuses administrator; a level that is given doesn't",
)
.short('L')
.suffix("=[level]")
.default("administrator");

const TARGET: Opt = Opt::new(
    "target",
    "target",
    Kind::Text,
    "IPMB address of a controller behind the BMC, such as 0x24, to which the requests are bridged",
)
.suffix("=[targetaddress]");

const IPMITOOL_TIMEOUT: Opt = Opt::new(
    "ipmitool_timeout",
    "ipmitool-timeout",
    Kind::Seconds,
    "How long to wait for an answer before a request is sent again",
)
.suffix("=[timeout]")
.string_in_metadata()
.default("2");

/// How many transmissions of one request stay unanswered before the session counts as lost.
const ATTEMPTS: u32 = 3;

/// How long a login rests that was refused after another one had been accepted in the same run.
const REFUSED_LOGIN_REST: Duration = Duration::from_secs(5);

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_ipmilan",
    shortdesc: "Fence agent for machines managed over IPMI",
    longdesc: "fence_ipmilan switches a machine's power through its baseboard management controller (BMC), which \
               it asks over IPMI 1.5 or IPMI 2.0 (RMCP+). It speaks the protocol itself and needs no other program.\
               \n\n\
               The address must be the BMC's, not the machine's. An account with the privilege level operator is \
               enough. Off and reboot succeed only when the BMC, asked after the command, reports that the power is \
               off. With method=cycle the BMC does the reboot; that succeeds only with evidence that the power \
               went. diag sends an interrupt, and says only that the BMC acknowledged it: it doesn't prove that \
               anything stopped, so don't let a cluster use it as fencing.",
    vendor_url: "",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    aliases: &[
        Alias {
            name: "fence_ilo3",
            shortdesc: "Fence agent for HPE iLO 3 over IPMI",
            defaults: &[("lanplus", "1"), ("power_wait", "4")],
        },
        Alias {
            name: "fence_ilo4",
            shortdesc: "Fence agent for HPE iLO 4 over IPMI",
            defaults: &[("lanplus", "1")],
        },
        Alias {
            name: "fence_ilo5",
            shortdesc: "Fence agent for HPE iLO 5 over IPMI",
            defaults: &[("lanplus", "1")],
        },
        Alias {
            name: "fence_ipmilanplus",
            shortdesc: "Fence agent for machines managed over IPMI 2.0",
            defaults: &[("lanplus", "1")],
        },
        Alias { name: "fence_imm", shortdesc: "Fence agent for IBM IMM over IPMI", defaults: &[] },
        Alias { name: "fence_idrac", shortdesc: "Fence agent for Dell iDRAC over IPMI", defaults: &[] },
    ],
    options: &[
        &[
            options::ACTION,
            AUTH,
            CIPHER,
            HEXADECIMAL_KG,
            options::IP,
            options::IPPORT.default("623"),
            LANPLUS,
            options::USERNAME,
        ],
        options::METHODS,
        options::PASSWORDS,
        &[
            options::PLUG_AS_ADDRESS,
            PRIVLVL,
            TARGET,
            options::PORT_AS_IP,
            IPMITOOL_TIMEOUT,
            options::USE_SUDO,
            tool_path("ipmitool_path", "ipmitool-path"),
            tool_path("sudo_path", "sudo-path"),
        ],
        options::EXPECT_MACHINE,
        options::COMMON,
    ],
    defaults: &[("power_wait", "2")],
    actions: &[
        Action::On,
        Action::Off,
        Action::Reboot,
        Action::Status,
        Action::Monitor,
        Action::Metadata,
        Action::Manpage,
        Action::ValidateAll,
        Action::Diag,
        Action::Doctor,
        Action::Evidence,
    ],
    unadvertised: &[],
    default_action: Action::Reboot,
    unfencing: Unfencing::None,
    plugs: Plugs::One,
    proof: Proof::Reported,
    check,
    open,
};

/// Privilege levels by the words of the option.
const PRIVILEGES: &[(&str, Privilege)] = &[
    ("callback", Privilege::Callback),
    ("user", Privilege::User),
    ("operator", Privilege::Operator),
    ("administrator", Privilege::Administrator),
];

/// Authentication types by the words of the option.
const AUTH_TYPES: &[(&str, AuthType)] =
    &[("md5", AuthType::Md5), ("password", AuthType::Password), ("none", AuthType::None)];

fn check(settings: &Settings) -> Result<(), Error> {
    // The limits don't depend on where the BMC is.
    let mut config = config(settings)?;
    config.addresses = vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT)];
    config.check().map_err(|error| match error {
        ipmi::Error::BadConfig(bad) => bad_option(settings, bad),
        other => Error::Local { what: other.to_string() },
    })
}

/// Which option a bad configuration comes from.
fn bad_option(settings: &Settings, bad: BadConfig) -> Error {
    let option = match bad {
        BadConfig::NoAddress => options::IP,
        BadConfig::UserNameTooLong => options::USERNAME,
        BadConfig::PasswordTooLong { .. } => options::PASSWORD,
        BadConfig::KgTooLong => HEXADECIMAL_KG,
        BadConfig::UnknownSuite(_) => CIPHER,
    };
    Error::bad_input(settings.called(&option), bad.to_string())
}

/// The client's configuration, without addresses.
fn config(settings: &Settings) -> Result<Config, Error> {
    let mut config = Config::new(Vec::new());
    config.username = settings.text(&options::USERNAME).unwrap_or_default().to_owned();
    config.password = settings.secret(&options::PASSWORD).cloned();
    config.kg = settings.secret(&HEXADECIMAL_KG).map(|digits| key(settings, digits)).transpose()?;
    config.privilege = named(PRIVILEGES, settings.choice(&PRIVLVL)).unwrap_or(Privilege::Administrator);
    config.privilege_explicit = settings.is_given(&PRIVLVL);
    config.auth = named(AUTH_TYPES, settings.choice(&AUTH));
    config.version = match (settings.is_given(&LANPLUS), settings.is_on(&LANPLUS)) {
        (_, true) => Version::V20,
        (true, false) => Version::V15,
        (false, false) => Version::Auto,
    };
    config.cipher = settings
        .text(&CIPHER)
        .map(|number| {
            number.parse().map_err(|_| {
                Error::bad_input(
                    settings.called(&CIPHER),
                    format!("'{number}' is not the number of a cipher suite"),
                )
            })
        })
        .transpose()?;
    config.target = settings.text(&TARGET).map(|address| target(settings, address)).transpose()?;
    // 0 would mean asking without a pause.
    config.attempt = settings.seconds(&IPMITOOL_TIMEOUT).unwrap_or_default().max(Duration::from_secs(1));
    config.attempts = ATTEMPTS;
    Ok(config)
}

/// What a word of an option stands for.
fn named<T: Copy>(table: &[(&str, T)], word: Option<&str>) -> Option<T> {
    word.and_then(|word| table.iter().find(|(name, _)| *name == word)).map(|(_, value)| *value)
}

/// The bytes that hexadecimal digits stand for.
fn key(settings: &Settings, digits: &Secret) -> Result<Secret, Error> {
    let digits = digits.expose();
    let nibbles: Option<Vec<u8>> = digits
        .strip_prefix(b"0x")
        .unwrap_or(digits)
        .iter()
        .map(|digit| char::from(*digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()))
        .collect();
    let nibbles = zeroize::Zeroizing::new(nibbles.unwrap_or_default());
    let (pairs, rest) = nibbles.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err(Error::bad_input(
            settings.called(&HEXADECIMAL_KG),
            "this is not an even number of hexadecimal digits",
        ));
    }
    Ok(Secret::new(pairs.iter().map(|[high, low]| high << 4 | low).collect::<Vec<u8>>()))
}

/// An IPMB address, decimal or with 0x.
fn target(settings: &Settings, text: &str) -> Result<u8, Error> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    number.ok_or_else(|| {
        Error::bad_input(settings.called(&TARGET), format!("'{text}' is not an address such as 0x24"))
    })
}

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    let bmc = Bmc {
        endpoint: Endpoint::new(settings.address().unwrap_or_default(), settings.port(PORT)),
        config: config(settings)?,
        session: None,
        learned: Learned::default(),
        first_mark: None,
        about: About::default(),
    };
    Ok(Box::new(bmc))
}

/// The request that a command is.
fn chassis_control(command: Command) -> ChassisControl {
    match command {
        Command::Switch(Power::On) => ChassisControl::PowerUp,
        Command::Switch(Power::Off) => ChassisControl::PowerDown,
        Command::Cycle => ChassisControl::PowerCycle,
        Command::Diag => ChassisControl::DiagnosticInterrupt,
    }
}

/// A BMC, and the one session with it.
struct Bmc {
    endpoint: Endpoint,
    config: Config,
    session: Option<Session>,
    learned: Learned,
    /// What it is known to be.
    about: About,
    /// What the BMC remembered of the last power change when it was asked first.
    first_mark: Option<Mark>,
}

/// What this run has learned of the BMC. A later answer that contradicts it is a bad moment, and not its last word.
#[derive(Default)]
struct Learned {
    /// The one that was met first, and the one that the last session was opened with.
    same: Same,
    who: Option<Who>,
    /// Whether a command has gone out.
    sent: bool,
    /// Whether it has let this user in.
    accepted: bool,
    /// When it refused the login although it had accepted one before.
    denied: Option<(Instant, Error)>,
    /// The commands that it has carried out, by their names without what they were told to do.
    understood: BTreeSet<&'static str>,
}

impl Learned {
    /// Whether a completion code says of a command that it can't be, and it was.
    fn contradicts(&self, error: &ipmi::Error) -> bool {
        match error {
            ipmi::Error::Completion { command, .. } => {
                (error.is_definitive() || error.is_privilege())
                    && self.understood.contains(without_order(command))
            }
            _ => false,
        }
    }
}

/// The name of a command without what it is told to do.
fn without_order(name: &'static str) -> &'static str {
    name.split_once(" (").map_or(name, |(name, _)| name)
}

/// What a BMC remembers of the last power change.
#[derive(Clone, Copy)]
struct Mark {
    /// The last power event: a bit for each kind.
    event: u8,
    /// `None` where the BMC doesn't say.
    cause: Option<RestartCause>,
}

impl Mark {
    /// Whether the power must have changed between two readings. That needs a word that wasn't there before: a BMC
    /// that restarts forgets, and one that is busy refuses a question that it answered a moment ago.
    fn proves_a_change_since(self, before: Mark) -> bool {
        const UNKNOWN: u8 = 0;
        const EVENTS: u8 = 0x1f;
        let another_cause = match (before.cause, self.cause) {
            (Some(before), Some(now)) => now.cause != UNKNOWN && now.cause != before.cause,
            _ => false,
        };
        another_cause || self.event & !before.event & EVENTS != 0
    }

    fn words(self) -> String {
        let cause = self.cause.map_or("not kept", RestartCause::words);
        format!("last power event {:02X}h, restart cause {cause}", self.event)
    }
}

impl Bmc {
    /// Opens a session.
    fn log_in(&mut self, by: Deadline) -> Result<Session, Error> {
        let started = Instant::now();
        if self.config.addresses.is_empty() {
            self.config.addresses = self.endpoint.resolve(by)?;
        }
        // The session with a BMC that restarts is lost first, and its users are read last.
        if let Some((at, error)) = &self.learned.denied
            && at.elapsed() < REFUSED_LOGIN_REST
        {
            return Err(error.clone());
        }
        let session = Session::open(&self.config, by).map_err(|error| self.not_let_in(error, started))?;
        let who = session.guid().and_then(|guid| Who::of(IdentityKind::Uuid, &guid_text(&guid)));
        // With a stranger the session ends here.
        self.learned.same.meet(&self.plug_name(0), who.as_ref(), self.learned.sent)?;
        if who.is_some() {
            // It can say who it is in this version only.
            self.config.version = Version::V20;
            self.config.cipher = session.cipher_suite();
        }
        self.learned.who = who;
        self.learned.accepted = true;
        self.learned.denied = None;
        self.note_session(&session);
        Ok(session)
    }

    /// Why a session couldn't be opened. The first login has one attempt; but a BMC that has let this user in doesn't
    /// mean it when it refuses, unless it does so twice.
    fn not_let_in(&mut self, error: ipmi::Error, started: Instant) -> Error {
        let error = self.explained(error, started);
        if !self.learned.accepted || !error.is_definitive() {
            return error;
        }
        let denied = matches!(error, Error::LoginDenied { .. });
        if denied && self.learned.denied.is_some() {
            return error;
        }
        let error =
            Error::Unexpected { what: format!("no new session, though there was one before: {error}") };
        if denied {
            self.learned.denied = Some((Instant::now(), error.clone()));
        }
        error
    }

    /// Does something in the session, opening one where there is none. What the BMC has against it is told as it came.
    fn reply<T>(
        &mut self,
        by: Deadline,
        request: impl FnOnce(&mut Session, Deadline) -> Result<T, ipmi::Error>,
    ) -> Result<Result<T, ipmi::Error>, Error> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.log_in(by)?,
        };
        let reply = request(&mut session, by);
        self.learned.understood.extend(session.understood().map(without_order));
        // A BMC that restarted knows nothing of the session: the next request opens a new one.
        match reply.as_ref().err().filter(|error| error.is_lost()) {
            Some(error) => debug!("the session is lost: {error}"),
            None => self.session = Some(session),
        }
        Ok(reply)
    }

    /// The same, with the error as the engine knows it.
    fn ask<T>(
        &mut self,
        by: Deadline,
        request: impl FnOnce(&mut Session, Deadline) -> Result<T, ipmi::Error>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        self.reply(by, request)?.map_err(|error| self.explained(error, started))
    }

    /// `started` is when that was begun which failed.
    fn explained(&self, error: ipmi::Error, started: Instant) -> Error {
        match error {
            ipmi::Error::Completion { command, .. } if self.learned.contradicts(&error) => {
                Error::Device { request: command.to_owned(), code: error.to_string(), passing: true }
            }
            error => Error::of(&error, &self.endpoint.asked(started)),
        }
    }

    fn control(&mut self, command: Command, by: Deadline) -> Result<Answer, Error> {
        let control = chassis_control(command);
        // What keeps the session from being opened is no answer to the command.
        self.connect(by).map_err(|error| error.before_the_command("no session for the command"))?;
        self.learned.sent = true;
        self.ask(by, |session, by| match session.send(&control, by) {
            Ok(()) => Ok(Answer::Accepted),
            Err(error) if error.is_wrong_state() => Ok(Answer::NotInThisState(error.to_string())),
            Err(error) => Err(error),
        })
    }
}

impl Bmc {
    /// Asks for something that not every BMC has: `None` where it says for good that it has not.
    fn ask_for<T>(
        &mut self,
        by: Deadline,
        request: impl FnOnce(&mut Session, Deadline) -> Result<T, ipmi::Error>,
    ) -> Result<Option<T>, Error> {
        let started = Instant::now();
        match self.reply(by, request)? {
            Ok(value) => Ok(Some(value)),
            Err(error @ ipmi::Error::Completion { .. })
                if !error.is_transient() && !self.learned.contradicts(&error) =>
            {
                debug!("not to be had: {error}");
                Ok(None)
            }
            // The inventory's first bytes are no inventory.
            Err(error @ ipmi::Error::Unexpected { .. }) => {
                debug!("not to be had: {error}");
                Ok(None)
            }
            Err(error) => Err(self.explained(error, started)),
        }
    }

    fn inventory(&mut self, by: Deadline) -> Result<Option<Inventory>, Error> {
        self.ask_for(by, |session, by| fru::read(session, fru::OWN, by))
    }

    /// The asset tag: the inventory's, otherwise the one that DCMI keeps.
    fn asset_tag(&mut self, inventory: Option<&Inventory>, by: Deadline) -> Result<Option<Identity>, Error> {
        if let Some(tag) = inventory.and_then(Inventory::asset_tag) {
            return Ok(Some(Identity::new(IdentityKind::Name, tag, "FRU 0, product asset tag")));
        }
        let tag = self.ask_for(by, dcmi_asset_tag)?;
        Ok(tag
            .map(|tag| Identity::new(IdentityKind::Name, String::from_utf8_lossy(&tag), "DCMI asset tag"))
            .filter(|tag| !tag.value.is_empty()))
    }

    /// What the open session is, in words.
    fn note_session(&mut self, session: &Session) {
        self.about.protocol = match session.cipher_suite() {
            Some(suite) => format!("IPMI 2.0, cipher suite {suite}"),
            None => "IPMI 1.5".to_owned(),
        };
        self.about.privilege = session.privilege().to_string();
    }
}

/// The whole asset tag of DCMI, which comes in pieces of 16 bytes and has 63 at most (DCMI v1.5, 6.4.2).
fn dcmi_asset_tag(session: &mut Session, by: Deadline) -> Result<Vec<u8>, ipmi::Error> {
    const PIECE: u8 = 16;
    const LONGEST: u8 = 63;
    let mut tag: Vec<u8> = Vec::new();
    let mut total = PIECE;
    while let Some(left) =
        total.checked_sub(u8::try_from(tag.len()).unwrap_or(u8::MAX)).filter(|left| *left > 0)
    {
        let offset = u8::try_from(tag.len()).unwrap_or(LONGEST);
        let (length, bytes) = session.send(&GetAssetTag { offset, count: left.min(PIECE) }, by)?;
        total = length.min(LONGEST);
        if bytes.is_empty() && usize::from(total) > tag.len() {
            return Err(ipmi::Error::Unexpected { step: "Get Asset Tag", what: "a piece is empty" });
        }
        tag.extend(bytes);
        tag.truncate(total.into());
    }
    Ok(tag)
}

/// A GUID as it is written, from its first byte to its last in the order in which the BMC sends them.
///
/// Firmware disagrees on that order: the specification wants the last byte first (20.8), many send the order of
/// SMBIOS, some that of RFC 4122. Nothing in the bytes tells which, and to accept several readings of what is
/// expected would let a machine pass for another whose bytes are the same in another order. So there is one reading.
fn guid_text(guid: &Guid) -> String {
    let hex: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut digits = hex.chars();
    [8, 4, 4, 4, 12].map(|length| digits.by_ref().take(length).collect::<String>()).join("-")
}

impl Device for Bmc {
    fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        if self.session.is_none() {
            self.session = Some(self.log_in(by)?);
        }
        Ok(())
    }

    /// There is one machine, and nothing to find.
    fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    fn plug_name(&self, _plug: usize) -> String {
        format!("the machine at {}", self.endpoint.given())
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let status = self.ask(by, |session, by| session.send(&GetChassisStatus, by))?;
        let state = if status.power_on { State::On } else { State::Off };
        Ok(vec![Seen { state, met: self.met(0) }])
    }

    fn met(&self, _plug: usize) -> Met {
        Met { who: self.learned.who.clone(), name: None }
    }

    fn switch(&mut self, _plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        self.control(Command::Switch(to), by)
    }

    fn diag(&mut self, by: Deadline) -> Result<String, Error> {
        match self.control(Command::Diag, by)? {
            Answer::Accepted => Ok("Diagnostic interrupt sent, and acknowledged by the BMC".to_owned()),
            Answer::NotInThisState(why) => Err(Error::Device {
                request: "the diagnostic interrupt".to_owned(),
                code: why,
                passing: false,
            }),
        }
    }

    fn cycle(&mut self, _plug: usize, by: Deadline) -> Result<Answer, Error> {
        self.control(Command::Cycle, by)
    }

    fn power_mark(&mut self, _plug: usize, by: Deadline) -> Result<Option<String>, Error> {
        let now = self.ask(by, |session, by| {
            let event = session.send(&GetChassisStatus, by)?.last_event.raw;
            // An optional command: a BMC without it still has the last power event.
            let cause = match session.send(&GetSystemRestartCause, by) {
                Ok(cause) => Some(cause),
                Err(ipmi::Error::Completion { .. }) => None,
                Err(error) => return Err(error),
            };
            Ok(Mark { event, cause })
        })?;
        let first = *self.first_mark.get_or_insert(now);
        Ok(Some(if now.proves_a_change_since(first) { now } else { first }.words()))
    }

    fn close(&mut self) {
        if let Some(session) = self.session.take() {
            session.close();
        }
    }
}

impl Describe for Bmc {
    fn host(&self) -> Option<&str> {
        Some(self.endpoint.host())
    }

    fn known(&self) -> About {
        let user = match self.config.username.as_str() {
            "" => "the null user".to_owned(),
            name => format!("user {name}"),
        };
        let with = match self.config.password.as_ref().is_some_and(|password| !password.is_empty()) {
            true => "with a password",
            false => "without a password",
        };
        let kg = if self.config.kg.is_some() { " and the key Kg" } else { "" };
        About { credentials: format!("{user} {with}{kg}"), ..self.about.clone() }
    }

    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        let id = self.ask(by, |session, by| session.send(&GetDeviceId, by))?;
        self.about.product = format!("{}, product {}", examination::maker(id.manufacturer), id.product);
        self.about.firmware = format!("{}.{:02x}", id.firmware_major, id.firmware_minor);
        if let Some(name) = self.inventory(by)?.map(|inventory| inventory.product_name())
            && !name.is_empty()
        {
            self.about.name = name;
        }
        Ok(self.known())
    }

    fn plug_facts(&self, _plug: usize) -> Vec<Fact> {
        let address = self.session.as_ref().map(|session| Fact::new("address", session.addr().to_string()));
        let target = self.config.target.map(|target| Fact::new("target", format!("{target:#04x}")));
        address.into_iter().chain(target).collect()
    }

    fn identity(
        &mut self,
        _plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let mut told = Vec::new();
        if kinds.contains(&IdentityKind::Uuid)
            && let Some(guid) = self.ask_for(by, |session, by| session.send(&GetSystemGuid, by))?
        {
            told.push(Identity::new(IdentityKind::Uuid, guid_text(&guid), "Get System GUID"));
        }
        if !kinds.contains(&IdentityKind::Serial) && !kinds.contains(&IdentityKind::Name) {
            return Ok(told);
        }
        let inventory = self.inventory(by)?;
        if kinds.contains(&IdentityKind::Serial)
            && let Some((serial, source)) = inventory.as_ref().and_then(Inventory::serial)
        {
            told.push(Identity::new(IdentityKind::Serial, serial, source));
        }
        if kinds.contains(&IdentityKind::Name) {
            told.extend(self.asset_tag(inventory.as_ref(), by)?);
        }
        Ok(told)
    }

    fn plan(&self, _plug: usize, command: Command) -> Vec<String> {
        vec![format!("{} to {}", chassis_control(command).request().name, self.plug_name(0))]
    }

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        self.connect(by)?;
        let mut findings = Vec::new();
        if let Some(session) = &self.session {
            findings.extend(examination::of_session(
                &self.config,
                session.cipher_suite(),
                session.privilege(),
            ));
        }
        let id = self.ask(by, |session, by| session.send(&GetDeviceId, by))?;
        findings.extend(examination::of_device(&id));
        let status = self.ask(by, |session, by| session.send(&GetChassisStatus, by))?;
        findings.extend(examination::of_chassis(&status));
        if let Some(info) = self.ask_for(by, |session, by| session.send(&GetSessionInfo, by))? {
            findings.push(examination::of_sessions(info));
        }
        if let Some(time) = self.ask_for(by, |session, by| session.send(&GetSelTime, by))? {
            findings.extend(examination::of_clock(time));
        }
        Ok(findings)
    }
}
