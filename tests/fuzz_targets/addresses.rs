//! What people and devices write as addresses: hosts with and without a port, links, pins, plugs, object
//! identifiers, reservation keys.

use std::time::Duration;

use fence_agents::agents::snmp;
use fence_agents::agents::snmp::families::{FAMILIES, Plug, Rows};
use fence_agents::base::{Deadline, net};
use fence_agents::protocols::http;
use fence_agents::protocols::redfish::{Address, Config, Error, Transport, Trust};
use fence_agents::protocols::scsi::Key;
use fence_agents::protocols::snmp::Oid;

use super::common::{SECRET, assert_hidden};

/// Reads any input.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    address(&text);
    literal(&text);
    links(&text);
    pin(&text);
    plug(&text);
    numbers(&text);
}

fn address(text: &str) {
    match Address::parse(text, 443) {
        Ok(address) => {
            assert_ne!(address.port, 0);
            let shown = address.to_string();
            assert_eq!(Address::parse(&shown, 1), Ok(address.clone()));
            // What may stand in a host can't become anything else in a URL.
            assert!(!address.host.contains(|c: char| "/\\?#@%[] ".contains(c) || c.is_control()), "{shown}");
            // A URL takes what looks like a number for one, and "4294967296" is none.
            match config(address, true).check() {
                Ok(()) => {}
                Err(error) => {
                    assert!(matches!(error, Error::Http(http::Error::BadAddress { .. })), "{error}")
                }
            }
        }
        Err(http::Error::BadAddress { text: shown } | http::Error::NoZone { text: shown }) => {
            assert!(shown.chars().count() <= 100);
        }
        Err(other) => panic!("{other}"),
    }
}

/// Without time for the name service only a number has an address.
fn literal(text: &str) {
    let host = snmp::host_in(text);
    assert!(text.ends_with(host));
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match net::resolve(host, 161, Deadline::after(Duration::ZERO)) {
        Ok(addresses) => {
            // A zone says through which interface, and changes nothing of the address.
            let address = bare.split_once('%').map_or(bare, |(address, _)| address);
            let found: Vec<_> = addresses.iter().map(|found| (found.ip(), found.port())).collect();
            assert_eq!(found, [(address.parse::<std::net::IpAddr>().unwrap(), 161)]);
        }
        // One that every interface has needs no name service to be refused.
        Err(net::NameError::NotFound(why)) => {
            assert!(why.contains("link-local") || bare.contains('%'), "{text}: {why}");
        }
        Err(error) => assert_eq!(error, net::NameError::Late),
    }
}

fn config(address: Address, https: bool) -> Config {
    Config {
        address,
        transport: if https { Transport::Https(Trust::Unchecked) } else { Transport::Http },
        root: "/redfish/v1".into(),
        credentials: None,
        request_limit: Duration::from_secs(5),
        proxy_from_environment: false,
    }
}

fn links(text: &str) {
    for (address, https, origin) in [
        ("bmc.example:8443", true, "https://bmc.example:8443/"),
        ("bmc.example", true, "https://bmc.example/"),
        ("[2001:db8::1]", false, "http://[2001:db8::1]:443/"),
    ] {
        let config = config(Address::parse(address, 443).unwrap(), https);
        match config.link(text) {
            Ok(link) => {
                // Whatever is written there, the request goes nowhere else.
                assert!(link.as_str().starts_with(origin), "{}", link.as_str());
                let path = link.path();
                assert!(path.starts_with('/') && link.as_str().ends_with(path), "{path}");
                assert!(!path.contains(|c: char| c.is_control() || c == ' ' || c == '#'), "{path}");
                assert_eq!(config.link(link.as_str()).unwrap(), link);
            }
            Err(error) => {
                assert!(matches!(error, Error::Http(http::Error::ForeignLink { .. })), "{error}");
                assert!(error.to_string().len() < 1000, "{error}");
            }
        }
        // A name and a password in a link are never used, and never shown.
        for before in ["https://", "http://", "//", "http:", "\\\\"] {
            if let Err(error) = config.link(&format!("{before}root:{SECRET}@{text}")) {
                assert_hidden(&format!("{error} {error:?}"));
            }
            if let Err(error) = config.link(&format!("{before}{text}:{SECRET}@other.example/")) {
                assert_hidden(&format!("{error} {error:?}"));
            }
        }
    }
}

fn pin(text: &str) {
    let Some(trust) = Trust::parse_pin(text) else { return };
    let Trust::Pinned(pin) = trust else { panic!("{trust:?} out of a pin") };
    let digits: String = pin.iter().map(|byte| format!("{byte:02x}")).collect();
    let plain: String = text.to_ascii_lowercase().chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    assert!(plain.ends_with(&digits), "{text}");
    assert_eq!(Trust::parse_pin(&digits), Some(trust));
}

fn plug(text: &str) {
    match Plug::parse(text, Rows::DeviceOutlet) {
        Plug::Number { unit, number } => {
            assert!(number > 0 && unit != Some(0));
            let shown = unit.map_or(number.to_string(), |unit| format!("{unit}:{number}"));
            assert_eq!(Plug::parse(&shown, Rows::DeviceOutlet), Plug::Number { unit, number });
            assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':'));
        }
        // Digits are always meant as a number, so they name no outlet by its name.
        Plug::OutOfRange => assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')),
        Plug::Name(name) => {
            assert_eq!(name, text);
            assert!(text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()));
        }
        Plug::Whole(_) => panic!("more numbers than rows have"),
    }
    for family in FAMILIES.iter().filter(|family| family.rows.are_whole()) {
        match Plug::parse(text, family.rows) {
            Plug::Whole(outlet) => {
                assert!(outlet.number > 0 || family.rows == Rows::Phase);
                assert!(outlet.unit > 0 && outlet.branch > 0 || family.rows == Rows::OutletMac);
                assert_eq!(Plug::parse(&family.plug(outlet), family.rows), Plug::Whole(outlet));
                assert!(family.rows_of(outlet).iter().all(|row| family.outlet_of(row) == Some(outlet)));
            }
            Plug::OutOfRange => assert!(!text.bytes().any(|byte| byte.is_ascii_alphabetic())),
            Plug::Name(name) => assert_eq!(name, text),
            Plug::Number { unit, .. } => assert!(unit.is_none() && family.rows == Rows::OutletMac),
        }
    }
}

fn numbers(text: &str) {
    if let Ok(oid) = text.parse::<Oid>() {
        assert_eq!(oid.to_string().parse(), Ok(oid));
    }
    if let Ok(key) = text.parse::<Key>() {
        assert_ne!(key.value(), 0);
        assert_eq!(key.to_string().parse(), Ok(key));
    }
}
