//! The fence devices of a cluster, out of what pcs or crmsh prints, or out of the configuration itself.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};

use super::document::{Document, Form, Kind, Level, Resolver, Resource};
use super::{pacemaker, pcs, xml};
use crate::agents;
use crate::base::Secret;
use crate::fencing::{Agent, stdin};

/// More than this isn't a configuration.
pub(super) const LARGEST_INPUT: usize = 16 * 1024 * 1024;

/// The same where it is JSON, which holds the fence devices alone.
const LARGEST_JSON: usize = 4 * 1024 * 1024;

/// How many fence devices there may be.
const MOST_DEVICES: usize = 1_000;

/// A fence device as the cluster has it.
pub(crate) struct Device {
    /// The resource's name.
    pub(crate) id: String,
    /// The agent's name.
    pub(crate) agent: String,
    /// What is to be done with it, as Pacemaker's `target-role` and `is-managed` say.
    pub(crate) meta: Meta,
    /// Its options, each once, in the order of their names. Any of them may be a password.
    options: Vec<(String, Secret)>,
    /// The options that count only where a rule holds, each with the name of its set.
    pub(crate) ruled: Vec<(String, String)>,
    /// What its options refer to and isn't in what was read.
    pub(crate) missing: BTreeSet<String>,
}

/// What the cluster is to do with a device.
pub(crate) struct Meta {
    /// `target-role`, where it is given.
    pub(crate) role: Option<String>,
    /// Whether the cluster may start and stop it.
    pub(crate) is_managed: bool,
    /// Which of both depends on a rule.
    pub(crate) ruled: Vec<String>,
}

/// What crmsh shows in place of a password.
const HIDDEN: &str = "******";

/// What stands in place of a value that is kept outside the configuration (`crm resource secret`).
const ELSEWHERE: &str = "lrm://";

impl Device {
    /// The value of an option of the agent, found by the agent's own rules. Of several names for the same the last one
    /// counts.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let Some((agent, _)) = self.known() else { return self.parameter(name) };
        let is_it = |own: &str| stdin::option(agent, own).is_some_and(|option| option.name == name);
        let found = self.options.iter().rev().find(|(own, _)| is_it(own));
        found.and_then(|(_, value)| value.expose_str()).filter(|value| !value.is_empty())
    }

    /// The value under exactly this name, as Pacemaker reads its own options.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.options.iter().find(|(own, _)| own == name);
        found.and_then(|(_, value)| value.expose_str()).filter(|value| !value.is_empty())
    }

    /// Every option.
    pub(crate) fn options(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The agent of this project that has this name, with the name.
    pub(crate) fn known(&self) -> Option<(&'static Agent, &'static str)> {
        agents::FAMILIES.iter().find_map(|family| family.find(&self.agent))
    }

    /// The program of this agent: the one of its family, under whatever name it is called.
    pub(crate) fn program(&self) -> Option<&'static str> {
        agents::FAMILIES
            .iter()
            .find(|family| family.find(&self.agent).is_some())
            .map(|family| family.program())
    }

    /// The option whose value isn't in what was read.
    pub(crate) fn hidden(&self) -> Option<&str> {
        self.options
            .iter()
            .find(|(_, value)| value.expose_str().is_some_and(|value| value == HIDDEN || value == ELSEWHERE))
            .map(|(name, _)| name.as_str())
    }

    /// Whether the cluster doesn't use it, because somebody has switched it off.
    pub(crate) fn is_disabled(&self) -> bool {
        self.meta.role.as_ref().is_some_and(|role| role.eq_ignore_ascii_case("stopped"))
    }
}

/// A node, as far as fencing is concerned.
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// The attributes by which a fencing level may name it.
    pub(crate) attributes: Vec<(String, String)>,
}

