//! The promise of the action engine, checked over every short history: whatever a device answers, a success of `off`
//! or `reboot` means that, after the last command, one look showed the device's explicit off for every plug, told by
//! the device that acknowledged the command.
//!
//! The device is a script of looks and answers, and all scripts up to a length are run. What a script leaves open
//! repeats its last look, and acknowledges.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.
#![allow(clippy::print_stdout)] // How much was checked is worth knowing.

use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::fencing::engine::{self, Outcome};
use fence_agents::fencing::job::{Cycle, Job};
use fence_agents::fencing::supervised::Supervised;
use fence_agents::fencing::times::Pause;
use fence_agents::fencing::{Action, Answer, Describe, Device, Error, IdentityKind, Met};
use fence_agents::fencing::{Plugs, Power, Proof, Seen, State, Times, Who};
use peers::Watchdog;

/// One answer to a look: a state for each plug, or for too few or too many, or trouble.
type Look = Result<Vec<State>, Error>;

/// One answer to a command.
type Reply = Result<Answer, Error>;

/// Who answers: the serial number, where it is told.
type Teller = Option<&'static str>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Resolved(Teller),
    Looked(Look, Teller),
    Commanded { plug: usize, to: Power, reply: Reply, by: Teller },
    Cycled(Reply, Teller),
}

impl Event {
    /// Who answered a command, where somebody did.
    fn acknowledged_by(&self) -> Option<Teller> {
        match self {
            Event::Commanded { reply: Ok(_), by, .. } | Event::Cycled(Ok(_), by) => Some(*by),
            _ => None,
        }
    }
}

/// A device that follows a script and keeps the history.
struct Scripted<'a> {
    plugs: usize,
    looks: &'a [Look],
    replies: &'a [Reply],
    /// Who answers the questions and commands, in their order; the last one goes on to.
    tellers: &'a [Teller],
    history: Vec<Event>,
}

impl Scripted<'_> {
    fn reply(&self) -> Reply {
        let commands = |event: &&Event| matches!(event, Event::Commanded { .. } | Event::Cycled(..));
        let before = self.history.iter().filter(commands).count();
        self.replies.get(before).cloned().unwrap_or(Ok(Answer::Accepted))
    }

    /// Who answers next.
    fn teller(&self) -> Teller {
        let next = self.tellers.get(self.history.len()).or(self.tellers.last());
        next.copied().flatten()
    }
}

fn met(teller: Teller) -> Met {
    Met { who: teller.and_then(|serial| Who::of(IdentityKind::Serial, serial)), name: None }
}

impl Device for Scripted<'_> {
    fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    fn plug_name(&self, plug: usize) -> String {
        plug.to_string()
    }

    fn plug_count(&self) -> usize {
        self.plugs
    }

    fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
        self.history.push(Event::Resolved(self.teller()));
        Ok(())
    }

    fn met(&self, _plug: usize) -> Met {
        let by = self.history.iter().rev().find_map(|event| match event {
            Event::Resolved(by) => Some(*by),
            event => event.acknowledged_by(),
        });
        met(by.flatten())
    }

    fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
        let before = self.history.iter().filter(|event| matches!(event, Event::Looked(..))).count();
        let look = self.looks[before.min(self.looks.len() - 1)].clone();
        let teller = self.teller();
        self.history.push(Event::Looked(look.clone(), teller));
        look.map(|states| states.into_iter().map(|state| Seen { state, met: met(teller) }).collect())
    }

    fn switch(&mut self, plug: usize, to: Power, _by: Deadline) -> Reply {
        let (reply, by) = (self.reply(), self.teller());
        self.history.push(Event::Commanded { plug, to, reply: reply.clone(), by });
        reply
    }

    fn cycle(&mut self, _plug: usize, _by: Deadline) -> Reply {
        let (reply, by) = (self.reply(), self.teller());
        self.history.push(Event::Cycled(reply.clone(), by));
        reply
    }
}

impl Describe for Scripted<'_> {}

/// Long enough for three looks, so that each of them can decide.
fn times() -> Times {
    Times {
        delay: Duration::ZERO,
        power_wait: Duration::ZERO,
        power: Some(Duration::from_millis(70)),
        login: Some(Duration::from_millis(70)),
        shell: Some(Duration::from_millis(70)),
        pause: Pause::Growing(Duration::from_millis(20)),
        retry_on: 0,
        lifted: false,
        power_on: Some(Duration::from_millis(300)),
        unreached: Duration::from_millis(300),
        refused_watch: Duration::from_millis(60),
    }
}

