//! Devices with a command line or menus: what their agents share. Each agent's device is a table.

mod access;
mod driver;
mod failures;
mod reader;
pub mod table;

use crate::fencing::option::{Kind as Value, Opt};
use crate::fencing::{Action, Agent, Describe, Error, Plugs, Proof, Settings, Times, Unfencing, options};

use access::Access;
pub(in crate::agents) use access::{ACCESS, TELNET_ACCESS};
use driver::Driver;
use table::Kind;

/// A plug that isn't there counts as off.
pub(in crate::agents) const MISSING_AS_OFF: Opt = Opt::new(
    "missing_as_off",
    "missing-as-off",
    Value::Switch,
    "A plug that a whole listing doesn't have counts as off, in place of being an error",
);

/// Where a device with plugs is, and who logs in. An agent with another port has that among its defaults.
pub(in crate::agents) const OF_PLUGS: &[Opt] = &[
    options::ACTION,
    options::IP.required(),
    options::IPPORT.default("23"),
    options::USERNAME.required(),
    options::PASSWORD,
    options::PASSWORD_SCRIPT,
];

/// The same of a device that is one machine's own.
pub(in crate::agents) const OF_A_MACHINE: &[Opt] = &[
    options::ACTION,
    options::IP,
    options::IPPORT.default("23"),
    options::USERNAME.required(),
    options::PASSWORD,
    options::PASSWORD_SCRIPT,
    options::PLUG_AS_ADDRESS,
    options::PORT_AS_IP,
];

/// What each has that has plugs.
pub(in crate::agents) const PLUG_ACTIONS: &[Action] = &[
    Action::On,
    Action::Off,
    Action::Reboot,
    Action::Status,
    Action::List,
    Action::ListStatus,
    Action::Monitor,
    Action::Metadata,
    Action::Manpage,
    Action::ValidateAll,
    Action::Doctor,
    Action::Evidence,
];

/// What each has that has one machine.
pub(in crate::agents) const MACHINE_ACTIONS: &[Action] = &[
    Action::On,
    Action::Off,
    Action::Reboot,
    Action::Status,
    Action::Monitor,
    Action::Metadata,
    Action::Manpage,
    Action::ValidateAll,
    Action::Doctor,
    Action::Evidence,
];

/// What most have in common: names, texts, options, `check` and `open` are each one's own.
pub(in crate::agents) const AGENT: Agent = Agent {
    name: "",
    shortdesc: "",
    longdesc: "",
    vendor_url: "",
    examples: &[],
    aliases: &[],
    options: &[],
    defaults: &[],
    actions: PLUG_ACTIONS,
    unadvertised: &[],
    default_action: Action::Reboot,
    unfencing: Unfencing::None,
    plugs: Plugs::Many,
    proof: Proof::Reported,
    check: |_| Ok(()),
    open: |_, _| Err(Error::Unsupported { what: String::new() }),
};

/// What Pacemaker gives for a plug where it has options validated and there is no node yet (stonith_admin --validate, pcs stonith
/// create: lib/fencing/st_client.c).
const STAND_IN: &str = "node1";

/// What a look at the input tells of a device of this kind.
///
/// # Errors
/// Bad input, by option.
pub(in crate::agents) fn check(settings: &Settings, kind: &'static Kind) -> Result<(), Error> {
    Access::new(settings, kind)?;
    // What one of them takes is decided when it is known which is spoken.
    let refused =
        |plug: &&String| kind.dialects.iter().all(|dialect| reader::number(dialect.plugs, plug).is_err());
    let plugs = settings.plugs();
    let validation =
        settings.text(&options::ACTION).is_some_and(|it| it.eq_ignore_ascii_case("validate-all"));
    let meant = |plug: &&String| !(validation && *plug == STAND_IN);
    let Some(plug) = plugs.iter().filter(meant).find(refused) else { return Ok(()) };
    let said: Vec<&str> = kind.dialects.iter().filter_map(|dialect| dialect.plugs.says()).collect();
    let why = format!("'{}' isn't {}", crate::base::Told::new(plug), said.join(", nor "));
    Err(Error::bad_input(settings.called(&options::PLUG), why))
}

/// The driver for a device of this kind.
///
/// # Errors
/// Bad input, by option.
pub(in crate::agents) fn open(
    settings: &Settings,
    times: &Times,
    kind: &'static Kind,
) -> Result<Box<dyn Describe>, Error> {
    open_unit(settings, times, kind, None)
}

/// The same, for one of several units that share the address.
///
/// # Errors
/// Bad input, by option.
pub(in crate::agents) fn open_unit(
    settings: &Settings,
    times: &Times,
    kind: &'static Kind,
    unit: Option<&str>,
) -> Result<Box<dyn Describe>, Error> {
    let access = Access::new(settings, kind)?;
    let missing_as_off = settings.is_on(&MISSING_AS_OFF);
    // Where the caller keeps the time, nobody has said how slow the device is.
    let given = [times.login, times.shell].into_iter().flatten().max().unwrap_or_default();
    Ok(Box::new(Driver::new(kind, access, missing_as_off, unit.map(str::to_owned), given)))
}
