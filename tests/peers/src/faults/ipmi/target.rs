//! The devices: what they are told before a run, and what truly happened in it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::plan::Plan;
use crate::bmc::{Command, Step};
use crate::faults::History;
use crate::util::uptime;
use crate::{Agent, Bmc, Finished, IpmiSim};

pub(super) trait Target {
    fn address(&self) -> SocketAddr;

    /// Turns the machine by hand.
    fn set_power(&mut self, on: bool);

    /// Sets everything as the plan has it.
    fn begin(&mut self, plan: &mut Plan);

    /// Runs the agent.
    fn during(&mut self, _plan: &Plan, agent: Agent) -> Finished {
        agent.run()
    }

    /// The true state since [`Target::begin`].
    fn history(&self, until: Instant) -> History;

    /// When the command that the agent's claim stands on came in.
    fn commanded(&self, plan: &Plan, until: Instant) -> Option<Instant>;

    /// What there is to tell besides.
    fn story(&self, after: &dyn Fn(Instant) -> u128) -> String;
}

/// The low nibbles of Chassis Control.
const OFF: u8 = 0;
const ON: u8 = 1;
const CYCLE: u8 = 2;

/// The test BMC, one for each run.
pub(super) struct Tested {
    bmc: Bmc,
    began: Instant,
    on: bool,
}

impl Tested {
    pub(super) fn new(plan: &Plan) -> Tested {
        Tested { bmc: Bmc::start(plan.settings()), began: Instant::now(), on: plan.on }
    }

    /// The Chassis Control commands of this run that the BMC answered. What it refused is decided by the state as well.
    fn taken(&self, commands: &[Command], until: Instant) -> Vec<Command> {
        let taken = |command: &&Command| {
            command.step == Step::ChassisControl && (self.began..=until).contains(&command.at)
        };
        commands.iter().filter(taken).cloned().collect()
    }
}

impl Target for Tested {
    fn address(&self) -> SocketAddr {
        self.bmc.address()
    }

    fn set_power(&mut self, on: bool) {
        self.bmc.set_power(on);
    }

    fn begin(&mut self, plan: &mut Plan) {
        self.bmc.set_power(plan.on);
        self.began = Instant::now();
        self.bmc.change(|settings| plan.machine.install(settings));
    }

    fn history(&self, until: Instant) -> History {
        let changes = self.bmc.power_changes();
        let since = changes.into_iter().filter(|(at, _)| (self.began..=until).contains(at));
        History(std::iter::once((self.began, self.on)).chain(since).collect())
    }

    /// Of the last request for the wanted state, when it came in first: the network may bring it again at any time,
    /// and an earlier one after a later one.
    fn commanded(&self, plan: &Plan, until: Instant) -> Option<Instant> {
        let commands = self.bmc.commands();
        let taken = self.taken(&commands, until);
        let of_kind = |kind| {
            taken.iter().filter(move |command| command.data.first().is_some_and(|data| data & 0xf == kind))
        };
        let kind = if plan.action == "on" { ON } else { OFF };
        // In the order of the sessions, and in each in the order of the requests.
        let order = |command: &&Command| {
            let of_this = |other: &&Command| other.session == command.session;
            let session = commands.iter().position(|other| of_this(&other));
            let first = commands.iter().find(of_this).map_or(0, |first| first.rq_seq);
            (session, command.rq_seq.wrapping_sub(first) & 0x3f)
        };
        let last = of_kind(kind).map(|command| order(&command)).max();
        let of_last = of_kind(kind).find(|command| Some(order(command)) == last);
        // What a cycle is proven by was read before the first of them.
        of_last.or_else(|| of_kind(CYCLE).next()).map(|command| command.at)
    }

    fn story(&self, after: &dyn Fn(Instant) -> u128) -> String {
        let tell = |story: &mut String, whose: &str, commands: Vec<Command>| {
            for command in commands {
                let Command { at, step, data, code, session, rq_seq, .. } = command;
                let _ = writeln!(
                    story,
                    "  {} ms: {whose}{step:?} {data:02x?} gets {code:02x}h, session {session:08x?}, request {rq_seq}",
                    after(at)
                );
            }
        };
        let mut story = String::new();
        tell(&mut story, "", self.bmc.commands());
        tell(&mut story, "the other BMC: ", self.bmc.told_to_another());
        story
    }
}

/// OpenIPMI's simulator, used by one run after the other.
pub(super) struct Simulated {
    sim: IpmiSim,
    began: Instant,
    uptime: Duration,
    on: bool,
    earlier: usize,
}

impl Simulated {
    pub(super) fn new(sim: IpmiSim) -> Simulated {
        Simulated { sim, began: Instant::now(), uptime: Duration::ZERO, on: true, earlier: 0 }
    }

    /// The simulator, unless it has died of what it was sent.
    pub(super) fn into_sound(mut self) -> Option<IpmiSim> {
        (!self.sim.ended()).then_some(self.sim)
    }

    /// What was asked of the switch in this run. The switch's clock counts hundredths of a second; none of these is
    /// dated later than it was, and no two are dated the same.
    fn changes(&self, until: Instant) -> Vec<(Instant, bool)> {
        const TICK: Duration = Duration::from_millis(10);
        let mut earliest = self.began;
        let changes = self.sim.commands().into_iter().skip(self.earlier);
        let dated = changes.filter_map(|change| {
            let on = match change.what.as_str() {
                "power 0" => false,
                "power 1" => true,
                _ => return None,
            };
            let after = change.at.saturating_sub(self.uptime).saturating_sub(TICK);
            let at = earliest.max(self.began + after);
            earliest = at + Duration::from_micros(1);
            Some((at, on))
        });
        dated.filter(|(at, _)| *at <= until).collect()
    }
}

impl Target for Simulated {
    fn address(&self) -> SocketAddr {
        self.sim.address()
    }

    fn set_power(&mut self, on: bool) {
        self.sim.set_power(on);
    }

    fn begin(&mut self, plan: &mut Plan) {
        self.sim.set_power(plan.on);
        self.on = plan.on;
        self.earlier = self.sim.commands().len();
        (self.uptime, self.began) = (uptime(), Instant::now());
    }

    fn during(&mut self, plan: &Plan, agent: Agent) -> Finished {
        let Some((from, time)) = plan.frozen else { return agent.run() };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(from);
                self.sim.freeze(true);
                std::thread::sleep(time);
                self.sim.freeze(false);
            });
            agent.run()
        })
    }

    fn history(&self, until: Instant) -> History {
        History(std::iter::once((self.began, self.on)).chain(self.changes(until)).collect())
    }

    fn commanded(&self, plan: &Plan, until: Instant) -> Option<Instant> {
        // A cycle turns it off and on.
        let wanted = plan.action == "on";
        self.changes(until).into_iter().rfind(|(_, on)| *on == wanted).map(|(at, _)| at)
    }

    fn story(&self, _: &dyn Fn(Instant) -> u128) -> String {
        format!("  the switch: {:?}\n{}", self.sim.commands().get(self.earlier..), self.sim.output())
    }
}
