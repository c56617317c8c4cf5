//! `ssh_options`: what the program ssh would be given. Each option is honoured or refused by its name, before anything is
//! sent; none is passed over in silence.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::algorithms::{Change, Purpose};
use crate::base::{Told, net};
use crate::protocols::tcp::Family;

/// What is wrong with the options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadOptions {
    /// A quote isn't closed, or nothing follows the last backslash.
    Unfinished,
    /// This client doesn't have it.
    Unsupported(Told),
    /// Its argument is missing.
    NoArgument(Told),
    /// Its argument is none that it takes, for this reason.
    BadArgument(Told, String),
    /// A command for the device: the agent gives its own.
    RemoteCommand(Told),
}

impl fmt::Display for BadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadOptions::Unfinished => f.write_str("a quote isn't closed, or nothing follows a backslash"),
            BadOptions::Unsupported(option) => {
                write!(f, "{option} is no option of ssh that is supported here")
            }
            BadOptions::NoArgument(option) => write!(f, "{option} needs an argument"),
            BadOptions::BadArgument(option, why) => write!(f, "{option}: {why}"),
            BadOptions::RemoteCommand(command) => {
                write!(f, "\"{command}\" is a command for the device, which the agent gives itself")
            }
        }
    }
}

impl std::error::Error for BadOptions {}

/// What becomes of a host key that isn't known (ssh_config(5), StrictHostKeyChecking).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strict {
    /// It is refused.
    Yes,
    /// It is believed and written down; one that has changed is refused.
    #[default]
    AcceptNew,
    /// The same, but one that has changed only rules out passwords, which would get to whoever answers.
    No,
}

/// The options, as far as they say something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What changes in the algorithms that are offered.
    pub algorithms: Vec<(Purpose, Change)>,
    /// StrictHostKeyChecking.
    pub strict: Option<Strict>,
    /// UserKnownHostsFile.
    pub user_files: Option<Vec<String>>,
    /// GlobalKnownHostsFile.
    pub global_files: Option<Vec<String>>,
    /// HostKeyAlias: the name under which the key is known.
    pub host_key_alias: Option<String>,
    /// BindAddress.
    pub from: Option<IpAddr>,
    /// ConnectTimeout.
    pub connect_timeout: Option<Duration>,
    /// AddressFamily.
    pub family: Option<Family>,
    /// IdentityFile, each of them.
    pub identity_files: Vec<String>,
    /// IdentitiesOnly: no key of the agent.
    pub identities_only: Option<bool>,
    /// User.
    pub user: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// PreferredAuthentications, the first first.
    pub methods: Option<Vec<String>>,
}

/// Flags that change nothing for a program, or not for this one.
const NO_EFFECT: &str = "12CNTXaknqtvxy";

/// Flags with an argument, and the option that each of them is.
const FLAGS: &[(char, &str)] = &[
    ('b', "BindAddress"),
    ('c', "Ciphers"),
    ('i', "IdentityFile"),
    ('l', "User"),
    ('m', "MACs"),
    ('p', "Port"),
];

/// Options that change nothing for a program.
const WITHOUT_EFFECT: &[&str] = &[
    "CheckHostIP",
    "GSSAPIAuthentication",
    "HashKnownHosts",
    "LogLevel",
    "NumberOfPasswordPrompts",
    "RequestTTY",
    "ServerAliveCountMax",
    "ServerAliveInterval",
    "TCPKeepAlive",
    "UpdateHostKeys",
    "VisualHostKey",
];

/// What the agents that these replace give as a default, and means nothing here: a cipher of SSH 1, and shells with a prompt.
const SSH_1_CIPHER: &str = "blowfish";
const SHELL: [&str; 2] = ["/bin/bash -c \"PS1=", "/bin/bash --noprofile --norc\""];

/// The most seconds that an option can mean.
const LONGEST: u64 = 24 * 60 * 60;

