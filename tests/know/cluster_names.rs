//! What an agent is told by the program fencing: whatever a configuration holds, it reads doctor as its action.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use peers::snmp::{Family, PowerUnit};
use peers::subject::ROWS;
use peers::{Agent, Finished, TempDir};
use serde_json::{Value, json};

use crate::common;

/// An option of a configuration: its name and its value.
type Row<'a> = (&'a str, &'a str);

/// Options that must not change what is done, each beside the device's own. Those that XML can't write are for JSON.
const HOSTILE: &[Row<'_>] = &[
    // The action under other spellings.
    ("action", "off"),
    ("Action", "off"),
    (" action", "off"),
    ("action ", "reboot"),
    ("\taction", "off"),
    ("action\r", "off"),
    ("\naction", "off"),
    ("-action", "off"),
    ("act-ion", "off"),
    ("option", "off"),
    ("option ", "off"),
    ("action\u{a0}", "off"),
    ("action\u{2028}", "off"),
    ("action\u{85}", "off"),
    ("#action", "off"),
    ("", "off"),
    // A line of its own, in a name or in a value.
    ("description\naction", "off"),
    ("description\r\naction", "off"),
    ("description", "text\naction=off"),
    ("power_wait", "0\naction=off\n"),
    ("pcmk_host_map", "n1:1\naction=off"),
    ("pcmk_host_list", "n1\naction=off"),
    // An equals sign in a name moves the border between name and value.
    ("action=off", ""),
    ("action=off#", "1"),
    ("=action", "off"),
    ("delay=0\naction=off", ""),
    // The plug under the name of something else.
    ("pcmk_host_argument", "action"),
    ("pcmk_host_argument", " action"),
    ("pcmk_host_argument", "explain"),
    ("pcmk_host_argument", "x\naction"),
    // What makes something else of an action, or of what it prints.
    ("help", "1"),
    (" help ", "yes"),
    ("version", "1"),
    ("version", "\"on\""),
    ("explain", "1"),
    ("explain ", "true"),
    ("nodename", "n9"),
    ("nodename ", "n9"),
    ("json", "0"),
    ("quiet", "1"),
    ("verbose", "1"),
    ("verbose-level", "2"),
    ("action\0", "off"),
    ("\0\naction", "off"),
];

/// A text for an attribute in XML; `None` where XML can't write it.
fn escaped(text: &str) -> Option<String> {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '\0' => return None,
            c if c.is_control() || "<>&\"".contains(c) => escaped += &format!("&#{};", u32::from(c)),
            c => escaped.push(c),
        }
    }
    Some(escaped)
}