/// The fence devices of a cluster, and what else of it concerns them.
#[derive(Default)]
pub(crate) struct Cluster {
    /// The devices.
    pub(crate) devices: Vec<Device>,
    /// The cluster's properties, where what was read has them.
    pub(crate) properties: BTreeMap<String, String>,
    /// The properties that depend on a rule.
    pub(crate) ruled: Vec<String>,
    /// The nodes that a fence device has to be there for, where what was read tells.
    pub(crate) nodes: Option<Vec<Node>>,
    /// Other names that a fencing level may have for its target: guests, which are fenced by what runs them.
    pub(crate) guests: Vec<String>,
    /// The fencing levels, where what was read tells.
    pub(crate) levels: Option<Vec<Level>>,
    /// Resources that are made from a template that isn't there, with its name.
    pub(crate) orphans: Vec<(String, String)>,
}

impl Cluster {
    /// The truth of a property, where it is given.
    pub(crate) fn property(&self, name: &str) -> Option<bool> {
        self.properties.get(name).and_then(|value| pacemaker::truth(value))
    }

    /// Whether a node without a fence device is fenced by its own watchdog (`stonith-watchdog-timeout`; a negative time
    /// is one that Pacemaker finds by itself).
    pub(crate) fn has_watchdog(&self) -> bool {
        let time = self.properties.get("stonith-watchdog-timeout").map(|time| time.trim());
        time.is_some_and(|time| {
            time.starts_with('-') || pacemaker::interval(time).is_some_and(|time| !time.is_zero())
        })
    }
}

/// Reads either form.
///
/// # Errors
/// In words: it is neither, or not whole, or larger than a configuration can be.
pub(crate) fn read(bytes: &[u8]) -> anyhow::Result<Cluster> {
    if bytes.len() > LARGEST_INPUT {
        bail!("the configuration is larger than {} MiB", LARGEST_INPUT / 1024 / 1024);
    }
    let text = std::str::from_utf8(bytes).context("the configuration isn't UTF-8")?;
    match text.trim_start().chars().next() {
        Some('{') if bytes.len() > LARGEST_JSON => {
            bail!("the configuration is larger than {} MiB", LARGEST_JSON / 1024 / 1024)
        }
        Some('{') => {
            let document = pcs::read(text)
                .context("this looks like JSON, but not like pcs stonith config --output-format=json")?;
            Ok(Cluster { nodes: None, levels: None, ..resolve(document)? })
        }
        Some('<') => xml::read(text)
            .and_then(resolve)
            .context("this looks like XML, but not like crm configure show xml"),
        Some(_) => bail!(
            "neither what pcs stonith config --output-format=json prints nor what crm configure show xml prints"
        ),
        None => bail!("the configuration is empty"),
    }
}

