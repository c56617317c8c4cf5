//! fence_ifmib: network ports of a switch, over SNMP and the interfaces group MIB (RFC 2863).

use std::collections::HashMap;

use log::warn;

use crate::agents::snmp::named::{self, Named, Names};
use crate::agents::snmp::{self, Link};
use crate::base::Deadline;
use crate::fencing::options;
use crate::fencing::{
    About, Action, Agent, Answer, Command, Describe, Device, Error, Fact, Finding, Identity, IdentityKind,
    Met, Outlet, Plugs, Power, Proof, Seen, Settings, State, Times, Unfencing,
};
use crate::protocols::snmp::{Answer as Told, Client, Error as SnmpError, Oid, Value};

/// ifDescr, ifAdminStatus, ifOperStatus (RFC 2863, ifTable); ifName, ifAlias (ifXTable).
pub(super) const IF_DESCR: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 2];
pub(super) const IF_ADMIN_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 7];
pub(super) const IF_OPER_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8];
const IF_NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1];
pub(super) const IF_ALIAS: &[u32] = &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18];

/// Where a port's name is looked up, in this order.
const NAME_COLUMNS: &[(&str, &[u32])] = &[("ifDescr", IF_DESCR), ("ifName", IF_NAME), ("ifAlias", IF_ALIAS)];

/// Values of ifAdminStatus.
const ADMIN_UP: i64 = 1;
const ADMIN_DOWN: i64 = 2;
const ADMIN_TESTING: i64 = 3;

/// Values of ifOperStatus, in words, and what they mean for a port that is administratively down: whether nothing
/// passes any more, where that is known.
const OPER: &[(i64, &str, Option<bool>)] = &[
    (1, "up", Some(false)),
    (2, "down", Some(true)),
    (3, "testing", Some(false)),
    (4, "unknown", None),
    (5, "dormant", Some(false)),
    (6, "notPresent", Some(true)),
    (7, "lowerLayerDown", Some(true)),
];

/// How much ifOperStatus has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Oper {
    /// Nothing: there is no such column.
    Nothing,
    /// Values without a meaning.
    Vague,
    /// Whether a port carries anything.
    Definite,
}

impl Oper {
    fn of(told: &Told) -> Oper {
        let Some(value) = told.value() else { return Oper::Nothing };
        let row = value.as_integer().and_then(|number| OPER.iter().find(|row| row.0 == number));
        if row.is_some_and(|(_, _, quiet)| quiet.is_some()) { Oper::Definite } else { Oper::Vague }
    }
}

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_ifmib",
    shortdesc: "Fence agent for switch ports over SNMP (IF-MIB)",
    longdesc: "fence_ifmib cuts a node off from a network, or from storage behind one, by taking its switch port \
               down over SNMP 1, 2c or 3. It works with every device that implements the interfaces group MIB and \
               lets its login write ifAdminStatus.\
               \n\n\
               A plug is the index of a port, or its description, name or alias. Off succeeds when the switch \
               reports the port as administratively down and as carrying nothing any more; on succeeds when it \
               reports the port as administratively up.",
    vendor_url: "",
    examples: &[
        "-a 192.0.2.10 -c private -n 3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n 3 -o off -v",
    ],
    aliases: &[],
    options: &[
        &[
            options::ACTION.default("off"),
            options::PLUG.text("Port to act on: its index, description (ifDescr), name (ifName) or alias (ifAlias)"),
            options::EXPECT_NAME.text(
                "Alias (ifAlias) of the port, as explain shows it: a device that tells another one, or none, is sent no command. One for each plug",
            ),
        ],
        snmp::ADDRESS,
        options::LOGIN,
        snmp::OPTIONS,
        options::LISTING,
        snmp::TOOLS,
        options::COMMON,
    ],
    defaults: &[("snmp_version", "2c")],
    actions: &[
        Action::On,
        Action::Off,
        Action::Status,
        Action::List,
        Action::ListStatus,
        Action::Monitor,
        Action::Metadata,
        Action::Manpage,
        Action::ValidateAll,
        Action::Doctor,
        Action::Evidence,
    ],
    unadvertised: &[],
    default_action: Action::Off,
    unfencing: Unfencing::Automatic,
    plugs: Plugs::Many,
    proof: Proof::Reported,
    check: snmp::check,
    open,
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    Ok(Box::new(Switch {
        link: Link::new(settings)?,
        ports: Vec::new(),
        oper_told: Oper::Nothing,
        warned: false,
    }))
}

