//! What configuration tools and clusters rely on: the metadata of every agent under every name of the list, compared with
//! the recorded contract (tests/contract/NAME.json), and the checked-in files, compared with what the programs print.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fence_agents::agents;
use fence_agents::fencing::Agent;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};

/// Options that the contract doesn't have: ours alone.
const ADDITIONS: &[(&str, &[&str])] = &[
    ("fence_apc_snmp", &["family", "expect_name"]),
    ("fence_cisco_mds", &["expect_name"]),
    ("fence_eaton_snmp", &["family", "expect_name"]),
    ("fence_emerson", &["expect_name"]),
    ("fence_ipdu", &["family", "expect_name"]),
    ("fence_ibmblade", &["expect_name"]),
    ("fence_snmp_pdu", &["family", "expect_name"]),
    ("fence_ifmib", &["expect_name"]),
    ("fence_ipmilan", &["unproven_cycle", "expect_uuid", "expect_serial", "expect_name"]),
    ("fence_ilo_ssh", &["unproven_cycle", "ssh_pin"]),
    ("fence_wti", &["ssh_pin"]),
    ("fence_bladecenter", &["ssh_pin"]),
    ("fence_apc", &["ssh_pin"]),
    ("fence_lindypdu", &["expect_name"]),
    (
        "fence_redfish",
        &[
            "env_proxy",
            "method",
            "ssl_ca_file",
            "ssl_pin",
            "system",
            "unproven_cycle",
            "expect_uuid",
            "expect_serial",
            "expect_name",
        ],
    ),
    ("fence_scsi", &["expect_serial", "expect_wwid", "take_over"]),
];

/// The same for every agent.
const COMMON_ADDITIONS: &[&str] = &["explain", "json", "evidence_file"];

/// Actions that the contract doesn't have, on every agent.
const ADDED_ACTIONS: &[&str] = &["doctor", "evidence"];

/// The options that an agent has beyond the contract.
fn additions(agent: &Agent) -> Vec<&'static str> {
    let own = ADDITIONS.iter().filter(|(name, _)| *name == agent.name).flat_map(|(_, options)| *options);
    own.chain(COMMON_ADDITIONS).copied().collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every agent under every name.
fn names() -> impl Iterator<Item = (&'static Agent, &'static str)> {
    agents::FAMILIES.iter().flat_map(|family| family.names())
}

fn printed(agent: &Agent, name: &str, action: &str) -> String {
    let done = peers::Agent::called(name, agent.name).args(["-o", action]).run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{name} -o {action}");
    done.stdout
}

/// The metadata as the contract writes it down.
fn facts(xml: &str) -> Value {
    let mut reader = Reader::from_str(xml);
    let mut facts = json!({"symlinks": [], "parameters": [], "actions": []});
    let mut parameter: Option<Value> = None;
    loop {
        let event = reader.read_event().expect("well-formed XML");
        let (Event::Start(element) | Event::Empty(element)) = &event else {
            if let Event::End(end) = &event
                && end.name().as_ref() == "parameter"
            {
                facts["parameters"].as_array_mut().unwrap().extend(parameter.take());
            }
            if event == Event::Eof {
                return facts;
            }
            continue;
        };
        let attributes: BTreeMap<String, String> = element
            .attributes()
            .map(|attribute| {
                let attribute = attribute.expect("an attribute");
                let key = attribute.key.as_ref().to_owned();
                let value =
                    attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
                (key, value)
            })
            .collect();
        match element.name().as_ref() {
            "resource-agent" => facts["agent"] = json!(attributes["name"]),
            "symlink" => facts["symlinks"].as_array_mut().unwrap().push(json!(attributes["name"])),
            "parameter" => {
                let mut found =
                    json!({"name": attributes["name"], "required": attributes["required"] == "1"});
                if let Some(old) = attributes.get("obsoletes") {
                    found["obsoletes"] = json!(old);
                }
                if attributes.get("deprecated").is_some_and(|value| value == "1") {
                    found["deprecated"] = json!(true);
                }
                parameter = Some(found);
            }
            "getopt" => parameter.as_mut().unwrap()["getopt"] = json!(attributes["mixed"]),
            "content" => {
                let parameter = parameter.as_mut().unwrap();
                parameter["type"] = json!(attributes["type"]);
                if let Some(default) = attributes.get("default") {
                    parameter["default"] = json!(default);
                }
            }
            "option" => {
                let choices = &mut parameter.as_mut().unwrap()["choices"];
                if choices.is_null() {
                    *choices = json!([]);
                }
                choices.as_array_mut().unwrap().push(json!(attributes["value"]));
            }
            "action" => {
                let mut action = json!({"name": attributes["name"]});
                for mark in ["automatic", "on_target"] {
                    if let Some(value) = attributes.get(mark) {
                        action[mark] = json!(value == "1");
                    }
                }
                facts["actions"].as_array_mut().unwrap().push(action);
            }
            _ => {}
        }
    }
}

fn by_name(list: &Value) -> BTreeMap<String, Value> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|item| (item["name"].as_str().unwrap().to_owned(), item.clone()))
        .collect()
}

