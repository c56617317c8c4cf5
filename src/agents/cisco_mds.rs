//! fence_cisco_mds: Fibre Channel ports of a Cisco MDS switch, over SNMP. A port is commanded and read in the
//! FIBRE-CHANNEL-FE-MIB (RFC 2837), whose rows are numbered, and read in IF-MIB as well, whose rows have names: only what both
//! tell is true of the port that was named.

use std::collections::HashMap;

use crate::agents::ifmib::{self, IF_ADMIN_STATUS, IF_ALIAS, IF_DESCR, IF_OPER_STATUS, Oper};
use crate::agents::snmp::named::{self, Named};
use crate::agents::snmp::{self, Link};
use crate::base::Deadline;
use crate::fencing::options;
use crate::fencing::{
    About, Action, Agent, Answer, Command, Describe, Device, Error, Fact, Finding, Identity, IdentityKind,
    Met, Outlet, Plugs, Power, Proof, Seen, Settings, State, Times, Unfencing,
};
use crate::protocols::snmp::{Answer as Told, Oid, Value};

/// fcFxPortPhysAdminStatus, fcFxPortPhysOperStatus (RFC 2837, fcFxPortPhysTable): rows by module and port.
const FC_ADMIN_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 75, 1, 2, 2, 1, 1];
const FC_OPER_STATUS: &[u32] = &[1, 3, 6, 1, 2, 1, 75, 1, 2, 2, 1, 2];

/// The number of the module in slot 0: slots count from 1, and the switch numbers that of the first one 22.
const FIRST_MODULE: u32 = 21;

/// Values of fcFxPortPhysAdminStatus. ifAdminStatus has the same numbers for the same.
const ADMIN_ONLINE: i64 = 1;
const ADMIN_OFFLINE: i64 = 2;
const ADMIN_TESTING: i64 = 3;

/// Values of fcFxPortPhysOperStatus, in words, and whether nothing passes any more.
const OPER: &[(i64, &str, bool)] =
    &[(1, "online", false), (2, "offline", true), (3, "testing", false), (4, "linkFailure", true)];

/// The value for a link, of fcFxPortPhysOperStatus and of ifOperStatus; and those of the latter for none.
const OPER_ONLINE: i64 = 1;
const IF_OPER_UP: i64 = 1;
const IF_OPER_DOWN: i64 = 2;
const IF_OPER_NOT_PRESENT: i64 = 6;
const IF_OPER_LOWER_LAYER_DOWN: i64 = 7;

/// In how many looks in a row the links of row and interface have to contradict each other before nothing is sent: one of
/// them may come a moment later.
const CONTRADICTIONS: u32 = 2;

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_cisco_mds",
    shortdesc: "Fence agent for Fibre Channel ports of Cisco MDS switches over SNMP",
    longdesc: "fence_cisco_mds cuts a node off from its storage by taking its Fibre Channel port down on a switch of \
               Cisco's MDS 9000 family, over SNMP 1, 2c or 3.\
               \n\n\
               A plug is a port as the switch calls it: fc1/3 is port 3 in slot 1. Off succeeds when the switch \
               reports the port as administratively offline and as carrying nothing any more, both as a port of \
               the fabric and as the interface of that name; on succeeds when it reports it as administratively \
               online in both places.",
    vendor_url: "",
    examples: &[
        "-a 192.0.2.10 -d 2c -c private -n fc1/3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n fc1/3 -o off -v",
    ],
    aliases: &[],
    options: &[
        &[
            options::ACTION.default("off"),
            options::PLUG.text("Port to act on, as the switch calls it, such as fc1/3"),
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
    defaults: &[],
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
    Ok(Box::new(Switch { link: Link::new(settings)?, ports: Vec::new() }))
}

/// A switch of the fabric.
struct Switch {
    link: Link,
    ports: Vec<Port>,
}

/// Where a port stands in the fabric's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    module: u32,
    port: u32,
}

