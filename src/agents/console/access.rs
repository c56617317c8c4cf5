//! The way to a console: which of telnet and SSH, where, and who logs in.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use log::debug;

use super::table::{Kind, Way};
use crate::base::{Deadline, Secret, file};
use crate::fencing::failure::Asked;
use crate::fencing::option::{Kind as Value, Opt};
use crate::fencing::options::{self, tool_path};
use crate::fencing::{Endpoint, Error, Settings, Who};
use crate::protocols::console::Pattern;
use crate::protocols::ssh::{self, Legacy, Session, Terminal};
use crate::protocols::stream::Stream;
use crate::protocols::tcp::{self, Family, Target};
use crate::protocols::telnet::Telnet;

/// How long the file with a key may take to be found.
const FILE_LIMIT: Duration = Duration::from_secs(5);

/// SSH in the place of telnet.
const SSH: Opt =
    Opt::new("ssh", "ssh", Value::Switch, "Log in over SSH in place of telnet").short('x').old("secure");

/// The prompt of this one device.
const COMMAND_PROMPT: Opt = Opt::new(
    "command_prompt",
    "command-prompt",
    Value::Text,
    "Regular expression for the end of what the device shows when it waits for a command; only needed where it has been changed. A line's beginning is \\n in it",
)
.short('c')
.suffix("=[prompt]")
.old("cmd_prompt");

/// The one host key to accept.
const SSH_PIN: Opt = Opt::new(
    "ssh_pin",
    "ssh-pin",
    Value::Text,
    "Fingerprint of the one SSH host key to accept, as ssh-keygen -l prints it: SHA256:... The files of known hosts then don't matter",
)
.suffix("=[fingerprint]");

const IDENTITY_FILE: Opt = Opt::new(
    "identity_file",
    "identity-file",
    Value::Text,
    "File with the private key to log in with over SSH; the password is then that of the key",
)
.short('k')
.suffix("=[filename]");

const INET4_ONLY: Opt =
    Opt::new("inet4_only", "inet4-only", Value::Switch, "Use IPv4 addresses only").short('4');

const INET6_ONLY: Opt =
    Opt::new("inet6_only", "inet6-only", Value::Switch, "Use IPv6 addresses only").short('6');

/// What the program ssh would be told.
const SSH_OPTIONS: Opt = Opt::new(
    "ssh_options",
    "ssh-options",
    Value::Text,
    "Options of the program ssh, as it takes them: algorithms to allow besides today's, where the host's key is known from, keys. Those without a meaning here are refused by name",
)
.suffix("=[options]");

/// Over telnet alone.
pub(in crate::agents) const TELNET_ACCESS: &[Opt] =
    &[COMMAND_PROMPT, tool_path("telnet_path", "telnet-path")];

/// Over telnet or SSH.
pub(in crate::agents) const ACCESS: &[Opt] = &[
    COMMAND_PROMPT,
    IDENTITY_FILE,
    INET4_ONLY,
    INET6_ONLY,
    SSH,
    SSH_OPTIONS,
    SSH_PIN,
    tool_path("ssh_path", "ssh-path"),
    tool_path("telnet_path", "telnet-path"),
];

/// How a device is reached, and as whom.
pub(super) struct Access {
    endpoint: Endpoint,
    way: Way,
    family: Family,
    user: String,
    password: Option<Secret>,
    prompt: Option<String>,
    ssh: ssh::Config,
    /// Whether the device takes one command for each SSH connection, and closes it then.
    one_command: Rc<Cell<bool>>,
    /// Whether it takes none that comes with a connection.
    no_command: Cell<bool>,
}

/// Commands that come with an SSH connection.
pub(super) struct Exec {
    target: Target,
    config: ssh::Config,
    session: Option<Box<dyn Session>>,
    used: bool,
    one_command: Rc<Cell<bool>>,
}

