//! The configuration as Pacemaker reads it, and what it alone shows.

use std::fmt::Write as _;
use std::process::Command;

use peers::bmc::{OPERATOR, Settings, Step, User};
use peers::faults::Dice;
use peers::snmp::{Family, PowerUnit};
use peers::{Agent, Bmc, Finished, TempDir};

use crate::cluster_names::Recorder;
use crate::common;

/// A whole configuration; `more` stands behind the resources.
fn cib(resources: &str, nodes: &str, properties: &str, more: &str) -> String {
    format!(
        "<cib validate-with=\"pacemaker-3.7\" epoch=\"1\" num_updates=\"0\" admin_epoch=\"0\"><configuration><crm_config>\
         <cluster_property_set id=\"cib-bootstrap-options\">{properties}</cluster_property_set></crm_config>\
         <nodes>{nodes}</nodes><resources>{resources}</resources><constraints/>{more}</configuration><status/></cib>"
    )
}

/// Values with ids of their own.
fn pairs(of: &str, pairs: &[(&str, &str)]) -> String {
    let pair = |(name, value)| format!("<nvpair id=\"{of}-{name}\" name=\"{name}\" value=\"{value}\"/>");
    pairs.iter().map(|(name, value)| pair((*name, *value))).collect()
}

/// A fence device.
pub(crate) fn device(id: &str, agent: &str, options: &[(&str, &str)]) -> String {
    format!(
        "<primitive id=\"{id}\" class=\"stonith\" type=\"{agent}\"><instance_attributes id=\"{id}-i\">{}\
         </instance_attributes></primitive>",
        pairs(id, options)
    )
}

fn node(number: usize, name: &str) -> String {
    format!("<node id=\"{number}\" uname=\"{name}\"/>")
}

fn doctor(agents: Option<&Recorder>, configuration: &str) -> Finished {
    let agents = agents.into_iter().flat_map(|recorder| ["--agents", recorder.path()]);
    Agent::called("fencing", "fencing").args(["doctor"]).args(agents).stdin(configuration).run()
}

/// A BMC with which all is well, and how it is reached, without its address.
fn healthy() -> (Bmc, String) {
    let bmc =
        Bmc::start(Settings { users: vec![User::new("admin", "adminpw", OPERATOR)], ..Settings::default() });
    let port = bmc.port().to_string();
    (bmc, port)
}

/// What the recorded agent was told, without what doctor adds.
fn told(recorder: &Recorder) -> Vec<Vec<String>> {
    let mut texts = recorder.read();
    for lines in &mut texts {
        lines.retain(|line| line != "json=1" && line != "action=doctor");
    }
    texts.sort();
    texts
}

#[test]
fn a_primitive_is_examined_wherever_its_template_stands() {
    let (bmc, port) = healthy();
    let primitive = format!(
        "<primitive id=\"f1\" template=\"t\"><instance_attributes id=\"f1-i\">{}</instance_attributes></primitive>",
        pairs("f1", &[("ip", "127.0.0.1")])
    );
    let template = format!(
        "<template id=\"t\" class=\"stonith\" type=\"fence_ipmilan\"><instance_attributes id=\"t-i\">{}\
         </instance_attributes></template>",
        pairs("t", &[("ipport", &port), ("username", "admin"), ("password", "adminpw")])
    );
    for resources in [
        format!("{primitive}{template}"),
        format!("{template}{primitive}"),
        format!("<group id=\"g\">{primitive}</group>{template}"),
    ] {
        let before = bmc.count(Step::ChassisStatus);
        let done = doctor(None, &cib(&resources, "", "", ""));
        assert_eq!(done.code, Some(0), "{}", done.stdout);
        assert!(done.stdout.lines().any(|line| line.starts_with("f1 ") && line.contains("fence_ipmilan")));
        assert!(bmc.count(Step::ChassisStatus) > before, "{}", done.stdout);
    }
    // A template of something else makes no fence device, and one that isn't there is told.
    let other = template.replace("stonith", "ocf");
    for (resources, words) in [
        (format!("{primitive}{other}"), "holds no fence device"),
        (primitive, "made from the template t, which isn't there"),
    ] {
        let done = doctor(None, &cib(&resources, "", "", ""));
        assert!(done.code == Some(1) && done.stdout.contains(words), "{}", done.stdout);
    }
}

