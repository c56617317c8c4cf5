//! Changed packets by the thousand: nothing panics, and nothing that was changed is taken for genuine.

use super::chassis::{GetChassisStatus, GetSystemRestartCause};
use super::command::Command;
use super::device::{GetAssetTag, GetDeviceId, GetSelTime, GetSessionInfo, GetSystemGuid};
use super::fru::{self, ReadFruData};
use super::rmcp::{self, Payload};
use super::suite::{self, Integrity, SUITES};
use super::v15::{Activated, Capabilities};
use super::v20::{Channel, OpenSessionReply, Rakp2, Rakp4};
use super::{message, v15};

/// Changed packets for each kind.
const ROUNDS: u32 = if cfg!(miri) { 1 } else { 2_000 };

/// A small generator (xorshift), so that every run tries the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }

    /// Overwrites, cuts, lengthens, repeats, one to four times.
    fn change(&mut self, datagram: &[u8]) -> Vec<u8> {
        let mut changed = datagram.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(changed.len());
            match self.below(6) {
                0 => changed.truncate(at),
                1 => changed.insert(at.min(changed.len()), self.byte()),
                2 => changed.extend(datagram.iter().take(at)),
                3 if !changed.is_empty() => changed[at] = [0, 1, 0x7F, 0x80, 0xFF][self.below(5)],
                _ if !changed.is_empty() => changed[at] ^= 1 << self.below(8),
                _ => changed.push(self.byte()),
            }
        }
        changed
    }
}

fn read_everything(bytes: &[u8]) {
    let _ = rmcp::parse(bytes);
    let _ = message::parse(bytes);
    let _ = OpenSessionReply::parse(bytes);
    let _ = Rakp2::parse(bytes);
    let _ = Rakp4::parse(bytes);
    let _ = Capabilities::parse(bytes);
    let _ = Activated::parse(bytes);
    let _ = suite::decrypt(&[1; 16], bytes);
    let _ = GetChassisStatus::parse(bytes);
    let _ = GetSystemRestartCause::parse(bytes);
    let _ = GetDeviceId::parse(bytes);
    let _ = GetSystemGuid::parse(bytes);
    let _ = GetSessionInfo::parse(bytes);
    let _ = GetSelTime::parse(bytes);
    let _ = GetAssetTag::parse(bytes);
    let _ = ReadFruData::parse(bytes);
    let _ = fru::parse(bytes);
}

#[test]
fn no_changed_packet_is_accepted_in_any_suite_that_protects_them() {
    let mut random = Random(0x1F2E_3D4C_5B6A_7988);
    let message = [0x81, 0x04, 0x7B, 0x20, 0x04, 0x01, 0x00, 0x01, 0x00, 0x00, 0xDA];
    for suite in &SUITES {
        for _ in 0..ROUNDS {
            let mut channel = Channel::looped(suite);
            let genuine = channel.seal(&message).unwrap();
            let changed = random.change(&genuine);
            // Two bytes of the RMCP header are nobody's concern.
            let same = changed.len() == genuine.len()
                && changed.iter().zip(&genuine).enumerate().all(|(at, (a, b))| a == b || at == 1 || at == 2);
            read_everything(&changed);
            let accepted = channel.unseal(&changed);
            if suite.integrity != Integrity::None {
                assert_eq!(accepted.is_ok(), same, "suite {}: {changed:02X?}", suite.id);
                // Nor does it use up the sequence number of the genuine one.
                assert_eq!(channel.unseal(&genuine).is_ok(), !same, "suite {}", suite.id);
            }
        }
    }
}

#[test]
fn no_length_and_no_content_makes_a_parser_panic() {
    let mut random = Random(0x0123_4567_89AB_CDEF);
    let samples = [
        rmcp::build_v20(Payload::OpenSessionResponse, false, false, 0, 0, &[0; 36]).unwrap(),
        rmcp::build_v20(Payload::Rakp2, true, true, 7, 9, &[5; 72]).unwrap(),
        rmcp::build_v15(rmcp::AuthType::Md5, 1, 2, &[3; 16], &[0x81, 0x1C, 0x63, 0x20, 0, 0x38]).unwrap(),
    ];
    for sample in &samples {
        for len in 0..=sample.len() {
            read_everything(&sample[..len]);
        }
        for _ in 0..ROUNDS * 10 {
            let changed = random.change(sample);
            read_everything(&changed);
            if let Ok(rmcp::Packet::V20(packet)) = rmcp::parse(&changed) {
                read_everything(packet.payload);
            }
            for auth in [rmcp::AuthType::None, rmcp::AuthType::Md5, rmcp::AuthType::Password] {
                let _ = v15::Channel::looped(auth).unseal(&changed);
            }
        }
    }
}
