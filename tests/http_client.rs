//! The HTTP client against services that want to know who asks, lead elsewhere, and answer as nobody should. The
//! service's own books are the judge: which requests came in, and what was held against the account.

#![cfg(test)]

use std::process::Command;
use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::http::{
    Address, Body, Client, ClientCertificate, Config, Error, Login, Request, Transport, Trust,
};
use http::Method;
use openssl::symm::Cipher;
use openssl::x509::X509;
use peers::TempDir;
use peers::http::{Act, Algorithm, PASSWORD, Proxy, Server, Setup, USER};
use peers::redfish::{Authority, Certificate, Maker};
use serde_json::json;

/// Long enough for a loaded machine: whoever runs into it hangs.
const LONG: Duration = Duration::from_secs(20);
/// For what is known to give no answer.
const SHORT: Duration = Duration::from_millis(400);

fn soon() -> Deadline {
    Deadline::after(LONG)
}

fn address(server: &Server) -> Address {
    Address { host: "127.0.0.1".into(), zone: None, port: server.port() }
}

fn config(server: &Server) -> Config {
    let https = server.origin().starts_with("https");
    let transport = if https { Transport::Https(Trust::Unchecked) } else { Transport::Http };
    Config { request_limit: LONG, ..Config::new(address(server), transport, "test") }
}

fn client(server: &Server) -> Client {
    Client::new(config(server), soon()).unwrap()
}

/// What is written at a place.
fn look(client: &mut Client, place: &str) -> Result<String, Error> {
    let link = client.link(place)?;
    let response = client.follow(&Request::get(&link), soon())?;
    response.check(soon())?;
    response.text()
}

fn with_login(server: &Server, login: Login) -> Client {
    let mut client = client(server);
    client.log_in(login).unwrap();
    client
}

fn digest(password: &str) -> Login {
    Login::Digest { user: USER.into(), password: Secret::new(password) }
}

fn digests(offered: &[Algorithm], uses: u32, next: bool) -> Server {
    let login = peers::http::Login::Digest { offered: offered.to_vec(), uses, next };
    Setup { login, ..Setup::default() }.start()
}

fn asking(login: peers::http::Login) -> Server {
    Setup { login, ..Setup::default() }.start()
}

fn with_place(place: &'static str, act: Act) -> Server {
    Setup { places: vec![(place, act)], ..Setup::default() }.start()
}

// Bodies of requests and of answers.

#[test]
fn each_kind_of_body_arrives_with_its_type() {
    let server = with_place("/echo", Act::Echo);
    let mut client = client(&server);
    let link = client.link("/echo").unwrap();
    let value = json!({"a": [1, "ü"]});
    for (body, expected) in [
        (Body::Nothing, "POST\n\n"),
        (Body::Json(&value), "POST\napplication/json\n{\"a\":[1,\"ü\"]}"),
        (Body::Form(&[("a", "1&2"), ("b", "=")]), "POST\napplication/x-www-form-urlencoded\na=1%262&b=%3D"),
        (
            Body::Text { kind: "text/xml; charset=utf-8", text: "<a>ü</a>" },
            "POST\ntext/xml; charset=utf-8\n<a>ü</a>",
        ),
    ] {
        let response = client.send(&Request::post(&link, body), soon()).unwrap();
        assert_eq!(response.text().unwrap(), expected);
    }
    let response = client.send(&Request::put(&link, Body::Json(&value)), soon()).unwrap();
    assert!(response.text().unwrap().starts_with("PUT\n"));
    assert_eq!(server.books().connections, 1);
}

#[test]
fn what_may_have_a_body_says_that_it_has_none_and_a_look_says_nothing_of_it() {
    let server = Setup::default().start();
    let mut client = client(&server);
    let link = client.link("/a").unwrap();
    for (method, length) in [
        (Method::POST, "0"),
        (Method::PUT, "0"),
        (Method::PATCH, "0"),
        (Method::GET, ""),
        (Method::DELETE, ""),
    ] {
        client.send(&Request::new(method.clone(), &link, Body::Nothing), soon()).unwrap();
        let books = server.books();
        assert_eq!(books.requests.last(), Some(&format!("{method} /a")));
        assert_eq!(books.lengths.last().map(String::as_str), Some(length), "{method}");
    }
    client.send(&Request::post(&link, Body::Form(&[("a", "b")])), soon()).unwrap();
    assert_eq!(server.books().lengths.last().map(String::as_str), Some("3"));
}

