//! The form of metadata: what pcs accepts, and what fence-agents' own build accepts, which is narrower.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use peers::cluster;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// How often an element stands at its place.
#[derive(Clone, Copy, PartialEq)]
enum Times {
    Once,
    Any,
    AtLeastOnce,
}
use Times::{Any, AtLeastOnce, Once};

/// An element: its required attributes, the others it may have, and what it contains, in this order.
struct Form {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    content: &'static [(&'static str, Times)],
}

/// What fence-agents demands (lib/metadata.rng there).
const FORMS: &[Form] = &[
    Form {
        name: "resource-agent",
        required: &["name", "shortdesc"],
        optional: &[],
        content: &[
            ("symlink", Any),
            ("longdesc", Once),
            ("vendor-url", Once),
            ("parameters", Once),
            ("actions", Once),
        ],
    },
    Form { name: "symlink", required: &["name", "shortdesc"], optional: &[], content: &[] },
    Form { name: "longdesc", required: &[], optional: &[], content: &[] },
    Form { name: "vendor-url", required: &[], optional: &[], content: &[] },
    Form { name: "parameters", required: &[], optional: &[], content: &[("parameter", AtLeastOnce)] },
    Form {
        name: "parameter",
        required: &["name", "unique", "required"],
        optional: &["deprecated", "obsoletes"],
        content: &[("getopt", Once), ("content", Once), ("shortdesc", AtLeastOnce)],
    },
    Form { name: "getopt", required: &["mixed"], optional: &[], content: &[] },
    Form { name: "content", required: &["type"], optional: &["default"], content: &[("option", Any)] },
    Form { name: "option", required: &["value"], optional: &[], content: &[] },
    Form { name: "shortdesc", required: &["lang"], optional: &[], content: &[] },
    Form { name: "actions", required: &[], optional: &[], content: &[("action", AtLeastOnce)] },
    Form { name: "action", required: &["name"], optional: &["on_target", "automatic"], content: &[] },
];

/// Attributes that take certain words only.
const WORDS: &[(&str, &str, &[&str])] = &[
    ("parameter", "unique", &["0", "1"]),
    ("parameter", "required", &["0", "1"]),
    ("parameter", "deprecated", &["0", "1"]),
    ("action", "on_target", &["0", "1"]),
    ("action", "automatic", &["0", "1"]),
    ("content", "type", &["boolean", "string", "second", "integer", "select"]),
];

/// Elements that may contain text.
const TEXT: &[&str] = &["longdesc", "vendor-url", "shortdesc"];

struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: bool,
}

fn element(start: &BytesStart) -> Element {
    let attributes = start.attributes().map(|attribute| {
        let attribute = attribute.expect("an attribute");
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).expect("a value");
        (attribute.key.as_ref().to_owned(), value.into_owned())
    });
    Element {
        name: start.name().as_ref().to_owned(),
        attributes: attributes.collect(),
        children: Vec::new(),
        text: false,
    }
}

fn parse(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    let top = Element { name: String::new(), attributes: BTreeMap::new(), children: Vec::new(), text: false };
    let mut open = vec![top];
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) => open.push(element(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(element(&start)),
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) if !text.trim_ascii().is_empty() => open.last_mut().unwrap().text = true,
            Event::Eof => return open.remove(0).children.remove(0),
            _ => {}
        }
    }
}

fn check(element: &Element) {
    let name = &element.name;
    let form = FORMS.iter().find(|form| form.name == name).unwrap_or_else(|| panic!("<{name}> is not known"));
    for required in form.required {
        assert!(element.attributes.contains_key(*required), "<{name}> without {required}");
    }
    for (attribute, value) in &element.attributes {
        let attribute = attribute.as_str();
        assert!(
            form.required.contains(&attribute) || form.optional.contains(&attribute),
            "<{name} {attribute}>"
        );
        if let Some((.., words)) = WORDS.iter().find(|(of, named, _)| of == name && *named == attribute) {
            assert!(words.contains(&value.as_str()), "<{name} {attribute}={value}>");
        }
    }
    assert!(!element.text || TEXT.contains(&name.as_str()), "text in <{name}>");
    let mut children = element.children.iter().peekable();
    for (wanted, times) in form.content {
        let mut count = 0;
        while children.next_if(|child| child.name == *wanted).is_some() {
            count += 1;
        }
        let right = match times {
            Once => count == 1,
            Any => true,
            AtLeastOnce => count > 0,
        };
        assert!(right, "{count} <{wanted}> in <{name}>");
    }
    assert!(children.next().is_none(), "something out of place in <{name}>");
    element.children.iter().for_each(check);
}

fn files() -> impl Iterator<Item = PathBuf> {
    cluster::names()
        .into_iter()
        .map(|name| cluster::project().join("metadata").join(name).with_extension("xml"))
}

#[test]
fn metadata_has_the_form_that_fence_agents_demands() {
    for file in files() {
        check(&parse(&fs::read_to_string(&file).unwrap()));
    }
}

#[test]
fn metadata_has_the_form_that_pcs_demands() {
    let schema = "/usr/share/pcs/data/ocf-1.0.rng";
    let mut xmllint = Command::new("xmllint");
    let done = xmllint.args(["--noout", "--relaxng", schema]).args(files()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
