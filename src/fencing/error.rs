//! What can go wrong, as data; and the one place where it becomes a message and an exit code.
//!
//! Pacemaker searches stderr for a few words (`timed out`, `timeout`, `unsupported action`, `unrecognised
//! action`) and draws conclusions from them, so these stand only in messages that mean them; the exception is a
//! message about an option whose name contains one.

use std::fmt;
use std::time::Duration;

use crate::base::told::{Told, unread};
use crate::fencing::state::{Power, State};

/// What the failures of devices that have to act together come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// One of them at least can't be reached.
    Unreached,
    /// The same can succeed later.
    Passing,
    /// They refused a command, and nothing but that.
    Refused,
    /// They didn't carry it out, some of them because they can't now.
    Declined,
    /// What was found forbids it.
    Final,
}

/// Why an action failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The user gave something that can't be: told before anything is sent.
    BadInput {
        /// The option as the user wrote it, such as `--ipport` or `ipport`.
        option: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// A word that is no action.
    UnknownAction {
        /// The word.
        action: String,
    },
    /// An action that this agent or device doesn't have.
    UnsupportedAction {
        /// Its name.
        action: &'static str,
    },
    /// The address can't be found or reached.
    Unreachable {
        /// The address as given.
        address: String,
        /// What the system said.
        why: String,
    },
    /// Somebody at that address says that nothing listens there.
    Refused {
        /// Address and port.
        address: String,
    },
    /// Whoever answers there can't prove to be the device: nothing secret was sent.
    Untrusted {
        /// Address and port.
        address: String,
        /// Which check failed.
        why: String,
    },
    /// Nothing came back.
    NoAnswer {
        /// Address and port.
        address: String,
        /// What was waited for.
        step: String,
        /// How long.
        after: Duration,
    },
    /// The device doesn't accept this user, password or key.
    LoginDenied {
        /// The address.
        address: String,
        /// The device's reason.
        why: String,
    },
    /// The user may not do this.
    NoPrivilege {
        /// What the device refused, in its words.
        why: String,
    },
    /// The device has no such plug.
    NoSuchPlug {
        /// The plug as given.
        plug: String,
        /// What there is.
        known: Vec<String>,
    },
    /// More than one plug has this name.
    AmbiguousPlug {
        /// The plug as given.
        plug: String,
        /// The ones it fits.
        fits: Vec<String>,
    },
    /// The device has several machines, and what was given doesn't name one of them.
    WhichMachine {
        /// What was given, and what is wrong with it.
        why: String,
        /// The machines there are.
        known: Vec<String>,
    },
    /// The device can't do this.
    Unsupported {
        /// What it can't do.
        what: String,
    },
    /// The device has no room or no time now; later it may.
    Busy {
        /// Its words.
        why: String,
    },
    /// The device reported an error.
    Device {
        /// What it was asked.
        request: String,
        /// Its code, in words.
        code: String,
        /// Whether the same request can succeed later.
        passing: bool,
    },
    /// The device answered something that this request can't be answered with.
    Unexpected {
        /// What was found.
        what: String,
    },
    /// The device didn't report the wanted state in time.
    NotReached {
        /// The state that was wanted.
        wanted: Power,
        /// Each plug that isn't there, with the last state it reported.
        last: Vec<(String, State)>,
        /// What the last look failed with, where it failed.
        trouble: Option<Box<Error>>,
        /// How long it was waited for.
        after: Duration,
    },
    /// The time given for this ran out.
    TimeOver {
        /// What was being done.
        what: String,
        /// After how long.
        after: Duration,
    },
    /// The device acknowledged, and nothing shows that the power really went.
    Unproven {
        /// What would have been the proof.
        why: String,
    },
    /// Some of the devices that have to act together failed.
    Devices {
        /// Each of them by name, with what is wrong with it.
        failed: Vec<(String, String)>,
        /// What that means for all of them.
        verdict: Joint,
    },
    /// The device says that it is another one than meant, or doesn't say who it is.
    WrongMachine {
        /// The option that says which one is meant, as the user wrote it.
        option: String,
        /// The plug it was read for.
        plug: String,
        /// What was expected.
        expected: String,
        /// What was found, or why nothing could be.
        found: String,
        /// Whether a command had been sent before.
        sent: bool,
    },
    /// Somebody else answers than the device that this run began with.
    AnotherMachine {
        /// The plug that was asked about.
        plug: String,
        /// Who was met first.
        first: String,
        /// Who answers now; `None` where the device doesn't say so any more.
        now: Option<String>,
        /// Whether a command had been sent before.
        sent: bool,
    },
    /// Something on this machine failed, such as a password script.
    Local {
        /// What failed, and how.
        what: String,
    },
}

