//! fence_redfish: machines whose service processor speaks Redfish over HTTPS.

mod choice;
mod examination;
mod knowledge;
mod messages;
mod reset_time;
mod resets;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use log::{debug, info, warn};

use self::choice::{Choice, Chosen, Members, Portrait};
use self::messages::{explained, pause};
use self::resets::{preferred, reset_types};
use crate::base::{Deadline, Told, file};
use crate::fencing::options::{self, tool_path};
use crate::fencing::who::Met;
use crate::fencing::{
    About, Action, Agent, Answer, Asked, Command, Describe, Device, Error, Fact, Finding, Identity,
    IdentityKind, Kind, Opt, Outlet, Plugs, Power, Proof, Seen, Settings, State, Times, Unfencing,
};
use crate::protocols::http;
use crate::protocols::redfish::{
    self, Account, Address, Allowed, Client, Config, Credentials, PowerState, Progress, Reset, ResetType,
    System, Task, Transport, Trust, Way,
};

/// The port where none is given.
const PORT: u16 = 443;

/// The most that one request may take, however much time its step of the action has left. Where nothing limits the
/// step, the client has a limit of its own.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// The root as the specification writes it (DSP0266, 6.1): the path without the slash at its end is a redirect to it, and
/// some redirect to an address by which nobody but themselves can reach them.
const ROOT: &str = "/redfish/v1/";

/// The most bytes that are read to find one machine among all. The longest system seen has 200 KiB, the usual one 20.
const WALK: u64 = 64 * 1024 * 1024;

/// How long a file of the configuration may take to be found.
const FILE_LIMIT: Duration = Duration::from_secs(5);

/// The pause between two looks at a task, where the service names none. The state decides, so this is for the words.
const TASK_PAUSE: Duration = Duration::from_secs(1);

/// Environment variables that name the certificate authorities to trust, as the Python library requests reads them.
const BUNDLE_VARIABLES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

const REDFISH_URI: Opt =
    Opt::new("redfish_uri", "redfish-uri", Kind::Text, "Path of the service root on the fence device")
        .suffix("=[uri]")
        .old("redfish-uri")
        .default("/redfish/v1");

const SYSTEMS_URI: Opt = Opt::new(
    "systems_uri",
    "systems-uri",
    Kind::Text,
    "Path of the machine's own resource, such as /redfish/v1/Systems/1. Not needed where the service has one system",
)
.suffix("=[uri]")
.old("systems-uri");

const SYSTEM: Opt = Opt::new(
    "system",
    "system",
    Kind::Text,
    "Which of several systems is the machine: its Id, UUID, SerialNumber, HostName or Name, or its URI. A name that fits more than one is an error. HostName is a poor choice: services often don't tell it while the machine is down",
)
.suffix("=[system]");

const ENV_PROXY: Opt = Opt::new(
    "env_proxy",
    "env-proxy",
    Kind::Switch,
    "Go through the proxy that https_proxy and no_proxy in the environment name. Without it the fence device is always asked directly",
);

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_redfish",
    shortdesc: "Fence agent for machines managed over Redfish",
    longdesc: "fence_redfish switches a machine's power through its service processor, which it asks over Redfish \
               (HTTPS): iDRAC, iLO, XCC, OpenBMC and others. It needs no other program.\
               \n\n\
               The address must be the service processor's, not the machine's. Off and reboot succeed only when the \
               service, asked after the command, reports that the power is off. A service that has several systems \
               needs to be told which one is meant: by system, by systems_uri, or by a plug that is the id, serial \
               number or name of exactly one. The actions list and list-status show them. With method=cycle the \
               service does the reboot; that succeeds only with evidence that it happened. diag sends an interrupt, \
               and says only that the service acknowledged it: it doesn't prove that anything stopped, so don't let \
               a cluster use it as fencing.",
    vendor_url: "http://www.dmtf.org",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    aliases: &[],
    options: &[
        &[
            options::ACTION,
            options::IP.takes_port(),
            options::IPPORT.default("443"),
            options::USERNAME.required(),
        ],
        options::METHODS,
        options::PASSWORDS,
        &[
            options::PLUG_AS_ADDRESS.text(
                "Name of the node, which clusters always send: ignored where the service has one system; of several it chooses the one that it names exactly. With port_as_ip it is the address of the fence device",
            ),
            REDFISH_URI,
            SYSTEMS_URI,
            SYSTEM,
        ],
        options::TLS,
        &[
            ENV_PROXY,
            options::PORT_AS_IP,
            tool_path("gnutlscli_path", "gnutlscli-path"),
        ],
        options::EXPECT_MACHINE,
        options::COMMON,
    ],
    defaults: &[],
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
    // Pacemaker would look for its nodes in a list that it knew of.
    unadvertised: &[Action::List, Action::ListStatus],
    default_action: Action::Reboot,
    unfencing: Unfencing::None,
    plugs: Plugs::One,
    proof: Proof::Reported,
    check,
    open,
};

