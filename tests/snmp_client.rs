//! The SNMP client against net-snmp's agent, in all versions and security levels, and against a relay that answers
//! late, twice, or with rubbish.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers may fail the test, too"
)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::snmp::{
    Answer, Auth, AuthProtocol, Client, CommunityVersion, Config, Credentials, Earlier, Error, ErrorStatus,
    Level, Oid, PrivProtocol, Privacy, Rejection, Value,
};
use peers::Dead;
use peers::faults::Dice;
use peers::snmp::table_agent::{Asked, Builder, name};
use peers::snmp::{
    Data, Deed, Family, Kind, PowerUnit, Refusal, Relay, Snmpd, Switch, TableAgent, User, daemon, every_user,
};

const SYS_NAME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 5, 0];
const SYSTEM: [u32; 7] = [1, 3, 6, 1, 2, 1, 1];
/// Under a branch that no agent here has.
const NOWHERE: [u32; 8] = [1, 3, 6, 1, 4, 1, 99999, 1];
const IF_DESCR: [u32; 10] = [1, 3, 6, 1, 2, 1, 2, 2, 1, 2];
const IF_ADMIN_STATUS: [u32; 10] = [1, 3, 6, 1, 2, 1, 2, 2, 1, 7];
const RPDU_STATUS: [u32; 14] = [1, 3, 6, 1, 4, 1, 318, 1, 1, 12, 3, 5, 1, 1];
const RPDU_COMMAND: [u32; 15] = [1, 3, 6, 1, 4, 1, 318, 1, 1, 12, 3, 3, 1, 1, 4];

fn community(version: CommunityVersion, community: &str) -> Credentials {
    Credentials::Community { version, community: Secret::new(community) }
}

fn user(user: &User, auth_password: &str, priv_password: &str) -> Credentials {
    let auth = user.auth.map(|name| Auth {
        protocol: AuthProtocol::from_name(name).unwrap(),
        password: Secret::new(auth_password),
    });
    let privacy = user.privacy.map(|name| Privacy {
        protocol: PrivProtocol::from_name(name).unwrap(),
        password: Secret::new(priv_password),
    });
    let level = match (auth, privacy) {
        (Some(auth), Some(privacy)) => Level::AuthPriv(auth, privacy),
        (Some(auth), None) => Level::AuthNoPriv(auth),
        (None, _) => Level::NoAuthNoPriv,
    };
    Credentials::User { name: user.name.clone(), level }
}

fn right(of: &User) -> Credentials {
    user(of, daemon::AUTH_PASSWORD, daemon::PRIV_PASSWORD)
}

/// Both community versions with the right to write, and an SNMPv3 user.
fn three_versions(of: &User) -> [Credentials; 3] {
    [community(CommunityVersion::V1, "private"), community(CommunityVersion::V2c, "private"), right(of)]
}

fn client(address: SocketAddr, credentials: &Credentials) -> Client {
    Client::new(&[address], credentials, Config::default()).unwrap()
}

/// Attempts so short that a test of silence is quick.
fn hasty(address: SocketAddr, credentials: &Credentials) -> Client {
    let attempt = Duration::from_millis(400);
    let config = Config { attempt, attempts: 3, limit: 3 * attempt, ..Config::default() };
    Client::new(&[address], credentials, config).unwrap()
}

fn limit() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

fn oid(arcs: &[u32]) -> Oid {
    Oid::from(arcs)
}

fn number(answer: &Answer) -> i64 {
    answer.value().and_then(Value::as_integer).unwrap_or_else(|| panic!("no number: {answer:?}"))
}

#[test]
fn every_version_level_and_protocol_reads_and_is_refused_a_write() {
    let users = every_user();
    assert_eq!(users.len(), 31);
    let agent = Snmpd::start(&users, "");
    let mut all: Vec<Credentials> = users.iter().map(right).collect();
    all.push(community(CommunityVersion::V1, "public"));
    all.push(community(CommunityVersion::V2c, "public"));
    for credentials in &all {
        let mut client = client(agent.address(), credentials);
        let answers = client
            .get(&[oid(&SYS_NAME), oid(&NOWHERE)], limit())
            .unwrap_or_else(|e| panic!("{credentials:?}: {e}"));
        assert!(
            answers[0].value().and_then(Value::as_text).is_some_and(|name| name.starts_with("peer-snmp"))
        );
        assert_eq!(answers[1], Answer::NoSuchObject, "{credentials:?}");
        // sysObjectID can't be written by anyone; the public community may write nothing.
        let refused =
            client.set(&[(oid(&[1, 3, 6, 1, 2, 1, 1, 2, 0]), Value::ObjectId(oid(&NOWHERE)))], limit());
        assert!(
            matches!(&refused, Err(error @ Error::WriteRefused { .. }) if error.is_definitive()),
            "{credentials:?}: {refused:?}"
        );
    }
}