impl Error {
    /// Bad input about an option, by the name the user knows it by.
    pub fn bad_input(option: impl Into<String>, why: impl Into<String>) -> Error {
        Error::BadInput { option: option.into(), why: why.into() }
    }

    /// Whether asking again can't help: the action ends at once.
    pub fn is_definitive(&self) -> bool {
        match self {
            Error::BadInput { .. }
            | Error::UnknownAction { .. }
            | Error::UnsupportedAction { .. }
            | Error::Untrusted { .. }
            | Error::LoginDenied { .. }
            | Error::NoPrivilege { .. }
            | Error::NoSuchPlug { .. }
            | Error::AmbiguousPlug { .. }
            | Error::WhichMachine { .. }
            | Error::Unsupported { .. }
            | Error::NotReached { .. }
            | Error::Unproven { .. }
            | Error::WrongMachine { .. }
            | Error::Local { .. } => true,
            Error::Device { passing, .. } => !passing,
            Error::Devices { verdict, .. } => matches!(verdict, Joint::Refused | Joint::Final),
            // Before a command nothing is lost, and the first one may be back soon; whoever doesn't say who it is may
            // do so again.
            Error::AnotherMachine { now, sent, .. } => *sent && now.is_some(),
            Error::Unreachable { .. }
            | Error::Refused { .. }
            | Error::NoAnswer { .. }
            | Error::Busy { .. }
            | Error::Unexpected { .. }
            | Error::TimeOver { .. } => false,
        }
    }

    /// Whether a device answered a command with it, and the command stays undone as far as that goes.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Error::NoPrivilege { .. }
                | Error::Unsupported { .. }
                | Error::Busy { .. }
                | Error::Device { .. }
                | Error::Devices { verdict: Joint::Refused | Joint::Declined, .. }
        )
    }

    /// The error of something that a command had to wait for, and that kept it from being sent: `what` names it. What a
    /// device refuses there is no answer to the command, and may be granted the next time.
    pub fn before_the_command(self, what: &str) -> Error {
        match self.is_refusal() {
            true => Error::Unexpected { what: format!("{what}: {self}") },
            false => self,
        }
    }

    /// Whether nothing came back from a device.
    pub fn is_unreached(&self) -> bool {
        matches!(
            self,
            Error::Unreachable { .. }
                | Error::NoAnswer { .. }
                | Error::TimeOver { .. }
                | Error::Devices { verdict: Joint::Unreached, .. }
        )
    }

    /// The exit code: 1 for every failure. 0 and 2 are states, and no error is one.
    pub fn exit_code(&self) -> u8 {
        1
    }
}

