//! Host names and addresses. Asking for a name counts against the deadline like everything else.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::base::{Deadline, Told, sys};

/// A single question to the name service is given up after this, also where nothing else limits it.
const NAME_LIMIT: Duration = Duration::from_secs(20);

/// The longest host name (RFC 1035, 2.3.4: 255 octets with the lengths of its labels).
const LONGEST_NAME: usize = 253;

/// How many characters of a host are shown.
const SHOWN: usize = 100;

/// What is wrong with a host as somebody wrote it: no name service can help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadHost {
    /// A link-local address of IPv6 without its zone: it stands at the end of every cable.
    NoZone(Ipv6Addr),
    /// A zone that is no interface of this machine.
    NoInterface(String),
    /// A URL.
    Url,
    /// A host and a port.
    WithPort,
    /// Longer than any name.
    TooLong(usize),
}

impl fmt::Display for BadHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadHost::NoZone(address) => write!(
                f,
                "{address} is a link-local address, and the zone is missing, which names the interface that leads \
                 there: {address}%eth0"
            ),
            BadHost::NoInterface(name) => {
                write!(f, "there is no interface {} on this machine", Told::at_most(SHOWN, name))
            }
            BadHost::Url => f.write_str("this is a URL: only the host belongs here"),
            BadHost::WithPort => f.write_str("the port is an option of its own, ipport"),
            BadHost::TooLong(length) => write!(f, "{length} characters are too many for a host"),
        }
    }
}

impl std::error::Error for BadHost {}

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// The name service says no, in its words; or it was not asked, for this reason.
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

/// The address that a host is by itself, with this port; `None` where it is a name. It may stand in brackets, and an
/// IPv6 address may have a zone (RFC 4007, 11), the name or the number of an interface: `fe80::2%eth0`, also as it
/// stands in URLs (RFC 6874): `fe80::2%25eth0`.
///
/// # Errors
/// A link-local address without a zone, or a zone that this machine doesn't have.
pub fn literal(host: &str, port: u16) -> Option<Result<SocketAddr, BadHost>> {
    let bare = bare(host);
    let (address, zone) = match bare.split_once('%') {
        Some((address, zone)) => (IpAddr::V6(address.parse().ok()?), Some(zone)),
        None => (bare.parse().ok()?, None),
    };
    Some(match (address, zone) {
        (IpAddr::V6(address), None | Some("")) if address.is_unicast_link_local() => {
            Err(BadHost::NoZone(address))
        }
        (IpAddr::V6(address), Some(zone)) => match scope(zone) {
            Some(scope) => Ok(SocketAddrV6::new(address, port, 0, scope).into()),
            None => Err(BadHost::NoInterface(zone.to_owned())),
        },
        (address, _) => Ok(SocketAddr::new(address, port)),
    })
}

/// The number of the interface that a zone means. An interface may be called 25something, so what stands in a URL is
/// looked for last.
fn scope(zone: &str) -> Option<u32> {
    let of = |zone: &str| {
        sys::interface_number(zone)
            .or_else(|| zone.parse().ok().filter(|number| sys::is_interface_number(*number)))
    };
    of(zone).or_else(|| zone.strip_prefix("25").and_then(of))
}

/// Checks what can be seen of a host without asking anybody, for an agent that takes no port with it.
///
/// # Errors
/// It leads nowhere.
pub fn check(host: &str) -> Result<(), BadHost> {
    match literal(host, 0) {
        Some(result) => return result.map(|_| ()),
        None if host.contains('/') => return Err(BadHost::Url),
        None => {}
    }
    if let Some((before, port)) = host.rsplit_once(':') {
        // More colons than one are an address of IPv6 that is none, and its port stands behind the bracket.
        let host = !before.is_empty() && (!before.contains(':') || before.ends_with(']'));
        if host && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(BadHost::WithPort);
        }
    }
    let length = bare(host).len();
    if length > LONGEST_NAME { Err(BadHost::TooLong(length)) } else { Ok(()) }
}

/// All addresses of a host, in the order in which the system would try them. `host` is a name, an IPv4 address,
/// or an IPv6 address with or without brackets: see [`literal`].
///
/// # Errors
/// There is none, or the deadline passes first.
pub fn resolve(host: &str, port: u16, by: Deadline) -> Result<Vec<SocketAddr>, NameError> {
    if let Some(address) = literal(host, port) {
        return address.map(|address| vec![address]).map_err(|bad| NameError::NotFound(bad.to_string()));
    }
    let bare = bare(host);
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
    fn a_zone_is_the_name_or_the_number_of_an_interface_in_every_spelling() {
        let lo = sys::interface_number("lo").unwrap();
        for host in ["fe80::2%lo", "[fe80::2%lo]", "fe80::2%25lo", "[fe80::2%25lo]"] {
            let address = literal(host, 623).unwrap().unwrap();
            assert!(
                matches!(address, SocketAddr::V6(v6) if v6.scope_id() == lo && v6.port() == 623),
                "{host}"
            );
        }
        for zone in [lo.to_string(), format!("25{lo}")] {
            let address = literal(&format!("fe80::2%{zone}"), 0).unwrap().unwrap();
            assert!(matches!(address, SocketAddr::V6(v6) if v6.scope_id() == lo), "{zone}");
        }
        assert_eq!(literal("fe80::2%", 0).unwrap(), Err(BadHost::NoZone("fe80::2".parse().unwrap())));
        for zone in ["none-such", "4294967295", "25", "25none-such", "-1"] {
            let bad = literal(&format!("fe80::2%{zone}"), 0).unwrap();
            assert_eq!(bad, Err(BadHost::NoInterface(zone.to_owned())));
        }
        for host in ["fe80::2", "[fe80::2]", "febf::1"] {
            assert!(matches!(literal(host, 0), Some(Err(BadHost::NoZone(_)))), "{host}");
            assert!(resolve(host, 0, Deadline::NEVER).unwrap_err().to_string().contains("zone is missing"));
        }
        for host in ["host%lo", "192.0.2.1%lo", "fec0::"] {
            assert!(!matches!(literal(host, 0), Some(Err(_))), "{host}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_told_without_asking() {
        for (host, bad) in [
            ("http://bmc", BadHost::Url),
            ("https://192.0.2.1:443/redfish", BadHost::Url),
            ("192.0.2.1/24", BadHost::Url),
            ("192.0.2.1:161", BadHost::WithPort),
            ("bmc.example:623", BadHost::WithPort),
            ("[2001:db8::1]:161", BadHost::WithPort),
            (&"n".repeat(900_000), BadHost::TooLong(900_000)),
        ] {
            assert_eq!(check(host), Err(bad), "{}", host.get(..20).unwrap_or(host));
        }
        for host in
            ["192.0.2.1", "bmc", "bmc.example.", "2001:db8::1:161", "[2001:db8::1]", "::1", "bmc:", "::x:1"]
        {
            assert_eq!(check(host), Ok(()), "{host}");
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
