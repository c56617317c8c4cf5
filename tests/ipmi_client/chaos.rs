//! Whatever goes wrong, in whatever order: the state is right, or there is an error.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fence_agents::base::Deadline;
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::{AuthType, Config, Session};
use peers::bmc::{Fault, Lie, SUITES, Settings, Step, auth_type};
use peers::faults::Dice;
use peers::relay::{Direction, Fate};
use peers::{Bmc, Relay};

use crate::common::{config, through, v20};

/// The variable that, set to the seed that a failure printed, repeats that run as far as the timing lets it.
const SEED: &str = "IPMI_CHAOS_SEED";

/// How many sessions are tried.
const SESSIONS: u32 = 150;

fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = std::env::var(SEED).map_or(u64::from(now), |text| text.parse().expect(SEED));
    println!("{SEED}={seed}");
    seed
}

const STEPS: [Step; 11] = [
    Step::Any,
    Step::AuthCapabilities,
    Step::Challenge,
    Step::Activate,
    Step::OpenSession,
    Step::Rakp1,
    Step::Rakp3,
    Step::SetPrivilege,
    Step::ChassisStatus,
    Step::ChassisControl,
    Step::CloseSession,
];

/// Without the number of the answer before: where that one was lost on the way, its number is as good as new. A wrong
/// checksum is no flaw where a code covers the message.
fn lies(covered: bool) -> Vec<Lie> {
    let mut none = vec![Lie::OtherResponder, Lie::RepeatedSequence];
    none.extend(covered.then_some(Lie::Checksum));
    Lie::all_but(&none)
}

fn fault(dice: &mut Dice, covered: bool) -> Fault {
    let lie = *dice.pick(&lies(covered));
    match dice.below(12) {
        0 => Fault::RequestLost,
        1 => Fault::AnswerLost,
        2 => Fault::Refuse(*dice.pick(&[0x01, 0x0A, 0x0D, 0x0F, 0x81, 0xC0, 0xC1, 0xCF, 0xD4, 0xFF])),
        3 => Fault::Late(Duration::from_millis(*dice.pick(&[2, 8, 16, 40]))),
        4 => Fault::Twice,
        5 => Fault::ForgetSessions,
        6 => Fault::OfferSuite(dice.pick(&SUITES).id),
        7 => Fault::SkipSequence(*dice.pick(&[1, 32, 33, 5000])),
        8 | 9 => Fault::Before(lie),
        10 => Fault::After(lie),
        _ => Fault::Instead(lie),
    }
}

/// What a bad network does: changes, cuts, repeats what was sent long ago. Only sessions whose packets are
/// authenticated can stand that.
fn bad_network(mut dice: Dice) -> impl FnMut(Direction, &[u8]) -> Fate {
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    move |direction, bytes| {
        if direction == Direction::ToAgent {
            earlier.push(bytes.to_vec());
        }
        match (dice.below(20), direction) {
            (0, _) => Fate::Lose,
            (1, _) => Fate::Twice,
            // Not towards the BMC: a command carried out late would race with the test.
            (2, Direction::ToAgent) => Fate::Late(Duration::from_millis(5)),
            (3, Direction::ToAgent) => {
                let (mut bytes, at) = (bytes.to_vec(), dice.below(bytes.len()));
                bytes[at] ^= 1 << dice.below(8);
                Fate::Instead(vec![bytes])
            }
            (4, Direction::ToAgent) => Fate::Instead(vec![bytes[..dice.below(bytes.len())].to_vec()]),
            (5 | 6, Direction::ToAgent) => {
                Fate::Instead(vec![dice.pick(&earlier).clone(), bytes.to_vec(), dice.pick(&earlier).clone()])
            }
            _ => Fate::Pass,
        }
    }
}

