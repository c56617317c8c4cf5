//! Every agent on the devices of the shared suites, so that a new one is in the campaign from its first day. What is known of
//! them here is what a [`Subject`] tells; the parts of the protocols know their devices, and go further.
//!
//! The network loses, delays, repeats and reorders what it carries, and cuts what it can. It alters nothing: not every one of
//! these protocols would notice.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::datagram::{Kind, Network, Record};
use super::stream::{End, Proxy, Trouble};
use super::{Case, Dice, Field, History, Limits, Report, Station, Verdict};
use crate::relay::Direction;
use crate::subject::{Fault, Lack, ROWS, Row, Subject};
use crate::{Agent, Finished, Relay};

/// About so many datagrams go each way in a run.
const DATAGRAMS: usize = 6;

/// About so many bytes does the agent send, and the device: what a connection may be cut behind.
const BYTES: [u64; 2] = [2000, 8000];

/// What is wrong with a device all the time, the word for it, and what a device lacks that it can't be wrong with.
const FAULTS: [(Fault, &str, Option<Lack>); 6] = [
    (Fault::None, "", None),
    (Fault::None, "", None),
    (Fault::Refuses, "refuses", Some(Lack::Refuses)),
    (Fault::Ignores, "acknowledges only", Some(Lack::Ignores)),
    (Fault::Slow(Duration::from_millis(700)), "follows late", Some(Lack::Slow)),
    (Fault::Late(Duration::from_millis(150)), "answers late", None),
];

/// Whether a row is played here: an agent that finds its device by an address, and a device that is soon there.
pub fn is_played(row: &Row) -> bool {
    !row.lacks(Lack::Address) && !row.lacks(Lack::Steps)
}

/// How long a device rests before it is used again: whatever it is late with has happened then.
const REST: Duration = Duration::from_secs(1);

/// Devices that nobody needs now.
type Idle = Arc<Mutex<Vec<Resting>>>;

/// One of them.
struct Resting {
    subject: Subject,
    fault: Fault,
    since: Instant,
}

/// This part of the campaign.
pub(super) struct Subjects {
    agents: PathBuf,
    idle: Idle,
}

impl Subjects {
    /// With the agents in this directory.
    pub(super) fn new(agents: &Path) -> Subjects {
        Subjects { agents: agents.to_owned(), idle: Idle::default() }
    }
}

impl Field for Subjects {
    fn name(&self) -> &'static str {
        "subjects"
    }

    fn agents(&self) -> Vec<&'static str> {
        ROWS.iter().copied().filter(|row| is_played(row)).map(|row| row.agent).collect()
    }

    fn stations(&self) -> usize {
        32
    }

    fn station(&self) -> Box<dyn Station> {
        Box::new(Here { agents: self.agents.clone(), idle: Arc::clone(&self.idle) })
    }
}

struct Here {
    agents: PathBuf,
    idle: Idle,
}

impl Station for Here {
    fn play(&mut self, dice: &mut Dice) -> Report {
        let rows: Vec<&Row> = ROWS.iter().copied().filter(|row| is_played(row)).collect();
        let row = *dice.pick(&rows);
        let (fault, word, _) = *dice.pick(&FAULTS.map(|able| match able.2 {
            Some(lack) if row.lacks(lack) => FAULTS[0],
            _ => able,
        }));
        let subject = self.device(row, fault);
        let report = self.run(row.agent, &subject, (fault, word), dice);
        self.idle.lock().expect("nobody panics with it").push(Resting {
            subject,
            fault,
            since: Instant::now(),
        });
        report
    }
}

impl Here {
    fn device(&self, row: &Row, fault: Fault) -> Subject {
        let mut idle = self.idle.lock().expect("nobody panics with it");
        let fits =
            |one: &Resting| (one.subject.name, one.fault) == (row.name, fault) && one.since.elapsed() > REST;
        let found = idle.iter().position(fits).map(|at| idle.swap_remove(at).subject);
        drop(idle);
        found.unwrap_or_else(|| (row.start)(fault))
    }