/// Whether a look is the device's explicit word, for every plug.
fn shows(event: &Event, plugs: usize, power: Power) -> bool {
    let Event::Looked(Ok(states), _) = event else { return false };
    states.len() == plugs && states.iter().all(|state| state.is(power))
}

/// Whether every plug got the command and the device answered it, and one look after the last of them shows the
/// state everywhere, told by whoever answered. A refusal is no such answer: then every look from it on shows the
/// state, and there are two.
fn proven(history: &[Event], plugs: usize, power: Power) -> bool {
    let commands = |of: usize| {
        history.iter().enumerate().filter_map(move |(at, event)| match event {
            Event::Commanded { plug, to, reply, by } if *plug == of && *to == power => Some((at, reply, *by)),
            _ => None,
        })
    };
    let Some((last, by)) =
        (0..plugs).flat_map(commands).map(|(at, _, by)| (at, by)).max_by_key(|(at, _)| *at)
    else {
        return false;
    };
    let answered = |plug: usize| commands(plug).any(|(_, reply, _)| reply.is_ok());
    let outweighed = |plug: usize| {
        let refused = commands(plug).find(|(_, reply, _)| reply.as_ref().is_err_and(Error::is_refusal));
        let Some((at, _, _)) = refused else { return false };
        // The one action that follows is of the other state.
        let until = history
            .iter()
            .skip(at)
            .position(|event| matches!(event, Event::Commanded { to, .. } if *to != power));
        let looks: Vec<&Event> = history[at..until.map_or(history.len(), |until| at + until)]
            .iter()
            .filter(|event| matches!(event, Event::Looked(..)))
            .collect();
        let shown = looks.iter().rev().take_while(|look| shows(look, plugs, power)).count();
        shown > 1
    };
    let told = |event: &Event| {
        let first = history.iter().find_map(|event| match event {
            Event::Resolved(by) | Event::Looked(Ok(_), by) => *by,
            event => event.acknowledged_by().flatten(),
        });
        // Who answered the last command, be it somebody who doesn't say who it is.
        let answered = history[last].acknowledged_by();
        matches!(event, Event::Looked(_, teller) if
            (first.is_none() || *teller == first) && (answered.is_none() || *teller == by))
    };
    (0..plugs).all(|plug| answered(plug) || outweighed(plug))
        && history[last..].iter().any(|event| shows(event, plugs, power) && told(event))
}

/// What a success of an action claims, and whether the history bears it out.
fn claim_holds(outcome: &Outcome, history: &[Event], plugs: usize) -> bool {
    match outcome {
        Outcome::Reached { power, .. } => proven(history, plugs, *power),
        Outcome::Rebooted => {
            let on = history
                .iter()
                .position(|event| matches!(event, Event::Commanded { to: Power::On, .. }))
                .unwrap_or(history.len());
            // One that wasn't acknowledged may have arrived.
            let cycle = history
                .iter()
                .position(|event| matches!(event, Event::Cycled(reply, _) if *reply != Err(refusal())));
            let who = history.iter().find_map(|event| match event {
                Event::Resolved(by) | Event::Looked(Ok(_), by) => *by,
                _ => None,
            });
            let seen_off = |event: &Event| {
                shows(event, plugs, Power::Off)
                    && matches!(event, Event::Looked(_, by) if who.is_none() || *by == who)
            };
            // By off and on, or by a cycle after which off was seen.
            proven(&history[..on], plugs, Power::Off)
                || cycle.is_some_and(|cycle| history[cycle..].iter().any(seen_off))
        }
        Outcome::Status(Power::Off) => shows(history.last().unwrap(), plugs, Power::Off),
        _ => true,
    }
}

fn trouble() -> Error {
    Error::NoAnswer { address: "there".into(), step: "it".into(), after: Duration::ZERO }
}

fn refusal() -> Error {
    Error::NoPrivilege { why: "no".into() }
}

/// Everything a device may say about this many plugs, and what no device should say.
fn every_look(plugs: usize) -> Vec<Look> {
    let states = [
        State::On,
        State::Off,
        State::Changing("paused".into()),
        State::Unknown("nothing".into()),
        State::NoSuchPlug,
    ];
    let mut looks: Vec<Vec<State>> = vec![Vec::new()];
    for _ in 0..plugs {
        looks = looks
            .iter()
            .flat_map(|look| {
                states.iter().map(|state| [look.as_slice(), std::slice::from_ref(state)].concat())
            })
            .collect();
    }
    let strange = [vec![], vec![State::Off; plugs + 1]];
    let fewer = if plugs > 1 { vec![vec![State::Off; plugs - 1]] } else { Vec::new() };
    let told = looks.into_iter().chain(strange).chain(fewer).map(Ok);
    told.chain([Err(trouble()), Err(refusal())]).collect()
}

