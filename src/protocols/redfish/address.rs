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
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// Takes `name`, `name:port`, `192.0.2.1`, `192.0.2.1:port`, `2001:db8::1`, `[2001:db8::1]` or
    /// `[2001:db8::1]:port` apart; `port` counts where the text names none.
    ///
    /// # Errors
    /// [`Error::BadAddress`] for anything else: URLs, user names, spaces, zone identifiers.
    pub fn parse(text: &str, port: u16) -> Result<Address, Error> {
        let bad = || Error::BadAddress { text: text.chars().take(100).collect() };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (inner, after) = rest.split_once(']').ok_or_else(bad)?;
            inner.parse::<Ipv6Addr>().map_err(|_| bad())?;
            let port = match after.strip_prefix(':') {
                Some(digits) => parse_port(digits).ok_or_else(bad)?,
                None if after.is_empty() => port,
                None => return Err(bad()),
            };
            (inner, port)
        } else if text.parse::<Ipv6Addr>().is_ok() {
            (text, port)
        } else if let Some((host, digits)) = text.split_once(':') {
            (host, parse_port(digits).ok_or_else(bad)?)
        } else {
            (text, port)
        };
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name = !host.is_empty() && host.len() <= 253 && host.chars().all(fits);
        if !name && host.parse::<Ipv6Addr>().is_err() {
            return Err(bad());
        }
        Ok(Address { host: host.to_owned(), port })
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
            NameError::Late if deadline.passed() => Error::TimeOver { doing: "looking up the name" },
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
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
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
            "fe80::1%eth0",
            "bmc?x",
            "bmc#x",
            "b\u{fc}mc",
        ] {
            assert!(matches!(Address::parse(text, 443), Err(Error::BadAddress { .. })), "{text}");
        }
    }

    #[test]
    fn a_passed_deadline_starts_no_lookup() {
        let address = Address { host: "localhost".into(), port: 443 };
        let result = address.resolve(Duration::from_secs(20), Deadline::after(Duration::ZERO));
        assert!(matches!(result, Err(Error::TimeOver { .. })), "{result:?}");
    }

    #[test]
    fn an_address_prints_as_it_can_be_read_back() {
        for text in ["bmc:443", "[::1]:8443", "192.0.2.1:443"] {
            assert_eq!(Address::parse(text, 1).unwrap().to_string(), text);
        }
    }
}