/// A switch, or whatever else has network ports.
struct Switch {
    link: Link,
    ports: Vec<Port>,
    /// What it has told, at most, of whether a port carries anything. From then on, less than that is no answer.
    oper_told: Oper,
    /// Whether it was said already that a port doesn't tell whether it carries anything.
    warned: bool,
}

/// What ifAdminStatus is written to bring a port to a state.
fn written(power: Power) -> i64 {
    match power {
        Power::On => ADMIN_UP,
        Power::Off => ADMIN_DOWN,
    }
}

/// A port that was asked for.
struct Port {
    /// As the user wrote it, with its index.
    name: String,
    index: u32,
    named: Option<Named>,
    /// Whether the switch has told of it.
    told: bool,
}

impl named::Plug for Port {
    fn is(&self, other: &Port) -> bool {
        self.index == other.index
    }

    fn named(&mut self) -> &mut Option<Named> {
        &mut self.named
    }
}

/// The columns of names that were read so far, in the order of [`NAME_COLUMNS`].
type Columns = Vec<Names<u32>>;

impl Switch {
    fn find(&mut self, text: &str, columns: &mut Columns, by: Deadline) -> Result<Port, Error> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                Ok(index) if index > 0 => {
                    Ok(Port { name: format!("port {index}"), index, named: None, told: false })
                }
                _ => Err(self.no_such(text, by)),
            };
        }
        for (place, (column, arcs)) in NAME_COLUMNS.iter().enumerate() {
            if columns.len() <= place {
                let texts = self.link.ask(by, |client, by| texts(client, arcs, by))?;
                let named = |(index, name)| (index, Named { object: Oid::new(*arcs).with(&[index]), name });
                columns.push(texts.into_iter().map(named).collect());
            }
            match columns.get(place).map(|names| names.of(text)).unwrap_or_default() {
                [] => {}
                [(index, named)] => {
                    let name = format!("port {text} (index {index})");
                    return Ok(Port { name, index: *index, named: Some(named.clone()), told: false });
                }
                many => {
                    let fits = many
                        .iter()
                        .map(|(index, named)| format!("index {index} ({column} {})", named.name))
                        .collect();
                    return Err(Error::AmbiguousPlug { plug: text.to_owned(), fits });
                }
            }
        }
        Err(self.no_such(text, by))
    }

    fn no_such(&mut self, plug: &str, by: Deadline) -> Error {
        match self.list(false, by) {
            Ok(ports) => {
                let known = ports.iter().map(ToString::to_string).collect();
                Error::NoSuchPlug { plug: plug.to_owned(), known }
            }
            Err(error) => error,
        }
    }

    /// What both columns of a port say.
    fn state(&mut self, port: &str, admin: &Told, oper: &Told) -> State {
        let (state, blind) = state(admin, oper, self.oper_told);
        if blind && !self.warned {
            warn!(
                "{port}: the device doesn't tell whether the port carries anything (ifOperStatus); administratively down counts"
            );
            self.warned = true;
        }
        state
    }
}