#[test]
fn of_two_sets_the_one_with_the_higher_score_counts() {
    let ((right, its_port), (wrong, other_port)) = (healthy(), healthy());
    let set = |score: &str, port: &str, off: &str| {
        format!(
            "<instance_attributes id=\"s{score}\" score=\"{score}\">{}</instance_attributes>",
            pairs(
                &format!("s{score}"),
                &[
                    ("ip", "127.0.0.1"),
                    ("ipport", port),
                    ("username", "admin"),
                    ("password", "adminpw"),
                    ("pcmk_off_action", off)
                ]
            )
        )
    };
    for (high, low) in [("10", "1"), ("INFINITY", "999999"), ("0", "-INFINITY")] {
        let resources = format!(
            "<primitive id=\"f1\" class=\"stonith\" type=\"fence_ipmilan\">{}{}</primitive>",
            set(high, &its_port, "off"),
            set(low, &other_port, "status")
        );
        let done = doctor(None, &cib(&resources, "", "", ""));
        assert_eq!(done.code, Some(0), "{high}: {}", done.stdout);
    }
    assert!(right.count(Step::ChassisStatus) > 0);
    assert_eq!(wrong.count(Step::Any), 0);
}

/// Sets of options in a primitive, its template and its group, with scores and references, at random.
fn rolled(dice: &mut Dice) -> String {
    const NAMES: [&str; 5] = ["ip", "ipport", "username", "password", "power_wait"];
    const SCORES: [&str; 6] =
        ["", " score=\"1\"", " score=\"10\"", " score=\"-3\"", " score=\"INFINITY\"", " score=\"+7\""];
    // The device beside it, whose sets and values are referred to.
    let beside = format!(
        "<primitive id=\"f0\" class=\"stonith\" type=\"fence_ipmilan\"><instance_attributes id=\"x0\">{}</instance_attributes>\
         <instance_attributes id=\"x1\" score=\"5\">{}</instance_attributes></primitive>",
        pairs("x0", &[("ip", "192.0.2.50"), ("username", "x0")]),
        pairs("x1", &[("password", "x1"), ("power_wait", "51")])
    );
    let sets = |owner: &str, dice: &mut Dice| {
        let mut text = String::new();
        for number in 0..dice.below(4) {
            if dice.below(5) == 0 {
                let _ = write!(text, "<instance_attributes id-ref=\"x{}\"/>", dice.below(2));
                continue;
            }
            let id = format!("{owner}{number}");
            let _ = write!(text, "<instance_attributes id=\"{id}\"{}>", SCORES[dice.below(SCORES.len())]);
            for pair in 0..dice.below(5) {
                let name = NAMES[dice.below(NAMES.len())];
                let value = match dice.below(9) {
                    0 => "#default".to_owned(),
                    1 => String::new(),
                    _ => dice.below(100).to_string(),
                };
                let _ = match dice.below(8) {
                    0 => write!(text, "<nvpair id-ref=\"x0-username\"/>"),
                    1 => write!(text, "<nvpair id-ref=\"x1-power_wait\" name=\"{name}\"/>"),
                    _ => write!(text, "<nvpair id=\"{id}-{pair}\" name=\"{name}\" value=\"{value}\"/>"),
                };
            }
            text += "</instance_attributes>";
        }
        text
    };
    let own = sets("a", dice);
    let common = sets("t", dice);
    let groups = sets("g", dice);
    let head = if dice.below(2) == 0 { "class=\"stonith\" type=\"fence_ipmilan\"" } else { "template=\"t\"" };
    let template = format!("<template id=\"t\" class=\"stonith\" type=\"fence_ipmilan\">{common}</template>");
    let primitive = format!("<primitive id=\"f1\" {head}>{own}</primitive>");
    let primitive = match dice.below(3) {
        0 => format!("<group id=\"g\">{groups}{primitive}</group>"),
        1 => format!("<clone id=\"g\">{groups}{primitive}</clone>"),
        _ => primitive,
    };
    if dice.below(2) == 0 { beside + &template + &primitive } else { primitive + &template + &beside }
}

