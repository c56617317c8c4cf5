//! IPMI before anybody has proven anything: any datagram may come from anybody.

use fence_agents::protocols::ipmi::fuzzing::{LoopedV15, LoopedV20, opened};
use fence_agents::protocols::ipmi::suite::{Integrity, SUITES};
use fence_agents::protocols::ipmi::v15::{Activated, Capabilities};
use fence_agents::protocols::ipmi::v20::{OpenSessionReply, Rakp2, Rakp4};
use fence_agents::protocols::ipmi::{AuthType, message, rmcp};

/// The tag and the id that the seeds answer.
const TAG: u8 = 7;
const CONSOLE: u32 = 0xA4A3_A2A1;

/// Reads any input.
pub fn run(data: &[u8]) {
    match rmcp::parse(data) {
        Ok(rmcp::Packet::V15(packet)) => {
            let header = if packet.code.is_some() { 30 } else { 14 };
            assert_eq!(packet.code.is_some(), packet.auth_type != 0);
            assert_eq!(data[header..].get(..packet.message.len()), Some(packet.message));
            handshake_v15(packet.message);
        }
        Ok(rmcp::Packet::V20(packet)) => {
            assert_eq!(packet.from_auth_type, &data[4..]);
            assert_eq!([packet.payload, packet.trailer].concat(), data[16..]);
            handshake_v20(packet.payload);
        }
        Err(why) => assert!(!why.is_empty()),
    }
    // The replies without what is around them, so that each byte here is one of theirs.
    handshake_v15(data);
    handshake_v20(data);

    for suite in &SUITES {
        // Nobody gets into a session without its keys.
        if suite.integrity != Integrity::None {
            assert!(LoopedV20::new(suite).unseal(data).is_err(), "suite {}", suite.id);
        }
        // Open Session is answered by what names our session and just the algorithms that we asked for.
        if let Some(bmc) = opened(data, TAG, CONSOLE, suite) {
            let Ok(rmcp::Packet::V20(packet)) = rmcp::parse(data) else {
                panic!("opened by no packet of 2.0")
            };
            let reply = OpenSessionReply::parse(packet.payload).unwrap();
            assert!(bmc != 0 && bmc == reply.bmc_id && reply.status == 0);
            assert_eq!((reply.tag, reply.console_id), (TAG, Some(CONSOLE)));
            let ours = [suite.authentication as u8, suite.integrity as u8, suite.confidentiality as u8];
            assert_eq!(reply.algorithms, ours, "suite {}", suite.id);
        }
    }
    assert!(LoopedV15::new(AuthType::Md5).unseal(data).is_err());
}

fn handshake_v15(bytes: &[u8]) {
    if let Ok(parsed) = message::parse(bytes) {
        let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        assert!(sum(&bytes[..3]) == 0 && sum(&bytes[3..]) == 0);
        assert_eq!(parsed.data.len() + 8, bytes.len());
        parts_v15(parsed.data);
    }
    parts_v15(bytes);
}

fn parts_v15(data: &[u8]) {
    // A channel offers IPMI 2.0 only where both bits for it stand.
    if let Ok(offered) = Capabilities::parse(data) {
        assert_eq!(offered.v20, data[1] & 0x80 != 0 && data[3] & 0x02 != 0);
        assert!(data.len() >= 4);
    }
    if let Ok(activated) = Activated::parse(data) {
        assert!(data.len() >= 9 && activated.auth_type <= 0x0F);
    }
}

fn handshake_v20(payload: &[u8]) {
    // A reply that isn't a refusal is whole, and names a session.
    if let Ok(reply) = OpenSessionReply::parse(payload) {
        assert!(reply.status != 0 || (payload.len() == 36 && reply.console_id.is_some()));
        assert_eq!((reply.tag, reply.status), (payload[0], payload[1]));
    }
    if let Ok(reply) = Rakp2::parse(payload) {
        assert!(reply.status != 0 || (payload.len() >= 40 && reply.console_id.is_some()));
        assert!(reply.status == 0 || reply.code.is_empty());
        assert!(payload.ends_with(reply.code));
    }
    if let Ok(reply) = Rakp4::parse(payload) {
        assert!(reply.status != 0 || (payload.len() >= 8 && reply.console_id.is_some()));
        assert!(payload.ends_with(reply.code));
    }
}