fn check(settings: &Settings) -> Result<(), Error> {
    if settings.text(&options::USERNAME).is_none() {
        return Err(Error::bad_input(settings.called(&options::USERNAME), "the user name is missing"));
    }
    if settings.secret(&options::PASSWORD).is_none() && !settings.is_given(&options::PASSWORD_SCRIPT) {
        let why =
            format!("the password is missing; {} would do too", settings.called(&options::PASSWORD_SCRIPT));
        return Err(Error::bad_input(settings.called(&options::PASSWORD), why));
    }
    let config = config(settings)?;
    config.check().map_err(|error| bad_option(settings, error))?;
    if let (Choice::Place(place), option) = choice(settings)? {
        config.link(&place).map_err(|error| Error::bad_input(settings.called(&option), error.to_string()))?;
    }
    Ok(())
}

/// Which option a configuration comes from that the client doesn't take.
fn bad_option(settings: &Settings, error: redfish::Error) -> Error {
    let option = match &error {
        redfish::Error::Http(http::Error::ForeignLink { .. }) => REDFISH_URI,
        redfish::Error::Http(http::Error::BadCredentials { .. }) => {
            let colon = settings.text(&options::USERNAME).is_some_and(|user| user.contains(':'));
            if colon { options::USERNAME } else { options::PASSWORD }
        }
        _ => address_option(settings),
    };
    Error::bad_input(settings.called(&option), error.to_string())
}

fn address_option(settings: &Settings) -> Opt {
    if settings.is_on(&options::PORT_AS_IP) { options::PLUG_AS_ADDRESS } else { options::IP }
}

fn config(settings: &Settings) -> Result<Config, Error> {
    let address = Address::parse(settings.address().unwrap_or_default(), settings.port(PORT))
        .map_err(|error| bad_option(settings, error.into()))?;
    if let Some(zone) = &address.zone {
        settings.check_host(&format!("{}%{zone}", address.host))?;
    }
    let credentials = settings
        .text(&options::USERNAME)
        .zip(settings.secret(&options::PASSWORD))
        .map(|(user, password)| Credentials { user: user.to_owned(), password: password.clone() });
    Ok(Config {
        address,
        transport: Transport::Https(trust(settings)?),
        root: settings
            .text(&REDFISH_URI)
            .filter(|_| settings.is_given(&REDFISH_URI))
            .unwrap_or(ROOT)
            .to_owned(),
        credentials,
        request_limit: REQUEST_LIMIT,
        proxy_from_environment: settings.is_on(&ENV_PROXY),
    })
}

/// Which certificate is good enough. The three ways other than the usual one exclude each other.
fn trust(settings: &Settings) -> Result<Trust, Error> {
    let insecure = settings.is_on(&options::SSL_INSECURE);
    let pin = settings.text(&options::SSL_PIN);
    let file = settings.text(&options::SSL_CA_FILE);
    let given = [
        (insecure, options::SSL_INSECURE),
        (pin.is_some(), options::SSL_PIN),
        (file.is_some(), options::SSL_CA_FILE),
    ];
    let mut given = given.iter().filter(|(given, _)| *given).map(|(_, option)| settings.called(option));
    if let (Some(one), Some(other)) = (given.next(), given.next()) {
        return Err(Error::bad_input(other, format!("can't be combined with {one}")));
    }
    if insecure {
        return Ok(Trust::Unchecked);
    }
    if let Some(pin) = pin {
        let why = "this is not a SHA-256, which has 64 hexadecimal digits";
        return Trust::parse_pin(pin)
            .ok_or_else(|| Error::bad_input(settings.called(&options::SSL_PIN), why));
    }
    if let Some(file) = file {
        let path = PathBuf::from(file);
        file::check_presence(&path, Deadline::after(FILE_LIMIT)).map_err(|error| {
            Error::bad_input(settings.called(&options::SSL_CA_FILE), format!("{file}: {error}"))
        })?;
        return Ok(Trust::Authorities(path));
    }
    let bundle = BUNDLE_VARIABLES.iter().filter_map(std::env::var_os).find(|path| !path.is_empty());
    Ok(bundle.map_or(Trust::System, |path| Trust::Authorities(path.into())))
}

