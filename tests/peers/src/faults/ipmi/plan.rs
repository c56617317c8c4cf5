//! What a run is: action, options, device, and which kinds of fault it has.

use std::fmt;
use std::time::Duration;

use super::trouble::{self, Machine};
use crate::bmc::auth_type::{MD5, NONE, PASSWORD};
use crate::bmc::{ADMINISTRATOR, Lie, Power, SUITES, Settings, User};
use crate::faults::{Dice, Limits};

/// A kind of session: what the agent is told, and what the BMC offers.
pub(super) struct Session {
    options: &'static [(&'static str, &'static str)],
    auth_types: &'static [u8],
    suites: &'static [u8],
    per_message_auth: bool,
    /// Whether each packet carries a code over what it says that nobody on the way can make. Where it doesn't,
    /// what is altered or made up so that the plain checksums hold isn't played: accidents of that kind are caught
    /// by the checksum of UDP, and against somebody who does it on purpose nothing in those sessions helps
    /// (docs/promise.md, "What it can't promise").
    pub strong: bool,
    /// Whether OpenIPMI's simulator knows it.
    simulator: bool,
}

const fn v20(
    options: &'static [(&'static str, &'static str)],
    suites: &'static [u8],
    strong: bool,
    simulator: bool,
) -> Session {
    Session { options, auth_types: &[], suites, per_message_auth: true, strong, simulator }
}

const fn suite(
    options: &'static [(&'static str, &'static str)],
    suites: &'static [u8],
    strong: bool,
) -> Session {
    v20(options, suites, strong, false)
}

const fn v15(
    options: &'static [(&'static str, &'static str)],
    auth_types: &'static [u8],
    per_message_auth: bool,
    strong: bool,
    simulator: bool,
) -> Session {
    Session { options, auth_types, suites: &[], per_message_auth, strong, simulator }
}

impl Session {
    /// Whether it tells who answers, under a code that nobody else can make.
    pub(super) fn named(&self) -> bool {
        self.strong && self.auth_types.is_empty()
    }

    /// Whether both sides prove in it that they know the password, so that a wrong one is known after one attempt.
    fn proves_passwords(&self) -> bool {
        self.auth_types.is_empty() && !self.suites.contains(&0)
    }

    /// Whether it may be one whose packets carry a code over the message, so that the message's checksums don't matter.
    pub(super) fn may_be_covered(&self) -> bool {
        let covered = |id: &u8| SUITES.iter().any(|suite| suite.id == *id && suite.integrity != 0);
        self.auth_types.contains(&MD5) || self.suites.iter().any(covered)
    }
}

/// The kinds of session; the usual ones stand more than once.
static SESSIONS: [Session; 24] = [
    Session {
        options: &[],
        auth_types: &[MD5],
        suites: &[3, 17],
        per_message_auth: true,
        strong: true,
        simulator: false,
    },
    // Whoever loses the right packets gets a session by password in clear, which protects nothing.
    Session {
        options: &[],
        auth_types: &[MD5, PASSWORD],
        suites: &[3, 17],
        per_message_auth: true,
        strong: false,
        simulator: true,
    },
    v15(&[], &[MD5], true, true, false),
    v20(&[], &[17], true, false),
    v20(&[("lanplus", "1")], &[3, 17], true, true),
    v20(&[("lanplus", "1")], &[3], true, false),
    v20(&[("lanplus", "1"), ("cipher", "17")], &[17], true, false),
    v20(&[("lanplus", "1"), ("cipher", "17")], &[3, 17], true, false),
    v20(&[("lanplus", "1"), ("cipher", "3")], &[3], true, true),
    v20(&[("lanplus", "1"), ("cipher", "3"), ("privlvl", "operator")], &[3, 17], true, true),
    suite(&[("lanplus", "1"), ("cipher", "2")], &[2], true),
    suite(&[("lanplus", "1"), ("cipher", "7")], &[7], true),
    suite(&[("lanplus", "1"), ("cipher", "8")], &[8], true),
    suite(&[("lanplus", "1"), ("cipher", "11")], &[11], true),
    suite(&[("lanplus", "1"), ("cipher", "12")], &[12], true),
    suite(&[("lanplus", "1"), ("cipher", "16")], &[16], true),
    suite(&[("lanplus", "1"), ("cipher", "0")], &[0], false),
    suite(&[("lanplus", "1"), ("cipher", "1")], &[1], false),
    suite(&[("lanplus", "1"), ("cipher", "6")], &[6], false),
    suite(&[("lanplus", "1"), ("cipher", "15")], &[15], false),
    v15(&[("auth", "md5")], &[MD5], true, true, true),
    v15(&[("auth", "md5")], &[MD5], false, false, false),
    v15(&[("auth", "password")], &[PASSWORD], true, false, true),
    v15(&[("auth", "none")], &[NONE], true, false, true),
];