impl Exec {
    /// Runs one, and takes what it prints and whether it ended well.
    pub(super) fn run(&mut self, line: &str, by: Deadline) -> Result<(Vec<String>, bool), ssh::Error> {
        if self.used && self.one_command.get() {
            self.close(by);
        }
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect_again(by)?,
        };
        let output = session.exec(line, by).inspect_err(|error| {
            let closed = matches!(error, ssh::Error::Line(_) | ssh::Error::Refused { .. });
            self.one_command.set(self.one_command.get() || self.used && closed);
        })?;
        self.session = Some(session);
        self.used = true;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let both = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
        let lines = both.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty());
        Ok((lines.collect(), output.status == Some(0)))
    }

    /// Another connection to the same device: it has to show the key that it has shown first.
    fn connect_again(&mut self, by: Deadline) -> Result<Box<dyn Session>, ssh::Error> {
        self.used = false;
        ssh::connect(&self.target, &self.config, by)
    }

    /// Whether no command has been run on this connection.
    pub(super) fn is_unused(&self) -> bool {
        !self.used
    }

    /// Ends the connection.
    pub(super) fn close(&mut self, by: Deadline) {
        if let Some(mut session) = self.session.take() {
            session.close(by);
        }
    }
}

/// Why there is no conversation.
pub(super) struct NotOpened {
    /// What it means to the action.
    pub(super) error: Error,
    /// Whether the device was told the password, and neither let in nor refused.
    pub(super) after_password: bool,
}

/// What stands between us and the device's words.
pub(super) enum Opened {
    /// A line at which it talks, and whether it asks there who we are.
    Line {
        /// The line.
        line: Box<dyn Stream>,
        /// Whether it asks.
        ask: bool,
    },
    /// Commands one by one.
    Exec(Box<Exec>),
}

impl Access {
    /// What the settings say.
    ///
    /// # Errors
    /// Bad input, by option.
    pub(super) fn new(settings: &Settings, kind: &Kind) -> Result<Access, Error> {
        let is_ssh = |way: &&Way| matches!(way, Way::Ssh(_));
        let first = kind.ways.first().copied().unwrap_or(Way::Telnet(23));
        let wanted = settings.is_on(&SSH) || settings.truth(&SSH).is_none() && is_ssh(&&first);
        let way = kind.ways.iter().find(|way| is_ssh(way) == wanted).copied().unwrap_or(first);
        if settings.is_given(&IDENTITY_FILE) && !matches!(way, Way::Ssh(_)) {
            return Err(Error::bad_input(
                settings.called(&IDENTITY_FILE),
                format!("a key is for SSH: {} is missing", settings.called(&SSH)),
            ));
        }
        let usual = match way {
            Way::Telnet(port) | Way::Ssh(port) | Way::Plain(port) => port,
        };
        // The default that the metadata shows is that of the first way.
        let port = if settings.is_given(&options::IPPORT) { settings.port(usual) } else { usual };
        let family = match (settings.is_on(&INET4_ONLY), settings.is_on(&INET6_ONLY)) {
            (true, true) => {
                return Err(Error::bad_input(
                    settings.called(&INET6_ONLY),
                    format!("it contradicts {}", settings.called(&INET4_ONLY)),
                ));
            }
            (true, false) => Family::V4,
            (false, true) => Family::V6,
            (false, false) => Family::Any,
        };
        // A line's end in them would be one.
        let lines = |bytes: &[u8]| bytes.iter().any(u8::is_ascii_control);
        let user = settings.text(&options::USERNAME).unwrap_or_default().to_owned();
        let password = settings.secret(&options::PASSWORD).cloned();
        let bad = [
            (options::USERNAME, lines(user.as_bytes())),
            (options::PASSWORD, password.as_ref().is_some_and(|password| lines(password.expose()))),
        ];
        if let Some((option, _)) = bad.iter().find(|(_, bad)| *bad) {
            return Err(Error::bad_input(
                settings.called(option),
                "it holds control characters, which no console takes",
            ));
        }
        let prompt = settings.given_text(&COMMAND_PROMPT).map(str::to_owned);
        if let Some(prompt) = &prompt {
            Pattern::new(prompt).map_err(|error| {
                Error::bad_input(settings.called(&COMMAND_PROMPT), format!("no regular expression: {error}"))
            })?;
        }
        let ssh = Access::ssh(settings, kind, &user, password.as_ref())?;
        // That of a key is none of the device's.
        let password = password.filter(|_| ssh.keys.is_empty());
        Ok(Access {
            endpoint: Endpoint::new(settings.address().unwrap_or_default(), port),
            way,
            family,
            user,
            password,
            prompt,
            ssh,
            one_command: Rc::default(),
            no_command: Cell::new(false),
        })
    }

