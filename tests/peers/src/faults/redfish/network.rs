//! What the network does.

use std::time::Duration;

use super::super::Dice;
use super::super::stream::{End, Trouble};
use super::plan::{Plan, Trust};
use crate::relay::Direction;

/// Bytes that a connection carries in each direction in an ordinary run, about: to the agent, to the device.
const CARRIED: [usize; 2] = [9000, 4000];

/// What somebody says who speaks no TLS.
const NOT_TLS: [&[u8]; 6] = [
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{\"PowerState\":\"Off\"}",
    b"HTTP/1.1 502 Bad Gateway\r\nVia: 1.1 proxy\r\nContent-Type: text/html\r\n\r\n<html><h1>Bad Gateway</h1></html>",
    b"SSH-2.0-OpenSSH_9.9\r\n",
    b"\x15\x03\x01\x00\x02\x02\x28",
    b"",
];

/// Records that somebody on the way can make: alerts (close_notify, handshake_failure), application data, a second
/// ServerHello's beginning, and what is no record.
const FORGERIES: [&[u8]; 5] = [
    b"\x15\x03\x03\x00\x02\x01\x00",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"\x17\x03\x03\x00\x20{\"PowerState\":\"Off\"}            ",
    b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
    b"\xff\xff\xff\xff\xff\xff",
];

/// What happens to one connection.
type Make = fn(&mut Dice) -> Trouble;

/// Everything that can happen to a connection, whoever is trusted.
const TROUBLES: [Make; 14] = [
    |_| Trouble::Mute,
    |dice| cut(dice, End::Close),
    |dice| cut(dice, End::Reset),
    |dice| cut(dice, End::Half),
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Stall { way, at }
    },
    |dice| {
        let (least, most) = *dice.pick(&[(1, 20), (20, 200), (200, 900)]);
        Trouble::Delay(dice.millis(least, most))
    },
    |dice| {
        let (way, _) = byte(dice);
        Trouble::Trickle { way, pause: *dice.pick(&[Duration::from_micros(100), Duration::from_millis(2)]) }
    },
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Corrupt { way, at, mask: dice.between(1, 255) as u8 }
    },
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Corrupt { way, at, mask: 1 << dice.below(8) }
    },
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Lose { way, at, count: count(dice) }
    },
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Repeat { way, at, count: count(dice) }
    },
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Swap { way, at, count: count(dice) }
    },
    |dice| {
        let (way, at) = byte(dice);
        Trouble::Insert { way, at, bytes: dice.pick(&FORGERIES).to_vec() }
    },
    |dice| Trouble::Speak(dice.pick(&NOT_TLS).to_vec()),
];

fn byte(dice: &mut Dice) -> (Direction, usize) {
    let way = *dice.pick(&[Direction::ToAgent, Direction::ToDevice]);
    let carried = CARRIED[usize::from(way == Direction::ToDevice)];
    // A handshake is more than half of all bytes and a small part of what can be disturbed.
    let at = if dice.chance(40) { dice.below(carried / 3) } else { dice.below(carried) };
    (way, at)
}

fn cut(dice: &mut Dice, end: End) -> Trouble {
    let (way, at) = byte(dice);
    Trouble::Cut { way, at, end }
}

fn count(dice: &mut Dice) -> usize {
    *dice.pick(&[1, 2, 5, 16, 100, 1000])
}

/// Disturbs the network of a run.
pub(super) fn disturb(dice: &mut Dice, plan: &mut Plan) {
    match dice.below(16) {
        0 => {
            let from = if dice.chance(50) { Duration::ZERO } else { dice.millis(5, 1500) };
            let length = *dice.pick(&[dice.clone().millis(20, 900), Duration::from_secs(60)]);
            plan.outages.push(((from, length), "refused"));
        }
        1 => replay(dice, plan),
        2 if plan.trust != Trust::Insecure => {
            plan.impostor = true;
            // The port is known when the impostor is there.
            let who = Trouble::Divert(0);
            let first = dice.chance(60);
            plan.troubles = if first { vec![who; 8] } else { vec![cut(dice, End::Close), who.clone(), who] };
        }
        _ => {
            let make = *dice.pick(&TROUBLES);
            // How many connections it happens to: one, some, or more than there will be.
            let many = *dice.pick(&[1, 1, 1, 2, 3, 60]);
            plan.troubles.extend((0..many).map(|_| make(dice)));
        }
    }
}

/// The device hears an earlier connection once more, or the agent does.
fn replay(dice: &mut Dice, plan: &mut Plan) {
    plan.troubles = if dice.chance(50) {
        vec![Trouble::ReplayToDevice, Trouble::ReplayToDevice]
    } else {
        let end = *dice.pick(&[End::Close, End::Reset]);
        // Late enough that there is something to replay.
        let cut = Trouble::Cut { way: Direction::ToAgent, at: 1200 + dice.below(6000), end };
        vec![cut, Trouble::ReplayToAgent, Trouble::ReplayToAgent]
    };
}