#[test]
fn what_counts_of_all_sets_is_what_pacemaker_counts() {
    let dir = TempDir::new("cluster");
    let recorder = Recorder::new(&["fence_ipmilan"]);
    let mut compared = 0;
    for run in 0..40 {
        let configuration = cib(&rolled(&mut Dice::of(20261127, run)), "", "", "");
        let path = dir.write("cib.xml", &configuration);
        let asked = |name: &str| {
            let done = Command::new("crm_resource")
                .args(["--resource", "f1", "--get-parameter", name])
                .env("CIB_file", &path)
                .output()
                .expect("crm_resource (Debian package pacemaker-cli-utils)");
            let (stdout, stderr) =
                (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            assert!(done.status.success() || stderr.contains("not found"), "{configuration}: {stderr}");
            stdout.lines().next().unwrap_or_default().to_owned()
        };
        let wanted: Vec<String> = ["ip", "ipport", "password", "power_wait", "username"]
            .iter()
            .map(|name| format!("{name}={}", asked(name)))
            .filter(|line| !line.ends_with('='))
            .collect();
        compared += wanted.len();
        let done = doctor(Some(&recorder), &configuration);
        let texts = told(&recorder);
        let own =
            texts.iter().map(|lines| lines.iter().filter(|line| !line.ends_with('=')).cloned().collect());
        let own: Vec<Vec<String>> = own.collect();
        assert_eq!(own.len(), 2, "{configuration}: {}", done.stdout);
        assert!(own.contains(&wanted), "{configuration}: {own:?} and not {wanted:?}");
    }
    assert!(compared > 80, "the configurations have nothing in them: {compared}");
}

#[test]
fn what_a_rule_decides_is_told_and_not_asked() {
    let ((plain, plain_port), (ruled, ruled_port)) = (healthy(), healthy());
    let login = |port: &str| -> Vec<(&'static str, String)> {
        [("ip", "127.0.0.1"), ("ipport", port), ("username", "admin"), ("password", "adminpw")]
            .map(|(name, value)| (name, value.to_owned()))
            .to_vec()
    };
    let set = |id: &str, rule: &str, options: &[(&str, String)]| {
        let options: Vec<(&str, &str)> =
            options.iter().map(|(name, value)| (*name, value.as_str())).collect();
        format!(
            "<instance_attributes id=\"{id}\" score=\"5\">{rule}{}</instance_attributes>",
            pairs(id, &options)
        )
    };
    let rule = "<rule id=\"r\" score=\"0\"><expression id=\"e\" attribute=\"#uname\" operation=\"eq\" value=\"n1\"/></rule>";
    let only_pacemakers = [("pcmk_delay_base", "5s".to_owned())];
    for (second, code, asked) in [(login(&ruled_port).as_slice(), 3, false), (&only_pacemakers, 0, true)] {
        let before = plain.count(Step::ChassisStatus);
        let resources = format!(
            "<primitive id=\"f1\" class=\"stonith\" type=\"fence_ipmilan\">{}{}</primitive>",
            set("plain", "", &login(&plain_port)),
            set("with-a-rule", rule, second)
        );
        let done = doctor(None, &cib(&resources, "", "", ""));
        assert_eq!(done.code, Some(code), "{}", done.stdout);
        assert!(done.stdout.contains("in with-a-rule) count only where a rule holds"), "{}", done.stdout);
        assert_eq!(done.stdout.contains("was not asked"), !asked, "{}", done.stdout);
        assert_eq!(plain.count(Step::ChassisStatus) > before, asked);
    }
    assert_eq!(ruled.count(Step::Any), 0);

    // The role, and a property.
    let resources = device("f1", "fence_xvm", &[("pcmk_host_list", "n1")]).replace(
        "<instance_attributes",
        &format!(
            "<meta_attributes id=\"m\">{rule}{}</meta_attributes><instance_attributes",
            pairs("m", &[("target-role", "Stopped")])
        ),
    );
    let properties = "</cluster_property_set><cluster_property_set id=\"night\"><rule id=\"r2\" score=\"0\"><date_expression id=\"d\" operation=\"gt\" start=\"2001-01-01\"/></rule><nvpair id=\"n\" name=\"stonith-enabled\" value=\"false\"/>";
    let done = doctor(None, &cib(&resources, "", properties, ""));
    for words in ["target-role depends on a rule", "stonith-enabled depends on a rule"] {
        assert!(done.stdout.contains(words), "{}", done.stdout);
    }
    assert!(!done.stdout.contains("is disabled") && !done.stdout.contains("never fences"), "{}", done.stdout);
}

#[test]
fn what_is_referred_to_and_not_there_is_told_and_the_device_not_asked() {
    let (bmc, port) = healthy();
    let options = [("ip", "127.0.0.1"), ("ipport", port.as_str()), ("username", "admin")];
    let whole = device("f1", "fence_ipmilan", &options);
    for reference in [
        "<instance_attributes id-ref=\"nowhere\"/></primitive>",
        "<instance_attributes id=\"s\"><nvpair id-ref=\"nowhere\" name=\"password\"/></instance_attributes></primitive>",
    ] {
        let done = doctor(None, &cib(&whole.replace("</primitive>", reference), "", "", ""));
        assert_eq!(done.code, Some(3), "{}", done.stdout);
        assert!(done.stdout.contains("refer to nowhere"), "{}", done.stdout);
    }
    assert_eq!(bmc.count(Step::Any), 0);
    // pcs prints the reference, and the set only where it belongs to a fence device too.
    let printed = r#"{"primitives": [{"id": "f1", "agent_name": {"standard": "stonith", "provider": null, "type": "fence_ipmilan"},
        "instance_attributes": [{"id": "", "options": {"id-ref": "common"}, "rule": null, "nvpairs": []}]}OTHER]}"#;
    let other = r#", {"id": "f2", "agent_name": {"standard": "stonith", "provider": null, "type": "fence_ipmilan"},
        "instance_attributes": [{"id": "common", "options": {}, "rule": null, "nvpairs": [{"id": "n", "name": "ip", "value": "192.0.2.9"}]}]}"#;
    let recorder = Recorder::new(&["fence_ipmilan"]);
    let done = doctor(Some(&recorder), &printed.replace("OTHER", other));
    assert_eq!(
        (done.code, told(&recorder)),
        (Some(0), vec![vec!["ip=192.0.2.9".to_owned()]; 2]),
        "{}",
        done.stdout
    );
    let done = doctor(Some(&recorder), &printed.replace("OTHER", ""));
    assert!(done.stdout.contains("refer to common"), "{}", done.stdout);
    assert!(told(&recorder).is_empty());
}