/// Which machine is meant, and the option that says so.
fn choice(settings: &Settings) -> Result<(Choice, Opt), Error> {
    let text = |option: &Opt| settings.text(option).map(str::to_owned);
    match (text(&SYSTEMS_URI), text(&SYSTEM)) {
        (Some(_), Some(_)) => {
            let why = format!("can't be combined with {}", settings.called(&SYSTEMS_URI));
            Err(Error::bad_input(settings.called(&SYSTEM), why))
        }
        (Some(place), None) => Ok((Choice::Place(place), SYSTEMS_URI)),
        (None, Some(place)) if place.starts_with('/') || place.contains("://") => {
            Ok((Choice::Place(place), SYSTEM))
        }
        (None, Some(name)) => Ok((Choice::Named(name), SYSTEM)),
        (None, None) => {
            let is_address = settings.is_on(&options::PORT_AS_IP);
            let plug = text(&options::PLUG_AS_ADDRESS).filter(|_| !is_address);
            Ok((Choice::Only { plug }, options::PLUG_AS_ADDRESS))
        }
    }
}

fn open(settings: &Settings, times: &Times) -> Result<Box<dyn Describe>, Error> {
    let config = config(settings)?;
    if config.transport == Transport::Https(Trust::Unchecked) {
        debug!("the certificate isn't verified, as {} says", settings.called(&options::SSL_INSECURE));
    }
    Ok(Box::new(Service::new(config, choice(settings)?.0, times.lifted)))
}

/// A Redfish service, and the one machine of it that is meant.
struct Service {
    address: String,
    config: Config,
    choice: Choice,
    client: Option<Client>,
    /// Whether the caller keeps the time, so that no option limits anything.
    lifted: bool,
    /// What the action is doing now.
    step: Step,
    /// Whether the service has carried out a command, or meant to.
    understood: bool,
    /// The service asked not to be asked before.
    not_before: Option<Instant>,
    /// The machine as it was read last.
    system: Option<System>,
    /// Whether nothing but the plug has chosen it among several.
    chosen_by_plug: bool,
    /// Whether it was chosen by its `Name`.
    chosen_by_name: bool,
    /// The way over which it was read; `None` where that isn't known.
    way: Option<Way>,
    /// What it has told of who it is.
    portrait: Portrait,
    /// Who has got the last command, by what it had told until then.
    commanded: Option<Met>,
    /// Whether somebody compares who it is before each command, and nothing goes to whom he hasn't compared.
    pinned: bool,
    /// Whether a command may have reached the service.
    sent: bool,
    /// Whether that was before any command, by looking for the machine, and no look has made use of it.
    unused: bool,
    /// The task of the last command, and when to look at it.
    task: Option<(Task, Instant)>,
    /// Why the last command may not lead to the wanted state.
    complaint: Option<String>,
    /// The `LastResetTime` to compare others with.
    reset_time: Option<String>,
    /// What is known of the service beside its machines.
    learnt: Learnt,
}

/// What has been learnt of a service beyond what fencing needs.
#[derive(Default)]
struct Learnt {
    about: About,
    version: String,
    account: Option<Account>,
    /// The reset types that the machine's ActionInfo lists.
    listed: Option<Vec<String>>,
}

/// A step of the action, for which there is time until a deadline.
struct Step {
    /// The option that sets it.
    option: &'static Opt,
    by: Deadline,
    begun: Instant,
    /// Whether the service has answered a request of it.
    answered: bool,
}

impl Step {
    fn new(option: &'static Opt, by: Deadline) -> Step {
        Step { option, by, begun: Instant::now(), answered: false }
    }
}

impl Service {
    fn new(config: Config, choice: Choice, lifted: bool) -> Service {
        Service {
            address: config.address.to_string(),
            config,
            choice,
            client: None,
            lifted,
            step: Step::new(&options::LOGIN_TIMEOUT, Deadline::NEVER),
            understood: false,
            not_before: None,
            system: None,
            chosen_by_plug: false,
            chosen_by_name: false,
            way: None,
            portrait: Portrait::default(),
            commanded: None,
            pinned: false,
            sent: false,
            unused: false,
            task: None,
            complaint: None,
            reset_time: None,
            learnt: Learnt::default(),
        }
    }

