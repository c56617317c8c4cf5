//! A BMC that answers with the opposite of the truth, each time with one flaw by which it can be told, before,
//! after and instead of the true answer, at every step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus, GetSystemRestartCause};
use fence_agents::protocols::ipmi::device::{GetDeviceId, GetSystemGuid};
use fence_agents::protocols::ipmi::{AuthType, Config, Denial, Error, Session};
use peers::Bmc;
use peers::bmc::{Bridging, Fault, Lie, Rule, Settings, Step, auth_type};

use crate::common::{config, soon, v20};

/// A wrong responder address is no flaw by which an answer can be told, and under a code over all of it neither is a
/// wrong checksum: see `a_bridged_answer_is_not_forged_either`.
fn lies() -> Vec<Lie> {
    Lie::all_but(&[Lie::OtherResponder, Lie::Checksum])
}

/// The steps of [`walk`], in their order.
const STEPS_OF_V20: [Step; 3] = [Step::OpenSession, Step::Rakp1, Step::Rakp3];
const STEPS_OF_V15: [Step; 3] = [Step::AuthCapabilities, Step::Challenge, Step::Activate];
const STEPS: [Step; 7] = [
    Step::SetPrivilege,
    Step::DeviceId,
    Step::SystemGuid,
    Step::RestartCause,
    Step::ChassisStatus,
    Step::ChassisControl,
    Step::CloseSession,
];

/// The number of the answer to Activate Session may come twice: OpenIPMI's simulator, too, begins with it again.
const UNTOLD: (Kind, Step, Lie) = (Kind::Md5, Step::SetPrivilege, Lie::RepeatedSequence);

/// A protected kind of session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Suite(u8),
    Md5,
}

impl Kind {
    fn settings(self) -> Settings {
        let settings = match self {
            Kind::Suite(id) => Settings::only_suite(id),
            Kind::Md5 => Settings::only_v15(auth_type::MD5),
        };
        // Some lies make the client begin again, and leave a session behind.
        Settings { session_slots: 1000, ..settings }
    }

    fn config(self, bmc: &Bmc) -> Config {
        let config = match self {
            Kind::Suite(id) => v20(bmc, id),
            Kind::Md5 => Config { auth: Some(AuthType::Md5), ..config(bmc) },
        };
        // A lie in the place of an answer costs one wait; a machine that is slow for a moment, a few more.
        Config { attempt: Duration::from_millis(8), attempts: 200, ..config }
    }

    fn steps(self) -> Vec<Step> {
        let handshake = if self == Kind::Md5 { STEPS_OF_V15 } else { STEPS_OF_V20 };
        handshake.into_iter().chain(STEPS).collect()
    }
}

