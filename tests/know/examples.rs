//! Every example in help and man page, run as it stands: but for the address, the user, the secret and the plug, which
//! are the reader's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use peers::bmc::Settings;
use peers::faults::scsi::Rack;
use peers::redfish::{PASSWORD, USER};
use peers::snmp::daemon::AUTH_PASSWORD;
use peers::snmp::{Family, PowerUnit, Switch, User};
use peers::stand::{
    CISCO_MDS, EATON_EPDU, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, LIEBERT_MPX, LINDY, RARITAN_PDU2,
};
use peers::{Agent, Bmc, TempDir, agents_dir};

use crate::redfish;

/// The examples in the help, which are those of the man page.
fn examples(name: &str, binary: &str) -> Vec<String> {
    let help = Agent::called(name, binary).args(["--help"]).run().stdout;
    let (_, after) = help.split_once("\nExamples:\n").expect("examples");
    let shown: Vec<String> =
        after.lines().take_while(|line| !line.is_empty()).map(str::trim).map(str::to_owned).collect();
    let page = Agent::called(name, binary).args(["-o", "manpage"]).run().stdout;
    let (_, after) = page.split_once("\n.SH EXAMPLES\n").expect("examples");
    let section = after.split("\n.SH ").next().unwrap();
    let in_page: Vec<String> = section
        .lines()
        .filter(|line| !line.starts_with('.'))
        .map(|line| line.replace("\\-", "-").replace("\\e", "\\"))
        .collect();
    assert_eq!(shown, in_page, "{name}");
    assert!(!shown.is_empty(), "{name}");
    shown
}

