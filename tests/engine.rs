//! The action engine against devices that follow a script: what counts as success, what is sent and when.

#![allow(clippy::unwrap_used, clippy::panic)] // That is how a test fails.

use std::collections::VecDeque;
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::fencing::engine::{self, Outcome};
use fence_agents::fencing::job::{Cycle, Job};
use fence_agents::fencing::supervised::Supervised;
use fence_agents::fencing::times::Pause;
use fence_agents::fencing::{
    Action, Answer, Describe, Device, Error, IdentityKind, Met, Plugs, Power, Proof, Seen, State, Times, Who,
};
use peers::Watchdog;

/// What a scripted device does, and what was done to it.
#[derive(Default)]
struct Scripted {
    plugs: usize,
    /// The answers to looks, in order; the last one repeats.
    looks: VecDeque<Result<Vec<State>, Error>>,
    /// The answers to commands, in order; then `Accepted` for ever.
    answers: VecDeque<Result<Answer, Error>>,
    marks: VecDeque<Option<String>>,
    connects: VecDeque<Result<(), Error>>,
    /// Whom resolve, the commands and the looks are answered by, in that order; the last one repeats.
    who: VecDeque<Met>,
    /// Whom the last one was answered by.
    met: Met,
    events: Vec<String>,
}

impl Scripted {
    fn new(plugs: usize, looks: impl IntoIterator<Item = Vec<State>>) -> Scripted {
        Scripted { plugs, looks: looks.into_iter().map(Ok).collect(), ..Scripted::default() }
    }

    fn failing_looks(mut self, looks: impl IntoIterator<Item = Result<Vec<State>, Error>>) -> Scripted {
        self.looks = looks.into_iter().collect();
        self
    }

    fn answering(mut self, answers: impl IntoIterator<Item = Result<Answer, Error>>) -> Scripted {
        self.answers = answers.into_iter().collect();
        self
    }

    fn marking(mut self, marks: impl IntoIterator<Item = &'static str>) -> Scripted {
        self.marks = marks.into_iter().map(|mark| Some(mark.to_owned())).collect();
        self
    }

    fn answered_by(mut self, who: impl IntoIterator<Item = Met>) -> Scripted {
        self.who = who.into_iter().collect();
        self
    }

    fn answered(&mut self) {
        self.met = if self.who.len() > 1 {
            self.who.pop_front().unwrap()
        } else {
            self.who.front().cloned().unwrap_or_default()
        };
    }

    fn commands(&self) -> Vec<&str> {
        self.events.iter().map(String::as_str).filter(|event| *event != "look" && *event != "mark").collect()
    }
}

impl Device for Scripted {
    fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
        self.connects.pop_front().unwrap_or(Ok(()))
    }

    fn plug_name(&self, plug: usize) -> String {
        format!("plug {plug}")
    }

    fn plug_count(&self) -> usize {
        self.plugs
    }

    fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
        self.answered();
        Ok(())
    }

    fn met(&self, _plug: usize) -> Met {
        self.met.clone()
    }

    fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
        self.events.push("look".into());
        self.answered();
        let states = if self.looks.len() > 1 {
            self.looks.pop_front().unwrap()
        } else {
            self.looks.front().unwrap().clone()
        };
        states.map(|states| states.into_iter().map(|state| Seen { state, met: self.met.clone() }).collect())
    }

    fn switch(&mut self, plug: usize, to: Power, _by: Deadline) -> Result<Answer, Error> {
        self.events.push(format!("{to} {plug}"));
        self.answered();
        self.answers.pop_front().unwrap_or(Ok(Answer::Accepted))
    }

    fn diag(&mut self, _by: Deadline) -> Result<String, Error> {
        self.events.push("diag".into());
        Ok("interrupt acknowledged".into())
    }

    fn cycle(&mut self, plug: usize, _by: Deadline) -> Result<Answer, Error> {
        self.events.push(if self.plugs == 1 { "cycle".into() } else { format!("cycle {plug}") });
        self.answered();
        self.answers.pop_front().unwrap_or(Ok(Answer::Accepted))
    }

    fn power_mark(&mut self, _plug: usize, _by: Deadline) -> Result<Option<String>, Error> {
        self.events.push("mark".into());
        Ok(if self.marks.len() > 1 {
            self.marks.pop_front().unwrap()
        } else {
            self.marks.front().cloned().flatten()
        })
    }

    fn close(&mut self) {
        self.events.push("close".into());
    }
}

impl Describe for Scripted {}

fn times() -> Times {
    Times {
        delay: Duration::ZERO,
        power_wait: Duration::ZERO,
        power: Some(Duration::from_millis(300)),
        login: Some(Duration::from_millis(300)),
        shell: Some(Duration::from_millis(300)),
        pause: Pause::Growing(Duration::from_millis(50)),
        retry_on: 0,
        lifted: false,
        power_on: Some(Duration::from_millis(300)),
        unreached: Duration::from_millis(300),
        refused_watch: Duration::from_millis(60),
    }
}

fn job(action: Action, cycle: Cycle) -> Job {
    Job { action, plugs: vec!["1".into()], kind: Plugs::Many, cycle, proof: Proof::Reported }
}