/// Actions, whether the device does it by itself (method=cycle), how often in a hundred, and how often the machine is on before.
const ACTIONS: [(&str, bool, u64, u64); 7] = [
    ("off", false, 33, 85),
    ("reboot", false, 20, 85),
    ("reboot", true, 15, 95),
    ("on", false, 15, 15),
    ("status", false, 8, 50),
    ("monitor", false, 4, 50),
    ("diag", false, 5, 90),
];

/// One run.
pub(super) struct Plan {
    pub action: &'static str,
    /// Whether the device reboots by itself (method=cycle).
    pub cycle: bool,
    pub session: &'static Session,
    pub options: Vec<(&'static str, String)>,
    pub limits: Limits,
    /// Whether it runs in Pacemaker's environment.
    pub lifted: bool,
    /// Whether the machine is on before.
    pub on: bool,
    /// Whether it is played on OpenIPMI's simulator.
    pub simulator: bool,
    /// Whether the network has faults.
    pub network: bool,
    /// Whether somebody on the way does all to make a machine look as wanted that isn't.
    pub attacked: bool,
    /// Whether datagrams of an earlier session may be played back.
    pub rehearsed: bool,
    /// How long the simulator stands still, and from when on.
    pub frozen: Option<(Duration, Duration)>,
    /// The device's faults by their names in the table of counts, with their figures.
    pub troubles: Vec<(&'static str, String)>,
    pub machine: Machine,
    kg: Option<&'static str>,
    /// Whether the BMC's password is another one.
    pub wrong_password: bool,
}

impl Plan {
    pub(super) fn choose(dice: &mut Dice) -> Plan {
        let (action, cycle, on) = choose_action(dice);
        // OpenIPMI's simulator knows no diagnostic interrupt.
        let simulator = action != "diag" && dice.chance(10);
        let session = loop {
            let session = dice.pick(&SESSIONS);
            if !simulator || session.simulator {
                break session;
            }
        };
        let (network, device) = match dice.below(100) {
            0..8 => (false, false),
            8..50 => (true, false),
            50..77 => (false, true),
            _ => (true, true),
        };
        let faulty = network || device;
        // Those without a fault are to succeed on a busy machine too.
        let (login, power) = if faulty { (dice.between(2, 4), dice.between(2, 4)) } else { (15, 15) };
        let limits = Limits {
            login: Duration::from_secs(login),
            shell: Duration::from_secs(if faulty { 2 } else { 15 }),
            power: Duration::from_secs(power),
            power_wait: Duration::ZERO,
            delay: Duration::ZERO,
            retry_on: dice.below(2) as u32,
        };
        let mut options: Vec<_> =
            session.options.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        options.extend([
            ("login_timeout", login.to_string()),
            ("shell_timeout", limits.shell.as_secs().to_string()),
            ("power_timeout", power.to_string()),
            ("power_wait", "0".to_owned()),
            ("ipmitool_timeout", "1".to_owned()),
            ("retry_on", limits.retry_on.to_string()),
            ("verbose", "1".to_owned()),
        ]);
        if cycle {
            options.push(("method", "cycle".to_owned()));
        }
        // Kg belongs to IPMI 2.0 and can't be found out.
        let kg =
            (session.auth_types.is_empty() && !simulator && dice.chance(15)).then_some("0123456789abcdef");
        options.extend(kg.map(|kg| ("hexadecimal_kg", hexadecimal(kg))));
        let mut plan = Plan {
            action,
            cycle,
            session,
            options,
            limits,
            lifted: dice.chance(6),
            on,
            simulator,
            network,
            attacked: network && device && !simulator && dice.chance(40),
            rehearsed: network && dice.chance(15),
            frozen: None,
            troubles: Vec::new(),
            machine: Machine::default(),
            kg,
            wrong_password: !simulator && session.proves_passwords() && dice.chance(4),
        };
        if plan.wrong_password {
            plan.troubles.push(("wrong password", "the BMC's is another one".to_owned()));
        }
        plan.machine.power = Power {
            refuses_same_state: dice.chance(30),
            cycle_off: Some(dice.millis(200, 600)),
            reports_event: dice.chance(70),
            reports_cause: dice.chance(70),
            ..Power::default()
        };
        match (device, simulator) {
            (false, _) => {}
            (true, true) => {
                let (from, time) = (dice.millis(0, 300), dice.millis(100, 1500));
                plan.frozen = Some((from, time));
                plan.troubles.push(("stands still", format!("after {from:?} for {time:?}")));
            }
            (true, false) if plan.attacked && plan.changes() => trouble::leave_it_to_forgers(dice, &mut plan),
            (true, false) => trouble::choose(dice, &mut plan),
        }
        // A number tells a lie only who has seen it before: with the answer that bore it lost on the way, what the
        // BMC itself says under it is its word.
        let others = plan.troubles.iter().filter(|(word, _)| *word != trouble::ACKNOWLEDGES_ONLY).count();
        if network || others > 1 {
            plan.machine.rules.retain(|rule| rule.lie() != Some(Lie::RepeatedSequence));
        }
        plan
    }

    /// The BMC without its faults.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            auth_types: self.session.auth_types.to_vec(),
            per_message_auth: self.session.per_message_auth,
            suites: self.session.suites.to_vec(),
            kg: self.kg.unwrap_or_default().into(),
            users: vec![User::new(
                "admin",
                if self.wrong_password { "another" } else { "adminpw" },
                ADMINISTRATOR,
            )],
            on: self.on,
            ..Settings::default()
        }
    }