impl Row {
    /// The row of the port that is called `fcSLOT/PORT`: slots and ports count from 1, rows of ports from 0. `None` for
    /// another name.
    fn of(name: &str) -> Option<Row> {
        let (fc, place) = name.trim().split_at_checked(2)?;
        let (slot, port) = place.split_once('/')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !fc.eq_ignore_ascii_case("fc") || !digits(slot) || !digits(port) {
            return None;
        }
        let slot = slot.parse().ok().filter(|slot| *slot > 0)?;
        Some(Row { module: FIRST_MODULE.checked_add(slot)?, port: port.parse::<u32>().ok()?.checked_sub(1)? })
    }

    /// Its object in a column.
    fn object(self, column: &[u32]) -> Oid {
        Oid::new(column).with(&[self.module, self.port])
    }
}

/// A port: a row of the fabric's tables, and an interface.
#[derive(Clone, Debug)]
struct Port {
    row: Row,
    /// The index of the interface that has the port's name.
    index: u32,
    named: Option<Named>,
    /// As the switch calls it.
    name: String,
    /// Whether the switch has told of it.
    told: bool,
    /// Whether row and interface told the same the last time.
    agrees: bool,
    /// How many of the last looks in a row have shown a link in one of the two, and none in the other.
    contradictions: u32,
}

impl named::Plug for Port {
    fn is(&self, other: &Port) -> bool {
        self.row == other.row && self.index == other.index
    }

    fn named(&mut self) -> &mut Option<Named> {
        &mut self.named
    }
}

impl Port {
    fn new(row: Row, index: u32, name: String) -> Port {
        let object = Oid::new(IF_DESCR).with(&[index]);
        let named = Named { object, name: name.clone() };
        Port {
            row,
            index,
            named: Some(named),
            name: name.trim().to_owned(),
            told: false,
            agrees: false,
            contradictions: 0,
        }
    }

    /// What is asked of it in a look.
    fn objects(&self) -> [Oid; 5] {
        let interface = |column: &[u32]| Oid::new(column).with(&[self.index]);
        [
            self.row.object(FC_ADMIN_STATUS),
            self.row.object(FC_OPER_STATUS),
            interface(IF_ADMIN_STATUS),
            interface(IF_OPER_STATUS),
            interface(IF_DESCR),
        ]
    }

    /// What was answered to that: its state, and its name.
    fn hear(&mut self, answers: [Told; 5]) -> (State, Option<String>) {
        let [admin, oper, if_admin, if_oper, name] = answers;
        let gone = self.told && admin.value().is_none();
        self.told |= admin.value().is_some();
        self.agrees = agree(&admin, &if_admin);
        self.contradictions =
            if contradict(&oper, &if_oper) { self.contradictions.saturating_add(1) } else { 0 };
        let state = match gone {
            true => State::Unknown("it isn't told any more".to_owned()),
            false => {
                both(fabric(&admin, &oper), ifmib::state(&if_admin, &if_oper, Oper::Definite).0, self.agrees)
            }
        };
        (state, Named::read(Some(&name)))
    }
}

/// What fcFxPortPhysAdminStatus and fcFxPortPhysOperStatus say together.
fn fabric(admin: &Told, oper: &Told) -> State {
    let Some(admin) = admin.value() else { return State::NoSuchPlug };
    match admin.as_integer() {
        // Whatever the link does: the node behind it may be dark.
        Some(ADMIN_ONLINE) => return State::On,
        Some(ADMIN_OFFLINE) => {}
        Some(ADMIN_TESTING) => return State::Changing("testing".to_owned()),
        _ => return State::Unknown(format!("fcFxPortPhysAdminStatus {admin}")),
    }
    let Some(oper) = oper.value() else {
        return State::Unknown("administratively offline, no word on the link".to_owned());
    };
    match oper.as_integer().and_then(|number| OPER.iter().find(|row| row.0 == number)) {
        Some((_, _, true)) => State::Off,
        Some((_, word, false)) => State::Changing(format!("administratively offline, still {word}")),
        None => State::Unknown(format!("fcFxPortPhysOperStatus {oper}")),
    }
}

/// Whether the row and the interface are set to the same: otherwise they are two ports, or one of them tells of the past.
fn agree(admin: &Told, interface: &Told) -> bool {
    let number = |told: &Told| told.value().and_then(Value::as_integer);
    number(admin).is_some() && number(admin) == number(interface)
}

