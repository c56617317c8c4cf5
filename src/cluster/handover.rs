//! What an agent is told of its device: the text for its standard input, and what is wrong with the names in it.
//!
//! A configuration may hold anything. Whatever stands in it, the agent must read `doctor` as its action, and nothing
//! that changes what is done: so names are found by the agent's own rules, only those that it has are passed, under the
//! names that it has for them, the action is written last, and the text is read back before it is sent.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::config::Device;
use super::{pacemaker, targets};
use crate::base::{Secret, Told};
use crate::fencing::settings::truth;
use crate::fencing::{Agent, Finding, Opt, options, stdin};

/// The action of the examination.
const ACTION: &str = "doctor";

/// Options of the device that its examination isn't given: they would change what is done or printed, or write files.
const WITHHELD: &[Opt] = &[
    options::ACTION,
    options::HELP,
    options::VERSION,
    options::EXPLAIN,
    options::JSON,
    options::QUIET,
    options::VERBOSE,
    options::VERBOSE_LEVEL,
    options::DEBUG_FILE,
    options::LOGFILE,
];

/// How many characters of a name are shown.
const SHOWN: usize = 64;

/// What of the device's options becomes of them.
enum Fate {
    /// It is passed.
    Passed(&'static Opt),
    /// It is left out, and that is as it should be.
    Kept,
    /// It is left out, and means something to the cluster that it shouldn't.
    Told(Finding),
    /// It can't be passed as the cluster would pass it.
    Refused(Finding),
}

/// What is passed to the agent of a device.
pub(super) struct Handover<'a> {
    agent: &'static Agent,
    name: &'static str,
    passed: Vec<(&'static Opt, &'a Secret)>,
    /// The option that names the plug, where Pacemaker names one.
    plug_option: Option<&'static Opt>,
    /// What is wrong with the options' names.
    findings: Vec<Finding>,
    /// Whether something can't be passed.
    is_refused: bool,
}

impl<'a> Handover<'a> {
    /// For this device; `None` where its agent is somebody else's.
    pub(super) fn of(device: &'a Device) -> Option<Handover<'a>> {
        let (agent, name) = device.known()?;
        let mut handover = Handover {
            agent,
            name,
            passed: Vec::new(),
            plug_option: None,
            findings: Vec::new(),
            is_refused: false,
        };
        let mut given: BTreeMap<&str, (&str, &Secret)> = BTreeMap::new();
        for (own, value) in device.options() {
            match fate(agent, own, value) {
                Fate::Passed(option) => {
                    if let Some((other, earlier)) = given.insert(option.name, (own, value))
                        && earlier.expose() != value.expose()
                    {
                        handover.findings.push(Finding::warning(
                            format!(
                                "{} and {} are the same to the agent: which of them counts is chance",
                                shown(other),
                                shown(own)
                            ),
                            format!("keep {}", option.name),
                        ));
                    }
                    handover.passed.push((option, value));
                }
                Fate::Kept => {}
                Fate::Told(finding) => handover.findings.push(finding),
                Fate::Refused(finding) => {
                    handover.findings.push(finding);
                    handover.is_refused = true;
                }
            }
        }
        handover.name_plug(device);
        Some(handover)
    }

    /// Finds the option by which Pacemaker names the plug.
    fn name_plug(&mut self, device: &Device) {
        let argument = device.parameter("pcmk_host_argument");
        if argument.is_some_and(|argument| argument.eq_ignore_ascii_case("none")) {
            return;
        }
        let named = argument.map_or_else(
            || Some(options::PLUG.name),
            |argument| {
                let option = stdin::option(self.agent, argument)?;
                (!is_withheld(option)).then_some(option.name)
            },
        );
        self.plug_option = self.agent.options().find(|option| Some(option.name) == named);
        if let (Some(argument), None) = (argument, self.plug_option) {
            self.findings.push(Finding::failure(
                format!(
                    "pcmk_host_argument is {}, by which this agent can't be told a plug",
                    shown(argument)
                ),
                "take pcmk_host_argument out: Pacemaker then uses plug",
            ));
        }
    }

    /// What is wrong with the options' names.
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether everything that the cluster would pass can be passed.
    pub(super) fn is_whole(&self) -> bool {
        !self.is_refused
    }

    /// What the agent reads.
    ///
    /// # Errors
    /// What is wrong with it: it isn't to be sent then.
    pub(super) fn text(&self, plug: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Finding> {
        let plug = plug.zip(self.plug_option).map(|(plug, option)| (option, plug.as_bytes()));
        let passed = self.passed.iter().map(|(option, value)| (*option, value.expose()));
        let mut text = Zeroizing::new(Vec::new());
        for (option, value) in passed.chain(plug) {
            if value.contains(&b'\n') {
                return Err(broken_value(option.name));
            }
            line(&mut text, option.name, value);
        }
        // The last of duplicates wins.
        line(&mut text, options::JSON.name, b"1");
        line(&mut text, options::ACTION.name, ACTION.as_bytes());
        if self.is_an_examination(&text) {
            Ok(text)
        } else {
            Err(Finding::failure(
                "the agent would read something else than doctor in its options, so it was not asked",
                "look at the names of the device's options",
            ))
        }
    }

    /// Whether the agent reads what was meant. What it refuses to read it doesn't act on either.
    fn is_an_examination(&self, text: &[u8]) -> bool {
        stdin::parse(self.agent, self.name, text).map_or(true, |parsed| {
            let settings = parsed.settings;
            let changes = [&options::HELP, &options::VERSION, &options::EXPLAIN];
            settings.text(&options::ACTION) == Some(ACTION)
                && settings.node().is_none()
                && !changes.into_iter().any(|option| settings.is_on(option))
        })
    }
}

/// Writes an option. The text holds passwords, so it isn't left behind where it grows.
fn line(text: &mut Zeroizing<Vec<u8>>, name: &str, value: &[u8]) {
    let needed = text.len().saturating_add(name.len()).saturating_add(value.len()).saturating_add(2);
    if needed > text.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2)));
        larger.extend_from_slice(text);
        *text = larger;
    }
    text.extend_from_slice(name.as_bytes());
    text.push(b'=');
    text.extend_from_slice(value);
    text.push(b'\n');
}

