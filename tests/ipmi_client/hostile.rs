//! Networks that lose, and neighbours that lie.

use std::sync::mpsc;
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::rmcp::{Packet, PacketV20, parse};
use fence_agents::protocols::ipmi::{
    AuthType, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};

use peers::bmc::set_checksums;
use peers::faults::Dice;
use peers::relay::{Direction, Fate};
use peers::{IpmiSim, Relay, until};

use crate::common::{config, soon, through, v20};

const OPEN_REPLY: u8 = 0x11;
const RAKP_1: u8 = 0x12;
const RAKP_2: u8 = 0x13;
const RAKP_4: u8 = 0x15;
const IPMI: u8 = 0x00;

/// Where the payload begins in an RMCP+ datagram.
const PAYLOAD: usize = 16;

fn rmcp_plus(datagram: &[u8]) -> Option<PacketV20<'_>> {
    match parse(datagram) {
        Ok(Packet::V20(packet)) => Some(packet),
        _ => None,
    }
}

fn is(datagram: &[u8], kind: u8) -> bool {
    rmcp_plus(datagram).is_some_and(|packet| packet.payload_type == kind)
}

fn changed(datagram: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    change(&mut datagram);
    datagram
}

/// A relay in front of `sim`; `rule` sees every datagram, both ways, one after the other.
fn relay(sim: &IpmiSim, mut rule: impl FnMut(Direction, &[u8]) -> Fate + Send + 'static) -> Relay {
    Relay::builder(sim.address()).rule(move |packet| rule(packet.direction, packet.bytes)).start()
}

/// The same reply in the clear, without an authentication code, under another sequence number, and it says that
/// the power is off.
fn forged_off(reply: &[u8], sequence: u32) -> Vec<u8> {
    let packet = rmcp_plus(reply).unwrap();
    let mut message = packet.payload.to_vec();
    // Completion code 0, current power state 0.
    (message[6], message[7]) = (0, 0);
    set_checksums(&mut message);
    let mut datagram = vec![6, 0, 0xFF, 7, 6, IPMI];
    datagram.extend(packet.session.to_le_bytes());
    datagram.extend(sequence.to_le_bytes());
    datagram.extend(u16::try_from(message.len()).unwrap().to_le_bytes());
    datagram.extend(message);
    datagram
}

/// Whether this is the unencrypted reply to Get Chassis Status.
fn is_status_reply(way: Direction, datagram: &[u8]) -> bool {
    way == Direction::ToAgent
        && rmcp_plus(datagram).is_some_and(|packet| {
            packet.payload_type == IPMI && packet.payload[1] >> 2 == 1 && packet.payload[5] == 1
        })
}

#[test]
fn a_downgraded_open_session_reply_is_refused() {
    let sim = IpmiSim::builder().start();
    // Authentication, integrity and confidentiality algorithm, in turn.
    for at in [16, 24, 32] {
        let relay = relay(&sim, move |_, datagram| match is(datagram, OPEN_REPLY) {
            true => Fate::Instead(vec![changed(datagram, |bytes| bytes[PAYLOAD + at] = 0)]),
            false => Fate::Pass,
        });
        let error = Session::open(&through(&relay, v20(&sim, 3)), soon()).err();
        let expected = Error::Negotiation(Negotiation::OtherAlgorithms { suite: 3 });
        assert_eq!(error, Some(expected));
    }
}

#[test]
fn a_forged_reply_in_the_clear_counts_for_nothing_in_an_authenticated_session() {
    let sim = IpmiSim::builder().start();
    let (told, seen) = mpsc::channel();
    let relay = relay(&sim, move |way, datagram| {
        if !is_status_reply(way, datagram) {
            return Fate::Pass;
        }
        told.send(()).unwrap();
        let forged = (1..20).map(|sequence| forged_off(datagram, sequence));
        Fate::Instead(forged.chain([datagram.to_vec()]).collect())
    });
    let mut session = Session::open(&through(&relay, v20(&sim, 2)), soon()).unwrap();
    for _ in 0..5 {
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        seen.try_recv().expect("nothing was forged");
    }
}

#[test]
fn without_integrity_the_same_forgery_is_believed_which_proves_it_well_made() {
    let sim = IpmiSim::builder().start();
    let relay = relay(&sim, |way, datagram| match is_status_reply(way, datagram) {
        true => Fate::Instead(vec![forged_off(datagram, 1000)]),
        false => Fate::Pass,
    });
    let mut session = Session::open(&through(&relay, v20(&sim, 1)), soon()).unwrap();
    assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
}

