//! Just enough of HTTP/1.1 for a server.

use std::io::{self, Read, Write};

/// A request as it came in. Header names are in lower case.
pub(crate) struct Incoming {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Incoming {
    /// The next request of a connection; `None` when the client has closed it.
    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Option<Incoming>> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, path) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let split = |line: &str| {
            Some((line.split_once(':')?.0.to_lowercase(), line.split_once(':')?.1.trim().to_owned()))
        };
        let mut incoming =
            Incoming { method, path, headers: lines.filter_map(split).collect(), body: String::new() };
        let length = incoming.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        incoming.body = String::from_utf8_lossy(&body).into_owned();
        Ok(Some(incoming))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The head of an answer, up to the blank line.
pub(crate) fn head(status: u16, reason: &str, headers: &[(String, String)]) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} {reason}\r\n{lines}\r\n")
}

/// A whole answer.
pub(crate) fn answer(
    stream: &mut impl Write,
    status: u16,
    reason: &str,
    headers: &[(String, String)],
    body: &str,
) -> io::Result<()> {
    let mut headers = headers.to_vec();
    if status != 204 {
        headers.push(("Content-Length".into(), body.len().to_string()));
    }
    stream.write_all((head(status, reason, &headers) + body).as_bytes())?;
    stream.flush()
}