#[test]
fn an_answer_in_pieces_is_one_answer() {
    let server = with_place("/a", Act::Chunked(vec!["{\"a\":", " [1, ", "2]}"]));
    let mut client = client(&server);
    let link = client.link("/a").unwrap();
    for _ in 0..3 {
        let response = client.send(&Request::get(&link), soon()).unwrap();
        assert_eq!(response.object(true).unwrap(), json!({"a": [1, 2]}));
    }
    assert_eq!(server.books().connections, 1);
}

#[test]
fn a_body_without_an_end_is_read_to_its_limit_and_no_further() {
    let server = with_place("/a", Act::Endless);
    let mut client = Client::new(Config { largest_body: 100_000, ..config(&server) }, soon()).unwrap();
    let error = look(&mut client, "/a").unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 100_000, .. }), "{error:?}");
    assert!(client.volume() <= 100_000);
    // What is left of it stands before no other answer.
    assert_eq!(look(&mut client, "/b").unwrap(), "/b");
    assert_eq!(server.books().connections, 2);
}

#[test]
fn a_slow_body_and_silence_end_with_the_limit_of_the_request_and_with_the_deadline() {
    for act in [Act::Slow, Act::Silence] {
        let server = with_place("/a", act);
        let mut client = Client::new(Config { request_limit: SHORT, ..config(&server) }, soon()).unwrap();
        let error = look(&mut client, "/a").unwrap_err();
        assert!(matches!(error, Error::Silent { .. }) && error.is_passing(), "{error:?}");
        let mut client = self::client(&server);
        let link = client.link("/a").unwrap();
        let begun = Instant::now();
        let result =
            client.send(&Request::get(&link), Deadline::after(SHORT)).and_then(|answer| answer.text());
        let error = result.unwrap_err();
        assert!(matches!(error, Error::TimeOver { .. }) && !error.is_passing(), "{error:?}");
        assert!(begun.elapsed() < LONG);
        let result = client.send(&Request::get(&link), Deadline::after(Duration::ZERO));
        assert!(matches!(result, Err(Error::TimeOver { .. })));
    }
}

#[test]
fn a_body_that_is_cut_short_is_no_body_but_its_status_counts() {
    let server = with_place("/a", Act::Truncated);
    let mut client = client(&server);
    let link = client.link("/a").unwrap();
    let response = client.send(&Request::get(&link), soon()).unwrap();
    assert_eq!(response.status, 200);
    for error in [response.text().unwrap_err(), response.json(true).unwrap_err()] {
        assert!(matches!(error, Error::Dropped { .. }) && error.is_passing(), "{error:?}");
    }
    assert_eq!(look(&mut client, "/b").unwrap(), "/b");
}

// What a status means.

#[test]
fn a_service_that_asks_for_a_pause_is_busy_and_the_pause_ends_with_the_deadline() {
    for (pause, expected) in
        [("7", 7), ("Sun, 06 Nov 1994 08:49:44 GMT", 7), ("3600", 60), ("Sun, 06 Nov 1994 09:49:37 GMT", 60)]
    {
        let headers =
            vec![("Retry-After", pause.to_owned()), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned())];
        let server = with_place("/a", Act::Answer(503, headers, String::new()));
        let mut client = client(&server);
        let link = client.link("/a").unwrap();
        let response = client.send(&Request::get(&link), soon()).unwrap();
        let error = response.check(Deadline::after(Duration::from_secs(60))).unwrap_err();
        assert!(error.is_passing() && matches!(error, Error::Busy { .. }), "{error:?}");
        let named = error.retry_after().unwrap();
        let at_most = Duration::from_secs(expected);
        assert!(named <= at_most && named + Duration::from_secs(20) > at_most, "{pause}: {named:?}");
    }
}

#[test]
fn each_status_is_of_its_kind() {
    let word = |error: &Error| match error {
        Error::Forbidden { .. } => "forbidden",
        Error::LoginDenied { .. } => "login denied",
        Error::Busy { .. } => "busy",
        Error::Status { .. } => "status",
        _ => "another",
    };
    for (status, kind, passing) in [
        (403, "forbidden", false),
        (401, "login denied", false),
        (404, "status", false),
        (429, "busy", true),
        (500, "status", true),
        (302, "status", false),
    ] {
        let server = with_place("/a", Act::Answer(status, Vec::new(), String::new()));
        let error = look(&mut client(&server), "/a").unwrap_err();
        assert_eq!((word(&error), error.is_passing()), (kind, passing), "{error:?}");
    }
    // What was commanded may have been carried out all the same.
    let server = with_place("/a", Act::Answer(500, Vec::new(), String::new()));
    let mut client = client(&server);
    let link = client.link("/a").unwrap();
    let response = client.send(&Request::post(&link, Body::Nothing), soon()).unwrap();
    assert!(!response.check(soon()).unwrap_err().is_passing());
}