#[test]
fn pcs_prints_scores_and_rules_and_both_count() {
    let printed = |rule: &str| {
        format!(
            r#"{{"primitives": [{{"id": "f1", "agent_name": {{"standard": "stonith", "provider": null, "type": "fence_ipmilan"}},
            "meta_attributes": [{{"id": "m", "options": {{}}, "rule": null, "nvpairs": [{{"id": "m1", "name": "is-managed", "value": "n"}}]}}],
            "instance_attributes": [
                {{"id": "low", "options": {{"score": "1"}}, "rule": null, "nvpairs": [{{"id": "a", "name": "ip", "value": "192.0.2.1"}}]}},
                {{"id": "high", "options": {{"score": "2"}}, "rule": {rule}, "nvpairs": [{{"id": "b", "name": "ip", "value": "192.0.2.2"}}]}}]}}]}}"#
        )
    };
    let recorder = Recorder::new(&["fence_ipmilan"]);
    let done = doctor(Some(&recorder), &printed("null"));
    assert_eq!(told(&recorder), [["ip=192.0.2.2"]], "{}", done.stdout);
    assert!(done.stdout.contains("is-managed is false"), "{}", done.stdout);
    let done = doctor(Some(&recorder), &printed(r#"{"id": "r", "type": "RULE"}"#));
    assert!(
        told(&recorder).is_empty() && done.stdout.contains("in high) count only where a rule holds"),
        "{}",
        done.stdout
    );
}

#[test]
fn an_escaped_blank_in_a_host_map_belongs_to_the_plug() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.name(1, 2, "node 2 uplink");
    let port = unit.address().port().to_string();
    let map = r"n2:node\ 2\ uplink;n1:1";
    let options = [("ip", "127.0.0.1"), ("ipport", &port), ("community", "private"), ("pcmk_host_map", map)];
    let done = doctor(None, &cib(&device("unit", "fence_apc_snmp", &options), "", "", ""));
    assert!(done.stdout.contains("unit plug node 2 uplink"), "{}", done.stdout);
    assert!(!done.stdout.contains("failure"), "{}", done.stdout);
}

