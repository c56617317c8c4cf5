//! Which machine is meant: the options that pin it down, and the comparison. What is compared when is the business of
//! [`Supervised`](crate::fencing::supervised::Supervised).

use crate::fencing::agent::{Agent, Plugs};
use crate::fencing::error::Error;
use crate::fencing::knowledge::{Identity, IdentityKind};
use crate::fencing::option::Opt;
use crate::fencing::options;
use crate::fencing::settings::Settings;
use crate::fencing::who::{self, UUID_DIGITS, comparable};

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

    /// One value of one kind, for one plug.
    #[cfg(test)]
    pub(crate) fn expecting(kind: IdentityKind, option: &str, value: &str) -> Pins {
        Pins(vec![Pin { kind, option: option.to_owned(), expected: vec![vec![value.to_owned()]] }])
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The kinds that are compared.
    pub fn kinds(&self) -> Vec<IdentityKind> {
        self.0.iter().map(|pin| pin.kind).collect()
    }

    /// Compares the number of plugs with that of the values. Two names may turn out to mean one plug: then one of two
    /// values has nobody to be compared with.
    ///
    /// # Errors
    /// [`Error::WrongMachine`].
    pub fn judge_count(&self, plugs: usize, sent: bool) -> Result<(), Error> {
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
        (Plugs::One, _) | (Plugs::Many | Plugs::Perhaps, 0 | 1) => vec![vec![text.trim().to_owned()]],
        (Plugs::Many | Plugs::Perhaps, _) => split().into_iter().map(|value| vec![value]).collect(),
        (Plugs::Node, _) => vec![split()],
    };
    if matches!(agent.plugs, Plugs::Many | Plugs::Perhaps) && plugs > 1 && expected.len() != plugs {
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
