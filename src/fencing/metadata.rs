//! The metadata that cluster managers and their tools read: the resource-agent XML of the fence agent API, in
//! the shape that Pacemaker parses and that pcs validates against the OCF 1.0 schema.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;

use crate::fencing::agent::{Action, Agent, Unfencing};
use crate::fencing::option::{Kind, Opt};
use crate::fencing::proof::Proof;

type Xml = Writer<Vec<u8>>;

/// What it begins with.
const PROLOG: &[u8] = b"<?xml version=\"1.0\" ?>\n";

/// More bytes than any agent's metadata has: a text that grows is copied, and overwritten where it stood.
const ROOM: usize = 16 * 1024;

/// The metadata of an agent under one of its names.
pub fn xml(agent: &Agent, name: &str) -> io::Result<String> {
    let mut document = Vec::with_capacity(ROOM);
    document.extend_from_slice(PROLOG);
    let mut xml = Writer::new_with_indent(document, b'\t', 1);
    xml.create_element("resource-agent")
        .with_attributes([("name", name), ("shortdesc", agent.shortdesc_as(name))])
        .write_inner_content(|xml| {
            for alias in agent.aliases {
                xml.create_element("symlink")
                    .with_attributes([("name", alias.name), ("shortdesc", alias.shortdesc)])
                    .write_empty()?;
            }
            text(xml, "longdesc", &longdesc(agent))?;
            text(xml, "vendor-url", agent.vendor_url)?;
            xml.create_element("parameters").write_inner_content(|xml| {
                agent.options().try_for_each(|option| parameters(xml, agent, name, option))
            })?;
            xml.create_element("actions").write_inner_content(|xml| {
                agent.actions.iter().try_for_each(|offered| action(xml, agent, *offered))
            })?;
            Ok(())
        })?;
    let mut document = xml.into_inner();
    document.push(b'\n');
    String::from_utf8(document).map_err(io::Error::other)
}

/// The agent's description, with what its success rests on where that is less than a report of the device.
fn longdesc(agent: &Agent) -> Cow<'static, str> {
    match agent.proof {
        Proof::Reported => Cow::Borrowed(agent.longdesc),
        proof => Cow::Owned(format!(
            "{}\n\nWhat its success rests on: {}. It can't promise {}.",
            agent.longdesc,
            proof.meaning(),
            proof.gap()
        )),
    }
}

fn text(xml: &mut Xml, element: &str, content: &str) -> io::Result<()> {
    xml.create_element(element).write_text_content(quick_xml::events::BytesText::new(content))?;
    Ok(())
}

/// The parameter of an option, and a second one under its earlier name.
fn parameters(xml: &mut Xml, agent: &Agent, name: &str, option: &Opt) -> io::Result<()> {
    let default = agent.default_as(name, option);
    match option.old {
        None => parameter(xml, option, option.name, None, default, option.text),
        Some(old) => {
            parameter(xml, option, option.name, Some(("obsoletes", old)), default, option.text)?;
            let text = format!("Deprecated name of {}", option.name);
            parameter(xml, option, old, Some(("deprecated", "1")), default, &text)
        }
    }
}

fn parameter(
    xml: &mut Xml,
    option: &Opt,
    name: &str,
    history: Option<(&str, &str)>,
    default: Option<&str>,
    shortdesc: &str,
) -> io::Result<()> {
    let required = if option.required { "1" } else { "0" };
    xml.create_element("parameter")
        .with_attributes([("name", name), ("unique", "0"), ("required", required)])
        .with_attributes(history)
        .write_inner_content(|xml| {
            xml.create_element("getopt").with_attribute(("mixed", option.getopt().as_str())).write_empty()?;
            let content = xml
                .create_element("content")
                .with_attribute(("type", option.metadata_type()))
                .with_attributes(default.map(|default| ("default", default)));
            match option.kind {
                Kind::Choice(words) if !option.string_in_metadata => {
                    content.write_inner_content(|xml| {
                        for word in words {
                            xml.create_element("option").with_attribute(("value", *word)).write_empty()?;
                        }
                        Ok(())
                    })?;
                }
                _ => {
                    content.write_empty()?;
                }
            }
            xml.create_element("shortdesc")
                .with_attribute(("lang", "en"))
                .write_text_content(quick_xml::events::BytesText::new(shortdesc))?;
            Ok(())
        })?;
    Ok(())
}

fn action(xml: &mut Xml, agent: &Agent, action: Action) -> io::Result<()> {
    let marks: &[(&str, &str)] = match (action, agent.unfencing) {
        (Action::On, Unfencing::None) => &[("automatic", "0")],
        (Action::On, Unfencing::Automatic) => &[("automatic", "1")],
        (Action::On, Unfencing::AutomaticOnTarget) => &[("on_target", "1"), ("automatic", "1")],
        _ => &[],
    };
    xml.create_element("action")
        .with_attribute(("name", action.name()))
        .with_attributes(marks.iter().copied())
        .write_empty()?;
    Ok(())
}