#[test]
fn both_ways_of_extending_a_short_key_are_found() {
    let pairs = [
        ("MD5", "AES-192"),
        ("MD5", "AES-256"),
        ("SHA", "AES-192"),
        ("SHA", "AES-256"),
        ("SHA-224", "AES-256"),
    ];
    // net-snmp's name for the other way ends in -C.
    let reeder = |privacy: &str| if privacy == "AES-192" { "AES-192-C" } else { "AES-256-C" };
    let users: Vec<User> =
        pairs.iter().map(|(auth, privacy)| User::new(Some(auth), Some(reeder(privacy)))).collect();
    let agent = Snmpd::start(&users, "");
    for (of, (_, privacy)) in users.iter().zip(pairs) {
        let mut named = client(agent.address(), &right(of));
        assert!(named.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
        assert_eq!(named.requests(), 2);
        let mut unnamed = hasty(agent.address(), &right(&User { privacy: Some(privacy), ..of.clone() }));
        assert!(unnamed.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
        let tried = unnamed.requests();
        assert!(tried >= 3, "the agent is silent to the first way");
        assert!(unnamed.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
        assert_eq!(unnamed.requests(), tried + 1, "and the right one is kept");
    }
}

#[test]
fn requests_are_as_few_as_the_protocol_allows() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let unit = PowerUnit::builder(Family::ApcRpdu).outlets(48).users(std::slice::from_ref(&fence)).start();
    let state = |outlet: u32| oid(&RPDU_STATUS).with(&[4, outlet]);
    for (credentials, discovery) in three_versions(&fence).iter().zip([0, 0, 1]) {
        let mut client = client(unit.address(), credentials);
        client.get(&[state(1)], limit()).unwrap();
        assert_eq!(client.requests(), 1 + discovery, "a status");
        client.get(&[state(1), state(2), state(3)], limit()).unwrap();
        assert_eq!(client.requests(), 2 + discovery, "a status of three outlets");
        client.set(&[(oid(&RPDU_COMMAND).with(&[1]), Value::Integer(2))], limit()).unwrap();
        assert_eq!(client.requests(), 3 + discovery, "a command");
        assert_eq!(client.walk(&oid(&RPDU_STATUS).with(&[2]), limit()).unwrap().len(), 48);
        assert_eq!(client.requests(), 6 + discovery, "48 names");
    }
    let small = PowerUnit::start(Family::ApcRpdu);
    for version in [CommunityVersion::V1, CommunityVersion::V2c] {
        let mut client = client(small.address(), &community(version, "public"));
        assert_eq!(client.walk(&oid(&RPDU_STATUS).with(&[2]), limit()).unwrap().len(), 8);
        assert_eq!(client.requests(), 1, "eight names");
    }
}

#[test]
fn a_walk_gives_the_same_objects_in_every_version() {
    let fence = User::new(Some("SHA-256"), Some("AES"));
    let switch = Switch::start(7, std::slice::from_ref(&fence), "");
    let mut seen = Vec::new();
    for credentials in &three_versions(&fence) {
        let mut client = client(switch.address(), credentials);
        for root in [&IF_DESCR[..], &IF_ADMIN_STATUS, &SYSTEM[..], &[1, 3, 6, 1, 2, 1, 2]] {
            let rows = client.walk(&oid(root), limit()).unwrap();
            assert!(!rows.is_empty());
            // Counters move and clocks tick: the names are compared.
            seen.push(rows.into_iter().map(|(object, _)| object).collect::<Vec<_>>());
        }
        assert_eq!(client.walk(&oid(&NOWHERE), limit()), Ok(Vec::new()));
        // The end of everything that the agent has.
        client.walk(&oid(&[1, 3, 6, 1, 6, 3, 16]), limit()).unwrap();
    }
    assert_eq!(seen[0].len(), 15, "seven links of two ends, and lo");
    assert_eq!(seen[..4], seen[4..8]);
    assert_eq!(seen[..4], seen[8..]);
}

#[test]
fn a_walk_over_rows_with_gaps_misses_none() {
    let unit = PowerUnit::builder(Family::ApcMasterSwitchPlus).switches(3).outlets(5).start();
    let names = oid(&[1, 3, 6, 1, 4, 1, 318, 1, 1, 6, 7, 1, 1, 4]);
    let mut tables = Vec::new();
    for version in [CommunityVersion::V1, CommunityVersion::V2c] {
        tables.push(client(unit.address(), &community(version, "public")).walk(&names, limit()).unwrap());
    }
    assert_eq!(tables[0].len(), 15);
    assert_eq!(tables[0], tables[1]);
    assert_eq!(tables[0][7].0, names.with(&[2, 1, 3]));
    assert_eq!(tables[0][7].1.as_text().as_deref(), Some("outlet 2:3"));
}

#[test]
fn writing_the_administrative_status_takes_a_real_link_down_and_up() {
    let fence = User::new(Some("SHA-512"), Some("AES-256"));
    let switch = Switch::start(2, std::slice::from_ref(&fence), "");
    let index = switch.index("port2");
    for credentials in &three_versions(&fence) {
        let mut client = client(switch.address(), credentials);
        for (value, up) in [(2, false), (1, true)] {
            client.set(&[(oid(&IF_ADMIN_STATUS).with(&[index]), Value::Integer(value))], limit()).unwrap();
            assert_eq!(switch.is_up("port2"), up);
            assert!(switch.is_up("port1"));
        }
    }
}

#[test]
fn several_writes_go_in_one_request() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let mut client = client(unit.address(), &community(CommunityVersion::V2c, "private"));
    let command = |outlet: u32| (oid(&RPDU_COMMAND).with(&[outlet]), Value::Integer(2));
    client.set(&[command(2), command(5)], limit()).unwrap();
    assert_eq!(client.requests(), 1);
    let off: Vec<u32> = (1..=8).filter(|&outlet| !unit.is_on(1, outlet)).collect();
    assert_eq!(off, [2, 5]);
}

#[test]
fn a_refused_write_says_why_at_once_in_the_devices_words() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let write = [(oid(&RPDU_COMMAND).with(&[3]), Value::Integer(2))];
    for (refusal, status) in [
        (Refusal::NotWritable, ErrorStatus::NotWritable),
        (Refusal::WrongType, ErrorStatus::WrongType),
        (Refusal::WrongValue, ErrorStatus::WrongValue),
        (Refusal::InconsistentValue, ErrorStatus::InconsistentValue),
    ] {
        unit.refuse(Some(refusal));
        let mut client = client(unit.address(), &community(CommunityVersion::V2c, "private"));
        let expected = Error::WriteRefused { status, object: Some(write[0].0.clone()) };
        assert_eq!(client.set(&write, limit()), Err(expected));
        assert_eq!(client.requests(), 1);
    }
    unit.refuse(None);
    for (version, status) in
        [(CommunityVersion::V1, ErrorStatus::NoSuchName), (CommunityVersion::V2c, ErrorStatus::NoAccess)]
    {
        let refused = client(unit.address(), &community(version, "public")).set(&write, limit());
        assert!(
            matches!(refused, Err(Error::WriteRefused { status: said, .. }) if said == status),
            "{refused:?}"
        );
    }
    assert!(unit.is_on(1, 3));
    assert!(unit.writes().is_empty());
}

