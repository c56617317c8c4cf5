//! Links: places on the services that were named. Nothing is ever sent anywhere else.

use std::fmt;

use url::Url;

use super::address::Address;
use super::error::Error;
use crate::base::Told;

/// How many bytes a link may have. The longest seen have some 200 (a page's `$skiptoken`).
pub const LONGEST_LINK: usize = 2000;

/// How much of a link an error shows.
const SHOWN: usize = 200;

/// The schemes, hosts and ports that requests may go to: that of the service, and those that were allowed beside it.
#[derive(Clone, Debug)]
pub struct Origins {
    /// The service's own.
    base: Url,
    /// The others, each as a URL without a path.
    allowed: Vec<Url>,
}

/// A URI on one of the origins, checked when it was made.
#[derive(Clone, PartialEq, Eq)]
pub struct Link {
    url: Url,
}

impl Origins {
    /// The one origin of a service.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn new(https: bool, address: &Address) -> Result<Origins, Error> {
        Ok(Origins { base: origin(https, address)?, allowed: Vec::new() })
    }

    /// The same, and another one that links and redirects may lead to, over HTTPS.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn and(mut self, address: &Address) -> Result<Origins, Error> {
        self.allowed.push(origin(true, address)?);
        Ok(self)
    }

    /// The link that `text` names: a path, a relative reference (from the top) or an absolute URL.
    ///
    /// # Errors
    /// [`Error::ForeignLink`] for whatever isn't on this very scheme, host and port, or on one that is allowed; and for a
    /// URL with a user name in it, which would put other credentials into the request. [`Error::Unexpected`] for a link
    /// that is too long.
    pub fn link(&self, text: &str) -> Result<Link, Error> {
        self.check(&self.base, text)
    }

    /// Where a redirect leads that the answer of `place` holds, relative to that place (RFC 9110, 10.2.2). The service
    /// may know itself by another name, port or scheme than it is asked by: behind address translation, a forwarded
    /// port, something that ends TLS for it. What counts is the path: it is asked for on the origin of the place. A
    /// redirect to another origin with the very path that was asked for leads away.
    ///
    /// # Errors
    /// Those of [`Origins::link`].
    pub fn redirect(&self, place: &Link, text: &str) -> Result<Link, Error> {
        self.check(&place.url, text).or_else(|error| {
            let elsewhere = Some(text.trim()).filter(|text| text.len() <= LONGEST_LINK);
            let url = elsewhere.and_then(|text| place.url.join(text).ok()).filter(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.username().is_empty()
                    && url.password().is_none()
            });
            let Some(url) = url else { return Err(error) };
            let mut here = place.url.clone();
            here.set_fragment(None);
            here.set_path(url.path());
            here.set_query(url.query());
            let link = Link { url: here };
            if link.path() == place.path() { Err(error) } else { Ok(link) }
        })
    }

    fn check(&self, place: &Url, text: &str) -> Result<Link, Error> {
        let foreign = || Error::ForeignLink { link: shown(text) };
        let text = text.trim();
        if text.len() > LONGEST_LINK {
            let what = format!("a link longer than {LONGEST_LINK} bytes");
            return Err(Error::Unexpected { uri: shown(text).to_string(), what, known: false });
        }
        let mut url = place.join(text).map_err(|_| foreign())?;
        let is_on = |origin: &Url| {
            url.scheme() == origin.scheme()
                && url.host() == origin.host()
                && url.port_or_known_default() == origin.port_or_known_default()
        };
        let named = is_on(&self.base) || self.allowed.iter().any(is_on);
        if !named || !url.username().is_empty() || url.password().is_some() {
            return Err(foreign());
        }
        url.set_fragment(None);
        Ok(Link { url })
    }

    /// The host as the URL parser sees it, for the table of resolved names.
    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }
}