/// Runs the engine; one that waits for ever ends the test program.
fn watched(device: &mut dyn Describe, job: &Job, times: &Times) -> Result<Outcome, Error> {
    let _watchdog = Watchdog::after(Duration::from_secs(300));
    engine::run(Supervised::alone(device), job, times)
}

fn run(device: &mut Scripted, action: Action) -> Result<Outcome, Error> {
    watched(device, &job(action, Cycle::Never), &times())
}

fn changing() -> State {
    State::Changing("PoweringOff".into())
}

fn unknown() -> State {
    State::Unknown("no value".into())
}

fn not_now() -> Result<Answer, Error> {
    Ok(Answer::NotInThisState("not in this state".into()))
}

fn login_denied() -> Error {
    Error::LoginDenied { address: "there".into(), why: "wrong password".into() }
}

fn silent() -> Error {
    Error::NoAnswer { address: "there".into(), step: "a look".into(), after: Duration::from_secs(1) }
}

const OFF: Outcome = Outcome::Reached { power: Power::Off, already: false };
const ALREADY_OFF: Outcome = Outcome::Reached { power: Power::Off, already: true };

#[test]
fn off_sends_its_command_and_looks_again_even_where_the_first_look_says_off() {
    let mut device = Scripted::new(1, [vec![State::Off]]);
    assert_eq!(run(&mut device, Action::Off), Ok(ALREADY_OFF));
    assert_eq!(device.events, ["look", "off 0", "look", "close"]);
}

#[test]
fn a_first_look_that_said_off_is_no_success_where_the_look_after_the_command_says_on() {
    let mut device = Scripted::new(1, [vec![State::Off], vec![State::On]]);
    assert!(matches!(run(&mut device, Action::Off), Err(Error::NotReached { .. })));
}

#[test]
fn only_the_explicit_off_ends_off_with_success() {
    for state in [State::On, changing(), unknown()] {
        let mut device = Scripted::new(1, [vec![state.clone()]]);
        let error = run(&mut device, Action::Off).unwrap_err();
        let Error::NotReached { wanted: Power::Off, last, .. } = &error else { panic!("{error:?}") };
        assert_eq!(last, &[("plug 0".to_owned(), state)]);
    }
}

#[test]
fn a_device_that_never_answers_a_look_is_never_off() {
    let mut device = Scripted::new(1, []).failing_looks([Err(silent())]);
    let error = run(&mut device, Action::Off).unwrap_err();
    let Error::NotReached { trouble: Some(trouble), .. } = error else { panic!("{error:?}") };
    assert_eq!(*trouble, silent());
}

#[test]
fn off_goes_out_whatever_the_first_look_said() {
    for first in [Ok(vec![changing()]), Ok(vec![unknown()]), Err(silent())] {
        let mut device = Scripted::new(1, []).failing_looks([first, Ok(vec![State::Off])]);
        assert_eq!(run(&mut device, Action::Off), Ok(OFF));
        assert_eq!(device.commands(), ["off 0", "close"]);
    }
}

#[test]
fn no_command_goes_to_a_plug_that_the_device_says_it_does_not_have() {
    for action in [Action::Off, Action::On] {
        let mut device = Scripted::new(2, [vec![State::On, State::NoSuchPlug]]);
        assert!(matches!(run(&mut device, action), Err(Error::NoSuchPlug { plug, .. }) if plug == "plug 1"));
        assert_eq!(device.commands(), ["close"]);
    }
}

#[test]
fn a_plug_that_vanishes_after_the_command_is_not_off() {
    for action in [Action::Off, Action::Reboot] {
        let mut device = Scripted::new(1, [vec![State::NoSuchPlug]]);
        device.looks.push_front(Ok(vec![State::On]));
        assert!(matches!(run(&mut device, action), Err(Error::NoSuchPlug { .. })));
    }
}

#[test]
fn several_plugs_are_off_only_when_one_look_shows_all_of_them_off() {
    let flapping =
        (0..200).map(|n| if n % 2 == 0 { vec![State::Off, State::On] } else { vec![State::On, State::Off] });
    let mut device = Scripted::new(2, flapping);
    assert!(matches!(run(&mut device, Action::Off), Err(Error::NotReached { .. })));

    let mut device = Scripted::new(2, [vec![State::On, State::Off], vec![State::Off, State::Off]]);
    assert_eq!(run(&mut device, Action::Off), Ok(OFF));
    assert_eq!(device.commands(), ["off 0", "off 1", "close"]);
}

#[test]
fn a_look_that_tells_of_fewer_plugs_than_asked_is_no_proof() {
    for states in [vec![], vec![State::Off]] {
        for action in [Action::Off, Action::Status] {
            let mut device = Scripted::new(2, [states.clone()]);
            assert!(run(&mut device, action).is_err(), "{states:?}");
        }
    }
}

#[test]
fn reboot_switches_nothing_on_before_one_look_shows_everything_off() {
    let mut device = Scripted::new(
        2,
        [
            vec![State::Off, State::On],
            vec![State::On, State::Off],
            vec![State::Off, State::Off],
            vec![State::On, State::On],
        ],
    );
    assert_eq!(run(&mut device, Action::Reboot), Ok(Outcome::Rebooted));
    assert_eq!(device.events, ["off 0", "off 1", "look", "look", "look", "on 0", "on 1", "look", "close"]);
}

