//! Agents of devices with a console, against devices that say more, less, something else or nothing, behind connections that
//! break off. What somebody on the way could say in their place is no part of it: a console over telnet authenticates nobody.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stream::{End, Outage, Proxy, Trouble as Broken};
use super::{CALLERS_PATIENCE, Case, Dice, Field, History, Limits, REQUEST_LIMIT, Report, Station, Verdict};
use crate::Agent;
use crate::console::{self, Console, Device, Fault, Negotiation, PASSWORD, Trouble, USER};
use crate::power::Habit;
use crate::relay::Direction;

/// The consoles' part of the campaign.
pub(super) struct Consoles {
    agents: PathBuf,
}

impl Consoles {
    /// With the agents in this directory.
    pub(super) fn new(agents: &Path) -> Consoles {
        Consoles { agents: agents.to_owned() }
    }
}

impl Field for Consoles {
    fn name(&self) -> &'static str {
        "console"
    }

    fn agents(&self) -> Vec<&'static str> {
        KINDS.iter().map(|kind| kind.agent).collect()
    }

    fn stations(&self) -> usize {
        48
    }

    fn station(&self) -> Box<dyn Station> {
        Box::new(Bench { agents: self.agents.clone() })
    }
}

/// A device, and the agent that fences it.
struct Kind {
    agent: &'static str,
    console: &'static Console,
    negotiation: Negotiation,
    /// Whether it has several plugs.
    plugs: bool,
    /// Lines that are typed before the first question, those of the login among them.
    login: usize,
    /// In what words it refuses a command.
    refuses: &'static str,
    /// Names of outlets that look like something else.
    odd: &'static [&'static str],
    /// What it may say in the place of an answer: its own errors, and what is no answer.
    instead: &'static [&'static str],
}

const ODD: &[&str] = &["db OFFICE", "1: Off", "OFF", "node: On: Off", "> ", "Password:", "web*", "7"];

const NOISE: &[&str] =
    &["", "Off\r\n", "off\r\n1: Off\r\n", "> \r\n", "status\r\n", "\x1b[2J\x1b[H", "login: "];

const KINDS: &[Kind] = &[
    Kind {
        agent: "fence_apc",
        console: &console::APC,
        negotiation: Negotiation::PROPER,
        plugs: true,
        login: 2,
        refuses: "E100: Command Failed",
        odd: ODD,
        instead: &["E100: Command Failed\r\n", "E101: Command Not Found\r\n", "E000: Success\r\n"],
    },
    Kind {
        agent: "fence_ilo_ssh",
        console: &console::ILO,
        negotiation: Negotiation::PROPER,
        plugs: false,
        login: 2,
        refuses: "status=2\nstatus_tag=COMMAND PROCESSING FAILED",
        odd: &["disabled", "enabledstate=disabled"],
        instead: &["status=2\r\nstatus_tag=COMMAND PROCESSING FAILED\r\n", "status=0\r\nenabledstate=\r\n"],
    },
    Kind {
        agent: "fence_bladecenter",
        console: &console::BLADECENTER,
        negotiation: Negotiation::PROPER,
        plugs: true,
        login: 2,
        refuses: "The operation failed.",
        odd: &["Off", "blade[1]"],
        instead: &[
            "The target bay is empty.\r\n",
            "User does not have the authority to issue this command.\r\n",
        ],
    },
    Kind {
        agent: "fence_wti",
        console: &console::WTI,
        negotiation: Negotiation::PROPER,
        plugs: true,
        login: 1,
        refuses: "Error: not now.",
        odd: &["OFF", "a | OFF", "NPS>"],
        instead: &["Invalid Plug.\r\n", "PLUG | NAME | STATUS |\r\n"],
    },
    Kind {
        agent: "fence_netio",
        console: &console::NETIO,
        negotiation: Negotiation::NONE,
        plugs: true,
        login: 1,
        refuses: "500 NOT NOW",
        odd: &["0", "manual 0 0"],
        instead: &["501 INVALID PARAMETR\r\n", "250 i\r\n", "250 t\r\n"],
    },
];

/// So many runs in a hundred are the control group.
const CONTROL: u64 = 8;
/// So many are called by Pacemaker.
const PACEMAKER: u64 = 5;
/// How long an agent may run until it is killed: beyond what makes it late.
const GRACE: Duration = Duration::from_secs(5);

const LIMITS: Limits = Limits {
    login: Duration::from_secs(4),
    shell: Duration::from_secs(3),
    power: Duration::from_secs(3),
    power_wait: Duration::ZERO,
    delay: Duration::ZERO,
    retry_on: 1,
};