    /// Notes which step of the action it is that asks.
    fn begin(&mut self, option: &'static Opt, by: Deadline) {
        if self.step.by != by || self.step.option.name != option.name {
            self.step = Step::new(option, by);
        }
    }

    /// Asks the service something.
    fn ask<T>(
        &mut self,
        by: Deadline,
        request: impl FnOnce(&mut Client, Deadline) -> Result<T, redfish::Error>,
    ) -> Result<T, Error> {
        if let Some(when) = self.not_before.take() {
            by.sleep(pause(when.saturating_duration_since(Instant::now()), by.left()));
        }
        let mut client = match self.client.take() {
            Some(client) => client,
            None => self.new_client(by)?,
        };
        let result = request(&mut client, by);
        self.client = Some(client);
        let error = match result {
            Ok(value) => {
                self.step.answered = true;
                return Ok(value);
            }
            Err(error) => error,
        };
        self.not_before = error.retry_after().and_then(|pause| Instant::now().checked_add(pause));
        Err(self.explained(&error))
    }

    /// What an error of the client means for the action.
    fn explained(&self, error: &redfish::Error) -> Error {
        let option = Some(self.step.option.name).filter(|_| !self.lifted);
        let asked = Asked { address: &self.address, begun: self.step.begun };
        match explained(error, &asked, option) {
            // Whoever answers is slow, and not out of reach.
            Error::TimeOver { what, .. } | Error::NoAnswer { step: what, .. }
                if self.lifted && self.step.answered && !self.sent =>
            {
                Error::Busy { why: format!("it answers slowly, and not yet to {what}") }
            }
            error => error,
        }
    }

    /// A client that has asked nothing yet.
    fn new_client(&self, by: Deadline) -> Result<Client, Error> {
        Client::new(self.config.clone(), by).map_err(|error| self.explained(&error))
    }

    /// All members of Systems. One that can't be read, and not at a second try either, is no reason not to find
    /// another; what ends everything, or may pass by itself, is.
    fn members(&mut self, by: Deadline) -> Result<Members, Error> {
        let links = self.ask(by, |client, by| {
            client.unbind();
            client.systems(by)
        })?;
        let mut members = Members::default();
        let begun = self.volume();
        for link in links {
            if self.volume().saturating_sub(begun) > WALK {
                return Err(Error::Device {
                    request: format!("GET {link} and those before it"),
                    code: format!("the systems are larger than {WALK} bytes together"),
                    passing: false,
                });
            }
            let mut read = || self.ask(by, |client, by| client.system(&link, by));
            match read().or_else(|error| if error.is_definitive() { Err(error) } else { read() }) {
                Ok(system) => members.readable.push(system),
                Err(
                    error @ (Error::LoginDenied { .. } | Error::Untrusted { .. } | Error::TimeOver { .. }),
                ) => {
                    return Err(error);
                }
                Err(error) => members.unreadable.push((link.to_string(), error)),
            }
        }
        Ok(members)
    }

    fn volume(&self) -> u64 {
        self.client.as_ref().map_or(0, Client::volume)
    }

    /// The machine, found where it isn't known yet.
    fn machine(&mut self, by: Deadline) -> Result<System, Error> {
        if let Some(system) = &self.system {
            return Ok(system.clone());
        }
        let before = self.client.as_ref().map(Client::connections).unwrap_or_default();
        let Chosen { system, by_plug, by_name } = match self.choice.clone() {
            Choice::Place(place) => {
                let system = self.ask(by, |client, by| client.system(&client.link(&place)?, by))?;
                Chosen::alone(system)
            }
            choice => self.members(by)?.choose(&choice)?,
        };
        debug!("the machine is system {} at {}", choice::id(&system), system.link);
        self.chosen_by_plug = by_plug;
        self.chosen_by_name = by_name;
        self.unused = true;
        self.portrait.learn(&system);
        self.system = Some(system.clone());
        // Over which of several connections isn't known.
        let one = |client: &&Client| client.connections() <= before.max(1);
        self.way = self.client.as_ref().filter(one).map(Client::way);
        Ok(system)
    }