#[test]
fn a_replayed_reply_is_stale_even_when_the_request_number_comes_round() {
    let sim = IpmiSim::builder().start();
    for suite in [2, 3] {
        let mut replies: Vec<Vec<u8>> = Vec::new();
        let (told, seen) = mpsc::channel();
        let relay = relay(&sim, move |way, datagram| {
            if way == Direction::ToDevice || !is(datagram, IPMI) {
                return Fate::Pass;
            }
            replies.push(datagram.to_vec());
            // Request numbers have six bits: the reply of 64 requests ago fits this request.
            let mut sent = Vec::new();
            if let Some(at) = replies.len().checked_sub(65) {
                sent.push(replies[at].clone());
                told.send(()).unwrap();
            }
            sent.push(datagram.to_vec());
            Fate::Instead(sent)
        });
        let mut session = Session::open(&through(&relay, v20(&sim, suite)), soon()).unwrap();
        for _ in 0..60 {
            assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        }
        session.send(&ChassisControl::PowerDown, soon()).unwrap();
        for _ in 0..40 {
            assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
        }
        assert!(seen.try_iter().count() > 30);
        session.send(&ChassisControl::PowerUp, soon()).unwrap();
    }
}

#[test]
fn a_changed_bit_anywhere_makes_a_reply_count_for_nothing() {
    let sim = IpmiSim::builder().start();
    for suite in [2, 3] {
        let relay = relay(&sim, |way, datagram| {
            let mut sent = Vec::new();
            if way == Direction::ToAgent && is(datagram, IPMI) {
                // Reserved byte and sequence number of the RMCP header are nobody's concern.
                for at in (0..datagram.len()).filter(|at| ![1, 2].contains(at)) {
                    sent.push(changed(datagram, |bytes| bytes[at] ^= 1 << (at % 8)));
                }
            }
            sent.push(datagram.to_vec());
            Fate::Instead(sent)
        });
        let mut session = Session::open(&through(&relay, v20(&sim, suite)), soon()).unwrap();
        for on in [false, true, false, true] {
            let control = if on { ChassisControl::PowerUp } else { ChassisControl::PowerDown };
            session.send(&control, soon()).unwrap();
            assert_eq!(session.send(&GetChassisStatus, soon()).unwrap().power_on, on);
        }
    }
}

/// The reply to Get Chassis Status with the power bit the other way round and the checksum right again.
fn lie(datagram: &[u8]) -> Option<Vec<u8>> {
    let (at, len) = match parse(datagram) {
        Ok(Packet::V20(packet)) if packet.session != 0 => (PAYLOAD, packet.payload.len()),
        Ok(Packet::V15(packet)) if packet.session != 0 => {
            (if packet.code.is_some() { 30 } else { 14 }, packet.message.len())
        }
        _ => return None,
    };
    let message = &datagram[at..at + len];
    if message[5] != 1 || message[1] >> 2 != 1 {
        return None;
    }
    Some(changed(datagram, |bytes| {
        let power = bytes[at + 7];
        bytes[at + 7] ^= 1;
        let difference = power.wrapping_sub(bytes[at + 7]);
        bytes[at + len - 1] = bytes[at + len - 1].wrapping_add(difference);
    }))
}

#[test]
fn a_changed_state_with_the_checksum_put_right_fails_on_the_authentication_code() {
    let sim = IpmiSim::builder().start();
    let v15 = |auth| Config { auth: Some(auth), ..config(&sim) };
    // The last has no code, and shows that the lie is well made.
    for (config, believed) in
        [(v20(&sim, 2), false), (v15(AuthType::Md5), false), (v15(AuthType::None), true)]
    {
        let (told, seen) = mpsc::channel();
        let relay = relay(&sim, move |way, datagram| {
            let mut sent = Vec::new();
            if let (Direction::ToAgent, Some(lie)) = (way, lie(datagram)) {
                sent.push(lie);
                told.send(()).unwrap();
            }
            sent.push(datagram.to_vec());
            Fate::Instead(sent)
        });
        let mut session = Session::open(&through(&relay, config), soon()).unwrap();
        let on = session.send(&GetChassisStatus, soon()).unwrap().power_on;
        seen.try_recv().expect("nothing was changed");
        assert_eq!(on, !believed);
    }
}

