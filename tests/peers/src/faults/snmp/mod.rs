//! The agents that speak SNMP: net-snmp's snmpd as power units of every family, as blade enclosures and as switches.
//! fence_apc_snmp and fence_ifmib are a field of their own, the further agents another one.
//!
//! The network does anything where messages are signed. Without a signature (versions 1 and 2c, noAuthNoPriv) it loses,
//! delays, repeats, reorders and truncates, replays what is old and forges what is guessed; more than that nobody
//! can tell from the truth there (see `forgery::blind`).

mod forgery;
mod plan;
mod unit;

pub use forgery::{asks_for_much, refusal, with_error};

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use plan::{Event, Plan, SMALLEST_MESSAGE, Silent};
use unit::Unit;

use super::datagram::{Kind, Network};
use super::verdict::{CALLERS_PATIENCE, REQUEST_LIMIT};
use super::{Case, Dice, Field, History, Report, Station, Verdict};
use crate::relay::{Direction, Fate, Packet, Relay, Seen};
use crate::snmp::{Family, PowerUnit, Taken};
use crate::stand::{Hand, Record};
use crate::{Agent, Finished};

/// Another address of a device.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// About so many datagrams go each way in a run.
const DATAGRAMS: usize = 6;

/// This part of the campaign.
pub(super) struct Snmp {
    whose: Whose,
    agents: PathBuf,
    strangers: Strangers,
}

/// Whose devices are fenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Those of fence_apc_snmp and fence_ifmib.
    Today,
    /// Those of the further agents.
    Further,
}

/// Devices that come into the place of others, while nobody needs them.
type Strangers = Arc<Mutex<Vec<PowerUnit>>>;

impl Snmp {
    /// With the agents in this directory.
    pub fn new(whose: Whose, agents: &Path) -> Snmp {
        Snmp { whose, agents: agents.to_owned(), strangers: Strangers::default() }
    }
}

impl Field for Snmp {
    fn name(&self) -> &'static str {
        match self.whose {
            Whose::Today => "snmp",
            Whose::Further => "snmp-units",
        }
    }

    fn agents(&self) -> Vec<&'static str> {
        match self.whose {
            Whose::Today => vec!["fence_apc_snmp", "fence_ifmib"],
            Whose::Further => Unit::further_agents(),
        }
    }

    fn stations(&self) -> usize {
        96
    }

    fn station(&self) -> Box<dyn Station> {
        let unit = PowerUnit::builder(Family::ApcRpdu).users(&plan::users()).start_changeable();
        Box::new(Here {
            whose: self.whose,
            agents: self.agents.clone(),
            unit,
            strangers: self.strangers.clone(),
        })
    }
}

/// A station: one snmpd that becomes another device for each run.
struct Here {
    whose: Whose,
    agents: PathBuf,
    unit: PowerUnit,
    strangers: Strangers,
}

impl Station for Here {
    fn play(&mut self, dice: &mut Dice) -> Report {
        let unit = match self.whose {
            Whose::Today => Unit::today(dice),
            Whose::Further => Unit::further(dice),
        };
        let plan = Plan::choose(unit, dice);
        let earlier = if plan.earlier { self.earlier(&plan) } else { Vec::new() };
        self.set(&plan);
        let kinds: Vec<Kind> = if plan.login.signs() {
            Kind::ALL.to_vec()
        } else {
            Kind::ALL.into_iter().filter(|kind| *kind != Kind::Corrupted).collect()
        };
        let network = if plan.network {
            Network::choose(dice, &kinds, DATAGRAMS)
        } else {
            Network::new(Vec::new(), dice)
        };
        let network = network.remembers(earlier.into_iter().map(|seen| (seen.direction, seen.bytes)));
        let words = plan.unit.words();
        let network = match plan.login.signs() {
            true => network.forger(move |packet, seen, dice| forgery::on_the_way(packet, seen, words, dice)),
            false => network.forger(move |packet, seen, dice| forgery::blind(packet, seen, words, dice)),
        };
        let (record, planned) = (network.record(), network.faults().to_vec());
        let (tell, told) = channel();
        let mut relay = Relay::builder(self.unit.address()).rule(rule(
            &plan,
            self.unit.hand(),
            network.rule(),
            tell.clone(),
        ));
        let stranger = plan.another.map(|index| (index, self.stranger(&plan)));
        if let Some((index, stranger)) = &stranger {
            relay = relay.from(*index, stranger.address());
        }
        if plan.elsewhere {
            relay = relay.source(ELSEWHERE);
        }
        let relay = relay.start();
        let (done, happened) = self.fence(&plan, &relay, (&tell, &told));
        let seen = relay.seen();
        drop(relay);
        self.drain();

        let mut faults = record.names();
        faults.extend(plan.faults.iter().chain(happened.iter()));
        faults.extend(plan.behaviours.iter().map(|(_, word, _)| word));
        let faulty = plan.is_faulty();
        if faulty && faults.is_empty() {
            // The short limits of such a run are a trial of their own on a busy machine.
            faults.push("none that struck");
        }
        let (mut verdict, mut truth) = self.judge(&plan, &done, faulty, &seen);
        for other in self.strays(&plan) {
            verdict = Verdict::FalseSuccess;
            let _ = writeln!(truth, "nobody named what was commanded: {other:?}");
        }
        if let Some((_, stranger)) = stranger {
            if !stranger.writes().is_empty() {
                verdict = Verdict::FalseSuccess;
                let _ = writeln!(truth, "the other device was sent {:?}", stranger.writes());
            }
            self.strangers.lock().expect("nobody panics with it").push(stranger);
        }
        let mut story = format!("{plan:#?}\nnetwork: {planned:?}\n{}", record.story());
        let _ = writeln!(story, "{done:#?}\n{truth}");
        Report { agent: plan.unit.agent, verdict, faults, story }
    }
}

