//! Cipher suites and what they compute, straight from the specification (IPMI v2.0 rev 1.1, 13.27 to 13.32 and
//! 22.15.2). Algorithms go by their numbers on the wire.

use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The three algorithms of a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// The suite's own number (table 22-20).
    pub id: u8,
    /// 0 none, 1 HMAC-SHA1, 2 HMAC-MD5, 3 HMAC-SHA256 (table 13-17).
    pub auth: u8,
    /// 0 none, 1 HMAC-SHA1-96, 2 HMAC-MD5-128, 3 MD5-128, 4 HMAC-SHA256-128 (table 13-18).
    pub integrity: u8,
    /// 0 none, 1 AES-CBC-128 (table 13-19).
    pub confidentiality: u8,
}

const fn suite(id: u8, auth: u8, integrity: u8, confidentiality: u8) -> Suite {
    Suite { id, auth, integrity, confidentiality }
}

/// Every suite that this BMC knows.
pub const SUITES: [Suite; 12] = [
    suite(0, 0, 0, 0),
    suite(1, 1, 0, 0),
    suite(2, 1, 1, 0),
    suite(3, 1, 1, 1),
    suite(6, 2, 0, 0),
    suite(7, 2, 2, 0),
    suite(8, 2, 2, 1),
    suite(11, 2, 3, 0),
    suite(12, 2, 3, 1),
    suite(15, 3, 0, 0),
    suite(16, 3, 4, 0),
    suite(17, 3, 4, 1),
];

/// The keys of one session.
#[derive(Clone, Debug)]
pub struct Keys {
    pub(super) suite: Suite,
    k1: Vec<u8>,
    k2: Vec<u8>,
    password: [u8; 20],
}

impl Keys {
    /// K1 and K2 from the session integrity key (13.32).
    pub(super) fn new(suite: Suite, sik: &[u8], password: [u8; 20]) -> Keys {
        let k1 = keyed_hash(suite.auth, sik, &[[1; 20].as_slice()]);
        let k2 = keyed_hash(suite.auth, sik, &[[2; 20].as_slice()]);
        Keys { suite, k1, k2, password }
    }

    /// The AuthCode of a session trailer over everything from the authentication type to the next header.
    pub(super) fn trailer_code(&self, covered: &[u8]) -> Vec<u8> {
        match self.suite.integrity {
            0 => Vec::new(),
            1 => cut(keyed_hash(1, &self.k1, &[covered]), 12),
            2 => keyed_hash(2, &self.k1, &[covered]),
            3 => {
                // 13.28.3: the password before and after, without a key.
                let mut hash = Md5::new();
                hash.update(self.password);
                hash.update(covered);
                hash.update(self.password);
                hash.finalize().to_vec()
            }
            _ => cut(keyed_hash(3, &self.k1, &[covered]), 16),
        }
    }

    /// Vector, ciphertext, with the pad 1, 2, 3, ... and its length inside (13.29). `broken` spoils the pad.
    pub(super) fn encrypt(&self, payload: &[u8], broken: bool) -> Vec<u8> {
        let mut text = payload.to_vec();
        // At least one byte of pad where it is to be spoilt, since an empty one can't be.
        let mut pad = (15 - payload.len() % 16) as u8;
        if broken && pad == 0 {
            pad = 16;
        }
        text.extend((1..=pad).map(|byte| if broken { byte ^ 0x55 } else { byte }));
        text.push(pad);
        let mut vector = [0; 16];
        getrandom::fill(&mut vector).expect("random bytes");
        let length = text.len();
        cbc::Encryptor::<aes::Aes128>::new_from_slices(&self.k2[..16], &vector)
            .expect("16 bytes each")
            .encrypt_padded_mut::<NoPadding>(&mut text, length)
            .expect("whole blocks");
        [vector.as_slice(), &text].concat()
    }

    /// The payload, or `None` where length or pad are not as 13.29 has them.
    pub(super) fn decrypt(&self, body: &[u8]) -> Option<Vec<u8>> {
        let (vector, text) = body.split_at_checked(16)?;
        let mut text = text.to_vec();
        cbc::Decryptor::<aes::Aes128>::new_from_slices(&self.k2[..16], vector)
            .ok()?
            .decrypt_padded_mut::<NoPadding>(&mut text)
            .ok()?;
        let pad = usize::from(text.pop()?);
        let end = text.len().checked_sub(pad)?;
        let right = pad < 16 && text[end..].iter().zip(1..).all(|(byte, count)| *byte == count);
        right.then(|| text[..end].to_vec())
    }
}

/// HMAC with the hash of an authentication algorithm; nothing for RAKP-none.
pub(super) fn keyed_hash(auth: u8, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    fn compute<M: Mac + hmac::digest::KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = <M as Mac>::new_from_slice(key).expect("any length will do");
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().to_vec()
    }
    match auth {
        0 => Vec::new(),
        1 => compute::<Hmac<Sha1>>(key, parts),
        2 => compute::<Hmac<Md5>>(key, parts),
        _ => compute::<Hmac<Sha256>>(key, parts),
    }
}

/// The integrity check value of RAKP 4 as cut for each authentication algorithm (13.28).
pub(super) fn rakp4_code(auth: u8, sik: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    cut(keyed_hash(auth, sik, parts), if auth == 1 { 12 } else { 16 })
}

/// The AuthCode of an IPMI 1.5 packet (22.17.1): the password itself, or MD5 around it.
pub(super) fn v15_code(
    auth_type: u8,
    password: &[u8; 16],
    session: u32,
    sequence: u32,
    payload: &[u8],
) -> Vec<u8> {
    match auth_type {
        0 => Vec::new(),
        4 => password.to_vec(),
        _ => {
            let mut hash = Md5::new();
            hash.update(password);
            hash.update(session.to_le_bytes());
            hash.update(payload);
            hash.update(sequence.to_le_bytes());
            hash.update(password);
            hash.finalize().to_vec()
        }
    }
}

fn cut(mut code: Vec<u8>, length: usize) -> Vec<u8> {
    code.truncate(length);
    code
}