#[test]
fn a_wrong_rakp_code_is_refused_and_a_forged_one_does_not_hide_the_true_one() {
    let sim = IpmiSim::builder().start();
    for (message, why) in [(RAKP_2, Denial::WrongPassword), (RAKP_4, Denial::WrongKg)] {
        for forged_too in [false, true] {
            let relay = relay(&sim, move |_, datagram| {
                if !is(datagram, message) {
                    return Fate::Pass;
                }
                let last = datagram.len() - 1;
                let mut sent = vec![changed(datagram, |bytes| bytes[last] ^= 1)];
                if forged_too {
                    sent.push(datagram.to_vec());
                }
                Fate::Instead(sent)
            });
            match Session::open(&through(&relay, v20(&sim, 3)), soon()) {
                Ok(_) => assert!(forged_too),
                Err(error) => {
                    assert!(!forged_too);
                    assert_eq!(error, Error::LoginDenied { why });
                }
            }
        }
    }
}

#[test]
fn any_single_datagram_may_be_lost() {
    let sim = IpmiSim::builder().start();
    let v15 = Config { version: Version::V15, ..config(&sim) };
    for config in [v20(&sim, 3), config(&sim), v15] {
        for lost in 0..14 {
            let mut number = 0;
            let relay = relay(&sim, move |_, _| {
                number += 1;
                if number == lost + 1 { Fate::Lose } else { Fate::Pass }
            });
            let config = Config { attempt: Duration::from_millis(60), ..through(&relay, config.clone()) };
            let mut session =
                Session::open(&config, soon()).unwrap_or_else(|error| panic!("{lost}: {error}"));
            assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        }
    }
}

#[test]
fn a_retransmission_has_the_same_request_number_and_a_new_sequence_number() {
    let sim = IpmiSim::builder().start();
    let (told, seen) = mpsc::channel();
    let mut dropped = 0;
    let relay = relay(&sim, move |way, datagram| {
        let status =
            rmcp_plus(datagram).filter(|packet| packet.payload_type == IPMI && packet.payload[5] == 1);
        match (status, way) {
            (Some(packet), Direction::ToDevice) => {
                told.send((packet.payload[4], packet.sequence)).unwrap();
                Fate::Pass
            }
            (Some(_), Direction::ToAgent) if dropped < 2 => {
                dropped += 1;
                Fate::Lose
            }
            _ => Fate::Pass,
        }
    });
    let config = Config { attempt: Duration::from_millis(60), ..through(&relay, v20(&sim, 2)) };
    let mut session = Session::open(&config, soon()).unwrap();
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    let sent: Vec<(u8, u32)> = seen.try_iter().collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 + 1 == pair[1].1), "{sent:?}");
}

#[test]
fn a_session_that_falls_silent_is_called_lost() {
    let sim = IpmiSim::builder().start();
    let mut requests = 0;
    let relay = relay(&sim, move |way, datagram| {
        requests += u32::from(way == Direction::ToDevice && is(datagram, IPMI));
        if requests > 1 { Fate::Lose } else { Fate::Pass }
    });
    let config = Config { attempt: Duration::from_millis(40), ..through(&relay, v20(&sim, 3)) };
    let mut session = Session::open(&config, soon()).unwrap();
    let error = session.send(&GetChassisStatus, Deadline::NEVER).unwrap_err();
    assert!(matches!(error, Error::Silent { sent: 3, step: "Get Chassis Status", .. }), "{error:?}");
    assert!(error.is_lost());
}

/// The Open Session reply of a BMC without a free slot.
fn full(reply: &[u8]) -> Fate {
    Fate::Instead(vec![changed(reply, |bytes| bytes[PAYLOAD + 1] = 0x01)])
}

#[test]
fn a_bmc_without_a_free_session_is_asked_again() {
    let sim = IpmiSim::builder().start();
    let mut refused = 0;
    let relay = relay(&sim, move |_, datagram| match is(datagram, OPEN_REPLY) && refused < 2 {
        true => {
            refused += 1;
            full(datagram)
        }
        false => Fate::Pass,
    });
    Session::open(&through(&relay, v20(&sim, 3)), soon()).unwrap();
}

#[test]
fn a_bmc_without_a_free_session_is_called_that_even_when_the_last_question_stays_unanswered() {
    for answered in [1, u32::MAX] {
        let sim = IpmiSim::builder().start();
        let mut asked = 0;
        let relay = relay(&sim, move |_, datagram| {
            if !is(datagram, OPEN_REPLY) {
                return Fate::Pass;
            }
            asked += 1;
            if asked > answered { Fate::Lose } else { full(datagram) }
        });
        let config = through(&relay, v20(&sim, 3));
        let error = Session::open(&config, Deadline::after(Duration::from_secs(1))).err().unwrap();
        assert!(matches!(error, Error::NoResources { .. }) && error.is_transient(), "{error:?}");
    }
}

