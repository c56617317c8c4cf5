//! The IPMI part of the campaign: fence_ipmilan against the test BMC and OpenIPMI's simulator, over a network with
//! faults.

mod forgery;
mod plan;
mod target;
mod trouble;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use plan::Plan;
use target::{Simulated, Target, Tested};

use super::datagram::{Fault, Kind, Network, Record};
use super::{CALLERS_PATIENCE, Case, Dice, Field, REQUEST_LIMIT, Report, Station, Verdict};
use crate::relay::{Direction, Relay};
use crate::{Agent, Finished, IpmiSim};

/// The agent of this part.
const AGENT: &str = "fence_ipmilan";

/// About as many datagrams as a run sends each way.
const DATAGRAMS: usize = 9;

/// Simulators that nobody is using at the moment.
type Simulators = Arc<Mutex<Vec<IpmiSim>>>;

/// The IPMI part.
pub(super) struct Ipmi {
    agent: PathBuf,
    simulators: Simulators,
}

impl Ipmi {
    /// With the fence_ipmilan of this directory.
    pub fn new(agents: &Path) -> Ipmi {
        Ipmi { agent: agents.join(AGENT), simulators: Simulators::default() }
    }
}

impl Field for Ipmi {
    fn name(&self) -> &'static str {
        "ipmi"
    }

    fn agents(&self) -> Vec<&'static str> {
        vec![AGENT]
    }

    fn stations(&self) -> usize {
        96
    }

    fn station(&self) -> Box<dyn Station> {
        Box::new(Here { agent: self.agent.clone(), simulators: self.simulators.clone() })
    }
}

struct Here {
    agent: PathBuf,
    simulators: Simulators,
}

impl Station for Here {
    fn play(&mut self, dice: &mut Dice) -> Report {
        let mut plan = Plan::choose(dice);
        if plan.simulator {
            let spare = self.simulators.lock().expect("nobody panics with it").pop();
            let sim = spare.unwrap_or_else(|| IpmiSim::builder().start());
            let mut target = Simulated::new(sim);
            let report = self.run(&mut plan, &mut target, dice);
            if let Some(sim) = target.into_sound() {
                self.simulators.lock().expect("nobody panics with it").push(sim);
            }
            report
        } else {
            let mut target = Tested::new(&plan);
            self.run(&mut plan, &mut target, dice)
        }
    }
}

impl Here {
    fn agent(&self, plan: &Plan, port: u16, action: &str) -> Agent {
        Agent::new(&self.agent)
            .options([
                ("ip", "127.0.0.1"),
                ("ipport", &port.to_string()),
                ("username", "admin"),
                ("password", "adminpw"),
                ("action", action),
            ])
            .options(plan.options.iter().map(|(name, value)| (*name, value.as_str())))
    }

