//! The user-based security model (RFC 3414) around the SNMP crate's: engine discovery, the engine's clock, reports.

use std::time::Instant;

use snmp2::{AsnReader, MessageType, Pdu, asn1, snmp, v3};

use super::credentials::{Auth, AuthProtocol, Level, PrivProtocol, Privacy};
use super::error::{Error, MAX_MESSAGE, Rejection};
use super::message::{Operation, Reply, Request};
use super::oid::Oid;

/// What a datagram means for the request it may belong to.
pub(super) enum Verdict {
    /// It is the answer.
    Reply(Reply),
    /// It carried news of the agent's engine: ask again.
    AskAgain,
    /// It belongs to another request or to nobody; keep waiting.
    Stray,
    /// It belongs to the request and can't be used.
    Unusable(&'static str),
    /// It ends the request.
    Fail(Error),
}

/// The state of SNMPv3 with one agent: who asks, and what is known of the agent's engine.
#[derive(Clone)]
pub(super) struct Usm {
    name: String,
    level: Level,
    /// Which of the two incompatible key extensions the next message uses.
    extension: v3::KeyExtension,
    /// Whether that is known to be the agent's, or makes no difference.
    settled: bool,
    /// The extension that the agent couldn't decrypt.
    refuted: Option<v3::KeyExtension>,
    engine: Option<Engine>,
    /// The identifier of the engine whose signature was right last. What discovery tells proves nothing.
    proven: Option<Vec<u8>>,
}

/// An agent's engine. The keys are derived for it once and kept.
#[derive(Clone)]
struct Engine {
    id: Vec<u8>,
    boots: i64,
    time: i64,
    /// When `time` was learnt.
    at: Instant,
    /// The security state for one or both key extensions.
    keys: Vec<(v3::KeyExtension, v3::Security)>,
}

impl Engine {
    /// The security state with the engine's clock as it stands now. The crate doesn't advance it.
    fn now(&self, extension: v3::KeyExtension) -> Option<v3::Security> {
        let passed = i64::try_from(self.at.elapsed().as_secs()).unwrap_or(0);
        let (_, security) = self.keys.iter().find(|(of, _)| *of == extension)?;
        Some(security.clone().with_engine_boots_and_time(self.boots, self.time.saturating_add(passed)))
    }

    fn learn(&mut self, boots: i64, time: i64) {
        self.boots = boots;
        self.time = time;
        self.at = Instant::now();
    }
}

impl Usm {
    pub(super) fn new(name: &str, level: &Level) -> Usm {
        let (extension, settled) = extension(level);
        Usm {
            name: name.to_owned(),
            level: level.clone(),
            extension,
            settled,
            refuted: None,
            engine: None,
            proven: None,
        }
    }

    /// The same, as if the engine had told its time just now.
    pub(super) fn just_met(&self) -> Usm {
        let mut usm = self.clone();
        if let Some(engine) = &mut usm.engine {
            engine.at = Instant::now();
        }
        usm
    }

    /// Whether the agent's engine is known.
    pub(super) fn is_ready(&self) -> bool {
        self.engine.is_some()
    }

    /// Whether messages are signed.
    pub(super) fn signs(&self) -> bool {
        !matches!(self.level, Level::NoAuthNoPriv)
    }

    /// The identifier of the engine that the next message is for.
    pub(super) fn engine_id(&self) -> Option<&[u8]> {
        self.engine.as_ref().map(|engine| engine.id.as_slice())
    }

    /// The identifier of the engine that has signed the last message that was taken: `None` at a level without
    /// signatures.
    pub(super) fn proven(&self) -> Option<&[u8]> {
        self.proven.as_deref()
    }

    /// The key extension that the next message uses.
    pub(super) fn extension(&self) -> v3::KeyExtension {
        self.extension
    }

    /// The message that makes an agent tell its engine identifier (section 4): nothing in it is secret.
    pub(super) fn discovery(id: i32) -> Result<Vec<u8>, snmp2::Error> {
        let nobody = v3::Security::new(&[], &[]).with_auth(v3::Auth::NoAuthNoPriv);
        Request::read(Operation::Get, []).map_err(|_| snmp2::Error::AsnParse)?.with_security(&nobody, id)
    }

    /// The message for a request.
    pub(super) fn encode(&self, request: &Request, id: i32) -> Result<Vec<u8>, snmp2::Error> {
        match self.engine.as_ref().and_then(|engine| engine.now(self.extension)) {
            Some(security) => request.with_security(&security, id),
            None => Usm::discovery(id),
        }
    }