#[test]
fn the_plugs_of_a_map_reach_the_agent_as_pacemaker_reads_them() {
    let recorder = Recorder::new(&["fence_apc_snmp"]);
    for (options, wanted) in [
        (&[("pcmk_host_map", r"n1:a\;b;n2:c\:d=e;n3=f\ g h")][..], &["a;b", "e", "f g"][..]),
        (&[("pcmk_host_map", "N1:5"), ("pcmk_host_list", "n1 n2,n3;n4(x)")], &["5", "n2", "n3", "n4"]),
        (&[("pcmk_host_map", "n1:1,2 n1:3")], &["3"]),
        (&[("pcmk_host_list", "on OFF n-1.example")], &["n-1.example"]),
        (&[("pcmk_host_list", "n1"), ("plug", "dynamic")], &["n1"]),
        (&[("pcmk_host_list", "n1"), ("pcmk_host_argument", "none")], &[""]),
    ] {
        let done = doctor(Some(&recorder), &cib(&device("f1", "fence_apc_snmp", options), "", "", ""));
        let mut plugs: Vec<String> = told(&recorder)
            .into_iter()
            .map(|lines| {
                lines.iter().find_map(|line| line.strip_prefix("plug=")).unwrap_or_default().to_owned()
            })
            .collect();
        plugs.sort();
        assert_eq!(plugs, wanted, "{options:?}: {}", done.stdout);
    }
}

#[test]
fn a_device_that_is_disabled_is_told_however_it_came_to_be() {
    let stopped = |id: &str| {
        format!("<meta_attributes id=\"{id}\">{}</meta_attributes>", pairs(id, &[("target-role", "stopped")]))
    };
    let own = device("f1", "fence_xvm", &[("pcmk_host_list", "n1")]);
    let with = |meta: &str| own.replace("<instance_attributes", &format!("{meta}<instance_attributes"));
    let started = "<meta_attributes id=\"s\" score=\"1\"><nvpair id=\"s1\" name=\"target-role\" value=\"Started\"/></meta_attributes>";
    let defaults = format!("<rsc_defaults>{}</rsc_defaults>", stopped("d"));
    for (resources, more, is_disabled) in [
        (with(&stopped("m")), "", true),
        (with(&(stopped("m") + started)), "", false),
        (format!("<group id=\"g\">{}{own}</group>", stopped("m")), "", true),
        (format!("<group id=\"g\">{}{}</group>", stopped("m"), with(started)), "", false),
        (own.clone(), defaults.as_str(), true),
        (with(started), defaults.as_str(), false),
        (own.clone(), "", false),
    ] {
        let done = doctor(None, &cib(&resources, "", "", more));
        assert_eq!(
            done.stdout.contains("target-role is Stopped"),
            is_disabled,
            "{resources}{more}: {}",
            done.stdout
        );
        assert_eq!(done.code, Some(if is_disabled { 3 } else { 0 }), "{}", done.stdout);
    }
    let unmanaged = with(
        "<meta_attributes id=\"m\"><nvpair id=\"m1\" name=\"is-managed\" value=\"No\"/></meta_attributes>",
    );
    let done = doctor(None, &cib(&unmanaged, "", "", ""));
    assert!(done.code == Some(0) && done.stdout.contains("is-managed is false"), "{}", done.stdout);
}

