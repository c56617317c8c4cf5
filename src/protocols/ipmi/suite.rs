//! Cipher suites as data (table 22-20), and what their algorithms compute (13.28 to 13.32).

use aes::Aes128;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit};
use hmac::digest::consts::U64;
use hmac::digest::{Digest as _, KeyInit};
use hmac::{Hmac, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::base::Secret;

/// The longest password of IPMI 2.0, and the longest Kg, in bytes (13.31).
pub const KEY_MAX: usize = 20;

/// How the two sides prove that they know the password (table 13-17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// Not at all.
    None = 0,
    /// RAKP-HMAC-SHA1.
    HmacSha1 = 1,
    /// RAKP-HMAC-MD5.
    HmacMd5 = 2,
    /// RAKP-HMAC-SHA256.
    HmacSha256 = 3,
}

/// How each packet is protected against change (table 13-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Not at all.
    None = 0,
    /// HMAC-SHA1-96, keyed with K1.
    HmacSha1_96 = 1,
    /// HMAC-MD5-128, keyed with K1.
    HmacMd5_128 = 2,
    /// MD5 over password, packet, password.
    Md5_128 = 3,
    /// HMAC-SHA256-128, keyed with K1.
    HmacSha256_128 = 4,
}

/// How each payload is hidden (table 13-19). xRC4 is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidentiality {
    /// Not at all.
    None = 0,
    /// AES-CBC-128, keyed with the first 16 bytes of K2.
    AesCbc128 = 1,
}

/// One row of table 22-20.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// The cipher suite id.
    pub id: u8,
    /// The key exchange.
    pub authentication: Authentication,
    /// The code on each packet.
    pub integrity: Integrity,
    /// The cipher on each payload.
    pub confidentiality: Confidentiality,
}

/// What is tried, in order, when no suite was asked for.
pub(super) const DEFAULTS: [u8; 2] = [17, 3];

/// The supported suites. Those with xRC4 (4, 5, 9, 10, 13, 14, 18, 19) are not among them.
pub const SUITES: [Suite; 12] = {
    use Authentication::{HmacMd5, HmacSha1, HmacSha256};
    use Confidentiality::AesCbc128;
    use Integrity::{HmacMd5_128, HmacSha1_96, HmacSha256_128, Md5_128};
    [
        row(0, Authentication::None, Integrity::None, Confidentiality::None),
        row(1, HmacSha1, Integrity::None, Confidentiality::None),
        row(2, HmacSha1, HmacSha1_96, Confidentiality::None),
        row(3, HmacSha1, HmacSha1_96, AesCbc128),
        row(6, HmacMd5, Integrity::None, Confidentiality::None),
        row(7, HmacMd5, HmacMd5_128, Confidentiality::None),
        row(8, HmacMd5, HmacMd5_128, AesCbc128),
        row(11, HmacMd5, Md5_128, Confidentiality::None),
        row(12, HmacMd5, Md5_128, AesCbc128),
        row(15, HmacSha256, Integrity::None, Confidentiality::None),
        row(16, HmacSha256, HmacSha256_128, Confidentiality::None),
        row(17, HmacSha256, HmacSha256_128, AesCbc128),
    ]
};

const fn row(
    id: u8,
    authentication: Authentication,
    integrity: Integrity,
    confidentiality: Confidentiality,
) -> Suite {
    Suite { id, authentication, integrity, confidentiality }
}

/// The suite with this id, if it is supported.
pub fn find(id: u8) -> Option<&'static Suite> {
    SUITES.iter().find(|suite| suite.id == id)
}

/// A key of at most 64 bytes, which is the block of all three hashes: HMAC pads a shorter one with zeros, so
/// the padding of password and Kg to 20 bytes (13.31) is the same key.
/// A key lies on the heap: where a value moves to, it leaves a copy behind on the stack.
pub(super) struct Key(Box<Zeroizing<[u8; 64]>>);

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Key {
        let mut key = Box::new(Zeroizing::new([0; 64]));
        key.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        Key(key)
    }

    /// The password as MD5-128 wants it: padded with zeros to 20 bytes.
    fn password(&self) -> &[u8] {
        self.0.get(..KEY_MAX).unwrap_or_default()
    }
}