#[test]
fn a_missing_object_among_others_is_missing_alone_in_every_version() {
    let fence = User::new(Some("MD5"), Some("DES"));
    let unit = PowerUnit::builder(Family::ApcRpdu).users(std::slice::from_ref(&fence)).start();
    unit.set(1, 2, false);
    let state = |outlet: u32| oid(&RPDU_STATUS).with(&[4, outlet]);
    for credentials in &three_versions(&fence) {
        let answers = client(unit.address(), credentials)
            .get(&[state(1), state(9), state(2), state(0), oid(&NOWHERE)], limit())
            .unwrap();
        assert_eq!((number(&answers[0]), number(&answers[2])), (1, 2));
        for missing in [1, 3, 4] {
            assert_eq!(answers[missing], Answer::NoSuchObject);
        }
    }
}

#[test]
fn more_objects_than_fit_one_answer_are_read_in_several() {
    let unit = PowerUnit::builder(Family::ApcRpdu).outlets(48).start();
    // snmpd's own limit on what it sends: 48 rows of some 24 bytes don't fit.
    let objects: Vec<Oid> = (1..=48).map(|outlet| oid(&RPDU_STATUS).with(&[4, outlet])).collect();
    let relay = Relay::start(
        unit.address(),
        Box::new(|_, answer| if answer.len() > 400 { vec![too_big(answer)] } else { vec![answer.to_vec()] }),
    );
    for version in [CommunityVersion::V1, CommunityVersion::V2c] {
        let mut client = client(relay.address(), &community(version, "public"));
        let answers = client.get(&objects, limit()).unwrap();
        assert_eq!(answers.iter().map(number).collect::<Vec<_>>(), vec![1; 48]);
        assert!(client.requests() > 3);
        assert_eq!(client.walk(&oid(&RPDU_STATUS).with(&[2]), limit()).unwrap().len(), 48);
    }
}

/// The answer of an agent that can't fit the true one: its error-status is 1 and it holds nothing.
fn too_big(answer: &[u8]) -> Vec<u8> {
    // Sequence, version, community, response, request identifier: long and short lengths as they come.
    let at = answer.iter().position(|&byte| byte == 0xa2).unwrap();
    let length_octets = if answer[at + 1] & 0x80 != 0 { 1 + usize::from(answer[at + 1] & 0x7f) } else { 1 };
    let id_at = at + 1 + length_octets;
    let id = &answer[id_at..id_at + 2 + usize::from(answer[id_at + 1])];
    let start = answer.windows(3).position(|bytes| bytes[..2] == [2, 1]).unwrap();
    let pdu = [id, &[2, 1, 1, 2, 1, 0, 0x30, 0]].concat();
    let body = [&answer[start..at], &[0xa2, pdu.len() as u8], &pdu].concat();
    [&[0x30, body.len() as u8], &body[..]].concat()
}

#[test]
fn wrong_credentials_are_told_apart_as_far_as_the_agent_tells_them() {
    let full = User::new(Some("SHA"), Some("AES"));
    let signed = User::new(Some("SHA"), None);
    let longer = User::new(Some("SHA"), Some("AES-256"));
    let agent = Snmpd::start(&[full.clone(), signed.clone(), longer.clone()], "");
    let ask =
        |credentials: &Credentials| hasty(agent.address(), credentials).get_one(&oid(&SYS_NAME), limit());
    let stranger = User { name: "stranger".to_owned(), ..full.clone() };
    assert_eq!(ask(&right(&stranger)), Err(Error::Rejected(Rejection::UnknownUser)));
    let wrong_auth = user(&full, "not-the-password", daemon::PRIV_PASSWORD);
    assert_eq!(ask(&wrong_auth), Err(Error::Rejected(Rejection::WrongAuthentication)));
    let other_hash = User { auth: Some("SHA-256"), ..full.clone() };
    assert_eq!(ask(&right(&other_hash)), Err(Error::Rejected(Rejection::WrongAuthentication)));
    // Encryption for a user who has none.
    let too_much = User { name: signed.name.clone(), ..full.clone() };
    assert_eq!(ask(&right(&too_much)), Err(Error::Rejected(Rejection::UnsupportedLevel)));
    for of in [&full, &longer] {
        let wrong_priv = ask(&user(of, daemon::AUTH_PASSWORD, "not-the-password"));
        assert!(
            matches!(
                wrong_priv,
                Err(Error::Rejected(Rejection::WrongPrivacy) | Error::Silent { earlier: Earlier::Name, .. })
            ),
            "{wrong_priv:?}"
        );
    }
    for version in [CommunityVersion::V1, CommunityVersion::V2c] {
        assert_eq!(
            ask(&community(version, "guess")),
            Err(Error::Silent { requests: 3, earlier: Earlier::Nothing, write: false })
        );
    }
}