/// Whether the row has a link and the interface has none, or the reverse. What says neither contradicts nothing.
fn contradict(oper: &Told, interface: &Told) -> bool {
    let number = |told: &Told| told.value().and_then(Value::as_integer);
    let row = number(oper).and_then(|number| match number {
        OPER_ONLINE => Some(true),
        _ => OPER.iter().find(|row| row.0 == number && row.2).map(|_| false),
    });
    let interface = number(interface).and_then(|number| match number {
        IF_OPER_UP => Some(true),
        IF_OPER_DOWN | IF_OPER_NOT_PRESENT | IF_OPER_LOWER_LAYER_DOWN => Some(false),
        _ => None,
    });
    row.zip(interface).is_some_and(|(row, interface)| row != interface)
}

/// The state of a port, from those of its row and of its interface.
fn both(row: State, interface: State, agree: bool) -> State {
    match (row, interface) {
        (State::NoSuchPlug, _) => State::NoSuchPlug,
        (row, interface) if !agree => State::Unknown(format!(
            "its row is {row} (FIBRE-CHANNEL-FE-MIB), its interface {interface} (IF-MIB)"
        )),
        (State::On, State::On) => State::On,
        (State::Off, State::Off) => State::Off,
        (unknown @ State::Unknown(_), _) | (_, unknown @ State::Unknown(_)) => unknown,
        (changing @ State::Changing(_), _) | (_, changing @ State::Changing(_)) => changing,
        (row, interface) => State::Unknown(format!("its row is {row}, its interface {interface}")),
    }
}

impl Switch {
    /// The Fibre Channel ports among the interfaces, by their names.
    fn interfaces(&mut self, by: Deadline) -> Result<Vec<Port>, Error> {
        let texts = self.link.ask(by, |client, by| ifmib::texts(client, IF_DESCR, by))?;
        Ok(texts
            .into_iter()
            .filter_map(|(index, name)| Some(Port::new(Row::of(&name)?, index, name)))
            .collect())
    }