    /// The machine, read anew.
    fn machine_now(&mut self, by: Deadline) -> Result<System, Error> {
        let system = self.read_now(by, false)?;
        self.recognize(&system)?;
        Ok(self.keep(system))
    }

    /// What stands at the machine's place now. With `bound`, what is asked next goes to whoever has told this, and to
    /// nobody else.
    fn read_now(&mut self, by: Deadline, bound: bool) -> Result<System, Error> {
        let known = self.machine(by)?;
        let read = |client: &mut Client, by| {
            client.unbind();
            let system = client.system(&known.link, by)?;
            if bound {
                client.bind();
            }
            Ok(system)
        };
        let system = self.ask(by, read).map_err(|error| match error {
            // It could be read before, so it is the service that is unwell: many are while the power changes.
            Error::Device { request, code, .. } => Error::Device { request, code, passing: true },
            Error::NoPrivilege { why } => Error::Busy { why },
            other => other,
        })?;
        // The id may stay when the machine changes; when the id changes, this is an answer about something else.
        if system.id != known.id {
            let (was, is) = (choice::id(&known), choice::id(&system));
            let what = format!("{} was system {was} and is system {is} now", known.link);
            return Err(Error::Unexpected { what });
        }
        Ok(system)
    }

    /// Whether a system that was read is the machine that was met first.
    fn recognize(&self, system: &System) -> Result<(), Error> {
        match (self.portrait.first(), self.portrait.who(system)) {
            (Some(first), now) if now.as_ref() != Some(&first) => Err(Error::AnotherMachine {
                plug: self.plug_name(0),
                first: first.to_string(),
                now: now.map(|now| now.to_string()),
                sent: self.sent,
            }),
            _ => Ok(()),
        }
    }

    /// Keeps the machine as it is now.
    fn keep(&mut self, mut system: System) -> System {
        if system.reset.is_none() {
            // Some take their actions away while the power changes, and the next command needs one.
            system.reset = self.system.as_ref().and_then(|known| known.reset.clone());
        }
        self.portrait.learn(&system);
        self.way = self.client.as_ref().map(Client::way);
        self.system = Some(system.clone());
        system
    }

    /// Who has told what this system is like.
    fn met_as(&self, system: &System) -> Met {
        let name = system.name.as_ref().filter(|name| self.chosen_by_name && redfish::is_whole(name));
        Met { who: self.portrait.who(system), name: name.map(|name| name.raw().to_owned()) }
    }

    /// Readies the client for a command, which goes to whoever has told last what the machine is like, and to nobody
    /// else. Where the connection has ended since, the machine is asked anew who it is. Who compares the machine with
    /// what is expected does so before each command, and has bound the client himself.
    fn hold_on(&mut self, by: Deadline) -> Result<(), Error> {
        if self.pinned {
            return Ok(());
        }
        let still = self.client.as_ref().zip(self.way).is_some_and(|(client, way)| client.is_still_on(way));
        if !still {
            debug!("the connection has changed: asking the machine who it is");
            self.machine_now(by)?;
        }
        if let Some((client, way)) = self.client.as_mut().zip(self.way) {
            client.bind_to(way);
        }
        Ok(())
    }

    /// The reset types that the machine lists, as far as the service tells.
    fn allowed(&mut self, system: &System, by: Deadline) -> Option<Vec<String>> {
        self.ask(by, |client, by| client.allowed_resets(system, by)).unwrap_or_else(|error| {
            info!("the reset types that the machine takes can't be read: {error}");
            None
        })
    }

    /// The reset type for a command.
    fn reset_type(&mut self, command: Command, by: Deadline) -> Result<ResetType, Error> {
        let types = reset_types(command);
        if types.1.is_none() {
            return Ok(types.0);
        }
        let system = self.machine(by).map_err(never_sent)?;
        Ok(preferred(types, self.allowed(&system, by).as_deref()))
    }