/// Finds the devices, and what counts of each.
fn resolve(mut document: Document) -> anyhow::Result<Cluster> {
    let levels = std::mem::take(&mut document.levels);
    let mut cluster = Cluster { levels: Some(levels), ..Cluster::default() };
    let mut resolver = Resolver::new(&document);
    let properties = resolver.of_properties()?;
    cluster.ruled = properties.ruled.into_iter().map(|(name, _)| name).collect();
    let open = |(name, value): (String, Secret)| Some((name, value.expose_str()?.to_owned()));
    cluster.properties = properties.pairs.into_iter().filter_map(open).collect();

    // Whatever their order: a template may stand behind what is made from it.
    let templates: BTreeMap<&str, &Resource> = document
        .resources
        .iter()
        .filter(|resource| resource.form == Form::Template)
        .map(|template| (template.id.as_str(), template))
        .collect();
    for resource in document.resources.iter().filter(|resource| resource.form == Form::Primitive) {
        let template = match &resource.template {
            None => None,
            Some(name) => match templates.get(name.as_str()) {
                Some(template) => Some(*template),
                None => {
                    cluster.orphans.push((resource.id.clone(), name.clone()));
                    continue;
                }
            },
        };
        let made_from = template.unwrap_or(resource);
        if !made_from.class.eq_ignore_ascii_case("stonith") {
            continue;
        }
        if cluster.devices.len() >= MOST_DEVICES {
            bail!("it has more than {MOST_DEVICES} fence devices");
        }
        let options = resolver.of_resource(Kind::Instance, resource, template)?;
        let meta = resolver.of_resource(Kind::Meta, resource, template)?;
        let told = ["target-role", "is-managed"];
        cluster.devices.push(Device {
            id: resource.id.clone(),
            agent: made_from.agent.clone(),
            meta: Meta {
                role: meta.get("target-role").map(str::to_owned),
                is_managed: meta.get("is-managed").and_then(pacemaker::truth) != Some(false),
                ruled: meta
                    .ruled
                    .into_iter()
                    .map(|(name, _)| name)
                    .filter(|name| told.contains(&name.as_str()))
                    .collect(),
            },
            options: options.pairs,
            ruled: options.ruled,
            missing: options.missing.into_iter().collect(),
        });
    }

    let members = document
        .nodes
        .iter()
        .filter(|node| node.is_member)
        .map(|node| Node { name: node.name.clone(), attributes: document.attributes_of(node) });
    let remote = document.resources.iter().filter(|resource| resource.is_remote_node());
    let remote = remote.map(|resource| Node {
        name: resource.id.clone(),
        attributes: document
            .nodes
            .iter()
            .filter(|node| !node.is_member && node.name == resource.id)
            .flat_map(|node| document.attributes_of(node))
            .collect(),
    });
    cluster.nodes = Some(members.chain(remote).collect());
    let strangers = document.nodes.iter().filter(|node| !node.is_member).map(|node| node.name.clone());
    cluster.guests = strangers.chain(document.guests()).collect();
    Ok(cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    const XML: &str = r#"<?xml version="1.0" ?>
<cib><configuration><crm_config><cluster_property_set id="c"><nvpair id="p" name="stonith-timeout" value="90s"/>
</cluster_property_set></crm_config><resources>
<template id="t" class="stonith" type="fence_ipmilan"><instance_attributes id="ti"><nvpair id="t1" name="login" value="admin"/></instance_attributes></template>
<primitive id="a" class="stonith" type="fence_apc_snmp"><instance_attributes id="ai"><nvpair id="a1" name="ip" value="a&amp;b"/></instance_attributes>
<operations><op id="o" name="monitor" interval="1"><instance_attributes id="oi"><nvpair id="o1" name="ip" value="not this one"/></instance_attributes></op></operations></primitive>
<primitive id="b" template="t"><instance_attributes id="bi"><nvpair id="b1" name="ip" value="192.0.2.1"/></instance_attributes></primitive>
<primitive id="web" class="ocf" provider="heartbeat" type="apache"><instance_attributes id="wi"><nvpair id="w1" name="ip" value="no"/></instance_attributes></primitive>
<clone id="c1"><primitive id="d" class="stonith" type="fence_scsi"/></clone>
</resources><fencing-topology><fencing-level id="l1" index="1" target="x" devices="a"/></fencing-topology></configuration></cib>"#;

    #[test]
    fn the_xml_of_crmsh_gives_the_devices_with_what_templates_add() {
        let cluster = read(XML.as_bytes()).unwrap();
        let found: Vec<_> =
            cluster.devices.iter().map(|device| (device.id.as_str(), device.agent.as_str())).collect();
        assert_eq!(found, [("a", "fence_apc_snmp"), ("b", "fence_ipmilan"), ("d", "fence_scsi")]);
        assert_eq!(cluster.devices[0].option("ip"), Some("a&b"));
        assert_eq!(
            (cluster.devices[1].option("ip"), cluster.devices[1].option("username")),
            (Some("192.0.2.1"), Some("admin"))
        );
        let levels = cluster.levels.map(|levels| levels.len());
        assert_eq!((cluster.properties["stonith-timeout"].as_str(), levels), ("90s", Some(1)));
    }

    #[test]
    fn what_is_neither_form_is_refused_with_a_reason() {
        for text in [
            "",
            "  ",
            "fence-a (stonith:fence_ipmilan)",
            "{",
            "{\"a\":1}",
            "<cib><resources>",
            "<html/>",
            "<a",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(&[b'{', 0xff]).is_err());
        for length in (0..XML.len()).step_by(if cfg!(miri) { 101 } else { 1 }) {
            let _ = read(&XML.as_bytes()[..length]);
        }
    }
}