impl Options {
    /// Reads them.
    ///
    /// # Errors
    /// One of them isn't supported, or wrong: it is named.
    pub fn parse(text: &str) -> Result<Options, BadOptions> {
        let mut words = words(text)?.into_iter();
        let mut options = Options::default();
        while let Some(word) = words.next() {
            let Some(flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else {
                // Everything from here on is the command.
                let command = std::iter::once(word).chain(words).collect::<Vec<_>>().join(" ");
                let [begins, ends] = SHELL;
                if command.starts_with(begins) && command.ends_with(ends) {
                    return Ok(options);
                }
                return Err(BadOptions::RemoteCommand(Told::at_most(SHOWN, command)));
            };
            options.flags(flags, &mut words)?;
        }
        Ok(options)
    }

    /// What changes for a purpose.
    pub fn change(&self, purpose: Purpose) -> Option<&Change> {
        self.algorithms.iter().find(|(of, _)| *of == purpose).map(|(_, change)| change)
    }

    /// One word of flags; several that have no argument may stand in it.
    fn flags(&mut self, flags: &str, words: &mut impl Iterator<Item = String>) -> Result<(), BadOptions> {
        let mut rest = flags.chars();
        while let Some(flag) = rest.next() {
            let name = Told::at_most(SHOWN, format!("-{flag}"));
            match flag {
                '4' => _ = self.family.get_or_insert(Family::V4),
                '6' => _ = self.family.get_or_insert(Family::V6),
                _ if NO_EFFECT.contains(flag) => {}
                _ => {
                    let option = FLAGS.iter().find(|(known, _)| *known == flag).map(|(_, option)| *option);
                    if option.is_none() && !matches!(flag, 'o' | 'F') {
                        return Err(BadOptions::Unsupported(name));
                    }
                    let glued = rest.as_str();
                    let argument = if glued.is_empty() { words.next() } else { Some(glued.to_owned()) };
                    let argument = argument.ok_or_else(|| BadOptions::NoArgument(name.clone()))?;
                    return match option {
                        Some(option) => self.set(option, &argument),
                        None if flag == 'o' => self.assignment(&argument),
                        None if matches!(argument.as_str(), "/dev/null" | "none") => Ok(()),
                        None => {
                            let why = "no configuration file of ssh is read".to_owned();
                            Err(BadOptions::BadArgument(name, why))
                        }
                    };
                }
            }
        }
        Ok(())
    }

    /// What stands behind `-o`: a name and a value, with `=` or blanks between them.
    fn assignment(&mut self, text: &str) -> Result<(), BadOptions> {
        let text = text.trim();
        let end = text.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(text.len());
        let (name, value) = text.split_at_checked(end).unwrap_or((text, ""));
        let value = value.trim_start();
        let value = value.strip_prefix('=').unwrap_or(value).trim();
        let value = value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value);
        if value.is_empty() {
            return Err(BadOptions::NoArgument(Told::at_most(SHOWN, name)));
        }
        self.set(name, value)
    }