/// What ifAdminStatus and ifOperStatus say together, and whether the second had nothing to say, which counts as an
/// answer where no more is `expected` of it.
pub(super) fn state(admin: &Told, oper: &Told, expected: Oper) -> (State, bool) {
    let Some(admin) = admin.value() else { return (State::NoSuchPlug, false) };
    match admin.as_integer() {
        // Whatever the link does: the node behind it may be dark.
        Some(ADMIN_UP) => return (State::On, false),
        Some(ADMIN_DOWN) => {}
        Some(ADMIN_TESTING) => return (State::Changing("testing".to_owned()), false),
        _ => return (State::Unknown(format!("ifAdminStatus {admin}")), false),
    }
    let Some(oper) = oper.value() else {
        return match expected {
            Oper::Nothing => (State::Off, true),
            _ => (State::Unknown("administratively down, no word on the link".to_owned()), false),
        };
    };
    let row = oper.as_integer().and_then(|number| OPER.iter().find(|row| row.0 == number));
    match row {
        Some((_, _, Some(true))) => (State::Off, false),
        Some((_, word, Some(false))) => {
            (State::Changing(format!("administratively down, still {word}")), false)
        }
        Some((_, word, None)) if expected == Oper::Definite => {
            (State::Unknown(format!("administratively down, the link {word}")), false)
        }
        Some((_, _, None)) => (State::Off, true),
        None => (State::Unknown(format!("ifOperStatus {oper}")), false),
    }
}

/// What doctor should say of a port's link, from ifAdminStatus and the row for ifOperStatus.
fn of_link(port: &str, admin: Option<i64>, oper: Option<(&str, Option<bool>)>) -> Option<Finding> {
    match oper {
        None | Some((_, None)) => Some(Finding::warning(
            format!("{port}: the device doesn't tell whether the port carries anything (ifOperStatus)"),
            "off will be believed as soon as the port is administratively down: try once, by day, that it cuts \
             the node off",
        )),
        Some((word, Some(true))) if admin == Some(ADMIN_UP) => Some(Finding::warning(
            format!("{port} is up, and its link is {word}"),
            "is this the node's port? Its cable is unplugged, or the node is down",
        )),
        Some(_) => None,
    }
}

/// The texts of a column, by index.
pub(super) fn texts(
    client: &mut Client,
    column: &[u32],
    by: Deadline,
) -> Result<Vec<(u32, String)>, SnmpError> {
    let rows = by_index(client, column, by)?;
    Ok(rows.into_iter().filter_map(|(index, value)| Some((index, value.as_text()?))).collect())
}

/// The values of a column, by index.
fn by_index(client: &mut Client, column: &[u32], by: Deadline) -> Result<Vec<(u32, Value)>, SnmpError> {
    let column = Oid::new(column);
    let walked = client.walk(&column, by)?;
    Ok(walked
        .into_iter()
        .filter_map(|(object, value)| match object.under(&column) {
            Some(&[index]) => Some((index, value)),
            _ => None,
        })
        .collect())
}