    /// Sends a reset.
    fn reset(&mut self, kind: ResetType, by: Deadline) -> Result<Answer, Error> {
        let system = self.machine(by).map_err(never_sent)?;
        self.unused = false;
        self.task = None;
        if system.reset.is_none() {
            return Err(Error::Unsupported { what: format!("a reset: {} offers none", self.plug_name(0)) });
        }
        let unlisted = |allowed: &[String]| !allowed.iter().any(|word| word == kind.name());
        if let Some(Allowed::Listed(allowed)) = system.reset.as_ref().map(|reset| &reset.allowed)
            && unlisted(allowed)
        {
            warn!("{} doesn't list {kind} among its reset types; trying it all the same", self.plug_name(0));
        }
        let reset = self.send(&system, kind, by).map_err(|error| match error {
            // It has understood such a command before.
            Error::Device { request, code, passing: false } if self.understood => {
                Error::Device { request, code, passing: true }
            }
            other => other,
        })?;
        self.understood |= !matches!(reset, Reset::Refused { .. });
        match reset {
            Reset::Done { status, .. } => {
                debug!("{kind}: HTTP {status}");
                self.complaint = None;
                Ok(Answer::Accepted)
            }
            Reset::Accepted { task } => {
                debug!("{kind}: HTTP 202, {}", if task.is_some() { "with a task" } else { "without a task" });
                self.complaint = None;
                self.task = task.and_then(|task| Some((due(&task)?, task))).map(|(when, task)| (task, when));
                Ok(Answer::Accepted)
            }
            Reset::Refused { status, message } => {
                let said = message.map(|message| format!(": {message}")).unwrap_or_default();
                let word = format!("{kind}: HTTP {status}{said}");
                let behind =
                    matches!(system.reset.as_ref().map(|reset| &reset.allowed), Some(Allowed::Behind(_)));
                if behind
                    && self.complaint.is_none()
                    && let Some(allowed) = self.allowed(&system, by)
                    && unlisted(&allowed)
                {
                    warn!("{} doesn't list {kind} among its reset types", self.plug_name(0));
                }
                self.complaint = Some(word.clone());
                Ok(Answer::NotInThisState(word))
            }
        }
    }

    /// Sends a reset over the connection in which the machine has told who it is.
    fn send(&mut self, system: &System, kind: ResetType, by: Deadline) -> Result<Reset, Error> {
        let mut tries = if self.pinned { 1 } else { 2 };
        loop {
            self.hold_on(by).map_err(never_sent)?;
            tries -= 1;
            let (mut unsent, mut answered) = (false, false);
            let result = self.ask(by, |client, by| {
                let answer = client.reset(system, kind, by);
                client.unbind();
                unsent = matches!(answer, Err(redfish::Error::Http(http::Error::Unbound { .. })));
                // A reset that can't be asked for is none of those that may work later.
                answered = client.has_answered_reset()
                    || matches!(answer, Err(redfish::Error::Http(http::Error::ForeignLink { .. })));
                answer
            });
            if !unsent {
                self.sent = true;
                // What is told from here on was told by whoever has the address then.
                self.commanded = self.system.as_ref().map(|system| self.met_as(system));
            }
            if unsent && tries > 0 {
                self.way = None;
                continue;
            }
            return result.map_err(|error| if answered { error } else { never_sent(error) });
        }
    }

    /// Looks at the task of the last command, where it is time to. Its end proves nothing, its failure is worth
    /// telling.
    fn look_at_task(&mut self, by: Deadline) {
        let Some((task, _)) = self.task.take_if(|(_, when)| *when <= Instant::now()) else { return };
        match self.ask(by, |client, by| client.task(&task, by)) {
            Ok(Progress::Running { retry_after }) => {
                let task = Task { retry_after, ..task };
                self.task = due(&task).map(|when| (task, when));
            }
            Ok(Progress::Completed) => debug!("{}: the task is completed", task.link),
            Ok(Progress::Gone) => debug!("{}: the task is gone", task.link),
            Ok(Progress::Failed { state, message }) => {
                let said = message.map(|message| format!(": {message}")).unwrap_or_default();
                let words = format!("its task {} ended as {state}{said}", task.link);
                warn!("the command failed: {words}");
                self.complaint = Some(words);
            }
            Err(error) => info!("the task can't be read: {error}"),
        }
    }
}

/// An error of what was asked around a command. It says nothing about the command, so it isn't the refusal of one.
fn never_sent(error: Error) -> Error {
    match error.is_refusal() {
        true => Error::Unexpected { what: format!("the command can't be sent now: {error}") },
        false => error,
    }
}

/// When a task is to be looked at next.
fn due(task: &Task) -> Option<Instant> {
    Instant::now().checked_add(task.retry_after.unwrap_or(TASK_PAUSE))
}

