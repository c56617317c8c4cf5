//! The first line of an answer (RFC 9112, 4). It counts also where nothing that follows it can be read.

use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of the line are needed: `HTTP/1.1 200` and the one that ends the number.
const NEEDED: usize = 13;

/// Takes note of the status of an answer while its bytes come in.
#[derive(Clone, Debug, Default)]
pub(super) struct StatusLine(Arc<Mutex<Noted>>);

#[derive(Debug)]
enum Noted {
    /// The line so far.
    Line(Vec<u8>),
    /// An answer of the kind 1xx precedes the one that counts (RFC 9110, 15.2): its head goes on to the first line
    /// that is empty, as the present one is so far or isn't.
    Interim { empty: bool },
    /// The status, where the line has one.
    Done(Option<u16>),
}

impl Default for Noted {
    fn default() -> Noted {
        Noted::Line(Vec::with_capacity(NEEDED))
    }
}

impl StatusLine {
    /// Takes the next bytes of the answer.
    pub(super) fn take(&self, bytes: &[u8]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            match &mut *noted {
                Noted::Done(_) => return,
                Noted::Interim { empty } => match byte {
                    b'\n' if *empty => *noted = Noted::default(),
                    b'\n' => *empty = true,
                    b'\r' => {}
                    _ => *empty = false,
                },
                // Empty lines before the first one are to be passed over (RFC 9112, 2.2).
                Noted::Line(line) if line.is_empty() && matches!(byte, b'\r' | b'\n') => {}
                Noted::Line(line) => {
                    line.push(*byte);
                    if line.len() == NEEDED || *byte == b'\n' {
                        *noted = match status(line) {
                            Some(100..200) => Noted::Interim { empty: *byte == b'\n' },
                            status => Noted::Done(status),
                        };
                    }
                }
            }
        }
    }

    /// Another answer begins.
    pub(super) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Noted::default();
    }

    /// The status, if it has come.
    pub(super) fn status(&self) -> Option<u16> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Noted::Done(status) => status,
            Noted::Line(_) | Noted::Interim { .. } => None,
        }
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let (minor, rest) = line.strip_prefix(b"HTTP/1.")?.split_first()?;
    let (digits, [end]) = rest.strip_prefix(b" ")?.split_at_checked(3)? else { return None };
    let whole = minor.is_ascii_digit() && digits.iter().all(u8::is_ascii_digit) && end.is_ascii_whitespace();
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|status| whole && *status >= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_known_as_soon_as_its_number_has_come_however_the_bytes_come() {
        for (text, expected) in [
            ("HTTP/1.1 401 Unauthorized", Some(401)),
            ("HTTP/1.0 204\r\n", Some(204)),
            ("HTTP/1.1 503\n", Some(503)),
            ("\r\nHTTP/1.1 200 OK\r\nContent-Length: ", Some(200)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 No", Some(401)),
            ("HTTP/1.1 103 Early\r\nLink: HTTP/1.1 200 OK\r\nX: y\r\n\r\nHTTP/1.1 403 \r\n", Some(403)),
            ("HTTP/1.1 103 Early\nLink: x\n\nHTTP/1.1 403 \n", Some(403)),
            ("HTTP/1.1 100\n\nHTTP/1.1 401 \n", Some(401)),
            ("HTTP/1.1 100 Continue\r\n\r\n", None),
            ("HTTP/1.1 401", None),
            ("HTTP/1.1 4011", None),
            ("HTTP/1.1 4\r\n", None),
            ("HTTP/1.1 099 Odd", None),
            ("HTTP/1.x 401 No", None),
            ("HTTP/2 401 No\r\n", None),
            ("<html>401 </html>", None),
            ("SSH-2.0-OpenSSH_9.2\r\nHTTP/1.1 200 OK\r\n", None),
            ("", None),
        ] {
            for piece in 1..=text.len().max(1) {
                let line = StatusLine::default();
                text.as_bytes().chunks(piece).for_each(|bytes| line.take(bytes));
                assert_eq!(line.status(), expected, "{text:?} in pieces of {piece}");
                line.begin();
                assert_eq!(line.status(), None);
            }
        }
    }
}
