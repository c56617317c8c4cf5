//! What broke other tools, tried on these agents: docs/cves.md points here.

use peers::Agent;
use peers::redfish::{Act, Maker, PASSWORD, Rule, Server, Setup, USER};
use peers::snmp::{Family, PowerUnit};

const SYSTEM: &str = "/redfish/v1/Systems/1";

fn server(rules: Vec<Rule>) -> Server {
    Setup { certificate: Some(Maker::default().self_signed()), rules, ..Setup::default() }.start()
}

fn redfish(server: &Server, more: &[&str]) -> Agent {
    let port = format!("--ipport={}", server.port());
    Agent::called("fence_redfish", "fence_redfish")
        .args(["--ip=127.0.0.1", &port, "--ssl-insecure", "--action=status", "--login-timeout=3"])
        .args(more)
}

/// CVE-2019-11236, CVE-2020-26137: a line break in an address or a name became a header.
#[test]
fn a_line_break_in_an_option_never_becomes_a_header() {
    let password = format!("--password={PASSWORD}");
    for more in [
        vec!["--username=operator\r\nX-Injected: 1", &password],
        vec!["--username=operator", "--password=a\r\nX-Injected: 1"],
        vec!["--username=operator", &password, "--redfish-uri=/redfish/v1 HTTP/1.1\r\nX-Injected: 1\r\n"],
        vec!["--username=operator", &password, "--systems-uri=/redfish/v1/Systems/1\r\nX-Injected: 1"],
        vec!["--username=operator", &password, "--ip=127.0.0.1\r\nX-Injected: 1"],
    ] {
        let server = server(Vec::new());
        let done = redfish(&server, &more).run();
        assert!(!done.killed && !done.stderr.contains("panicked"), "{more:?}: {}", done.stderr);
        for request in server.requests() {
            let head = request.raw.split("\r\n\r\n").next().unwrap();
            let injected = head.lines().any(|line| line.to_lowercase().starts_with("x-injected"));
            assert!(!injected, "{more:?}: {head}");
        }
    }
}

/// CVE-2025-66418, CVE-2025-66471, CVE-2026-21441: a small answer that unpacks into a huge one.
#[test]
fn nothing_packed_is_asked_for_and_nothing_is_unpacked() {
    // A gzip member (RFC 1952) of the JSON of a machine that is off.
    let packed: String = "\u{1f}\u{8b}\u{8}not really".to_owned();
    let answer = Act::Answer(200, vec![("Content-Encoding".to_owned(), "gzip".to_owned())], packed);
    let server = server(vec![Rule::new("GET", SYSTEM, answer)]);
    let password = format!("--password={PASSWORD}");
    let user = format!("--username={USER}");
    let done = redfish(&server, &[&user, &password]).run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(done.stderr.contains("not JSON"), "{}", done.stderr);
    assert!(!server.requests().is_empty());
    for request in server.requests() {
        assert!(!request.raw.to_lowercase().contains("accept-encoding"), "{}", request.raw);
    }
}

/// CVE-2019-10153: a name beyond ASCII ended the listing.
#[test]
fn a_name_may_hold_any_characters_and_the_listing_goes_on() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.name(1, 1, "böse 機 %n%s%x {} $(id)");
    let port = unit.address().port().to_string();
    let done = Agent::called("fence_apc_snmp", "fence_apc_snmp")
        .options([("ip", "127.0.0.1"), ("ipport", port.as_str()), ("action", "list")])
        .run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("böse 機 %n%s%x {} $(id)"), "{}", done.stdout);
    assert!(done.stdout.lines().count() > 1, "{}", done.stdout);
    let off = Agent::called("fence_apc_snmp", "fence_apc_snmp")
        .options([("ip", "127.0.0.1"), ("ipport", port.as_str()), ("action", "off")])
        .options([("plug", "böse 機 %n%s%x {} $(id)"), ("power_wait", "0")])
        .run();
    assert_eq!(off.stdout, "Success: Powered OFF\n", "{}", off.stderr);
    assert!(!unit.is_on(1, 1) && unit.is_on(1, 2));
}
