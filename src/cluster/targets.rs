//! Which node is fenced by what: the plugs of a device, the nodes that it is for, fencing levels.
//!
//! Source: Pacemaker 2.1, daemons/fenced (can_fence_host_with_device, find_topology_for_host, fenced_register_level).

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Cluster, Device, Node};
use super::document::{Level, Target};
use super::pacemaker;
use crate::fencing::agent::Plugs;
use crate::fencing::{Action, Finding, options};

/// How many names a message lists.
const MOST_NAMES: usize = 10;

/// The device that stands for the watchdog of a node, without being one of the configuration.
const WATCHDOG: &str = "watchdog";

/// The numbers that a level may have.
const LEVELS: std::ops::RangeInclusive<u32> = 1..=9;

/// How many findings about fencing levels are told.
const MOST_FINDINGS: usize = 50;

/// Each plug that the cluster would name to this device; one `None` where it names none.
pub(super) fn plugs(device: &Device) -> Vec<Option<String>> {
    let needs_one = device.known().is_some_and(|(agent, _)| agent.plugs != Plugs::One);
    if !needs_one || own_plug(device).is_some() {
        return vec![None];
    }
    let mapped: BTreeMap<String, String> = mapped(device);
    let listed = device.parameter("pcmk_host_list").map(pacemaker::host_list).unwrap_or_default();
    let unmapped = listed.into_iter().filter(|host| !mapped.contains_key(&host.to_lowercase()));
    let all: BTreeSet<String> = mapped.values().cloned().chain(unmapped).collect();
    if all.is_empty() { vec![None] } else { all.into_iter().map(Some).collect() }
}

/// The plug that the device's options name.
fn own_plug(device: &Device) -> Option<&str> {
    device.option(options::PLUG.name).filter(|plug| !is_left_to_pacemaker(plug))
}

/// Whether the value of the option for a plug only says that Pacemaker is to name it.
pub(super) fn is_left_to_pacemaker(plug: &str) -> bool {
    plug.eq_ignore_ascii_case("dynamic")
}

/// The plug of each host that `pcmk_host_map` names, by the host's name in lower case: Pacemaker has no regard to case.
fn mapped(device: &Device) -> BTreeMap<String, String> {
    let pairs = device.parameter("pcmk_host_map").map(pacemaker::host_map).unwrap_or_default();
    pairs.into_iter().map(|(host, plug)| (host.to_lowercase(), plug)).collect()
}

/// Which nodes Pacemaker takes a device to be for.
enum Reach {
    /// Every node.
    Every,
    /// These, in lower case.
    Listed(BTreeSet<String>),
    /// Those that the device itself tells when it is asked.
    Asked,
    /// None, as `pcmk_host_check` has no such word.
    Nobody,
}

impl Reach {
    fn of(device: &Device) -> Reach {
        let list = device.parameter("pcmk_host_list");
        let map = device.parameter("pcmk_host_map");
        let has = |action: Action| device.known().is_some_and(|(agent, _)| agent.actions.contains(&action));
        let check = device.parameter("pcmk_host_check").map(str::to_ascii_lowercase);
        let check = check.as_deref().unwrap_or(match (list.or(map), device.known()) {
            (Some(_), _) => "static-list",
            (None, Some(_)) if has(Action::List) => "dynamic-list",
            (None, _) => "status",
        });
        match check {
            "none" => Reach::Every,
            "static-list" => {
                let listed = list.map(pacemaker::host_list).unwrap_or_default().into_iter();
                Reach::Listed(
                    listed.map(|host| host.to_lowercase()).chain(mapped(device).into_keys()).collect(),
                )
            }
            // The state of its one machine, whichever node is asked for.
            "status" if device.known().is_some_and(|(agent, _)| agent.plugs == Plugs::One) => Reach::Every,
            "status" | "dynamic-list" => Reach::Asked,
            _ => Reach::Nobody,
        }
    }

    /// Whether Pacemaker may use the device for the node with this name, in lower case.
    fn may_be_for(&self, node: &str) -> bool {
        match self {
            Reach::Every | Reach::Asked => true,
            Reach::Listed(nodes) => nodes.contains(node),
            Reach::Nobody => false,
        }
    }
}

/// Whether the plug of the device's options is the one that counts.
pub(super) fn of_plug(device: &Device) -> Option<Finding> {
    let (agent, _) = device.known()?;
    let plug = own_plug(device).filter(|_| agent.plugs == Plugs::Many)?;
    let is_given = |name: &str| device.parameter(name).is_some();
    // Pacemaker leaves out its own where the device has an option of just this name.
    let argument = device.parameter("pcmk_host_argument");
    let is_decided =
        argument.is_some_and(|argument| argument.eq_ignore_ascii_case("none") || is_given(argument));
    if is_decided || (is_given("plug") && is_given("port")) {
        return None;
    }
    let remedy = format!("name the plug in pcmk_host_map in its place: pcmk_host_map=\"NODE:{plug}\"");
    Some(match is_given("port") {
        true => Finding::advice(
            "port names the plug; Pacemaker from 3.0.1 on sends plug with the node's name beside it, and which of the two counts is chance",
            remedy,
        ),
        false => Finding::warning(
            "plug names the plug; Pacemaker before 3.0.1 sends port with the node's name beside it, and which of the two counts is chance",
            remedy,
        ),
    })
}

