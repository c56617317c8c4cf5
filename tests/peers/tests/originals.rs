//! Consoles, stands and services, judged by the agents that fence-agents has for the real ones (Debian package `fence-agents`).

use std::path::Path;
use std::time::Duration;

use peers::console::{
    APC, APC_MENUS, BLADECENTER, CMC, COMPUTE_BLADE, Console, DRAC, DRAC_MC, DRAC5, Device, Door, HPBLADE,
    ILO, NETIO, Negotiation, PASSWORD, RSA, SUPERDOME, USER, WTI,
};
use peers::service::{self, Maker, PVE, Server};
use peers::snmp::PowerUnit;
use peers::stand::{
    EATON_MANAGED, EATON_SWITCHED, IBM_BLADE, INTEL_MODULAR, IPDU_OLD, LIEBERT_MPX, LINDY, Stand,
};
use peers::subject::{Lack, ROWS, Row};
use peers::{Agent, Finished, TempDir};

/// Runs an original, with the options that every one has.
fn original(agent: &str, port: u16, action: &str, more: &[(&str, &str)]) -> Finished {
    let port = port.to_string();
    // It keeps the keys of hosts there.
    let home = TempDir::new("originals");
    let done = Agent::new(format!("/usr/sbin/{agent}"))
        .options([("ip", "127.0.0.1"), ("ipport", &port), ("action", action), ("verbose", "1")])
        .options(more.iter().copied())
        // No wait of theirs may end because this machine is busy.
        .options([
            ("login_timeout", "40"),
            ("shell_timeout", "40"),
            ("power_timeout", "40"),
            ("power_wait", "0"),
        ])
        .env("HOME", &home.path().to_string_lossy())
        .limit(Duration::from_secs(150))
        .run();
    assert!(!done.killed, "{agent} {action}:\n{}{}", done.stdout, done.stderr);
    done
}

/// Status, off, status, on: the exit codes, each with what was true afterwards.
fn fence(agent: &str, port: u16, more: &[(&str, &str)], is_on: impl Fn() -> bool) {
    for (action, code, on) in [("status", 0, true), ("off", 0, false), ("status", 2, false), ("on", 0, true)]
    {
        let done = original(agent, port, action, more);
        assert_eq!(
            (done.code, is_on()),
            (Some(code), on),
            "{agent} {action}:\n{}{}",
            done.stdout,
            done.stderr
        );
    }
}

const LOGIN: [(&str, &str); 2] = [("username", USER), ("password", PASSWORD)];

/// Of the SSH of a console: no file of the machine's counts.
const SSH: [(&str, &str); 2] = [
    ("secure", "1"),
    ("ssh_options", "-F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"),
];

fn console(agent: &str, console: &Console, door: impl Fn(&Device) -> Door, more: &[(&str, &str)]) {
    let names: &[&str] =
        if more.iter().any(|(option, _)| *option == "plug") { &["web1", "db1", "db2"] } else { &["node1"] };
    let device = Device::of(console).outlets(names).start();
    let door = door(&device);
    let plug = if names.len() > 1 { "2" } else { "1" };
    fence(agent, door.port(), more, || device.is_on(plug));
    let others = ["1", "3"].into_iter().filter(|_| names.len() > 1);
    assert!(others.into_iter().all(|other| device.history(other).len() == 1), "{agent}: another outlet");
    assert_eq!(device.refused_logins(), 0, "{agent}");
}

#[test]
fn fence_apc_fences_at_the_command_line_and_in_the_menus() {
    let plug = [("plug", "2")];
    console("fence_apc", &APC, Device::telnetd, &[&LOGIN[..], &plug].concat());
    console("fence_apc", &APC, Device::ssh, &[&LOGIN[..], &SSH, &plug].concat());
    console("fence_apc", &APC_MENUS, Device::telnetd, &[&LOGIN[..], &plug].concat());
}

#[test]
fn fence_wti_fences_with_a_password_alone() {
    console("fence_wti", &WTI, Device::telnetd, &[("password", PASSWORD), ("plug", "2")]);
}

#[test]
fn fence_bladecenter_and_fence_ilo3_ssh_fence_by_ssh() {
    console("fence_bladecenter", &BLADECENTER, Device::ssh, &[&LOGIN[..], &SSH, &[("plug", "2")]].concat());
    console("fence_ilo3_ssh", &ILO, Device::ssh, &[&LOGIN[..], &SSH].concat());
}