/// What goes wrong in a run, beside what the device makes of commands.
#[derive(Default)]
struct Plan {
    habit: Habit,
    refuses: bool,
    odd: Option<&'static str>,
    troubles: Vec<Fault>,
    broken: Vec<Broken>,
    outages: Vec<Outage>,
    words: Vec<&'static str>,
}

impl Plan {
    fn disturb(&mut self, kind: &Kind, dice: &mut Dice) {
        match dice.below(12) {
            0 => {
                self.habit.deaf = true;
                self.words.push("acknowledges, does nothing");
            }
            1 => {
                self.habit.delay =
                    *dice.pick(&[dice.clone().millis(50, 1500), dice.clone().millis(1500, 9000)]);
                self.words.push("follows late");
            }
            2 => {
                self.habit.reverts = Some(dice.millis(20, 2500));
                self.words.push("goes back");
            }
            3 => {
                self.refuses = true;
                self.words.push("refuses");
            }
            4 => {
                self.odd = Some(*dice.pick(kind.odd));
                self.words.push("an odd name");
            }
            5 => {
                let from = if dice.chance(50) { Duration::ZERO } else { dice.millis(5, 1500) };
                self.outages
                    .push((from, *dice.pick(&[dice.clone().millis(20, 900), Duration::from_secs(60)])));
                self.words.push("refused");
            }
            6 | 7 => {
                let broken = broken(dice);
                self.words.push(broken.word());
                let many = *dice.pick(&[1, 1, 2, 60]);
                self.broken.extend(std::iter::repeat_n(broken, many));
            }
            _ => {
                let (trouble, word) = trouble(kind, dice);
                // Among the lines of the login, or among those after it.
                let step =
                    if dice.chance(30) { dice.below(kind.login + 1) } else { kind.login + dice.below(6) };
                let times = *dice.pick(&[1, 1, 1, 2, usize::MAX]);
                self.troubles.push(Fault { step, times, trouble });
                self.words.push(word);
            }
        }
    }
}

/// What becomes of a connection.
fn broken(dice: &mut Dice) -> Broken {
    let way = *dice.pick(&[Direction::ToAgent, Direction::ToDevice]);
    let at = dice.below(if way == Direction::ToAgent { 1500 } else { 150 });
    match dice.below(6) {
        0 => Broken::Mute,
        1 => Broken::Stall { way, at },
        2 => Broken::Delay(dice.millis(1, 700)),
        3 => Broken::Trickle { way, pause: Duration::from_micros(dice.between(100, 1500)) },
        _ => Broken::Cut { way, at, end: *dice.pick(&[End::Close, End::Reset, End::Half]) },
    }
}

/// What becomes of an answer.
fn trouble(kind: &Kind, dice: &mut Dice) -> (Trouble, &'static str) {
    let noise = dice.pick(NOISE).as_bytes().to_vec();
    match dice.below(9) {
        0 => (Trouble::Before(noise), "says something else before"),
        1 => (Trouble::Instead(dice.pick(kind.instead).as_bytes().to_vec()), "says something else"),
        2 => (Trouble::Instead(noise), "says something else"),
        3 => (Trouble::Inside(dice.below(8), noise), "says something else in between"),
        4 => (Trouble::Cut(dice.below(8)), "answers in part"),
        5 => (Trouble::Late(dice.millis(50, 4000)), "answers late"),
        6 => (Trouble::Drip(Duration::from_micros(dice.between(100, 20_000))), "drips"),
        7 => (*dice.pick(&[&Trouble::Silence, &Trouble::Close])).clone().into_words(),
        _ => (Trouble::Endless, "answers without end"),
    }
}

impl Trouble {
    fn into_words(self) -> (Trouble, &'static str) {
        let word = if matches!(self, Trouble::Close) { "closes" } else { "falls silent" };
        (self, word)
    }
}

/// A station. Device and network are new in each run.
struct Bench {
    agents: PathBuf,
}

impl Station for Bench {
    fn play(&mut self, dice: &mut Dice) -> Report {
        let kind = dice.pick(KINDS);
        let control = dice.chance(CONTROL);
        let action = *dice.pick(&["off", "off", "off", "on", "reboot", "status", "monitor"]);
        let on = dice.chance(80) ^ (action == "on");
        let two = kind.plugs && dice.chance(25);
        let pacemaker = !control && dice.chance(PACEMAKER);
        let mut plan = Plan::default();
        if !control {
            for _ in 0..*dice.pick(&[1, 1, 1, 2, 3]) {
                plan.disturb(kind, dice);
            }
        }
        self.run(&Scene { kind, action, on, two, pacemaker }, &plan)
    }
}