#[test]
fn reboot_powers_nothing_on_that_was_not_seen_off() {
    let mut device = Scripted::new(1, [vec![State::On]]);
    assert!(run(&mut device, Action::Reboot).is_err());
    assert_eq!(device.commands(), ["off 0", "close"]);
}

#[test]
fn reboot_is_a_success_once_off_is_verified_even_where_powering_on_fails() {
    let mut device = Scripted::new(1, [vec![State::Off]]);
    assert_eq!(run(&mut device, Action::Reboot), Ok(Outcome::Rebooted));

    let refused = Err(Error::NoPrivilege { why: "no".into() });
    let mut device = Scripted::new(1, [vec![State::Off]]).answering([Ok(Answer::Accepted), refused]);
    assert_eq!(run(&mut device, Action::Reboot), Ok(Outcome::Rebooted));
}

#[test]
fn an_acknowledged_command_is_not_sent_again_while_its_effect_is_awaited() {
    let late = std::iter::repeat_n(vec![State::On], 5).chain([vec![State::Off]]);
    let mut device = Scripted::new(1, late);
    assert_eq!(run(&mut device, Action::Off), Ok(OFF));
    assert_eq!(device.commands(), ["off 0", "close"]);
}

#[test]
fn a_command_refused_in_the_present_state_is_decided_by_a_look() {
    let mut device = Scripted::new(1, [vec![State::Off]]).answering([not_now()]);
    assert_eq!(run(&mut device, Action::Off), Ok(ALREADY_OFF));
}

#[test]
fn a_command_refused_in_the_present_state_goes_out_again_after_a_second() {
    let long = Times { power: Some(Duration::from_secs(30)), ..times() };
    let mut device = Scripted::new(1, std::iter::repeat_n(vec![State::Off], 400)).answering([not_now()]);
    // The machine comes on only by the second command.
    struct OnAfterTwo(Scripted);
    impl Device for OnAfterTwo {
        fn connect(&mut self, by: Deadline) -> Result<(), Error> {
            self.0.connect(by)
        }
        fn plug_name(&self, plug: usize) -> String {
            self.0.plug_name(plug)
        }
        fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
            Ok(())
        }
        fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
            let on = self.0.events.iter().filter(|event| *event == "on 0").count() > 1;
            self.0.look(by).map(|seen| if on { vec![State::On.into()] } else { seen })
        }
        fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
            self.0.switch(plug, to, by)
        }
    }
    impl Describe for OnAfterTwo {}
    device.plugs = 1;
    let mut device = OnAfterTwo(device);
    let outcome = watched(&mut device, &job(Action::On, Cycle::Never), &long);
    assert_eq!(outcome, Ok(Outcome::Reached { power: Power::On, already: false }));
    assert_eq!(device.0.commands(), ["on 0", "on 0"]);
}

#[test]
fn a_definitive_refusal_ends_every_action_at_once() {
    for action in [Action::Off, Action::On, Action::Reboot] {
        let mut device = Scripted::new(1, [vec![State::On]]).answering([Err(login_denied())]);
        let lifted = Times { power: None, login: None, shell: None, lifted: true, ..times() };
        let outcome = watched(&mut device, &job(action, Cycle::Never), &lifted);
        assert_eq!(outcome, Err(login_denied()));
        assert_eq!(device.commands().len(), 2, "{:?}", device.events);
    }
    let mut device = Scripted::new(1, [vec![State::On]]).failing_looks([Err(login_denied())]);
    assert_eq!(run(&mut device, Action::Status), Err(login_denied()));
    assert_eq!(device.events, ["look", "close"]);
}

#[test]
fn passing_trouble_with_a_command_is_tried_again_until_it_is_acknowledged() {
    let mut device = Scripted::new(1, [vec![State::On], vec![State::Off]])
        .answering([Err(silent()), Ok(Answer::Accepted)]);
    assert_eq!(run(&mut device, Action::Off), Ok(OFF));
    assert_eq!(device.commands(), ["off 0", "off 0", "close"]);
}

#[test]
fn off_without_an_acknowledged_command_is_no_success_though_the_state_reads_off() {
    let mut device = Scripted::new(1, [vec![State::Off]]).answering(std::iter::repeat_n(Err(silent()), 100));
    assert_eq!(run(&mut device, Action::Off), Err(silent()));
}

#[test]
fn an_attempt_that_had_hardly_any_time_does_not_hide_what_those_before_it_found() {
    let late = || Error::TimeOver { what: "asking".into(), after: Duration::ZERO };
    let answers = std::iter::once(Err(silent())).chain(std::iter::repeat_n(Err(late()), 100));
    let mut device = Scripted::new(1, [vec![State::On]]).answering(answers);
    assert_eq!(run(&mut device, Action::Off), Err(silent()));
    let mut device = Scripted::new(1, [vec![State::On]]).answering([Err(late()), Err(login_denied())]);
    assert_eq!(run(&mut device, Action::Off), Err(login_denied()));
    let mut device = Scripted::new(1, [vec![State::On]]).answering(std::iter::repeat_n(Err(late()), 100));
    assert_eq!(run(&mut device, Action::Off), Err(late()));
}