/// What a hash gives: up to 32 bytes. It may be a key, and is wiped like one.
pub(super) struct Digest {
    bytes: Zeroizing<[u8; 32]>,
    len: usize,
}

impl Digest {
    fn new(from: &[u8]) -> Digest {
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.iter_mut().zip(from).for_each(|(slot, byte)| *slot = *byte);
        Digest { bytes, len: from.len().min(32) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The first `len` bytes: how a code is cut to 96 or 128 bits.
    pub(super) fn cut(&self, len: usize) -> &[u8] {
        self.bytes().get(..len).unwrap_or_default()
    }
}

/// Whether a code that came is ours, in a time that does not tell where they differ. An empty one never is. Some
/// firmware leaves a code uncut: what follows the part that counts does not matter.
pub(super) fn same(ours: &[u8], theirs: &[u8]) -> bool {
    !ours.is_empty() && theirs.get(..ours.len()).is_some_and(|theirs| bool::from(ours.ct_eq(theirs)))
}

fn hmac<M: Mac + KeyInit<KeySize = U64>>(key: &Key, parts: &[&[u8]]) -> Digest {
    let mut mac = <M as KeyInit>::new((&**key.0).into());
    parts.iter().for_each(|part| mac.update(part));
    Digest::new(&mac.finalize().into_bytes())
}

impl Authentication {
    /// The HMAC of the key exchange over the parts, one after the other. Empty for "none".
    pub(super) fn hmac(self, key: &Key, parts: &[&[u8]]) -> Digest {
        match self {
            Authentication::None => Digest::new(&[]),
            Authentication::HmacSha1 => hmac::<Hmac<Sha1>>(key, parts),
            Authentication::HmacMd5 => hmac::<Hmac<Md5>>(key, parts),
            Authentication::HmacSha256 => hmac::<Hmac<Sha256>>(key, parts),
        }
    }

    /// How many bytes of it stand in RAKP message 4 (13.28.1, 13.28.1b, 13.28.2): cut by the authentication
    /// algorithm, whatever the integrity algorithm is. Old Intel firmware ("intelplus" in ipmitool) cuts by the
    /// integrity algorithm, which is not supported.
    pub(super) fn rakp4_len(self) -> usize {
        match self {
            Authentication::None => 0,
            Authentication::HmacSha1 => 12,
            Authentication::HmacMd5 | Authentication::HmacSha256 => 16,
        }
    }

    /// The additional key K1 or K2 from the session integrity key (13.32). The constant is 20 bytes with every
    /// hash, as all known implementations have it.
    pub(super) fn additional_key(self, sik: &Key, constant: u8) -> Digest {
        self.hmac(sik, &[&[constant; 20]])
    }
}

impl Integrity {
    /// The length of the code in bytes.
    pub(super) fn len(self) -> usize {
        match self {
            Integrity::None => 0,
            Integrity::HmacSha1_96 => 12,
            Integrity::HmacMd5_128 | Integrity::Md5_128 | Integrity::HmacSha256_128 => 16,
        }
    }

    /// The code over a packet, uncut. MD5-128 has no key but the password, before and after (13.28.4).
    pub(super) fn code(self, k1: &Key, password: &Secret, packet: &[u8]) -> Digest {
        match self {
            Integrity::None => Digest::new(&[]),
            Integrity::HmacSha1_96 => hmac::<Hmac<Sha1>>(k1, &[packet]),
            Integrity::HmacMd5_128 => hmac::<Hmac<Md5>>(k1, &[packet]),
            Integrity::HmacSha256_128 => hmac::<Hmac<Sha256>>(k1, &[packet]),
            Integrity::Md5_128 => {
                let password = Key::new(password.expose());
                md5(&[password.password(), packet, password.password()])
            }
        }
    }
}

/// Plain MD5 over the parts.
pub(super) fn md5(parts: &[&[u8]]) -> Digest {
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(part));
    Digest::new(&md5.finalize())
}

/// Encrypts a payload (13.29): the initialisation vector, then the ciphertext of payload, pad 1, 2, 3... and
/// pad length.
pub(super) fn encrypt(key: &[u8; 16], iv: &[u8; 16], payload: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut plain = payload.to_vec();
    let mut pad = 0;
    while !(plain.len() + 1).is_multiple_of(16) {
        pad += 1;
        plain.push(pad);
    }
    plain.push(pad);
    let len = plain.len();
    cbc::Encryptor::<Aes128>::new(key.into(), iv.into())
        .encrypt_padded_mut::<NoPadding>(&mut plain, len)
        .map_err(|_| "the payload is not a whole number of blocks")?;
    Ok([iv.as_slice(), &plain].concat())
}

/// Decrypts a payload and takes the pad off, which must be 1, 2, 3... as 13.29 has it.
pub(super) fn decrypt(key: &[u8; 16], payload: &[u8]) -> Result<Vec<u8>, &'static str> {
    const BAD: &str = "the encrypted payload is malformed";
    let (iv, rest) = payload.split_first_chunk::<16>().ok_or(BAD)?;
    let mut plain = rest.to_vec();
    cbc::Decryptor::<Aes128>::new(key.into(), iv.into())
        .decrypt_padded_mut::<NoPadding>(&mut plain)
        .map_err(|_| BAD)?;
    let pad = plain.pop().ok_or(BAD)?;
    let len = plain.len().checked_sub(usize::from(pad)).ok_or(BAD)?;
    if !plain.drain(len..).eq(1..=pad) {
        return Err(BAD);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_the_vectors_of_rfc_2202_and_rfc_4231() {
        let data: &[&[u8]] = &[b"what do ya want ", b"for nothing?"];
        let key = Key::new(b"Jefe");
        let md5 = Authentication::HmacMd5.hmac(&key, data);
        assert_eq!(md5.bytes(), 0x750c783e6ab0b503eaa86e310a5db738_u128.to_be_bytes());
        let sha1 = Authentication::HmacSha1.hmac(&key, data);
        assert_eq!(sha1.cut(16), 0xeffcdf6ae5eb2fa2d27416d5f184df9c_u128.to_be_bytes());
        assert_eq!(sha1.bytes().len(), 20);
        let sha256 = Authentication::HmacSha256.hmac(&key, data);
        assert_eq!(sha256.cut(16), 0x5bdcc146bf60754e6a042426089575c7_u128.to_be_bytes());
        assert_eq!(sha256.bytes().len(), 32);
    }

    #[test]
    fn what_was_encrypted_comes_back_at_every_length() {
        for len in (0..70).step_by(if cfg!(miri) { 15 } else { 1 }) {
            let payload = vec![0xA5; len];
            let sealed = encrypt(&[7; 16], &[9; 16], &payload).unwrap();
            assert_eq!(sealed.len() % 16, 0);
            assert_eq!(decrypt(&[7; 16], &sealed).unwrap(), payload);
        }
    }

    #[test]
    fn a_pad_that_does_not_count_up_is_malformed() {
        // What is changed in the last byte of the vector changes in the last of the text: the length of the pad.
        let sealed = |change: u8| {
            let mut sealed = encrypt(&[7; 16], &[9; 16], &[0xA5; 10]).unwrap();
            sealed[15] ^= change;
            sealed
        };
        assert_eq!(decrypt(&[7; 16], &sealed(0)).unwrap(), [0xA5; 10]);
        for length in [1, 4, 6, 12, 15, 16, 255] {
            assert!(decrypt(&[7; 16], &sealed(5 ^ length)).is_err(), "{length}");
        }
    }

    #[test]
    fn an_empty_code_is_never_the_same() {
        assert!(!same(&[], &[]));
        assert!(!same(&[1], &[]));
        assert!(!same(&[1, 2], &[1]));
        assert!(!same(&[1, 2], &[1, 3]));
        assert!(same(&[1, 2], &[1, 2]) && same(&[1, 2], &[1, 2, 3]));
    }
}
