//! The promise of the action engine, checked over every short history: whatever a device answers, a success of `off`
//! or `reboot` means that, after the last command, one look showed the device's explicit off for every plug.
//!
//! The device is a script of looks and answers, and all scripts up to a length are run. What a script leaves open
//! repeats its last look, and acknowledges.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.
#![allow(clippy::print_stdout)] // How much was checked is worth knowing.

use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::fencing::engine::{self, Cycle, Job, Outcome};
use fence_agents::fencing::times::Pause;
use fence_agents::fencing::{Action, Answer, Device, Error, Plugs, Power, State, Times};

/// One answer to a look: a state for each plug, or for too few or too many, or trouble.
type Look = Result<Vec<State>, Error>;

/// One answer to a command.
type Reply = Result<Answer, Error>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Looked(Look),
    Commanded { plug: usize, to: Power, reply: Reply },
    Cycled(Reply),
}

/// A device that follows a script and keeps the history.
struct Scripted<'a> {
    plugs: usize,
    looks: &'a [Look],
    replies: &'a [Reply],
    history: Vec<Event>,
}

impl Scripted<'_> {
    fn reply(&self) -> Reply {
        let before = self.history.iter().filter(|event| !matches!(event, Event::Looked(_))).count();
        self.replies.get(before).cloned().unwrap_or(Ok(Answer::Accepted))
    }
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

    fn look(&mut self, _by: Deadline) -> Look {
        let before = self.history.iter().filter(|event| matches!(event, Event::Looked(_))).count();
        let look = self.looks[before.min(self.looks.len() - 1)].clone();
        self.history.push(Event::Looked(look.clone()));
        look
    }

    fn switch(&mut self, plug: usize, to: Power, _by: Deadline) -> Reply {
        let reply = self.reply();
        self.history.push(Event::Commanded { plug, to, reply: reply.clone() });
        reply
    }

    fn cycle(&mut self, _by: Deadline) -> Reply {
        let reply = self.reply();
        self.history.push(Event::Cycled(reply.clone()));
        reply
    }
}

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
    }
}

/// Whether a look is the device's explicit word, for every plug.
fn shows(event: &Event, plugs: usize, power: Power) -> bool {
    let Event::Looked(Ok(states)) = event else { return false };
    states.len() == plugs && states.iter().all(|state| state.is(power))
}

/// Whether every plug got the command and the device answered it, and one look after the last of them shows the
/// state everywhere.
fn proven(history: &[Event], plugs: usize, power: Power) -> bool {
    let answered = |plug: usize| {
        history.iter().any(|event| {
            matches!(event, Event::Commanded { plug: of, to, reply: Ok(_) } if *of == plug && *to == power)
        })
    };
    let last = history.iter().rposition(|event| matches!(event, Event::Commanded { to, .. } if *to == power));
    (0..plugs).all(answered)
        && last.is_some_and(|last| history[last..].iter().any(|event| shows(event, plugs, power)))
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
            let cycle = history.iter().position(|event| matches!(event, Event::Cycled(Ok(Answer::Accepted))));
            // By off and on, or by a cycle after which off was seen.
            proven(&history[..on], plugs, Power::Off)
                || cycle
                    .is_some_and(|cycle| history[cycle..].iter().any(|event| shows(event, plugs, Power::Off)))
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

/// Runs every script, very many at a time: nearly all their time is waiting.
fn check(plugs: usize, actions: &[(Action, Cycle)], looks: &[Look], length: usize, replies: usize) {
    let scripts: Vec<_> = sequences(looks, length)
        .into_iter()
        .flat_map(|looks| {
            sequences(&every_reply(), replies).into_iter().map(move |replies| (looks.clone(), replies))
        })
        .flat_map(|(looks, replies)| {
            actions.iter().map(move |action| (looks.clone(), replies.clone(), *action))
        })
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let successes = std::sync::atomic::AtomicUsize::new(0);
    let counted = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        for _ in 0..256 {
            scope.spawn(|| {
                while let Some((looks, replies, (action, cycle))) = scripts.get(next.fetch_add(1, counted)) {
                    let mut device = Scripted { plugs, looks, replies, history: Vec::new() };
                    let job = Job { action: *action, plugs: Vec::new(), kind: Plugs::Many, cycle: *cycle };
                    if let Ok(outcome) = engine::run(&mut device, &job, &times()) {
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