    /// Sets an option. The first of several values counts.
    fn set(&mut self, name: &str, value: &str) -> Result<(), BadOptions> {
        let bad = |why: String| BadOptions::BadArgument(Told::at_most(SHOWN, name), why);
        let unknown = || bad(format!("\"{}\" is no value of it", Told::at_most(SHOWN, value)));
        let files = || value.split_ascii_whitespace().map(path).collect::<Result<Vec<_>, _>>().map_err(bad);
        match name.to_ascii_lowercase().as_str() {
            "ciphers" if value == SSH_1_CIPHER => {}
            "ciphers" => self.algorithm(Purpose::Cipher, value).map_err(bad)?,
            "macs" => self.algorithm(Purpose::Mac, value).map_err(bad)?,
            "kexalgorithms" => self.algorithm(Purpose::Kex, value).map_err(bad)?,
            "hostkeyalgorithms" => self.algorithm(Purpose::HostKey, value).map_err(bad)?,
            "pubkeyacceptedalgorithms" | "pubkeyacceptedkeytypes" => {
                self.algorithm(Purpose::PublicKey, value).map_err(bad)?;
            }
            "stricthostkeychecking" => {
                let strict = match value.to_ascii_lowercase().as_str() {
                    "yes" => Strict::Yes,
                    // Whoever was asked has said yes.
                    "accept-new" | "ask" => Strict::AcceptNew,
                    "no" | "off" => Strict::No,
                    _ => return Err(unknown()),
                };
                self.strict.get_or_insert(strict);
            }
            "userknownhostsfile" => _ = self.user_files.get_or_insert(files()?),
            "globalknownhostsfile" => _ = self.global_files.get_or_insert(files()?),
            "hostkeyalias" => _ = self.host_key_alias.get_or_insert(value.to_owned()),
            "bindaddress" => {
                let address = net::literal(value, 0).and_then(Result::ok).ok_or_else(unknown)?;
                self.from.get_or_insert(address.ip());
            }
            "connecttimeout" => {
                let seconds = value.parse().ok().filter(|seconds| (1..=LONGEST).contains(seconds));
                self.connect_timeout.get_or_insert(Duration::from_secs(seconds.ok_or_else(unknown)?));
            }
            "addressfamily" => {
                let family = match value.to_ascii_lowercase().as_str() {
                    "any" => Family::Any,
                    "inet" => Family::V4,
                    "inet6" => Family::V6,
                    _ => return Err(unknown()),
                };
                self.family.get_or_insert(family);
            }
            "identityfile" if value == "none" => {}
            "identityfile" => self.identity_files.push(path(value).map_err(bad)?),
            "identitiesonly" => {
                let only = match value.to_ascii_lowercase().as_str() {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(unknown()),
                };
                self.identities_only.get_or_insert(only);
            }
            "user" => _ = self.user.get_or_insert(value.to_owned()),
            "port" => {
                let port = value.parse().ok().filter(|port| *port != 0).ok_or_else(unknown)?;
                self.port.get_or_insert(port);
            }
            "preferredauthentications" => {
                let methods = value.split(',').map(str::trim).map(str::to_owned).collect();
                self.methods.get_or_insert(methods);
            }
            known if WITHOUT_EFFECT.iter().any(|name| name.eq_ignore_ascii_case(known)) => {}
            _ => return Err(BadOptions::Unsupported(Told::at_most(SHOWN, name))),
        }
        Ok(())
    }

    fn algorithm(&mut self, purpose: Purpose, list: &str) -> Result<(), String> {
        let change = Change::parse(purpose, list)?;
        if self.change(purpose).is_none() {
            self.algorithms.push((purpose, change));
        }
        Ok(())
    }
}

/// How many characters of an option are shown.
const SHOWN: usize = 60;

/// A path, in which only the home directory is filled in.
fn path(text: &str) -> Result<String, String> {
    if text.contains('%') || text.contains("${") {
        return Err(format!(
            "nothing is filled in for the percent sign or variable in \"{}\"",
            Told::at_most(SHOWN, text)
        ));
    }
    match text.strip_prefix("~/") {
        None => Ok(text.to_owned()),
        Some(inside) => match std::env::home_dir()
            .and_then(|home| home.join(inside).into_os_string().into_string().ok())
        {
            Some(path) => Ok(path),
            None => Err("there is no home directory".to_owned()),
        },
    }
}

