//! The record, put together out of its pieces by the child that writes it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::journal;
use crate::base::file::Trouble;
use crate::base::told;
use crate::fencing::writer;

/// How many requests and states one record holds; equal looks in a row are one.
const MOST: usize = 400;

/// What the child does: collect the pieces until the pipe ends, then write one line.
pub(super) fn write(path: &str, reader: File) -> Result<(), Trouble> {
    let mut record = Record::default();
    for line in BufReader::new(reader).split(b'\n') {
        let Ok(line) = line else { break };
        // One that came in half, because the pipe was full, is left out.
        if let Ok(Value::Object(piece)) = serde_json::from_slice(&line) {
            piece.into_iter().for_each(|(name, content)| record.take(&name, content));
        }
    }
    let Some(mut record) = record.finished() else {
        return Err(Trouble::NoProcess("nothing came to be recorded".to_owned()));
    };
    if let Some(by) = record.get_mut("by").and_then(Value::as_object_mut) {
        let uid = by.get("uid").and_then(Value::as_u64).unwrap_or_default();
        by.insert("user".to_owned(), json!(user(uid)));
    }
    let mut line = told::json(Value::Object(record.clone()), false);
    // The journal first: the file may never open.
    journal::tell(&record, &line);
    line.push('\n');
    // In one write, so that agents that end at the same time don't get into each other's lines.
    writer::append(&mut writer::open_to_append(path)?, line.as_bytes())
}

/// The name of a user, as the file says it: a name service may hang.
fn user(uid: u64) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// What has come so far.
#[derive(Default)]
struct Record {
    head: Map<String, Value>,
    device: Map<String, Value>,
    requests: Vec<Value>,
    timeline: Vec<Value>,
    left_out: u64,
    end: Option<Map<String, Value>>,
}

impl Record {
    fn take(&mut self, name: &str, content: Value) {
        match (name, content) {
            ("head", Value::Object(content)) => self.head = content,
            ("device", Value::Object(content)) => self.device = content,
            ("end", Value::Object(content)) => self.end = Some(content),
            ("request", content) => self.take_request(content),
            ("states", content) => {
                let same = self.timeline.last().is_some_and(|last| {
                    ["states", "who"].iter().all(|field| last.get(field) == content.get(field))
                });
                if !same && self.timeline.len() < MOST {
                    self.timeline.push(content);
                }
            }
            _ => {}
        }
    }

    /// A look that got the same answer as the one before is counted with it, and so is an attempt that failed as the
    /// one before.
    fn take_request(&mut self, content: Value) {
        let same = |last: &Value| {
            (content.get("what").is_some_and(|what| what == "look")
                || content.get("worked").is_some_and(|worked| worked == false))
                && ["what", "answer"].iter().all(|field| last.get(field) == content.get(field))
        };
        if let Some(Value::Object(last)) = self.requests.last_mut().filter(|last| same(last)) {
            let times = last.get("times").and_then(Value::as_u64).unwrap_or(1).saturating_add(1);
            last.insert("times".to_owned(), json!(times));
            last.insert("last_at".to_owned(), content.get("at").cloned().unwrap_or_default());
        } else if self.requests.len() < MOST {
            self.requests.push(content);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// The whole record; `None` where not even its beginning came.
    fn finished(self) -> Option<Map<String, Value>> {
        if self.head.is_empty() {
            return None;
        }
        let mut record = self.head;
        record.extend(self.device);
        record.insert("requests".to_owned(), json!(self.requests));
        record.insert("requests_left_out".to_owned(), json!(self.left_out));
        record.insert("timeline".to_owned(), json!(self.timeline));
        record.extend(self.end.unwrap_or_else(|| {
            let mut end = Map::new();
            end.insert("verdict".to_owned(), json!("cut short"));
            end.insert("code".to_owned(), Value::Null);
            let why =
                "the agent was ended from outside before it was done, by its caller's time limit perhaps";
            end.insert("why".to_owned(), json!(why));
            end
        }));
        Some(record)
    }
}

/// A moment, as time since 1970, in the form of RFC 3339 with milliseconds.
pub(super) fn utc(since: Duration) -> String {
    let seconds = since.as_secs();
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60,
        since.subsec_millis()
    )
}

/// Year, month and day of the day so many days after 1 January 1970.
fn date(days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970u64, days);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left = left.saturating_sub(length);
        year = year.saturating_add(1);
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1u64;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left = left.saturating_sub(length);
        month = month.saturating_add(1);
    }
    (year, month, left.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_164_799, "2024-02-28T23:59:59.000Z"),
            (1_795_221_177, "2026-11-21T00:32:57.000Z"),
        ] {
            assert_eq!(utc(Duration::from_secs(seconds)), shown);
        }
    }

    fn piece(record: &mut Record, name: &str, content: Value) {
        record.take(name, content);
    }

    #[test]
    fn looks_that_say_the_same_are_counted_as_one_and_commands_never_are() {
        let mut record = Record::default();
        piece(&mut record, "head", json!({"format": 1}));
        for at in 0..5 {
            piece(&mut record, "request", json!({"at": at, "what": "look", "answer": "on"}));
            piece(&mut record, "states", json!({"at": at, "states": ["on"]}));
        }
        for at in 5..7 {
            piece(
                &mut record,
                "request",
                json!({"at": at, "what": "switch off 1", "answer": "acknowledged"}),
            );
        }
        piece(&mut record, "states", json!({"at": 7, "states": ["off"]}));
        let record = record.finished().unwrap();
        assert_eq!(record["requests"].as_array().unwrap().len(), 3);
        assert_eq!(
            (&record["requests"][0]["times"], &record["requests"][0]["last_at"]),
            (&json!(5), &json!(4))
        );
        assert_eq!(record["timeline"], json!([{"at": 0, "states": ["on"]}, {"at": 7, "states": ["off"]}]));
    }

    #[test]
    fn a_record_without_an_end_says_that_it_was_cut_short() {
        let mut record = Record::default();
        piece(&mut record, "head", json!({"format": 1, "action": "off"}));
        let record = record.finished().unwrap();
        assert_eq!((&record["verdict"], &record["code"]), (&json!("cut short"), &Value::Null));
    }

    #[test]
    fn a_record_stays_of_bounded_size() {
        let mut record = Record::default();
        piece(&mut record, "head", json!({"format": 1}));
        for at in 0..2000 {
            piece(&mut record, "request", json!({"at": at, "what": "look", "answer": format!("on {at}")}));
        }
        let record = record.finished().unwrap();
        assert_eq!(record["requests"].as_array().unwrap().len(), MOST);
        assert_eq!(record["requests_left_out"], json!(2000 - MOST));
    }
}
