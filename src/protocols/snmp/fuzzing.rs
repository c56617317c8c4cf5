//! For the fuzz targets: what stands between a datagram and the reply that it is taken for.

use super::ber;
use super::credentials::{CommunityVersion, Level};
use super::dispatcher::judge_community;
use super::error::Error;
use super::message::trim;
use super::oid::Oid;
use super::usm::{Usm, Verdict};
use super::value::{Answer, Value};

/// What a datagram means to whoever waits for a reply.
#[derive(Debug)]
pub enum Heard {
    /// It is the reply.
    Reply(Response),
    /// It tells news of the agent's engine: the request is sent again.
    AskAgain,
    /// It ends the request.
    Fail(Error),
    /// It is no reply, or none that can be used.
    Nothing,
}

/// A reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// error-status.
    pub status: u32,
    /// error-index.
    pub index: u32,
    /// The objects and what is said of them.
    pub answers: Vec<(Oid, Answer)>,
}

impl From<Verdict> for Heard {
    fn from(verdict: Verdict) -> Heard {
        match verdict {
            Verdict::Reply(reply) => {
                Heard::Reply(Response { status: reply.status, index: reply.index, answers: reply.answers })
            }
            Verdict::AskAgain => Heard::AskAgain,
            Verdict::Fail(error) => Heard::Fail(error),
            Verdict::Stray | Verdict::Unusable(_) => Heard::Nothing,
        }
    }
}

/// What a datagram means for the request with this number of SNMPv1 or SNMPv2c.
pub fn community(datagram: &[u8], version: CommunityVersion, community: &[u8], id: i32) -> Heard {
    let version = match version {
        CommunityVersion::V1 => snmp2::Version::V1,
        CommunityVersion::V2c => snmp2::Version::V2C,
    };
    let mut datagram = datagram.to_vec();
    match trim(&mut datagram) {
        Some(message) => judge_community(message, version, community, id).into(),
        None => Heard::Nothing,
    }
}

/// An object and its value as they stand in a message. `None` where the object has no encoding.
pub fn varbind(object: &Oid, value: &Value) -> Option<Vec<u8>> {
    let mut row = ber::tlv(snmp2::asn1::TYPE_OBJECTIDENTIFIER, &object.to_ber()?);
    row.extend(value.to_ber()?);
    Some(ber::tlv(snmp2::asn1::TYPE_SEQUENCE, &row))
}

/// A user of SNMPv3, and what is known of the engine.
pub struct User(Usm);

impl User {
    /// Nothing is known of the engine yet.
    pub fn new(name: &str, level: &Level) -> User {
        User(Usm::new(name, level))
    }

    /// The same, as if the engine had told its time just now.
    pub fn just_met(&self) -> User {
        User(self.0.just_met())
    }

    /// Whether the engine is known.
    pub fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    /// What a datagram means for the discovery with this number.
    pub fn discover(&mut self, datagram: &[u8], id: i32) -> Heard {
        let mut datagram = datagram.to_vec();
        match trim(&mut datagram) {
            Some(message) => self.0.judge_discovery(message, id).into(),
            None => Heard::Nothing,
        }
    }

    /// What a datagram means for the request with this number.
    pub fn hear(&mut self, datagram: &[u8], id: i32) -> Heard {
        let mut datagram = datagram.to_vec();
        let extension = self.0.extension();
        match trim(&mut datagram) {
            Some(message) => self.0.judge(message, id, extension).into(),
            None => Heard::Nothing,
        }
    }
}