/// What a machine's `PowerState` says. A word that isn't known is still a word: the machine may be running.
fn state(system: &System) -> State {
    match &system.power_state {
        None => State::Unknown("the service tells no PowerState".to_owned()),
        Some(PowerState::On) => State::On,
        Some(PowerState::Off) => State::Off,
        Some(PowerState::Other(text)) if !text.raw().chars().any(char::is_alphabetic) => {
            State::Unknown(format!("PowerState is '{text}'"))
        }
        Some(word) => State::Changing(word.to_string()),
    }
}

impl Device for Service {
    fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        self.begin(&options::LOGIN_TIMEOUT, by);
        if self.client.is_none() {
            self.client = Some(self.new_client(by)?);
        }
        Ok(())
    }

    fn resolve(&mut self, _names: &[String], by: Deadline) -> Result<(), Error> {
        self.begin(&options::LOGIN_TIMEOUT, by);
        self.machine(by).map(|_| ())
    }

    fn plug_name(&self, _plug: usize) -> String {
        match &self.system {
            Some(system) => format!("system {} at {}", choice::id(system), self.address),
            None => format!("the machine at {}", self.address),
        }
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        self.begin(if self.sent { &options::POWER_TIMEOUT } else { &options::SHELL_TIMEOUT }, by);
        let system = self.machine(by)?;
        // Read a moment ago, after the delay and before any command.
        let system = if std::mem::take(&mut self.unused) { system } else { self.read_now(by, false)? };
        let met = self.met_as(&system);
        let seen = Seen { state: state(&system), met };
        if self.recognize(&system).is_ok() {
            self.keep(system);
            self.look_at_task(by);
        }
        Ok(vec![seen])
    }

    fn met(&self, _plug: usize) -> Met {
        let read = || self.system.as_ref().map(|system| self.met_as(system));
        self.commanded.clone().or_else(read).unwrap_or_default()
    }

    fn switch(&mut self, _plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        self.begin(&options::POWER_TIMEOUT, by);
        let kind = self.reset_type(Command::Switch(to), by)?;
        self.reset(kind, by)
    }

    fn complaint(&self) -> Option<String> {
        self.complaint.clone()
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        self.begin(&options::SHELL_TIMEOUT, by);
        let members = self.members(by)?;
        if let Some((_, error)) = members.unreadable.into_iter().next() {
            return Err(error);
        }
        Ok(members
            .readable
            .iter()
            .map(|system| Outlet {
                plug: choice::id(system).raw().to_owned(),
                alias: system
                    .host_name
                    .as_ref()
                    .or(system.name.as_ref())
                    .map(Told::raw)
                    .unwrap_or_default()
                    .to_owned(),
                state: with_state.then(|| state(system)),
            })
            .collect())
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        self.begin(&options::SHELL_TIMEOUT, by);
        let systems = match self.choice.clone() {
            Choice::Place(_) => vec![self.machine(by)?],
            choice => self.members(by)?.watched(&choice)?,
        };
        for system in systems {
            let state = state(&system);
            if system.reset.is_none() {
                warn!("system {} offers no reset: it can't be fenced", choice::id(&system));
            }
            debug!("system {} is {state}", choice::id(&system));
            if let State::Unknown(what) = state {
                let what = format!("system {}: {what}", choice::id(&system));
                return Err(Error::Unexpected { what });
            }
        }
        Ok(())
    }

    fn diag(&mut self, by: Deadline) -> Result<String, Error> {
        self.begin(&options::POWER_TIMEOUT, by);
        let refused = |code| Error::Device { request: "the interrupt".to_owned(), code, passing: false };
        let kind = self.reset_type(Command::Diag, by)?;
        let answer = self.reset(kind, by).map_err(|error| match error {
            // It may have arrived: a second one would hit the machine while it writes its dump.
            Error::NoAnswer { .. } | Error::TimeOver { .. } | Error::Unreachable { .. } => {
                refused("the answer is missing, so the interrupt may have been sent or not".to_owned())
            }
            other => other,
        })?;
        if let Answer::NotInThisState(word) = answer {
            return Err(refused(word));
        }
        Ok("Diagnostic interrupt sent, and acknowledged by the service".to_owned())
    }

    fn cycle(&mut self, _plug: usize, by: Deadline) -> Result<Answer, Error> {
        self.begin(&options::POWER_TIMEOUT, by);
        let kind = self.reset_type(Command::Cycle, by)?;
        self.reset(kind, by)
    }

    fn power_mark(&mut self, _plug: usize, by: Deadline) -> Result<Option<String>, Error> {
        let system = self.machine_now(by)?;
        let Some(now) = system.last_reset_time.map(|time| time.name()) else { return Ok(None) };
        // The engine takes any difference for evidence; a clock that was set is none.
        let known = self.reset_time.get_or_insert_with(|| now.clone());
        let mark = if reset_time::is_later(known, &now) { now } else { known.clone() };
        Ok(Some(format!("LastResetTime {mark}")))
    }

    fn close(&mut self) {
        if let Some(client) = self.client.take() {
            client.close();
        }
    }
}