#[test]
fn retry_on_counts_the_attempts_beyond_the_first() {
    for retry_on in [0, 1, 3] {
        for action in [Action::On, Action::Reboot] {
            let mut device = Scripted::new(1, [vec![State::Off]]);
            let times = Times { retry_on, power: Some(Duration::from_millis(30)), ..times() };
            let _ = watched(&mut device, &job(action, Cycle::Never), &times);
            let sent = device.events.iter().filter(|event| *event == "on 0").count();
            assert_eq!(sent as u32, retry_on + 1, "{action:?}");
        }
    }
}

#[test]
fn on_with_one_of_two_plugs_on_switches_both_and_waits_for_both() {
    let mut device = Scripted::new(2, [vec![State::On, State::Off], vec![State::On, State::On]]);
    assert_eq!(run(&mut device, Action::On), Ok(Outcome::Reached { power: Power::On, already: false }));
    assert_eq!(device.commands(), ["on 0", "on 1", "close"]);
}

#[test]
fn status_is_off_only_where_all_are_off_and_readable_states_between_count_as_on() {
    for (states, power) in [
        (vec![State::Off, State::Off], Power::Off),
        (vec![State::Off, State::On], Power::On),
        (vec![changing()], Power::On),
    ] {
        let mut device = Scripted::new(states.len(), [states]);
        assert_eq!(run(&mut device, Action::Status), Ok(Outcome::Status(power)));
    }
    for states in [vec![unknown()], vec![State::Off, unknown()], vec![State::NoSuchPlug]] {
        let mut device = Scripted::new(states.len(), [states.clone()]);
        assert!(run(&mut device, Action::Status).is_err(), "{states:?}");
    }
}

#[test]
fn monitor_is_content_with_a_machine_that_is_off_and_not_with_an_unknown_state() {
    assert_eq!(run(&mut Scripted::new(1, [vec![State::Off]]), Action::Monitor), Ok(Outcome::Fine));
    assert!(run(&mut Scripted::new(1, [vec![unknown()]]), Action::Monitor).is_err());
}

#[test]
fn a_reading_action_gives_up_on_a_closed_port_earlier_than_one_that_fences() {
    let refused = Error::Refused { address: "there".into() };
    let attempts = |action| {
        let mut device = Scripted::new(1, [vec![State::Off]]);
        device.connects = std::iter::repeat_n(Err(refused.clone()), 1000).collect();
        let times = Times { login: Some(Duration::from_millis(2500)), ..times() };
        let outcome = watched(&mut device, &job(action, Cycle::Never), &times);
        assert_eq!(outcome, Err(refused.clone()));
        1000 - device.connects.len()
    };
    let (reading, fencing) = (attempts(Action::Status), attempts(Action::Off));
    assert!(reading >= 2 && fencing > reading, "{reading} attempts to read, {fencing} to fence");
}

fn cycled(device: &mut Scripted, cycle: Cycle) -> Result<Outcome, Error> {
    watched(device, &job(Action::Reboot, cycle), &times())
}

#[test]
fn a_cycle_is_a_success_where_the_power_was_seen_off() {
    let mut device = Scripted::new(1, [vec![State::On], vec![State::Off], vec![State::On]]);
    assert_eq!(cycled(&mut device, Cycle::Proven), Ok(Outcome::Rebooted));
    assert_eq!(device.commands(), ["cycle", "close"]);
}

#[test]
fn a_cycle_is_a_success_where_the_record_of_the_last_power_change_differs_from_before() {
    let mut device = Scripted::new(1, [vec![State::On]]).marking(["a", "a", "b"]);
    assert_eq!(cycled(&mut device, Cycle::Proven), Ok(Outcome::Rebooted));
}

#[test]
fn a_cycle_that_is_only_acknowledged_is_a_failure_unless_that_was_allowed() {
    let mut device = Scripted::new(1, [vec![State::On]]).marking(["a"]);
    assert!(matches!(cycled(&mut device, Cycle::Proven), Err(Error::Unproven { .. })));
    let mut device = Scripted::new(1, [vec![State::On]]);
    assert_eq!(cycled(&mut device, Cycle::Unproven), Ok(Outcome::Rebooted));
    let mut device = Scripted::new(1, [vec![State::On], vec![unknown()]]);
    assert!(matches!(cycled(&mut device, Cycle::Unproven), Err(Error::Unproven { .. })));
}

#[test]
fn what_is_not_on_is_not_cycled_but_switched_off_and_on() {
    for first in [State::Off, changing(), unknown()] {
        let mut device = Scripted::new(1, [vec![first], vec![State::Off], vec![State::On]]);
        assert_eq!(cycled(&mut device, Cycle::Proven), Ok(Outcome::Rebooted));
        assert_eq!(device.commands(), ["off 0", "on 0", "close"]);
    }
}

#[test]
fn diag_reports_what_was_acknowledged_and_looks_at_nothing() {
    let mut device = Scripted::new(1, [vec![State::On]]);
    assert_eq!(run(&mut device, Action::Diag), Ok(Outcome::Interrupted("interrupt acknowledged".into())));
    assert_eq!(device.events, ["diag", "close"]);
}

#[test]
fn the_device_is_left_in_order_after_failures_too() {
    let mut device = Scripted::new(1, [vec![State::On]]);
    device.connects = [Err(login_denied())].into();
    assert_eq!(run(&mut device, Action::Off), Err(login_denied()));
    assert_eq!(device.events, ["close"]);
}