#[test]
fn a_refused_role_steps_down_to_operator() {
    let sim = IpmiSim::builder().start();
    let mut tag = None;
    let relay = relay(&sim, move |_, datagram| {
        if is(datagram, RAKP_1) {
            tag = (datagram[PAYLOAD + 24] & 0x0F == 4).then_some(datagram[PAYLOAD]);
        }
        match is(datagram, RAKP_2) && tag == Some(datagram[PAYLOAD]) {
            true => Fate::Instead(vec![changed(datagram, |bytes| bytes[PAYLOAD + 1] = 0x0A)]),
            false => Fate::Pass,
        }
    });
    let config = through(&relay, v20(&sim, 3));
    assert_eq!(Session::open(&config, soon()).unwrap().privilege(), Privilege::Operator);
    let config = Config { privilege_explicit: true, ..config };
    let error = Session::open(&config, soon()).err();
    assert_eq!(error, Some(Error::NoPrivilege { asked: Privilege::Administrator }));
}

#[test]
fn without_working_ipmi_20_one_try_with_15_follows() {
    let sim = IpmiSim::builder().start();
    let relay = relay(&sim, |_, datagram| match rmcp_plus(datagram) {
        Some(_) => Fate::Lose,
        None => Fate::Pass,
    });
    let config = Config { attempt: Duration::from_millis(40), ..through(&relay, config(&sim)) };
    let mut session = Session::open(&config, soon()).unwrap();
    assert_eq!(session.cipher_suite(), None);
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    let only = Config { version: Version::V20, ..config };
    assert!(matches!(Session::open(&only, soon()).err(), Some(Error::Silent { .. })));
}

#[test]
fn a_status_takes_six_datagrams_and_seven_where_the_version_is_found_out() {
    let sim = IpmiSim::builder().start();
    for (version, expected) in [(Version::V20, 6), (Version::Auto, 7), (Version::V15, 6)] {
        let relay = relay(&sim, |_, _| Fate::Pass);
        let config = Config { version, ..through(&relay, v20(&sim, 3)) };
        let mut session = Session::open(&config, soon()).unwrap();
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        session.close();
        until(Duration::from_secs(10), || relay.count(Direction::ToDevice) >= expected);
        assert_eq!(relay.count(Direction::ToDevice), expected, "{version:?}");
    }
}

#[test]
fn whatever_becomes_of_the_packets_the_state_is_right_or_there_is_an_error() {
    let sim = IpmiSim::builder().start();
    let mut dice = Dice::of(1, 0);
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    let relay = relay(&sim, move |way, datagram| {
        if way == Direction::ToDevice {
            return Fate::Pass;
        }
        earlier.push(datagram.to_vec());
        match dice.below(24) {
            0 => Fate::Lose,
            1 => Fate::Instead(vec![datagram[..dice.below(datagram.len())].to_vec()]),
            2..=4 => {
                let (at, bit) = (dice.below(datagram.len()), dice.below(8));
                Fate::Instead(vec![changed(datagram, |bytes| bytes[at] ^= 1 << bit)])
            }
            5 => Fate::Instead(vec![earlier[dice.below(earlier.len())].clone(), datagram.to_vec()]),
            6 => Fate::Twice,
            _ => Fate::Pass,
        }
    });
    let attempt = Duration::from_millis(15);
    let v15 = Config { auth: Some(AuthType::Md5), ..config(&sim) };
    let configs = [v20(&sim, 3), v20(&sim, 2), config(&sim), v15];
    let (mut right, mut errors) = (0, 0);
    for config in configs.iter().cycle().take(48) {
        let config = Config { attempt, ..through(&relay, config.clone()) };
        let deadline = Deadline::after(Duration::from_millis(400));
        let Ok(mut session) = Session::open(&config, deadline) else {
            errors += 1;
            continue;
        };
        for _ in 0..4 {
            match session.send(&GetChassisStatus, deadline) {
                Ok(status) => {
                    assert!(status.power_on);
                    right += 1;
                }
                Err(_) => errors += 1,
            }
        }
    }
    assert!(right > 50 && errors > 0, "{right} right, {errors} errors");
    println!("{right} right, {errors} errors");
}