    /// Takes the other key extension for the next message, unless it is settled which one is right: some agents
    /// are silent to what they can't decrypt.
    pub(super) fn alternate(&mut self) {
        let other = self.extension.other();
        if self.settled || self.refuted == Some(other) {
            return;
        }
        let security = self.security(other);
        let Some(engine) = &mut self.engine else { return };
        if !engine.keys.iter().any(|(of, _)| *of == other) {
            match security.with_engine_id(&engine.id) {
                Ok(security) => engine.keys.push((other, security)),
                Err(_) => return,
            }
        }
        log::debug!("SNMPv3: trying the other way of extending the privacy key");
        self.extension = other;
    }

    /// Derives the keys for an engine.
    fn meet(&mut self, id: &[u8], boots: i64, time: i64) -> Result<(), snmp2::Error> {
        let security = self.security(self.extension).with_engine_id(id)?;
        let keys = vec![(self.extension, security)];
        self.engine = Some(Engine { id: id.to_vec(), boots, time, at: Instant::now(), keys });
        Ok(())
    }

    fn security(&self, extension: v3::KeyExtension) -> v3::Security {
        let name = self.name.as_bytes();
        match &self.level {
            Level::NoAuthNoPriv => v3::Security::new(name, &[]).with_auth(v3::Auth::NoAuthNoPriv),
            Level::AuthNoPriv(auth) => signed(name, auth).with_auth(v3::Auth::AuthNoPriv),
            Level::AuthPriv(auth, privacy) => signed(name, auth)
                .with_auth(v3::Auth::AuthPriv {
                    cipher: cipher(privacy.protocol),
                    privacy_password: privacy.password.expose().to_vec(),
                })
                .with_key_extension_method(extension),
        }
    }

    /// What a datagram means for the discovery sent with this identifier.
    pub(super) fn judge_discovery(&mut self, datagram: &[u8], id: i32) -> Verdict {
        let header = match Header::read_for(datagram, id) {
            Ok(header) => header,
            Err(verdict) => return verdict,
        };
        if header.plain_report().is_none() {
            return Verdict::Unusable("it answers discovery with something else than a report");
        }
        // SnmpEngineID has 5 to 32 octets (RFC 3411, section 5); not every agent keeps to the lower limit.
        if header.engine.is_empty() || header.engine.len() > 32 {
            return Verdict::Unusable("it names no engine");
        }
        match self.meet(header.engine, header.boots, header.time) {
            Ok(()) => Verdict::AskAgain,
            Err(_) => Verdict::Unusable("no keys can be derived for its engine"),
        }
    }

    /// What a datagram means for the request sent with this identifier and key extension.
    ///
    /// The crate changes its state before it has verified a signature, so it works on a copy, and only what a
    /// verified message said is kept. It also writes into the datagram.
    pub(super) fn judge(&mut self, datagram: &mut [u8], id: i32, extension: v3::KeyExtension) -> Verdict {
        let header = match Header::read_for(datagram, id) {
            Ok(header) => header,
            Err(verdict) => return verdict,
        };
        let (boots, time) = (header.boots, header.time);
        let report = header.plain_report();
        let signed = header.flags & snmp::V3_MSG_FLAGS_AUTH != 0;
        if !signed && let Some(counter) = &report {
            return self.heed(counter, false, extension);
        }
        if !signed && self.signs() {
            return Verdict::Unusable("it isn't signed");
        }
        let Some(engine) = &mut self.engine else { return Verdict::Stray };
        let Some(mut copy) = engine.now(extension) else { return Verdict::Stray };
        match Pdu::from_bytes_with_security(datagram, Some(&mut copy)) {
            Ok(pdu) if pdu.message_type == MessageType::Response => {
                if pdu.req_id != id || pdu.v3_msg_id != id {
                    return Verdict::Unusable("its identifiers contradict each other");
                }
                engine.learn(boots, time);
                if !matches!(self.level, Level::NoAuthNoPriv) {
                    self.proven = Some(engine.id.clone());
                }
                self.extension = extension;
                self.settled = true;
                match Reply::read(&pdu) {
                    Ok(reply) => Verdict::Reply(reply),
                    Err(why) => Verdict::Unusable(why),
                }
            }
            Ok(pdu) if pdu.message_type == MessageType::Report => {
                let counter =
                    pdu.varbinds.clone().next().and_then(|(name, _)| Oid::from_ber(name.as_bytes()));
                engine.learn(boots, time);
                match counter {
                    Some(counter) => self.heed(&counter, signed, extension),
                    None => Verdict::Unusable("it is an empty report"),
                }
            }
            Ok(_) => Verdict::Unusable("it is no response"),
            // The signature was right in the next two cases (or there is none at this level).
            Err(
                snmp2::Error::AuthUpdated | snmp2::Error::AuthFailure(v3::AuthErrorKind::EngineTimeMismatch),
            ) => {
                engine.learn(boots, time);
                Verdict::AskAgain
            }
            Err(snmp2::Error::AuthFailure(v3::AuthErrorKind::ReplyNotEncrypted)) => match report {
                Some(counter) => {
                    engine.learn(boots, time);
                    self.heed(&counter, true, extension)
                }
                None => Verdict::Unusable("it isn't encrypted"),
            },
            Err(snmp2::Error::AuthFailure(
                v3::AuthErrorKind::EngineIdMismatch | v3::AuthErrorKind::EngineBootsMismatch,
            )) => {
                self.engine = None;
                Verdict::AskAgain
            }
            Err(snmp2::Error::AuthFailure(v3::AuthErrorKind::SignatureMismatch)) => {
                Verdict::Unusable("its signature is wrong")
            }
            Err(snmp2::Error::AuthFailure(v3::AuthErrorKind::EngineBootsNotProvided)) => Verdict::Unusable(
                "the agent counts no boots of its engine, so its messages could be old ones",
            ),
            Err(_) => Verdict::Unusable("it can't be read"),
        }
    }