// Where requests go.

#[test]
fn a_redirect_to_a_stranger_is_not_followed_and_one_to_what_is_allowed_is() {
    let certificate = Maker::default().self_signed();
    let there =
        Setup { certificate: Some(certificate), login: peers::http::Login::Basic, ..Setup::default() }
            .start();
    let elsewhere = vec![("Location", format!("{}/place", there.origin()))];
    let here = Setup {
        certificate: Some(Maker::default().self_signed()),
        places: vec![("/place", Act::Answer(302, elsewhere, String::new()))],
        ..Setup::default()
    }
    .start();
    let login = || Login::Basic { user: USER.into(), password: Secret::new(PASSWORD) };
    let mut client = with_login(&here, login());
    let error = look(&mut client, "/place").unwrap_err();
    assert!(matches!(error, Error::ForeignLink { .. }), "{error:?}");
    assert_eq!(there.books().connections, 0);
    let mut client = Client::new(Config { allowed: vec![address(&there)], ..config(&here) }, soon()).unwrap();
    client.log_in(login()).unwrap();
    assert_eq!(look(&mut client, "/place").unwrap(), "/place");
    assert_eq!(look(&mut client, "/other").unwrap(), "/other");
    let place = format!("{}/other", there.origin());
    assert_eq!(look(&mut client, &place).unwrap(), "/other");
    // One connection for each of them.
    assert_eq!((here.books().connections, there.books().connections), (2, 1));
    assert_eq!((there.books().claims, there.books().wrong), (2, 0));
}

#[test]
fn a_name_that_was_looked_up_leads_to_the_port_that_each_link_names() {
    let secret = || Setup { certificate: Some(Maker::default().self_signed()), ..Setup::default() }.start();
    let (here, there) = (secret(), secret());
    let named = |server: &Server| Address { host: "localhost".into(), ..address(server) };
    let place = |path: &str| format!("https://localhost:{}{path}", there.port());
    // The name is that of the service itself, or of another one alone.
    for (own, path) in [(named(&here), "/one"), (address(&here), "/two")] {
        let config = Config { address: own, allowed: vec![named(&there)], ..config(&here) };
        let mut client = Client::new(config, soon()).unwrap();
        assert_eq!(look(&mut client, &place(path)).unwrap(), path);
        assert_eq!(look(&mut client, "/here").unwrap(), "/here");
    }
    // The port that isn't written is that of the scheme, and not the one that the name was looked up for.
    let allowed = vec![Address { port: 443, ..named(&here) }];
    let mut client = Client::new(Config { address: named(&here), allowed, ..config(&here) }, soon()).unwrap();
    // Whoever is there, or nobody.
    let _ = look(&mut client, "https://localhost/default");
    assert_eq!(there.books().requests, ["GET /one", "GET /two"]);
    assert_eq!(here.books().requests, ["GET /here", "GET /here"]);
}

#[test]
fn a_pin_is_for_one_host() {
    let certificate = Maker::default().self_signed();
    let here = Setup { certificate: Some(certificate), ..Setup::default() }.start();
    let pinned = |allowed| {
        let transport = Transport::Https(Trust::Pinned([7; 32]));
        Client::new(Config { transport, allowed, ..config(&here) }, soon())
    };
    let error = pinned(vec![address(&here)]).err().unwrap();
    assert!(matches!(error, Error::Setup { passing: false, .. }), "{error:?}");
    assert!(error.to_string().contains("a pin is for one host"), "{error}");
    // Alone it is taken, and nobody else's certificate with it.
    let error = look(&mut pinned(Vec::new()).unwrap(), "/a").unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert!(here.books().requests.is_empty());
}

#[test]
fn a_redirect_in_circles_ends() {
    let to = |place: &str| Act::Answer(307, vec![("Location", place.to_owned())], String::new());
    let server = Setup { places: vec![("/a", to("/b")), ("/b", to("a"))], ..Setup::default() }.start();
    let error = look(&mut client(&server), "/a").unwrap_err();
    assert!(error.to_string().contains("circles"), "{error:?}");
    assert!(server.books().requests.len() < 10);
}

