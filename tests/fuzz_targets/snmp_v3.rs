//! SNMPv3: a datagram that anybody may have sent, and what a device that knows the keys may send: the input is signed, and
//! encrypted where that is agreed on, before it is read. The first byte chooses which.
//!
//! Signing and encrypting are written anew here, after RFC 3414 and RFC 3826.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use fence_agents::base::Secret;
use fence_agents::protocols::snmp::fuzzing::{Heard, User, community};
use fence_agents::protocols::snmp::{Auth, AuthProtocol, CommunityVersion, Level, PrivProtocol, Privacy};
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};

use super::ber::{all, number, tlv};
use super::common::Input;
use super::snmp::{ID, meaning};

const NAME: &str = "fence";
const AUTH: &[u8] = b"authentication";
const PRIV: &[u8] = b"encryption";
const ENGINE: &[u8] = b"\x80\0\x1f\x88\x04engine";
const BOOTS: i32 = 3;
const TIME: i32 = 1000;
const SALT: [u8; 8] = *b"saltsalt";

const SIGNED: u8 = 1;
const ENCRYPTED: u8 = 2;

/// The users and keys, which take a megabyte of hash each.
struct Parties {
    users: [User; 3],
    auth: [u8; 16],
    privacy: [u8; 16],
}

thread_local! {
    static PARTIES: Parties = parties();
}

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    PARTIES.with(|parties| match input.byte() % 5 {
        0 => anybody(parties, input.rest()),
        1 => discovery(input.rest()),
        2 => pdu(parties, 0, input.rest()),
        3 => pdu(parties, SIGNED, input.rest()),
        _ => pdu(parties, SIGNED | ENCRYPTED, input.rest()),
    });
}

fn parties() -> Parties {
    let auth = Auth { protocol: AuthProtocol::Md5, password: Secret::new(AUTH) };
    let privacy = Privacy { protocol: PrivProtocol::Aes, password: Secret::new(PRIV) };
    let levels = [Level::NoAuthNoPriv, Level::AuthNoPriv(auth.clone()), Level::AuthPriv(auth, privacy)];
    let users = levels.map(|level| {
        let mut user = User::new(NAME, &level);
        // usmStatsUnknownEngineIDs, in clear.
        let counter = all(0x30, &[&tlv(6, &[43, 6, 1, 6, 3, 15, 1, 1, 4, 0]), &tlv(0x41, &[1])]);
        let report = all(0xA8, &[&number(ID), &tlv(2, &[0]), &tlv(2, &[0]), &tlv(0x30, &counter)]);
        assert!(matches!(user.discover(&message(0, &scoped(&report), &[], &[]), ID), Heard::AskAgain));
        assert!(user.is_ready());
        user
    });
    Parties { users, auth: key(AUTH), privacy: key(PRIV) }
}

/// RFC 3414, A.2.1, and the localised key of 2.6.
fn key(password: &[u8]) -> [u8; 16] {
    let long: Vec<u8> = password.iter().copied().cycle().take(1 << 20).collect();
    let key = Md5::digest(long);
    Md5::digest([&key[..], ENGINE, &key[..]].concat()).into()
}

fn scoped(pdu: &[u8]) -> Vec<u8> {
    all(0x30, &[&tlv(4, ENGINE), &tlv(4, b""), pdu])
}

/// RFC 3412, section 6, with the security parameters of RFC 3414, section 2.4.
fn message(flags: u8, data: &[u8], code: &[u8], salt: &[u8]) -> Vec<u8> {
    let global = all(0x30, &[&number(ID), &number(65_507), &tlv(4, &[flags]), &tlv(2, &[3])]);
    let security = all(
        0x30,
        &[
            &tlv(4, ENGINE),
            &number(BOOTS),
            &number(TIME),
            &tlv(4, NAME.as_bytes()),
            &tlv(4, code),
            &tlv(4, salt),
        ],
    );
    all(0x30, &[&tlv(2, &[3]), &global, &tlv(4, &security), data])
}