    fn run(
        &self,
        name: &'static str,
        subject: &Subject,
        (fault, word): (Fault, &'static str),
        dice: &mut Dice,
    ) -> Report {
        let actions: Vec<&str> = ["off", "off", "off", "on", "reboot", "status", "status", "monitor"]
            .into_iter()
            .filter(|action| matches!(*action, "status" | "monitor") || subject.can(action))
            // That it was off for a moment has to be known.
            .filter(|action| *action != "reboot" || subject.device.changes(0).is_some())
            .collect();
        let action = *dice.pick(&actions);
        // A state that is the wanted one needs no command.
        let on = if action == "status" { dice.chance(50) } else { action != "on" };
        let limits = Limits {
            login: Duration::from_secs(2),
            shell: Duration::from_secs(1),
            // snmpd sees within four seconds what has become of a real link.
            power: Duration::from_secs(dice.between(5, 7)),
            power_wait: Duration::ZERO,
            delay: Duration::ZERO,
            retry_on: 1,
        };
        self.settle(subject);
        subject.device.set(0, on);
        if subject.plugs.len() > 1 {
            subject.device.set(1, true);
        }
        let way = Way::choose(subject, dice);
        let faulty = fault != Fault::None || way.is_faulty();
        let before = subject.commands();
        let done = agent(&self.agents, subject, action, &way, limits).run();
        let truth = truth(subject, on, &done);
        // It wasn't in the wanted state before.
        let commanded = (subject.commands() > before).then_some(done.started);
        let mut faults: Vec<&'static str> = way.struck();
        faults.extend(Some(word).filter(|word| !word.is_empty()));
        if faulty && faults.is_empty() {
            // The short limits of such a run are a trial of their own on a busy machine.
            faults.push("none that struck");
        }
        let case = Case {
            action,
            done: &done,
            truth: std::slice::from_ref(&truth),
            commanded,
            longest: limits.longest(action),
            faulty,
        };
        let mut verdict = case.verdict();
        let untouched = subject.plugs.len() < 2 || subject.device.is_on(1);
        if !untouched || commanded.is_some() && matches!(action, "status" | "monitor") {
            verdict = Verdict::FalseSuccess;
        }
        let mut story =
            format!("{}, {fault:?}, {action}, {limits:?}\nnetwork: {}", subject.name, way.story());
        let ms = |at: &Instant| match at.checked_duration_since(done.started) {
            Some(time) => format!("{:.1}", time.as_secs_f64() * 1000.0),
            None => "before".to_owned(),
        };
        let states: Vec<_> = truth.0.iter().map(|(at, on)| format!("{} on: {on}", ms(at))).collect();
        let _ = writeln!(
            story,
            "{done:#?}\ntruth: {}\ncommanded: {}\nthe other plug is untouched: {untouched}",
            states.join(", "),
            commanded.is_some()
        );
        Report { agent: name, verdict, faults, story }
    }

    /// Waits until the device has dealt with what came before.
    fn settle(&self, subject: &Subject) {
        // In its turn, behind all the rest.
        let _ = Agent::called(&subject.agent, &subject.agent)
            .options(subject.options.iter().map(|(name, value)| (*name, value.as_str())))
            .options([("action", "monitor")])
            .run();
    }
}

/// What was true of the first plug while the agent ran, and of no other: where only its state of now is known, that of
/// before and that of after. Nobody else commands it.
fn truth(subject: &Subject, was: bool, done: &Finished) -> History {
    let now = subject.is_on();
    let known = subject.device.changes(0);
    History(known.unwrap_or_else(|| vec![(done.started, was), (done.started + done.wall, now)]))
}

/// The way between agent and device.
enum Way {
    Datagrams { relay: Relay, record: Record, faults: usize, planned: String },
    Stream { proxy: Proxy, troubles: Vec<Trouble> },
}

impl Way {
    fn choose(subject: &Subject, dice: &mut Dice) -> Way {
        let port = subject.options.iter().find(|(name, _)| *name == "ipport").expect("a port").1.parse();
        let device = SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("a port")));
        let control = dice.chance(30);
        // Nobody listens for connections where a device speaks in datagrams.
        if TcpStream::connect(device).is_ok() {
            let count = if control { 0 } else { dice.between(1, 3) };
            let troubles: Vec<Trouble> = (0..count).map(|_| trouble(dice)).collect();
            return Way::Stream { proxy: Proxy::start(device, troubles.clone(), Vec::new()), troubles };
        }
        let kinds = [Kind::Lost, Kind::Delayed, Kind::Duplicated, Kind::Reordered];
        let network = match control {
            true => Network::new(Vec::new(), dice),
            false => Network::choose(dice, &kinds, DATAGRAMS),
        };
        let (record, faults) = (network.record(), network.faults().len());
        let planned = format!("{:?}", network.faults());
        Way::Datagrams { relay: network.before(device), record, faults, planned }
    }

    fn port(&self) -> u16 {
        match self {
            Way::Datagrams { relay, .. } => relay.port(),
            Way::Stream { proxy, .. } => proxy.port(),
        }
    }

    fn is_faulty(&self) -> bool {
        match self {
            Way::Datagrams { faults, .. } => *faults > 0,
            Way::Stream { troubles, .. } => !troubles.is_empty(),
        }
    }

    fn struck(&self) -> Vec<&'static str> {
        match self {
            Way::Datagrams { record, .. } => record.names(),
            Way::Stream { proxy, .. } => proxy.struck().into_iter().filter(|word| *word != "none").collect(),
        }
    }

    fn story(&self) -> String {
        match self {
            Way::Datagrams { record, planned, .. } => format!("{planned}\n{}", record.story()),
            Way::Stream { troubles, proxy } => format!("{troubles:?}\nstruck: {:?}\n", proxy.struck()),
        }
    }
}

/// What happens to one connection.
fn trouble(dice: &mut Dice) -> Trouble {
    let way = *dice.pick(&[Direction::ToDevice, Direction::ToAgent]);
    let bytes = if way == Direction::ToDevice { BYTES[0] } else { BYTES[1] };
    let at = usize::try_from(dice.between(0, bytes)).expect("few bytes");
    match dice.below(6) {
        0 => Trouble::None,
        1 => Trouble::Mute,
        2 | 3 => Trouble::Cut { way, at, end: *dice.pick(&[End::Close, End::Reset, End::Half]) },
        4 => Trouble::Stall { way, at },
        _ => Trouble::Delay(dice.millis(1, 300)),
    }
}

/// The agent out of this directory, ready to be run.
fn agent(agents: &Path, subject: &Subject, action: &str, way: &Way, limits: Limits) -> Agent {
    let program = agents.join(&subject.agent);
    let agent =
        if program.exists() { Agent::new(program) } else { Agent::called(&subject.agent, &subject.agent) };
    let seconds = |time: Duration| time.as_secs().to_string();
    agent
        .options(subject.options_with_plug().iter().map(|(name, value)| (*name, value.as_str())))
        .options([
            ("action", action),
            ("ipport", &way.port().to_string()),
            ("login_timeout", &seconds(limits.login)),
            ("shell_timeout", &seconds(limits.shell)),
            ("power_timeout", &seconds(limits.power)),
            ("power_wait", &seconds(limits.power_wait)),
            ("retry_on", &limits.retry_on.to_string()),
        ])
        .limit(limits.longest(action) + Duration::from_secs(5))
}