    /// Gives the action this much time in each of its steps.
    pub(super) fn allow(&mut self, time: Duration) {
        (self.limits.login, self.limits.shell, self.limits.power) = (time, time, time);
        for (name, value) in &mut self.options {
            if ["login_timeout", "shell_timeout", "power_timeout"].contains(name) {
                *value = time.as_secs().to_string();
            }
        }
    }

    pub(super) fn longest(&self) -> Duration {
        self.limits.longest(self.action)
    }

    /// Whether the action changes the power.
    pub(super) fn changes(&self) -> bool {
        matches!(self.action, "off" | "on" | "reboot")
    }
}

fn choose_action(dice: &mut Dice) -> (&'static str, bool, bool) {
    let mut left = dice.between(0, 99);
    for (action, cycle, percent, on) in ACTIONS {
        if left < percent {
            return (action, cycle, dice.chance(on));
        }
        left -= percent;
    }
    unreachable!("the percentages make a hundred")
}

fn hexadecimal(text: &str) -> String {
    super::hex(text.as_bytes())
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.on { "on" } else { "off" };
        let device = if self.simulator { "ipmi_sim" } else { "test BMC" };
        write!(f, "{} on a machine that is {state}, {device}", self.action)?;
        if self.lifted {
            f.write_str(", in Pacemaker's environment")?;
        }
        if self.rehearsed {
            f.write_str(", after an earlier session")?;
        }
        for (name, value) in &self.options {
            write!(f, " {name}={value}")?;
        }
        let Power { refuses_same_state, cycle_off, reports_event, reports_cause, .. } = &self.machine.power;
        write!(
            f,
            "\n  D5h in the same state {refuses_same_state}, a cycle is off for {cycle_off:?}, tells of its last \
             power event {reports_event} and restart cause {reports_cause}"
        )
    }
}
