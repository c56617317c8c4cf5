//! Answers: a status, headers, a body of limited size, and what they say.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{
    AGE, CONNECTION, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE,
    WWW_AUTHENTICATE,
};
use http::{StatusCode, Version};
use serde_json::Value;

use super::error::Error;
use super::json;
use crate::base::{Deadline, date};

/// The most bytes of a body that are read where nothing else is set.
pub const LARGEST_BODY: usize = 1024 * 1024;

/// How many bytes a header may have that is sent back: an entity tag, a session's token.
const LONGEST_HEADER: usize = 4096;

/// An answer: its status counts as soon as it is there.
pub struct Response {
    /// What was asked, as [`Request::name`](super::Request::name) has it.
    pub uri: String,
    /// The status.
    pub status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// What the service is, for messages.
    service: &'static str,
    /// Why the body didn't come to its end.
    pub(super) cut: Option<Error>,
    /// From the request to the head of the answer.
    pub(super) took: Duration,
    /// Whether something was only asked for.
    pub(super) is_look: bool,
}

impl Response {
    /// An answer made up of its parts. `service` says what it comes from, such as `Redfish`.
    pub fn new(
        uri: String,
        status: u16,
        headers: HeaderMap,
        body: Vec<u8>,
        service: &'static str,
    ) -> Response {
        Response { uri, status, headers, body, service, cut: None, took: Duration::ZERO, is_look: false }
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }

    /// Whether it may say where else to ask.
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// That the status is a success. What it means otherwise is said by the status alone.
    ///
    /// # Errors
    /// [`Error::LoginDenied`], [`Error::Forbidden`], [`Error::Busy`], with a pause that ends with the deadline,
    /// [`Error::Status`].
    pub fn check(&self, deadline: Deadline) -> Result<(), Error> {
        let (status, uri) = (self.status, self.uri.clone());
        Err(match status {
            _ if self.is_success() => return Ok(()),
            401 => Error::LoginDenied { uri },
            403 => Error::Forbidden { uri },
            408 | 429 | 502 | 503 | 504 => {
                let within = |pause: Duration| deadline.left().map_or(pause, |left| left.min(pause));
                Error::Busy { status, uri, retry_after: self.retry_after().map(within) }
            }
            _ => Error::Status { status, uri, passing: self.is_look && status >= 500 },
        })
    }

    /// That this is what was asked for, as it is now: 200 alone says so (RFC 9110, 15.3), and an answer that is older
    /// than the request comes out of somebody's memory (5.1 of RFC 9111). Both may pass.
    ///
    /// # Errors
    /// [`Error::Unexpected`] otherwise.
    pub fn reading(&self) -> Result<(), Error> {
        let unexpected = |what: String| Error::Unexpected { uri: self.uri.clone(), what, known: true };
        if self.status != 200 {
            return Err(unexpected(format!("HTTP {} is no answer that can be read", self.status)));
        }
        for age in self.headers.get_all(AGE) {
            let seconds = age.to_str().ok().and_then(|text| text.trim().parse().ok());
            if seconds.is_none_or(|seconds| Duration::from_secs(seconds) > self.took) {
                return Err(unexpected(
                    "the answer is older than the request (Age): it comes from a cache".into(),
                ));
            }
        }
        Ok(())
    }

    /// The first header of this name, where it is text.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The value of a header that is to be sent back, such as a token.
    pub fn returnable(&self, name: HeaderName) -> Option<&HeaderValue> {
        self.headers.get(name).filter(|value| value.len() <= LONGEST_HEADER)
    }

    /// All headers of this name that are text.
    pub(super) fn all(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }

    /// What each `Set-Cookie` holds. One that isn't text is among them: it replaces another one, if it can't be sent itself.
    pub(super) fn cookies(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.headers.get_all(SET_COOKIE).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// Where a redirect leads, or where something new stands.
    pub fn location(&self) -> Option<&str> {
        self.header(LOCATION)
    }

    /// The entity tag.
    pub fn etag(&self) -> Option<&str> {
        self.header(ETAG).filter(|tag| tag.len() <= LONGEST_HEADER)
    }

    /// The pause that the service asks for (RFC 9110, 10.2.3), in seconds, or up to a date. A date counts from that of
    /// the answer itself, so that no two clocks are compared; without one, it counts as none.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header(RETRY_AFTER)?.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return Some(Duration::from_secs(seconds.into()));
        }
        let from = date::of_http(self.header(DATE)?)?;
        let seconds = date::of_http(text)?.saturating_sub(from).max(0);
        u32::try_from(seconds).ok().map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// Whether one of the challenges (RFC 9110, 11.6.1) is for Basic.
    pub fn offers_basic(&self) -> bool {
        let mut words = self.all(WWW_AUTHENTICATE).flat_map(|value| value.split([',', ' ']));
        words.any(|word| word.eq_ignore_ascii_case("basic"))
    }