#[test]
fn a_command_is_redirected_only_by_what_keeps_it_a_command() {
    for (status, expected) in [(302, vec!["POST /a"]), (308, vec!["POST /a", "POST /b"])] {
        let server =
            with_place("/a", Act::Answer(status, vec![("Location", "/b".to_owned())], String::new()));
        let mut client = client(&server);
        let link = client.link("/a").unwrap();
        client.follow(&Request::post(&link, Body::Nothing), soon()).unwrap();
        assert_eq!(server.books().requests, expected);
    }
}

// Who asks.

#[test]
fn the_digest_of_the_service_is_curls() {
    if Command::new("curl").arg("--version").output().is_err() {
        return;
    }
    for offered in [&[Algorithm::Md5][..], &[Algorithm::Sha256], &[Algorithm::Sha256, Algorithm::Md5]] {
        for next in [false, true] {
            let server = digests(offered, 10, next);
            let run = |password: &str| {
                let place = format!("{}/place", server.origin());
                let user = format!("{USER}:{password}");
                let output = Command::new("curl")
                    .args(["--silent", "--noproxy", "*", "--digest", "--user", &user, &place])
                    .args(["--next", "--silent", "--noproxy", "*", "--digest", "--user", &user, &place])
                    .output();
                String::from_utf8(output.unwrap().stdout).unwrap()
            };
            assert_eq!(run(PASSWORD), "/place/place", "{offered:?}");
            assert_eq!(server.books().wrong, 0, "{offered:?}");
            assert!(!run("wrong").contains("/place"));
            assert!(server.books().wrong > 0);
        }
    }
}

#[test]
fn digest_tells_who_we_are_with_each_hash_and_counts_its_nonce() {
    for offered in [&[Algorithm::Md5][..], &[Algorithm::Sha256], &[Algorithm::Md5, Algorithm::Sha256]] {
        let server = digests(offered, 100, false);
        let mut client = with_login(&server, digest(PASSWORD));
        for place in ["/a", "/b?c=d&e=%20", "/a"] {
            assert_eq!(look(&mut client, place).unwrap(), place);
        }
        let books = server.books();
        // The first request is asked back, and no other.
        assert_eq!(books.requests.len(), 4, "{books:?}");
        assert_eq!((books.connections, books.claims, books.wrong, books.replayed), (1, 3, 0, 0));
    }
}

#[test]
fn a_nonce_that_is_stale_is_replaced_and_nothing_is_held_against_the_account() {
    let server = digests(&[Algorithm::Sha256], 2, false);
    let mut client = with_login(&server, digest(PASSWORD));
    for _ in 0..5 {
        assert_eq!(look(&mut client, "/a").unwrap(), "/a");
    }
    let books = server.books();
    assert_eq!((books.wrong, books.replayed, books.connections), (0, 0, 1), "{books:?}");
    assert_eq!(books.requests.len(), 8, "{books:?}");
}

#[test]
fn the_next_nonce_is_the_one_that_the_service_names() {
    let server = digests(&[Algorithm::Md5], 100, true);
    let mut client = with_login(&server, digest(PASSWORD));
    for _ in 0..4 {
        assert_eq!(look(&mut client, "/a").unwrap(), "/a");
    }
    let books = server.books();
    assert_eq!((books.requests.len(), books.wrong, books.replayed), (5, 0, 0), "{books:?}");
}

#[test]
fn a_service_for_which_every_nonce_is_stale_is_sent_a_password_once() {
    let server = asking(peers::http::Login::EverStale);
    let mut client = with_login(&server, digest(PASSWORD));
    for _ in 0..3 {
        let error = look(&mut client, "/a").unwrap_err();
        assert!(matches!(error, Error::LoginDenied { .. }), "{error:?}");
    }
    let books = server.books();
    assert_eq!((books.claims, books.wrong), (1, 0), "{books:?}");
}