impl Here {
    /// Sets the device as it is at the beginning.
    fn set(&self, plan: &Plan) {
        self.unit.become_another(&plan.builder);
        for (switch, outlet) in &plan.off {
            self.unit.set(*switch, *outlet, false);
        }
        for ((switch, outlet), _, behaviour) in &plan.behaviours {
            self.unit.behave(*switch, *outlet, behaviour.clone());
        }
        for ((switch, outlet), on, later) in &plan.scheduled {
            self.unit.schedule(*switch, *outlet, *on, *later);
        }
        if let Some(((switch, outlet), name)) = &plan.same_name {
            self.unit.name(*switch, *outlet, name);
        }
        for (switch, outlet) in self.unit.places().into_iter().filter(|place| !plan.places.contains(place)) {
            if plan.long_names > 0 {
                self.unit.name(switch, outlet, &format!("{switch}:{outlet}{}", "x".repeat(plan.long_names)));
            }
        }
    }

    /// Another device, with the same login and the same names, whose plugs are all as an agent would wish them.
    fn stranger(&self, plan: &Plan) -> PowerUnit {
        let free = self.strangers.lock().expect("nobody panics with it").pop();
        let stranger = free
            .unwrap_or_else(|| PowerUnit::builder(Family::ApcRpdu).users(&plan::users()).start_changeable());
        stranger.become_another(&plan.builder);
        for (switch, outlet) in &plan.places {
            stranger.set(*switch, *outlet, plan.action == "on");
        }
        stranger
    }

    /// What passed between this agent and this device on another day, when somebody wanted the opposite.
    fn earlier(&self, plan: &Plan) -> Vec<Seen> {
        self.unit.become_another(&PowerUnit::builder(plan.unit.stand).switches(plan.unit.most_groups()));
        let relay = Relay::builder(self.unit.address()).start();
        let action = if plan.action == "on" { "off" } else { "on" };
        runner(&self.agents, plan, relay.port(), action).run();
        let seen = relay.seen();
        drop(relay);
        self.drain();
        seen
    }

    /// Runs the agent, and lets happen to the device what is to happen meanwhile. Which did is told.
    fn fence(
        &mut self,
        plan: &Plan,
        relay: &Relay,
        (ends, told): (&Sender<Event>, &Receiver<Event>),
    ) -> (Finished, Vec<&'static str>) {
        std::thread::scope(|scope| {
            let run = runner(&self.agents, plan, relay.port(), plan.action);
            let agent = scope.spawn(move || {
                let done = run.run();
                // Nobody else listens to it.
                let _ = ends.send(Event::AgentEnds);
                done
            });
            let mut happened = Vec::new();
            for event in told {
                let word = event.word();
                match event {
                    Event::AgentEnds => break,
                    Event::Hangs(time) => {
                        self.unit.snmpd().freeze();
                        std::thread::sleep(time);
                        self.unit.snmpd().thaw();
                    }
                    Event::Restarts => self.unit.snmpd_mut().restart(),
                    Event::Swaps(one, other) => self.unit.swap_names(one, other),
                    Event::Loses(table) => self.unit.lose(table),
                    // As soon as it was told, or nothing of the device's.
                    Event::LaysOut(_) | Event::Warns(_) | Event::Misreads(..) | Event::Errs => {}
                }
                happened.push(word);
            }
            (agent.join().expect("the agent ran"), happened)
        })
    }