    /// Makes sure that the rows of the ports' modules are numbered as is thought here: from 0, as many as there are
    /// interfaces. By one more or less, a command would hit the neighbour.
    fn expect_numbering(&mut self, ports: &[Port], interfaces: &[Port], by: Deadline) -> Result<(), Error> {
        let mut modules: Vec<u32> = ports.iter().map(|port| port.row.module).collect();
        modules.sort_unstable();
        modules.dedup();
        let bounds = modules.iter().map(|module| {
            let rows = interfaces.iter().map(|port| port.row).filter(|row| row.module == *module);
            let beyond = rows.map(|row| row.port).max().unwrap_or(0).saturating_add(1);
            [0, beyond].map(|port| Row { module: *module, port }.object(FC_ADMIN_STATUS))
        });
        let objects: Vec<Oid> = bounds.flatten().collect();
        let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        for (module, answers) in modules.iter().zip(answers.chunks(2)) {
            let there: Vec<bool> = answers.iter().map(|answer| answer.value().is_some()).collect();
            if there != [true, false] {
                return Err(Error::WhichMachine {
                    why: format!(
                        "the rows of module {module} aren't one for each of its interfaces, beginning with 0 \
                         (FIBRE-CHANNEL-FE-MIB): which of them is which port can't be told"
                    ),
                    known: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// Asks for these ports.
    fn read(&mut self, ports: &mut [Port], by: Deadline) -> Result<Vec<(State, Option<String>)>, Error> {
        let objects: Vec<Oid> = ports.iter().flat_map(Port::objects).collect();
        let mut answers = self.link.ask(by, |client, by| client.get(&objects, by))?.into_iter();
        Ok(ports
            .iter_mut()
            .map_while(|port| {
                let mut next = || answers.next();
                Some(port.hear([next()?, next()?, next()?, next()?, next()?]))
            })
            .collect())
    }
}

impl Device for Switch {
    fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
        // There is none: the first request tells.
        Ok(())
    }

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let interfaces = self.interfaces(by)?;
        let mut ports: Vec<Port> = Vec::with_capacity(names.len());
        for name in names {
            let fits: Vec<&Port> =
                interfaces.iter().filter(|port| port.name.eq_ignore_ascii_case(name)).collect();
            match fits.as_slice() {
                [] => {
                    let known = interfaces.iter().map(|port| port.name.clone()).collect();
                    return Err(Error::NoSuchPlug { plug: name.clone(), known });
                }
                [port] => named::take_in(&mut ports, (*port).clone()),
                many => {
                    let fits = many.iter().map(|port| format!("index {} (ifDescr)", port.index)).collect();
                    return Err(Error::AmbiguousPlug { plug: name.clone(), fits });
                }
            }
        }
        self.expect_numbering(&ports, &interfaces, by)?;
        self.ports = ports;
        Ok(())
    }

    fn plug_name(&self, plug: usize) -> String {
        self.ports.get(plug).map(|port| format!("port {}", port.name)).unwrap_or_default()
    }

    fn plug_count(&self) -> usize {
        self.ports.len()
    }

    fn met(&self, plug: usize) -> Met {
        self.link.met(self.ports.get(plug).and_then(|port| port.named.as_ref()))
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let mut ports = std::mem::take(&mut self.ports);
        ports.iter_mut().for_each(|port| port.agrees = false);
        let read = self.read(&mut ports, by);
        self.ports = ports;
        let who = self.link.who();
        Ok(read?
            .into_iter()
            .map(|(state, name)| Seen { state, met: Met { who: who.clone(), name } })
            .collect())
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        for _ in 0..CONTRADICTIONS {
            let port = self.ports.get(plug);
            if port.is_some_and(|port| port.agrees && matches!(port.contradictions, 0 | CONTRADICTIONS..)) {
                break;
            }
            let looked = self.look(by);
            looked.map_err(|error| error.before_the_command("no look before the command"))?;
        }
        let Some(port) = self.ports.get(plug) else {
            return Err(Error::Unexpected { what: "a port that was not resolved".to_owned() });
        };
        if !port.agrees {
            return Err(Error::Unexpected {
                what: format!(
                    "port {} was sent nothing, because its row (FIBRE-CHANNEL-FE-MIB) and its interface (IF-MIB) \
                     tell different states: they may be two ports",
                    port.name
                ),
            });
        }
        if port.contradictions > 0 {
            return Err(Error::Unexpected {
                what: format!(
                    "port {} was sent nothing, because only one of its row (FIBRE-CHANNEL-FE-MIB) and its interface \
                     (IF-MIB) has a link: they may be two ports",
                    port.name
                ),
            });
        }
        let object = port.row.object(FC_ADMIN_STATUS);
        self.link.set(&object, written(to), by)?;
        Ok(Answer::Accepted)
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let mut ports = self.interfaces(by)?;
        let aliases = self.link.ask(by, |client, by| ifmib::texts(client, IF_ALIAS, by))?;
        let mut aliases: HashMap<u32, String> = aliases.into_iter().collect();
        let states: Vec<Option<State>> = match with_state {
            true => self.read(&mut ports, by)?.into_iter().map(|(state, _)| Some(state)).collect(),
            false => vec![None; ports.len()],
        };
        let outlet = |(port, state): (Port, Option<State>)| Outlet {
            alias: aliases.remove(&port.index).unwrap_or_default(),
            plug: port.name,
            state,
        };
        Ok(ports.into_iter().zip(states).map(outlet).collect())
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        if !self.ports.is_empty() {
            return self.look_readable(by);
        }
        if self.interfaces(by)?.is_empty() {
            return Err(Error::Unexpected { what: "the device lists no Fibre Channel ports".to_owned() });
        }
        Ok(())
    }
}

/// What fcFxPortPhysAdminStatus is written to bring a port to a state.
fn written(power: Power) -> i64 {
    match power {
        Power::On => ADMIN_ONLINE,
        Power::Off => ADMIN_OFFLINE,
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
        let Some(port) = self.ports.get(plug) else { return Vec::new() };
        vec![
            Fact::new("object", port.row.object(FC_ADMIN_STATUS).to_string()),
            Fact::new("index", port.index.to_string()),
        ]
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
            let object = port.row.object(FC_ADMIN_STATUS);
            format!("SET fcFxPortPhysAdminStatus of {} ({object}) = {} ({power})", port.name, written(power))
        };
        self.ports.get(plug).map(set).into_iter().collect()
    }

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let mut findings = self.link.findings();
        let ports = self.ports.clone();
        for port in ports {
            let objects = [port.row.object(FC_OPER_STATUS), Oid::new(IF_OPER_STATUS).with(&[port.index])];
            let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
            let passes = |at: usize| answers.get(at)?.value()?.as_integer().map(|number| number == 1);
            findings.extend(of_link(&port.name, passes(0), passes(1)));
        }
        Ok(findings)
    }
}

/// What doctor should say of a port's link, from whether each of its two rows says that something passes.
fn of_link(port: &str, row: Option<bool>, interface: Option<bool>) -> Option<Finding> {
    if row.is_none() || row != interface {
        return Some(Finding::warning(
            format!("port {port}: its row and its interface tell different things of its link"),
            "off needs both to say that nothing passes: see on the switch which of them is right",
        ));
    }
    (row == Some(false)).then(|| {
        Finding::warning(
            format!("port {port} has no link"),
            "is this the node's port? Its cable is unplugged, the node is down, or the port is",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(value: Option<i64>) -> Told {
        value.map_or(Told::NoSuchObject, |number| Told::Value(Value::Integer(number)))
    }

    #[test]
    fn a_name_is_a_row_and_nothing_else_is() {
        assert_eq!(Row::of("fc1/1"), Some(Row { module: 22, port: 0 }));
        assert_eq!(Row::of("FC9/48"), Some(Row { module: 30, port: 47 }));
        for name in
            ["", "f", "fc", "fc1", "fc1/", "fc/1", "fc1/0", "fc0/1", "fc1/1/1", "fc-1/1", "xfc1/1", "mgmt0"]
        {
            assert_eq!(Row::of(name), None, "{name}");
        }
        for name in ["fc4294967295/1", "fc1/4294967296", "fc1/+1", "fc1/ 1", "fä1/1", "äc1/1", "1"] {
            assert_eq!(Row::of(name), None, "{name}");
        }
    }

    #[test]
    fn a_port_is_off_only_where_both_tables_say_that_it_is_down_and_carries_nothing() {
        let values = || std::iter::once(None).chain((-1..=8).map(Some));
        for admin in values() {
            for oper in values() {
                for if_admin in values() {
                    for if_oper in values() {
                        let mut port = Port::new(Row { module: 22, port: 0 }, 1, "fc1/1".to_owned());
                        let name = Told::Value(Value::Octets(b"fc1/1".to_vec()));
                        let answers = [told(admin), told(oper), told(if_admin), told(if_oper), name];
                        let (state, _) = port.hear(answers);
                        let down = admin == Some(2) && if_admin == Some(2);
                        let quiet = matches!(oper, Some(2 | 4)) && matches!(if_oper, Some(2 | 6 | 7));
                        assert_eq!(
                            state == State::Off,
                            down && quiet,
                            "{admin:?} {oper:?} {if_admin:?} {if_oper:?}"
                        );
                        let up = admin == Some(1) && if_admin == Some(1);
                        assert_eq!(state == State::On, up, "{admin:?} {oper:?} {if_admin:?} {if_oper:?}");
                        assert_eq!(state == State::NoSuchPlug, admin.is_none());
                        assert_eq!(port.agrees, admin.is_some() && admin == if_admin);
                    }
                }
            }
        }
    }

    #[test]
    fn testing_is_readable_and_not_off_and_a_row_that_has_gone_is_unknown() {
        let mut port = Port::new(Row { module: 22, port: 0 }, 1, "fc1/1".to_owned());
        let name = || Told::Value(Value::Octets(b"fc1/1".to_vec()));
        let (state, _) = port.hear([told(Some(3)), told(Some(2)), told(Some(3)), told(Some(2)), name()]);
        assert!(matches!(state, State::Changing(_)), "{state}");
        let (state, _) = port.hear([told(None), told(None), told(Some(2)), told(Some(2)), name()]);
        assert!(matches!(state, State::Unknown(_)), "{state}");
    }

    #[test]
    fn doctor_warns_of_a_port_without_a_link_and_of_two_rows_that_differ() {
        assert_eq!(of_link("fc1/1", Some(true), Some(true)), None);
        for (row, interface) in [(false, false), (true, false), (false, true)] {
            assert!(of_link("fc1/1", Some(row), Some(interface)).is_some());
        }
        assert!(of_link("fc1/1", None, None).is_some());
    }
}