fn is_withheld(option: &Opt) -> bool {
    WITHHELD.iter().any(|withheld| withheld.name == option.name)
}

/// Whether Pacemaker is to put the node's plug in the place of the value.
fn is_left_to_pacemaker(option: &Opt, value: &Secret) -> bool {
    let value = value.expose_str().filter(|_| option.name == options::PLUG.name);
    value.is_some_and(targets::is_left_to_pacemaker)
}

/// What becomes of one option.
fn fate(agent: &'static Agent, name: &str, value: &Secret) -> Fate {
    // Pacemaker compares names exactly, but for the action.
    if pacemaker::is_own(name) || name.eq_ignore_ascii_case(options::ACTION.name) {
        return Fate::Kept;
    }
    if name.chars().any(|c| c.is_control() || c == '=') {
        return Fate::Refused(Finding::failure(
            format!(
                "an option's name, {}, holds a control character or an equals sign: the agent reads something else in it, so it was not asked",
                shown(name)
            ),
            "take this option out: what the cluster asks for may be overruled by it",
        ));
    }
    if value.expose().contains(&b'\n') {
        return Fate::Refused(broken_value(name));
    }
    if stdin::means_the_node(name) {
        return Fate::Told(Finding::failure(
            format!(
                "{} is what Pacemaker tells the agent itself: set here, it names another node than the one to be fenced",
                shown(name)
            ),
            "take it out",
        ));
    }
    let Some(option) = stdin::option(agent, name) else { return unknown(agent, name) };
    let on = || value.expose_str().and_then(|value| truth(value.trim().trim_matches('"'))) == Some(true);
    if option.name == options::ACTION.name {
        Fate::Told(Finding::failure(
            format!(
                "{} is the action to the agent and nothing to Pacemaker: what the cluster asks for may be overruled by it",
                shown(name)
            ),
            "take this option out",
        ))
    } else if [options::VERSION.name, options::HELP.name].contains(&option.name) && on() {
        Fate::Told(Finding::failure(
            format!(
                "{name} is set: off then sends nothing. This agent fails; the original prints its {name} and ends with exit code 0, and the node counts as fenced",
                name = option.name
            ),
            "take it out; the version of SNMP is snmp_version",
        ))
    } else if option.name == options::EXPLAIN.name && on() {
        Fate::Told(Finding::failure(
            "explain is set: every action is refused as a rehearsal",
            "take explain out of the device's options",
        ))
    } else if is_withheld(option) || is_left_to_pacemaker(option, value) {
        Fate::Kept
    } else {
        Fate::Passed(option)
    }
}

/// An option that the agent hasn't.
fn unknown(agent: &Agent, name: &str) -> Fate {
    if stdin::is_sent_to_all(name) || name == "nodeid" {
        return Fate::Kept;
    }
    Fate::Told(match name.starts_with("pcmk_") {
        true => Finding::advice(
            format!("Pacemaker has no option {}: it has no effect", shown(name)),
            "look at its spelling",
        ),
        false => Finding::advice(
            format!("{} has no option {}: it has no effect", agent.name, shown(name)),
            "look at its spelling",
        ),
    })
}

fn broken_value(name: &str) -> Finding {
    Finding::failure(
        format!(
            "the value of {} holds a line break: the agent reads what follows as another option, so it was not asked",
            shown(name)
        ),
        "take the line break out",
    )
}

/// A name in quotes, up to where another text begins: that may be a password.
fn shown(name: &str) -> String {
    let end = name.find(['\n', '=']).unwrap_or(name.len());
    let own = name.get(..end).unwrap_or_default();
    format!("'{}'", Told::at_most(SHOWN, own))
}