#[test]
fn a_user_without_the_right_gets_an_error_and_never_a_value() {
    // A view that shows only the system group, and that nothing may be written to.
    let fence = User::new(Some("SHA"), Some("AES"));
    let config = format!(
        "createUser guest SHA \"{0}\" AES \"{1}\"\nview little included .1.3.6.1.2.1.1\n\
         group few usm guest\naccess few \"\" usm priv exact little none none\n\
         createUser nobody SHA \"{0}\" AES \"{1}\"\n",
        daemon::AUTH_PASSWORD,
        daemon::PRIV_PASSWORD
    );
    let agent = Snmpd::start(std::slice::from_ref(&fence), &config);
    let guest = User { name: "guest".to_owned(), ..fence.clone() };
    let mut of_guest = client(agent.address(), &right(&guest));
    let hidden = oid(&[1, 3, 6, 1, 2, 1, 11, 1, 0]);
    let answers = of_guest.get(&[oid(&SYS_NAME), hidden.clone()], limit()).unwrap();
    assert!(answers[0].value().is_some());
    assert_eq!(answers[1], Answer::NoSuchObject);
    let refused = of_guest.set(&[(oid(&SYS_NAME), Value::Octets(b"mine".to_vec()))], limit());
    assert!(matches!(refused, Err(Error::WriteRefused { status: ErrorStatus::NoAccess, .. })), "{refused:?}");
    let nobody = User { name: "nobody".to_owned(), ..fence };
    let denied = client(agent.address(), &right(&nobody)).get_one(&oid(&SYS_NAME), limit());
    assert!(
        matches!(denied, Err(Error::Failed { status: ErrorStatus::AuthorizationError, .. })),
        "{denied:?}"
    );
}

#[test]
fn a_closed_port_is_noticed_at_once() {
    for local in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let dead = Dead::udp(local);
        let address = dead.address();
        for credentials in &three_versions(&User::new(Some("SHA"), Some("AES"))) {
            let began = Instant::now();
            let asked = client(address, credentials).get_one(&oid(&SYS_NAME), Deadline::NEVER);
            assert_eq!(asked, Err(Error::Refused(address)));
            assert!(began.elapsed() < Duration::from_secs(2));
        }
    }
}

#[test]
fn an_address_that_nothing_goes_to_is_noticed_at_once() {
    let nowhere: SocketAddr = "255.255.255.255:161".parse().unwrap();
    for credentials in &three_versions(&User::new(Some("SHA"), Some("AES"))) {
        let asked = client(nowhere, credentials).get_one(&oid(&SYS_NAME), limit());
        assert_eq!(asked, Err(Error::Unreachable(nowhere)));
    }
}

#[test]
fn silence_ends_with_the_deadline_or_without_one_with_the_attempts() {
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap();
    for credentials in &three_versions(&User::new(Some("SHA"), Some("AES"))) {
        let mut client = hasty(address, credentials);
        let began = Instant::now();
        let deadline = Deadline::after(Duration::from_millis(600));
        assert_eq!(
            client.get_one(&oid(&SYS_NAME), deadline),
            Err(Error::Silent { requests: 2, earlier: Earlier::Nothing, write: false })
        );
        assert!(deadline.passed());
        let asked = client.get_one(&oid(&SYS_NAME), Deadline::NEVER);
        assert_eq!(asked, Err(Error::Silent { requests: 3, earlier: Earlier::Nothing, write: false }));
        assert_eq!(client.walk(&oid(&SYSTEM), deadline), Err(Error::NoTime));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn the_first_address_that_answers_is_kept() {
    let agent = Snmpd::start(&[], "");
    let closed = Dead::udp(Ipv4Addr::LOCALHOST.into());
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    // The system sends nothing there without being told that it may.
    let nowhere: SocketAddr = "255.255.255.255:161".parse().unwrap();
    let addresses = [nowhere, closed.address(), mute.local_addr().unwrap(), agent.address()];
    let config = Config { attempt: Duration::from_millis(200), ..Config::default() };
    let mut client = Client::new(&addresses, &community(CommunityVersion::V2c, "private"), config).unwrap();
    assert_eq!(client.peer(), None);
    // A write doesn't go out before one address has proved to be an agent.
    client.set(&[(oid(&SYS_NAME), Value::Octets(b"found".to_vec()))], limit()).unwrap_or_else(|error| {
        // sysName is fixed by this agent's configuration.
        assert!(matches!(error, Error::WriteRefused { .. }), "{error}");
    });
    assert_eq!(client.peer(), Some(agent.address()));
    let before = client.requests();
    let _ = client.get_one(&oid(&SYS_NAME), limit()).unwrap();
    assert_eq!(client.requests(), before + 1);
}

#[test]
fn an_agent_on_ipv6_is_asked_as_any_other() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let agent = Snmpd::start_v6(std::slice::from_ref(&fence), "");
    for credentials in &three_versions(&fence) {
        assert!(
            client(agent.address(), credentials).get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some()
        );
    }
}

#[test]
fn an_agent_slower_than_an_attempt_is_still_heard() {
    let agent = Snmpd::start(&[], "");
    let slow = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = slow.local_addr().unwrap();
    let answers = std::thread::spawn({
        let agent = agent.address();
        move || {
            // The first request is answered when the second has come, and the second never.
            let (mut first, mut second) = ([0; 1500], [0; 1500]);
            let (length, client) = slow.recv_from(&mut first).unwrap();
            let (_, other) = slow.recv_from(&mut second).unwrap();
            assert_ne!(client, other, "every attempt has its own socket");
            assert_ne!(first, second, "every attempt has its own identifier");
            let back = UdpSocket::bind("127.0.0.1:0").unwrap();
            back.send_to(&first[..length], agent).unwrap();
            let length = back.recv(&mut first).unwrap();
            slow.send_to(&first[..length], client).unwrap();
            slow
        }
    });
    let mut client = hasty(address, &community(CommunityVersion::V2c, "public"));
    assert!(client.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
    assert_eq!(client.requests(), 2);
    drop(answers.join());
}

#[test]
fn a_late_answer_to_an_earlier_request_is_never_taken_for_the_current_one() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let unit = PowerUnit::builder(Family::ApcRpdu).users(std::slice::from_ref(&fence)).start();
    for outlet in [2, 4, 6, 8] {
        unit.set(1, outlet, false);
    }
    for credentials in &three_versions(&fence) {
        // Every answer is held back and comes before, and after, that to the next request.
        let mut earlier: Vec<Vec<u8>> = Vec::new();
        let relay = Relay::start(
            unit.address(),
            Box::new(move |_, answer| {
                let now = [earlier.clone(), vec![answer.to_vec()], earlier.clone()].concat();
                earlier.insert(0, answer.to_vec());
                earlier.truncate(3);
                now
            }),
        );
        let mut client = client(relay.address(), credentials);
        for round in 0..3000_u32 {
            let outlet = round % 8 + 1;
            let answer = client.get_one(&oid(&RPDU_STATUS).with(&[4, outlet]), limit()).unwrap();
            assert_eq!(number(&answer), if outlet % 2 == 0 { 2 } else { 1 }, "round {round}");
        }
    }
}

#[test]
fn mutated_answers_neither_crash_the_client_nor_become_another_value() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let plain = User::new(None, None);
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&[fence.clone(), plain.clone()]).start();
    let status = oid(&RPDU_STATUS).with(&[4, 1]);
    let mut all = three_versions(&fence).to_vec();
    all.push(right(&plain));
    let mut datagrams = 0;
    for credentials in &all {
        let mut dice = Dice::of(0x5eed, 0);
        // Forty mutations of each answer reach the client, and then the answer.
        let relay = Relay::start(
            unit.address(),
            Box::new(move |_, answer| {
                let mut datagrams: Vec<Vec<u8>> = (0..40).map(|_| mutate(&mut dice, answer)).collect();
                datagrams.push(answer.to_vec());
                datagrams
            }),
        );
        let config = Config { attempt: Duration::from_millis(20), attempts: 20, ..Config::default() };
        let signed = matches!(credentials, Credentials::User { level: Level::AuthPriv(..), .. });
        let mut values = 0;
        for _ in 0..10 {
            // What one answer has done to a client's state meets the next ones, too.
            let mut client = Client::new(&[relay.address()], credentials, config).unwrap();
            for _ in 0..25 {
                if let Ok(Answer::Value(value)) = client.get_one(&status, limit()) {
                    values += 1;
                    // Without a signature, a changed value can't be told from a true one.
                    assert!(!signed || value == Value::Integer(1), "{value}");
                }
                let _ = client.walk(&oid(&RPDU_STATUS), Deadline::after(Duration::from_millis(2)));
            }
        }
        assert!(values > 125, "only {values} of 250 came through");
        datagrams += 41 * relay.requests();
    }
    assert!(datagrams > 35_000, "only {datagrams}");
}

