//! The program fencing, over configurations as pcs and crmsh print them.

use std::process::Command;

use peers::bmc::{OPERATOR, Settings, Step, User};
use peers::{Agent, Bmc, Finished, TempDir};
use serde_json::{Value, json};

use crate::common;

/// A fence device as the configuration has it: name, agent, options.
type Device<'a> = (&'a str, &'a str, Vec<(&'a str, String)>);

fn fencing(arguments: &[&str], stdin: &str) -> Finished {
    Agent::called("fencing", "fencing").args(arguments.iter().copied()).stdin(stdin).run()
}

/// As `cibadmin --query` prints it.
fn xml(devices: &[Device<'_>], rest: &str) -> String {
    let mut text = String::from("<cib><configuration><resources>");
    for (id, agent, options) in devices {
        text += &format!(
            "<primitive id=\"{id}\" class=\"stonith\" type=\"{agent}\"><instance_attributes id=\"{id}-a\">"
        );
        for (name, value) in options {
            text += &format!("<nvpair id=\"{id}-{name}\" name=\"{name}\" value=\"{value}\"/>");
        }
        text += "</instance_attributes></primitive>";
    }
    text + "</resources>" + rest + "</configuration></cib>"
}

/// As `pcs stonith config --output-format=json` prints it.
fn pcs(devices: &[Device<'_>]) -> String {
    let primitives: Vec<Value> = devices
        .iter()
        .map(|(id, agent, options)| {
            let pairs: Vec<Value> = options
                .iter()
                .map(|(name, value)| json!({"id": format!("{id}-{name}"), "name": name, "value": value}))
                .collect();
            json!({
                "id": id,
                "agent_name": {"standard": "stonith", "provider": null, "type": agent},
                "operations": [],
                "meta_attributes": [],
                "instance_attributes": [{"id": "a", "options": {}, "rule": null, "nvpairs": pairs}],
            })
        })
        .collect();
    json!({"primitives": primitives, "clones": [], "groups": [], "bundles": []}).to_string()
}

/// A BMC with which all is well.
fn healthy() -> Bmc {
    Bmc::start(Settings { users: vec![User::new("admin", "adminpw", OPERATOR)], ..Settings::default() })
}

/// How this BMC is reached, with these options in the place of others or beside them.
fn options(bmc: &Bmc, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let port = bmc.port().to_string();
    [("ip", "127.0.0.1"), ("ipport", port.as_str()), ("username", "admin"), ("password", "adminpw")]
        .iter()
        .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
        .chain(more)
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[test]
fn every_device_of_both_forms_is_examined_and_none_is_changed() {
    let bmcs: Vec<Bmc> = (0..12).map(|_| healthy()).collect();
    let names: Vec<String> = (0..12).map(|number| format!("fence-{number}")).collect();
    let devices: Vec<Device<'_>> = bmcs
        .iter()
        .zip(&names)
        .map(|(bmc, name)| (name.as_str(), "fence_ipmilan", options(bmc, &[])))
        .collect();
    for configuration in [xml(&devices, ""), pcs(&devices)] {
        let done = fencing(&["doctor"], &configuration);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{}", done.stdout);
        for name in &names {
            assert!(
                done.stdout.lines().any(|line| line.starts_with(name) && line.contains(" advice ")),
                "{name}: {}",
                done.stdout
            );
        }
        assert!(!done.stdout.contains("adminpw"), "{}", done.stdout);
    }
    for bmc in &bmcs {
        assert!(bmc.power());
        assert_eq!((bmc.count(Step::ChassisControl), bmc.open_sessions()), (0, 0));
        assert!(bmc.count(Step::ChassisStatus) > 0);
    }
}

#[test]
fn the_worst_that_is_found_is_the_exit_code_and_the_table_names_it() {
    let bmc = healthy();
    let well: Device<'_> = ("well", "fence_ipmilan", options(&bmc, &[]));
    let cycle: Device<'_> = ("cycle", "fence_idrac", options(&bmc, &[("method", "cycle")]));
    let wrong: Device<'_> = ("wrong", "fence_ilo5", options(&bmc, &[("expect_serial", "another")]));
    let diag: Device<'_> = ("diag", "fence_ipmilan", options(&bmc, &[("pcmk_off_action", "diag")]));
    let slow: Device<'_> = ("slow", "fence_ipmilan", options(&bmc, &[("delay", "70")]));
    let foreign: Device<'_> = ("foreign", "fence_xvm", Vec::new());
    let bad: Device<'_> = ("bad", "fence_ipmilan", options(&bmc, &[("ipport", "http")]));
    for (devices, code, words) in [
        (vec![well.clone(), foreign], 0, "fence_xvm is no agent of this project"),
        (vec![well.clone(), cycle], 3, "method=cycle"),
        (vec![well.clone(), slow], 3, "stonith-timeout ends it after 60 s"),
        (vec![well.clone(), wrong], 1, "is not the one meant"),
        (vec![diag, well.clone()], 1, "pcmk_off_action is diag"),
        (vec![well, bad], 1, "ipport: 'http' is not a whole number"),
        (vec![], 1, "no fence device"),
    ] {
        let done = fencing(&["doctor"], &xml(&devices, ""));
        assert_eq!(done.code, Some(code), "{words}: {}", done.stdout);
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
        let done = fencing(&["doctor", "--json"], &xml(&devices, ""));
        let report = common::json(&done.stdout);
        let severity = if code == 0 {
            "advice"
        } else if code == 3 {
            "warning"
        } else {
            "failure"
        };
        assert_eq!((done.code, &report["severity"]), (Some(code), &severity.into()), "{report:#}");
        assert_eq!(report["devices"].as_array().unwrap().len(), devices.len());
        assert!(!done.stdout.contains("adminpw"));
    }
    assert_eq!(bmc.controls(), [0; 0]);
}

#[test]
fn an_action_that_only_rehearses_left_in_the_configuration_is_named_and_not_run() {
    let bmc = healthy();
    let device: Device<'_> = ("left", "fence_ipmilan", options(&bmc, &[("explain", "1"), ("action", "off")]));
    let done = fencing(&["doctor"], &pcs(&[device]));
    assert_eq!(done.code, Some(1));
    assert!(done.stdout.contains("explain is set"), "{}", done.stdout);
    assert!(bmc.power());
}

#[test]
fn a_password_that_crmsh_hides_is_not_tried() {
    let bmc = healthy();
    let mut hidden = options(&bmc, &[]);
    hidden.iter_mut().filter(|(name, _)| *name == "password").for_each(|(_, value)| *value = "******".into());
    let done = fencing(&["doctor"], &xml(&[("hidden", "fence_ipmilan", hidden)], ""));
    assert_eq!(done.code, Some(3), "{}", done.stdout);
    assert!(done.stdout.contains("the value of password is hidden"), "{}", done.stdout);
    assert_eq!(bmc.count(Step::Any), 0);
}

#[test]
fn what_crmsh_and_pcs_really_print_is_understood() {
    let bmc = healthy();
    let dir = TempDir::new("cluster");
    let empty = Command::new("cibadmin")
        .arg("--empty")
        .output()
        .expect("cibadmin (Debian package pacemaker-cli-utils)");
    let empty = String::from_utf8(empty.stdout).unwrap();
    let device: Device<'_> = ("real", "fence_ipmilan", options(&bmc, &[("pcmk_host_list", "alpha")]));
    let inner = xml(&[device], "");
    let (_, rest) = inner.split_once("<resources>").unwrap();
    let (resources, _) = rest.split_once("</resources>").unwrap();
    let path =
        dir.write("cib.xml", &empty.replace("<resources/>", &format!("<resources>{resources}</resources>")));
    let path = path.to_str().unwrap();
    let print = |program: &str, arguments: &[&str]| {
        let done = Command::new(program)
            .args(arguments)
            .env("CIB_file", path)
            .env("HOME", dir.path())
            .output()
            .unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let by_pcs = print("pcs", &["-f", path, "stonith", "config", "--output-format=json"]);
    let by_cibadmin = print("cibadmin", &["--query"]);
    for printed in [&by_pcs, &by_cibadmin] {
        let done = fencing(&["doctor", "-"], printed);
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{printed}: {}", done.stdout);
    }
    let by_crm = fencing(&["doctor"], &print("crm", &["configure", "show", "xml"]));
    assert_eq!(by_crm.code, Some(3), "{}{}", by_crm.stdout, by_crm.stderr);
    assert!(by_crm.stdout.contains("hidden"), "{}", by_crm.stdout);
}

#[test]
fn what_can_not_be_read_is_one_line_and_exit_code_1() {
    for (arguments, stdin, words) in [
        (&["doctor"][..], "", "empty"),
        (&["doctor"], "primitive x stonith:fence_ipmilan", "neither what pcs"),
        (&["doctor"], "{}", "no list of primitives"),
        (&["doctor"], "<cib><resources>", "ends too early"),
        (&["doctor", "/nowhere/cib.xml"], "", "/nowhere/cib.xml"),
        (&["evidence", "/nowhere/evidence.json"], "", "/nowhere/evidence.json"),
        (&["evidence", "/dev/zero"], "", "no regular file"),
    ] {
        let done = fencing(arguments, stdin);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(done.stderr.contains(words) && done.stderr.lines().count() == 1, "{words}: {}", done.stderr);
    }
}

#[test]
fn progress_is_shown_at_a_terminal_and_nowhere_else_and_leaves_nothing_on_the_line() {
    let bmcs: Vec<Bmc> = (0..3).map(|_| healthy()).collect();
    let names = ["one", "two", "three"];
    let devices: Vec<Device<'_>> =
        bmcs.iter().zip(names).map(|(bmc, name)| (name, "fence_ipmilan", options(bmc, &[]))).collect();
    let dir = TempDir::new("cluster");
    let path = dir.write("config.json", &pcs(&devices));
    let command = format!("{} doctor {}", peers::agents_dir().join("fencing").display(), path.display());
    // The terminal is util-linux' script(1): both outputs are in stdout.
    let shown =
        Agent::new("/usr/bin/script").args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").run();
    for line in ["0 of 3 examined", "3 of 3 examined"] {
        assert!(shown.stdout.contains(line), "{line}: {:?}", shown.stdout);
    }
    assert!(shown.stdout.contains("\r\x1b[K\x1b[1mone (fence_ipmilan)"), "{:?}", shown.stdout);
    let piped = fencing(&["doctor", path.to_str().unwrap()], "");
    assert_eq!(piped.stderr, "");
    assert!(!piped.stdout.contains("examined") && !piped.stdout.contains('\x1b'), "{}", piped.stdout);
}