fn every_reply() -> Vec<Reply> {
    vec![Ok(Answer::Accepted), Ok(Answer::NotInThisState("no".into())), Err(trouble()), Err(refusal())]
}

/// Every sequence of this length.
fn sequences<T: Clone>(of: &[T], length: usize) -> Vec<Vec<T>> {
    (0..length).fold(vec![Vec::new()], |longer, _| {
        longer
            .iter()
            .flat_map(|sequence| {
                of.iter().map(|item| [sequence.as_slice(), std::slice::from_ref(item)].concat())
            })
            .collect()
    })
}

/// Runs every script of looks and replies of these lengths, answered by one device that doesn't say who it is.
fn check(plugs: usize, actions: &[(Action, Cycle)], looks: &[Look], length: usize, replies: usize) {
    let replies = sequences(&every_reply(), replies);
    check_scripts(plugs, actions, &sequences(looks, length), &replies, &[vec![None]]);
}

/// Runs every combination, very many at a time: nearly all their time is waiting.
fn check_scripts(
    plugs: usize,
    actions: &[(Action, Cycle)],
    looks: &[Vec<Look>],
    replies: &[Vec<Reply>],
    tellers: &[Vec<Teller>],
) {
    let mut scripts = Vec::new();
    for looks in looks {
        for replies in replies {
            for tellers in tellers {
                scripts.extend(actions.iter().map(|action| (looks, replies, tellers, *action)));
            }
        }
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    let successes = std::sync::atomic::AtomicUsize::new(0);
    let counted = std::sync::atomic::Ordering::Relaxed;
    let _watchdog = Watchdog::after(Duration::from_secs(600));
    std::thread::scope(|scope| {
        for _ in 0..256 {
            scope.spawn(|| {
                while let Some((looks, replies, tellers, (action, cycle))) =
                    scripts.get(next.fetch_add(1, counted))
                {
                    let mut device = Scripted { plugs, looks, replies, tellers, history: Vec::new() };
                    let job = Job {
                        action: *action,
                        plugs: vec!["1".into()],
                        kind: Plugs::Many,
                        cycle: *cycle,
                        proof: Proof::Reported,
                    };
                    if let Ok(outcome) = engine::run(Supervised::alone(&mut device), &job, &times()) {
                        successes.fetch_add(1, counted);
                        assert!(
                            claim_holds(&outcome, &device.history, plugs),
                            "{action:?} ended as {outcome:?} after {:#?}",
                            device.history
                        );
                    }
                }
            });
        }
    });
    let successes = successes.into_inner();
    println!("{} histories of {plugs} plugs, {successes} successes, each proven", scripts.len());
    // A device that does as it is told is among them.
    assert!(successes > 0);
}

const POWER: &[(Action, Cycle)] =
    &[(Action::Off, Cycle::Never), (Action::Reboot, Cycle::Never), (Action::On, Cycle::Never)];

#[test]
fn no_history_of_one_plug_ends_in_an_unproven_success() {
    check(1, POWER, &every_look(1), 3, 2);
}

#[test]
fn no_history_of_a_cycle_ends_in_an_unproven_success() {
    check(1, &[(Action::Reboot, Cycle::Proven)], &every_look(1), 4, 1);
}

#[test]
fn no_history_of_two_plugs_ends_in_an_unproven_success() {
    check(2, &[(Action::Off, Cycle::Never), (Action::Reboot, Cycle::Never)], &every_look(2), 2, 2);
}

#[test]
fn no_look_of_up_to_three_plugs_is_a_status_of_off_unless_it_says_so() {
    for plugs in 1..=3 {
        check(plugs, &[(Action::Status, Cycle::Never)], &every_look(plugs), 1, 0);
    }
}

#[test]
fn no_history_in_which_devices_change_hands_ends_in_a_success_that_another_one_told() {
    let looks = [Ok(vec![State::On]), Ok(vec![State::Off]), Err(trouble())];
    let tellers = [Some("A1"), Some("B2"), None];
    check_scripts(1, POWER, &sequences(&looks, 2), &sequences(&every_reply(), 1), &sequences(&tellers, 5));
    check_scripts(
        1,
        &[(Action::Reboot, Cycle::Proven)],
        &sequences(&looks, 3),
        &sequences(&every_reply(), 1),
        &sequences(&tellers, 4),
    );
}