/// Counts of what went right and what failed. Every answer is compared with the truth.
fn torment(bmc: &Bmc, config: &Config, dice: &mut Dice) -> (u32, u32) {
    let deadline = Deadline::after(Duration::from_millis(120));
    let Ok(mut session) = Session::open(config, deadline) else { return (0, 1) };
    assert!(config.cipher.is_none_or(|asked| session.cipher_suite() == Some(asked)));
    let (mut right, mut errors) = (0, 0);
    for _ in 0..6 {
        bmc.set_power(dice.below(2) == 0);
        let worked = if dice.below(3) == 0 {
            let (control, code, on) =
                *dice.pick(&[(ChassisControl::PowerUp, 1, true), (ChassisControl::PowerDown, 0, false)]);
            let sent = session.send(&control, deadline).is_ok();
            assert!(!sent || bmc.controls().last() == Some(&code) && bmc.power() == on);
            sent
        } else {
            match session.send(&GetChassisStatus, deadline) {
                Ok(status) => {
                    assert_eq!(status.power_on, bmc.power());
                    true
                }
                Err(_) => false,
            }
        };
        if worked {
            right += 1;
        } else {
            errors += 1;
        }
    }
    (right, errors)
}

fn attempt(config: Config) -> Config {
    Config { attempt: Duration::from_millis(12), attempts: 4, ..config }
}

#[test]
fn no_mixture_of_faults_and_lies_yields_a_wrong_state() {
    let seed = seed();
    let auths = [(AuthType::None, auth_type::NONE), (AuthType::Md5, auth_type::MD5), (AuthType::Password, 4)];
    let (mut right, mut errors) = (0, 0);
    for number in 0..SESSIONS {
        // Each has dice of its own, so that what the timing does to one session leaves the next as it was.
        let mut dice = Dice::of(seed, number.into());
        let (auth, auth_number) = *dice.pick(&auths);
        let suite = *dice.pick(&SUITES);
        let v15 = dice.below(4) == 0;
        let covered = if v15 { auth == AuthType::Md5 } else { suite.integrity != 0 };
        let suite = suite.id;
        let settings = if v15 { Settings::only_v15(auth_number) } else { Settings::only_suite(suite) };
        let rules = (0..=dice.below(4)).map(|_| {
            let rule = fault(&mut dice, covered).at(*dice.pick(&STEPS)).after(dice.below(4));
            if dice.below(2) == 0 { rule.times(1 + dice.below(3)) } else { rule }
        });
        let bmc = Bmc::start(Settings { rules: rules.collect(), ..settings });
        let config = if v15 { Config { auth: Some(auth), ..config(&bmc) } } else { v20(&bmc, suite) };
        let (well, badly) = torment(&bmc, &attempt(config), &mut dice);
        (right, errors) = (right + well, errors + badly);
    }
    println!("{right} right, {errors} errors");
    assert!(right > SESSIONS && errors > SESSIONS / 10, "{right} right, {errors} errors");
}

#[test]
fn no_bad_network_yields_a_wrong_state_either() {
    let seed = seed();
    let (mut right, mut errors) = (0, 0);
    let protected: Vec<u8> =
        SUITES.iter().filter(|suite| suite.integrity != 0).map(|suite| suite.id).collect();
    for (number, suite) in (0..).zip(protected.into_iter().map(Some).chain([None])) {
        let mut dice = Dice::of(seed, number);
        let bmc = Bmc::start(match suite {
            Some(id) => Settings { session_slots: 100, ..Settings::only_suite(id) },
            None => Settings { session_slots: 100, ..Settings::only_v15(auth_type::MD5) },
        });
        let mut rule = bad_network(Dice::of(!seed >> 32, number));
        let relay =
            Relay::builder(bmc.address()).rule(move |packet| rule(packet.direction, packet.bytes)).start();
        let config = match suite {
            Some(id) => v20(&bmc, id),
            None => Config { auth: Some(AuthType::Md5), ..config(&bmc) },
        };
        for _ in 0..10 {
            let (well, badly) = torment(&bmc, &attempt(through(&relay, config.clone())), &mut dice);
            (right, errors) = (right + well, errors + badly);
        }
    }
    println!("{right} right, {errors} errors");
    assert!(right > 100, "{right} right, {errors} errors");
}