#[test]
fn a_wrong_password_is_held_against_the_account_once_in_every_way_to_log_in() {
    let wrong = || Secret::new("not-the-password");
    let bearer = asking(peers::http::Login::Bearer);
    let basic = asking(peers::http::Login::Basic);
    let (md5, both) =
        (digests(&[Algorithm::Md5], 100, false), digests(&[Algorithm::Sha256, Algorithm::Md5], 1, true));
    for (server, login) in [
        (&basic, Login::Basic { user: USER.into(), password: wrong() }),
        (&bearer, Login::Bearer(wrong())),
        (&md5, digest("not-the-password")),
        (&both, digest("not-the-password")),
    ] {
        let mut client = with_login(server, login);
        for place in ["/a", "/b", "/a"] {
            let error = look(&mut client, place).unwrap_err();
            assert!(matches!(error, Error::LoginDenied { .. }) && !error.is_passing(), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("not-the-password"));
        }
        let books = server.books();
        assert_eq!((books.claims, books.wrong), (1, 1), "{books:?}");
    }
}

#[test]
fn basic_and_bearer_go_with_the_first_request() {
    let basic = Login::Basic { user: USER.into(), password: Secret::new(PASSWORD) };
    for (way, login) in [
        (peers::http::Login::Basic, basic),
        (peers::http::Login::Bearer, Login::Bearer(Secret::new(PASSWORD))),
    ] {
        let server = asking(way);
        let mut client = with_login(&server, login);
        assert_eq!(look(&mut client, "/a").unwrap(), "/a");
        assert_eq!(server.books().requests, ["GET /a"]);
    }
}

#[test]
fn a_service_that_offers_no_digest_gets_no_password() {
    let server = asking(peers::http::Login::Basic);
    let error = look(&mut with_login(&server, digest(PASSWORD)), "/a").unwrap_err();
    assert!(matches!(error, Error::LoginDenied { .. } | Error::NoSuchLogin { .. }), "{error:?}");
    assert_eq!(server.books().claims, 0);
}

#[test]
fn a_session_in_a_cookie_is_kept_where_cookies_are_asked_for_and_ends_with_it() {
    let server = asking(peers::http::Login::Cookie);
    let log_in = |client: &mut Client| {
        let link = client.link("/login").unwrap();
        let form = Body::Form(&[("user", USER), ("password", PASSWORD)]);
        client.send(&Request::post(&link, form), soon()).unwrap().check(soon()).unwrap();
    };
    let mut client = Client::new(Config { cookies: true, ..config(&server) }, soon()).unwrap();
    assert!(look(&mut client, "/a").is_err());
    log_in(&mut client);
    assert_eq!(look(&mut client, "/a").unwrap(), "/a");
    assert_eq!(client.cookie("csrf").unwrap().expose(), b"token-1");
    let link = client.link("/logout").unwrap();
    client.send(&Request::post(&link, Body::Nothing), soon()).unwrap().check(soon()).unwrap();
    assert!(look(&mut client, "/a").is_err());
    let sent = server.books().cookies;
    assert_eq!(
        sent,
        ["sid=secret-session-1; csrf=token-1", "sid=secret-session-1; csrf=token-1", "csrf=token-1"]
    );
    // Without a jar none is sent.
    let mut client = self::client(&server);
    log_in(&mut client);
    assert!(look(&mut client, "/a").is_err());
    assert_eq!(server.books().cookies, sent);
}

#[test]
fn a_cookie_that_is_replaced_by_one_that_can_not_be_sent_is_over() {
    let sets = |cookie: &str| Act::Answer(200, vec![("Set-Cookie", cookie.to_owned())], String::new());
    for unsendable in ["sid=b c", "sid=b\tc", "sid=b,c", "sid=\"b\u{fc}c\""] {
        let places = vec![("/one", sets("sid=first; Path=/")), ("/two", sets(unsendable))];
        let server = Setup { places, ..Setup::default() }.start();
        let mut client = Client::new(Config { cookies: true, ..config(&server) }, soon()).unwrap();
        for place in ["/one", "/two", "/three"] {
            look(&mut client, place).unwrap();
        }
        assert_eq!(server.books().cookies, ["sid=first"], "{unsendable}");
        assert!(client.cookie("sid").is_none(), "{unsendable}");
    }
}

// Certificates.

/// Files with a certificate and its key.
fn files(certificate: &Certificate) -> (TempDir, ClientCertificate) {
    let folder = TempDir::new("http-client");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let paths = ClientCertificate {
        certificate: folder.write("certificate.pem", &text(certificate.pem())),
        key: folder.write("key.pem", &text(certificate.key_pem())),
    };
    (folder, paths)
}