#[test]
fn a_reading_action_keeps_the_limits_it_is_given_and_one_of_its_own_where_there_is_none() {
    // The deadlines that the device is handed, as what is left of them.
    struct Asked(Vec<Option<Duration>>);
    impl Device for Asked {
        fn connect(&mut self, by: Deadline) -> Result<(), Error> {
            self.0.push(by.left());
            Ok(())
        }
        fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
            Ok(())
        }
        fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
            self.0.push(by.left());
            Ok(vec![State::Off.into()])
        }
        fn switch(&mut self, _plug: usize, _to: Power, by: Deadline) -> Result<Answer, Error> {
            self.0.push(by.left());
            Ok(Answer::Accepted)
        }
    }
    impl Describe for Asked {}
    let hour = Duration::from_secs(3600);
    let given = Times { login: Some(hour), shell: Some(hour), ..times() };
    let mut device = Asked(Vec::new());
    watched(&mut device, &job(Action::Status, Cycle::Never), &given).unwrap();
    assert!(device.0.iter().all(|left| left.is_some_and(|left| left > hour / 2)), "{:?}", device.0);
    let lifted = Times { login: None, shell: None, power: None, lifted: true, ..times() };
    let mut device = Asked(Vec::new());
    watched(&mut device, &job(Action::Monitor, Cycle::Never), &lifted).unwrap();
    assert!(device.0.iter().all(|left| left.is_some_and(|left| left < hour)), "{:?}", device.0);
    // What fences waits as long as the caller lets it, once its command is acknowledged: each attempt before is limited,
    // so that a device that is out of reach is given up.
    let mut device = Asked(Vec::new());
    watched(&mut device, &job(Action::Off, Cycle::Never), &lifted).unwrap();
    let limited: Vec<bool> = device.0.iter().map(Option::is_some).collect();
    assert_eq!(limited, [true, true, true, false], "{:?}", device.0);
}

fn who(serial: &str) -> Met {
    Met { who: Who::of(IdentityKind::Serial, serial), name: None }
}

fn called(name: &str) -> Met {
    Met { who: None, name: Some(name.into()) }
}

fn failed(passing: bool) -> Error {
    Error::Device { request: "off".into(), code: "internal error".into(), passing }
}

/// How often it was looked after the last command.
fn looks_after(device: &Scripted, command: &str) -> usize {
    device.events.iter().rev().take_while(|event| *event != command).filter(|event| *event == "look").count()
}

#[test]
fn a_state_that_another_device_tells_than_the_one_commanded_is_no_success() {
    // Resolved, looked at, commanded, looked at: whoever comes in where one of these is another.
    for stranger in 1..4 {
        for other in [who("B2"), Met::default()] {
            let met = (0..4).map(|at| if at == stranger { other.clone() } else { who("A1") });
            let met = met.chain([other.clone()]);
            let mut device = Scripted::new(1, [vec![State::Off]]).answered_by(met);
            let error = run(&mut device, Action::Off).unwrap_err();
            let found = match &error {
                Error::NotReached { trouble: Some(trouble), .. } => trouble.as_ref(),
                error => error,
            };
            assert!(matches!(found, Error::AnotherMachine { .. }), "{stranger}: {error:?}");
            if stranger == 1 {
                assert_eq!(device.commands(), ["close"]);
            }
        }
    }
}

#[test]
fn the_first_device_that_says_who_it_is_is_the_one_that_counts() {
    let met = [Met::default(), Met::default(), who("A1"), who("B2")];
    let mut device = Scripted::new(1, [vec![State::Off]]).answered_by(met);
    let error = run(&mut device, Action::Off).unwrap_err();
    assert!(matches!(error, Error::AnotherMachine { sent: true, .. }), "{error:?}");
    let mut device = Scripted::new(1, [vec![State::Off]]).answered_by([who("A1")]);
    assert_eq!(run(&mut device, Action::Off), Ok(ALREADY_OFF));
}

#[test]
fn a_device_that_says_again_who_it_is_counts_again() {
    let met = [who("A1"), who("A1"), who("A1"), Met::default(), who("A1")];
    let mut device = Scripted::new(1, [vec![State::On], vec![State::Off]]).answered_by(met);
    assert_eq!(run(&mut device, Action::Off), Ok(OFF));
    assert_eq!(looks_after(&device, "off 0"), 2);
}

#[test]
fn a_plug_that_bears_another_name_than_it_was_asked_for_by_is_no_such_plug() {
    for later in [called("b"), Met::default()] {
        let met = [called("a"), called("a"), called("a"), later];
        let mut device = Scripted::new(1, [vec![State::Off]]).answered_by(met);
        let error = run(&mut device, Action::Off).unwrap_err();
        assert!(matches!(error, Error::NoSuchPlug { .. }), "{error:?}");
    }
    let mut device = Scripted::new(1, [vec![State::Off]]).answered_by([called("a")]);
    assert_eq!(run(&mut device, Action::Off), Ok(ALREADY_OFF));
}