/// Fence devices of one agent, as the configuration has them; `None` where XML can't write their options.
fn xml(agent: &str, devices: &[Vec<Row<'_>>]) -> Option<String> {
    let mut text = String::from("<cib><configuration><resources>");
    for (number, options) in devices.iter().enumerate() {
        text +=
            &format!("<primitive id=\"f{number}\" class=\"stonith\" type=\"{agent}\"><instance_attributes>");
        for (name, value) in options {
            text += &format!("<nvpair name=\"{}\" value=\"{}\"/>", escaped(name)?, escaped(value)?);
        }
        text += "</instance_attributes></primitive>";
    }
    Some(text + "</resources></configuration></cib>")
}

/// The same as pcs prints it.
fn pcs(agent: &str, devices: &[Vec<Row<'_>>]) -> String {
    let primitive = |(number, options): (usize, &Vec<Row<'_>>)| {
        let pairs: Vec<Value> =
            options.iter().map(|(name, value)| json!({"id": "n", "name": name, "value": value})).collect();
        json!({
            "id": format!("f{number}"),
            "agent_name": {"standard": "stonith", "provider": null, "type": agent},
            "instance_attributes": [{"id": "a", "options": {}, "rule": null, "nvpairs": pairs}],
        })
    };
    json!({"primitives": devices.iter().enumerate().map(primitive).collect::<Vec<_>>()}).to_string()
}

fn doctor(arguments: &[&str], configuration: &str) -> Finished {
    Agent::called("fencing", "fencing")
        .args(["doctor"])
        .args(arguments.iter().copied())
        .stdin(configuration)
        .run()
}

/// Programs in the place of agents, which write down what they read and find nothing.
pub(crate) struct Recorder(TempDir);

impl Recorder {
    pub(crate) fn new(agents: &[&str]) -> Recorder {
        let dir = TempDir::new("recorder");
        for agent in agents {
            let path = dir
                .write(agent, &format!("#!/bin/sh\ncat > {}/read.$$\necho '{{}}'\n", dir.path().display()));
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Recorder(dir)
    }

    /// The agents' directory.
    pub(crate) fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    /// What was read since the last time, each text with its lines.
    pub(crate) fn read(&self) -> Vec<Vec<String>> {
        let mut texts = Vec::new();
        for entry in fs::read_dir(self.0.path()).unwrap().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with("read.") {
                let text = fs::read_to_string(entry.path()).unwrap();
                texts.push(text.lines().map(str::to_owned).collect());
                fs::remove_file(entry.path()).unwrap();
            }
        }
        texts
    }
}

#[test]
fn no_option_of_a_configuration_makes_an_agent_act() {
    for row in ROWS {
        let subject = row.subject();
        // Where its agents are, under their own names.
        let dir = TempDir::new("agents");
        let name = subject.agent_name();
        // Joined to a directory, a whole path stays what it is.
        symlink(peers::agent::program(&subject.agent), dir.path().join(name)).unwrap();
        let record = dir.path().join("record");
        let files = [("debug_file", record.to_str().unwrap()), ("debug-file ", record.to_str().unwrap())];
        let plug = || subject.plugs.first().map(|plug| (subject.plug_option, plug.as_str()));
        let own = || subject.options.iter().map(|(name, value)| (*name, value.as_str())).chain(plug());
        let devices: Vec<Vec<Row<'_>>> = HOSTILE
            .iter()
            .chain(&files)
            .map(|row| {
                own().filter(|(name, _)| *name != row.0).chain([*row, ("pcmk_host_list", "n1")]).collect()
            })
            .collect();
        let (in_xml, in_json): (Vec<_>, Vec<_>) =
            devices.into_iter().partition(|options| options.iter().all(|(name, _)| escaped(name).is_some()));
        for configuration in [xml(name, &in_xml).unwrap(), pcs(name, &in_xml), pcs(name, &in_json)] {
            let done = doctor(&["--agents", dir.path().to_str().unwrap(), "--json"], &configuration);
            assert_eq!(done.code, Some(1), "{}: {}", subject.name, done.stderr);
            let report = common::json(&done.stdout);
            let asked = report["devices"].as_array().unwrap().iter().filter(|one| !one["report"].is_null());
            assert!(configuration.contains("\\u0000") || asked.count() > 20, "{}: {report:#}", subject.name);
            assert_eq!(subject.commands(), 0, "{}: {report:#}", subject.name);
        }
        assert!(subject.is_on(), "{}", subject.name);
        assert!(!record.exists(), "{}", subject.name);
    }
}

#[test]
fn an_agent_reads_its_own_options_under_their_own_names_and_doctor_at_the_end() {
    const AGENT: &str = "fence_apc_snmp";
    let recorder = Recorder::new(&[AGENT]);
    let right: [Row<'_>; 4] =
        [("ip", "192.0.2.1"), (" community ", "a b"), ("power-wait", "3"), ("port", "7")];
    let wanted = ["action=doctor", "community=a b", "ip=192.0.2.1", "json=1", "plug=7", "power_wait=3"];
    for row in HOSTILE {
        let device: Vec<Row<'_>> = right.iter().copied().chain([*row]).collect();
        for configuration in
            xml(AGENT, std::slice::from_ref(&device)).into_iter().chain([pcs(AGENT, &[device])])
        {
            let done = doctor(&["--agents", recorder.path()], &configuration);
            let texts = recorder.read();
            assert!(texts.len() <= 1, "{row:?}: {texts:?}");
            for lines in &texts {
                assert_eq!(lines.last().map(String::as_str), Some("action=doctor"), "{row:?}: {lines:?}");
                let mut sorted = lines.clone();
                sorted.sort();
                assert_eq!(sorted, wanted, "{row:?}");
            }
            let is_whole = texts.len() == 1;
            assert_eq!(done.stdout.contains("so it was not asked"), !is_whole, "{row:?}: {}", done.stdout);
        }
    }
}

#[test]
fn what_a_name_means_to_the_cluster_is_told() {
    const AGENT: &str = "fence_ipmilan";
    let recorder = Recorder::new(&[AGENT]);
    for (row, words) in [
        ((" action", "off"), "failure  ' action' is the action to the agent and nothing to Pacemaker"),
        (
            ("description\naction", "off"),
            "failure  an option's name, 'description', holds a control character",
        ),
        (("secret=geheim", "1"), "failure  an option's name, 'secret', holds"),
        (("password", "geheim\naction=off"), "failure  the value of 'password' holds a line break"),
        (("version", "1"), "failure  version is set: off then sends nothing"),
        (("help", "yes"), "failure  help is set: off then sends nothing"),
        (("explain ", "1"), "failure  explain is set"),
        (("nodename", "n9"), "failure  'nodename' is what Pacemaker tells the agent itself"),
        (("pcmk_host_argument", "action"), "failure  pcmk_host_argument is 'action'"),
        (("pcmk_host_argument", "uuid"), "failure  pcmk_host_argument is 'uuid'"),
        (("lanpluss", "1"), "advice   fence_ipmilan has no option 'lanpluss'"),
        (("pcmk_hostlist", "n1"), "advice   Pacemaker has no option 'pcmk_hostlist'"),
    ] {
        let device = vec![("ip", "192.0.2.1"), ("lanplus", "1"), row];
        for configuration in [xml(AGENT, std::slice::from_ref(&device)).unwrap(), pcs(AGENT, &[device])] {
            let done = doctor(&["--agents", recorder.path()], &configuration);
            assert!(done.stdout.contains(words), "{row:?}: {}", done.stdout);
            assert!(!done.stdout.contains("geheim"), "{}", done.stdout);
            let code = if words.starts_with("failure") { 1 } else { 0 };
            assert_eq!(done.code, Some(code), "{row:?}: {}", done.stdout);
        }
    }
    // What means nothing, or what is switched off, is no finding.
    for row in [
        ("version", "0"),
        ("help", "no"),
        ("explain", "off"),
        ("nodeid", "3"),
        ("agent", "fence_ipmilan"),
        ("priority", "1"),
    ] {
        let device = vec![("ip", "192.0.2.1"), row];
        let done = doctor(&["--agents", recorder.path()], &pcs(AGENT, &[device]));
        assert_eq!(done.code, Some(0), "{row:?}: {}", done.stdout);
        assert!(!["is set", "no option"].iter().any(|words| done.stdout.contains(words)), "{}", done.stdout);
    }
}

#[test]
fn two_names_for_the_same_option_are_told_where_they_differ() {
    const AGENT: &str = "fence_ipmilan";
    let recorder = Recorder::new(&[AGENT]);
    for (other, code) in [("admin", 0), ("operator", 3)] {
        let device = vec![("ip", "192.0.2.1"), ("login", "admin"), ("username", other)];
        let done = doctor(&["--agents", recorder.path()], &pcs(AGENT, &[device]));
        assert_eq!(done.code, Some(code), "{}", done.stdout);
        assert_eq!(done.stdout.contains("'login' and 'username' are the same"), code == 3, "{}", done.stdout);
    }
}

#[test]
fn a_plug_that_pacemaker_sends_beside_the_configured_one_is_told() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let port = unit.address().port().to_string();
    let own = [("ip", "127.0.0.1"), ("ipport", port.as_str()), ("community", "private")];
    for (more, words) in [
        (vec![("plug", "3")], Some("warning  plug names the plug; Pacemaker before 3.0.1 sends port")),
        (vec![("port", "3")], Some("advice   port names the plug; Pacemaker from 3.0.1 on sends plug")),
        (vec![("plug", "3"), ("port", "3")], None),
        (vec![("plug", "3"), ("pcmk_host_argument", "plug")], None),
        (vec![("plug", "3"), ("pcmk_host_argument", "none")], None),
        (vec![("pcmk_host_map", "n1:3")], None),
        (vec![("plug", "dynamic"), ("pcmk_host_map", "n1:3")], None),
    ] {
        let device = own.iter().copied().chain(more.iter().copied()).collect();
        let done = doctor(&[], &pcs("fence_apc_snmp", &[device]));
        let told = done.stdout.lines().find(|line| line.contains("names the plug"));
        assert_eq!(told.is_some(), words.is_some(), "{more:?}: {}", done.stdout);
        assert!(words.is_none_or(|words| done.stdout.contains(words)), "{more:?}: {}", done.stdout);
        assert!(!done.stdout.contains("failure"), "{more:?}: {}", done.stdout);
    }
    assert_eq!(unit.writes(), [], "nothing is written");
}
