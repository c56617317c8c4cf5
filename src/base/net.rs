//! Host names and addresses. Asking for a name counts against the deadline like everything else.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::base::Deadline;

/// A single question to the name service is given up after this, also where nothing else limits it.
const NAME_LIMIT: Duration = Duration::from_secs(20);

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The name service says no, in its words.
    NotFound(String),
    /// The name service didn't answer in time.
    Late,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::NotFound(why) => write!(f, "the name can't be resolved: {why}"),
            NameError::Late => f.write_str("the name service didn't answer in time"),
        }
    }
}

impl std::error::Error for NameError {}

/// What is inside the brackets that an IPv6 address may stand in.
pub fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// All addresses of a host, in the order in which the system would try them. `host` is a name, an IPv4 address,
/// or an IPv6 address with or without brackets.
pub fn resolve(host: &str, port: u16, by: Deadline) -> Result<Vec<SocketAddr>, NameError> {
    let bare = bare(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let wait = by.wait(NAME_LIMIT).ok_or(NameError::Late)?;
    // The system's resolver can't be told to hurry, so it gets a thread of its own, which the end of the program
    // takes along.
    let (sender, receiver) = mpsc::channel();
    let name = bare.to_owned();
    let spawned =
        thread::Builder::new().name("resolver".to_owned()).stack_size(256 * 1024).spawn(move || {
            let answer = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            let _ = sender.send(answer);
        });
    if let Err(error) = spawned {
        return Err(NameError::NotFound(error.to_string()));
    }
    match receiver.recv_timeout(wait) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(NameError::NotFound("it has no address".to_owned())),
        Ok(Ok(mut addresses)) => {
            addresses.dedup();
            Ok(addresses)
        }
        Ok(Err(error)) => Err(NameError::NotFound(error.to_string())),
        Err(_) => Err(NameError::Late),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_addresses_need_no_name_service() {
        let now = Deadline::after(Duration::ZERO);
        for (host, shown) in
            [("192.0.2.7", "192.0.2.7:623"), ("::1", "[::1]:623"), ("[2001:db8::7]", "[2001:db8::7]:623")]
        {
            let addresses = resolve(host, 623, now).unwrap();
            assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), [shown]);
        }
    }

    #[test]
    fn a_name_is_not_asked_for_after_the_deadline() {
        assert_eq!(resolve("localhost", 623, Deadline::after(Duration::ZERO)), Err(NameError::Late));
    }

    #[test]
    fn a_name_finds_its_addresses() {
        let addresses = resolve("localhost", 623, Deadline::after(Duration::from_secs(30))).unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 623));
    }
}