#[test]
fn what_is_off_is_off_though_the_device_refuses_to_switch_it_off() {
    for passing in [false, true] {
        let mut device =
            Scripted::new(1, [vec![State::Off]]).answering(std::iter::repeat_n(Err(failed(passing)), 1000));
        assert_eq!(run(&mut device, Action::Off), Ok(ALREADY_OFF), "passing: {passing}");
        assert!(device.events.iter().filter(|event| *event == "look").count() > 2, "{:?}", device.events);
        let sent = device.events.iter().filter(|event| *event == "off 0").count();
        assert!(if passing { sent < 5 } else { sent == 1 }, "{:?}", device.events);
    }
}

#[test]
fn a_refusal_while_the_machine_is_on_or_not_readably_off_is_the_end() {
    for state in [State::On, changing(), unknown()] {
        let mut device = Scripted::new(1, [vec![state]]).answering([Err(failed(false))]);
        assert_eq!(run(&mut device, Action::Off), Err(failed(false)));
        assert_eq!(looks_after(&device, "off 0"), 1);
    }
}

#[test]
fn one_look_in_which_a_refused_machine_is_not_off_outweighs_those_in_which_it_was() {
    let looks = [State::Off, State::Off, State::On, State::Off];
    let mut device = Scripted::new(1, looks.map(|state| vec![state])).answering([Err(failed(false))]);
    assert_eq!(run(&mut device, Action::Off), Err(failed(false)));
}

#[test]
fn a_refused_command_is_not_outweighed_by_one_plug_of_two() {
    let mut device =
        Scripted::new(2, [vec![State::Off, State::On]]).answering([Ok(Answer::Accepted), Err(failed(false))]);
    assert_eq!(run(&mut device, Action::Off), Err(failed(false)));
    // The one that took its command may need its time.
    let mut device = Scripted::new(2, [vec![State::On, State::Off], vec![State::Off, State::Off]])
        .answering([Ok(Answer::Accepted), Err(failed(false))]);
    assert_eq!(run(&mut device, Action::Off), Ok(ALREADY_OFF));
}

#[test]
fn a_refused_machine_whose_state_cannot_be_read_is_refused_for_good_after_a_while() {
    let lifted = Times { power: None, login: None, shell: None, lifted: true, ..times() };
    let mut device = Scripted::new(1, []).failing_looks([Err(silent())]).answering([Err(failed(false))]);
    let outcome = watched(&mut device, &job(Action::Off, Cycle::Never), &lifted);
    assert_eq!(outcome, Err(failed(false)));
}

#[test]
fn one_failed_attempt_at_a_command_is_forgotten_once_it_is_acknowledged() {
    let mut device = Scripted::new(1, [vec![State::On]]).answering([Err(failed(true))]);
    let error = run(&mut device, Action::Off).unwrap_err();
    assert!(matches!(error, Error::NotReached { .. }), "{error:?}");
    assert_eq!(device.commands(), ["off 0", "off 0", "close"]);
}

#[test]
fn a_failed_login_is_never_outweighed_by_a_state() {
    let mut device = Scripted::new(1, [vec![State::Off]]).answering([Err(login_denied())]);
    assert_eq!(run(&mut device, Action::Off), Err(login_denied()));
}

#[test]
fn a_device_out_of_reach_is_given_up_where_the_caller_keeps_the_time() {
    let lifted = Times { power: None, login: None, shell: None, lifted: true, ..times() };
    let refused = Error::Refused { address: "there".into() };
    let (plug, first) = ("plug 0".into(), "A1".into());
    let stranger = Error::AnotherMachine { plug, first, now: Some("B2".into()), sent: false };
    for error in [silent(), refused, stranger] {
        let mut device = Scripted::new(1, [vec![State::On]]);
        device.connects = std::iter::repeat_n(Err(error.clone()), 1000).collect();
        let outcome = watched(&mut device, &job(Action::Off, Cycle::Never), &lifted);
        assert_eq!(outcome, Err(error.clone()));
        let mut device =
            Scripted::new(1, [vec![State::On]]).answering(std::iter::repeat_n(Err(error.clone()), 1000));
        let outcome = watched(&mut device, &job(Action::Off, Cycle::Never), &lifted);
        assert_eq!(outcome, Err(error));
    }
}

#[test]
fn a_device_that_falls_silent_after_it_acknowledged_is_waited_for_where_the_caller_keeps_the_time() {
    let lifted = Times { power: None, unreached: Duration::from_millis(1), ..times() };
    let lifted = Times { login: None, shell: None, lifted: true, ..lifted };
    let silence = std::iter::repeat_n(Err(silent()), 12);
    let mut device = Scripted::new(1, [])
        .failing_looks([Ok(vec![State::On])].into_iter().chain(silence).chain([Ok(vec![State::Off])]));
    let outcome = watched(&mut device, &job(Action::Off, Cycle::Never), &lifted);
    assert_eq!(outcome, Ok(OFF));
}

#[test]
fn a_reboot_whose_off_is_verified_waits_for_on_no_longer_than_the_user_allows() {
    let lifted = Times { power: None, login: None, shell: None, lifted: true, retry_on: 1, ..times() };
    let mut device = Scripted::new(1, [vec![State::Off]]);
    let outcome = watched(&mut device, &job(Action::Reboot, Cycle::Never), &lifted);
    assert_eq!(outcome, Ok(Outcome::Rebooted));
    assert_eq!(device.commands(), ["off 0", "on 0", "on 0", "close"]);
}