/// Whether the device is used at all.
pub(super) fn of_host_check(device: &Device) -> Option<Finding> {
    let check = device.parameter("pcmk_host_check")?;
    matches!(Reach::of(device), Reach::Nobody).then(|| {
        Finding::failure(
            format!("pcmk_host_check is {check}, which Pacemaker doesn't know, so the device is never used"),
            "take it out, or set it to static-list, dynamic-list, status or none",
        )
    })
}

/// What the configuration shows of fencing levels, and of nodes that nothing fences.
pub(super) fn of_nodes(cluster: &Cluster) -> Vec<Finding> {
    let levels = Levels::of(cluster);
    let mut findings = levels.findings(cluster);
    if let Some(more) = findings.len().checked_sub(MOST_FINDINGS).filter(|more| *more > 0) {
        findings.truncate(MOST_FINDINGS);
        findings.push(Finding::failure(
            format!("there are {more} findings more about fencing levels"),
            "mend these first",
        ));
    }
    findings.extend(levels.of_machines_for_all(cluster));
    let lost: Vec<&str> = cluster
        .nodes
        .iter()
        .flatten()
        .filter(|node| !cluster.has_watchdog() && !levels.is_fenced(node))
        .map(|node| node.name.as_str())
        .collect();
    if !lost.is_empty() && !cluster.devices.is_empty() {
        findings.push(Finding::failure(
            format!("no device fences {}: none that is in use is for it", list(&lost)),
            "name it in the pcmk_host_list or pcmk_host_map of its device",
        ));
    }
    if cluster.levels.is_some() && !levels.has_any_that_works && !cluster.devices.is_empty() {
        findings.push(Finding::advice(
            "there are no fencing levels: where a device fails, nothing else is tried in a defined order",
            "a second level of another kind (a power unit behind a BMC, or shared disks) covers a device that died with its node",
        ));
    }
    findings
}

/// The fencing levels, with the devices that they name.
struct Levels<'a> {
    devices: BTreeMap<&'a str, (&'a Device, Reach)>,
    by_name: BTreeMap<String, Vec<&'a Level>>,
    by_attribute: BTreeMap<(&'a str, &'a str), Vec<&'a Level>>,
    /// Whether some are for nodes whose names fit a pattern, which isn't judged here.
    has_patterns: bool,
    /// Whether one at least has all its devices.
    has_any_that_works: bool,
}

impl<'a> Levels<'a> {
    fn of(cluster: &'a Cluster) -> Levels<'a> {
        let devices = cluster.devices.iter().map(|device| (device.id.as_str(), (device, Reach::of(device))));
        let mut levels = Levels {
            devices: devices.collect(),
            by_name: BTreeMap::new(),
            by_attribute: BTreeMap::new(),
            has_patterns: false,
            has_any_that_works: false,
        };
        for level in cluster.levels.iter().flatten().filter(|level| number(level).is_some()) {
            levels.has_any_that_works |=
                level.devices.iter().all(|id| levels.device(id).is_some() || is_watchdog(cluster, id));
            match &level.target {
                Target::Name(name) => levels.by_name.entry(name.to_lowercase()).or_default().push(level),
                Target::Attribute(name, value) => {
                    levels.by_attribute.entry((name, value)).or_default().push(level);
                }
                Target::Pattern(_) => levels.has_patterns = true,
                Target::Nothing => {}
            }
        }
        levels
    }

    /// A device that is in use.
    fn device(&self, id: &str) -> Option<&(&'a Device, Reach)> {
        self.devices.get(id).filter(|(device, _)| !device.is_disabled())
    }

    /// The levels of a node: those with its name come before those with an attribute of it.
    fn of_node(&self, node: &Node) -> Vec<&'a Level> {
        let named = self.by_name.get(&node.name.to_lowercase()).cloned();
        named.unwrap_or_else(|| {
            let attributes = node.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            attributes.filter_map(|pair| self.by_attribute.get(&pair)).flatten().copied().collect()
        })
    }

    /// Whether a device, or all of a level, may be used for a node.
    fn is_fenced(&self, node: &Node) -> bool {
        let name = node.name.to_lowercase();
        let is_for = |(device, reach): &(&Device, Reach)| !device.is_disabled() && reach.may_be_for(&name);
        let levels = self.of_node(node);
        if levels.is_empty() {
            return self.devices.values().any(is_for);
        }
        // Levels of the same number are one level.
        let mut whole: BTreeMap<u32, bool> = BTreeMap::new();
        for level in levels {
            let is_whole = level.devices.iter().all(|id| self.devices.get(id.as_str()).is_some_and(is_for));
            let so_far = whole.entry(number(level).unwrap_or_default()).or_insert(true);
            *so_far = *so_far && is_whole;
        }
        whole.values().any(|is_whole| *is_whole)
    }

