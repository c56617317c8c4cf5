//! Networks that lose, and neighbours that lie.

use std::sync::mpsc;
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::rmcp::{Packet, PacketV20, parse};
use fence_agents::protocols::ipmi::{
    AuthType, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};

use crate::relay::{Relay, Sent, Way};
use crate::sim::{Sim, soon};

const OPEN_REPLY: u8 = 0x11;
const RAKP_1: u8 = 0x12;
const RAKP_2: u8 = 0x13;
const RAKP_4: u8 = 0x15;
const IPMI: u8 = 0x00;

/// Where the payload begins in an RMCP+ datagram.
const PAYLOAD: usize = 16;

fn v20(datagram: &[u8]) -> Option<PacketV20<'_>> {
    match parse(datagram) {
        Ok(Packet::V20(packet)) => Some(packet),
        _ => None,
    }
}

fn is(datagram: &[u8], kind: u8) -> bool {
    v20(datagram).is_some_and(|packet| packet.payload_type == kind)
}

fn pass(way: Way, datagram: &[u8]) -> Sent {
    vec![(way, datagram.to_vec())]
}

fn changed(datagram: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    change(&mut datagram);
    datagram
}

fn through(relay: &Relay, config: Config) -> Config {
    Config { addresses: vec![relay.addr], ..config }
}

/// A reply in the clear that says the power is off, made to fit a request that was seen in the clear.
fn forged_off(request: &[u8], session: u32, sequence: u32) -> Vec<u8> {
    let payload = v20(request).unwrap().payload;
    let mut head = vec![payload[3], (payload[1] >> 2 | 1) << 2];
    head.push(head.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg());
    let mut body = vec![payload[0], payload[4], payload[5], 0, 0x00, 0x00, 0x00];
    body.push(body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg());
    let mut datagram = vec![6, 0, 0xFF, 7, 6, IPMI];
    datagram.extend(session.to_le_bytes());
    datagram.extend(sequence.to_le_bytes());
    datagram.extend(u16::try_from(head.len() + body.len()).unwrap().to_le_bytes());
    datagram.extend(head);
    datagram.extend(body);
    datagram
}

#[test]
fn a_downgraded_open_session_reply_is_refused() {
    let sim = Sim::start("downgrade", "127.0.0.1", "");
    // Authentication, integrity and confidentiality algorithm, in turn.
    for at in [16, 24, 32] {
        let relay = Relay::start(sim.addr, move |way, datagram| match is(datagram, OPEN_REPLY) {
            true => vec![(way, changed(datagram, |bytes| bytes[PAYLOAD + at] = 0))],
            false => pass(way, datagram),
        });
        let error = Session::open(&through(&relay, sim.v20(3)), soon()).err();
        let expected = Error::Negotiation(Negotiation::OtherAlgorithms { suite: 3 });
        assert_eq!(error, Some(expected));
    }
}

#[test]
fn a_forged_reply_in_the_clear_counts_for_nothing_in_an_authenticated_session() {
    let sim = Sim::start("forged", "127.0.0.1", "");
    let (told, seen) = mpsc::channel();
    let mut console = None;
    let relay = Relay::start(sim.addr, move |way, datagram| {
        if is(datagram, OPEN_REPLY) {
            let id = &datagram[PAYLOAD + 4..PAYLOAD + 8];
            console = Some(u32::from_le_bytes(id.try_into().unwrap()));
        }
        let request = v20(datagram).filter(|packet| way == Way::ToBmc && packet.payload_type == IPMI);
        if let (Some(session), Some(packet)) = (console, request)
            && packet.payload[1] == 0
            && packet.payload[5] == 1
        {
            let forged = (1..20).map(|sequence| forged_off(datagram, session, sequence));
            let mut sent: Sent = forged.map(|datagram| (Way::ToClient, datagram)).collect();
            told.send(()).unwrap();
            sent.extend(pass(way, datagram));
            return sent;
        }
        pass(way, datagram)
    });
    let mut session = Session::open(&through(&relay, sim.v20(2)), soon()).unwrap();
    for _ in 0..5 {
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        seen.try_recv().expect("nothing was forged");
    }
}

#[test]
fn without_integrity_the_same_forgery_is_believed_which_proves_it_well_made() {
    let sim = Sim::start("believed", "127.0.0.1", "");
    let mut console = 0;
    let relay = Relay::start(sim.addr, move |way, datagram| {
        if is(datagram, OPEN_REPLY) {
            console = u32::from_le_bytes(datagram[PAYLOAD + 4..PAYLOAD + 8].try_into().unwrap());
        }
        match v20(datagram) {
            Some(packet) if way == Way::ToBmc && packet.payload_type == IPMI && packet.payload[5] == 1 => {
                vec![(Way::ToClient, forged_off(datagram, console, 1000))]
            }
            _ => pass(way, datagram),
        }
    });
    let mut session = Session::open(&through(&relay, sim.v20(1)), soon()).unwrap();
    assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
}