#[test]
fn every_name_of_the_list_has_facts_and_no_facts_are_without_a_name() {
    let files = std::fs::read_dir(root().join("tests/contract")).unwrap();
    let mut files: Vec<String> =
        files.map(|file| file.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    files.sort();
    let mut wanted: Vec<String> = listed_agents().iter().map(|name| format!("{name}.json")).collect();
    wanted.sort();
    assert_eq!(files, wanted);
}

#[test]
fn metadata_keeps_the_contract_of_every_name() {
    for name in listed_agents() {
        let (agent, name) =
            names().find(|(_, own)| *own == name).unwrap_or_else(|| panic!("no agent {name}"));
        let path = root().join(format!("tests/contract/{name}.json"));
        let contract =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let contract: Value = serde_json::from_str(&contract).unwrap();
        let ours = facts(&printed(agent, name, "metadata"));
        assert_eq!(ours["agent"], contract["agent"], "{name}");
        assert_eq!(ours["symlinks"], contract["symlinks"], "{name}");
        let mut actions = by_name(&ours["actions"]);
        for added in ADDED_ACTIONS {
            assert!(actions.remove(*added).is_some(), "{name}: {added}");
        }
        assert_eq!(actions, by_name(&contract["actions"]), "{name}");
        let mut ours = by_name(&ours["parameters"]);
        ours.retain(|option, _| !additions(agent).contains(&option.as_str()));
        let contract = by_name(&contract["parameters"]);
        for (option, wanted) in &contract {
            let ours = ours.get(option).unwrap_or_else(|| panic!("{name}: no {option}"));
            // The contract leaves out a few defaults that only name a path or a type without one.
            let mut ours = ours.clone();
            if wanted.get("default").is_none() && option.ends_with("_path") {
                ours.as_object_mut().unwrap().remove("default");
            }
            // Choices may be added, none taken away.
            if let Some(choices) = wanted.get("choices") {
                let ours = ours["choices"].as_array_mut().unwrap();
                ours.retain(|choice| choices.as_array().unwrap().contains(choice));
            }
            assert_eq!(&ours, wanted, "{name}: {option}");
        }
        let more: Vec<_> = ours.keys().filter(|option| !contract.contains_key(*option)).collect();
        assert!(more.is_empty(), "{name} has more than the contract: {more:?}");
    }
}

#[test]
fn an_added_option_is_really_there_and_never_required() {
    for agent in agents::all() {
        for option in additions(agent) {
            let found = agent.options().find(|known| known.name == option).unwrap();
            assert!(!found.required, "{option}");
        }
    }
}

/// The files that are made from the declarations, the action that prints each, and whether the program that is no agent
/// has one too.
const FILES: &[(&str, &str, &str, bool)] = &[
    ("metadata", ".xml", "metadata", false),
    ("man", ".8", "manpage", true),
    ("completions", "", "completion", true),
];

#[test]
fn checked_in_files_are_what_the_programs_print() {
    for (folder, ending, action, of_the_tool) in FILES {
        for (agent, name) in names() {
            let path = root().join(folder).join(format!("{name}{ending}"));
            let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                checked_in == printed(agent, name, action),
                "{} is stale: run make generated",
                path.display()
            );
        }
        let files = std::fs::read_dir(root().join(folder)).unwrap();
        let files = files.filter(|file| file.as_ref().unwrap().file_name() != "agents.list").count();
        assert_eq!(files, names().count() + usize::from(*of_the_tool), "{folder} holds files of no agent");
        if *of_the_tool {
            let checked_in = std::fs::read_to_string(root().join(folder).join(format!("fencing{ending}")));
            let done = peers::Agent::called("fencing", "fencing").args([*action]).run();
            assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
            assert!(
                checked_in.unwrap_or_default() == done.stdout,
                "fencing{ending} is stale: run make generated"
            );
        }
    }
}

/// What `fencing agents` prints: name, program, package, kind.
fn listed() -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(root().join("metadata/agents.list")).unwrap_or_default();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The names of the list that are agents.
fn listed_agents() -> Vec<String> {
    listed().into_iter().filter(|row| row[3] == "agent").map(|row| row[0].clone()).collect()
}

#[test]
fn the_checked_in_list_of_names_is_what_the_program_prints() {
    let done = peers::Agent::called("fencing", "fencing").args(["agents", "--tsv"]).run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    let checked_in = std::fs::read_to_string(root().join("metadata/agents.list")).unwrap_or_default();
    assert!(checked_in == done.stdout, "metadata/agents.list is stale: run make generated");
    assert_eq!(listed_agents(), names().map(|(_, name)| name).collect::<Vec<_>>());
}

#[test]
fn the_table_of_agents_in_the_readme_is_what_the_program_prints() {
    let done = peers::Agent::called("fencing", "fencing").args(["agents", "--table"]).run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let table = format!("|---|---|---|---|\n{}<!-- agents: end -->\n", done.stdout);
    assert!(readme.contains(&table), "README.md is stale: run make generated");
    for name in listed_agents() {
        assert!(done.stdout.contains(&name), "{name}");
    }
}