#[test]
fn a_power_cycle_without_an_answer_is_not_sent_again_once_the_power_went() {
    let long = Times { power: Some(Duration::from_secs(30)), ..times() };
    let cycled = |device: &mut Scripted| watched(device, &job(Action::Reboot, Cycle::Proven), &long);
    // Off was seen.
    let mut device = Scripted::new(1, [vec![State::On], vec![State::Off], vec![State::On]])
        .marking(["same"])
        .answering([Err(silent())]);
    assert_eq!(cycled(&mut device), Ok(Outcome::Rebooted));
    assert_eq!(device.commands(), ["cycle", "close"]);
    // The device remembers it.
    let mut device =
        Scripted::new(1, [vec![State::On]]).marking(["before", "after"]).answering([Err(silent())]);
    assert_eq!(cycled(&mut device), Ok(Outcome::Rebooted));
    assert_eq!(device.commands(), ["cycle", "close"]);
}

#[test]
fn several_plugs_are_switched_off_and_on_where_one_would_be_cycled() {
    let both = |state: State| vec![state.clone(), state];
    let mut device = Scripted::new(2, [both(State::On), both(State::Off), both(State::On)]);
    assert_eq!(cycled(&mut device, Cycle::Proven), Ok(Outcome::Rebooted));
    assert_eq!(device.commands()[..2], ["off 0", "off 1"]);
    assert!(!device.commands().iter().any(|command| command.starts_with("cycle")));
}

#[test]
fn a_power_cycle_that_was_lost_is_sent_again() {
    let long = Times { power: Some(Duration::from_secs(30)), ..times() };
    let on = std::iter::repeat_n(vec![State::On], 400);
    let mut device = Scripted::new(1, on).marking(["same"]).answering([Err(silent())]);
    struct OffAfterTwo(Scripted);
    impl Device for OffAfterTwo {
        fn connect(&mut self, by: Deadline) -> Result<(), Error> {
            self.0.connect(by)
        }
        fn plug_name(&self, plug: usize) -> String {
            self.0.plug_name(plug)
        }
        fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
            Ok(())
        }
        fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
            let cycles = self.0.events.iter().filter(|event| *event == "cycle").count();
            let seen = self.0.look(by);
            let after = self.0.events.iter().rev().take_while(|event| *event != "cycle").count();
            if cycles == 2 && after < 3 { Ok(vec![State::Off.into()]) } else { seen }
        }
        fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
            self.0.switch(plug, to, by)
        }
        fn cycle(&mut self, plug: usize, by: Deadline) -> Result<Answer, Error> {
            self.0.cycle(plug, by)
        }
    }
    impl Describe for OffAfterTwo {}
    device.plugs = 1;
    let mut device = OffAfterTwo(device);
    let outcome = watched(&mut device, &job(Action::Reboot, Cycle::Proven), &long);
    assert_eq!(outcome, Ok(Outcome::Rebooted));
    assert_eq!(device.0.commands(), ["cycle", "cycle"]);
}

#[test]
fn only_what_the_device_reports_can_have_been_so_already_and_an_acknowledgement_is_never_off() {
    for proof in [Proof::Witnessed, Proof::Elapsed, Proof::Confirmed] {
        let mut device = Scripted::new(1, [vec![State::Off]]);
        let job = Job { proof, ..job(Action::Off, Cycle::Never) };
        assert_eq!(watched(&mut device, &job, &times()), Ok(OFF), "{proof}");
    }
    for action in [Action::Off, Action::Reboot] {
        let mut device = Scripted::new(1, [vec![State::Off]]);
        let job = Job { proof: Proof::Acknowledged, ..job(action, Cycle::Never) };
        let error = watched(&mut device, &job, &times()).unwrap_err();
        assert!(matches!(error, Error::Unproven { .. }), "{error:?}");
        assert_eq!(device.commands(), ["close"]);
    }
}

#[test]
fn a_device_that_says_who_it_is_only_after_it_was_commanded_is_not_the_one_that_was() {
    for answer in [Ok(Answer::Accepted), not_now(), Err(failed(false))] {
        // Resolved, looked at and commanded without a name; then somebody has one, and is off.
        let met = [Met::default(), Met::default(), Met::default(), who("B2")];
        let mut device = Scripted::new(1, [vec![State::On], vec![State::Off]])
            .answered_by(met)
            .answering([answer.clone()]);
        let error = run(&mut device, Action::Off).unwrap_err();
        assert!(matches!(error, Error::AnotherMachine { sent: true, .. }), "{answer:?}: {error:?}");
        assert_eq!(device.commands(), ["off 0", "close"]);
    }
    // What is told with the acknowledgement counts.
    let met = [Met::default(), Met::default(), who("A1"), who("A1")];
    let mut device = Scripted::new(1, [vec![State::On], vec![State::Off]]).answered_by(met);
    assert_eq!(run(&mut device, Action::Off), Ok(OFF));
}