/// The words of a command line, as a shell reads them that fills nothing in (POSIX, XCU 2.2).
fn words(text: &str) -> Result<Vec<String>, BadOptions> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut quote = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (quote, c) {
            (Some(open), close) if open == close => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some('"'), '\\') => {
                let next = rest.next().ok_or(BadOptions::Unfinished)?;
                let word = word.get_or_insert_default();
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
            }
            (None, '\\') => word.get_or_insert_default().push(rest.next().ok_or(BadOptions::Unfinished)?),
            (None, space) if space.is_ascii_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quote.is_some() { Err(BadOptions::Unfinished) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Options {
        Options::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, expected) in [
            ("", &[][..]),
            ("  -o  A=b\t-4 ", &["-o", "A=b", "-4"]),
            ("-t '/bin/bash -c \"PS1=\\\\[X\\\\]# sh\"'", &["-t", "/bin/bash -c \"PS1=\\\\[X\\\\]# sh\""]),
            (r#""a \"b\" \\ \$c \d" e\ f"#, &[r#"a "b" \ $c \d"#, "e f"]),
            ("a''b \"\"", &["ab", ""]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        for text in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(words(text), Err(BadOptions::Unfinished), "{text}");
        }
    }

    #[test]
    fn the_defaults_of_the_agents_that_are_replaced_mean_nothing() {
        for text in [
            "",
            "-1 -c blowfish",
            "-F /dev/null",
            "-t '/bin/bash -c \"PS1=\\\\[EXPECT\\\\]# /bin/bash --noprofile --norc\"'",
            "-t '/bin/bash -c \"PS1=\\\\[EXPECT\\\\]# HISTFILE=/dev/null /bin/bash --noprofile --norc\"'",
            "-q -v -T -tt -x -n -o LogLevel=ERROR",
        ] {
            assert_eq!(parsed(text), Options::default(), "{text}");
        }
    }

    #[test]
    fn options_are_read_in_each_spelling() {
        let port = Some(2222);
        for text in
            ["-p 2222", "-p2222", "-oPort=2222", "-o 'Port 2222'", "-o \"port = 2222\"", "-4p 2222 -p 1"]
        {
            assert_eq!(parsed(text).port, port, "{text}");
        }
        let options = parsed(
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile='/dev/null /tmp/k' -o GlobalKnownHostsFile=none \
             -o HostKeyAlias=pdu -b 192.0.2.1 -o ConnectTimeout=7 -6 -i /k1 -o IdentityFile=/k2 \
             -o IdentitiesOnly=yes -l me -o PreferredAuthentications=publickey,password",
        );
        let expected = Options {
            algorithms: Vec::new(),
            strict: Some(Strict::No),
            user_files: Some(vec!["/dev/null".into(), "/tmp/k".into()]),
            global_files: Some(vec!["none".into()]),
            host_key_alias: Some("pdu".into()),
            from: Some("192.0.2.1".parse().unwrap()),
            connect_timeout: Some(Duration::from_secs(7)),
            family: Some(Family::V6),
            identity_files: vec!["/k1".into(), "/k2".into()],
            identities_only: Some(true),
            user: Some("me".into()),
            port: None,
            methods: Some(vec!["publickey".into(), "password".into()]),
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn algorithms_are_those_of_the_first_option_that_names_them() {
        let options = parsed(
            "-c 3des-cbc -o Ciphers=+aes128-cbc -m hmac-md5 -o KexAlgorithms=+diffie-hellman-group1-sha1 \
             -o HostKeyAlgorithms=+ssh-rsa,ssh-dss -o PubkeyAcceptedKeyTypes=+ssh-rsa",
        );
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (purpose, change) in [
            (Purpose::Cipher, Change::Only(list(&["3des-cbc"]))),
            (Purpose::Mac, Change::Only(list(&["hmac-md5"]))),
            (Purpose::Kex, Change::Add(list(&["diffie-hellman-group1-sha1"]))),
            (Purpose::HostKey, Change::Add(list(&["ssh-rsa", "ssh-dss"]))),
            (Purpose::PublicKey, Change::Add(list(&["ssh-rsa"]))),
        ] {
            assert_eq!(options.change(purpose), Some(&change));
        }
    }

    #[test]
    fn what_isn_t_supported_is_refused_by_its_name() {
        for (text, named) in [
            ("-o ProxyCommand='nc %h %p'", "ProxyCommand"),
            ("-J jump", "-J"),
            ("-qA", "-A"),
            ("-L 1:2:3", "-L"),
            ("-F /etc/other", "-F"),
            ("-o", "-o"),
            ("-o Port", "Port"),
            ("-p 99999", "99999"),
            ("-p 0", "\"0\""),
            ("-o StrictHostKeyChecking=maybe", "maybe"),
            ("-o ConnectTimeout=0", "\"0\""),
            ("-c rot13", "rot13"),
            ("-b pdu1", "pdu1"),
            ("-i ~/%h", "%h"),
            ("uname -a", "uname -a"),
            ("-t '/bin/bash -c ls'", "/bin/bash -c ls"),
            ("-o Port='22", "quote"),
        ] {
            let error = Options::parse(text).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
