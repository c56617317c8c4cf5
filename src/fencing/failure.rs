//! What the errors of protocols mean to fencing: each answers two questions, and one rule makes the rest of them.

use std::fmt;
use std::time::{Duration, Instant};

use crate::base::told;
use crate::fencing::error::Error;

/// What kind of failure an error of a protocol is. Its text is the error's own, unless the kind has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something on this machine.
    Local,
    /// The address can't be found or reached, for this reason.
    Unreachable(String),
    /// Somebody at that address says that nothing listens there.
    Refused,
    /// Whoever answers there can't prove to be the device, for this reason.
    Untrusted(String),
    /// Nothing came back.
    Silent {
        /// What was waited for.
        step: String,
        /// For how long; since it was begun where the error doesn't say.
        after: Option<Duration>,
    },
    /// There was no time left for this.
    TimeOver(String),
    /// The device doesn't accept this user, password or key, for this reason.
    LoginDenied(String),
    /// The user may not do this, in these words.
    NoPrivilege(String),
    /// The device can't do this.
    Unsupported(String),
    /// The device has no room or no time now.
    Busy,
    /// The device reported an error.
    Device {
        /// What it was asked.
        request: String,
        /// Its code, in words.
        code: String,
    },
    /// The device answered something that makes no sense.
    Unexpected,
}

/// An error of a protocol.
pub trait Failure: fmt::Display {
    /// Which kind of failure it is.
    fn kind(&self) -> Kind;

    /// Whether the same request can succeed later.
    fn is_passing(&self) -> bool;
}

/// Where something was asked, and when that began.
pub struct Asked<'a> {
    /// Host and port.
    pub address: &'a dyn fmt::Display,
    /// When it began.
    pub begun: Instant,
}

impl Error {
    /// What an error of a protocol means to the action.
    pub fn of(failure: &impl Failure, asked: &Asked<'_>) -> Error {
        let why = told::unread(&failure.to_string()).into_owned();
        let address = asked.address.to_string();
        match failure.kind() {
            Kind::Local => Error::Local { what: why },
            Kind::Unreachable(why) => Error::Unreachable { address, why },
            Kind::Refused => Error::Refused { address },
            Kind::Untrusted(why) => Error::Untrusted { address, why },
            Kind::Silent { step, after } => {
                Error::NoAnswer { address, step, after: after.unwrap_or_else(|| asked.begun.elapsed()) }
            }
            Kind::TimeOver(what) => Error::TimeOver { what, after: asked.begun.elapsed() },
            Kind::LoginDenied(why) => Error::LoginDenied { address, why },
            Kind::NoPrivilege(why) => Error::NoPrivilege { why },
            Kind::Unsupported(what) => Error::Unsupported { what },
            Kind::Busy => Error::Busy { why },
            Kind::Device { request, code } => Error::Device { request, code, passing: failure.is_passing() },
            Kind::Unexpected => Error::Unexpected { what: why },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of some protocol.
    struct Some(Kind, bool);

    impl fmt::Display for Some {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("its words")
        }
    }

    impl Failure for Some {
        fn kind(&self) -> Kind {
            self.0.clone()
        }

        fn is_passing(&self) -> bool {
            self.1
        }
    }

    #[test]
    fn whether_a_device_may_do_later_what_it_refused_is_the_word_of_its_protocol() {
        let asked = Asked { address: &"192.0.2.1", begun: Instant::now() };
        for passing in [true, false] {
            let kind = Kind::Device { request: "off".to_owned(), code: "C0h".to_owned() };
            assert_eq!(Error::of(&Some(kind, passing), &asked).is_definitive(), !passing);
            for (kind, definitive) in [
                (Kind::Refused, false),
                (Kind::Busy, false),
                (Kind::Unexpected, false),
                (Kind::Unreachable("no route".to_owned()), false),
                (Kind::Silent { step: "off".to_owned(), after: None }, false),
                (Kind::TimeOver("off".to_owned()), false),
                (Kind::Local, true),
                (Kind::Untrusted("expired".to_owned()), true),
                (Kind::LoginDenied("wrong password".to_owned()), true),
                (Kind::NoPrivilege("no".to_owned()), true),
                (Kind::Unsupported("off".to_owned()), true),
            ] {
                let error = Error::of(&Some(kind.clone(), passing), &asked);
                assert_eq!(error.is_definitive(), definitive, "{kind:?}");
            }
        }
    }
}