    /// What a report demands (RFC 3414, section 5; RFC 3412, section 5; RFC 3413, section 4.1.2).
    fn heed(&mut self, counter: &Oid, signed: bool, extension: v3::KeyExtension) -> Verdict {
        log::debug!("SNMPv3 report {counter}");
        let rejection = match counter.arcs() {
            [1, 3, 6, 1, 6, 3, 15, 1, 1, which, ..] => match which {
                1 => Rejection::UnsupportedLevel,
                // Not in the time window: the clock has been set by this report if it is signed.
                2 if signed => return Verdict::AskAgain,
                2 | 4 => {
                    self.engine = None;
                    return Verdict::AskAgain;
                }
                3 => Rejection::UnknownUser,
                5 => Rejection::WrongAuthentication,
                6 if !self.settled && self.refuted.is_none_or(|refuted| refuted == extension) => {
                    self.refuted = Some(extension);
                    if self.extension == extension {
                        self.alternate();
                    }
                    return Verdict::AskAgain;
                }
                6 => Rejection::WrongPrivacy,
                _ => Rejection::Other,
            },
            [1, 3, 6, 1, 6, 3, 12, 1, 4 | 5, ..] => Rejection::NoContext,
            [1, 3, 6, 1, 6, 3, 11, 2, 1, 3, ..] => Rejection::NoHandler,
            _ => Rejection::Other,
        };
        Verdict::Fail(Error::Rejected(rejection))
    }
}

fn signed(name: &[u8], auth: &Auth) -> v3::Security {
    v3::Security::new(name, auth.password.expose()).with_auth_protocol(match auth.protocol {
        AuthProtocol::Md5 => v3::AuthProtocol::Md5,
        AuthProtocol::Sha => v3::AuthProtocol::Sha1,
        AuthProtocol::Sha224 => v3::AuthProtocol::Sha224,
        AuthProtocol::Sha256 => v3::AuthProtocol::Sha256,
        AuthProtocol::Sha384 => v3::AuthProtocol::Sha384,
        AuthProtocol::Sha512 => v3::AuthProtocol::Sha512,
    })
}

fn cipher(protocol: PrivProtocol) -> v3::Cipher {
    match protocol {
        PrivProtocol::Des => v3::Cipher::Des,
        PrivProtocol::Aes => v3::Cipher::Aes128,
        PrivProtocol::Aes192 | PrivProtocol::Aes192C => v3::Cipher::Aes192,
        PrivProtocol::Aes256 | PrivProtocol::Aes256C => v3::Cipher::Aes256,
    }
}

/// The key extension to begin with, and whether that is the only one to try. It matters only where the hash is
/// shorter than the key.
fn extension(level: &Level) -> (v3::KeyExtension, bool) {
    let Level::AuthPriv(Auth { protocol: auth, .. }, Privacy { protocol: privacy, .. }) = level else {
        return (v3::KeyExtension::Blumenthal, true);
    };
    match (privacy, auth) {
        (PrivProtocol::Aes192C | PrivProtocol::Aes256C, _) => (v3::KeyExtension::Reeder, true),
        (PrivProtocol::Aes192, AuthProtocol::Md5 | AuthProtocol::Sha)
        | (PrivProtocol::Aes256, AuthProtocol::Md5 | AuthProtocol::Sha | AuthProtocol::Sha224) => {
            (v3::KeyExtension::Blumenthal, false)
        }
        _ => (v3::KeyExtension::Blumenthal, true),
    }
}

/// The parts of an SNMPv3 message that stand in clear (RFC 3412, section 6; RFC 3414, section 2.4).
struct Header<'a> {
    flags: u8,
    engine: &'a [u8],
    boots: i64,
    time: i64,
    /// The scoped PDU, or its encrypted form.
    rest: AsnReader<'a>,
}