/// The datagram with bytes changed, cut off or added.
fn mutate(dice: &mut Dice, datagram: &[u8]) -> Vec<u8> {
    let mut out = datagram.to_vec();
    for _ in 0..=dice.below(3) {
        let place = dice.below(out.len().max(1));
        match dice.below(6) {
            0 => out.truncate(place),
            1 => out.insert(place, dice.below(256) as u8),
            2 if !out.is_empty() => drop(out.remove(place)),
            3 => out.extend_from_within(place..),
            4 => {
                if let Some(byte) = out.get_mut(place) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            _ => {
                if let Some(byte) = out.get_mut(place) {
                    *byte = [0, 1, 0x7f, 0x80, 0xff, 0x30, 0x84][dice.below(7)];
                }
            }
        }
    }
    out
}

#[test]
fn an_agent_that_walks_in_a_circle_is_left() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    // The agent's first answer over and over, with the identifier of each request.
    let first: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let relay = Relay::start(
        unit.address(),
        Box::new(move |_, answer| {
            let mut first = first.lock().unwrap();
            let first = first.get_or_insert_with(|| answer.to_vec());
            let at = first.iter().position(|&byte| byte == 0xa2).unwrap();
            let here = answer.iter().position(|&byte| byte == 0xa2).unwrap();
            // The identifiers are four octets each, except one in 256: then nothing is answered and the request repeated.
            let id = |bytes: &[u8], at: usize| {
                bytes[at..].windows(2).position(|pair| pair == [2, 4]).map(|place| at + place + 2)
            };
            match (id(first, at), id(answer, here)) {
                (Some(to), Some(from)) => {
                    let mut again = first.clone();
                    again[to..to + 4].copy_from_slice(&answer[from..from + 4]);
                    vec![again]
                }
                _ => vec![],
            }
        }),
    );
    let root = oid(&[1, 3, 6, 1, 4, 1, 318]);
    let mut client = hasty(relay.address(), &community(CommunityVersion::V2c, "public"));
    let walked = client.walk(&root, limit());
    assert!(matches!(walked, Err(Error::WalkNotIncreasing(_))), "{walked:?}");
    let mut client = Client::new(
        &[unit.address()],
        &community(CommunityVersion::V2c, "public"),
        Config { walk: 20, ..Config::default() },
    )
    .unwrap();
    assert_eq!(client.walk(&root, limit()), Err(Error::WalkTooLong(20)));
}