/// A fence device: name, agent, options.
type Device<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// A configuration of three nodes, and what doctor says of the cluster.
struct Judged {
    resources: String,
    properties: String,
    levels: String,
}

impl Judged {
    fn of(devices: &[Device<'_>], levels: &str) -> Judged {
        let resources = devices.iter().map(|(id, agent, options)| device(id, agent, options)).collect();
        Judged { resources, properties: String::new(), levels: levels.to_owned() }
    }

    fn says(&self) -> Vec<String> {
        let place = "<instance_attributes id=\"n3-a\"><nvpair id=\"n3-r\" name=\"rack\" value=\"7\"/></instance_attributes>";
        let nodes =
            node(1, "n1") + &node(2, "n2") + &node(3, "N3").replace("/>", &format!(">{place}</node>"));
        let levels = format!("<fencing-topology>{}</fencing-topology>", self.levels);
        let configuration = cib(&self.resources, &nodes, &self.properties, &levels);
        let recorder = Recorder::new(&["fence_ipmilan", "fence_apc_snmp", "fence_scsi"]);
        let done = Agent::called("fencing", "fencing")
            .args(["doctor", "--json", "--agents", recorder.path()])
            .stdin(configuration)
            .run();
        let report = common::json(&done.stdout);
        let findings = report["cluster"].as_array().unwrap().iter();
        findings
            .map(|finding| {
                format!("{}: {}", finding["severity"].as_str().unwrap(), finding["text"].as_str().unwrap())
            })
            .collect()
    }
}

/// A fencing level in XML, for a target as the attributes name it.
fn level(index: &str, target: &str, devices: &str) -> String {
    format!("<fencing-level id=\"l-{index}\" index=\"{index}\" {target} devices=\"{devices}\"/>")
}

#[test]
fn nodes_that_nothing_fences_and_levels_that_name_nothing_are_told() {
    const ALL: (&str, &str) = ("pcmk_host_list", "n1,n2 n3");
    let one = |list| [("pcmk_host_list", list)];
    let (n1, n2) = (one("n1"), one("n2"));
    let named = |index, node: &str, devices| level(index, &format!("target=\"{node}\""), devices);
    let by_rack = |value: &str, devices| {
        level("1", &format!("target-attribute=\"rack\" target-value=\"{value}\""), devices)
    };
    let by_pattern = |devices| level("1", "target-pattern=\"^n.*$\"", devices);
    for (judged, wanted) in [
        // Without levels.
        (
            Judged::of(&[("f1", "fence_ipmilan", &n1), ("f2", "fence_ipmilan", &n2)], ""),
            vec!["failure: no device fences N3"],
        ),
        (Judged::of(&[("f1", "fence_ipmilan", &n1), ("f2", "fence_xvm", &[])], ""), vec![]),
        (Judged::of(&[("f1", "fence_ipmilan", &[("pcmk_host_map", "n1:1;n2=2;n3:3")])], ""), vec![]),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL, ("pcmk_host_check", "static")])], ""),
            vec!["failure: no device fences n1, n2, N3"],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[("pcmk_host_check", "static-list")])], ""),
            vec!["failure: no device fences n1, n2, N3"],
        ),
        // A device with one machine is for all where nothing says for which.
        (Judged::of(&[("f1", "fence_ipmilan", &[])], ""), vec!["failure: f1 has one machine"]),
        (
            Judged::of(&[("f1", "fence_ipmilan", &[ALL, ("pcmk_host_check", "none")])], ""),
            vec!["failure: f1 has one machine"],
        ),
        (Judged::of(&[("f1", "fence_apc_snmp", &[])], ""), vec![]),
        // Levels by name, by attribute, by pattern.
        (
            Judged::of(
                &[("f1", "fence_xvm", &[ALL])],
                &(named("1", "n1", "f1") + &named("2", "n1", "nosuch")),
            ),
            vec!["failure: fencing level 2 of n1 names the device 'nosuch', which isn't there"],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL])], &named("1", "n1", "f1,nosuch")),
            vec![
                "failure: fencing level 1 of n1 names the device 'nosuch'",
                "failure: no device fences n1:",
                "advice: there are no fencing levels",
            ],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &n1), ("f2", "fence_xvm", &[ALL])], &named("1", "n2", "f1")),
            vec![
                "failure: fencing level 1 of n2 names the device 'f1', which isn't for that node",
                "failure: no device fences n2:",
            ],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL])], &named("1", "n4", "f1")),
            vec!["warning: fencing level 1 of n4 is for nothing that is in the configuration"],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL])], &named("0", "n1", "f1")),
            vec!["failure: fencing level 0 of n1 is ignored", "advice: there are no fencing levels"],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL])], &(named("1", "n1", "f1") + &named("10", "n1", "f1"))),
            vec!["failure: fencing level 10 of n1 is ignored"],
        ),
        (
            Judged::of(
                &[("f1", "fence_xvm", &[ALL])],
                &(named("1", "n1", "f1") + &level("2", "target-attribute=\"rack\"", "f1")),
            ),
            vec!["failure: fencing level 2 of no node is ignored"],
        ),
        (
            Judged::of(
                &[("f1", "fence_xvm", &[ALL]), ("f2", "fence_xvm", &[ALL])],
                &(by_rack("7", "f1,f2") + &named("1", "n1", "f2")),
            ),
            vec![],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &n1), ("f2", "fence_xvm", &[ALL])], &by_rack("7", "f1")),
            vec!["failure: no device fences N3:"],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL])], &by_rack("8", "f1")),
            vec!["warning: fencing level 1 of nodes with rack=8 is for nothing that is in the configuration"],
        ),
        (
            Judged::of(&[("f1", "fence_xvm", &[ALL])], &by_pattern("f1,nosuch")),
            vec![
                "failure: fencing level 1 of nodes like ^n.*$ names the device 'nosuch'",
                "advice: there are no fencing levels",
            ],
        ),
        // A level of its own for a node keeps a device with one machine from it.
        (
            Judged::of(
                &[("f1", "fence_ipmilan", &[]), ("f2", "fence_xvm", &[ALL])],
                &(named("1", "n1", "f1") + &named("1", "n2", "f2")),
            ),
            vec![],
        ),
        (
            Judged::of(&[("f1", "fence_ipmilan", &[]), ("f2", "fence_xvm", &[ALL])], &named("1", "n1", "f1")),
            vec!["failure: f1 has one machine, and Pacemaker takes it to be for every node (n2, N3)"],
        ),
    ] {
        let mut said = judged.says();
        if judged.levels.is_empty() {
            said.retain(|line| !line.contains("there are no fencing levels"));
        }
        let fits = said.len() == wanted.len()
            && wanted.iter().all(|words| said.iter().any(|line| line.starts_with(words)));
        assert!(fits, "{}{}: {said:#?} and not {wanted:#?}", judged.resources, judged.levels);
    }
}