    /// The devices with one machine that Pacemaker takes to be for several nodes.
    fn of_machines_for_all(&self, cluster: &Cluster) -> Vec<Finding> {
        let open = cluster.nodes.iter().flatten().filter(|node| self.of_node(node).is_empty());
        let open: Vec<&str> = open.map(|node| node.name.as_str()).collect();
        if open.len() < 2 || self.has_patterns {
            return Vec::new();
        }
        let has_one = |device: &Device| device.known().is_some_and(|(agent, _)| agent.plugs == Plugs::One);
        self.devices
            .values()
            .filter(|(device, reach)| matches!(reach, Reach::Every) && !device.is_disabled() && has_one(device))
            .map(|(device, _)| {
                Finding::failure(
                    format!(
                        "{} has one machine, and Pacemaker takes it to be for every node ({}): whichever is to be fenced, this machine goes down",
                        device.id,
                        list(&open)
                    ),
                    "set pcmk_host_list to the node whose machine it is",
                )
            })
            .collect()
    }

    /// What is wrong with the levels themselves.
    fn findings(&self, cluster: &Cluster) -> Vec<Finding> {
        let nodes: Vec<&Node> = cluster.nodes.iter().flatten().collect();
        let names =
            nodes.iter().map(|node| &node.name).chain(&cluster.guests).map(|name| name.to_lowercase());
        let names: BTreeSet<String> = names.collect();
        let attributes: BTreeSet<(&str, &str)> = nodes
            .iter()
            .flat_map(|node| &node.attributes)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut findings = Vec::new();
        for level in cluster.levels.iter().flatten() {
            let called = called(level);
            let is_strange = match &level.target {
                Target::Name(name) => !nodes.is_empty() && !names.contains(&name.to_lowercase()),
                // What attributes a guest has isn't known.
                Target::Attribute(name, value) => {
                    cluster.guests.is_empty() && !attributes.contains(&(name.as_str(), value.as_str()))
                }
                Target::Pattern(_) | Target::Nothing => false,
            };
            if number(level).is_none() || level.target == Target::Nothing {
                findings.push(Finding::failure(
                    format!("{called} is ignored: it has no number from 1 to 9, or no target"),
                    "give it both",
                ));
                continue;
            }
            if is_strange {
                findings.push(Finding::warning(
                    format!("{called} is for nothing that is in the configuration"),
                    "look at the spelling of the node's name, or of the attribute and its value",
                ));
            }
            let devices = level.devices.iter().filter(|id| !is_watchdog(cluster, id));
            findings.extend(devices.filter_map(|id| {
                let (what, remedy) = self.trouble(level, id, is_strange)?;
                Some(Finding::failure(
                    format!(
                        "{called} names the device '{id}', which {what}: the level fails whenever it is tried"
                    ),
                    remedy,
                ))
            }));
        }
        findings
    }

    /// Why a level fails with this device, in words, and what to do.
    fn trouble(&self, level: &Level, id: &str, is_strange: bool) -> Option<(&'static str, String)> {
        let Some((device, reach)) = self.devices.get(id) else {
            return Some((
                "isn't there",
                "give the level the device that was meant, or take it out".to_owned(),
            ));
        };
        if device.is_disabled() {
            return Some(("is disabled", format!("enable {id}, or take it out of the level")));
        }
        match &level.target {
            Target::Name(node) if !is_strange && !reach.may_be_for(&node.to_lowercase()) => Some((
                "isn't for that node",
                format!("add {node} to the pcmk_host_list or pcmk_host_map of {id}"),
            )),
            _ => None,
        }
    }
}

/// The number of a level, where it is one.
fn number(level: &Level) -> Option<u32> {
    level.index.trim().parse().ok().filter(|number| LEVELS.contains(number))
}

fn is_watchdog(cluster: &Cluster, id: &str) -> bool {
    id == WATCHDOG && cluster.has_watchdog()
}

/// A level, in words.
fn called(level: &Level) -> String {
    let target = match &level.target {
        Target::Name(name) => name.clone(),
        Target::Pattern(pattern) => format!("nodes like {pattern}"),
        Target::Attribute(name, value) => format!("nodes with {name}={value}"),
        Target::Nothing => "no node".to_owned(),
    };
    format!("fencing level {} of {target}", level.index)
}

/// Some names, in words.
pub(super) fn list(names: &[&str]) -> String {
    let listed = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::judgement::tests::one;

    #[test]
    fn the_plugs_are_those_that_the_cluster_would_name() {
        let of = |agent: &str, options: &[(&str, &str)]| plugs(&one(agent, options, "").devices[0]);
        let some = |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(of("fence_apc_snmp", &[("pcmk_host_map", "a:1;b:2,3")]), some(&["1", "2,3"]));
        assert_eq!(
            of("fence_apc_snmp", &[("pcmk_host_map", "a:1"), ("pcmk_host_list", "a b")]),
            some(&["1", "b"])
        );
        assert_eq!(of("fence_apc_snmp", &[("plug", "7"), ("pcmk_host_list", "a")]), [None]);
        assert_eq!(of("fence_ipmilan", &[("pcmk_host_list", "a b")]), [None]);
        assert_eq!(of("fence_apc_snmp", &[]), [None]);
    }
}
