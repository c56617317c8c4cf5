//! Whom the agent trusts, and that nobody else gets the password.

use peers::redfish::{Authority, Certificate, Maker, Server, Setup};
use peers::{Dead, TempDir};

use super::*;

fn secure(certificate: &Certificate) -> Server {
    Setup { certificate: Some(certificate.clone()), ..Setup::default() }.start()
}

fn hexadecimal(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

fn assert_untrusted(server: &Server, done: &Finished) {
    assert_refused(done, "no secure connection to 127.0.0.1");
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[test]
fn a_certificate_is_verified_unless_it_is_said_otherwise() {
    let server = secure(&CERTIFICATE);
    for options in [
        vec![],
        vec![("ssl", "1")],
        vec![("ssl", "0")],
        vec![("ssl_secure", "1")],
        vec![("ssl_secure", "0")],
        vec![("ssl_insecure", "0")],
        vec![("ssl-insecure", "no")],
    ] {
        for pacemaker in [false, true] {
            let agent = verifying(server.port(), "off").options(options.clone());
            let done = if pacemaker { agent.under_pacemaker().run() } else { agent.run() };
            assert_untrusted(&server, &done);
        }
    }
    assert!(server.is_on(SYSTEM));
    for options in
        [vec![("ssl_insecure", "1")], vec![("ssl", "1"), ("ssl_secure", "1"), ("ssl_insecure", "yes")]]
    {
        assert_done(&verifying(server.port(), "status").options(options).run(), "Status: ON\n");
    }
}

#[test]
fn a_pin_takes_the_one_certificate_and_no_other() {
    let certificate =
        Maker { days: (-300, -200), names: vec!["other.example"], ..Maker::default() }.self_signed();
    let server = secure(&certificate);
    let pin = hexadecimal(certificate.sha256());
    assert_done(&verifying(server.port(), "off").options([("ssl_pin", &pin)]).run(), OFF);
    assert!(!server.is_on(SYSTEM));
    let server = secure(&CERTIFICATE);
    assert_untrusted(&server, &verifying(server.port(), "off").options([("ssl_pin", &pin)]).run());
}

#[test]
fn a_ca_file_and_the_variable_that_names_one_are_honoured() {
    let (authority, folder) = (Authority::new(), TempDir::new("redfish-agent"));
    let path = folder.write("ca.pem", &String::from_utf8(authority.pem()).unwrap()).display().to_string();
    let good = secure(&authority.sign(&Maker::default()));
    let bad = secure(&Authority::new().sign(&Maker::default()));
    let expired = secure(&authority.sign(&Maker { days: (-3, -1), ..Maker::default() }));
    for server in [&good, &bad, &expired] {
        let run = |agent: Agent| {
            let done = agent.run();
            if server.port() == good.port() {
                assert_done(&done, "Status: ON\n");
            } else {
                assert_untrusted(server, &done);
            }
        };
        let agent = || verifying(server.port(), "status");
        run(agent().options([("ssl_ca_file", &path)]));
        run(agent().env("REQUESTS_CA_BUNDLE", &path));
        run(agent().env("REQUESTS_CA_BUNDLE", &folder.path().display().to_string()));
        run(agent().env("CURL_CA_BUNDLE", &path));
    }
    let broken = verifying(good.port(), "status").env("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem").run();
    assert_refused(&broken, "/nonexistent/ca.pem");
}

#[test]
fn a_proxy_in_the_environment_counts_where_it_is_asked_for_only() {
    let server = secure(&CERTIFICATE);
    let nobody = Dead::tcp();
    let proxy = format!("http://127.0.0.1:{}", nobody.port());
    let with_proxy = |agent: Agent| {
        ["http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"]
            .iter()
            .fold(agent, |agent, name| agent.env(name, &proxy))
    };
    assert_done(&with_proxy(agent(&server, "status")).run(), "Status: ON\n");
    let connections = server.connections();
    let done = with_proxy(impatient(&server, "status").options([("env_proxy", "1")])).run();
    assert_failed(&done, "");
    assert_eq!(server.connections(), connections);
}

#[test]
fn the_systems_authorities_vouch_for_the_address_that_was_asked_for_and_for_no_other() {
    let (authority, folder) = (Authority::new(), TempDir::new("redfish-agent"));
    let bundle = folder.write("ca.pem", &String::from_utf8(authority.pem()).unwrap()).display().to_string();
    let signed = |names: Vec<&'static str>| secure(&authority.sign(&Maker { names, ..Maker::default() }));
    // Where OpenSSL looks for the system's authorities.
    let run = |server: &Server, host: &str| {
        let agent = verifying(server.port(), "off").options([("ip", host)]);
        agent.env("SSL_CERT_FILE", &bundle).env("SSL_CERT_DIR", "/nonexistent").run()
    };
    for (name, host) in [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost")] {
        assert_done(&run(&signed(vec![name]), host), OFF);
        for other in ["other.example", "127.0.0.2", "*", "localhost.example"] {
            let server = signed(vec![other]);
            let done = run(&server, host);
            assert_refused(&done, "no secure connection to");
            assert!(server.requests().is_empty() && server.is_on(SYSTEM), "{other}: {}", done.stderr);
        }
    }
    assert_refused(&run(&signed(vec!["127.0.0.1"]), "localhost"), "no secure connection to");
}
