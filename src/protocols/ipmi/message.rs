//! IPMI messages as they travel over LAN and IPMB (13.8, figure 13-4).

/// The BMC's own address.
pub const BMC: u8 = 0x20;
/// The software id of the remote console (table 5-4).
pub const CONSOLE: u8 = 0x81;

/// The bits of a network function code that a reply must show: odd, next to the even one of the request.
const REPLY: u8 = 0x01;

/// Which request this is: a reply must repeat all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The address of the controller that is asked.
    pub responder: u8,
    /// The address of who asks.
    pub requester: u8,
    /// The network function, even.
    pub netfn: u8,
    /// The logical unit number of the controller, 0 to 3.
    pub lun: u8,
    /// The request's sequence number, 0 to 63.
    pub seq: u8,
    /// The command.
    pub command: u8,
}

/// A reply to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The completion code; 0 is success.
    pub completion: u8,
    /// What follows it.
    pub data: Vec<u8>,
}

/// The two's complement checksum: with it, the bytes add up to zero.
fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}

/// A request.
pub(super) fn build(header: &Header, data: &[u8]) -> Vec<u8> {
    let address = [header.responder, header.netfn << 2 | header.lun & 0x03];
    let mut rest = vec![header.requester, header.seq << 2, header.command];
    rest.extend(data);
    let mut message = Vec::with_capacity(data.len() + 7);
    message.extend(address);
    message.push(checksum(&address));
    message.extend(&rest);
    message.push(checksum(&rest));
    message
}

/// A reply taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The network function, odd.
    pub netfn: u8,
    /// Who answers.
    pub responder: u8,
    /// The sequence number of the request.
    pub seq: u8,
    /// The command.
    pub command: u8,
    /// The completion code.
    pub completion: u8,
    /// What follows it.
    pub data: &'a [u8],
}

/// Takes a reply apart and checks both checksums.
pub fn parse(message: &[u8]) -> Result<Parsed<'_>, &'static str> {
    let (head, rest) = message.split_first_chunk::<3>().ok_or("shorter than a message header")?;
    if checksum(head) != 0 || checksum(rest) != 0 {
        return Err("a checksum is wrong");
    }
    parse_covered(message)
}

/// The same for a message that came under a code over all of it, which proves more than its checksums do. There is
/// firmware that computes them wrongly (Supermicro X9SCM-iiF and others; freeipmi's list of workarounds, LAN session
/// issue 7), and ipmitool doesn't look at them.
pub fn parse_covered(message: &[u8]) -> Result<Parsed<'_>, &'static str> {
    let (head, rest) = message.split_first_chunk::<3>().ok_or("shorter than a message header")?;
    let [_, netfn, _] = head;
    let [responder, seq, command, completion, data @ .., _] = rest else {
        return Err("shorter than a reply");
    };
    Ok(Parsed {
        netfn: netfn >> 2,
        responder: *responder,
        seq: seq >> 2,
        command: *command,
        completion: *completion,
        data,
    })
}

impl Parsed<'_> {
    /// Whether this answers that request. The responder's address isn't looked at: in a session with the BMC alone
    /// it proves nothing, and other tools don't look at it either, so firmware may well have it wrong.
    pub fn answers(&self, request: &Header) -> bool {
        self.netfn == request.netfn | REPLY && self.seq == request.seq && self.command == request.command
    }

    /// Whether this is a reply to some request of that command.
    pub(super) fn is_of(&self, request: &Header) -> bool {
        self.netfn == request.netfn | REPLY && self.command == request.command
    }

    pub(super) fn to_reply(self) -> Reply {
        Reply { completion: self.completion, data: self.data.to_vec() }
    }
}