#[test]
fn an_agent_that_restarts_is_followed_into_its_next_boot() {
    let users = [User::new(Some("SHA"), Some("AES")), User::new(Some("MD5"), None), User::new(None, None)];
    let mut agent = Snmpd::start(&users, "");
    let mut clients: Vec<Client> = users.iter().map(|of| client(agent.address(), &right(of))).collect();
    let mut ask = |expected: Option<u64>| {
        for client in &mut clients {
            let before = client.requests();
            assert!(client.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
            let requests = client.requests() - before;
            assert!(requests <= 4, "{requests}");
            assert!(expected.is_none_or(|expected| expected == requests), "{requests}");
        }
    };
    ask(Some(2));
    ask(Some(1));
    agent.restart();
    ask(None);
    ask(Some(1));
}

/// Two agents with engines of their own behind one address: what a client sees when a device is replaced, comes back with
/// a new engine, or loses its address to another one.
struct Fork {
    address: SocketAddr,
    second: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Fork {
    fn start(agents: [SocketAddr; 2]) -> Fork {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = front.local_addr().unwrap();
        let (second, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (which, told) = (second.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            front.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            let mut buffer = [0; 2000];
            while !told.load(Ordering::Relaxed) {
                let Ok((length, client)) = front.recv_from(&mut buffer) else { continue };
                let back = UdpSocket::bind("127.0.0.1:0").unwrap();
                back.connect(agents[usize::from(which.load(Ordering::Relaxed))]).unwrap();
                back.send(&buffer[..length]).unwrap();
                back.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
                if let Ok(length) = back.recv(&mut buffer) {
                    front.send_to(&buffer[..length], client).unwrap();
                }
            }
        });
        Fork { address, second, stop, thread: Some(thread) }
    }

    /// Whether the second agent answers from now on.
    fn turn(&self, second: bool) {
        self.second.store(second, Ordering::Relaxed);
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn an_agent_that_is_replaced_is_met_again() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let (first, second) =
        (Snmpd::start(std::slice::from_ref(&fence), ""), Snmpd::start(std::slice::from_ref(&fence), ""));
    let fork = Fork::start([first.address(), second.address()]);
    let mut client = client(fork.address, &right(&fence));
    let mut ask = || {
        let name =
            client.get_one(&oid(&SYS_NAME), limit()).unwrap().value().and_then(Value::as_text).unwrap();
        (name, client.engine().unwrap().to_vec())
    };
    let before = ask();
    fork.turn(true);
    let other = ask();
    assert!(other.0 != before.0 && other.1 != before.1, "and tells who it is: {other:?}");
    fork.turn(false);
    assert_eq!(ask(), before);
}

#[test]
fn a_write_goes_to_nobody_but_the_engine_that_signed_what_was_read_before() {
    for of in [User::new(Some("MD5"), None), User::new(Some("SHA"), Some("AES"))] {
        let units: [PowerUnit; 2] = std::array::from_fn(|_| {
            PowerUnit::builder(Family::ApcRpdu).users(std::slice::from_ref(&of)).start()
        });
        let fork = Fork::start([units[0].address(), units[1].address()]);
        let mut client = client(fork.address, &right(&of));
        let write = [(oid(&RPDU_COMMAND).with(&[3]), Value::Integer(2))];
        // A write before anything was read asks first who is there.
        client.set(&write, limit()).unwrap();
        assert!(!units[0].is_on(1, 3));
        fork.turn(true);
        assert_eq!(client.set(&write, limit()), Err(Error::AnotherEngine), "{}", of.name);
        assert_eq!(units[1].writes(), [], "{}", of.name);
        // What is read tells whose it is; and who reads it decides.
        let engine = client.engine().unwrap().to_vec();
        let _ = client.get_one(&oid(&RPDU_STATUS).with(&[4, 3]), limit()).unwrap();
        assert_eq!(client.engine().unwrap(), engine);
        client.set(&write, limit()).unwrap();
        assert!(!units[1].is_on(1, 3));
    }
}

#[test]
fn what_two_engines_tell_is_no_answer_to_one_question() {
    let of = User::new(Some("SHA"), Some("AES"));
    let units: [PowerUnit; 2] = std::array::from_fn(|_| {
        PowerUnit::builder(Family::ApcRpdu).outlets(48).users(std::slice::from_ref(&of)).start()
    });
    let states: Vec<Oid> = (1..=40).map(|outlet| oid(&RPDU_STATUS).with(&[4, outlet])).collect();
    type Question<'a> = &'a dyn Fn(&mut Client) -> Result<usize, Error>;
    let questions: [(&str, Question<'_>); 3] = [
        ("more objects than fit a request", &|client| Ok(client.get(&states, limit())?.len())),
        ("a walk", &|client| Ok(client.walk(&oid(&RPDU_STATUS).with(&[4]), limit())?.len())),
        ("two questions asked as one", &|client| {
            client.as_one(|client| {
                let _ = client.get_one(&states[0], limit())?;
                client.get_one(&states[1], limit()).map(|_| 2)
            })
        }),
    ];
    for (what, question) in questions {
        let whole = peers::Relay::builder(units[0].address()).start();
        let asked = question(&mut client(whole.address(), &right(&of)));
        assert!(asked.is_ok_and(|count| count > 1), "{what}");
        // The discovery, and one request that the first engine answers.
        let torn = peers::Relay::builder(units[0].address()).from(2, units[1].address()).start();
        let mut client = client(torn.address(), &right(&of));
        assert_eq!(question(&mut client), Err(Error::AnotherEngine), "{what}");
        // What comes next is another question.
        assert!(client.get_one(&oid(&SYS_NAME), limit()).is_ok(), "{what}");
    }
}

#[test]
fn nobody_is_known_where_nothing_is_signed() {
    let plain = User::new(None, None);
    let agent = Snmpd::start(std::slice::from_ref(&plain), "");
    for credentials in [right(&plain), community(CommunityVersion::V2c, "public")] {
        let mut client = client(agent.address(), &credentials);
        assert!(client.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
        assert_eq!(client.engine(), None);
    }
}

#[test]
fn an_agent_with_messages_too_large_is_named_as_such() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let agent = Snmpd::start(std::slice::from_ref(&fence), "");
    // msgMaxSize 65507 (00 ff e3) becomes 131043.
    let relay = Relay::start(
        agent.address(),
        Box::new(|_, answer| {
            let mut changed = answer.to_vec();
            if let Some(at) = changed.windows(5).position(|bytes| bytes == [2, 3, 0, 0xff, 0xe3]) {
                changed[at + 2] = 1;
            }
            vec![changed]
        }),
    );
    let asked = hasty(relay.address(), &right(&fence)).get_one(&oid(&SYS_NAME), limit());
    assert_eq!(asked, Err(Error::MessageSize(0x01_ff_e3)));
}

#[test]
fn a_frozen_agent_is_silent_and_answers_again_when_it_lives() {
    let fence = User::new(Some("SHA"), Some("AES"));
    let agent = Snmpd::start(std::slice::from_ref(&fence), "");
    for credentials in &three_versions(&fence) {
        let mut client = hasty(agent.address(), credentials);
        let _ = client.get_one(&oid(&SYS_NAME), limit()).unwrap();
        agent.freeze();
        assert!(matches!(client.get_one(&oid(&SYS_NAME), limit()), Err(Error::Silent { .. })));
        agent.thaw();
        let _ = client.get_one(&oid(&SYS_NAME), limit()).unwrap();
    }
}

#[test]
fn no_log_line_shows_a_secret() {
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    struct Keep;
    impl log::Log for Keep {
        fn enabled(&self, _: &log::Metadata) -> bool {
            true
        }
        fn log(&self, record: &log::Record) {
            LINES.lock().unwrap().push(record.args().to_string());
        }
        fn flush(&self) {}
    }
    // Other tests of this file log here, too, when they run in the same process: the more the better.
    log::set_logger(&Keep).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let fence = User::new(Some("MD5"), Some("AES-256"));
    let agent = Snmpd::start(std::slice::from_ref(&fence), "");
    for credentials in
        three_versions(&fence).iter().chain([&user(&fence, "other-Pa55word", "third-Pa55word")])
    {
        let mut client = client(agent.address(), credentials);
        let got = client.get_one(&oid(&SYS_NAME), limit());
        LINES.lock().unwrap().push(format!("{credentials:?} {got:?}"));
    }
    let lines = LINES.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("SNMP get to 127.0.0.1:")));
    for line in lines.iter() {
        assert!(!line.contains("Pa55word") && !line.contains("private"), "{line}");
    }
}

/// Both versions that know a community.
fn old_versions() -> [Credentials; 2] {
    [community(CommunityVersion::V1, "private"), community(CommunityVersion::V2c, "private")]
}

/// Puts the last number of every name one up.
fn renamed(told: &mut [(Vec<u32>, Data)]) {
    for (name, _) in told {
        *name.last_mut().unwrap() += 1;
    }
}

#[test]
fn an_answer_about_another_object_is_never_taken_for_one_about_the_object_asked_for() {
    let unit = TableAgent::rpdu(8)
        .rule(|asked, _| match asked.kind {
            Kind::Get | Kind::Set => Deed::Altered(Box::new(|told| renamed(told))),
            _ => Deed::Answer,
        })
        .start();
    let states: Vec<Oid> = (1..=3).map(|outlet| oid(&RPDU_STATUS).with(&[4, outlet])).collect();
    for credentials in &old_versions() {
        let mut client = hasty(unit.address(), credentials);
        for objects in [&states[..1], &states[..]] {
            let answers = client.get(objects, limit());
            assert!(matches!(answers, Err(Error::Unusable(_))), "{answers:?}");
        }
        let written = client.set(&[(oid(&RPDU_COMMAND).with(&[1]), Value::Integer(2))], limit());
        assert!(matches!(written, Err(Error::Unusable(_))), "{written:?}");
    }
}

#[test]
fn an_answer_about_fewer_or_more_objects_or_in_another_order_is_no_answer() {
    type Alter = fn(&mut Vec<(Vec<u32>, Data)>);
    let alterations: [Alter; 4] = [
        |told| drop(told.pop()),
        |told| told.push(told[0].clone()),
        |told| told.reverse(),
        |told| told.clear(),
    ];
    for alter in alterations {
        let unit = TableAgent::rpdu(8)
            .row("1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.3", 2)
            .rule(move |_, _| Deed::Altered(Box::new(alter)))
            .start();
        let states: Vec<Oid> = (1..=3).map(|outlet| oid(&RPDU_STATUS).with(&[4, outlet])).collect();
        for credentials in &old_versions() {
            match hasty(unit.address(), credentials).get(&states, limit()) {
                // One by one, some of these agents say what is true.
                Ok(answers) => assert_eq!(answers.iter().map(number).collect::<Vec<_>>(), [1, 1, 2]),
                Err(error) => assert!(matches!(error, Error::Unusable(_)), "{error:?}"),
            }
        }
    }
}

/// What an agent may be silent to.
type Silence = fn(&Asked) -> bool;

/// A message that every agent takes (RFC 1157, section 4).
const SMALLEST_MESSAGE: usize = 484;

const SILENCES: [(&str, Silence); 4] = [
    ("large requests", |asked| asked.size > SMALLEST_MESSAGE),
    ("several objects", |asked| asked.names.len() > 1),
    ("get-bulk", |asked| asked.kind == Kind::Bulk),
    ("all but one get-next at a time", |asked| asked.kind == Kind::Bulk || asked.names.len() > 1),
];

#[test]
fn an_agent_that_is_silent_to_much_at_once_is_asked_for_less() {
    for (what, silent) in SILENCES {
        let silent = move |asked: &Asked, _: &mut _| if silent(asked) { Deed::Silence } else { Deed::Answer };
        let unit = TableAgent::rpdu(48).rule(silent).start();
        let objects: Vec<Oid> = (1..=40).map(|outlet| oid(&RPDU_STATUS).with(&[4, outlet])).collect();
        for credentials in &old_versions() {
            let mut client = hasty(unit.address(), credentials);
            let began = Instant::now();
            let answers = client.get(&objects, limit()).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(answers.iter().map(number).collect::<Vec<_>>(), vec![1; 40], "{what}");
            assert_eq!(client.walk(&oid(&RPDU_STATUS).with(&[2]), limit()).unwrap().len(), 48, "{what}");
            assert!(began.elapsed() < Duration::from_secs(8), "{what}: what was learnt is kept");
            let (before, began) = (client.requests(), Instant::now());
            let _ = client.get(&objects, limit()).unwrap();
            assert!(began.elapsed() < Duration::from_secs(5), "{what}");
            assert!(client.requests() - before <= 40, "{what}: nothing is asked for twice");
        }
    }
}

#[test]
fn a_slow_agent_is_not_asked_for_less_nor_over_and_over() {
    // It needs longer for every answer than an attempt takes, and works off one request after the other.
    let unit = TableAgent::rpdu(8)
        .rule(|_, _| {
            std::thread::sleep(Duration::from_millis(300));
            Deed::Answer
        })
        .start();
    let states: Vec<Oid> = (1..=8).map(|outlet| oid(&RPDU_STATUS).with(&[4, outlet])).collect();
    let config = Config { attempt: Duration::from_millis(200), ..Config::default() };
    let mut client = Client::new(&[unit.address()], &old_versions()[1], config).unwrap();
    for _ in 0..5 {
        assert_eq!(client.get(&states, limit()).unwrap().iter().map(number).collect::<Vec<_>>(), vec![1; 8]);
    }
    let asked = unit.log();
    assert!(asked.iter().filter(|asked| asked.names.len() == 8).count() >= 5, "{asked:#?}");
    assert!(client.requests() <= 18, "{}", client.requests());
}

#[test]
fn an_agent_is_waited_for_as_long_as_the_deadline_leaves() {
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap();
    let late = std::thread::spawn(move || {
        let mut request = [0; 1500];
        let (length, client) = mute.recv_from(&mut request).unwrap();
        // Long after the attempts at the quick pace.
        std::thread::sleep(Duration::from_millis(1500));
        // A get-request becomes its own answer: an object without a value, which version 2c calls missing.
        let mut answer = request[..length].to_vec();
        let pdu = answer.iter().position(|&byte| byte == 0xa0).unwrap();
        answer[pdu] = 0xa2;
        let last = answer.len() - 2;
        answer[last] = 0x80;
        mute.send_to(&answer, client).unwrap();
        mute.set_nonblocking(true).unwrap();
        std::iter::from_fn(|| mute.recv(&mut request).ok()).count()
    });
    let config = Config { attempt: Duration::from_millis(50), ..Config::default() };
    let mut client = Client::new(&[address], &old_versions()[1], config).unwrap();
    assert_eq!(client.get_one(&oid(&SYS_NAME), limit()), Ok(Answer::NoSuchObject));
    let repeated = late.join().unwrap();
    assert!((5..15).contains(&repeated), "{repeated}: the pauses grow");
}

#[test]
fn an_answer_from_another_address_of_the_device_is_taken_in_every_version() {
    let unit = TableAgent::rpdu(8).source("127.0.0.2".parse().unwrap()).start();
    for credentials in &old_versions() {
        let mut client = hasty(unit.address(), credentials);
        let state = oid(&RPDU_STATUS).with(&[4, 2]);
        assert_eq!(number(&client.get_one(&state, limit()).unwrap()), 1);
        let before = client.requests();
        client.set(&[(oid(&RPDU_COMMAND).with(&[1]), Value::Integer(2))], limit()).unwrap();
        assert_eq!(client.requests(), before + 1, "from then on at once");
    }
    // SNMP 3, in a relay that answers from elsewhere.
    let fence = User::new(Some("SHA"), Some("AES"));
    let agent = Snmpd::start(std::slice::from_ref(&fence), "");
    let front = UdpSocket::bind("127.0.0.1:0").unwrap();
    let back = UdpSocket::bind("127.0.0.3:0").unwrap();
    let (asked, at) = (front.local_addr().unwrap(), agent.address());
    front.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 2000];
        while let Ok((length, client)) = front.recv_from(&mut buffer) {
            let way = UdpSocket::bind("127.0.0.1:0").unwrap();
            way.connect(at).unwrap();
            way.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            way.send(&buffer[..length]).unwrap();
            if let Ok(length) = way.recv(&mut buffer) {
                back.send_to(&buffer[..length], client).unwrap();
            }
        }
    });
    let mut client = hasty(asked, &right(&fence));
    assert!(client.get_one(&oid(&SYS_NAME), limit()).unwrap().value().is_some());
    assert!(client.engine().is_some());
}

#[test]
fn a_walk_has_a_limit_in_bytes_as_well() {
    let texts = |mut agent: Builder| {
        for port in 1..=500 {
            agent = agent.row(&format!("1.3.6.1.2.1.2.2.1.2.{port}"), "x".repeat(1000).as_str());
        }
        agent.start()
    };
    let switch = texts(TableAgent::ports(0));
    let config = Config { walk_bytes: 100_000, ..Config::default() };
    for credentials in &old_versions() {
        let mut client = Client::new(&[switch.address()], credentials, config).unwrap();
        assert_eq!(client.walk(&oid(&IF_DESCR), limit()), Err(Error::WalkTooLarge(100_000)));
        assert!(client.requests() < 10, "{}", client.requests());
        assert_eq!(client.walk(&Oid::new(name("1.3.6.1.2.1.1")), limit()).unwrap().len(), 1);
    }
}