    /// How to log in over SSH.
    fn ssh(
        settings: &Settings,
        kind: &Kind,
        user: &str,
        password: Option<&Secret>,
    ) -> Result<ssh::Config, Error> {
        let text = settings.text(&SSH_OPTIONS).unwrap_or_default();
        let options = ssh::Options::parse(text)
            .map_err(|error| Error::bad_input(settings.called(&SSH_OPTIONS), error.to_string()))?;
        let file = settings.text(&IDENTITY_FILE).map(str::to_owned);
        if let Some(file) = &file
            && let Err(trouble) = file::check_presence(Path::new(file), Deadline::after(FILE_LIMIT))
        {
            return Err(Error::bad_input(settings.called(&IDENTITY_FILE), format!("{file}: {trouble}")));
        }
        let mut pins = Vec::new();
        if let Some(pin) = settings.text(&SSH_PIN) {
            let why = "no fingerprint as ssh-keygen -l prints it: SHA256: and 43 characters";
            let pin = ssh::Fingerprint::parse(pin);
            pins.push(pin.ok_or_else(|| Error::bad_input(settings.called(&SSH_PIN), why))?);
        }
        // With a key, the password is the key's.
        let (keys, password) = match file {
            Some(file) => (vec![ssh::Key { file, passphrase: password.cloned() }], None),
            None => (Vec::new(), password.cloned()),
        };
        let legacy = if kind.old_ssh { Legacy::Offered } else { Legacy::No };
        Ok(ssh::Config {
            user: user.to_owned(),
            password,
            keys,
            options,
            legacy,
            pins,
            ..ssh::Config::default()
        })
    }

    pub(super) fn host(&self) -> &str {
        self.endpoint.host()
    }

    /// Where it is, for messages.
    pub(super) fn address(&self) -> String {
        self.endpoint.to_string()
    }