#[test]
fn fence_netio_fences_by_lines() {
    let door = |device: &Device| device.telnet(Negotiation::MUTE);
    console("fence_netio", &NETIO, door, &[&LOGIN[..], &[("plug", "2")]].concat());
}

#[test]
fn the_agents_for_boards_and_chassis_fence_them() {
    for (agent, device, plug) in [
        ("fence_drac", &DRAC, None),
        ("fence_drac5", &DRAC5, None),
        ("fence_drac5", &CMC, Some("server-2")),
        ("fence_drac5", &DRAC_MC, Some("Server-2")),
        // A > in its greeting is a prompt to it.
        ("fence_rsa", &Console { greeting: "\n", ..RSA }, None),
        ("fence_hpblade", &HPBLADE, Some("2")),
        ("fence_hpblade", &SUPERDOME, Some("2")),
        ("fence_hds_cb", &COMPUTE_BLADE, Some("2")),
    ] as [(&str, &Console, Option<&str>); 8]
    {
        let plug: Vec<_> = plug.map(|plug| ("plug", plug)).into_iter().collect();
        let prompt: &[(&str, &str)] = if agent == "fence_hpblade" { &[("cmd_prompt", "oa1?>")] } else { &[] };
        console(agent, device, Device::telnetd, &[&LOGIN[..], prompt, &plug].concat());
    }
}

#[test]
fn the_agents_for_stands_fence_them() {
    let plain: &[(&str, &str)] = &[("community", "private"), ("snmp_version", "2c")];
    for (agent, stand, groups, plug, place) in [
        ("fence_eaton_snmp", &EATON_MANAGED, 1, "2", (1, 2)),
        ("fence_eaton_snmp", &EATON_SWITCHED, 1, "2", (1, 2)),
        ("fence_emerson", &LIEBERT_MPX, 2, "1.2.3", (2, 3)),
        ("fence_ipdu", &IPDU_OLD, 1, "2", (1, 2)),
        ("fence_ibmblade", &IBM_BLADE, 1, "2", (1, 2)),
        ("fence_intelmodular", &INTEL_MODULAR, 1, "2", (1, 2)),
        ("fence_lindypdu", &LINDY, 1, "2", (1, 2)),
    ] as [(&str, &'static Stand, u32, &str, (u32, u32)); 7]
    {
        let unit = PowerUnit::builder(stand).switches(groups).start();
        let more = [plain, &[("plug", plug)]].concat();
        fence(agent, unit.address().port(), &more, || unit.is_on(place.0, place.1));
        let mut others = unit.places().into_iter().filter(|other| *other != place);
        assert!(others.all(|(group, outlet)| unit.record(group, outlet).powered.len() == 1), "{agent}");
    }
}

#[test]
fn the_original_of_every_subject_fences_its_device() {
    let comparable = |row: &&&Row| {
        let there = Path::new("/usr/sbin").join(row.agent).exists();
        there && !row.lacks(Lack::Address) && !row.lacks(Lack::Original)
    };
    for row in ROWS.iter().filter(comparable) {
        let subject = row.subject();
        let options = subject.options_with_plug();
        let options: Vec<_> = options.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let port = options.iter().find(|(name, _)| *name == "ipport").expect("a port").1;
        fence(row.agent, port.parse().expect("a port"), &options, || subject.is_on());
        assert!(subject.plugs.len() < 2 || subject.device.is_on(1), "{}: another plug", row.name);
    }
}

#[test]
fn fence_pve_finds_the_node_and_fences_the_virtual_machine() {
    let server = Server::of(&PVE)
        .machine("100", "web1", "n1")
        .machine("101", "db1", "n2")
        .machine("102", "db2", "n2")
        .certificate(Maker::default().self_signed())
        .start();
    let login = [
        ("username", service::USER),
        ("password", service::PASSWORD),
        ("ssl_insecure", "1"),
        ("plug", "101"),
    ];
    let auto = [&login[..], &[("pve_node_auto", "1")]].concat();
    fence("fence_pve", server.port(), &auto, || server.is_on("101"));
    fence("fence_pve", server.port(), &[&login[..], &[("pve_node", "n2")]].concat(), || server.is_on("101"));
    assert!(["100", "102"].iter().all(|other| server.history(other).len() == 1));
    let looked =
        |node: &str| server.log().contains(&format!("GET /api2/json/nodes/{node}/qemu/101/status/current"));
    assert!(looked("n1") && looked("n2") && server.logins().iter().all(|(_, good)| *good));
}