impl Device for Switch {
    fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
        // There is none: the first request tells.
        Ok(())
    }

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let mut ports: Vec<Port> = Vec::with_capacity(names.len());
        let mut columns = Columns::new();
        for name in names {
            let port = self.find(name, &mut columns, by)?;
            named::take_in(&mut ports, port);
        }
        self.ports = ports;
        // There is no login: this look tells whether the device is there, and whether an index is one of its own.
        let missing = self.look(by)?.iter().position(|seen| seen.state == State::NoSuchPlug);
        let missing = missing.and_then(|plug| self.ports.get(plug)).map(|port| match &port.named {
            Some(named) => named.name.clone(),
            None => port.index.to_string(),
        });
        missing.map_or(Ok(()), |plug| Err(self.no_such(&plug, by)))
    }

    fn plug_name(&self, plug: usize) -> String {
        self.ports.get(plug).map(|port| port.name.clone()).unwrap_or_default()
    }

    fn plug_count(&self) -> usize {
        self.ports.len()
    }

    fn met(&self, plug: usize) -> Met {
        self.link.met(self.ports.get(plug).and_then(|port| port.named.as_ref()))
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let objects: Vec<Oid> = self
            .ports
            .iter()
            .flat_map(|port| {
                let columns = [IF_ADMIN_STATUS, IF_OPER_STATUS];
                let named = port.named.as_ref().map(|named| named.object.clone());
                columns.map(|column| Oid::new(column).with(&[port.index])).into_iter().chain(named)
            })
            .collect();
        let mut answers = self.link.ask(by, |client, by| client.get(&objects, by))?.into_iter();
        let who = self.link.who();
        let mut told = Vec::with_capacity(self.ports.len());
        for port in &mut self.ports {
            let (Some(admin), Some(oper)) = (answers.next(), answers.next()) else { break };
            let name = port.named.as_ref().and_then(|_| Named::read(answers.next().as_ref()));
            self.oper_told = self.oper_told.max(Oper::of(&oper));
            let gone = port.told && admin.value().is_none();
            port.told |= admin.value().is_some();
            told.push((port.name.clone(), gone, admin, oper, name));
        }
        let seen = told.into_iter().map(|(port, gone, admin, oper, name)| {
            let state = match gone {
                true => State::Unknown("it isn't told any more".to_owned()),
                false => self.state(&port, &admin, &oper),
            };
            Seen { state, met: Met { who: who.clone(), name } }
        });
        Ok(seen.collect())
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        let Some(port) = self.ports.get(plug) else {
            return Err(Error::Unexpected { what: "a port that was not resolved".to_owned() });
        };
        let object = Oid::new(IF_ADMIN_STATUS).with(&[port.index]);
        self.link.set(&object, written(to), by)?;
        Ok(Answer::Accepted)
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let descriptions = self.link.ask(by, |client, by| texts(client, IF_DESCR, by))?;
        let aliases = self.link.ask(by, |client, by| texts(client, IF_ALIAS, by))?;
        let (admin, oper) = if with_state {
            let admin = self.link.ask(by, |client, by| by_index(client, IF_ADMIN_STATUS, by))?;
            (admin, self.link.ask(by, |client, by| by_index(client, IF_OPER_STATUS, by))?)
        } else {
            (Vec::new(), Vec::new())
        };
        let mut aliases: HashMap<u32, String> = aliases.into_iter().collect();
        let (mut admin, mut oper): (HashMap<u32, Value>, HashMap<u32, Value>) =
            (admin.into_iter().collect(), oper.into_iter().collect());
        let mut bearers: HashMap<&str, usize> = HashMap::new();
        for (_, description) in &descriptions {
            *bearers.entry(description.trim()).or_default() += 1;
        }
        let expected = if oper.is_empty() { Oper::Nothing } else { Oper::Vague };
        let told = |column: &mut HashMap<u32, Value>, index: &u32| {
            column.remove(index).map_or(Told::NoSuchObject, Told::Value)
        };
        let outlet = |(index, description): &(u32, String)| {
            let name = description.trim();
            // A description that several ports share, or that would be read as an index, names none of them.
            let shared = bearers.get(name).is_some_and(|bearers| *bearers > 1);
            let digits = name.bytes().all(|byte| byte.is_ascii_digit());
            let plug = if shared || digits { index.to_string() } else { name.to_owned() };
            let state = state(&told(&mut admin, index), &told(&mut oper, index), expected).0;
            Outlet {
                plug,
                alias: aliases.remove(index).unwrap_or_default(),
                state: Some(state).filter(|_| with_state),
            }
        };
        Ok(descriptions.iter().map(outlet).collect())
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        if self.ports.is_empty() {
            return match self.list(false, by)?.is_empty() {
                true => Err(Error::Unexpected { what: "the device lists no network ports".to_owned() }),
                false => Ok(()),
            };
        }
        self.look_readable(by)
    }
}

impl Describe for Switch {
    fn host(&self) -> Option<&str> {
        Some(self.link.host())
    }

