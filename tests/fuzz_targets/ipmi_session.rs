//! IPMI in a session: the input is sealed with the session's keys, so that what lies behind the authentication code is
//! reached, and may be changed on its way.
//!
//! The first byte chooses suite or authentication type, the second what is done.

use fence_agents::protocols::ipmi::AuthType;
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus, GetSystemRestartCause};
use fence_agents::protocols::ipmi::command::Command;
use fence_agents::protocols::ipmi::device::{GetDeviceId, GetSystemGuid};
use fence_agents::protocols::ipmi::fuzzing::{LoopedV15, LoopedV20, answer};
use fence_agents::protocols::ipmi::suite::{Confidentiality, Integrity, SUITES};

use super::common::Input;

/// The number of the request that the seeds answer, and the target that is reached through the BMC.
const SEQ: u8 = 1;
const TARGET: u8 = 0x24;

enum Looped {
    V15(LoopedV15),
    V20(LoopedV20),
}

impl Looped {
    fn seal(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Looped::V15(channel) => channel.seal(message).ok(),
            Looped::V20(channel) => channel.seal(message).ok(),
        }
    }

    fn unseal(&mut self, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
        match self {
            Looped::V15(channel) => channel.unseal(datagram),
            Looped::V20(channel) => channel.unseal(datagram),
        }
    }
}

/// A session, and whether its packets are protected against change.
fn session(number: u8) -> (Looped, bool) {
    let number = usize::from(number) % (SUITES.len() + 3);
    match SUITES.get(number) {
        Some(suite) => (Looped::V20(LoopedV20::new(suite)), suite.integrity != Integrity::None),
        None => {
            let auth = [AuthType::None, AuthType::Md5, AuthType::Password][number - SUITES.len()];
            (Looped::V15(LoopedV15::new(auth)), auth == AuthType::Md5)
        }
    }
}

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (number, what) = (input.byte(), input.byte());
    match what % 3 {
        0 => genuine(number, input.rest()),
        1 => changed(number, input),
        _ => encrypted(number, input.rest()),
    }
}

/// What was sealed comes back, once; and then it is an answer, or none.
fn genuine(number: u8, message: &[u8]) {
    let (mut session, protected) = session(number);
    let Some(datagram) = session.seal(message) else {
        // A 1.5 packet has room for 255 bytes, a 2.0 packet for 65,535.
        assert!(message.len() > 255);
        return;
    };
    assert_eq!(session.unseal(&datagram).as_deref(), Ok(message));
    assert!(session.unseal(&datagram).is_err(), "the same packet twice");
    for target in [None, Some(TARGET)] {
        read(message, target, protected);
    }
}

/// A change of a protected packet is found, and does no harm to the genuine one.
fn changed(number: u8, mut input: Input<'_>) {
    let (mut session, protected) = session(number);
    let changes = usize::from(input.byte() % 8);
    let changes: Vec<(usize, u8)> = (0..changes)
        .map(|_| (usize::from(input.byte()) << 8 | usize::from(input.byte()), input.byte()))
        .collect();
    let cut = usize::from(input.byte() % 32);
    let Some(genuine) = session.seal(input.rest()) else { return };
    let mut datagram = genuine.clone();
    for (at, change) in changes {
        let at = at % datagram.len();
        datagram[at] ^= change;
    }
    datagram.truncate(datagram.len() - cut.min(datagram.len()));
    // Two bytes of the RMCP header are nobody's concern.
    let same =
        datagram.len() == genuine.len() && datagram[..1] == genuine[..1] && datagram[3..] == genuine[3..];
    let opened = session.unseal(&datagram);
    if protected {
        assert_eq!(opened.is_ok(), same);
        assert_eq!(session.unseal(&genuine).is_ok(), !same);
    }
}

/// Anything as the encrypted payload of a packet with the right code.
fn encrypted(number: u8, payload: &[u8]) {
    let suite = &SUITES[usize::from(number) % SUITES.len()];
    let mut session = LoopedV20::new(suite);
    let Ok(datagram) = session.seal_payload(payload) else {
        assert!(payload.len() > 65_535);
        return;
    };
    match session.unseal(&datagram) {
        Ok(message) if suite.confidentiality == Confidentiality::None => assert_eq!(message, payload),
        // The vector, and at least the byte that holds the length of the pad.
        Ok(message) => {
            assert!(payload.len().is_multiple_of(16) && message.len() < payload.len() - 16);
            read(&message, None, suite.integrity != Integrity::None);
        }
        Err(_) => assert!(suite.confidentiality != Confidentiality::None),
    }
}

fn read(message: &[u8], target: Option<u8>, covered: bool) {
    if let Some(status) = reply(message, &GetChassisStatus, target, covered) {
        // Off is a zero in the lowest bit of the first byte behind completion code 0, in a reply to this very request.
        let inner = inner(message, target);
        assert_eq!(status.power_on, inner[7] & 1 == 1);
        assert_eq!((inner[1] >> 2, inner[4] >> 2, inner[5], inner[6]), (0x01, SEQ, 0x01, 0));
        assert!(inner.len() >= 11);
    }
    reply(message, &GetSystemRestartCause, target, covered);
    reply(message, &GetDeviceId, target, covered);
    reply(message, &GetSystemGuid, target, covered);
    reply(message, &ChassisControl::PowerDown, target, covered);
}

fn reply<C: Command>(message: &[u8], command: &C, target: Option<u8>, covered: bool) -> Option<C::Reply> {
    let reply = answer(message, &command.request(), SEQ, target, covered)?;
    if reply.completion != 0 { None } else { C::parse(&reply.data).ok() }
}

/// The reply of a target may stand within the BMC's own reply to Send Message.
fn inner(message: &[u8], target: Option<u8>) -> &[u8] {
    let (netfn, command) = (message[1] >> 2, message[5]);
    if target.is_some() && (netfn, command) == (0x07, 0x34) {
        &message[7..message.len() - 1]
    } else {
        message
    }
}
