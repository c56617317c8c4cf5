//! What a run is to be, before anything is started.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::stream::{Outage, Trouble};
use super::super::{Dice, Limits};
use super::lab::Lab;
use crate::redfish::{Cycle, Login, PASSWORD, ResetAnswer, Rule, Setup, USER};

/// How the agent is to tell its device from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Not at all: whoever is on the way can be the device, which no agent could find out. Nobody is from the beginning.
    Insecure,
    /// By the authority that signed the certificate.
    Authority,
    /// By the certificate itself.
    Pin,
}

/// How the machine is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Not at all: it is the only one.
    Only,
    /// By this field of its own, in the option `system` or in `plug`.
    By(&'static str, &'static str),
    /// By its place.
    Place,
}

/// One run.
pub(super) struct Plan {
    /// The action.
    pub(super) action: &'static str,
    /// Whether reboot is left to the device.
    pub(super) cycle: bool,
    /// Whether the machine has power at first.
    pub(super) on: bool,
    /// The machine's own resource.
    pub(super) place: String,
    /// The others, which nobody may touch.
    pub(super) others: Vec<String>,
    /// The device.
    pub(super) setup: Setup,
    /// The words for what is wrong with the device altogether: it counts once a command has come in.
    pub(super) device_words: Vec<&'static str>,
    /// The words for what is wrong with it in any case.
    pub(super) standing_words: Vec<&'static str>,
    /// The word for each of its rules.
    pub(super) rule_words: Vec<&'static str>,
    /// What happens to the connections.
    pub(super) troubles: Vec<Trouble>,
    /// When nobody listens, and the word for that.
    pub(super) outages: Vec<(Outage, &'static str)>,
    /// Whether somebody else, with a certificate of his own, is diverted to.
    pub(super) impostor: bool,
    /// What the board tells behind the device that takes the address over.
    pub(super) takeover: Option<Vec<(String, Option<Value>)>>,
    /// How the device is told from others.
    pub(super) trust: Trust,
    /// How the machine is named.
    pub(super) named: Named,
    /// The limits the agent is given.
    pub(super) limits: Limits,
    /// Whether it runs in Pacemaker's environment.
    pub(super) pacemaker: bool,
    /// Whether it tells all it does.
    pub(super) verbose: bool,
}

const ACTIONS: [&str; 12] =
    ["off", "off", "off", "off", "reboot", "reboot", "reboot", "reboot", "on", "status", "monitor", "diag"];

const LOGINS: [Login; 4] = [Login::Basic, Login::BasicUnadvertised, Login::Session, Login::Open];

const NAMES: [Named; 6] = [
    Named::By("system", "Id"),
    Named::By("system", "UUID"),
    Named::By("system", "SerialNumber"),
    Named::By("plug", "Id"),
    Named::By("plug", "SerialNumber"),
    Named::Place,
];

impl Plan {
    /// A run without faults. With `patience` the limits are so long that no busy machine makes a run fail.
    pub(super) fn choose(dice: &mut Dice, patience: bool) -> Plan {
        let action = *dice.pick(&ACTIONS);
        let several = dice.chance(40);
        let ids: &[&str] = if several { &["1", "2", "3"] } else { &["1"] };
        let place = |id: &str| format!("/redfish/v1/Systems/{id}");
        let own = *dice.pick(ids);
        let on = if action == "on" { dice.chance(15) } else { dice.chance(85) };
        let cycle = action == "reboot" && dice.chance(40);
        // What the agent would like to see: whoever takes another machine for this one is deceived.
        let others_on = action == "on";
        let mut setup = Setup {
            login: *dice.pick(&LOGINS),
            resources: Setup::machines(ids),
            reset: match dice.below(4) {
                0 => ResetAnswer::Task(dice.below(4), "Completed"),
                1 => ResetAnswer::Status(200),
                _ => ResetAnswer::Status(204),
            },
            already: *dice.pick(&[None, None, Some(400), Some(409)]),
            delay: *dice.pick(&[Duration::ZERO, Duration::from_millis(30), Duration::from_millis(300)]),
            cycle: if dice.chance(50) { Cycle::Stamped } else { Cycle::Off(dice.millis(200, 1200)) },
            wants_etag: *dice.pick(&[None, None, None, Some(412), Some(428)]),
            ..Setup::default()
        };
        for id in ids {
            let on = if *id == own { on } else { others_on };
            if let Some(system) = setup.resources.get_mut(&place(id)) {
                system["PowerState"] = json!(if on { "On" } else { "Off" });
            }
        }
        let others = ids.iter().filter(|id| **id != own).map(|id| place(id)).collect();
        let seconds = |dice: &mut Dice, least, most| Duration::from_secs(dice.between(least, most));
        let (login, shell, power) = if patience {
            (Duration::from_secs(15), Duration::from_secs(10), Duration::from_secs(15))
        } else {
            (seconds(dice, 2, 3), seconds(dice, 1, 2), seconds(dice, 2, 3))
        };
        let retry_on = u32::from(dice.chance(40));
        Plan {
            action,
            cycle,
            on,
            place: place(own),
            others,
            setup,
            device_words: Vec::new(),
            standing_words: Vec::new(),
            rule_words: Vec::new(),
            troubles: Vec::new(),
            outages: Vec::new(),
            impostor: false,
            takeover: None,
            trust: *dice.pick(&[Trust::Insecure, Trust::Authority, Trust::Pin]),
            named: match if several { *dice.pick(&NAMES) } else { Named::Only } {
                // Monitor wants more than a plug.
                Named::By(_, field) if action == "monitor" => Named::By("system", field),
                named => named,
            },
            limits: Limits {
                login,
                shell,
                power,
                power_wait: Duration::ZERO,
                delay: Duration::ZERO,
                retry_on,
            },
            pacemaker: false,
            verbose: dice.chance(50),
        }
    }