#[test]
fn a_service_that_wants_a_certificate_of_the_client_gets_the_one_that_is_given() {
    let authority = Authority::new();
    let (_good, good) = files(&authority.sign(&Maker::default()));
    let (_bad, bad) = files(&Authority::new().sign(&Maker::default()));
    for old in [false, true] {
        let certificate = Some(Maker::default().self_signed());
        let server = Setup { certificate, clients: Some(authority.pem()), old, ..Setup::default() }.start();
        let showing = |certificate| Client::new(Config { certificate, ..config(&server) }, soon()).unwrap();
        assert_eq!(look(&mut showing(Some(good.clone())), "/a").unwrap(), "/a");
        for other in [None, Some(bad.clone())] {
            let error = look(&mut showing(other.clone()), "/a").unwrap_err();
            // In TLS 1.3 the refusal may come after the end of the connection has.
            let told = matches!(&error, Error::Tls { .. }) || !old && matches!(&error, Error::Dropped { .. });
            assert!(told, "{other:?}: {error:?}");
        }
        assert_eq!(server.books().requests, ["GET /a"]);
    }
}

#[test]
fn a_certificate_of_the_client_that_can_not_be_used_is_an_error_that_names_its_file() {
    let (_one, one) = files(&Maker::default().self_signed());
    let (folder, other) = files(&Maker::default().self_signed());
    let locked = Maker::default().self_signed().key;
    let locked = locked.private_key_to_pem_pkcs8_passphrase(Cipher::aes_128_cbc(), b"secret").unwrap();
    let locked = folder.write("locked.pem", &String::from_utf8(locked).unwrap());
    let server = Setup { certificate: Some(Maker::default().self_signed()), ..Setup::default() }.start();
    let missing = folder.path().join("missing.pem");
    for (certificate, key, named) in [
        (one.certificate.clone(), other.key.clone(), other.key.clone()),
        (one.key.clone(), one.key.clone(), one.key.clone()),
        (one.certificate.clone(), one.certificate.clone(), one.certificate.clone()),
        (one.certificate.clone(), locked.clone(), locked),
        (missing.clone(), one.key.clone(), missing.clone()),
        (one.certificate.clone(), missing.clone(), missing),
    ] {
        let certificate = Some(ClientCertificate { certificate, key });
        let error = Client::new(Config { certificate, ..config(&server) }, soon()).err().unwrap();
        let named = named.display().to_string();
        assert!(matches!(&error, Error::BadClientCertificate { path, .. } if *path == named), "{error:?}");
        assert!(matches!(error, Error::BadClientCertificate { .. }), "{error:?}");
    }
    assert_eq!(server.books().connections, 0);
}

