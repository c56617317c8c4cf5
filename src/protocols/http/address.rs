//! Where the service is: the text a person writes, taken apart, and the name looked up within a deadline.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::error::Error;
use crate::base::Deadline;
use crate::base::net::{self, NameError};

/// A host and a TCP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name, an IPv4 address or an IPv6 address, the last without brackets.
    pub host: String,
    /// The interface that leads to a link-local IPv6 address (RFC 4007, 11), by its name or number.
    pub zone: Option<String>,
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// Takes `name`, `name:port`, `192.0.2.1`, `192.0.2.1:port`, `2001:db8::1`, `[2001:db8::1]` or
    /// `[2001:db8::1]:port` apart; `port` counts where the text names none. A link-local address is one with its zone:
    /// `fe80::1%eth0`, `[fe80::1%eth0]:port`, and as it stands in URLs (RFC 6874) `[fe80::1%25eth0]`.
    ///
    /// # Errors
    /// [`Error::NoZone`] for a link-local address without one; [`Error::BadAddress`] for anything else: URLs, user names,
    /// spaces, zones of other addresses.
    pub fn parse(text: &str, port: u16) -> Result<Address, Error> {
        let shown = || text.chars().take(100).collect();
        let bad = || Error::BadAddress { text: shown() };
        let six = |inner: &str, port| -> Option<Result<Address, Error>> {
            let (host, zone) = match inner.split_once('%') {
                Some((host, zone)) => (host, Some(zone)),
                None => (inner, None),
            };
            let ip: Ipv6Addr = host.parse().ok()?;
            let host = host.to_owned();
            Some(match (zone.map(parse_zone), ip.is_unicast_link_local()) {
                (None, true) => Err(Error::NoZone { text: shown() }),
                (None, false) => Ok(Address { host, zone: None, port }),
                (Some(Some(zone)), true) => Ok(Address { host, zone: Some(zone), port }),
                (Some(_), _) => Err(bad()),
            })
        };
        if let Some(rest) = text.strip_prefix('[') {
            let (inner, after) = rest.split_once(']').ok_or_else(bad)?;
            let port = match after.strip_prefix(':') {
                Some(digits) => parse_port(digits).ok_or_else(bad)?,
                None if after.is_empty() => port,
                None => return Err(bad()),
            };
            return six(inner, port).ok_or_else(bad)?;
        }
        if let Some(address) = six(text, port) {
            return address;
        }
        let (host, port) = match text.split_once(':') {
            Some((host, digits)) => (host, parse_port(digits).ok_or_else(bad)?),
            None => (text, port),
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if host.is_empty() || host.len() > 253 || !host.chars().all(fits) {
            return Err(bad());
        }
        Ok(Address { host: host.to_owned(), zone: None, port })
    }

    /// The address where it is written in numbers.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// All socket addresses of the host, looked up within `limit` and the deadline.
    ///
    /// # Errors
    /// [`Error::NoSuchHost`] when the name has no address or the lookup takes longer than `limit`;
    /// [`Error::TimeOver`] when it takes longer than the deadline.
    pub(super) fn resolve(&self, limit: Duration, deadline: Deadline) -> Result<Vec<SocketAddr>, Error> {
        let no_such_host = |why: String, passing| Error::NoSuchHost { name: self.host.clone(), why, passing };
        net::resolve(&self.host, self.port, deadline.at_most(limit)).map_err(|error| match error {
            NameError::Late if deadline.passed() => {
                Error::TimeOver { doing: "looking up the name".to_owned() }
            }
            NameError::Late => no_such_host(error.to_string(), true),
            NameError::NotFound(why) => {
                // The standard library keeps the resolver's code to itself and gives its words alone (EAI_AGAIN).
                let passing = why.contains("Temporary failure");
                no_such_host(why, passing)
            }
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(zone) = &self.zone {
            write!(f, "[{}%{zone}]:{}", self.host, self.port)
        } else if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A zone as it is written alone or, with `%25` for the `%` before it, in a URL. Interfaces have names of up to 15 bytes
/// (IFNAMSIZ).
fn parse_zone(text: &str) -> Option<String> {
    let zone = text.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(text);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    Some(zone.to_owned()).filter(|zone| (1..16).contains(&zone.len()) && zone.chars().all(fits))
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_taken_with_and_without_a_port() {
        for (text, host, port) in [
            ("bmc1.example.com", "bmc1.example.com", 443),
            ("bmc_1:8443", "bmc_1", 8443),
            ("192.0.2.1", "192.0.2.1", 443),
            ("192.0.2.1:8443", "192.0.2.1", 8443),
            ("2001:db8::1", "2001:db8::1", 443),
            ("[2001:db8::1]", "2001:db8::1", 443),
            ("[2001:db8::1]:8443", "2001:db8::1", 8443),
            ("::1", "::1", 443),
        ] {
            let address = Address::parse(text, 443).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port), "{text}");
        }
    }

    #[test]
    fn a_link_local_address_has_a_zone_in_every_spelling() {
        for (text, zone, port) in [
            ("fe80::2%v1", "v1", 443),
            ("[fe80::2%v1]", "v1", 443),
            ("[fe80::2%v1]:8443", "v1", 8443),
            ("[fe80::2%25v1]", "v1", 443),
            ("fe80::2%25v1", "v1", 443),
            ("fe80::2%br-lan.7", "br-lan.7", 443),
            ("fe80::2%3", "3", 443),
            ("fe80::2%25", "25", 443),
        ] {
            let address = Address::parse(text, 443).unwrap();
            let parts = (address.host.as_str(), address.zone.as_deref(), address.port);
            assert_eq!(parts, ("fe80::2", Some(zone), port), "{text}");
        }
        for text in ["fe80::2", "[fe80::2]", "[fe80::2]:443", "febf::1"] {
            assert!(matches!(Address::parse(text, 443), Err(Error::NoZone { .. })), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":443",
            "[::1",
            "[::1]443",
            "[::1]:",
            "[192.0.2.1]",
            "bmc:port",
            "bmc:0",
            "bmc:70000",
            "bmc:+1",
            "bmc:1:2",
            "https://bmc",
            "user@bmc",
            "bmc/path",
            "a b",
            "fe80::1%",
            "[fe80::1%a b]",
            "fe80::1%eth0/64",
            "2001:db8::1%eth0",
            "[fe80::1%eth0%eth1]",
            "192.0.2.1%eth0",
            "fe80::1%an-interface-with-a-name",
            "bmc?x",
            "bmc#x",
            "b\u{fc}mc",
        ] {
            assert!(matches!(Address::parse(text, 443), Err(Error::BadAddress { .. })), "{text}");
        }
    }

    #[test]
    fn a_passed_deadline_starts_no_lookup() {
        let address = Address { host: "localhost".into(), zone: None, port: 443 };
        let result = address.resolve(Duration::from_secs(20), Deadline::after(Duration::ZERO));
        assert!(matches!(result, Err(Error::TimeOver { .. })), "{result:?}");
    }

    #[test]
    fn an_address_prints_as_it_can_be_read_back() {
        for text in ["bmc:443", "[::1]:8443", "192.0.2.1:443", "[fe80::1%eth0]:443"] {
            assert_eq!(Address::parse(text, 1).unwrap().to_string(), text);
        }
    }
}