#[test]
fn a_disabled_device_fences_nothing_and_its_level_fails() {
    let mut judged = Judged::of(
        &[("f1", "fence_xvm", &[("pcmk_host_list", "n1,n2,n3")])],
        &level("1", "target=\"n1\"", "f1"),
    );
    assert_eq!(judged.says(), [""; 0]);
    judged.resources = judged.resources.replace("<instance", "<meta_attributes id=\"m\"><nvpair id=\"m1\" name=\"target-role\" value=\"Stopped\"/></meta_attributes><instance");
    let said = judged.says();
    for words in
        ["fencing level 1 of n1 names the device 'f1', which is disabled", "no device fences n1, n2, N3"]
    {
        assert!(said.iter().any(|line| line.contains(words)), "{words}: {said:#?}");
    }
}

#[test]
fn a_node_with_a_watchdog_fences_itself_and_is_no_finding() {
    for (value, has_one) in [("10s", true), ("-1", true), ("PT10S", true), ("0", false), ("0s", false)] {
        let mut judged = Judged::of(
            &[("f1", "fence_xvm", &[("pcmk_host_list", "n1")])],
            &level("1", "target=\"n1\"", "watchdog"),
        );
        judged.properties = pairs("p", &[("stonith-watchdog-timeout", value)]);
        let said = judged.says();
        let is_told =
            said.iter().any(|line| line.contains("no device fences") || line.contains("which isn't there"));
        assert_eq!(is_told, !has_one, "{value}: {said:#?}");
        judged.resources = String::new();
        judged.levels = String::new();
        let said = judged.says();
        assert_eq!(
            said.iter().any(|line| line.starts_with("failure: the configuration holds no fence device")),
            !has_one,
            "{value}: {said:#?}"
        );
    }
}

