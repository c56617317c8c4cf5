//! Whether what was given makes sense: for each option by itself, for the action, and for whoever asks. Nothing is asked of
//! the device.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::base::{Deadline, Told, file, told};
use crate::fencing::agent::{Action, Agent, Plugs};
use crate::fencing::caller;
use crate::fencing::error::Error;
use crate::fencing::option::{Kind, Opt};
use crate::fencing::options;
use crate::fencing::pins::Pins;
use crate::fencing::settings::{Settings, Source, truth};

/// How many characters of a value that is wrong are shown.
const SHOWN: usize = 100;

/// More bytes than this are no password and no key.
const LARGEST_SECRET: u64 = 64 * 1024;

/// How long reading one file may take.
const FILE_LIMIT: Duration = Duration::from_secs(5);

impl Settings {
    /// Checks every value against its kind, and what must be given for this action.
    pub fn check(&self, agent: &Agent, action: Action) -> Result<(), Error> {
        self.check_values(agent)?;
        self.check_rehearsal(action)?;
        if action == Action::Evidence {
            return self.check_evidence();
        }
        self.check_address(agent)?;
        self.check_plug(agent, action)?;
        Pins::of(agent, self)?;
        (agent.check)(self)
    }

    /// Checks every value that was given against its kind.
    pub fn check_values(&self, agent: &Agent) -> Result<(), Error> {
        for option in agent.options() {
            if let Some(text) = self.given_text(option) {
                check_value(option, text).map_err(|why| Error::bad_input(self.called(option), why))?;
            }
        }
        Ok(())
    }

    /// Reads the files that options name for the secret in them. To be called while this process has one thread.
    ///
    /// # Errors
    /// Bad input on the option: the file can't be read, isn't read in time, is empty, or too large for a secret.
    pub fn read_secret_files(&mut self, agent: &Agent) -> Result<(), Error> {
        for option in agent.options().filter(|option| option.kind == Kind::SecretFile) {
            let Some(path) = self.text(option).map(str::to_owned) else { continue };
            let bad = |why: &dyn fmt::Display| {
                let path = Told::at_most(SHOWN, &path);
                Error::bad_input(self.called(option), format!("{path}: {why}"))
            };
            let by = Deadline::after(FILE_LIMIT);
            let content =
                file::secret(Path::new(&path), LARGEST_SECRET, by).map_err(|trouble| bad(&trouble))?;
            if content.is_empty() {
                return Err(bad(&"the file is empty"));
            }
            told::keep_out(&content);
            self.set_content(option, content);
        }
        Ok(())
    }

    /// Whether a cluster seems to ask: what it takes for fencing must be nothing else.
    fn for_a_cluster(&self) -> bool {
        caller::is_a_cluster() || (self.source() == Source::Stdin && self.node().is_some())
    }

    /// A rehearsal must never stand in a cluster's configuration: it would take it for fencing.
    fn check_rehearsal(&self, action: Action) -> Result<(), Error> {
        let option = match (self.for_a_cluster(), self.is_on(&options::EXPLAIN), action.is_for_people()) {
            (true, true, _) => options::EXPLAIN,
            (true, false, true) => options::ACTION,
            _ => return Ok(()),
        };
        let why = "this is a rehearsal and fences nothing, so it can't be part of a cluster's configuration";
        Err(Error::bad_input(self.called(&option), why))
    }

    /// The option that asks for words about the agent and for nothing else, where one is on: help or version.
    ///
    /// # Errors
    /// It stands beside an action on standard input, or a cluster asks: whoever gets exit code 0 there believes that the
    /// action is done.
    pub fn asked_about_itself(&self, agent: &Agent) -> Result<Option<Opt>, Error> {
        let asked = [options::HELP, options::VERSION].into_iter().find(|option| self.is_on(option));
        let Some(option) = asked else { return Ok(None) };
        let beside = self.source() == Source::Stdin && self.is_given(&options::ACTION);
        if !beside && !self.for_a_cluster() {
            return Ok(Some(option));
        }
        let snmp = agent.options().any(|other| other.name == "snmp_version");
        let hint = match option.name == options::VERSION.name && snmp {
            true => "; the version of SNMP is snmp_version",
            false => "",
        };
        let why = format!("it does nothing but print, so it can't stand beside an action{hint}");
        Err(Error::bad_input(self.called(&option), why))
    }

    /// What the agent says about itself is no answer to a cluster that wants something done to a node.
    ///
    /// # Errors
    /// It is asked for with a node's name, as by `pcmk_off_action=metadata`.
    pub fn check_about_itself(&self) -> Result<(), Error> {
        match self.source() == Source::Stdin && self.node().is_some() {
            false => Ok(()),
            true => Err(Error::bad_input(self.called(&options::ACTION), "this fences nothing")),
        }
    }

    fn check_evidence(&self) -> Result<(), Error> {
        if self.is_given(&options::EVIDENCE_FILE) {
            return Ok(());
        }
        let why = "the file to show is missing";
        Err(Error::bad_input(self.called(&options::EVIDENCE_FILE), why))
    }

    fn check_address(&self, agent: &Agent) -> Result<(), Error> {
        if !agent.has(&options::IP) {
            return Ok(());
        }
        if let Some(address) = self.address() {
            // The agent itself knows what else may stand there.
            let takes_port = agent.options().any(|option| option.takes_port);
            return if takes_port { Ok(()) } else { self.check_host(address) };
        }
        if self.is_on(&options::PORT_AS_IP) {
            let why = format!("needed as the address, because of {}", self.called(&options::PORT_AS_IP));
            return Err(Error::bad_input(self.called(&options::PLUG), why));
        }
        Err(Error::bad_input(self.called(&options::IP), "the address of the fence device is missing"))
    }

