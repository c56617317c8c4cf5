//! The fence devices of a cluster, out of what pcs or crmsh prints, or out of the configuration itself.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

use crate::agents;
use crate::base::Secret;
use crate::fencing::Agent;

/// A fence device as the cluster has it.
pub(crate) struct Device {
    /// The resource's name.
    pub(crate) id: String,
    /// The agent's name.
    pub(crate) agent: String,
    /// Its options, in their order. Any of them may be a password.
    options: Vec<(String, Secret)>,
}

/// What crmsh shows in place of a password.
const HIDDEN: &str = "******";

/// What stands in place of a value that is kept outside the configuration (`crm resource secret`).
const ELSEWHERE: &str = "lrm://";

impl Device {
    /// The value of an option by its name or its earlier one; the last one wins.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let known = self.known();
        let old = known.and_then(|(agent, _)| {
            agent.options.iter().find(|option| option.name == name).and_then(|option| option.old)
        });
        self.options
            .iter()
            .rev()
            .find(|(own, _)| own == name || Some(own.as_str()) == old)
            .and_then(|(_, value)| value.expose_str())
            .filter(|value| !value.is_empty())
    }

    /// Every option.
    pub(crate) fn options(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.options.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The agent of this project that has this name, with the name.
    pub(crate) fn known(&self) -> Option<(&'static Agent, &'static str)> {
        agents::FAMILIES.iter().find_map(|family| family.find(&self.agent))
    }

    /// The option whose value isn't in what was read.
    pub(crate) fn hidden(&self) -> Option<&str> {
        self.options
            .iter()
            .find(|(_, value)| value.expose_str().is_some_and(|value| value == HIDDEN || value == ELSEWHERE))
            .map(|(name, _)| name.as_str())
    }
}

/// The fence devices of a cluster, and what else of it concerns them.
#[derive(Default)]
pub(crate) struct Cluster {
    /// The devices.
    pub(crate) devices: Vec<Device>,
    /// The cluster's properties, where what was read has them.
    pub(crate) properties: BTreeMap<String, String>,
    /// How many fencing levels there are, where what was read tells.
    pub(crate) levels: Option<usize>,
}

/// Reads either form.
///
/// # Errors
/// In words: it is neither, or not whole.
pub(crate) fn read(bytes: &[u8]) -> anyhow::Result<Cluster> {
    let text = std::str::from_utf8(bytes).context("the configuration isn't UTF-8")?;
    match text.trim_start().chars().next() {
        Some('{') => {
            json(text).context("this looks like JSON, but not like pcs stonith config --output-format=json")
        }
        Some('<') => xml(text).context("this looks like XML, but not like crm configure show xml"),
        Some(_) => bail!(
            "neither what pcs stonith config --output-format=json prints nor what crm configure show xml prints"
        ),
        None => bail!("the configuration is empty"),
    }
}

fn json(text: &str) -> anyhow::Result<Cluster> {
    let all: Value = serde_json::from_str(text)?;
    let primitives = all.get("primitives").and_then(Value::as_array).context("no list of primitives")?;
    let mut cluster = Cluster::default();
    for primitive in primitives {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let id = text(primitive.get("id")).context("a primitive without id")?;
        let name = primitive.get("agent_name").context("a primitive without agent")?;
        if name.get("standard").and_then(Value::as_str) != Some("stonith") {
            continue;
        }
        let agent = text(name.get("type")).context("a primitive without agent")?;
        let sets = primitive.get("instance_attributes").and_then(Value::as_array);
        let pairs = sets.into_iter().flatten().filter_map(|set| set.get("nvpairs")?.as_array()).flatten();
        let options = pairs
            .filter_map(|pair| Some((text(pair.get("name"))?, Secret::new(pair.get("value")?.as_str()?))))
            .collect();
        cluster.devices.push(Device { id, agent, options });
    }
    Ok(cluster)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> anyhow::Result<Option<String>> {
    let Some(attribute) = element.try_get_attribute(name)? else { return Ok(None) };
    let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0)?;
    Ok(Some(value.into_owned()))
}

fn xml(text: &str) -> anyhow::Result<Cluster> {
    let mut reader = Reader::from_str(text);
    let mut cluster = Cluster { levels: Some(0), ..Cluster::default() };
    let mut path: Vec<String> = Vec::new();
    let mut templates: BTreeMap<String, Device> = BTreeMap::new();
    let mut under_way: Option<(Device, Option<String>)> = None;
    let mut is_a_cib = false;
    loop {
        let event = reader.read_event()?;
        match &event {
            Event::Start(element) | Event::Empty(element) => {
                let name = String::from_utf8_lossy(element.name().as_ref().as_bytes()).into_owned();
                is_a_cib |= name == "cib" || name == "resources";
                match name.as_str() {
                    "primitive" | "template" => {
                        let id = attribute(element, "id")?.unwrap_or_default();
                        let agent = attribute(element, "type")?.unwrap_or_default();
                        let class = attribute(element, "class")?;
                        let template = attribute(element, "template")?;
                        under_way = (class.as_deref() == Some("stonith") || template.is_some())
                            .then(|| (Device { id, agent, options: Vec::new() }, template));
                    }
                    "nvpair" => {
                        let pair = attribute(element, "name")?.zip(attribute(element, "value")?);
                        let within = path.iter().rev().take(2).map(String::as_str).collect::<Vec<_>>();
                        match (within.as_slice(), pair, under_way.as_mut()) {
                            (
                                ["instance_attributes", "primitive" | "template"],
                                Some((name, value)),
                                Some((device, _)),
                            ) => {
                                device.options.push((name, Secret::new(value)));
                            }
                            (["cluster_property_set", ..], Some((name, value)), _) => {
                                cluster.properties.insert(name, value);
                            }
                            _ => {}
                        }
                    }
                    "fencing-level" => {
                        cluster.levels = cluster.levels.map(|levels| levels.saturating_add(1));
                    }
                    _ => {}
                }
                if matches!(event, Event::Start(_)) {
                    path.push(name);
                } else if matches!(name.as_str(), "primitive" | "template") {
                    finish(&mut cluster, &mut templates, under_way.take(), name == "template");
                }
            }
            Event::End(_) => {
                let name = path.pop().unwrap_or_default();
                if matches!(name.as_str(), "primitive" | "template") {
                    finish(&mut cluster, &mut templates, under_way.take(), name == "template");
                }
            }
            Event::Eof if !path.is_empty() => bail!("it ends too early"),
            Event::Eof => break,
            _ => {}
        }
    }
    if !is_a_cib {
        bail!("it holds no resources");
    }
    Ok(cluster)
}

/// Puts a device, or a template for devices, where it belongs.
fn finish(
    cluster: &mut Cluster,
    templates: &mut BTreeMap<String, Device>,
    device: Option<(Device, Option<String>)>,
    is_template: bool,
) {
    let Some((mut device, template)) = device else { return };
    if is_template {
        templates.insert(device.id.clone(), device);
        return;
    }
    if let Some(template) = template {
        let Some(base) = templates.get(&template) else { return };
        device.agent.clone_from(&base.agent);
        let inherited = base.options.iter().cloned();
        device.options = inherited.chain(std::mem::take(&mut device.options)).collect();
    }
    cluster.devices.push(device);
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
        assert_eq!((cluster.properties["stonith-timeout"].as_str(), cluster.levels), ("90s", Some(1)));
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
        for length in 0..XML.len() {
            let _ = read(&XML.as_bytes()[..length]);
        }
    }
}
