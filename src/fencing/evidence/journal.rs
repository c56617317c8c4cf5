//! The record's way into the journal (systemd's native protocol), or into syslog where there is no journal.

use std::os::unix::net::UnixDatagram;

use serde_json::{Map, Value};

use crate::base::told;

/// Where the journal listens (systemd, "Native Journal Protocol").
const JOURNAL: &str = "/run/systemd/journal/socket";

/// Where syslog listens.
const SYSLOG: &str = "/dev/log";

/// Severities of RFC 5424, 6.2.1.
const ERROR: u8 = 3;
const NOTICE: u8 = 5;

/// `LOG_USER`, shifted as syslog's priority wants it (RFC 3164, 4.1.1).
const FACILITY: u8 = 1 << 3;

/// Fields of the record that get fields of the journal, so that `journalctl FENCING_NODE=...` finds them.
const FIELDS: &[(&str, &str)] = &[
    ("FENCING_FORMAT", "format"),
    ("FENCING_AGENT", "agent"),
    ("FENCING_ACTION", "action"),
    ("FENCING_NODE", "nodename"),
    ("FENCING_ADDRESS", "address"),
    ("FENCING_VERDICT", "verdict"),
    ("FENCING_CODE", "code"),
    ("FENCING_SECONDS", "seconds"),
    ("FENCING_WHY", "why"),
    ("FENCING_PID", "pid"),
];

/// Tells the journal, without waiting; where there is none, syslog.
pub(super) fn tell(record: &Map<String, Value>, line: &str) {
    let text = |name: &str| match record.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => told::line(text).into_owned(),
        Some(other) => other.to_string(),
    };
    let severity = if text("verdict") == "done" { NOTICE } else { ERROR };
    let node = text("nodename");
    let target = if node.is_empty() { text("address") } else { node };
    let message = format!("{} of {target}: {}: {}", text("action"), text("verdict"), text("why"));
    let mut fields = vec![
        ("MESSAGE", message.clone()),
        ("PRIORITY", severity.to_string()),
        ("SYSLOG_IDENTIFIER", text("agent")),
    ];
    fields.extend(FIELDS.iter().map(|(field, name)| (*field, text(name))));
    fields.retain(|(_, value)| !value.is_empty());
    let short = datagram(&fields);
    fields.push(("FENCING_RECORD", line.to_owned()));
    // A record larger than the socket takes is in the file; its fields are here all the same.
    if send(JOURNAL, &datagram(&fields)) || send(JOURNAL, &short) {
        return;
    }
    let line = format!("<{}>{}[{}]: {message}", FACILITY | severity, text("agent"), text("pid"));
    send(SYSLOG, line.as_bytes());
}

/// Fields as the journal wants them: a value that holds a line's end goes with its length in front.
fn datagram(fields: &[(&str, String)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.extend(name.as_bytes());
        if value.contains('\n') {
            bytes.push(b'\n');
            bytes.extend(u64::try_from(value.len()).unwrap_or_default().to_le_bytes());
        } else {
            bytes.push(b'=');
        }
        bytes.extend(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

fn send(path: &str, datagram: &[u8]) -> bool {
    let attempt = || -> std::io::Result<usize> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.send_to(datagram, path)
    };
    attempt().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_line_end_can_not_become_a_field() {
        let bytes = datagram(&[("A", "x".into()), ("B", "y\nC=z".into())]);
        assert_eq!(bytes, b"A=x\nB\n\x05\0\0\0\0\0\0\0y\nC=z\n");
    }
}
