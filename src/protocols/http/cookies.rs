//! Cookies (RFC 6265), as far as a login needs them: a name and a value, for the origin that has set them.

use http::HeaderValue;
use url::Origin;

use crate::base::{Secret, date, told};

/// The most cookies that are kept: a login has one or two.
const MOST: usize = 16;

/// What is shorter is no secret, but a language or a colour, and may be part of any name that is to be shown: 16 characters
/// of base 16 are the 64 bits that the name of a session has at least.
const SHORTEST_SECRET: usize = 16;

/// The most bytes of a name and a value together (RFC 6265, 6.1).
const LONGEST: usize = 4096;

struct Cookie {
    origin: Origin,
    name: String,
    value: Secret,
}

/// The cookies of a run. Paths and domains are not looked at: a cookie goes to the origin that has set it, and nowhere
/// else.
#[derive(Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

impl Jar {
    /// Takes what an answer sets (the value of one `Set-Cookie`): the newest of a name counts, and one that is over is
    /// taken away. What has no name, or is too long, is left out; of too many the oldest goes.
    pub(super) fn set(&mut self, origin: &Origin, text: &str) {
        let mut parts = text.split(';');
        let pair = parts.next().and_then(|pair| pair.split_once('='));
        let Some((name, value)) = pair.map(|(name, value)| (name.trim(), value.trim())) else { return };
        let sendable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        // Also where the new one can't be sent: the old one is over.
        self.cookies.retain(|cookie| cookie.origin != *origin || cookie.name != name);
        if name.is_empty() || name.len() + value.len() > LONGEST || !sendable(name) || !sendable(value) {
            return;
        }
        if parts.any(ends) {
            return;
        }
        if self.cookies.len() >= MOST {
            self.cookies.remove(0);
        }
        let value = Secret::new(value);
        if value.len() >= SHORTEST_SECRET {
            told::keep_out(&value);
        }
        self.cookies.push(Cookie { origin: origin.clone(), name: name.to_owned(), value });
    }

    /// The value of `Cookie` for a request to this origin.
    pub(super) fn header(&self, origin: &Origin) -> Option<HeaderValue> {
        let mut line: Vec<u8> = Vec::new();
        for cookie in self.cookies.iter().filter(|cookie| cookie.origin == *origin) {
            if !line.is_empty() {
                line.extend(b"; ");
            }
            line.extend(cookie.name.as_bytes());
            line.push(b'=');
            line.extend(cookie.value.expose());
        }
        let mut value = HeaderValue::from_bytes(&line).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The newest value of this name, for services that want to see it in a header or a form too.
    pub(super) fn value(&self, name: &str) -> Option<&Secret> {
        self.cookies.iter().rev().find(|cookie| cookie.name == name).map(|cookie| &cookie.value)
    }
}

/// Whether an attribute says that the cookie is over (RFC 6265, 5.2.1 and 5.2.2). A date is only compared with the
/// beginning of all counting, which services write there to end one.
fn ends(attribute: &str) -> bool {
    let Some((name, value)) = attribute.split_once('=') else { return false };
    match name.trim().to_ascii_lowercase().as_str() {
        "max-age" => value.trim().parse::<i64>().is_ok_and(|seconds| seconds <= 0),
        "expires" => date::of_http(value.trim()).is_some_and(|seconds| seconds < DAYS_OF_OLD),
        _ => false,
    }
}

/// 1971-01-01: services that end a cookie by a date take the first one that they can write, in seconds since 1970.
const DAYS_OF_OLD: i64 = 365 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn origin(text: &str) -> Origin {
        Url::parse(text).unwrap().origin()
    }

    fn sent(jar: &Jar, place: &str) -> Option<String> {
        jar.header(&origin(place)).map(|value| value.to_str().unwrap().to_owned())
    }

    const HERE: &str = "https://bmc.example";

    fn jar(texts: &[&str]) -> Jar {
        let mut jar = Jar::default();
        texts.iter().for_each(|text| jar.set(&origin(HERE), text));
        jar
    }

    #[test]
    fn a_cookie_goes_to_the_origin_that_has_set_it_and_nowhere_else() {
        let jar = jar(&["SID=31d4d96e407aad42; Path=/; Domain=example; Secure; HttpOnly", "lang=en-US"]);
        assert_eq!(sent(&jar, HERE).unwrap(), "SID=31d4d96e407aad42; lang=en-US");
        for place in
            ["http://bmc.example", "https://bmc.example:8443", "https://x.bmc.example", "https://example"]
        {
            assert_eq!(sent(&jar, place), None, "{place}");
        }
    }

    #[test]
    fn the_newest_of_a_name_counts_until_it_is_over() {
        let one = "SID=one; Max-Age=300; Expires=Wed, 09 Jun 2049 10:18:14 GMT";
        assert_eq!(sent(&jar(&[one, "SID=two"]), HERE).unwrap(), "SID=two");
        for over in [
            "SID=; Max-Age=0",
            "SID=; max-age = -1",
            "SID=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "SID=x; expires=Thu, 01-Jan-70 00:00:01 GMT",
        ] {
            assert_eq!(sent(&jar(&[one, over]), HERE), None, "{over}");
        }
    }

    #[test]
    fn what_is_no_cookie_or_too_much_is_left_out() {
        let long = format!("a={}", "x".repeat(LONGEST));
        for text in ["", "a", "=b", ";", "a b=c", "a=b c", "a=\u{fc}", "a=b\u{7f}", &long] {
            assert_eq!(sent(&jar(&[text]), HERE), None, "{text}");
        }
        let many: Vec<String> = (0..100).map(|n| format!("n{n}=v")).collect();
        let many = jar(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(sent(&many, HERE).unwrap().split("; ").count(), MOST);
        assert_eq!(many.value("n99").unwrap().expose(), b"v");
        assert!(many.value("n0").is_none());
    }

    #[test]
    fn a_cookie_is_never_shown() {
        let jar = jar(&["SID=never-to-be-shown-1"]);
        let value = jar.header(&origin(HERE)).unwrap();
        assert!(!format!("{value:?}").contains("never"), "{value:?}");
        assert_eq!(crate::base::Told::new("SID=never-to-be-shown-1").to_string(), "SID=***");
        // What anything may be called stays.
        self::jar(&["lang=english"]);
        assert_eq!(crate::base::Told::new("english-1").to_string(), "english-1");
    }
}
