//! Options from the command line, with the habits of GNU getopt: letters in clusters with their value attached,
//! long names cut short as long as they are unambiguous, options and operands mixed, values that begin with a
//! dash.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::base::Secret;
use crate::fencing::agent::Agent;
use crate::fencing::error::Error;
use crate::fencing::option::Opt;
use crate::fencing::options;
use crate::fencing::settings::{Settings, Source};
use crate::fencing::stdin::Parsed;

/// The name under which clap collects what is no option.
const OPERANDS: &str = "operands";

/// Parses the arguments behind the program's name.
pub fn parse(agent: &Agent, name: &str, arguments: &[OsString]) -> Result<Parsed, Error> {
    let matches = command(agent)
        .try_get_matches_from(attached_values_kept(agent, arguments))
        .map_err(|error| one_line(&error))?;
    let mut settings = agent.settings(name, Source::Arguments);
    for option in agent.options() {
        take(&mut settings, option, &matches)?;
    }
    let values = |name| matches.get_many::<OsString>(name).into_iter().flatten();
    // They may be the rest of a password that wasn't quoted, so they aren't shown.
    let warnings = match values(OPERANDS).count() {
        0 => Vec::new(),
        1 => vec!["ignoring an argument that belongs to no option".to_owned()],
        count => vec![format!("ignoring {count} arguments that belong to no option")],
    };
    let secrets = agent.options().filter(|option| option.is_secret());
    let shown = secrets.flat_map(|option| values(option.name)).filter(|value| !value.is_empty());
    Ok(Parsed { settings, warnings, shown: shown.map(|value| Secret::new(value.as_bytes())).collect() })
}

/// The agent's options as clap wants them told.
fn command(agent: &Agent) -> Command {
    let options = agent.options().map(|option| {
        let arg = Arg::new(option.name).long(option.long);
        let arg = match option.short {
            Some(letter) => arg.short(letter),
            None => arg,
        };
        if option.takes_value() {
            arg.action(ArgAction::Append)
                .num_args(1)
                .allow_hyphen_values(true)
                .value_parser(value_parser!(OsString))
        } else {
            arg.action(ArgAction::Count)
        }
    });
    Command::new(agent.name)
        .no_binary_name(true)
        .infer_long_args(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(options)
        .arg(Arg::new(OPERANDS).action(ArgAction::Append).num_args(0..).value_parser(value_parser!(OsString)))
}

/// Takes the last value of one option into the settings.
fn take(settings: &mut Settings, option: &Opt, matches: &ArgMatches) -> Result<(), Error> {
    if option.takes_value() {
        let last = matches.get_many::<OsString>(option.name).and_then(|mut values| values.next_back());
        return last.map_or(Ok(()), |value| settings.set(option, value.as_bytes()));
    }
    let count = matches.get_count(option.name);
    if count == 0 {
        return Ok(());
    }
    if option.name == options::VERBOSE.name {
        settings.add_verbosity(u32::from(count));
    }
    settings.set(option, b"1")
}

/// getopt takes `-p=x` as the value `=x`, clap as the value `x`: a second `=` makes clap see what getopt sees.
/// A password may well begin with one.
fn attached_values_kept(agent: &Agent, arguments: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::with_capacity(arguments.len());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            kept.push(argument.clone());
            kept.extend(rest.cloned());
            break;
        }
        match cluster(agent, bytes) {
            Cluster::ValueFollows => {
                kept.push(argument.clone());
                kept.extend(rest.next().cloned());
            }
            Cluster::ValueAttachedAt(at) => match bytes.split_at_checked(at) {
                Some((letters, value)) if value.starts_with(b"=") => {
                    kept.push(OsString::from_vec([letters, b"=", value].concat()));
                }
                _ => kept.push(argument.clone()),
            },
            Cluster::NoValue => kept.push(argument.clone()),
        }
    }
    kept
}

/// Where the value of a cluster of letters is.
enum Cluster {
    NoValue,
    ValueFollows,
    ValueAttachedAt(usize),
}

/// Reads `-abc` as getopt does. A long option with its value behind it counts as one whose value follows.
fn cluster(agent: &Agent, argument: &[u8]) -> Cluster {
    if let Some(long) = argument.strip_prefix(b"--") {
        let takes_value = |option: &&Opt| option.long.as_bytes().starts_with(long) && option.takes_value();
        let exact = agent.options().find(|option| option.long.as_bytes() == long);
        let follows = match exact {
            Some(option) => option.takes_value(),
            None => !long.is_empty() && agent.options().any(|option| takes_value(&option)),
        };
        return if follows { Cluster::ValueFollows } else { Cluster::NoValue };
    }
    let Some(letters) = argument.strip_prefix(b"-") else { return Cluster::NoValue };
    for (index, letter) in letters.iter().enumerate() {
        let option = agent.options().find(|option| option.short == Some(char::from(*letter)));
        match option {
            Some(option) if option.takes_value() => {
                let end = index.saturating_add(2);
                return if end == argument.len() {
                    Cluster::ValueFollows
                } else {
                    Cluster::ValueAttachedAt(end)
                };
            }
            Some(_) => {}
            None => return Cluster::NoValue,
        }
    }
    Cluster::NoValue
}

/// One line of our own for what clap says in several. A value is never repeated: it may be a password.
fn one_line(error: &clap::Error) -> Error {
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => before_value(text),
        Some(ContextValue::Strings(texts)) => {
            texts.first().map(|text| before_value(text)).unwrap_or_default()
        }
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::UnknownArgument => {
            Error::bad_input(option, "no such option, or the beginning of more than one; see --help")
        }
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues => {
            Error::bad_input(option, "a value must follow")
        }
        ErrorKind::TooManyValues => Error::bad_input(option, "takes no value"),
        _ => Error::bad_input(option, "can't be understood; see --help"),
    }
}

/// The name in clap's `--name <name>` or `--name=value`.
fn before_value(text: &str) -> String {
    text.split(['=', ' ']).next().unwrap_or_default().to_owned()
}

/// The last part of the path that the program was called by.
pub fn basename(path: &OsStr) -> String {
    std::path::Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