    /// Adds a rule with its word.
    pub(super) fn rule(&mut self, word: &'static str, rule: Rule) {
        self.setup.rules.push(rule);
        self.rule_words.push(word);
    }

    /// Whether anything is to go wrong.
    pub(super) fn is_faulty(&self) -> bool {
        let words = self.device_words.len() + self.standing_words.len() + self.rule_words.len();
        words + self.troubles.len() + self.outages.len() > 0
    }

    /// The state that the action is to bring about; `None` where it asks only.
    pub(super) fn wanted(&self) -> Option<bool> {
        match self.action {
            "off" | "reboot" => Some(false),
            "on" => Some(true),
            _ => None,
        }
    }

    /// Where the machine is reset.
    pub(super) fn target(&self) -> String {
        format!("{}/Actions/ComputerSystem.Reset", self.place)
    }

    /// The machine's own resource as it is at first.
    pub(super) fn machine(&self) -> Value {
        self.setup.resources.get(&self.place).cloned().unwrap_or_default()
    }

    /// The reset types that stand for the command whose state is claimed.
    pub(super) fn claimed_by(&self, kind: &str) -> bool {
        match self.action {
            "off" => kind == "ForceOff",
            "reboot" => matches!(kind, "ForceOff" | "PowerCycle" | "ForceRestart"),
            "on" => matches!(kind, "On" | "ForceOn"),
            _ => false,
        }
    }

    /// How long it may take.
    pub(super) fn longest(&self) -> Duration {
        let refused = if self.cycle { self.limits.power } else { Duration::ZERO };
        self.limits.longest(self.action) + refused
    }

    /// What the agent reads on stdin.
    pub(super) fn options(&self, lab: &Lab, port: u16) -> Vec<(String, String)> {
        let seconds = |time: Duration| time.as_secs().to_string();
        let mut options = vec![
            ("ip", "127.0.0.1".to_owned()),
            ("ipport", port.to_string()),
            ("username", USER.to_owned()),
            ("password", PASSWORD.to_owned()),
            ("action", self.action.to_owned()),
            ("login_timeout", seconds(self.limits.login)),
            ("shell_timeout", seconds(self.limits.shell)),
            ("power_timeout", seconds(self.limits.power)),
            ("power_wait", seconds(self.limits.power_wait)),
            ("retry_on", self.limits.retry_on.to_string()),
        ];
        options.push(match self.trust {
            Trust::Insecure => ("ssl_insecure", "1".to_owned()),
            Trust::Authority => ("ssl_ca_file", Path::display(&lab.authority).to_string()),
            Trust::Pin => ("ssl_pin", lab.pin.clone()),
        });
        match self.named {
            Named::Only => {}
            Named::By(option, field) => {
                options.push((option, self.machine()[field].as_str().unwrap_or_default().to_owned()));
            }
            Named::Place => options.push(("systems_uri", self.place.clone())),
        }
        if self.cycle {
            options.push(("method", "cycle".to_owned()));
        }
        if self.verbose {
            options.push(("verbose", "1".to_owned()));
        }
        options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// All of it in words.
    pub(super) fn story(&self, options: &[(String, String)], connections: usize) -> String {
        let mut story = String::from("fence_redfish");
        for (name, value) in options {
            let _ = write!(story, " {name}={value}");
        }
        let power = if self.on { "on" } else { "off" };
        let _ = writeln!(story, "{}", if self.pacemaker { ", called by Pacemaker" } else { "" });
        let _ = writeln!(story, "{}, {power} at first; others: {:?}", self.place, self.others);
        let Setup { login, reset, already, delay, cycle, wants_etag, deaf, reverts, .. } = &self.setup;
        let _ = writeln!(
            story,
            "login {login:?}, resets answered {reset:?}, already {already:?}, follows after {delay:?}, cycle {cycle:?}, \
             ETag {wants_etag:?}, deaf {deaf}, reverts {reverts:?}"
        );
        for (word, rule) in self.rule_words.iter().zip(&self.setup.rules) {
            let shown: String = format!("{rule:?}").chars().take(400).collect();
            let _ = writeln!(story, "device, {word}: {shown}");
        }
        for (number, trouble) in (1..).zip(&self.troubles).take(connections) {
            let shown: String = format!("{trouble:?}").chars().take(400).collect();
            let _ = writeln!(story, "connection {number}: {shown}");
        }
        for ((from, length), word) in &self.outages {
            let _ = writeln!(story, "{word}: nobody listens from {from:?} for {length:?}");
        }
        story
    }
}
