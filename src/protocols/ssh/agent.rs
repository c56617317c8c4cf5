//! A running agent (draft-ietf-sshm-ssh-agent), asked by ourselves: libssh2 would wait for it without end.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use crate::base::Deadline;
use crate::protocols::tcp::wait;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// Which hash RSA is to sign with.
const RSA_SHA2_256: u32 = 2;
const RSA_SHA2_512: u32 = 4;

/// How long an agent may take to tell its keys: whoever has a password as well wants to go on.
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest message of an agent (OpenSSH's limit).
const LARGEST: usize = 256 * 1024;
/// How many keys are tried: devices end the connection after a few.
const MOST_KEYS: usize = 4;

/// An agent.
pub(super) struct Agent {
    socket: UnixStream,
}

impl Agent {
    /// Connects; `None` where nobody answers at that path.
    pub(super) fn connect(path: &str) -> Option<Agent> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
        connect(&socket, &SocketAddrUnix::new(path).ok()?).ok()?;
        Some(Agent { socket: UnixStream::from(socket) })
    }

    /// The first of its keys, in the form in which they are sent.
    pub(super) fn keys(&mut self, deadline: Deadline) -> Option<Vec<Vec<u8>>> {
        let answer = self.ask(&[REQUEST_IDENTITIES], deadline.at_most(PATIENCE))?;
        let mut rest = answer.strip_prefix(&[IDENTITIES_ANSWER])?;
        let count = usize::try_from(number(&mut rest)?).ok()?;
        let keys = (0..count.min(MOST_KEYS)).map(|_| {
            let key = text(&mut rest)?.to_vec();
            text(&mut rest)?;
            Some(key)
        });
        keys.collect()
    }

    /// Signs what a login is proven with (RFC 4252, 7), with the algorithm that stands in it: the signature alone.
    pub(super) fn sign(&mut self, key: &[u8], data: &[u8], deadline: Deadline) -> Option<Vec<u8>> {
        let algorithm = algorithm_in(data)?;
        let flags = match algorithm {
            b"rsa-sha2-256" => RSA_SHA2_256,
            b"rsa-sha2-512" => RSA_SHA2_512,
            _ => 0,
        };
        let mut request = vec![SIGN_REQUEST];
        for part in [key, data] {
            request.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
            request.extend(part);
        }
        request.extend(flags.to_be_bytes());
        let answer = self.ask(&request, deadline)?;
        let mut rest = answer.strip_prefix(&[SIGN_RESPONSE])?;
        let mut signature = text(&mut rest)?;
        (text(&mut signature)? == algorithm).then_some(())?;
        Some(text(&mut signature)?.to_vec())
    }

    fn ask(&mut self, request: &[u8], deadline: Deadline) -> Option<Vec<u8>> {
        let length = u32::try_from(request.len()).ok()?.to_be_bytes();
        self.write(&[&length, request].concat(), deadline)?;
        let mut length = [0; 4];
        self.fill(&mut length, deadline)?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok().filter(|length| *length <= LARGEST)?;
        let mut answer = vec![0; length];
        self.fill(&mut answer, deadline)?;
        Some(answer)
    }

    fn write(&mut self, mut bytes: &[u8], deadline: Deadline) -> Option<()> {
        while !bytes.is_empty() {
            match self.socket.write(bytes) {
                Ok(count) => bytes = bytes.get(count..)?,
                Err(error) => self.wait(&error, PollFlags::OUT, deadline)?,
            }
        }
        Some(())
    }

    fn fill(&mut self, mut buffer: &mut [u8], deadline: Deadline) -> Option<()> {
        while !buffer.is_empty() {
            match self.socket.read(buffer) {
                Ok(0) => return None,
                Ok(count) => buffer = buffer.get_mut(count..)?,
                Err(error) => self.wait(&error, PollFlags::IN, deadline)?,
            }
        }
        Some(())
    }

    fn wait(&self, error: &std::io::Error, flags: PollFlags, deadline: Deadline) -> Option<()> {
        match error.kind() {
            ErrorKind::Interrupted => Some(()),
            ErrorKind::WouldBlock => wait(self.socket.as_fd(), flags, deadline).ok()?.then_some(()),
            _ => None,
        }
    }
}

/// The next number.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*number))
}

/// The next text (RFC 4251, 5: string).
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(text)
}

/// The algorithm in what is to be signed: behind the session, the kind of message, user, service, method and a boolean.
fn algorithm_in(data: &[u8]) -> Option<&[u8]> {
    let mut rest = data;
    text(&mut rest)?;
    rest = rest.get(1..)?;
    for _ in 0..3 {
        text(&mut rest)?;
    }
    rest = rest.get(1..)?;
    text(&mut rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_of_a_login_is_found_and_nothing_in_what_is_cut() {
        let mut data = Vec::new();
        let put = |data: &mut Vec<u8>, text: &[u8]| {
            data.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
            data.extend(text);
        };
        put(&mut data, b"session");
        data.push(50);
        for text in [&b"operator"[..], b"ssh-connection", b"publickey"] {
            put(&mut data, text);
        }
        data.push(1);
        put(&mut data, b"rsa-sha2-512");
        assert_eq!(algorithm_in(&data), Some(&b"rsa-sha2-512"[..]));
        for length in 0..data.len() {
            assert_eq!(algorithm_in(&data[..length]), None);
        }
    }
}
