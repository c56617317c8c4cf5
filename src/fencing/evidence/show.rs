//! The last records, as a timeline that a person reads.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::file::{self, Trouble};
use crate::base::{Deadline, told};
use crate::fencing::error::Error;
use crate::fencing::explain::{one_line, row};
use crate::fencing::terminal;

/// How many records are shown.
const SHOWN: usize = 10;

/// How much of the file's end is read.
const READ: u64 = 1024 * 1024;

/// How long the reading may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The last records of a file, oldest first: for people, or each as the line of JSON that it is.
///
/// # Errors
/// The file can't be read.
pub fn shown(path: &str, json: bool, colourful: bool) -> Result<String, Error> {
    let end = end_of(path).map_err(|error| Error::Local { what: format!("{path}: {error}") })?;
    let lines: Vec<&str> = end.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default();
    let mut text = String::new();
    for line in last {
        match serde_json::from_str::<Value>(line) {
            Ok(_) if json => {
                let _ = writeln!(text, "{}", told::escaped_json(line));
            }
            Ok(record) => timeline(&mut text, &record, colourful),
            Err(_) if json => {}
            Err(_) => text.push_str("(a line that is no record)\n\n"),
        }
    }
    Ok(text)
}

/// How long the last off of these plugs took, from its command to the look that showed it; `None` where there is no
/// record of one.
///
/// # Errors
/// The file is there and can't be read.
pub fn last_off(path: &str, address: Option<&str>, plugs: &[String]) -> Result<Option<Duration>, Trouble> {
    match end_of(path) {
        Ok(end) => Ok(last_off_in(&end, address, plugs)),
        Err(Trouble::System(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

fn last_off_in(end: &str, address: Option<&str>, plugs: &[String]) -> Option<Duration> {
    let records = end.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    records
        .filter(|record| {
            record.get("address").and_then(Value::as_str) == address
                && record.get("plug").is_some_and(|plug| *plug == json!(plugs))
        })
        .find_map(|record| {
            let requests = record.get("requests")?.as_array()?;
            let is_off = |request: &&Value| {
                let what = request.get("what").and_then(Value::as_str).unwrap_or_default();
                what.starts_with("switch off") && request.get("worked").is_some_and(|worked| *worked == true)
            };
            let sent = requests.iter().rfind(is_off)?.get("at")?.as_f64()?;
            let timeline = record.get("timeline")?.as_array()?;
            let seen = timeline.iter().find_map(|entry| {
                let states = entry.get("states")?.as_array()?;
                let all_off = !states.is_empty() && states.iter().all(|state| *state == "off");
                entry.get("at")?.as_f64().filter(|at| all_off && *at >= sent)
            })?;
            Duration::try_from_secs_f64(seen - sent).ok()
        })
}

/// The last whole lines of a file.
fn end_of(path: &str) -> Result<String, Trouble> {
    let (bytes, whole) = file::end_of(Path::new(path), READ, Deadline::after(LIMIT))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(match text.split_once('\n') {
        Some((_, rest)) if !whole => rest.to_owned(),
        _ => text,
    })
}

/// A value as text; empty where there is none.
fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text_of).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", text_of(value)))
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

fn timeline(text: &mut String, record: &Value, colourful: bool) {
    let field = |name: &str| record.get(name).map(text_of).unwrap_or_default();
    let node = Some(field("nodename")).filter(|node| !node.is_empty());
    let target = node.or(Some(field("plug"))).filter(|plug| !plug.is_empty());
    let target = target.unwrap_or_else(|| field("address"));
    let title = format!("{}  {} {}: {}", field("when"), field("action"), target, field("verdict"));
    let _ = writeln!(text, "{}", terminal::heading(&one_line(&title), colourful));
    let by = record.get("by").unwrap_or(&Value::Null);
    let of = |name: &str| by.get(name).map(text_of).unwrap_or_default();
    row(text, "agent", &format!("{} {} on {}", field("agent"), field("version"), field("host")));
    row(text, "asked by", &format!("{} (user {} {})", of("parent"), of("user"), of("uid")));
    for (name, words) in [("address", field("address")), ("device", field("device"))] {
        if !words.is_empty() {
            row(text, name, &words);
        }
    }
    for plug in record.get("plugs").and_then(Value::as_array).into_iter().flatten() {
        let identity: Vec<String> = plug
            .get("identity")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|one| {
                let of = |name: &str| one.get(name).map(text_of).unwrap_or_default();
                format!("{} {}", of("kind"), of("value"))
            })
            .collect();
        let name = plug.get("plug").map(text_of).unwrap_or_default();
        row(text, "plug", &[&[name][..], &identity].concat().join("; "));
    }
    for request in record.get("requests").and_then(Value::as_array).into_iter().flatten() {
        let of = |name: &str| request.get(name).map(text_of).unwrap_or_default();
        let seconds = |name: &str| request.get(name).and_then(Value::as_f64).unwrap_or_default();
        let until = match request.get("last_at").and_then(Value::as_f64) {
            Some(last) => format!(", {} times until +{last:.3}", of("times")),
            None => String::new(),
        };
        let line = format!("{}: {}  ({:.3} s{until})", of("what"), of("answer"), seconds("took"));
        row(text, &format!("+{:.3}", seconds("at")), &line);
    }
    let seconds = record.get("seconds").and_then(Value::as_f64).map(|after| format!(" after {after:.3} s"));
    let code = Some(field("code")).filter(|code| !code.is_empty()).map(|code| format!(", exit code {code}"));
    let verdict = format!("{}{}{}", field("verdict"), seconds.unwrap_or_default(), code.unwrap_or_default());
    row(text, "verdict", &verdict);
    row(text, "because", &field("why"));
    text.push('\n');
}
