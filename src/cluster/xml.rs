//! Reads a configuration in XML, as `cibadmin --query` and `crm configure show xml` print it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::document::{Document, Form, Kind, Level, Node, Pair, Resource, Set, Target};
use super::pacemaker;
use crate::base::Secret;

/// How deep elements may stand in each other: ten are usual, and rules hold rules.
const DEEPEST: usize = 100;

/// How many devices a fencing level may name.
const MOST_DEVICES: usize = 1_000;

/// An element that isn't closed yet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Resource(usize),
    Node(usize),
    Set(usize),
    Defaults,
    /// What happened: no configuration, whatever stands in it.
    Status,
    Other,
}

/// # Errors
/// In words: it isn't well-formed, not whole, or no configuration.
pub(super) fn read(text: &str) -> Result<Document> {
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    let mut open: Vec<Open> = Vec::new();
    let mut is_a_cib = false;
    loop {
        match reader.read_event()? {
            Event::Start(element) => {
                if open.len() >= DEEPEST {
                    bail!("its elements stand more than {DEEPEST} deep in each other");
                }
                let opened = take(&mut document, &element, &open)?;
                is_a_cib |= is_a_configuration(&element);
                open.push(opened);
            }
            Event::Empty(element) => {
                take(&mut document, &element, &open)?;
                is_a_cib |= is_a_configuration(&element);
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Eof if !open.is_empty() => bail!("it ends too early"),
            Event::Eof => break,
            _ => {}
        }
        document.check_size()?;
    }
    if !is_a_cib {
        bail!("it holds no resources");
    }
    Ok(document)
}

fn is_a_configuration(element: &BytesStart<'_>) -> bool {
    ["cib", "resources"].contains(&element.name().as_ref())
}

/// Takes what an element says into the document, and tells what it is to those that stand in it.
fn take(document: &mut Document, element: &BytesStart<'_>, open: &[Open]) -> Result<Open> {
    let parent = open.last().copied().unwrap_or(Open::Other);
    if parent == Open::Status {
        return Ok(Open::Status);
    }
    Ok(match element.name().as_ref() {
        "status" => Open::Status,
        "rsc_defaults" => Open::Defaults,
        "primitive" => resource(document, element, open, Form::Primitive)?,
        "template" => resource(document, element, open, Form::Template)?,
        "group" | "clone" | "master" | "bundle" => resource(document, element, open, Form::Collective)?,
        "node" => node(document, element)?,
        "instance_attributes" => set(document, element, parent, Kind::Instance)?,
        "meta_attributes" => set(document, element, parent, Kind::Meta)?,
        "cluster_property_set" => set(document, element, parent, Kind::Properties)?,
        "rule" => {
            if let Open::Set(at) = parent
                && let Some(set) = document.sets.get_mut(at)
            {
                set.is_ruled = true;
            }
            Open::Other
        }
        // An old way of writing a set has one element more between it and its values.
        "attributes" => parent,
        "nvpair" => {
            if let Open::Set(at) = parent {
                let [id, refers, name, value] = attributes(element, ["id", "id-ref", "name", "value"])?;
                let pair = Pair { id: id.unwrap_or_default(), refers, name, value: value.map(Secret::new) };
                document.add_pair(at, pair);
            }
            Open::Other
        }
        "fencing-level" => {
            document.levels.push(level(element)?);
            Open::Other
        }
        _ => Open::Other,
    })
}

fn resource(document: &mut Document, element: &BytesStart<'_>, open: &[Open], form: Form) -> Result<Open> {
    let [id, class, provider, agent, template] =
        attributes(element, ["id", "class", "provider", "type", "template"])?;
    let parent = open.iter().rev().find_map(|open| match open {
        Open::Resource(at) => Some(*at),
        _ => None,
    });
    document.resources.push(Resource {
        form,
        id: id.unwrap_or_default(),
        class: class.unwrap_or_default(),
        provider: provider.unwrap_or_default(),
        agent: agent.unwrap_or_default(),
        template: template.filter(|_| form == Form::Primitive),
        parent,
        sets: Vec::new(),
    });
    Ok(Open::Resource(document.resources.len().saturating_sub(1)))
}

fn node(document: &mut Document, element: &BytesStart<'_>) -> Result<Open> {
    let [name, id, kind] = attributes(element, ["uname", "id", "type"])?;
    // An alert's recipient, a rule's operand and others have no such name.
    let Some(name) = name.or(id) else { return Ok(Open::Other) };
    let is_member = kind.is_none_or(|kind| kind == "member" || kind == "normal");
    document.nodes.push(Node { name, is_member, sets: Vec::new() });
    Ok(Open::Node(document.nodes.len().saturating_sub(1)))
}

fn set(document: &mut Document, element: &BytesStart<'_>, parent: Open, kind: Kind) -> Result<Open> {
    let [id, refers, score] = attributes(element, ["id", "id-ref", "score"])?;
    let score = score.map_or(0, |score| pacemaker::score(&score));
    let at = document.add_set(Set {
        kind,
        id: id.unwrap_or_default(),
        refers,
        score,
        is_ruled: false,
        pairs: Vec::new(),
    });
    match (parent, kind) {
        (_, Kind::Properties) => document.properties.push(at),
        (Open::Resource(owner), _) => {
            document.resources.get_mut(owner).into_iter().for_each(|owner| owner.sets.push(at));
        }
        (Open::Node(owner), _) => {
            document.nodes.get_mut(owner).into_iter().for_each(|owner| owner.sets.push(at));
        }
        (Open::Defaults, _) => document.defaults.push(at),
        // An operation's, for instance: somebody may refer to it.
        _ => {}
    }
    Ok(Open::Set(at))
}

fn level(element: &BytesStart<'_>) -> Result<Level> {
    let [index, name, pattern, attribute, value, devices] = attributes(
        element,
        ["index", "target", "target-pattern", "target-attribute", "target-value", "devices"],
    )?;
    let target = match (name, pattern, attribute.zip(value)) {
        (Some(name), ..) => Target::Name(name),
        (None, Some(pattern), _) => Target::Pattern(pattern),
        (None, None, Some((attribute, value))) => Target::Attribute(attribute, value),
        (None, None, None) => Target::Nothing,
    };
    let devices: BTreeSet<&str> =
        devices.as_deref().unwrap_or_default().split(',').take(MOST_DEVICES + 1).collect();
    if devices.len() > MOST_DEVICES {
        bail!("a fencing level names more than {MOST_DEVICES} devices");
    }
    let devices = devices.into_iter().map(str::to_owned).collect();
    Ok(Level { index: index.unwrap_or_default(), target, devices })
}

/// The values of these attributes. All are read in one pass: a million attributes are read once.
fn attributes<const N: usize>(element: &BytesStart<'_>, names: [&str; N]) -> Result<[Option<String>; N]> {
    let mut values = [const { None }; N];
    for attribute in element.attributes().with_checks(false) {
        let attribute = attribute?;
        let wanted = names.iter().position(|name| *name == attribute.key.as_ref());
        let Some(value) = wanted.and_then(|at| values.get_mut(at)) else { continue };
        if value.is_some() {
            bail!("an element has the attribute {} twice", attribute.key.as_ref());
        }
        *value = Some(attribute.normalized_value(XmlVersion::Implicit1_0).context("a value")?.into_owned());
    }
    Ok(values)
}
