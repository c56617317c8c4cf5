//! Reads a configuration in JSON, as `pcs stonith config --output-format=json` prints it: the fence devices alone, without
//! nodes, properties and levels.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::document::{Document, Form, Kind, Pair, Resource, Set};
use super::pacemaker;
use crate::base::Secret;

/// # Errors
/// In words: it isn't JSON, or not of this shape.
pub(super) fn read(text: &str) -> Result<Document> {
    let all: Value = serde_json::from_str(text)?;
    let list = |name: &str| all.get(name).and_then(Value::as_array);
    let primitives = list("primitives").context("no list of primitives")?;
    let mut document = Document::default();
    // What holds others comes first: a clone may hold a group.
    let mut holders: BTreeMap<String, usize> = BTreeMap::new();
    for (name, members) in [("clones", "member_id"), ("groups", "member_ids")] {
        for holder in list(name).into_iter().flatten() {
            add(&mut document, holder, Form::Collective, &holders)?;
            let at = document.resources.len().saturating_sub(1);
            let members = holder.get(members).map(|members| match members {
                Value::Array(members) => members.as_slice(),
                one => std::slice::from_ref(one),
            });
            let members = members.into_iter().flatten().filter_map(Value::as_str);
            holders.extend(members.map(|member| (member.to_owned(), at)));
        }
    }
    for primitive in primitives {
        add(&mut document, primitive, Form::Primitive, &holders)?;
        document.check_size()?;
    }
    Ok(document)
}

/// A text of an object; `None` where it isn't there, or is none.
fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Adds a resource with its sets.
fn add(document: &mut Document, object: &Value, form: Form, holders: &BTreeMap<String, usize>) -> Result<()> {
    let id = text(object, "id").context("a resource without id")?;
    let of_agent = |part: &str| object.get("agent_name").and_then(|name| text(name, part));
    let agent = of_agent("type");
    if form == Form::Primitive {
        agent.as_ref().context("a primitive without agent")?;
    }
    let mut sets = Vec::new();
    for (kind, name) in [(Kind::Instance, "instance_attributes"), (Kind::Meta, "meta_attributes")] {
        for set in object.get(name).and_then(Value::as_array).into_iter().flatten() {
            sets.push(add_set(document, set, kind));
        }
    }
    document.resources.push(Resource {
        form,
        parent: holders.get(&id).copied(),
        id,
        class: of_agent("standard").unwrap_or_default(),
        provider: of_agent("provider").unwrap_or_default(),
        agent: agent.unwrap_or_default(),
        template: None,
        sets,
    });
    Ok(())
}

fn add_set(document: &mut Document, object: &Value, kind: Kind) -> usize {
    let option = |name: &str| object.get("options").and_then(|options| text(options, name));
    let at = document.add_set(Set {
        kind,
        id: text(object, "id").unwrap_or_default(),
        refers: option("id-ref"),
        score: option("score").map_or(0, |score| pacemaker::score(&score)),
        is_ruled: object.get("rule").is_some_and(|rule| !rule.is_null()),
        pairs: Vec::new(),
    });
    for pair in object.get("nvpairs").and_then(Value::as_array).into_iter().flatten() {
        let value = pair.get("value").and_then(Value::as_str).map(Secret::new);
        let id = text(pair, "id").unwrap_or_default();
        document.add_pair(at, Pair { id, refers: None, name: text(pair, "name"), value });
    }
    at
}