impl Describe for Service {
    fn host(&self) -> Option<&str> {
        Some(&self.config.address.host)
    }

    fn known(&self) -> About {
        self.known_about()
    }

    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        self.learn_about(by)
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
        self.identity_now(kinds, by)
    }

    fn plan(&self, _plug: usize, command: Command) -> Vec<String> {
        self.requests(command)
    }

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        self.findings(by)
    }
}

#[cfg(test)]
mod tests {
    use peers::redfish::{Act, PASSWORD, Phase, Rule, Server, Setup, USER};

    use super::*;
    use crate::base::Secret;
    use crate::fencing::Who;

    const SYSTEM: &str = "/redfish/v1/Systems/1";
    const UUID: &str = "00000000-0000-4000-8000-000000000009";

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    /// The driver with its machine found.
    fn service(server: &Server) -> Service {
        let config = Config {
            address: Address { host: "127.0.0.1".into(), zone: None, port: server.port() },
            transport: Transport::Http,
            root: ROOT.into(),
            credentials: Some(Credentials { user: USER.into(), password: Secret::new(PASSWORD) }),
            request_limit: REQUEST_LIMIT,
            proxy_from_environment: false,
        };
        let mut service = Service::new(config, Choice::Only { plug: None }, false);
        service.resolve(&[], soon()).unwrap();
        service
    }

    fn telling(uuid: &str, power: &str, phase: Phase) -> Rule {
        let fields = [("/UUID", Some(uuid)), ("/SerialNumber", None), ("/PowerState", Some(power))];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.map(Into::into)));
        Rule::new("GET", SYSTEM, Act::With(fields.to_vec())).during(phase)
    }

    #[test]
    fn who_is_told_first_after_a_command_has_not_got_it() {
        let nobody = "00000000-0000-0000-0000-000000000000";
        let rules = vec![telling(nobody, "On", Phase::Before), telling(UUID, "Off", Phase::After)];
        let server = Setup { rules, deaf: true, ..Setup::default() }.start();
        let other = Who::of(IdentityKind::Uuid, UUID);
        let mut service = service(&server);
        assert_eq!(service.met(0).who, None);
        service.switch(0, Power::Off, soon()).unwrap();
        assert_eq!(service.met(0).who, None);
        for _ in 0..2 {
            let seen = service.look(soon()).unwrap();
            assert_eq!((&seen[0].state, &seen[0].met.who), (&State::Off, &other));
            assert_eq!(service.met(0).who, None, "who has got the command");
        }
        // The next command is its own.
        service.switch(0, Power::Off, soon()).unwrap();
        assert_eq!(service.met(0).who, other);
    }

    #[test]
    fn only_the_answer_to_the_reset_is_a_refusal_of_it() {
        let unwell = |method, path: &str, status| Rule::new(method, path, Act::status(status));
        for status in [503, 403, 500, 404] {
            let server = Setup::default().start();
            let mut read_anew = service(&server);
            read_anew.way = None;
            server.rule(unwell("GET", SYSTEM, status));
            let error = read_anew.switch(0, Power::Off, soon()).unwrap_err();
            assert!(!error.is_refusal() && !error.is_definitive(), "{error:?}");
            assert!(server.commands(SYSTEM).is_empty());

            let server = Setup { wants_etag: Some(412), ..Setup::default() }.start();
            let mut with_etag = service(&server);
            server.rule(unwell("GET", SYSTEM, status));
            let error = with_etag.switch(0, Power::Off, soon()).unwrap_err();
            assert!(!error.is_refusal() && !error.is_definitive(), "{error:?}");

            let server = Setup::default().start();
            let mut refused = service(&server);
            server.rule(unwell("POST", "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset", status));
            let error = refused.switch(0, Power::Off, soon()).unwrap_err();
            assert!(error.is_refusal(), "{error:?}");
        }
    }
}