    fn run(&self, plan: &mut Plan, target: &mut dyn Target, dice: &mut Dice) -> Report {
        let network = match (plan.network, plan.attacked) {
            (false, _) => Network::new(Vec::new(), dice),
            (true, false) => Network::choose(dice, &Kind::ALL, DATAGRAMS),
            (true, true) => attack(dice),
        };
        let strong = plan.session.strong;
        let mut network = network.guard(forgery::guard(strong)).forger(forgery::forger(strong));
        if plan.rehearsed {
            network = network.remembers(self.rehearse(plan, target));
        }
        let record = network.record();
        let origin = Instant::now();
        target.begin(plan);
        let relay = network.before(target.address());
        let mut agent = self.agent(plan, relay.port(), plan.action);
        agent = if plan.lifted {
            agent.under_pacemaker().limit(CALLERS_PATIENCE)
        } else {
            agent.limit(plan.longest() + Duration::from_secs(5))
        };
        let done = target.during(plan, agent);
        let ended = done.started + done.wall;
        let truth = [target.history(ended)];
        let commanded = target.commanded(plan, ended);
        let mut faults = record.names();
        faults.extend(plan.troubles.iter().map(|(name, _)| *name));
        // Its limits are short, so that a busy machine may be the reason for a failure.
        if plan.network && faults.is_empty() {
            faults.push("none came to pass");
        }
        let case = Case {
            action: plan.action,
            done: &done,
            truth: &truth,
            commanded,
            longest: plan.longest(),
            faulty: !faults.is_empty(),
        };
        let verdict = if plan.lifted {
            let seen = relay.seen();
            let sent = seen.iter().filter(|seen| seen.direction == Direction::ToDevice);
            case.verdict_without_limits(REQUEST_LIMIT, &sent.map(|seen| seen.at).collect::<Vec<_>>())
        } else {
            case.verdict()
        };
        let verdict = match logins(&relay) {
            2.. if plan.wrong_password && !verdict.is_defect() => Verdict::TriedAgain,
            _ => verdict,
        };
        let after = |at: Instant| at.saturating_duration_since(origin).as_millis();
        let story = if verdict.is_defect() {
            let [truth] = &truth;
            let mut story = tell(plan, &done, &record);
            for (at, on) in &truth.0 {
                let _ =
                    writeln!(story, "  {} ms: the power is {}", after(*at), if *on { "on" } else { "off" });
            }
            let _ = writeln!(story, "  commanded at {:?} ms", commanded.map(after));
            let _ = writeln!(story, "  the agent ran from {} to {} ms", after(done.started), after(ended));
            for seen in relay.seen() {
                let way = seen.direction;
                let _ = writeln!(story, "  {} ms: {way:?} {}", after(seen.at), hex(&seen.bytes));
            }
            story + &target.story(&after)
        } else {
            String::new()
        };
        Report { agent: AGENT, verdict, faults, story }
    }

    /// Asks for the state of a machine that is in the state wanted later: what was said then may be played back.
    fn rehearse(&self, plan: &Plan, target: &mut dyn Target) -> Vec<(Direction, Vec<u8>)> {
        target.set_power(plan.action == "on");
        let relay = Relay::builder(target.address()).start();
        self.agent(plan, relay.port(), "status").run();
        relay.seen().into_iter().map(|seen| (seen.direction, seen.bytes)).collect()
    }
}

/// How many times the agent has sent something made with the password of IPMI 2.0, or told that the password is wrong:
/// RAKP message 3. One that is repeated as it was counts once.
fn logins(relay: &Relay) -> usize {
    const RAKP_3: [u8; 2] = [0x06, 0x14];
    let seen = relay.seen().into_iter().filter(|seen| seen.direction == Direction::ToDevice);
    let sent: BTreeSet<Vec<u8>> =
        seen.map(|seen| seen.bytes).filter(|bytes| bytes.get(4..6) == Some(&RAKP_3)).collect();
    sent.len()
}

/// Forged, replayed and altered answers from some moment on.
fn attack(dice: &mut Dice) -> Network {
    const MEANS: [Kind; 3] = [Kind::Forged, Kind::Replayed, Kind::Corrupted];
    let fault = |kind, dice: &mut Dice| Fault {
        kind,
        direction: Direction::ToAgent,
        first: dice.below(DATAGRAMS),
        span: usize::MAX,
        percent: *dice.pick(&[50, 100]),
    };
    let first = *dice.pick(&MEANS);
    let mut faults = vec![fault(first, dice)];
    if dice.chance(30) {
        let second = *dice.pick(&MEANS);
        faults.push(fault(second, dice));
    }
    Network::new(faults, dice)
}

fn tell(plan: &Plan, done: &Finished, record: &Record) -> String {
    let mut story = format!("  {plan}\n");
    for (name, detail) in &plan.troubles {
        let _ = writeln!(story, "  {name}: {detail}");
    }
    story += &record.story();
    let Finished { code, stdout, stderr, wall, killed, .. } = done;
    let _ =
        writeln!(story, "  exit code {code:?}, killed {killed}, {} ms\n{stdout}{stderr}", wall.as_millis());
    story
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
