//! Requests: a method, a place, a body.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use url::form_urlencoded;

use super::origin::Link;

/// What a request carries.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(&'a Value),
    /// Fields of a form, as browsers send them (`application/x-www-form-urlencoded`).
    Form(&'a [(&'a str, &'a str)]),
    /// A text of this media type, such as `text/xml; charset=utf-8`.
    Text {
        /// The media type.
        kind: &'static str,
        /// The text.
        text: &'a str,
    },
}

impl Body<'_> {
    /// Its media type and its bytes; `None` where there is nothing.
    pub(super) fn written(&self) -> Option<(HeaderValue, Vec<u8>)> {
        let fixed = HeaderValue::from_static;
        match *self {
            Body::Nothing => None,
            Body::Json(value) => Some((fixed("application/json"), value.to_string().into_bytes())),
            Body::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                Some((fixed("application/x-www-form-urlencoded"), form.finish().into_bytes()))
            }
            Body::Text { kind, text } => Some((fixed(kind), text.as_bytes().to_vec())),
        }
    }
}

/// A request.
#[derive(Clone)]
pub struct Request<'a> {
    pub(super) method: Method,
    pub(super) link: &'a Link,
    pub(super) body: Body<'a>,
    pub(super) headers: HeaderMap,
}

impl<'a> Request<'a> {
    /// A request of any method.
    pub fn new(method: Method, link: &'a Link, body: Body<'a>) -> Request<'a> {
        Request { method, link, body, headers: HeaderMap::new() }
    }

    /// A look at a place.
    pub fn get(link: &'a Link) -> Request<'a> {
        Request::new(Method::GET, link, Body::Nothing)
    }

    /// Something for a place to take.
    pub fn post(link: &'a Link, body: Body<'a>) -> Request<'a> {
        Request::new(Method::POST, link, body)
    }

    /// Something for a place to become.
    pub fn put(link: &'a Link, body: Body<'a>) -> Request<'a> {
        Request::new(Method::PUT, link, body)
    }

    /// The end of a place.
    pub fn delete(link: &'a Link) -> Request<'a> {
        Request::new(Method::DELETE, link, Body::Nothing)
    }

    /// With this header, in place of another of its name.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Request<'a> {
        self.headers.insert(name, value);
        self
    }

    /// With a header whose value is a secret.
    #[must_use]
    pub fn secret_header(self, name: HeaderName, mut value: HeaderValue) -> Request<'a> {
        value.set_sensitive(true);
        self.header(name, value)
    }

    /// The same somewhere else.
    pub(super) fn at<'b>(&self, link: &'b Link) -> Request<'b>
    where
        'a: 'b,
    {
        Request { link, ..self.clone() }
    }

    /// Whether it asks for something, and changes nothing (RFC 9110, 9.2.1).
    pub(super) fn is_look(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }

    /// `GET /redfish/v1/Systems`
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.link)
    }

    /// The headers, with that of the body, and the body.
    pub(super) fn written(&self) -> (HeaderMap, Vec<u8>) {
        let mut headers = self.headers.clone();
        match self.body.written() {
            None => (headers, Vec::new()),
            Some((kind, body)) => {
                headers.insert(CONTENT_TYPE, kind);
                (headers, body)
            }
        }
    }
}

/// The value of `Authorization` for Basic (RFC 7617). The user name must hold no colon.
pub fn basic(user: &str, password: &[u8]) -> HeaderValue {
    let both = [user.as_bytes(), b":", password].concat();
    let text = format!("Basic {}", BASE64.encode(both));
    // Base64 has no byte that a header can't hold.
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(body: Body<'_>) -> (String, String) {
        let (kind, bytes) = body.written().unwrap();
        (kind.to_str().unwrap().to_owned(), String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn each_body_has_its_media_type() {
        assert!(Body::Nothing.written().is_none());
        let value = json!({"a": 1});
        assert_eq!(written(Body::Json(&value)), ("application/json".into(), r#"{"a":1}"#.into()));
        let form = written(Body::Form(&[("user", "a&b=c"), ("password", "ü %")]));
        assert_eq!(form.1, "user=a%26b%3Dc&password=%C3%BC+%25");
        assert_eq!(form.0, "application/x-www-form-urlencoded");
        let text = written(Body::Text { kind: "text/xml", text: "<a/>" });
        assert_eq!(text, ("text/xml".into(), "<a/>".into()));
    }

    #[test]
    fn basic_is_written_as_the_specification_has_it_and_never_shown() {
        // RFC 7617, 2 and 2.1.
        for (user, password, expected) in [
            ("Aladdin", "open sesame", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("test", "123£", "Basic dGVzdDoxMjPCow=="),
        ] {
            let value = basic(user, password.as_bytes());
            assert_eq!(value, expected);
            assert!(!format!("{value:?}").contains("Basic"), "{value:?}");
        }
    }
}
