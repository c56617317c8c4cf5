//! An answer of a Redfish service: a status line, headers, an empty line, the body. It is read as every kind of resource
//! that is asked for.

use std::sync::Once;
use std::time::Duration;

use fence_agents::base::{Secret, Told, told};
use fence_agents::protocols::http;
use fence_agents::protocols::redfish::inside::Received;
use fence_agents::protocols::redfish::{Address, Config, Error, PowerState, Progress, Transport};
use serde_json::Value;

use super::common::{SECRET, assert_hidden};

const ORIGIN: &str = "http://bmc.example:8080/";

/// Reads any input.
pub fn run(data: &[u8]) {
    let (head, body) = halves(data);
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let status = lines.next().and_then(|line| std::str::from_utf8(line).ok()?.parse().ok()).unwrap_or(200);
    let headers: Vec<(&[u8], &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((&line[..colon], line[colon + 1..].trim_ascii()))
        })
        .collect();
    let received = Received::new(status, headers.into_iter(), body);
    let config = Config {
        address: Address { host: "bmc.example".into(), zone: None, port: 8080 },
        transport: Transport::Http,
        root: "/redfish/v1".into(),
        credentials: None,
        request_limit: Duration::from_secs(5),
        proxy_from_environment: false,
    };
    resources(&received, &config, body);
    places(&received, &config);
    refusals(&received);
    sent_back(&String::from_utf8_lossy(data));
}

/// Whatever a service writes into a header, what goes back to it is one header of limited size.
fn sent_back(text: &str) {
    let fits = |byte: u8| byte == b'\t' || (b' '..0x7f).contains(&byte);
    for line in text.lines().filter(|line| line.bytes().all(fits)) {
        for value in http::fuzzing::returned(line) {
            assert!(value.iter().all(|byte| fits(*byte)), "{}", String::from_utf8_lossy(&value));
            assert!(value.len() <= line.len() * 2 + 1000, "{line}");
        }
    }
}

fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (&[], data),
    }
}

fn resources(received: &Received, config: &Config, body: &[u8]) {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    match received.system(config) {
        Ok(system) => {
            assert!(read.as_ref().is_some_and(Value::is_object));
            if system.power_state == Some(PowerState::Off) {
                // Off is told by this word, and by nothing else beside it.
                let read = read.unwrap();
                assert_eq!(read.get("PowerState"), Some(&Value::from("Off")));
                let words: Vec<String> = power_states(body);
                assert!(words.iter().all(|word| word == "\"Off\""), "{words:?}");
            }
            let texts = [
                system.id,
                system.name,
                system.host_name,
                system.serial_number,
                system.uuid,
                system.asset_tag,
                system.system_type,
                system.status,
                system.manufacturer,
                system.model,
                system.last_reset_time,
                system.power_state.map(|state| Told::new(state.to_string())),
            ];
            for text in texts.into_iter().flatten() {
                let shown = text.to_string();
                assert!(text.raw().chars().count() <= 500 && !shown.contains(char::is_control), "{text:?}");
            }
        }
        Err(error) => bounded(&error),
    }
    if let Err(error) = received.root(config) {
        bounded(&error);
    }
    match received.members(config) {
        Ok((members, _)) => {
            assert!(members.len() <= 1000);
            for (at, member) in members.iter().enumerate().take(50) {
                assert!(member.as_str().starts_with(ORIGIN), "{}", member.as_str());
                assert!(!members[..at].iter().any(|other| other.same_resource(member)), "{member} twice");
            }
        }
        Err(error) => bounded(&error),
    }
    assert!(received.allowed().is_none_or(|words| !words.is_empty()));
}

/// The values of every PowerState at the top of an object, as they are written, found without a map in which the last
/// would hide the others.
fn power_states(body: &[u8]) -> Vec<String> {
    let (mut found, mut depth, mut at, mut name) = (Vec::new(), 0, 0, None);
    let mut key = true;
    while at < body.len() {
        let from = at;
        at += 1;
        match body[from] {
            b'"' => {
                while body.get(at) != Some(&b'"') {
                    at += if body.get(at) == Some(&b'\\') { 2 } else { 1 };
                }
                at += 1;
                let text = &body[from..at];
                if depth == 1 && key {
                    name = serde_json::from_slice::<String>(text).ok();
                } else if depth == 1 && name.as_deref() == Some("PowerState") {
                    // Escapes or not, the same word is the same.
                    found.push(serde_json::from_slice::<Value>(text).unwrap().to_string());
                }
            }
            b'{' | b'[' => {
                if depth == 1 && name.as_deref() == Some("PowerState") {
                    found.push(char::from(body[from]).to_string());
                }
                depth += 1;
            }
            b'}' | b']' => depth -= 1,
            b':' if depth == 1 => key = false,
            b',' if depth == 1 => (key, name) = (true, None),
            b' ' | b'\t' | b'\r' | b'\n' => {}
            // A number, null, true, false.
            other if depth == 1 && !key && name.as_deref() == Some("PowerState") => {
                found.push(char::from(other).to_string());
            }
            _ => {}
        }
    }
    found
}

fn places(received: &Received, config: &Config) {
    if let Ok(Some(link)) = received.redirect(config) {
        assert!(link.as_str().starts_with(ORIGIN), "{}", link.as_str());
    }
    if let Some(task) = received.task(config).unwrap() {
        assert!(task.link.as_str().starts_with(ORIGIN), "{}", task.link.as_str());
        assert_eq!(task.retry_after, received.retry_after());
    }
    assert!(received.retry_after().is_none_or(|pause| pause <= Duration::from_secs(u32::MAX.into())));
    assert!(received.etag().is_none_or(|tag| !tag.contains(char::is_control) || tag.contains('\t')));
    received.offers_basic();
}

fn refusals(received: &Received) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| told::keep_out(&Secret::new(SECRET)));
    let refusal = received.refusal();
    bounded(&refusal);
    assert_hidden(&format!("{refusal} {refusal:?}"));
    match received.progress() {
        Ok(Progress::Failed { state, message }) => {
            assert!(state.len() <= 30, "{state}");
            assert_hidden(&format!("{message:?}"));
        }
        Ok(_) => {}
        Err(error) => bounded(&error),
    }
}

/// Whatever the service says, an error is one line of limited length.
fn bounded(error: &Error) {
    let shown = error.to_string();
    assert!(shown.chars().count() < 1500 && !shown.contains(['\n', '\r', '\u{1b}']), "{shown}");
}