    /// Waits until everything that has reached the device is dealt with, so that nothing of it happens in the next run.
    fn drain(&self) {
        crate::snmp::daemon::until_answering(self.unit.address());
    }

    /// Commands for outlets that nobody named.
    fn strays(&self, plan: &Plan) -> Vec<Taken> {
        // A name may be anybody's by now, and so may be a command that nobody had to sign.
        let forged = plan.network && !plan.login.signs();
        let moves = plan.by_name || forged || plan.is_laid_out_anew();
        let taken = self.unit.taken().into_iter().chain(self.unit.refused());
        taken.filter(|taken| !moves && !plan.places.contains(&taken.place)).collect()
    }

    fn judge(&self, plan: &Plan, done: &Finished, faulty: bool, seen: &[Seen]) -> (Verdict, String) {
        let ended = done.started + done.wall;
        let places: Vec<(u32, u32)> = match plan.by_name {
            // The name may be anybody's by now.
            true => self.unit.places(),
            false => plan.places.clone(),
        };
        let records: Vec<Record> =
            places.iter().map(|(switch, outlet)| self.unit.record(*switch, *outlet)).collect();
        let of_action = |record: &Record| {
            History(if plan.action == "on" { record.set.clone() } else { record.powered.clone() })
        };
        let truth: Vec<History> = match plan.by_name {
            true => plan.plugs.iter().map(|name| bearer(name, &records, plan.action == "on")).collect(),
            false => records.iter().map(of_action).collect(),
        };
        let mut commands = self.unit.taken();
        // What came of it counts, as for one that was taken.
        commands.extend(self.unit.refused());
        commands.extend(self.unit.confirmed());
        commands.sort_by_key(|command| command.at);
        let commands: Vec<Taken> = commands
            .into_iter()
            .filter(|taken| taken.on == (plan.action == "on"))
            // Whose a row is may change between a look and the command; what is true of the plug is judged all the same.
            .filter(|taken| places.contains(&taken.place) || plan.is_laid_out_anew())
            .filter(|taken| (done.started..=ended).contains(&taken.at))
            .collect();
        let last = commands.last().map(|taken| taken.at);
        // What the network repeats or holds back isn't what the agent sent last, and what is written of all outlets at once
        // was meant for one: the first for each outlet must do then.
        let first = places
            .iter()
            .filter_map(|place| commands.iter().find(|taken| taken.place == *place))
            .map(|taken| taken.at)
            .max();
        let verdict = |commanded| {
            let case = Case {
                action: plan.action,
                done,
                truth: &truth,
                commanded,
                longest: plan.limits.longest(plan.action),
                faulty,
            };
            if plan.under_pacemaker {
                let sent = seen.iter().filter(|seen| seen.direction == Direction::ToDevice);
                case.verdict_without_limits(REQUEST_LIMIT, &sent.map(|seen| seen.at).collect::<Vec<_>>())
            } else {
                case.verdict()
            }
        };
        // What was so from beginning to end needs nobody to have done it: the unit may have no object for the command.
        let wanted = plan.action == "on";
        let lasted =
            truth.iter().all(|plug| plug.stayed(wanted, done.started, ended)).then_some(done.started);
        let verdict = match verdict(last.or(lasted)) {
            Verdict::FalseSuccess if plan.network || plan.unit.writes_all() => verdict(first.or(lasted)),
            verdict => verdict,
        };
        (verdict, self.told(done.started, plan, &records, &places, seen))
    }

    /// What was true, in milliseconds from the agent's start.
    fn told(
        &self,
        start: Instant,
        plan: &Plan,
        records: &[Record],
        places: &[(u32, u32)],
        seen: &[Seen],
    ) -> String {
        let ms = |at: &Instant| match at.checked_duration_since(start) {
            Some(time) => format!("{:.1}", time.as_secs_f64() * 1000.0),
            None => "before".to_owned(),
        };
        let states = |states: &[(Instant, bool)]| {
            let word = |on: bool| if on { "on" } else { "off" };
            states.iter().map(|(at, on)| format!("{} {}", ms(at), word(*on))).collect::<Vec<_>>().join(", ")
        };
        let mut text = String::new();
        for (place, record) in places.iter().zip(records) {
            let called: Vec<_> =
                record.called.iter().map(|(at, name)| format!("{} '{name}'", ms(at))).collect();
            let _ = writeln!(text, "{place:?}: {}", states(&record.powered));
            if plan.unit.stand.ports {
                let _ = writeln!(text, "  set: {}", states(&record.set));
            }
            if called.len() > 1 {
                let _ = writeln!(text, "  called: {}", called.join(", "));
            }
        }
        for taken in self.unit.taken() {
            let _ = writeln!(text, "{} ms: {:?} commanded {}", ms(&taken.at), taken.place, taken.on);
        }
        let datagrams: Vec<_> = seen
            .iter()
            .map(|seen| format!("{} {:?} {}", ms(&seen.at), seen.direction, seen.bytes.len()))
            .collect();
        let _ = writeln!(text, "datagrams: {}", datagrams.join(", "));
        text
    }
}