#[test]
fn a_remote_node_needs_a_device_and_a_guest_none() {
    let remote = "<primitive id=\"far\" class=\"ocf\" provider=\"pacemaker\" type=\"remote\"/>";
    let guest = "<primitive id=\"vm\" class=\"ocf\" provider=\"heartbeat\" type=\"VirtualDomain\"><meta_attributes id=\"vm-m\"><nvpair id=\"vm-n\" name=\"remote-node\" value=\"inner\"/></meta_attributes></primitive>";
    let mut judged = Judged::of(
        &[("f1", "fence_xvm", &[("pcmk_host_list", "n1,n2,n3")])],
        &level("1", "target=\"inner\"", "f1"),
    );
    judged.resources += &format!("{remote}{guest}");
    let said = judged.says();
    assert!(said.iter().any(|line| line.starts_with("failure: no device fences far:")), "{said:#?}");
    assert!(!said.iter().any(|line| line.contains("inner is for nothing")), "{said:#?}");
}

#[test]
fn times_are_judged_as_pacemaker_reads_them() {
    let recorder = Recorder::new(&["fence_ipmilan"]);
    let slow = [("ip", "192.0.2.1"), ("delay", "70")];
    for (property, options, words) in [
        ("PT2M", &[][..], None),
        ("2 min", &[], None),
        ("PT1M", &[], Some("stonith-timeout ends it after 60 s")),
        ("two minutes", &[], Some("stonith-timeout is 'two minutes', which Pacemaker can't read")),
        ("60", &[("pcmk_off_timeout", "2min"), ("pcmk_reboot_timeout", "90.5s")], None),
        (
            "120",
            &[("pcmk_off_timeout", "PT2M")],
            Some("pcmk_off_timeout is 'PT2M', which Pacemaker can't read there"),
        ),
        ("120", &[("pcmk_reboot_timeout", "65")], Some("pcmk_reboot_timeout ends it after 65 s")),
    ] {
        let options: Vec<(&str, &str)> = slow.iter().chain(options).copied().collect();
        let properties = pairs("p", &[("stonith-timeout", property)]);
        let done =
            doctor(Some(&recorder), &cib(&device("f1", "fence_ipmilan", &options), "", &properties, ""));
        assert_eq!(
            done.code,
            Some(if words.is_some() { 3 } else { 0 }),
            "{property} {options:?}: {}",
            done.stdout
        );
        assert!(
            words.is_none_or(|words| done.stdout.contains(words)),
            "{property} {options:?}: {}",
            done.stdout
        );
    }
    // Properties too have sets: the first of the cluster's own counts, and Pacemaker's words for false are more.
    let properties = "</cluster_property_set><cluster_property_set id=\"other\" score=\"9\"><nvpair id=\"o\" name=\"stonith-enabled\" value=\"true\"/>";
    let own = pairs("p", &[("stonith-enabled", "N")]);
    let done = doctor(
        Some(&recorder),
        &cib(&device("f1", "fence_ipmilan", &slow[..1]), "", &(own + properties), ""),
    );
    assert!(done.stdout.contains("stonith-enabled is false"), "{}", done.stdout);
}