    fn check_plug(&self, agent: &Agent, action: Action) -> Result<(), Error> {
        match agent.plugs {
            // On the command line nobody gives a plug by habit, so there it is a mistake.
            Plugs::One => {
                let stray = self.source() == Source::Arguments
                    && self.is_given(&options::PLUG)
                    && !self.is_on(&options::PORT_AS_IP);
                if stray {
                    let why = format!("means nothing here without {}", self.called(&options::PORT_AS_IP));
                    return Err(Error::bad_input(self.called(&options::PLUG), why));
                }
                Ok(())
            }
            Plugs::Many => {
                let needed = matches!(
                    action,
                    Action::On
                        | Action::Off
                        | Action::Reboot
                        | Action::Status
                        | Action::Diag
                        | Action::ValidateAll
                );
                if needed && self.plugs().is_empty() {
                    return Err(Error::bad_input(
                        self.called(&options::PLUG),
                        "the plug to act on is missing",
                    ));
                }
                Ok(())
            }
            Plugs::Perhaps | Plugs::Node => Ok(()),
        }
    }

    /// Each option that was given and has no effect here.
    pub fn without_effect<'a>(&'a self, agent: &'a Agent) -> impl Iterator<Item = String> + 'a {
        agent
            .options()
            .filter(|option| option.no_effect && self.is_given(option))
            .map(|option| self.called(option))
    }
}

/// What is wrong with a value for an option, in words that follow its name.
fn check_value(option: &Opt, text: &str) -> Result<(), String> {
    let wrong = match option.kind {
        Kind::Text | Kind::Secret | Kind::SecretFile => return Ok(()),
        Kind::Switch | Kind::Truth if truth(text).is_some() => return Ok(()),
        Kind::Switch | Kind::Truth => "is neither true nor false".to_owned(),
        Kind::Integer { min, max } => match whole_number(text) {
            Some(number) if (min..=max).contains(&number) => return Ok(()),
            Some(_) => format!("is out of range: {min} to {max}"),
            None => "is not a whole number".to_owned(),
        },
        Kind::Seconds if whole_number(text).is_some() => return Ok(()),
        Kind::Seconds => "is not a number of whole seconds".to_owned(),
        Kind::Choice(words) if words.iter().any(|word| word.eq_ignore_ascii_case(text)) => return Ok(()),
        Kind::Choice(words) => format!("is none of {}", words.join(", ")),
    };
    Err(format!("'{}' {wrong}", Told::at_most(SHOWN, text)))
}

/// Digits and nothing else, and not more than fits.
fn whole_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::fencing::agent::Unfencing;
    use crate::fencing::proof::Proof;
    use crate::fencing::{completion, metadata};

    const IDENTITY_FILE: Opt =
        Opt::new("identity_file", "identity-file", Kind::SecretFile, "Private key").short('k');

    /// An agent whose login is a key in a file.
    const AGENT: Agent = Agent {
        name: "fence_test",
        shortdesc: "",
        longdesc: "",
        vendor_url: "",
        examples: &[],
        aliases: &[],
        options: &[&[IDENTITY_FILE]],
        defaults: &[],
        actions: &[],
        unadvertised: &[],
        default_action: Action::Off,
        unfencing: Unfencing::None,
        plugs: Plugs::One,
        proof: Proof::Reported,
        check: |_| Ok(()),
        open: |_, _| Err(Error::UnsupportedAction { action: "all" }),
    };

    const CONTENT: &str = "-----BEGIN PRIVATE KEY-----\nxyzzy\n";

    /// A folder with a key, a file of no bytes and one that is too large.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("fencing-input-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("key"), CONTENT).unwrap();
        fs::write(folder.join("empty"), "").unwrap();
        fs::write(folder.join("large"), "xyzzy".repeat(20_000)).unwrap();
        folder
    }

    fn with(file: &Path, source: Source) -> Settings {
        let mut settings = AGENT.settings(AGENT.name, source);
        settings.set(&IDENTITY_FILE, file.to_str().unwrap().as_bytes()).unwrap();
        settings
    }

    #[test]
    fn what_stands_in_a_secret_file_is_a_secret_and_its_path_is_none() {
        let folder = folder("content");
        let path = folder.join("key");
        let mut settings = with(&path, Source::Stdin);
        assert!(settings.check_values(&AGENT).is_ok() && settings.secret(&IDENTITY_FILE).is_none());
        settings.read_secret_files(&AGENT).unwrap();
        assert_eq!(settings.secret(&IDENTITY_FILE).unwrap().expose(), CONTENT.as_bytes());
        assert_eq!(settings.text(&IDENTITY_FILE), path.to_str());
        assert!(!format!("{settings:?}").contains("xyzzy"), "{settings:?}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_secret_file_that_cannot_be_read_is_bad_input_on_its_option() {
        let folder = folder("trouble");
        for (source, called) in [(Source::Stdin, "identity_file"), (Source::Arguments, "--identity-file")] {
            for name in ["none", "empty", "large", "."] {
                let path = folder.join(name);
                let error = with(&path, source).read_secret_files(&AGENT).unwrap_err();
                let Error::BadInput { option, why } = &error else { panic!("{error:?}") };
                assert_eq!(option, called);
                assert!(why.contains(path.to_str().unwrap()) && !why.contains("xyzzy"), "{why}");
            }
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_secret_file_is_a_text_to_configuration_tools_and_a_path_to_a_shell() {
        let xml = metadata::xml(&AGENT, AGENT.name).unwrap();
        assert!(xml.contains(r#"<content type="string"/>"#), "{xml}");
        let bash = completion::bash(&AGENT, AGENT.name);
        assert!(bash.contains("--identity-file|-k) mapfile -t COMPREPLY < <(compgen -f"), "{bash}");
    }
}