    fn known(&self) -> About {
        self.link.known()
    }

    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        self.link.about(by)
    }

    fn plug_facts(&self, plug: usize) -> Vec<Fact> {
        let index = self.ports.get(plug).map(|port| Fact::new("index", port.index.to_string()));
        index.into_iter().collect()
    }

    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let Some(port) = self.ports.get(plug).filter(|_| kinds.contains(&IdentityKind::Name)) else {
            return Ok(Vec::new());
        };
        let object = Oid::new(IF_ALIAS).with(&[port.index]);
        let answer = self.link.ask(by, |client, by| client.get_one(&object, by))?;
        let alias = answer.value().and_then(Value::as_text).filter(|alias| !alias.is_empty());
        Ok(alias.map(|alias| Identity::new(IdentityKind::Name, alias, "ifAlias")).into_iter().collect())
    }

    fn plan(&self, plug: usize, command: Command) -> Vec<String> {
        let Command::Switch(power) = command else { return Vec::new() };
        let set = |port: &Port| {
            let object = Oid::new(IF_ADMIN_STATUS).with(&[port.index]);
            format!("SET ifAdminStatus.{} ({object}) = {} ({power})", port.index, written(power))
        };
        self.ports.get(plug).map(set).into_iter().collect()
    }

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let mut findings = self.link.findings();
        for port in &self.ports {
            let objects =
                [IF_ADMIN_STATUS, IF_OPER_STATUS].map(|column| Oid::new(column).with(&[port.index]));
            let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
            let number = |at: usize| answers.get(at)?.value()?.as_integer();
            let row = number(1).and_then(|oper| OPER.iter().find(|row| row.0 == oper));
            findings.extend(of_link(&port.name, number(0), row.map(|(_, word, quiet)| (*word, *quiet))));
        }
        Ok(findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(admin: Option<i64>, oper: Option<i64>) -> State {
        let told = |value: Option<i64>| {
            value.map_or(Told::NoSuchObject, |number| Told::Value(Value::Integer(number)))
        };
        state(&told(admin), &told(oper), Oper::Nothing).0
    }

    #[test]
    fn a_port_is_off_only_where_it_is_taken_down_and_carries_nothing() {
        for admin in -1..=5 {
            for oper in -1..=9 {
                let off = admin == ADMIN_DOWN && [2, 4, 6, 7].contains(&oper);
                assert_eq!(read(Some(admin), Some(oper)) == State::Off, off, "admin {admin}, oper {oper}");
            }
        }
        assert_eq!(read(Some(ADMIN_DOWN), None), State::Off);
        let down = Told::Value(Value::Integer(ADMIN_DOWN));
        for before in [Oper::Vague, Oper::Definite] {
            assert!(matches!(state(&down, &Told::NoSuchObject, before), (State::Unknown(_), false)));
        }
        let unknown = Told::Value(Value::Integer(4));
        assert_eq!(state(&down, &unknown, Oper::Vague), (State::Off, true));
        assert!(matches!(state(&down, &unknown, Oper::Definite), (State::Unknown(_), false)));
        assert_eq!(read(None, Some(2)), State::NoSuchPlug);
        assert_eq!(read(None, None), State::NoSuchPlug);
    }

    #[test]
    fn a_port_is_on_whatever_its_link_does() {
        for oper in 1..=7 {
            assert_eq!(read(Some(ADMIN_UP), Some(oper)), State::On);
        }
        assert!(matches!(read(Some(ADMIN_TESTING), Some(2)), State::Changing(_)));
    }

    #[test]
    fn doctor_warns_of_a_port_without_a_link_and_of_one_that_does_not_tell() {
        assert_eq!(of_link("p", Some(ADMIN_UP), Some(("up", Some(false)))), None);
        assert_eq!(of_link("p", Some(ADMIN_DOWN), Some(("down", Some(true)))), None);
        assert!(of_link("p", Some(ADMIN_UP), Some(("down", Some(true)))).is_some());
        assert!(of_link("p", Some(ADMIN_UP), Some(("unknown", None))).is_some());
        assert!(of_link("p", Some(ADMIN_UP), None).is_some());
    }

    #[test]
    fn a_status_that_is_no_number_is_unknown() {
        let text = Told::Value(Value::Octets(b"2".to_vec()));
        assert!(matches!(state(&text, &text, Oper::Nothing).0, State::Unknown(_)));
        assert!(matches!(state(&Told::Value(Value::Integer(2)), &text, Oper::Nothing).0, State::Unknown(_)));
    }
}