impl<'a> Header<'a> {
    /// Reads the header of a message that belongs to the request with this identifier.
    fn read_for(datagram: &'a [u8], id: i32) -> Result<Header<'a>, Verdict> {
        let (message_id, size, header) = Header::read(datagram).ok_or(Verdict::Stray)?;
        if message_id != i64::from(id) {
            return Err(Verdict::Stray);
        }
        if size > MAX_MESSAGE {
            return Err(Verdict::Fail(Error::MessageSize(size)));
        }
        let range = 0..=i64::from(i32::MAX);
        if size < 0 || !range.contains(&header.boots) || !range.contains(&header.time) {
            return Err(Verdict::Unusable("a number in its header is out of range"));
        }
        Ok(header)
    }

    fn read(datagram: &'a [u8]) -> Option<(i64, i64, Header<'a>)> {
        let mut message =
            AsnReader::from_bytes(AsnReader::from_bytes(datagram).read_raw(asn1::TYPE_SEQUENCE).ok()?);
        if message.read_asn_integer().ok()? != 3 {
            return None;
        }
        let mut global = AsnReader::from_bytes(message.read_raw(asn1::TYPE_SEQUENCE).ok()?);
        let id = global.read_asn_integer().ok()?;
        let size = global.read_asn_integer().ok()?;
        let flags = global.read_asn_octetstring().ok()?.first().copied()?;
        let security = message.read_asn_octetstring().ok()?;
        let mut security =
            AsnReader::from_bytes(AsnReader::from_bytes(security).read_raw(asn1::TYPE_SEQUENCE).ok()?);
        let engine = security.read_asn_octetstring().ok()?;
        let boots = security.read_asn_integer().ok()?;
        let time = security.read_asn_integer().ok()?;
        Some((id, size, Header { flags, engine, boots, time, rest: message }))
    }

    /// The counter that a report in clear names; `None` for everything else.
    fn plain_report(&self) -> Option<Oid> {
        if self.flags & snmp::V3_MSG_FLAGS_PRIVACY != 0 {
            return None;
        }
        let mut scoped = AsnReader::from_bytes(self.rest.clone().read_raw(asn1::TYPE_SEQUENCE).ok()?);
        scoped.read_asn_octetstring().ok()?;
        scoped.read_asn_octetstring().ok()?;
        let mut report = AsnReader::from_bytes(scoped.read_raw(snmp::MSG_REPORT).ok()?);
        for _ in 0..3 {
            report.read_asn_integer().ok()?;
        }
        let mut varbinds = AsnReader::from_bytes(report.read_raw(asn1::TYPE_SEQUENCE).ok()?);
        let mut first = AsnReader::from_bytes(varbinds.read_raw(asn1::TYPE_SEQUENCE).ok()?);
        Oid::from_ber(first.read_asn_objectidentifier().ok()?.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    const ID: i32 = 0x0102_0304;

    fn user() -> Usm {
        let auth = Auth { protocol: AuthProtocol::Sha, password: Secret::new("auth-password") };
        let mut usm = Usm::new("u", &Level::AuthNoPriv(auth));
        usm.meet(&[0x80, 0, 0, 0, 1], 1, 1).unwrap();
        usm
    }

    fn judged(user: &mut Usm, mut datagram: Vec<u8>) -> String {
        match user.judge(&mut datagram, ID, v3::KeyExtension::Blumenthal) {
            Verdict::Unusable(why) => why.to_owned(),
            _ => panic!("neither a response nor signed, and yet something came of it"),
        }
    }

    /// CVE-2008-0960: where the sender chooses how much of the code counts, one byte of it is soon guessed.
    #[test]
    fn a_signature_cut_short_is_refused_whatever_is_left_of_it() {
        // One for all of them: its key is a megabyte of hash.
        let mut user = user();
        let message = user.encode(&Request::read(Operation::Get, []).unwrap(), ID).unwrap();
        assert_eq!(
            judged(&mut user, message.clone()),
            "it is no response",
            "the whole signature is accepted"
        );
        // All lengths are below 128, so each is one byte: of the message, of the security parameters in their two
        // wrappings (RFC 3414, section 2.4), and of the code.
        let code = message.windows(2).position(|pair| pair == [0x04, 12]).unwrap();
        let security = 2 + 3 + 2 + usize::from(message[6]);
        assert!(message.len() < 128 && message[security] == 0x04 && message[security + 2] == 0x30);
        for left in 0..12u8 {
            for byte in 0..=u8::MAX {
                let mut cut = message.clone();
                cut.drain(code + 2 + usize::from(left)..code + 14);
                for length in [1, security + 1, security + 3, code + 1] {
                    cut[length] -= 12 - left;
                }
                if left > 0 {
                    cut[code + 2] = byte;
                }
                assert_eq!(judged(&mut user, cut), "it can't be read", "{left} bytes, the first {byte}");
            }
        }
    }
}