    /// Whether the connection ends with this answer (RFC 9112, 9.3).
    pub(super) fn announces_end(&self, version: Version) -> bool {
        let mut options = self.all(CONNECTION).flat_map(|value| value.split(',')).map(str::trim);
        match version {
            Version::HTTP_09 | Version::HTTP_10 => {
                !options.any(|option| option.eq_ignore_ascii_case("keep-alive"))
            }
            _ => options.any(|option| option.eq_ignore_ascii_case("close")),
        }
    }

    /// The body, all of it.
    ///
    /// # Errors
    /// What kept it from coming to its end.
    pub fn bytes(&self) -> Result<&[u8], Error> {
        self.cut.as_ref().map_or(Ok(self.body.as_slice()), |cut| Err(cut.clone()))
    }

    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// Those of [`Response::bytes`].
    pub fn text(&self) -> Result<String, Error> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The body as a JSON object. `known` says whether the service has given proper answers before.
    ///
    /// # Errors
    /// Those of [`Response::bytes`]; [`Error::Unexpected`].
    pub fn object(&self, known: bool) -> Result<Value, Error> {
        match self.json(known)? {
            value if value.is_object() => Ok(value),
            _ => Err(self.unexpected("the answer is JSON, but no object", known)),
        }
    }

    /// The body as JSON, in which a name with two values has none.
    ///
    /// # Errors
    /// Those of [`Response::object`].
    pub fn json(&self, known: bool) -> Result<Value, Error> {
        let body = self.bytes()?;
        json::parse(body).map_err(|error| match error {
            error if error.is_eof() && !body.is_empty() => {
                Error::Dropped { uri: self.uri.clone(), why: "the answer is cut short".to_owned() }
            }
            _ if body.is_empty() => self.unexpected("the answer is empty", known),
            _ if body.trim_ascii_start().starts_with(b"<") => {
                let what = format!("the answer is a web page, not JSON: is this a {} service?", self.service);
                self.unexpected(&what, known)
            }
            error if error.is_data() => self.unexpected("the answer holds too many values", known),
            _ => self.unexpected("the answer is not JSON", known),
        })
    }

    /// The body where it is JSON; null otherwise.
    pub fn json_or_null(&self) -> Value {
        self.bytes().ok().and_then(|body| json::parse(body).ok()).unwrap_or(Value::Null)
    }

    /// How many bytes of the body have come.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    fn unexpected(&self, what: &str, known: bool) -> Error {
        Error::Unexpected { uri: self.uri.clone(), what: what.to_owned(), known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&'static str, &str)]) -> Response {
        let map = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Response::new("GET /".into(), 503, map, Vec::new(), "test")
    }

    #[test]
    fn a_pause_is_named_in_seconds_or_by_a_date_that_the_answer_itself_dates() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (pause, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            // The obsolete forms of a date (RFC 9110, 5.6.7).
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("-1", None),
            ("1.5", None),
            ("99999999999", None),
            ("soon", None),
            ("", None),
        ] {
            let response = with(&[date, ("retry-after", pause)]);
            assert_eq!(response.retry_after(), expected.map(Duration::from_secs), "{pause}");
        }
        assert_eq!(with(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]).retry_after(), None);
        assert_eq!(with(&[]).retry_after(), None);
    }

    #[test]
    fn a_connection_ends_where_the_answer_says_so() {
        let ends = |version, value: &str| with(&[("connection", value)]).announces_end(version);
        assert!(ends(Version::HTTP_11, "close") && ends(Version::HTTP_11, "x, Close"));
        assert!(!ends(Version::HTTP_11, "keep-alive") && !ends(Version::HTTP_10, "Keep-Alive"));
        assert!(ends(Version::HTTP_10, "x") && with(&[]).announces_end(Version::HTTP_10));
        assert!(!with(&[]).announces_end(Version::HTTP_11));
    }

    #[test]
    fn a_body_that_did_not_come_to_its_end_is_no_body() {
        let cut = Error::TooLarge { uri: "GET /".into(), limit: 1 };
        let mut response = Response::new("GET /".into(), 200, HeaderMap::new(), b"{}".to_vec(), "test");
        assert!(response.object(true).is_ok() && response.text().unwrap() == "{}");
        response.cut = Some(cut.clone());
        assert_eq!(response.bytes().unwrap_err(), cut);
        assert_eq!(response.object(true).unwrap_err(), cut);
        assert_eq!(response.json_or_null(), Value::Null);
    }
}