#[test]
fn a_replayed_reply_is_stale_even_when_the_request_number_comes_round() {
    let sim = Sim::start("replay", "127.0.0.1", "");
    for suite in [2, 3] {
        let mut replies: Vec<Vec<u8>> = Vec::new();
        let (told, seen) = mpsc::channel();
        let relay = Relay::start(sim.addr, move |way, datagram| {
            if way == Way::ToBmc || !is(datagram, IPMI) {
                return pass(way, datagram);
            }
            replies.push(datagram.to_vec());
            // Request numbers have six bits: the reply of 64 requests ago fits this request.
            let mut sent = Sent::new();
            if let Some(at) = replies.len().checked_sub(65) {
                sent.push((Way::ToClient, replies[at].clone()));
                told.send(()).unwrap();
            }
            sent.extend(pass(way, datagram));
            sent
        });
        let mut session = Session::open(&through(&relay, sim.v20(suite)), soon()).unwrap();
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
    let sim = Sim::start("bits", "127.0.0.1", "");
    for suite in [2, 3] {
        let relay = Relay::start(sim.addr, |way, datagram| {
            let mut sent = Sent::new();
            if way == Way::ToClient && is(datagram, IPMI) {
                // Reserved byte and sequence number of the RMCP header are nobody's concern.
                for at in (0..datagram.len()).filter(|at| ![1, 2].contains(at)) {
                    sent.push((way, changed(datagram, |bytes| bytes[at] ^= 1 << (at % 8))));
                }
            }
            sent.extend(pass(way, datagram));
            sent
        });
        let mut session = Session::open(&through(&relay, sim.v20(suite)), soon()).unwrap();
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
    let sim = Sim::start("lie", "127.0.0.1", "");
    let v15 = |auth| Config { auth: Some(auth), ..sim.config() };
    // The last has no code, and shows that the lie is well made.
    for (config, believed) in [(sim.v20(2), false), (v15(AuthType::Md5), false), (v15(AuthType::None), true)]
    {
        let (told, seen) = mpsc::channel();
        let relay = Relay::start(sim.addr, move |way, datagram| {
            let mut sent = Sent::new();
            if let (Way::ToClient, Some(lie)) = (way, lie(datagram)) {
                sent.push((way, lie));
                told.send(()).unwrap();
            }
            sent.extend(pass(way, datagram));
            sent
        });
        let mut session = Session::open(&through(&relay, config), soon()).unwrap();
        let on = session.send(&GetChassisStatus, soon()).unwrap().power_on;
        seen.try_recv().expect("nothing was changed");
        assert_eq!(on, !believed);
    }
}

#[test]
fn a_wrong_rakp_code_is_refused_and_a_forged_one_does_not_hide_the_true_one() {
    let sim = Sim::start("rakp", "127.0.0.1", "");
    for (message, why) in [(RAKP_2, Denial::WrongPassword), (RAKP_4, Denial::WrongKg)] {
        for forged_too in [false, true] {
            let relay = Relay::start(sim.addr, move |way, datagram| {
                if !is(datagram, message) {
                    return pass(way, datagram);
                }
                let last = datagram.len() - 1;
                let mut sent = vec![(way, changed(datagram, |bytes| bytes[last] ^= 1))];
                if forged_too {
                    sent.extend(pass(way, datagram));
                }
                sent
            });
            match Session::open(&through(&relay, sim.v20(3)), soon()) {
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
    let sim = Sim::start("lost", "127.0.0.1", "");
    let v15 = Config { version: Version::V15, ..sim.config() };
    for config in [sim.v20(3), sim.config(), v15] {
        for lost in 0..14 {
            let mut number = 0;
            let relay = Relay::start(sim.addr, move |way, datagram| {
                number += 1;
                if number == lost + 1 { Vec::new() } else { pass(way, datagram) }
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
    let sim = Sim::start("again", "127.0.0.1", "");
    let (told, seen) = mpsc::channel();
    let mut dropped = 0;
    let relay = Relay::start(sim.addr, move |way, datagram| {
        let status = v20(datagram).filter(|packet| packet.payload_type == IPMI && packet.payload[5] == 1);
        match (status, way) {
            (Some(packet), Way::ToBmc) => {
                told.send((packet.payload[4], packet.sequence)).unwrap();
                pass(way, datagram)
            }
            (Some(_), Way::ToClient) if dropped < 2 => {
                dropped += 1;
                Vec::new()
            }
            _ => pass(way, datagram),
        }
    });
    let config = Config { attempt: Duration::from_millis(60), ..through(&relay, sim.v20(2)) };
    let mut session = Session::open(&config, soon()).unwrap();
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    let sent: Vec<(u8, u32)> = seen.try_iter().collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 + 1 == pair[1].1), "{sent:?}");
}

#[test]
fn a_session_that_falls_silent_is_called_lost() {
    let sim = Sim::start("silent", "127.0.0.1", "");
    let mut requests = 0;
    let relay = Relay::start(sim.addr, move |way, datagram| {
        requests += u32::from(way == Way::ToBmc && is(datagram, IPMI));
        if requests > 1 { Vec::new() } else { pass(way, datagram) }
    });
    let config = Config { attempt: Duration::from_millis(40), ..through(&relay, sim.v20(3)) };
    let mut session = Session::open(&config, soon()).unwrap();
    let error = session.send(&GetChassisStatus, Deadline::NEVER).unwrap_err();
    assert!(matches!(error, Error::Silent { sent: 3, step: "Get Chassis Status", .. }), "{error:?}");
    assert!(error.is_lost());
}

#[test]
fn a_bmc_without_a_free_session_is_asked_again() {
    let sim = Sim::start("full", "127.0.0.1", "");
    let mut refused = 0;
    let relay = Relay::start(sim.addr, move |way, datagram| match is(datagram, OPEN_REPLY) && refused < 1 {
        true => {
            refused += 1;
            vec![(way, changed(datagram, |bytes| bytes[PAYLOAD + 1] = 0x01))]
        }
        false => pass(way, datagram),
    });
    let config = through(&relay, sim.v20(3));
    let error = Session::open(&config, Deadline::after(Duration::from_millis(500))).err().unwrap();
    assert!(matches!(error, Error::NoResources { .. }) && error.is_transient(), "{error:?}");
    Session::open(&config, soon()).unwrap();
}

#[test]
fn a_refused_role_steps_down_to_operator() {
    let sim = Sim::start("role", "127.0.0.1", "");
    let mut tag = 0;
    let relay = Relay::start(sim.addr, move |way, datagram| {
        if is(datagram, RAKP_1) {
            tag = if datagram[PAYLOAD + 24] & 0x0F == 4 { datagram[PAYLOAD] } else { 0 };
        }
        match is(datagram, RAKP_2) && tag != 0 && datagram[PAYLOAD] == tag {
            true => vec![(way, changed(datagram, |bytes| bytes[PAYLOAD + 1] = 0x0A))],
            false => pass(way, datagram),
        }
    });
    let config = through(&relay, sim.v20(3));
    assert_eq!(Session::open(&config, soon()).unwrap().privilege(), Privilege::Operator);
    let config = Config { privilege_explicit: true, ..config };
    let error = Session::open(&config, soon()).err();
    assert_eq!(error, Some(Error::NoPrivilege { asked: Privilege::Administrator }));
}

#[test]
fn without_working_ipmi_20_one_try_with_15_follows() {
    let sim = Sim::start("fallback", "127.0.0.1", "");
    let relay = Relay::start(sim.addr, |way, datagram| match v20(datagram) {
        Some(_) => Vec::new(),
        None => pass(way, datagram),
    });
    let config = Config { attempt: Duration::from_millis(40), ..through(&relay, sim.config()) };
    let mut session = Session::open(&config, soon()).unwrap();
    assert_eq!(session.cipher_suite(), None);
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    let only = Config { version: Version::V20, ..config };
    assert!(matches!(Session::open(&only, soon()).err(), Some(Error::Silent { .. })));
}

#[test]
fn a_status_takes_six_datagrams_and_seven_where_the_version_is_found_out() {
    let sim = Sim::start("count", "127.0.0.1", "");
    for (version, expected) in [(Version::V20, 6), (Version::Auto, 7), (Version::V15, 6)] {
        let (told, seen) = mpsc::channel();
        let relay = Relay::start(sim.addr, move |way, datagram| {
            if way == Way::ToBmc {
                told.send(()).unwrap();
            }
            pass(way, datagram)
        });
        let config = Config { version, ..through(&relay, sim.v20(3)) };
        let mut session = Session::open(&config, soon()).unwrap();
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        session.close();
        for _ in 0..expected {
            seen.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        drop(relay);
        assert_eq!(seen.try_iter().count(), 0, "{version:?}");
    }
}

#[test]
fn whatever_becomes_of_the_packets_the_state_is_right_or_there_is_an_error() {
    let sim = Sim::start("chaos", "127.0.0.1", "");
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = move |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).unwrap() % limit
    };
    let mut earlier: Vec<Vec<u8>> = Vec::new();
    let relay = Relay::start(sim.addr, move |way, datagram| {
        if way == Way::ToBmc {
            return pass(way, datagram);
        }
        earlier.push(datagram.to_vec());
        match below(24) {
            0 => Vec::new(),
            1 => vec![(way, datagram[..below(datagram.len())].to_vec())],
            2..=4 => {
                let (at, bit) = (below(datagram.len()), below(8));
                vec![(way, changed(datagram, |bytes| bytes[at] ^= 1 << bit))]
            }
            5 => vec![(way, earlier[below(earlier.len())].clone()), (way, datagram.to_vec())],
            6 => vec![(way, datagram.to_vec()), (way, datagram.to_vec())],
            _ => pass(way, datagram),
        }
    });
    let attempt = Duration::from_millis(15);
    let v15 = Config { auth: Some(AuthType::Md5), ..sim.config() };
    let configs = [sim.v20(3), sim.v20(2), sim.config(), v15];
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
