//! Whatever goes wrong, in whatever order: the state is right, or there is an error.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fence_agents::base::Deadline;
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::{AuthType, Config, Session};
use peers::bmc::{Fault, Lie, SUITES, Settings, Step, auth_type};
use peers::relay::{Direction, Fate};
use peers::{Bmc, Relay};

use crate::common::{config, through, v20};

/// The variable that, set to the seed that a failure printed, repeats that run as far as the timing lets it.
const SEED: &str = "IPMI_CHAOS_SEED";

/// How many sessions are tried.
const SESSIONS: u32 = 150;

/// A small generator (xorshift).
struct Random(u64);

impl Random {
    /// One for each number, so that what the timing does to one session leaves the next as it was.
    fn of(seed: u64, number: u64) -> Random {
        Random((seed + (number << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

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

/// Without the number of the answer before: where that one was lost on the way, its number is as good as new.
fn lies() -> Vec<Lie> {
    Lie::all_but(&[Lie::OtherResponder, Lie::RepeatedSequence])
}

fn fault(random: &mut Random) -> Fault {
    let lie = random.one_of(&lies());
    match random.below(12) {
        0 => Fault::RequestLost,
        1 => Fault::AnswerLost,
        2 => Fault::Refuse(random.one_of(&[0x01, 0x0A, 0x0D, 0x0F, 0x81, 0xC0, 0xC1, 0xCF, 0xD4, 0xFF])),
        3 => Fault::Late(Duration::from_millis(random.one_of(&[2, 8, 16, 40]))),
        4 => Fault::Twice,
        5 => Fault::ForgetSessions,
        6 => Fault::OfferSuite(random.one_of(&SUITES).id),
        7 => Fault::SkipSequence(random.one_of(&[1, 32, 33, 5000])),
        8 | 9 => Fault::Before(lie),
        10 => Fault::After(lie),
        _ => Fault::Instead(lie),
    }
}

/// What a bad network does: changes, cuts, repeats what was sent long ago. Only sessions whose packets are
/// authenticated can stand that.
fn bad_network(mut random: Random) -> impl FnMut(Direction, &[u8]) -> Fate {
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    move |direction, bytes| {
        if direction == Direction::ToAgent {
            earlier.push(bytes.to_vec());
        }
        match (random.below(20), direction) {
            (0, _) => Fate::Lose,
            (1, _) => Fate::Twice,
            // Not towards the BMC: a command carried out late would race with the test.
            (2, Direction::ToAgent) => Fate::Late(Duration::from_millis(5)),
            (3, Direction::ToAgent) => {
                let (mut bytes, at) = (bytes.to_vec(), random.below(bytes.len()));
                bytes[at] ^= 1 << random.below(8);
                Fate::Instead(vec![bytes])
            }
            (4, Direction::ToAgent) => Fate::Instead(vec![bytes[..random.below(bytes.len())].to_vec()]),
            (5 | 6, Direction::ToAgent) => {
                Fate::Instead(vec![random.one_of(&earlier), bytes.to_vec(), random.one_of(&earlier)])
            }
            _ => Fate::Pass,
        }
    }
}

/// Counts of what went right and what failed. Every answer is compared with the truth.
fn torment(bmc: &Bmc, config: &Config, random: &mut Random) -> (u32, u32) {
    let deadline = Deadline::after(Duration::from_millis(120));
    let Ok(mut session) = Session::open(config, deadline) else { return (0, 1) };
    assert!(config.cipher.is_none_or(|asked| session.cipher_suite() == Some(asked)));
    let (mut right, mut errors) = (0, 0);
    for _ in 0..6 {
        bmc.set_power(random.below(2) == 0);
        let worked = if random.below(3) == 0 {
            let (control, code, on) =
                random.one_of(&[(ChassisControl::PowerUp, 1, true), (ChassisControl::PowerDown, 0, false)]);
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
        let mut random = Random::of(seed, number.into());
        let (auth, auth_number) = random.one_of(&auths);
        let suite = random.one_of(&SUITES).id;
        let v15 = random.below(4) == 0;
        let settings = if v15 { Settings::only_v15(auth_number) } else { Settings::only_suite(suite) };
        let rules = (0..=random.below(4)).map(|_| {
            let rule = fault(&mut random).at(random.one_of(&STEPS)).after(random.below(4));
            if random.below(2) == 0 { rule.times(1 + random.below(3)) } else { rule }
        });
        let bmc = Bmc::start(Settings { rules: rules.collect(), ..settings });
        let config = if v15 { Config { auth: Some(auth), ..config(&bmc) } } else { v20(&bmc, suite) };
        let (well, badly) = torment(&bmc, &attempt(config), &mut random);
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
        let mut random = Random::of(seed, number);
        let bmc = Bmc::start(match suite {
            Some(id) => Settings { session_slots: 100, ..Settings::only_suite(id) },
            None => Settings { session_slots: 100, ..Settings::only_v15(auth_type::MD5) },
        });
        let mut rule = bad_network(Random::of(!seed >> 32, number));
        let relay =
            Relay::builder(bmc.address()).rule(move |packet| rule(packet.direction, packet.bytes)).start();
        let config = match suite {
            Some(id) => v20(&bmc, id),
            None => Config { auth: Some(AuthType::Md5), ..config(&bmc) },
        };
        for _ in 0..10 {
            let (well, badly) = torment(&bmc, &attempt(through(&relay, config.clone())), &mut random);
            (right, errors) = (right + well, errors + badly);
        }
    }
    println!("{right} right, {errors} errors");
    assert!(right > 100, "{right} right, {errors} errors");
}
