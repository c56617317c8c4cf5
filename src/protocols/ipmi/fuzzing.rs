//! For the fuzz targets: what stands between a datagram and the answer that it is taken for.

use super::command::Request;
use super::error::Error;
use super::message::Reply;
use super::privilege::Privilege;
use super::rmcp::AuthType;
use super::session::Route;
use super::socket::Verdict;
use super::suite::Suite;
use super::{v15, v20};

/// A session of IPMI 1.5 with known keys, whose other end is itself.
pub struct LoopedV15(v15::Channel);

impl LoopedV15 {
    /// With this authentication.
    pub fn new(auth: AuthType) -> LoopedV15 {
        LoopedV15(v15::Channel::looped(auth))
    }

    /// A message as it travels.
    pub fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.seal(message)
    }

    /// The message in a datagram that belongs to the session.
    pub fn unseal(&mut self, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
        self.0.unseal(datagram)
    }
}

/// A session of IPMI 2.0 with known keys, whose other end is itself.
pub struct LoopedV20(v20::Channel);

impl LoopedV20 {
    /// In this cipher suite.
    pub fn new(suite: &'static Suite) -> LoopedV20 {
        LoopedV20(v20::Channel::looped(suite))
    }

    /// A message as it travels.
    pub fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.seal(message)
    }

    /// The same for a payload that counts as encrypted already where the suite encrypts.
    pub fn seal_payload(&mut self, payload: &[u8]) -> Result<Vec<u8>, Error> {
        self.0.seal_payload(payload)
    }

    /// The message in a datagram that belongs to the session.
    pub fn unseal(&mut self, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
        self.0.unseal(datagram)
    }
}

/// The BMC's session id where a datagram answers the Open Session with this tag, id and suite.
pub fn opened(datagram: &[u8], tag: u8, console_id: u32, suite: &'static Suite) -> Option<u32> {
    let proposal = v20::Proposal { suite, privilege: Privilege::Administrator };
    match v20::judge_open_session(datagram, tag, console_id, proposal) {
        Verdict::Answer(bmc_id) => Some(bmc_id),
        Verdict::Stray(_) | Verdict::Refusal(..) => None,
    }
}

/// The reply where a message answers the request with this number, sent to the BMC or through it to a target. `covered`:
/// it came under a code over all of it.
pub fn answer(
    message: &[u8],
    request: &Request,
    seq: u8,
    target: Option<u8>,
    covered: bool,
) -> Option<Reply> {
    match Route::new(request, seq, target).judge(message, covered) {
        Verdict::Answer(reply) => Some(reply),
        Verdict::Stray(_) | Verdict::Refusal(..) => None,
    }
}
