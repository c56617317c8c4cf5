//! What real BMCs do otherwise than the specification has it.

/// The habits of one BMC; by default it has none.
#[derive(Clone, Debug, Default)]
pub struct Quirks {
    /// It dies of a second Open Session from the same port (pyghmi's BMC, and with it virtualbmc): for a client that
    /// asks again from there it falls silent for good.
    pub one_handshake_per_port: bool,
    /// Each RAKP message 1 gets a new random number, so that an answer to an earlier one leads nowhere; and a second
    /// RAKP message 3 is an error, because the session that it belongs to isn't being set up any more.
    pub fresh_numbers: bool,
    /// Open Session with these suites of those on offer is refused with this status; `None` is silence.
    pub refused_suites: Vec<(u8, Option<u8>)>,
    /// Open Session above this level is refused with this status.
    pub refused_above: Option<(u8, u8)>,
    /// The codes of the RAKP messages are computed over the privilege level of Open Session (freeipmi's list of
    /// workarounds, LAN authentication issue 13).
    pub privilege_of_open_session: bool,
    /// The first, and the second checksum of each message in a session is wrong (LAN session issue 7 there).
    pub wrong_checksums: (bool, bool),
}