    pub(super) fn asked(&self, begun: Instant) -> Asked<'_> {
        self.endpoint.asked(begun)
    }

    /// The prompts that the user gave.
    pub(super) fn prompts(&self) -> Result<Vec<Pattern>, Error> {
        let prompts: Vec<&str> = self.prompt.as_deref().into_iter().collect();
        Pattern::all(&prompts).map_err(|error| Error::Local { what: error.to_string() })
    }

    /// Who logs in.
    pub(super) fn login(&self) -> Option<(&str, Option<&Secret>)> {
        Some((self.user.as_str(), self.password.as_ref()))
    }

    pub(super) fn protocol(&self) -> String {
        match self.way {
            Way::Telnet(_) => "telnet, which anybody on the way can read".to_owned(),
            Way::Plain(_) => "plain text over TCP, which anybody on the way can read".to_owned(),
            Way::Ssh(_) => "SSH".to_owned(),
        }
    }

    pub(super) fn credentials(&self) -> String {
        match (&self.password, self.user.as_str()) {
            (_, "") => "no user".to_owned(),
            (None, user) if !self.ssh.keys.is_empty() => format!("user {user} with a key"),
            (Some(_), user) => format!("user {user} with a password"),
            (None, user) => format!("user {user}"),
        }
    }

    /// Connects, and tells who the device is where the way authenticates it.
    pub(super) fn open(&self, kind: &Kind, by: Deadline) -> Result<(Opened, Option<Who>), NotOpened> {
        let begun = Instant::now();
        let target =
            Target { family: self.family, ..Target::new(self.endpoint.given(), self.endpoint.port()) };
        debug!("connecting to {}: {}", self.endpoint, self.protocol());
        let line: Result<Box<dyn Stream>, _> = match self.way {
            Way::Telnet(_) => Telnet::connect(&target, by).map(|line| Box::new(line) as Box<dyn Stream>),
            Way::Plain(_) => tcp::Line::connect(&target, by).map(|line| Box::new(line) as Box<dyn Stream>),
            Way::Ssh(_) => return self.open_ssh(kind, target, begun, by),
        };
        let line = line.map_err(|error| NotOpened {
            error: Error::of(&error, &self.asked(begun)),
            after_password: false,
        })?;
        Ok((Opened::Line { line, ask: true }, None))
    }

    fn open_ssh(
        &self,
        kind: &Kind,
        target: Target,
        begun: Instant,
        by: Deadline,
    ) -> Result<(Opened, Option<Who>), NotOpened> {
        let failed = |error: ssh::Error| NotOpened {
            after_password: matches!(error, ssh::Error::AfterPassword(_)),
            error: Error::of(&error, &self.asked(begun)),
        };
        let session = ssh::connect(&target, &self.ssh, by).map_err(failed)?;
        let fingerprint = session.host_key().fingerprint();
        let who = Who::named("SSH host key", &fingerprint.to_string());
        if kind.takes_commands() && !self.no_command.get() {
            let config = ssh::Config {
                pins: vec![fingerprint],
                kinds: vec![session.host_key().kind().to_owned()],
                // A pin would allow what the files of known hosts didn't.
                password: self.ssh.password.clone().filter(|_| session.may_show_passwords()),
                ..self.ssh.clone()
            };
            let one_command = Rc::clone(&self.one_command);
            let exec = Exec { target, config, session: Some(session), used: false, one_command };
            return Ok((Opened::Exec(Box::new(exec)), who));
        }
        let asks = kind.manners.asks_behind_ssh || session.is_open_to_all();
        let ask = asks && session.may_show_passwords();
        let line = session.shell(&Terminal::DEVICE, by).map_err(failed)?;
        Ok((Opened::Line { line, ask }, who))
    }

    /// The device takes no command that comes with a connection.
    pub(super) fn take_no_commands(&self) {
        self.no_command.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session in which so many commands are run.
    #[derive(Debug)]
    struct Takes(usize, ssh::HostKey);

    impl Session for Takes {
        fn host_key(&self) -> &ssh::HostKey {
            &self.1
        }

        fn is_open_to_all(&self) -> bool {
            false
        }

        fn may_show_passwords(&self) -> bool {
            true
        }

        fn exec(&mut self, _: &str, _: Deadline) -> Result<ssh::Output, ssh::Error> {
            let refused = ssh::Error::Refused { peer: "device".to_owned(), what: "a session" };
            self.0 = self.0.checked_sub(1).ok_or(refused)?;
            Ok(ssh::Output { status: Some(0), signal: None, stdout: b"on".to_vec(), stderr: Vec::new() })
        }

        fn shell(self: Box<Self>, _: &Terminal, _: Deadline) -> Result<Box<dyn Stream>, ssh::Error> {
            Err(ssh::Error::Refused { peer: "device".to_owned(), what: "a shell" })
        }

        fn close(&mut self, _: Deadline) {}
    }

    #[test]
    fn a_second_command_that_is_refused_means_one_for_each_connection_and_a_first_one_none_at_all() {
        for taken in [0, 1] {
            let mut exec = Exec {
                target: Target::new("192.0.2.1", 22),
                config: ssh::Config::default(),
                session: Some(Box::new(Takes(taken, ssh::HostKey::default()))),
                used: false,
                one_command: Rc::default(),
            };
            let by = Deadline::after(Duration::from_secs(20));
            for _ in 0..taken {
                assert_eq!(exec.run("status", by).unwrap(), (vec!["on".to_owned()], true));
            }
            assert!(matches!(exec.run("status", by), Err(ssh::Error::Refused { .. })));
            assert_eq!((exec.is_unused(), exec.one_command.get()), (taken == 0, taken == 1));
        }
    }
}
