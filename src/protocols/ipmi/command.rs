//! What a command is: a request with a name, and how its reply is read.

use super::completion::Words;

/// Network function codes (table 5-1); the reply has the next higher number.
pub mod netfn {
    /// Chassis control and status.
    pub const CHASSIS: u8 = 0x00;
    /// Application: the BMC itself, sessions, messages.
    pub const APP: u8 = 0x06;
    /// Storage: inventories and logs.
    pub const STORAGE: u8 = 0x0A;
    /// Extensions of a group that names itself in the first byte.
    pub const GROUP: u8 = 0x2C;
}

/// A request in its raw form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The name of the command, for messages.
    pub name: &'static str,
    /// The network function, even.
    pub netfn: u8,
    /// The logical unit, 0 for nearly everything.
    pub lun: u8,
    /// The command number.
    pub command: u8,
    /// The bytes of the request.
    pub data: Vec<u8>,
}

/// A command with its own request and reply.
pub trait Command {
    /// What a successful reply says.
    type Reply;
    /// The completion codes of this command beyond those that all share.
    const COMPLETIONS: &'static [Words] = &[];

    /// The request.
    fn request(&self) -> Request;

    /// Whether carrying it out twice does no more than once. Only then it is sent again where no answer comes: BMCs
    /// recognise a retransmission by its request number at best.
    fn may_be_repeated(&self) -> bool {
        true
    }

    /// Reads what follows a completion code of 0. The error says in words what is wrong.
    fn parse(data: &[u8]) -> Result<Self::Reply, &'static str>;
}
