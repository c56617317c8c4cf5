//! Which machine is meant: the options that pin it down, and the guard that lets no command through to another.
//!
//! A guard stands between the engine and the driver, and only where such an option is given. Before every command it
//! reads who is there, and again with a look that could end the action: between the two a session may have been
//! opened anew, with whoever has the address by then.

use log::debug;

use crate::base::Deadline;
use crate::fencing::agent::{Agent, Plugs};
use crate::fencing::device::{Answer, Device, Outlet, Seen, forwarded};
use crate::fencing::error::{Error, Joint};
use crate::fencing::knowledge::{About, Command, Fact, Finding, Identity, IdentityKind};
use crate::fencing::option::Opt;
use crate::fencing::options;
use crate::fencing::settings::Settings;
use crate::fencing::state::Power;
use crate::fencing::who::{self, Met, UUID_DIGITS, comparable};

/// The options, and what each compares.
const PINS: &[(&Opt, IdentityKind)] = &[
    (&options::EXPECT_UUID, IdentityKind::Uuid),
    (&options::EXPECT_SERIAL, IdentityKind::Serial),
    (&options::EXPECT_NAME, IdentityKind::Name),
    (&options::EXPECT_WWID, IdentityKind::Wwid),
];

/// One option that was given.
#[derive(Clone, Debug)]
struct Pin {
    kind: IdentityKind,
    /// As the user wrote the option.
    option: String,
    /// For each plug, in the order of the plugs, the values that it must tell: these and no others.
    expected: Vec<Vec<String>>,
}

/// The options that say which machine is meant.
#[derive(Clone, Debug, Default)]
pub struct Pins(Vec<Pin>);

/// The kinds of identity that an agent's options can pin down.
pub fn kinds(agent: &Agent) -> Vec<IdentityKind> {
    PINS.iter().filter(|(option, _)| agent.has(option)).map(|(_, kind)| *kind).collect()
}