#[test]
fn the_systems_authorities_are_found_under_their_hashed_names_and_in_a_file() {
    const MARK: &str = "HTTP_TEST_AUTHORITY";
    let test = "the_systems_authorities_are_found_under_their_hashed_names_and_in_a_file";
    let verifying = |port: u16| {
        let address = Address { host: "127.0.0.1".into(), zone: None, port };
        let config = Config::new(address, Transport::Https(Trust::System), "test");
        look(&mut Client::new(config, soon()).unwrap(), "/a")
    };
    if let Ok(port) = std::env::var(MARK) {
        assert_eq!(verifying(port.parse().unwrap()).unwrap(), "/a");
        return;
    }
    let authority = Authority::new();
    let certificate = authority.sign(&Maker::default());
    let server = Setup { certificate: Some(certificate), ..Setup::default() }.start();
    let error = verifying(server.port()).unwrap_err();
    assert!(matches!(&error, Error::Tls { .. }), "{error:?}");
    let folder = TempDir::new("http-client");
    let pem = String::from_utf8(authority.pem()).unwrap();
    let file = folder.write("file.pem", &pem).display().to_string();
    folder.write(&format!("{:08x}.0", X509::from_pem(&authority.pem()).unwrap().subject_name_hash()), &pem);
    let directory = folder.path().display().to_string();
    let elsewhere = format!("/nonexistent:{directory}");
    let port = server.port().to_string();
    for (name, value) in
        [("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &directory), ("SSL_CERT_DIR", &elsewhere)]
    {
        in_environment(test, &[(MARK, &port), (name, value)]);
    }
    assert_eq!(server.books().requests.len(), 3);
}

/// Runs a test of this file in a process of its own, with another environment.
fn in_environment(test: &str, environment: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{environment:?}: {text}{errors}");
}

// Connections.

#[test]
fn a_proxy_of_the_environment_is_gone_through_and_learns_no_more_than_it_must() {
    const MARK: &str = "HTTP_TEST_PROXIED";
    let test = "a_proxy_of_the_environment_is_gone_through_and_learns_no_more_than_it_must";
    if let Ok(origin) = std::env::var(MARK) {
        let (scheme, port) = (origin.split(':').next(), origin.rsplit(':').next().unwrap());
        let transport =
            if scheme == Some("https") { Transport::Https(Trust::Unchecked) } else { Transport::Http };
        let address = Address { host: "127.0.0.1".into(), zone: None, port: port.parse().unwrap() };
        let config = Config { proxy_from_environment: true, ..Config::new(address, transport, "test") };
        let mut client = Client::new(config, soon()).unwrap();
        client.log_in(Login::Basic { user: USER.into(), password: Secret::new(PASSWORD) }).unwrap();
        for place in ["/a", "/b"] {
            assert_eq!(look(&mut client, place).unwrap(), place);
        }
        return;
    }
    let certificate = || Maker::default().self_signed();
    for (secret, secret_proxy) in [(false, false), (true, false), (true, true)] {
        let setup = Setup { login: peers::http::Login::Basic, ..Setup::default() };
        let server = Setup { certificate: secret.then(certificate), ..setup }.start();
        let proxy = Proxy::start(secret_proxy.then(certificate).as_ref());
        let scheme = if secret_proxy { "https" } else { "http" };
        let place = format!("{scheme}://us%65r:pa%73s@127.0.0.1:{}", proxy.port());
        let names =
            ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, place.as_str()));
        let origin = server.origin();
        let environment =
            [&names[..], &[(MARK, origin.as_str()), ("no_proxy", ""), ("NO_PROXY", "")]].concat();
        in_environment(test, &environment);
        assert_eq!(server.books().requests, ["GET /a", "GET /b"]);
        let heads = proxy.heads();
        let (first, rest) = heads[0].split_once("\r\n").unwrap();
        let port = server.port();
        let expected = match secret {
            true => format!("CONNECT 127.0.0.1:{port} HTTP/1.1"),
            false => format!("GET http://127.0.0.1:{port}/a HTTP/1.1"),
        };
        assert_eq!((first, heads.len()), (expected.as_str(), 1), "{heads:?}");
        // user:pass
        assert!(rest.to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz\r\n"), "{rest}");
        assert_eq!(rest.to_lowercase().contains("\nauthorization:"), !secret, "{rest}");
    }
}

#[test]
fn a_bound_request_goes_over_the_connection_that_stands_or_nowhere() {
    let close = Act::Answer(200, vec![("Connection", "close".to_owned())], String::new());
    let server = with_place("/close", close);
    let mut client = client(&server);
    look(&mut client, "/a").unwrap();
    client.bind(true);
    look(&mut client, "/a").unwrap();
    look(&mut client, "/close").unwrap();
    let error = look(&mut client, "/a").unwrap_err();
    assert!(matches!(error, Error::Unbound { .. }), "{error:?}");
    assert_eq!(server.books().connections, 1);
    client.unbind();
    assert_eq!(look(&mut client, "/a").unwrap(), "/a");
    assert_eq!((client.connections(), server.books().connections), (2, 2));
}

#[test]
fn a_bound_request_goes_to_no_other_origin_whatever_certificate_it_shows_or_connection_stands() {
    let certificate = Some(Maker::default().self_signed());
    let same = || Setup { certificate: certificate.clone(), ..Setup::default() }.start();
    let (here, there) = (same(), same());
    let place = format!("{}/there", there.origin());
    for kept in [false, true] {
        let config = Config { allowed: vec![address(&there)], ..config(&here) };
        let mut client = Client::new(config, soon()).unwrap();
        look(&mut client, &place).unwrap();
        look(&mut client, "/here").unwrap();
        let before = (there.books().requests.len(), there.books().connections);
        client.bind(kept);
        let error = look(&mut client, &place).unwrap_err();
        assert!(matches!(error, Error::Unbound { .. }), "{kept}: {error:?}");
        assert_eq!((there.books().requests.len(), there.books().connections), before, "{kept}");
        assert_eq!(look(&mut client, "/here").unwrap(), "/here");
        client.unbind();
        assert_eq!(look(&mut client, &place).unwrap(), "/there");
    }
}
