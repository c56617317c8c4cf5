//! What can go wrong, as data: which answer, how often, how.

use std::time::Duration;

/// What a datagram from the agent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Whatever it is (for rules only).
    Any,
    /// RMCP/ASF Presence Ping.
    Ping,
    /// Get Channel Authentication Capabilities.
    AuthCapabilities,
    /// Get Channel Cipher Suites.
    CipherSuites,
    /// Get Session Challenge (1.5).
    Challenge,
    /// Activate Session (1.5).
    Activate,
    /// RMCP+ Open Session Request.
    OpenSession,
    /// RAKP Message 1, answered by 2.
    Rakp1,
    /// RAKP Message 3, answered by 4.
    Rakp3,
    /// Set Session Privilege Level.
    SetPrivilege,
    /// Close Session.
    CloseSession,
    /// Get Device ID.
    DeviceId,
    /// Get System GUID.
    SystemGuid,
    /// Get Chassis Status.
    ChassisStatus,
    /// Chassis Control.
    ChassisControl,
    /// Get System Restart Cause.
    RestartCause,
    /// Get FRU Inventory Area Info.
    FruInfo,
    /// Read FRU Data.
    FruData,
    /// DCMI Get Asset Tag.
    AssetTag,
    /// Get Session Info.
    SessionInfo,
    /// Get SEL Time.
    SelTime,
    /// Send Message: a bridged command, whatever it is.
    SendMessage,
    /// Another IPMI command.
    OtherCommand,
    /// For a session that isn't open, or not any more.
    NoSession,
    /// With a session sequence number seen before or outside the window: dropped.
    Replayed,
    /// Broken, wrongly authenticated, or plain where the session demands otherwise: dropped.
    Unacceptable,
}

/// What happens instead of, or besides, the proper answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request never arrived.
    RequestLost,
    /// The request was carried out, its answer is lost.
    AnswerLost,
    /// Refused with this completion code (in Open Session and RAKP: status code); nothing is carried out.
    Refuse(u8),
    /// The answer comes this much later.
    Late(Duration),
    /// The answer arrives twice, byte for byte.
    Twice,
    /// All sessions are forgotten as by a reset of the BMC, this request's own included; no answer.
    ForgetSessions,
    /// The BMC resets itself: sessions and the last power change are forgotten, and for this long it hears nothing.
    Restart(Duration),
    /// This is the last answer of this BMC: from here on another one has the address, of the same make and with the
    /// same users, but with another GUID and a machine of its own, which is on or off. It knows no session.
    Replaced {
        /// Whether its machine is on.
        on: bool,
        /// Its GUID.
        guid: [u8; 16],
    },
    /// Open Session: answers with this suite, whatever was asked for, and goes on with it.
    OfferSuite(u8),
    /// The session sequence numbers skip this many from here on, as on a shared network port.
    SkipSequence(u32),
    /// First a lie with this flaw, then the truth.
    Before(Lie),
    /// The truth, and then a lie with this flaw.
    After(Lie),
    /// A lie with this flaw instead of an answer.
    Instead(Lie),
}

/// An answer that says the opposite of the truth (power on for off, refused for done) and has one flaw by which
/// an agent can tell. A lie that the session can't express (a wrong trailer where there is none) isn't told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// In the session's name, but neither authenticated nor encrypted.
    Plain,
    /// An IPMI 1.5 packet without authentication that names the session.
    PlainV15,
    /// Outside any session.
    OutsideSession,
    /// Answers another request (rq_seq, or the message tag of Open Session and RAKP).
    OtherRequest,
    /// Answers another command.
    OtherCommand,
    /// Answers another network function.
    OtherNetfn,
    /// Comes from another responder address.
    OtherResponder,
    /// Bytes without sense.
    Garbage,
    /// Ends too early.
    CutShort,
    /// The message's second checksum is wrong.
    Checksum,
    /// The AuthCode of the session trailer or 1.5 header is wrong.
    Code,
    /// The pad inside the encryption is wrong, authenticated as it stands.
    Pad,
    /// A session sequence number far in the past.
    StaleSequence,
    /// The session sequence number of the answer before.
    RepeatedSequence,
    /// Another session's id.
    OtherSession,
    /// Open Session, RAKP 2 and 4: the truth, but for a key exchange code or check value that is wrong.
    HandshakeCode,
}

impl Lie {
    /// Every one of them, but for these.
    pub fn all_but(those: &[Lie]) -> Vec<Lie> {
        const ALL: [Lie; 16] = [
            Lie::Plain,
            Lie::PlainV15,
            Lie::OutsideSession,
            Lie::OtherRequest,
            Lie::OtherCommand,
            Lie::OtherNetfn,
            Lie::OtherResponder,
            Lie::Garbage,
            Lie::CutShort,
            Lie::Checksum,
            Lie::Code,
            Lie::Pad,
            Lie::StaleSequence,
            Lie::RepeatedSequence,
            Lie::OtherSession,
            Lie::HandshakeCode,
        ];
        ALL.into_iter().filter(|lie| !those.contains(lie)).collect()
    }
}

/// When a fault strikes.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) step: Step,
    pub(super) fault: Fault,
    pub(super) skip: usize,
    pub(super) times: usize,
}

impl Fault {
    /// Every time at this step.
    pub fn at(self, step: Step) -> Rule {
        Rule { step, fault: self, skip: 0, times: usize::MAX }
    }
}

impl Rule {
    /// Only so many times.
    pub fn times(mut self, times: usize) -> Rule {
        self.times = times;
        self
    }

    /// The lie that it tells, if it tells one.
    pub fn lie(&self) -> Option<Lie> {
        match self.fault {
            Fault::Before(lie) | Fault::After(lie) | Fault::Instead(lie) => Some(lie),
            _ => None,
        }
    }

    /// Only after so many went well.
    pub fn after(mut self, skip: usize) -> Rule {
        self.skip = skip;
        self
    }

    /// Whether it strikes now; counts.
    pub(super) fn strikes(&mut self, step: Step) -> bool {
        if self.step != Step::Any && self.step != step || self.times == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times = self.times.saturating_sub(1);
        true
    }
}