/// An origin as a URL without a path.
fn origin(https: bool, address: &Address) -> Result<Url, Error> {
    let scheme = if https { "https" } else { "http" };
    // The zone is this machine's business, and in no URL (RFC 6874, 3).
    let host = Address { zone: None, ..address.clone() };
    Url::parse(&format!("{scheme}://{host}/")).map_err(|_| Error::BadAddress { text: address.to_string() })
}

impl Link {
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is a place on this host.
    pub(super) fn is_on(&self, host: &str) -> bool {
        self.url.host_str() == Some(host)
    }

    /// `bmc.example:443`
    pub(super) fn host_and_port(&self) -> String {
        let port = self.url.port_or_known_default().unwrap_or_default();
        format!("{}:{port}", self.url.host_str().unwrap_or_default())
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The path, and the query where there is one: how error messages name the place.
    pub fn path(&self) -> &str {
        self.url
            .as_str()
            .get(self.url.origin().ascii_serialization().len()..)
            .unwrap_or_else(|| self.url.path())
    }

    /// Whether both name the same resource; a trailing slash makes no difference (DSP0266, "URIs").
    pub fn same_resource(&self, other: &Link) -> bool {
        self.resource() == other.resource()
    }

    /// The path without a trailing slash: the same for every way to write this resource.
    pub fn resource(&self) -> &str {
        self.path().trim_end_matches('/')
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

/// The path as far as it may be shown: the service has written it.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Told::at_most(SHOWN, self.path()))
    }
}

/// How a text is written in a path, where that is otherwise.
pub fn encoded(text: &str) -> Option<String> {
    let mut url = Url::parse("http://none/").ok()?;
    url.set_path(text);
    url.path().strip_prefix('/').filter(|path| *path != text).map(str::to_owned)
}

/// A text that is no link here, as an error may show it: without user name and password.
fn shown(text: &str) -> Told {
    // Where a name and a password may stand is told in many ways, and all of them end at an "@".
    match text.rsplit_once('@') {
        Some((_, after)) => Told::at_most(SHOWN, format!("…@{after}")),
        None => Told::at_most(SHOWN, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origins {
        Origins::new(true, &Address::parse("bmc.example:8443", 443).unwrap()).unwrap()
    }

    #[test]
    fn paths_and_absolute_urls_of_the_same_origin_are_links() {
        for (text, path) in [
            ("/redfish/v1/Systems/1", "/redfish/v1/Systems/1"),
            ("redfish/v1/", "/redfish/v1/"),
            ("https://bmc.example:8443/redfish/v1/Tasks/7?a=b", "/redfish/v1/Tasks/7?a=b"),
            ("https://BMC.example:8443/x", "/x"),
            ("//bmc.example:8443/x", "/x"),
            ("/x#fragment", "/x"),
        ] {
            assert_eq!(origin().link(text).unwrap().path(), path, "{text}");
        }
    }

    #[test]
    fn whatever_leaves_the_origin_is_no_link() {
        for text in [
            "https://other.example:8443/x",
            "https://bmc.example/x",
            "https://bmc.example:443/x",
            "http://bmc.example:8443/x",
            "//other.example/x",
            "/\\other.example/x",
            "\\\\other.example\\x",
            "https://bmc.example:8443@other.example/x",
            "https://root:calvin@bmc.example:8443/x",
            "https://bmc.example.other.example:8443/",
            "file:///etc/passwd",
            "data:text/plain,x",
            "https://",
        ] {
            assert!(matches!(origin().link(text), Err(Error::ForeignLink { .. })), "{text}");
        }
    }

    #[test]
    fn default_ports_are_the_same_whether_written_or_not() {
        let origin = Origins::new(true, &Address::parse("bmc.example", 443).unwrap()).unwrap();
        assert!(origin.link("https://bmc.example/x").is_ok());
        assert!(origin.link("https://bmc.example:443/x").is_ok());
        let origin = Origins::new(true, &Address::parse("2001:db8::1", 443).unwrap()).unwrap();
        assert!(origin.link("https://[2001:db8:0::1]/x").is_ok());
    }

    #[test]
    fn an_error_never_repeats_credentials_out_of_a_link() {
        let error = origin().link("https://root:calvin@other.example/x").unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("calvin") && !shown.contains("root"), "{shown}");
        assert!(shown.contains("other.example/x"), "{shown}");
        // The other ways to write the same, and one so long that its "@" is not among what is shown.
        let long = format!("https://{}calvin@other.example/", "root:".repeat(60));
        for link in
            ["http:root:calvin@other.example", "\\\\root:calvin@other.example", "//root:cal\nvin@x/", &long]
        {
            let error = origin().link(link).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("root"), "{error:?}");
        }
    }

    #[test]
    fn a_redirect_stays_here_whatever_name_port_or_scheme_it_gives() {
        let place = origin().link("/redfish/v1").unwrap();
        for (text, path) in [
            ("https://192.0.2.1/redfish/v1/", "/redfish/v1/"),
            ("https://bmc.example/redfish/v1/?a=b", "/redfish/v1/?a=b"),
            ("http://bmc.example:8443/redfish/v1/", "/redfish/v1/"),
            ("//[2001:db8::1]:1/redfish/v1/#x", "/redfish/v1/"),
            ("v1/", "/redfish/v1/"),
        ] {
            let link = origin().redirect(&place, text).unwrap();
            assert_eq!(link.path(), path, "{text}");
            assert!(link.url().as_str().starts_with("https://bmc.example:8443/r"), "{text}");
        }
        for text in [
            // The same place elsewhere: there is nothing else to ask here.
            "https://192.0.2.1/redfish/v1",
            "https://root:calvin@192.0.2.1/redfish/v1/",
            "ftp://192.0.2.1/redfish/v1/",
            "data:text/plain,x",
            "https://",
        ] {
            assert!(matches!(origin().redirect(&place, text), Err(Error::ForeignLink { .. })), "{text}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "links of thousands of characters")]
    fn a_link_has_a_limit_and_an_error_shows_little_of_it() {
        let long = format!("/redfish/v1/{}", "timeout".repeat(100_000));
        let place = origin().link("/redfish/v1").unwrap();
        for text in [long.clone(), format!("https://192.0.2.1{long}")] {
            for result in [origin().link(&text), origin().redirect(&place, &text)] {
                let error = result.unwrap_err();
                assert!(error.to_string().len() < 400, "{error}");
            }
        }
        let link = origin().link(long.get(..1500).unwrap()).unwrap();
        assert_eq!(link.path().len(), 1500);
        assert!(link.to_string().len() < 300, "{link}");
    }

    #[test]
    fn a_trailing_slash_makes_no_other_resource() {
        let origin = origin();
        let (with, without) = (origin.link("/redfish/v1/").unwrap(), origin.link("/redfish/v1").unwrap());
        assert!(with.same_resource(&without));
    }

    #[test]
    fn links_and_redirects_may_lead_to_what_is_allowed_and_to_nothing_else() {
        let origins = origin().and(&Address::parse("login.example", 443).unwrap()).unwrap();
        let place = origins.link("/a").unwrap();
        for text in ["https://login.example/a", "https://LOGIN.example:443/a"] {
            assert_eq!(origins.link(text).unwrap().as_str(), "https://login.example/a", "{text}");
            assert_eq!(origins.redirect(&place, text).unwrap().as_str(), "https://login.example/a", "{text}");
        }
        // A relative redirect stays where it was met.
        let there = origins.link("https://login.example/a").unwrap();
        assert_eq!(origins.redirect(&there, "b").unwrap().as_str(), "https://login.example/b");
        assert_eq!(
            origins.redirect(&there, "http://login.example/b").unwrap().as_str(),
            "https://login.example/b"
        );
        for text in [
            "http://login.example/a",
            "https://login.example:8443/a",
            "https://x.login.example/a",
            "https://login.example.example/a",
            "https://root:calvin@login.example/a",
        ] {
            assert!(matches!(origins.link(text), Err(Error::ForeignLink { .. })), "{text}");
        }
    }
}