/// A BMC, and how many answers it has made of more than one datagram.
fn start(settings: Settings) -> (Bmc, Arc<AtomicUsize>) {
    let several = Arc::new(AtomicUsize::new(0));
    let count = several.clone();
    let hook = move |_, drafts: &mut Vec<_>| {
        if drafts.len() > 1 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    (Bmc::start(Settings { hook: Some(Box::new(hook)), ..settings }), several)
}

/// Goes through a session with every command there is. What the client believes is compared with the truth on
/// the way; what it could not do is the error.
fn walk(bmc: &Bmc, config: &Config) -> Result<(), Error> {
    bmc.set_power(true);
    let mut session = Session::open(config, soon())?;
    assert_eq!(session.send(&GetDeviceId, soon())?.manufacturer, 0x1291);
    assert_eq!(session.send(&GetSystemGuid, soon())?, *b"a peer for tests");
    session.send(&GetSystemRestartCause, soon())?;
    for control in [ChassisControl::PowerUp, ChassisControl::PowerDown, ChassisControl::PowerUp] {
        session.send(&control, soon())?;
        assert_eq!(bmc.power(), control == ChassisControl::PowerUp);
        assert_eq!(session.send(&GetChassisStatus, soon())?.power_on, bmc.power());
    }
    session.close();
    Ok(())
}

fn with(bmc: &Bmc, rules: Vec<Rule>) {
    bmc.forget_sessions();
    bmc.change(|settings| settings.rules = rules);
}

/// What an error may say when the answer at this step is replaced by this lie once; `None` where the client has
/// no reason to give up.
fn why_not(step: Step, lie: Lie) -> Option<Error> {
    match (step, lie) {
        // A code that does not fit the password is what a wrong password looks like.
        (Step::Rakp1, Lie::HandshakeCode) => Some(Error::LoginDenied { why: Denial::WrongPassword }),
        (Step::Rakp3, Lie::HandshakeCode) => Some(Error::LoginDenied { why: Denial::WrongKg }),
        // A BMC may refuse the activation without authentication, and then nothing else follows.
        (
            Step::Activate,
            Lie::Plain | Lie::PlainV15 | Lie::OutsideSession | Lie::StaleSequence | Lie::RepeatedSequence,
        ) => Some(Error::Completion { command: "Activate Session", code: 0xC1, words: "unknown command" }),
        _ => None,
    }
}

/// `pairs` is how many pairs of step and lie there are, so that none falls away unnoticed.
fn no_lie_is_believed(kind: Kind, pairs: usize) {
    let (bmc, several) = start(kind.settings());
    let config = kind.config(&bmc);
    let mut told = 0;
    for step in kind.steps() {
        for lie in lies() {
            if (kind, step, lie) == UNTOLD {
                continue;
            }
            with(&bmc, vec![Fault::Before(lie).at(step)]);
            several.store(0, Ordering::SeqCst);
            walk(&bmc, &config).unwrap_or_else(|error| panic!("{lie:?} before {step:?}: {error}"));
            peers::until(Duration::from_secs(5), || bmc.open_sessions() == 0);
            if several.load(Ordering::SeqCst) == 0 {
                continue;
            }
            told += 1;
            with(&bmc, vec![Fault::After(lie).at(step)]);
            walk(&bmc, &config).unwrap_or_else(|error| panic!("{lie:?} after {step:?}: {error}"));
            with(&bmc, vec![Fault::Instead(lie).at(step).times(1)]);
            assert_eq!(walk(&bmc, &config).err(), why_not(step, lie), "{lie:?} instead of {step:?}");
        }
    }
    assert_eq!(told, pairs);
}

#[test]
fn no_lie_is_believed_under_suite_3() {
    no_lie_is_believed(Kind::Suite(3), 105);
}

#[test]
fn no_lie_is_believed_under_suite_8() {
    no_lie_is_believed(Kind::Suite(8), 105);
}

#[test]
fn no_lie_is_believed_under_suite_12() {
    no_lie_is_believed(Kind::Suite(12), 105);
}

#[test]
fn no_lie_is_believed_under_suite_17() {
    no_lie_is_believed(Kind::Suite(17), 105);
}

#[test]
fn no_lie_is_believed_in_an_md5_session() {
    no_lie_is_believed(Kind::Md5, 105);
}

/// Refused in truth; the lie says that it was done.
#[test]
fn a_refused_command_is_not_taken_for_done() {
    for kind in [Kind::Suite(3), Kind::Suite(8), Kind::Suite(12), Kind::Suite(17), Kind::Md5] {
        let (bmc, several) = start(kind.settings());
        let config = kind.config(&bmc);
        for lie in lies() {
            let step = Step::ChassisControl;
            with(&bmc, vec![Fault::Refuse(0xC0).at(step), Fault::Before(lie).at(step)]);
            let mut session = Session::open(&config, soon()).unwrap();
            let error = session.send(&ChassisControl::PowerDown, soon()).unwrap_err();
            assert_eq!(error.completion(), Some(0xC0), "{kind:?} {lie:?}");
            assert!(error.is_transient() && bmc.power());
        }
        assert_eq!(several.load(Ordering::SeqCst), if kind == Kind::Md5 { 12 } else { 13 }, "{kind:?}");
    }
}

/// Nothing but lies: nobody has answered.
#[test]
fn a_bmc_that_only_lies_is_silent() {
    let plain = [Lie::Plain, Lie::PlainV15, Lie::OutsideSession, Lie::Code, Lie::StaleSequence];
    for kind in [Kind::Suite(3), Kind::Suite(8), Kind::Suite(12), Kind::Suite(17), Kind::Md5] {
        let (bmc, _) = start(kind.settings());
        for lie in plain.into_iter().chain([Lie::OtherRequest, Lie::OtherSession]) {
            with(&bmc, vec![Fault::Instead(lie).at(Step::ChassisStatus)]);
            let mut session = Session::open(&kind.config(&bmc), soon()).unwrap();
            let limit = Deadline::after(Duration::from_millis(40));
            let error = session.send(&GetChassisStatus, limit).unwrap_err();
            assert!(matches!(error, Error::Silent { .. }) && error.is_lost(), "{kind:?} {lie:?}: {error:?}");
        }
    }
}

#[test]
fn a_bridged_answer_is_not_forged_either() {
    for (kind, bridging) in [
        (Kind::Suite(3), Bridging::Separate),
        (Kind::Suite(17), Bridging::Inside),
        (Kind::Md5, Bridging::Separate),
        (Kind::Md5, Bridging::Inside),
    ] {
        let (bmc, _) = start(Settings { targets: vec![0x82], bridging, ..kind.settings() });
        let config = Config { target: Some(0x82), ..kind.config(&bmc) };
        // On the bus there are others who could answer, and nothing but the checksums covers what they say; inside the
        // BMC's own answer there is nobody else.
        let stranger = (bridging == Bridging::Separate).then_some(Lie::OtherResponder);
        for lie in lies().into_iter().chain([Lie::Checksum]).chain(stranger) {
            for fault in [Fault::Before(lie), Fault::After(lie), Fault::Instead(lie)] {
                let times = if matches!(fault, Fault::Instead(_)) { 1 } else { usize::MAX };
                with(&bmc, vec![fault.at(Step::SendMessage).times(times)]);
                let mut session = Session::open(&config, soon()).unwrap();
                for control in [ChassisControl::PowerDown, ChassisControl::PowerUp] {
                    session.send(&control, soon()).unwrap_or_else(|error| panic!("{lie:?}: {error}"));
                    let on = session.send(&GetChassisStatus, soon()).unwrap().power_on;
                    assert_eq!(on, control == ChassisControl::PowerUp, "{kind:?} {lie:?}");
                    assert_eq!(bmc.target_power(0x82), on);
                }
            }
        }
        assert!(bmc.controls().len() >= 96 && bmc.power());
    }
}