/// What is asked of whom.
struct Scene {
    kind: &'static Kind,
    action: &'static str,
    on: bool,
    two: bool,
    pacemaker: bool,
}

impl Bench {
    fn run(&self, scene: &Scene, plan: &Plan) -> Report {
        let kind = scene.kind;
        let names = ["web1", plan.odd.unwrap_or("db1"), "db2", "spare"];
        let mut builder = Device::of(kind.console).outlets(if kind.plugs { &names } else { &names[1..2] });
        if plan.refuses {
            builder = builder.refuses(kind.refuses);
        }
        builder = builder.habit(plan.habit);
        for fault in &plan.troubles {
            builder = builder.fault(fault.clone());
        }
        let device = builder.start();
        let plugs: &[&str] = if scene.two { &["1", "2"] } else { &["1"] };
        plugs.iter().for_each(|plug| device.turn(plug, scene.on));
        let door = device.telnet(kind.negotiation);
        let network = Proxy::start(door.address(), plan.broken.clone(), plan.outages.clone());

        let seconds = |time: Duration| time.as_secs().to_string();
        let mut agent = Agent::of(&self.agents, kind.agent, kind.agent).options([
            ("action", scene.action),
            ("ip", "127.0.0.1"),
            ("ipport", &network.port().to_string()),
            ("username", USER),
            ("password", PASSWORD),
            ("login_timeout", &seconds(LIMITS.login)),
            ("shell_timeout", &seconds(LIMITS.shell)),
            ("power_timeout", &seconds(LIMITS.power)),
            ("power_wait", "0"),
        ]);
        if kind.plugs {
            agent = agent.options([("plug", plugs.join(",").as_str())]);
        }
        let longest = LIMITS.longest(scene.action);
        let done = match scene.pacemaker {
            true => agent.under_pacemaker().limit(CALLERS_PATIENCE).run(),
            false => agent.limit(longest + GRACE).run(),
        };

        let ended = done.started + done.wall;
        let truth: Vec<History> = plugs
            .iter()
            .map(|plug| History(device.history(plug).into_iter().filter(|(at, _)| *at <= ended).collect()))
            .collect();
        let taken = device.taken();
        let mut claimed =
            taken.iter().filter(|taken| taken.at <= ended && taken.on == (scene.action == "on"));
        // One that is refused is decided by the state.
        let refused = (device.commands() > taken.len()).then_some(done.started);
        // What was so from beginning to end needs nobody to have done it.
        let wanted = scene.action == "on";
        let lasted =
            truth.iter().all(|plug| plug.stayed(wanted, done.started, ended)).then_some(done.started);
        let commanded = claimed.next_back().map(|taken| taken.at).or(refused).or(lasted);
        let case = Case {
            action: scene.action,
            done: &done,
            truth: &truth,
            commanded,
            longest,
            faulty: !plan.words.is_empty(),
        };
        let touched = taken.iter().find(|taken| !plugs.contains(&taken.id.as_str()));
        let verdict = match touched {
            Some(_) => Verdict::FalseSuccess,
            None if device.refused_logins() > 1 => Verdict::TriedAgain,
            None if scene.pacemaker => case.verdict_without_limits(REQUEST_LIMIT, &network.heard()),
            None => case.verdict(),
        };
        let mut story = format!(
            "{} {} of plugs {plugs:?}, which {} on\nfaults: {:?} {:?} {:?}, {:?}, refuses: {}, odd name: {:?}\n",
            kind.agent,
            scene.action,
            if scene.on { "are" } else { "aren't" },
            plan.troubles,
            plan.broken.first(),
            plan.outages,
            plan.habit,
            plan.refuses,
            plan.odd
        );
        for line in device.typed() {
            let _ = writeln!(story, "typed: {line}");
        }
        for taken in &taken {
            let at = taken.at.saturating_duration_since(done.started);
            let _ =
                writeln!(story, "{} told to be {} at {at:?}", taken.id, if taken.on { "on" } else { "off" });
        }
        for (plug, history) in plugs.iter().zip(&truth) {
            for (at, on) in &history.0 {
                let at = at.saturating_duration_since(done.started);
                let _ = writeln!(story, "{plug} truly {} from {at:?}", if *on { "on" } else { "off" });
            }
        }
        let _ = writeln!(
            story,
            "{} connections; exit code {:?} after {:?} of {longest:?}{}{}\n{}{}",
            network.connections(),
            done.code,
            done.wall,
            if done.killed { ", killed" } else { "" },
            if scene.pacemaker { ", called by Pacemaker" } else { "" },
            done.stdout,
            done.stderr
        );
        Report { agent: kind.agent, verdict, faults: plan.words.clone(), story }
    }
}