/// Names in a row, shortened where there are very many.
fn listing(names: &[String], between: &str) -> String {
    const SHOWN: usize = 64;
    /// How many characters of each.
    const LONGEST: usize = 100;
    let shown: Vec<String> =
        names.iter().take(SHOWN).map(|name| Told::at_most(LONGEST, name).to_string()).collect();
    let mut text = shown.join(between);
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

/// Seconds as a person says them.
fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// How long something was waited for, behind what it was. What came before may have used the limit up, so that no time
/// was left for it: to say that it took 0.0 s would be no help.
fn after_seconds(time: Duration) -> String {
    match time < LEAST_SHOWN {
        true => ", what came before had used the limit up".to_owned(),
        false => format!(" after {}", seconds(time)),
    }
}

/// Less than this is 0.0 s as it is shown.
const LEAST_SHOWN: Duration = Duration::from_millis(50);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadInput { option, why } => write!(f, "{option}: {why}"),
            Error::UnknownAction { action } => {
                write!(f, "action: unrecognised action '{}'", Told::new(action))
            }
            Error::UnsupportedAction { action } => {
                write!(f, "unsupported action '{action}': this agent or its device doesn't have it")
            }
            Error::Unreachable { address, why } => write!(f, "can't reach {}: {why}", Told::new(address)),
            Error::Refused { address } => {
                write!(f, "connection refused by {address}: nothing listens there; check ip and ipport")
            }
            Error::Untrusted { address, why } => {
                write!(f, "no secure connection to {address}: {}", unread(why))
            }
            Error::NoAnswer { address, step, after } => {
                write!(f, "no answer from {address} to {step}: timed out{}", after_seconds(*after))
            }
            Error::LoginDenied { address, why } => write!(f, "login denied by {address}: {}", unread(why)),
            Error::NoPrivilege { why } => write!(f, "not enough privilege: {}", unread(why)),
            Error::NoSuchPlug { plug, known } if known.is_empty() => {
                write!(f, "no such plug on this device: {}", Told::new(plug))
            }
            Error::NoSuchPlug { plug, known } => {
                let plug = Told::new(plug);
                write!(f, "no such plug on this device: {plug}; it has {}", listing(known, ", "))
            }
            Error::AmbiguousPlug { plug, fits } => {
                let plug = Told::new(plug);
                write!(f, "plug {plug} is ambiguous on this device: it fits {}", listing(fits, ", "))
            }
            Error::WhichMachine { why, known } => {
                write!(f, "{}; there are: {}", unread(why), listing(known, "; "))
            }
            Error::Unsupported { what } => write!(f, "the device doesn't support {}", unread(what)),
            Error::Busy { why } => write!(f, "the device is busy: {}", unread(why)),
            Error::Device { request, code, .. } => {
                write!(f, "the device answered {} with an error: {}", unread(request), unread(code))
            }
            Error::Unexpected { what } => write!(f, "unexpected answer: {}", unread(what)),
            Error::NotReached { wanted, last, trouble, after } => {
                write!(f, "timed out waiting for {wanted}{}", after_seconds(*after))?;
                for (plug, state) in last {
                    write!(f, "; {} is {state}", Told::new(plug))?;
                }
                if let Some(trouble) = trouble {
                    write!(f, "; last trouble: {trouble}")?;
                }
                Ok(())
            }
            Error::TimeOver { what, after } => write!(f, "timed out{}: {what}", after_seconds(*after)),
            Error::Unproven { why } => write!(f, "not proven: {}", unread(why)),
            Error::Devices { failed, .. } => {
                let each: Vec<String> =
                    failed.iter().map(|(name, why)| format!("device {name}: {why}")).collect();
                f.write_str(&each.join("; "))
            }
            Error::WrongMachine { option, plug, expected, found, sent } => {
                let (plug, expected, found) = (Told::new(plug), Told::new(expected), Told::new(found));
                write!(f, "{option}: {plug} is not the one meant: expected {expected}, found {found}")?;
                f.write_str(match sent {
                    false => "; no command was sent",
                    true => "; what was commanded before can't be counted as done",
                })
            }
            Error::AnotherMachine { plug, first, now, sent } => {
                let (plug, first) = (Told::new(plug), Told::new(first));
                write!(f, "{plug}: another device answers than before: first {first}, now ")?;
                match now {
                    Some(now) => write!(f, "{}", Told::new(now))?,
                    None => f.write_str("one that doesn't say who it is")?,
                }
                f.write_str(match sent {
                    false => "; no command was sent to it",
                    true => "; its state proves nothing about the one that was commanded",
                })
            }
            Error::Local { what } => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words from which Pacemaker concludes that time ran out.
    fn reads_as_time_over(error: &Error) -> bool {
        let text = error.to_string();
        text.contains("timed out") || text.contains("timeout")
    }

    #[test]
    fn only_errors_of_time_read_as_such_to_pacemaker() {
        let refused = Error::Refused { address: "192.0.2.1 port 623".into() };
        let denied = Error::LoginDenied { address: "192.0.2.1".into(), why: "wrong password".into() };
        let plug = Error::NoSuchPlug { plug: "9".into(), known: vec!["1".into()] };
        for error in [refused, denied, plug, Error::UnsupportedAction { action: "list" }] {
            assert!(!reads_as_time_over(&error), "{error}");
        }
        let silent = Error::NoAnswer { address: "a".into(), step: "b".into(), after: Duration::from_secs(1) };
        let late = Error::NotReached {
            wanted: Power::Off,
            last: Vec::new(),
            trouble: None,
            after: Duration::from_secs(20),
        };
        for error in [silent, late] {
            assert!(reads_as_time_over(&error), "{error}");
        }
    }

    /// Every error that repeats what a device or a user said.
    fn repeating(text: &str) -> Vec<Error> {
        let said = || text.to_owned();
        let address = || "192.0.2.1".to_owned();
        vec![
            Error::Untrusted { address: address(), why: said() },
            Error::LoginDenied { address: address(), why: said() },
            Error::NoPrivilege { why: said() },
            Error::NoSuchPlug { plug: said(), known: Vec::new() },
            Error::NoSuchPlug { plug: said(), known: vec![said(); 3] },
            Error::AmbiguousPlug { plug: said(), fits: vec![said(); 3] },
            Error::WhichMachine { why: said(), known: vec![said(); 3] },
            Error::Unsupported { what: said() },
            Error::Busy { why: said() },
            Error::Device { request: said(), code: said(), passing: true },
            Error::Unexpected { what: said() },
            Error::Unproven { why: said() },
            Error::WrongMachine {
                option: "expect_name".into(),
                plug: said(),
                expected: said(),
                found: said(),
                sent: true,
            },
            Error::AnotherMachine { plug: said(), first: said(), now: Some(said()), sent: true },
        ]
    }

    #[test]
    fn no_word_of_a_device_reads_as_a_conclusion_to_pacemaker() {
        for error in repeating("Timed out, timeout, TIMEOUT, unsupported action, unrecognised action") {
            let text = error.to_string().to_lowercase();
            for words in ["timed out", "timeout", "unsupported action", "unrecognised action"] {
                assert!(!text.contains(words), "{text}");
            }
        }
    }

    #[test]
    fn a_plug_or_an_address_without_end_is_cut() {
        let long = || "n".repeat(900_000);
        for error in [
            Error::NoSuchPlug { plug: long(), known: vec![long(); 64] },
            Error::AmbiguousPlug { plug: long(), fits: vec![long(); 64] },
            Error::Unreachable { address: long(), why: "the name can't be resolved".into() },
            Error::UnknownAction { action: long() },
        ] {
            assert!(error.to_string().len() < 10_000, "{}", error.to_string().len());
        }
    }

    #[test]
    fn a_limit_that_was_used_up_before_is_told_as_such_and_still_reads_as_time_over() {
        for after in [Duration::ZERO, Duration::from_millis(49)] {
            for error in [
                Error::NoAnswer { address: "a".into(), step: "b".into(), after },
                Error::TimeOver { what: "asking".into(), after },
                Error::NotReached { wanted: Power::Off, last: Vec::new(), trouble: None, after },
            ] {
                let text = error.to_string();
                assert!(reads_as_time_over(&error) && text.contains("used the limit up"), "{text}");
                assert!(!text.contains("0.0 s"), "{text}");
            }
        }
        let late = Error::TimeOver { what: "asking".into(), after: Duration::from_millis(50) };
        assert!(late.to_string().starts_with("timed out after 0.1 s"), "{late}");
    }

    #[test]
    fn a_refused_action_reads_as_unsupported_to_pacemaker() {
        assert!(Error::UnsupportedAction { action: "list" }.to_string().contains("unsupported action"));
        assert!(Error::UnknownAction { action: "fly".into() }.to_string().contains("unrecognised action"));
    }

    #[test]
    fn a_long_list_of_plugs_is_cut() {
        let known: Vec<String> = (1..=100).map(|n| n.to_string()).collect();
        let text = Error::NoSuchPlug { plug: "999".into(), known }.to_string();
        assert!(text.ends_with("64 and 36 more"), "{text}");
    }
}
