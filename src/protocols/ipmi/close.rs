//! The end of a session.

use log::debug;

use super::command::netfn;
use super::error::Error;
use super::message::{self, BMC, CONSOLE, Header};
use super::socket::Socket;

const CLOSE_SESSION: u8 = 0x3C;

/// Sends Close Session (22.19) and does not wait; a failure is of no consequence.
pub(super) fn send_close(socket: &Socket, seal: impl FnOnce(&[u8]) -> Result<Vec<u8>, Error>, id: u32) {
    debug!("Close Session");
    let header = Header {
        responder: BMC,
        requester: CONSOLE,
        netfn: netfn::APP,
        lun: 0,
        seq: 0,
        command: CLOSE_SESSION,
    };
    let message = message::build(&header, &id.to_le_bytes());
    if let Err(error) = seal(&message).and_then(|packet| socket.send(&packet)) {
        debug!("Close Session: {error}");
    }
}