#[test]
fn the_time_in_which_a_refused_machine_is_off_begins_anew_whenever_it_was_not() {
    let watch = Duration::from_millis(200);
    let long = Times { power: Some(Duration::from_secs(30)), refused_watch: watch, ..times() };
    // Refused for longer than the watch while it is on; then off, as a controller says that has just restarted.
    struct OnFirst(Scripted, std::time::Instant, Option<std::time::Instant>);
    impl Device for OnFirst {
        fn connect(&mut self, by: Deadline) -> Result<(), Error> {
            self.0.connect(by)
        }
        fn plug_name(&self, plug: usize) -> String {
            self.0.plug_name(plug)
        }
        fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
            Ok(())
        }
        fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
            if self.1.elapsed() < Duration::from_millis(900) {
                return Ok(vec![State::On.into()]);
            }
            self.2.get_or_insert_with(std::time::Instant::now);
            Ok(vec![State::Off.into()])
        }
        fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
            self.0.switch(plug, to, by)
        }
    }
    impl Describe for OnFirst {}
    let scripted = Scripted::new(1, []).answering(std::iter::repeat_n(Err(failed(true)), 1000));
    let mut device = OnFirst(scripted, std::time::Instant::now(), None);
    assert_eq!(watched(&mut device, &job(Action::Off, Cycle::Never), &long), Ok(ALREADY_OFF));
    assert!(device.2.unwrap().elapsed() >= watch * 2);
}

#[test]
fn a_power_cycle_that_a_busy_device_may_have_carried_out_is_looked_for_before_it_is_sent_again() {
    let long = Times { power: Some(Duration::from_secs(30)), ..times() };
    let busy = Error::Busy { why: "gateway timeout".into() };
    for error in [busy, failed(true)] {
        let mut device =
            Scripted::new(1, [vec![State::On]]).marking(["before", "after"]).answering([Err(error)]);
        let outcome = watched(&mut device, &job(Action::Reboot, Cycle::Proven), &long);
        assert_eq!(outcome, Ok(Outcome::Rebooted));
        assert_eq!(device.commands(), ["cycle", "close"]);
    }
}

#[test]
fn a_power_cycle_whose_effect_can_not_be_looked_for_is_not_sent_again() {
    let mut device =
        Scripted::new(1, []).failing_looks([Ok(vec![State::On]), Err(silent())]).answering([Err(silent())]);
    let outcome = watched(&mut device, &job(Action::Reboot, Cycle::Proven), &times());
    assert_eq!(outcome, Err(silent()));
    assert_eq!(device.commands(), ["cycle", "close"]);
}

#[test]
fn a_cycle_with_evidence_waits_for_on_no_longer_than_the_user_allows() {
    let lifted = Times { power: None, login: None, shell: None, lifted: true, ..times() };
    let mut device = Scripted::new(1, [vec![State::On], vec![State::Off]]);
    let outcome = watched(&mut device, &job(Action::Reboot, Cycle::Proven), &lifted);
    assert_eq!(outcome, Ok(Outcome::Rebooted));
}

#[test]
fn finding_the_plugs_may_take_long_where_every_request_is_answered() {
    struct Asked(Option<Option<Duration>>);
    impl Device for Asked {
        fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
            Ok(())
        }
        fn resolve(&mut self, _names: &[String], by: Deadline) -> Result<(), Error> {
            self.0 = Some(by.left());
            Ok(())
        }
        fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
            Ok(vec![State::Off.into()])
        }
        fn switch(&mut self, _plug: usize, _to: Power, _by: Deadline) -> Result<Answer, Error> {
            Ok(Answer::Accepted)
        }
    }
    impl Describe for Asked {}
    let lifted = Times { power: None, login: None, shell: None, lifted: true, ..times() };
    let mut device = Asked(None);
    watched(&mut device, &job(Action::Off, Cycle::Never), &lifted).unwrap();
    assert_eq!(device.0, Some(None));
}

#[test]
fn a_cycle_after_which_nothing_can_be_read_is_a_failure_although_one_without_evidence_was_allowed() {
    let mut device = Scripted::new(1, []).failing_looks([Ok(vec![State::On]), Err(silent())]).marking(["a"]);
    assert!(cycled(&mut device, Cycle::Unproven).is_err());
}

#[test]
fn a_record_of_the_last_power_change_that_is_gone_proves_no_cycle() {
    let mut device = Scripted::new(1, [vec![State::On]]);
    device.marks = [Some("a".to_owned()), None].into();
    assert!(cycled(&mut device, Cycle::Proven).is_err());
}

#[test]
fn a_device_that_acknowledged_one_command_is_waited_for_with_the_next_where_the_caller_keeps_the_time() {
    let lifted = Times { power: None, unreached: Duration::from_millis(1), ..times() };
    let lifted = Times { login: None, shell: None, lifted: true, ..lifted };
    let mut device = Scripted::new(2, [vec![State::On, State::On], vec![State::Off, State::Off]])
        .answering([Ok(Answer::Accepted), Err(silent()), Err(silent()), Err(silent())]);
    assert_eq!(watched(&mut device, &job(Action::Off, Cycle::Never), &lifted), Ok(OFF));
    assert_eq!(device.commands(), ["off 0", "off 1", "off 1", "off 1", "off 1", "close"]);
}

#[test]
fn where_there_is_no_plug_there_is_no_state_either() {
    for action in [Action::Status, Action::Off, Action::Reboot] {
        let mut device = Scripted::new(0, [vec![]]);
        let error = run(&mut device, action).unwrap_err();
        assert!(
            matches!(error, Error::Unexpected { .. } | Error::NotReached { .. }),
            "{action:?}: {error:?}"
        );
    }
}