/// What was true of whatever outlet bore a name: that is what a plug given by name means, from one moment to the next.
/// Where none bore it, or several did, it was never in the wanted state.
fn bearer(name: &str, records: &[Record], wanted: bool) -> History {
    let at = |changes: &[(Instant, bool)], moment: Instant| {
        changes.iter().take_while(|(at, _)| *at <= moment).last().map(|(_, on)| *on)
    };
    let mut moments: Vec<Instant> = records
        .iter()
        .flat_map(|record| {
            let states = record.powered.iter().chain(&record.set).map(|(at, _)| *at);
            states.chain(record.called.iter().map(|(at, _)| *at))
        })
        .collect();
    moments.sort_unstable();
    let state = |moment: Instant| {
        let mut bearers = records.iter().filter(|record| {
            record
                .called
                .iter()
                .take_while(|(at, _)| *at <= moment)
                .last()
                .is_some_and(|(_, called)| called == name)
        });
        match (bearers.next(), bearers.next()) {
            (Some(one), None) => at(if wanted { &one.set } else { &one.powered }, moment).unwrap_or(!wanted),
            _ => !wanted,
        }
    };
    History(moments.into_iter().map(|moment| (moment, state(moment))).collect())
}

/// The agent, ready to be run.
fn runner(agents: &Path, plan: &Plan, port: u16, action: &str) -> Agent {
    let agent = Agent::of(agents, plan.unit.agent, plan.unit.agent)
        .options([("ip", "127.0.0.1"), ("ipport", &port.to_string())])
        .options(plan.options().iter().map(|(name, value)| match *name {
            "action" => ("action", action),
            name => (name, value.as_str()),
        }));
    if plan.under_pacemaker {
        return agent.under_pacemaker().limit(CALLERS_PATIENCE);
    }
    agent.limit(plan.limits.longest(action) + Duration::from_secs(5))
}

/// What the relay does: first what the device answers, then what the network makes of it; and before a datagram goes
/// to the device, what happens to that.
fn rule(
    plan: &Plan,
    hand: Hand,
    mut network: impl FnMut(Packet) -> Fate + Send + 'static,
    tell: Sender<Event>,
) -> impl FnMut(Packet) -> Fate + Send + 'static {
    let (errors, renames, silent, events) = (plan.errors, plan.renames, plan.silent, plan.events.clone());
    let (builder, words) = (plan.builder.clone(), plan.unit.words());
    let mut asked = Vec::new();
    move |packet| {
        let Packet { direction, index, bytes } = packet;
        if direction == Direction::ToDevice {
            for (_, event) in events.iter().filter(|(at, _)| *at == index) {
                event.happen(&hand, &builder);
                // Nobody listens once the agent has ended.
                let _ = tell.send(event.clone());
            }
            let much = || forgery::asks_for_much(bytes).unwrap_or_default();
            let unheard = match silent {
                None => false,
                Some(Silent::Large) => bytes.len() > SMALLEST_MESSAGE,
                Some(Silent::Several) => much().0,
                Some(Silent::Bulk) => much().1,
            };
            if unheard {
                return Fate::Lose;
            }
            if renames.is_some() {
                asked.push((direction, bytes.to_vec()));
            }
        }
        let renamed = renames
            .filter(|(first, span)| {
                direction == Direction::ToAgent && index >= *first && index - first < *span
            })
            .and_then(|_| forgery::renamed(bytes, &asked, words));
        if let Some(renamed) = renamed {
            return Fate::Instead(vec![renamed]);
        }
        let error = errors
            .filter(|errors| direction == Direction::ToAgent && index >= errors.first)
            .filter(|errors| index - errors.first < errors.span)
            .and_then(|errors| forgery::with_error(bytes, errors.status));
        if error.is_some() {
            let _ = tell.send(Event::Errs);
        }
        network(Packet { bytes: error.as_deref().unwrap_or(bytes), ..packet })
    }
}