impl Pins {
    /// Those that were given.
    ///
    /// # Errors
    /// Bad input: a value that can't be compared, or another number of values than plugs.
    pub fn of(agent: &Agent, settings: &Settings) -> Result<Pins, Error> {
        let mut pins = Vec::new();
        for (option, kind) in PINS {
            let Some(text) = settings.text(option).filter(|_| agent.has(option)) else { continue };
            let bad = |why: String| Error::bad_input(settings.called(option), why);
            let expected = expected(agent, settings, text).map_err(bad)?;
            for value in expected.iter().flatten() {
                check_value(*kind, value).map_err(bad)?;
            }
            pins.push(Pin { kind: *kind, option: settings.called(option), expected });
        }
        Ok(Pins(pins))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kinds that are compared.
    pub fn kinds(&self) -> Vec<IdentityKind> {
        self.0.iter().map(|pin| pin.kind).collect()
    }

    /// Two names may turn out to mean one plug: then one of two values has nobody to be compared with.
    fn judge_count(&self, plugs: usize, sent: bool) -> Result<(), Error> {
        match self.0.iter().find(|pin| pin.expected.len() != plugs) {
            None => Ok(()),
            Some(pin) => Err(Error::WrongMachine {
                option: pin.option.clone(),
                plug: "what the plugs name".to_owned(),
                expected: format!("{} different plugs", pin.expected.len()),
                found: plugs.to_string(),
                sent,
            }),
        }
    }

    /// Compares what a plug told with what is expected of it. `sent` says whether a command has been sent before.
    ///
    /// # Errors
    /// [`Error::WrongMachine`] for the first kind that isn't told, or told otherwise.
    pub fn judge(&self, plug: usize, name: &str, told: &[Identity], sent: bool) -> Result<(), Error> {
        for pin in &self.0 {
            let wrong = |expected: &[String], found: String| Error::WrongMachine {
                option: pin.option.clone(),
                plug: name.to_owned(),
                expected: expected.join(", "),
                found,
                sent,
            };
            let told: Vec<&Identity> = told.iter().filter(|identity| identity.kind == pin.kind).collect();
            let shown: Vec<String> =
                told.iter().map(|identity| format!("{} ({})", identity.value, identity.source)).collect();
            let Some(expected) = pin.expected.get(plug) else {
                return Err(wrong(&[], format!("{}, for which no value is given", shown.join(", "))));
            };
            let readable: Option<Vec<String>> =
                told.iter().map(|identity| comparable(pin.kind, &identity.value)).collect();
            let wanted: Option<Vec<String>> =
                expected.iter().map(|value| comparable(pin.kind, value)).collect();
            match (sorted(wanted), sorted(readable)) {
                (Some(wanted), Some(found)) if !wanted.is_empty() && wanted == found => {}
                (_, Some(found)) if found.is_empty() => {
                    return Err(wrong(expected, format!("no {} that can be read", pin.kind)));
                }
                (_, None) => {
                    return Err(wrong(expected, format!("{}, which identifies nothing", shown.join(", "))));
                }
                (wanted, Some(found)) => {
                    let hint = match (pin.kind, wanted.as_deref(), found.as_slice()) {
                        (IdentityKind::Uuid, Some([wanted]), [found]) if same_bytes(wanted, found) => {
                            "; the same bytes in another order: where this is the machine, write what was found"
                        }
                        _ => "",
                    };
                    return Err(wrong(expected, format!("{}{hint}", shown.join(", "))));
                }
            }
        }
        Ok(())
    }
}

/// The values for each plug, in the order of the plugs.
fn expected(agent: &Agent, settings: &Settings, text: &str) -> Result<Vec<Vec<String>>, String> {
    let split = || -> Vec<String> {
        let separator = settings.text(&options::PLUG_SEPARATOR).unwrap_or(",");
        text.split(separator).map(|value| value.trim().to_owned()).collect()
    };
    let plugs = settings.plugs().len();
    let expected = match (agent.plugs, plugs) {
        // A name may contain the separator, and one value needs none.
        (Plugs::One, _) | (Plugs::Many, 0 | 1) => vec![vec![text.trim().to_owned()]],
        (Plugs::Many, _) => split().into_iter().map(|value| vec![value]).collect(),
        (Plugs::Node, _) => vec![split()],
    };
    if agent.plugs == Plugs::Many && plugs > 1 && expected.len() != plugs {
        return Err(format!("{} values for {plugs} plugs: each plug needs one", expected.len()));
    }
    if expected.iter().flatten().any(String::is_empty) {
        return Err("a value is empty".to_owned());
    }
    Ok(expected)
}

/// What is wrong with a value that is expected, in words that follow the option's name.
fn check_value(kind: IdentityKind, value: &str) -> Result<(), String> {
    match (kind, comparable(kind, value)) {
        (_, Some(_)) => Ok(()),
        (IdentityKind::Uuid, None) if who::uuid_digits(value).is_none() => {
            Err(format!("'{value}' is not a UUID, which has {UUID_DIGITS} hexadecimal digits"))
        }
        (_, None) => Err(format!("'{value}' is what machines say that have none: it identifies nothing")),
    }
}

fn sorted(values: Option<Vec<String>>) -> Option<Vec<String>> {
    values.map(|mut values| {
        values.sort_unstable();
        values.dedup();
        values
    })
}

/// Whether two UUIDs have the same bytes, in whatever order.
fn same_bytes(one: &str, other: &str) -> bool {
    let bytes = |uuid: &str| {
        let (pairs, _) = uuid.as_bytes().as_chunks::<2>();
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs
    };
    bytes(one) == bytes(other)
}

/// A device that takes a command only while it says that it is the one meant.
pub struct Pinned<'a> {
    device: &'a mut dyn Device,
    pins: &'a Pins,
    /// Whether plugs were resolved, so that there is something to compare.
    resolved: bool,
    /// What was commanded last.
    sent: Option<Command>,
}

impl<'a> Pinned<'a> {
    /// Guards a device.
    pub fn new(device: &'a mut dyn Device, pins: &'a Pins) -> Pinned<'a> {
        Pinned { device, pins, resolved: false, sent: None }
    }

    /// Asks a plug who it is, and compares.
    fn verify(&mut self, plug: usize, by: Deadline) -> Result<(), Error> {
        let name = self.device.plug_name(plug);
        match self.device.identity(plug, &self.pins.kinds(), by) {
            Ok(told) => self.pins.judge(plug, &name, &told, self.sent.is_some()),
            // The device won't tell, and won't next time.
            Err(
                error @ (Error::NoPrivilege { .. }
                | Error::Unsupported { .. }
                | Error::Device { passing: false, .. }
                | Error::Devices { verdict: Joint::Refused | Joint::Final, .. }),
            ) => {
                debug!("{name} doesn't say who it is: {error}");
                self.pins.judge(plug, &name, &[], self.sent.is_some())
            }
            Err(error) => Err(error),
        }
    }

    fn verify_all(&mut self, by: Deadline) -> Result<(), Error> {
        let plugs = self.device.plug_count();
        if plugs > 0 {
            self.pins.judge_count(plugs, self.sent.is_some())?;
        }
        (0..plugs).try_for_each(|plug| self.verify(plug, by))
    }

    /// Whether the action could end with these states.
    fn could_end(&self, seen: &[Seen]) -> bool {
        match self.sent {
            // A status ends with it, and the session may be another than the one in which the plugs were found.
            None => true,
            Some(Command::Switch(power)) => seen.iter().all(|seen| seen.state.is(power)),
            // Off in between is the evidence that the power went.
            Some(Command::Cycle | Command::Diag) => {
                [Power::On, Power::Off].iter().any(|power| seen.iter().all(|seen| seen.state.is(*power)))
            }
        }
    }
}