/// Runs each example of an agent under this name, with these texts in place of those of the example. `program` is what
/// runs under the name.
fn run_all(
    name: &str,
    binary: &str,
    program: &str,
    environment: &[(&str, &str)],
    replace: &[(&str, &str)],
) -> Vec<String> {
    let folder = TempDir::new("examples");
    symlink(program, folder.path().join(name)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let examples = examples(name, binary);
    for example in &examples {
        let line = replace.iter().fold(example.clone(), |line, (from, to)| line.replace(from, to));
        let shell =
            environment.iter().fold(Agent::new("/bin/sh"), |shell, (name, value)| shell.env(name, value));
        let done = shell.env("PATH", &path).args(["-c", &line]).limit(Duration::from_secs(60)).run();
        let action = line.split_whitespace().skip_while(|word| *word != "-o").nth(1).unwrap();
        let fine = match action {
            "status" => [Some(0), Some(2)].contains(&done.code) && done.stdout.starts_with("Status: "),
            _ => done.code == Some(0) && done.stdout.starts_with("Success: "),
        };
        assert!(fine, "{line}: {}{}", done.stdout, done.stderr);
    }
    examples
}

fn program(name: &str) -> String {
    agents_dir().join(name).display().to_string()
}

#[test]
fn the_examples_of_fence_ipmilan_work_under_every_name() {
    let bmc = Bmc::start(Settings::default());
    let (folder, address) = (TempDir::new("secret"), format!("127.0.0.1 -u {}", bmc.port()));
    let secret = folder.write("secret", "adminpw\n").display().to_string();
    let binary = program("fence_ipmilan");
    for name in [
        "fence_ipmilan",
        "fence_ipmilanplus",
        "fence_idrac",
        "fence_ilo3",
        "fence_ilo4",
        "fence_ilo5",
        "fence_imm",
    ] {
        let before = bmc.power_changes().len();
        run_all(
            name,
            "fence_ipmilan",
            &binary,
            &[],
            &[("192.0.2.10", &address), ("/etc/fence.secret", &secret)],
        );
        assert!(bmc.power_changes().len() > before && bmc.power(), "{name}");
    }
}

#[test]
fn the_examples_of_fence_redfish_work_where_the_certificate_is_trusted() {
    let server = redfish::whole().start();
    let (folder, address) = (TempDir::new("secret"), format!("127.0.0.1 -u {}", server.port()));
    let secret = folder.write("secret", PASSWORD).display().to_string();
    let bundle = folder.path().join("bundle");
    fs::write(&bundle, redfish::CERTIFICATE.pem()).unwrap();
    let replace = [
        ("192.0.2.10", address.as_str()),
        ("/etc/fence.secret", &secret),
        ("-l admin", &format!("-l {USER}")),
    ];
    let trusted = [("REQUESTS_CA_BUNDLE", bundle.to_str().unwrap())];
    run_all("fence_redfish", "fence_redfish", &program("fence_redfish"), &trusted, &replace);
    assert!(server.is_on(redfish::SYSTEM) && !server.commands(redfish::SYSTEM).is_empty());
}

#[test]
fn the_examples_of_the_snmp_agents_work() {
    let folder = TempDir::new("secret");
    let secret = folder.write("secret", AUTH_PASSWORD).display().to_string();
    let user = User::new(Some("SHA"), None);
    let login = format!("-l {}", user.name);
    for (name, family) in [("fence_apc_snmp", Family::ApcRpdu), ("fence_tripplite_snmp", Family::TrippLite)] {
        let unit = PowerUnit::builder(family).users(std::slice::from_ref(&user)).start();
        let address = format!("127.0.0.1 -u {}", unit.address().port());
        let replace =
            [("192.0.2.10", address.as_str()), ("/etc/fence.secret", &secret), ("-l admin", &login)];
        run_all(name, "fence_apc_snmp", &program("fence_apc_snmp"), &[], &replace);
        assert!(unit.writes().len() >= 2 && unit.is_on(1, 3), "{name}");
    }
    let unit = PowerUnit::builder(&LINDY).switches(2).start();
    let address = format!("127.0.0.1 -u {}", unit.address().port());
    run_all("fence_lindypdu", "fence_lindypdu", &program("fence_apc_snmp"), &[], &[("192.0.2.10", &address)]);
    assert!(unit.texts().len() >= 2 && unit.is_on(2, 3));
    let fabric = PowerUnit::builder(&CISCO_MDS).users(std::slice::from_ref(&user)).start_changeable();
    let address = format!("127.0.0.1 -u {}", fabric.address().port());
    let replace = [("192.0.2.10", address.as_str()), ("/etc/fence.secret", &secret), ("-l admin", &login)];
    run_all("fence_cisco_mds", "fence_cisco_mds", &program("fence_ifmib"), &[], &replace);
    assert!(!fabric.is_on(1, 3) && fabric.is_on(1, 4));
    for (name, stand, group) in [
        ("fence_eaton_snmp", &EATON_EPDU, 0),
        ("fence_emerson", &LIEBERT_MPX, 1),
        ("fence_ipdu", &IPDU_NEW, 1),
        ("fence_ibmblade", &IBM_BLADE, 1),
        ("fence_intelmodular", &INTEL_MODULAR, 1),
        ("fence_snmp_pdu", &RARITAN_PDU2, 1),
    ] {
        let unit = PowerUnit::builder(stand).users(std::slice::from_ref(&user)).start();
        let address = format!("127.0.0.1 -u {}", unit.address().port());
        let replace =
            [("192.0.2.10", address.as_str()), ("/etc/fence.secret", &secret), ("-l admin", &login)];
        run_all(name, "fence_apc_snmp", &program("fence_apc_snmp"), &[], &replace);
        assert!(unit.writes().len() >= 2 && unit.is_on(group, 3), "{name}");
    }
    let switch = Switch::start(2, std::slice::from_ref(&user), "");
    let (address, port) =
        (format!("127.0.0.1 -u {}", switch.address().port()), format!("-n {}", switch.index("port1")));
    let replace = [
        ("192.0.2.10", address.as_str()),
        ("/etc/fence.secret", &secret),
        ("-l admin", &login),
        ("-n 3", &port),
    ];
    run_all("fence_ifmib", "fence_ifmib", &program("fence_ifmib"), &[], &replace);
    assert!(!switch.is_up("port1") && switch.is_up("port2"));
}

/// What corosync-cmapctl and vgs say is what they say on the cluster that the example is meant for.
#[test]
fn the_examples_of_fence_scsi_work_on_a_cluster() {
    let rack = Rack::of(vec![Rack::disk(7, &[0xc8fb_0000, 0xc8fb_0001])], 0xc8fb_0000);
    let vgs = rack.write("vgs", &format!("#!/bin/sh\necho '  wz--ns:{}'\n", rack.device(0)));
    fs::set_permissions(&vgs, fs::Permissions::from_mode(0o755)).unwrap();
    let tools = format!("-n node2 --corosync-cmap-path={} --vgs-path={}", rack.corosync(), vgs.display());
    let examples = run_all("fence_scsi", "fence_scsi", &rack.program(), &[], &[("-n node2", &tools)]);
    assert!(examples.iter().any(|example| example.contains("-o off")));
    assert!(!rack.lun(0).keys().any(|key| key == 0xc8fb_0001));
}
