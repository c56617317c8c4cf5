//! The way to a console: which of telnet and SSH, where, and who logs in.

use std::time::Instant;

use log::debug;

use super::table::{Kind, Way};
use crate::base::{Deadline, Secret};
use crate::fencing::failure::Asked;
use crate::fencing::option::{Kind as Value, Opt};
use crate::fencing::options::{self, tool_path};
use crate::fencing::{Endpoint, Error, Settings, Who};
use crate::protocols::console::Pattern;
use crate::protocols::stream::Stream;
use crate::protocols::tcp::{self, Family, Target};
use crate::protocols::telnet::Telnet;

/// SSH in the place of telnet.
pub(in crate::agents) const SSH: Opt =
    Opt::new("ssh", "ssh", Value::Switch, "Log in over SSH in place of telnet").short('x').old("secure");

/// The prompt of this one device.
pub(in crate::agents) const COMMAND_PROMPT: Opt = Opt::new(
    "command_prompt",
    "command-prompt",
    Value::Text,
    "Regular expression for the end of what the device shows when it waits for a command; only needed where it has been changed. A line's beginning is \\n in it",
)
.short('c')
.suffix("=[prompt]")
.old("cmd_prompt");

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

pub(in crate::agents) const SSH_OPTIONS: Opt = Opt::new(
    "ssh_options",
    "ssh-options",
    Value::Text,
    "Options of the program ssh, as it takes them: algorithms to allow besides today's, where the host's key is known from, keys. Those without a meaning here are refused by name",
)
.suffix("=[options]");

/// Over SSH alone.
pub(in crate::agents) const SSH_ACCESS: &[Opt] = &[
    COMMAND_PROMPT,
    IDENTITY_FILE,
    INET4_ONLY,
    INET6_ONLY,
    SSH,
    SSH_OPTIONS,
    tool_path("ssh_path", "ssh-path"),
];

/// Over telnet or SSH.
pub(in crate::agents) const ACCESS: &[Opt] = &[
    COMMAND_PROMPT,
    IDENTITY_FILE,
    INET4_ONLY,
    INET6_ONLY,
    SSH,
    SSH_OPTIONS,
    tool_path("ssh_path", "ssh-path"),
    tool_path("telnet_path", "telnet-path"),
];

/// Over telnet alone.
pub(in crate::agents) const TELNET_ACCESS: &[Opt] =
    &[COMMAND_PROMPT, tool_path("telnet_path", "telnet-path")];

/// How a device is reached, and as whom.
pub(super) struct Access {
    endpoint: Endpoint,
    way: Way,
    family: Family,
    user: String,
    password: Option<Secret>,
    prompt: Option<String>,
}

/// A command that comes with an SSH connection.
pub(super) trait Exec {
    /// Runs it, and takes what it prints.
    fn run(&mut self, line: &str, by: Deadline) -> Result<Vec<String>, Error>;

    /// Ends the connection.
    fn close(&mut self, by: Deadline);
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
    #[expect(dead_code, reason = "comes with SSH")]
    Exec(Box<dyn Exec>),
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
        Ok(Access {
            endpoint: Endpoint::new(settings.address().unwrap_or_default(), port),
            way,
            family,
            user,
            password,
            prompt,
        })
    }

    pub(super) fn host(&self) -> &str {
        self.endpoint.host()
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
            (Some(_), user) => format!("user {user} with a password"),
            (None, user) => format!("user {user}"),
        }
    }

    /// Connects, and tells who the device is where the way authenticates it.
    pub(super) fn open(&self, kind: &Kind, by: Deadline) -> Result<(Opened, Option<Who>), Error> {
        let begun = Instant::now();
        let target =
            Target { family: self.family, ..Target::new(self.endpoint.given(), self.endpoint.port()) };
        debug!("connecting to {}: {}", self.endpoint, self.protocol());
        let line: Result<Box<dyn Stream>, _> = match self.way {
            Way::Telnet(_) => Telnet::connect(&target, by).map(|line| Box::new(line) as Box<dyn Stream>),
            Way::Plain(_) => tcp::Line::connect(&target, by).map(|line| Box::new(line) as Box<dyn Stream>),
            Way::Ssh(_) => {
                return Err(Error::Unsupported { what: "SSH".to_owned() });
            }
        };
        let line = line.map_err(|error| Error::of(&error, &self.asked(begun)))?;
        let ask = !matches!(self.way, Way::Ssh(_)) || kind.manners.asks_behind_ssh;
        Ok((Opened::Line { line, ask }, None))
    }
}