impl Device for Pinned<'_> {
    forwarded![
        connect,
        plug_name,
        plug_count,
        met,
        complaint,
        tells_already,
        list,
        power_mark,
        host,
        known,
        about,
        plug_facts,
        identity,
        plan,
        examine,
        close
    ];

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        self.device.resolve(names, by)?;
        self.resolved = true;
        self.verify_all(by)
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let seen = self.device.look(by)?;
        if self.could_end(&seen) {
            self.verify_all(by)?;
        }
        Ok(seen)
    }

    fn look_readable(&mut self, by: Deadline) -> Result<(), Error> {
        self.device.look_readable(by)
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        if !self.resolved {
            // Where nobody names a plug, the one machine is still known; several plugs can't be told apart.
            self.verify_all(by)?;
        }
        self.device.monitor(by)
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        // What keeps a plug from saying who it is is no answer to the command.
        self.verify(plug, by)
            .map_err(|error| error.before_the_command("no command before the plug has said who it is"))?;
        self.sent = Some(Command::Switch(to));
        self.device.switch(plug, to, by)
    }

    fn diag(&mut self, by: Deadline) -> Result<String, Error> {
        self.verify_all(by)?;
        self.sent = Some(Command::Diag);
        self.device.diag(by)
    }

    fn cycle(&mut self, by: Deadline) -> Result<Answer, Error> {
        self.verify_all(by)?;
        self.sent = Some(Command::Cycle);
        self.device.cycle(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fencing::state::State;

    /// A device that says who it is only with this error, and counts the commands it is sent.
    struct Mute {
        error: Error,
        commands: u32,
    }

    impl Device for Mute {
        fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
            Ok(())
        }

        fn plug_name(&self, _plug: usize) -> String {
            "plug 1".to_owned()
        }

        fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
            Ok(vec![State::On.into()])
        }

        fn switch(&mut self, _plug: usize, _to: Power, _by: Deadline) -> Result<Answer, Error> {
            self.commands += 1;
            Ok(Answer::Accepted)
        }

        fn identity(
            &mut self,
            _plug: usize,
            _kinds: &[IdentityKind],
            _by: Deadline,
        ) -> Result<Vec<Identity>, Error> {
            Err(self.error.clone())
        }
    }

    #[test]
    fn what_keeps_the_identity_from_being_read_is_no_refusal_of_the_command() {
        let device = |passing| Error::Device { request: "who".to_owned(), code: "5".to_owned(), passing };
        let pins = Pins(vec![Pin {
            kind: IdentityKind::Name,
            option: "--expect-name".to_owned(),
            expected: vec![vec!["node1".to_owned()]],
        }]);
        for (error, final_one) in [
            (Error::Busy { why: "later".to_owned() }, false),
            (device(true), false),
            (Error::Devices { failed: Vec::new(), verdict: Joint::Declined }, false),
            (device(false), true),
            (Error::NoPrivilege { why: "no".to_owned() }, true),
        ] {
            let mut mute = Mute { error: error.clone(), commands: 0 };
            let mut pinned = Pinned::new(&mut mute, &pins);
            let told = pinned.switch(0, Power::Off, Deadline::NEVER).unwrap_err();
            assert!(!told.is_refusal(), "{error:?}: {told:?}");
            assert_eq!(told.is_definitive(), final_one, "{error:?}: {told:?}");
            assert_eq!(matches!(told, Error::WrongMachine { .. }), final_one, "{error:?}: {told:?}");
            assert_eq!(mute.commands, 0, "{error:?}");
        }
    }
}