/// HMAC-MD5-96 over the message, in its place (RFC 3414, section 6.3).
fn signed(parties: &Parties, flags: u8, data: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut whole = message(flags, data, &[0; 12], salt);
    let mut mac = <Hmac<Md5> as Mac>::new_from_slice(&parties.auth).unwrap();
    mac.update(&whole);
    let code = mac.finalize().into_bytes();
    let at = whole.len() - data.len() - salt.len() - 2 - 12;
    whole[at..at + 12].copy_from_slice(&code[..12]);
    whole
}

/// CFB-AES-128 (RFC 3826, section 3.1).
fn encrypted(parties: &Parties, data: &[u8]) -> Vec<u8> {
    let aes = Aes128::new(&parties.privacy.into());
    let mut last = [BOOTS.to_be_bytes(), TIME.to_be_bytes()].concat();
    last.extend(SALT);
    let mut out = Vec::new();
    for block in data.chunks(16) {
        let mut stream = *aes::Block::from_slice(&last);
        aes.encrypt_block(&mut stream);
        last = block.iter().zip(stream).map(|(byte, key)| byte ^ key).collect();
        out.extend(&last);
    }
    out
}

/// Whatever it is, without the keys it is neither a reply nor the end of a request that is signed; what a report in clear
/// may end is named in RFC 3414, section 3.2.
fn anybody(parties: &Parties, datagram: &[u8]) {
    for (user, level) in parties.users.iter().zip(0..) {
        let mut user = user.just_met();
        match user.hear(datagram, ID) {
            Heard::Reply(response) => {
                assert_eq!(level, 0, "{response:?}");
                meaning(&response, datagram.len());
            }
            Heard::AskAgain | Heard::Fail(_) | Heard::Nothing => {}
        }
        let _ = user.discover(datagram, ID + 1);
    }
}

/// An engine is learnt from a report to our own question only.
fn discovery(datagram: &[u8]) {
    let mut user = User::new(NAME, &Level::NoAuthNoPriv);
    let heard = user.discover(datagram, ID);
    assert_eq!(user.is_ready(), matches!(heard, Heard::AskAgain));
    assert!(!matches!(heard, Heard::Reply(_)));
    let mut other = User::new(NAME, &Level::NoAuthNoPriv);
    assert!(!user.is_ready() || matches!(other.discover(datagram, ID + 1), Heard::Nothing));
}

/// The input as PDU of a message that is right in everything else.
fn pdu(parties: &Parties, flags: u8, pdu: &[u8]) {
    if pdu.len() > 60_000 {
        return;
    }
    let data = scoped(pdu);
    let datagram = match flags {
        0 => message(0, &data, &[], &[]),
        SIGNED => signed(parties, flags, &data, &[]),
        _ => signed(parties, flags, &tlv(4, &encrypted(parties, &data)), &SALT),
    };
    let user = &parties.users[usize::from(flags.count_ones() as u8)];
    if let Heard::Reply(response) = user.just_met().hear(&datagram, ID) {
        meaning(&response, datagram.len());
        // It says the same in a message of SNMPv2c, where there is nothing around it.
        let plain = all(0x30, &[&tlv(2, &[1]), &tlv(4, b"c"), pdu]);
        match community(&plain, CommunityVersion::V2c, b"c", ID) {
            Heard::Reply(other) => assert_eq!(response, other),
            other => panic!("{response:?} and {other:?}"),
        }
        // One bit changed anywhere, and whoever demands a signature hears nothing of it.
        if flags & SIGNED != 0 {
            let at = response.answers.len() * 7 % datagram.len();
            let mut changed = datagram.clone();
            changed[at] ^= 0x10;
            assert!(!matches!(user.just_met().hear(&changed, ID), Heard::Reply(_)), "bit in byte {at}");
        }
        // Less protection than agreed on is none.
        for stricter in &parties.users[usize::from(flags.count_ones() as u8) + 1..] {
            assert!(!matches!(stricter.just_met().hear(&datagram, ID), Heard::Reply(_)));
        }
    }
}