#[test]
fn what_is_left_out_stands_with_its_reason_in_the_document_and_is_not_there() {
    let done = peers::Agent::called("fencing", "fencing").args(["agents", "--left-out"]).run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    let document = std::fs::read_to_string(root().join("docs/differences.md")).unwrap();
    assert!(document.contains(&done.stdout), "docs/differences.md is stale: run make generated");
    for (name, _) in agents::LEFT_OUT {
        assert!(listed().iter().all(|row| row[0] != *name), "{name}");
    }
}

#[test]
fn a_program_called_by_a_name_that_is_none_of_its_own_does_nothing() {
    for family in agents::FAMILIES {
        for name in ["fence_ipmilan.distrib", "fence_virsh", "renamed", "fence_apc_snmp_old"] {
            for input in ["action=metadata\n", "action=off\nip=127.0.0.1\nplug=1\n"] {
                let done = peers::Agent::called(name, family.program()).stdin(input).run();
                assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{name}");
                let words = format!("{name} is no name of this program");
                assert!(done.stderr.contains(&words), "{}", done.stderr);
                assert!(done.stderr.contains(family.program()), "{}", done.stderr);
            }
        }
    }
}

#[test]
fn every_agent_has_a_name_of_its_own_and_a_binary() {
    let mut seen: Vec<_> = names().map(|(_, name)| name).collect();
    seen.sort_unstable();
    let all = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), all);
    let programs: Vec<_> = std::fs::read_dir(root().join("src/bin"))
        .unwrap()
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "fencing")
        .collect();
    assert_eq!(programs.len(), agents::FAMILIES.len(), "{programs:?}");
    for family in agents::FAMILIES {
        assert!(programs.iter().any(|program| program == family.program()), "{}", family.program());
    }
}

#[test]
fn no_two_options_of_an_agent_share_a_name_or_a_letter() {
    for agent in agents::all() {
        let mut words: Vec<String> = Vec::new();
        for option in agent.options() {
            words.push(option.name.to_owned());
            words.extend(option.old.filter(|old| *old != option.name).map(str::to_owned));
            words.push(format!("--{}", option.long));
            words.extend(option.short.map(|letter| format!("-{letter}")));
        }
        words.sort_unstable();
        for pair in words.windows(2) {
            assert_ne!(pair[0], pair[1], "{}", agent.name);
        }
    }
}

#[test]
fn every_default_is_a_value_that_its_option_takes() {
    for (agent, name) in names() {
        for option in agent.options() {
            let Some(default) = agent.default_as(name, option) else { continue };
            if option.name == "action" {
                assert_eq!(agent.action(default), Ok(agent.default_action), "{name}");
                continue;
            }
            let mut settings = agent.settings(name, fence_agents::fencing::settings::Source::Stdin);
            settings.set(option, default.as_bytes()).unwrap();
            assert!(settings.is_given(option), "{name}: {}", option.name);
            let checked = settings.check_values(agent);
            assert_eq!(checked, Ok(()), "{name}: {}", option.name);
        }
    }
}

#[test]
fn metadata_is_printed_to_an_unprivileged_user_with_an_empty_environment_and_whatever_else_it_is_asked() {
    for (agent, name) in names() {
        let plain = printed(agent, name, "metadata");
        for stdin in ["action=metadata", "action=metadata\n", "action=meta-data\nfoo=bar\nplug=\n"] {
            let done = peers::Agent::called(name, agent.name).stdin(stdin).run();
            assert_eq!((done.code, &done.stdout), (Some(0), &plain), "{name} {stdin:?}");
        }
    }
}

#[test]
fn words_for_a_devices_error_do_not_read_as_our_own_time_limit() {
    use fence_agents::protocols::{ipmi, scsi, snmp};
    // Pacemaker searches stderr for these.
    let reads_so = |words: &str| words.contains("timed out") || words.contains("timeout");
    for code in 0..=u8::MAX {
        for words in [ipmi::completion::words(&[], code), ipmi::completion::rmcp_status(code)] {
            assert!(!reads_so(words), "{words}");
        }
        for qualifier in 0..=u8::MAX {
            let sense = [0x72, 0x04, code, qualifier, 0, 0, 0, 0];
            let words = scsi::Sense::decode(&sense).map(|sense| sense.to_string()).unwrap_or_default();
            assert!(!reads_so(&words), "{words}");
        }
    }
    for status in [snmp::ErrorStatus::GenErr, snmp::ErrorStatus::CommitFailed, snmp::ErrorStatus::TooBig] {
        assert!(!reads_so(&status.to_string()), "{status}");
    }
}

#[test]
fn the_promise_has_a_row_for_every_kind_of_proof() {
    use fence_agents::fencing::Proof;
    let document = std::fs::read_to_string(root().join("docs/promise.md")).unwrap();
    for proof in [Proof::Reported, Proof::Witnessed, Proof::Elapsed, Proof::Confirmed, Proof::Acknowledged] {
        let row = format!("| {proof} | {} | {} |", proof.meaning(), proof.gap());
        assert!(document.contains(&row), "{row}");
    }
}
