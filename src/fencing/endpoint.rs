//! Where a device is asked: its host, its port, and the way from a name to its addresses.

use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use crate::base::Deadline;
use crate::base::net::{self, NameError};
use crate::fencing::error::Error;
use crate::fencing::failure::Asked;

/// A host, as the user gave it, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// This host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }

    /// The host as it was given.
    pub fn given(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name or address, without the brackets that an address may stand in.
    pub fn host(&self) -> &str {
        net::bare(&self.host)
    }

    /// All addresses, in the order in which the system would try them.
    ///
    /// # Errors
    /// There is none, or the name service doesn't answer by then.
    pub fn resolve(&self, by: Deadline) -> Result<Vec<SocketAddr>, Error> {
        let begun = Instant::now();
        net::resolve(&self.host, self.port, by).map_err(|error| match error {
            NameError::NotFound(_) => {
                Error::Unreachable { address: self.host.clone(), why: error.to_string() }
            }
            NameError::Late => {
                Error::TimeOver { what: format!("{}: {error}", self.host), after: begun.elapsed() }
            }
        })
    }

    /// This place, for an error of what began then.
    pub fn asked(&self, begun: Instant) -> Asked<'_> {
        Asked { address: self, begun }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} port {}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_name_without_an_address_is_out_of_reach_and_a_name_service_that_is_late_is_time_over() {
        let bad = Endpoint::new("fe80::1", 623);
        let error = bad.resolve(Deadline::NEVER).unwrap_err();
        assert!(matches!(&error, Error::Unreachable { address, .. } if address == "fe80::1"), "{error:?}");
        let late = Endpoint::new("localhost", 623).resolve(Deadline::after(Duration::ZERO)).unwrap_err();
        assert!(matches!(late, Error::TimeOver { .. }), "{late:?}");
    }

    #[test]
    fn an_address_in_brackets_is_one_and_messages_show_it_as_given() {
        let endpoint = Endpoint::new("[2001:db8::1]", 161);
        assert_eq!((endpoint.host(), endpoint.given()), ("2001:db8::1", "[2001:db8::1]"));
        assert_eq!(endpoint.to_string(), "[2001:db8::1] port 161");
        assert_eq!(endpoint.resolve(Deadline::NEVER).unwrap(), ["[2001:db8::1]:161".parse().unwrap()]);
    }
}
