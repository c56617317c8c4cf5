//! What an administrator configures a cluster with: pcs and crmsh, in front of our agents in /usr/sbin.

use std::fs;

use peers::Agent;
use peers::cluster::{self, inside, run};

use crate::devices::{ROWS, Row};

/// An empty configuration in a file of its own.
fn cib(name: &str) -> String {
    let file = format!("/run/{name}.xml");
    let empty = run("/usr/sbin/cibadmin", ["--empty"]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    fs::write(&file, empty.stdout).expect("a file in /run");
    file
}

/// Options with which an agent is content. No device has to be there for that.
fn options(row: &Row) -> Vec<String> {
    let login: &[&str] = match row.agent {
        "fence_ipdu" => &["ip=192.0.2.1", "community=private", "snmp_version=1", "plug=3"],
        "fence_emerson" => &["ip=192.0.2.1", "community=private", "plug=1.1.3"],
        "fence_ifmib"
        | "fence_apc_snmp"
        | "fence_tripplite_snmp"
        | "fence_cisco_mds"
        | "fence_lindypdu"
        | "fence_eaton_snmp"
        | "fence_ibmblade"
        | "fence_intelmodular"
        | "fence_snmp_pdu" => &["ip=192.0.2.1", "community=private", "plug=3"],
        "fence_scsi" => &["devices=/dev/null", "key=1", "plug=beta"],
        _ => &["ip=192.0.2.1", "username=admin", "password=adminpw"],
    };
    let additions = row.additions.iter().map(|(name, value)| format!("{name}={value}"));
    let login = login.iter().chain(&["pcmk_host_list=beta"]).map(|option| (*option).to_owned());
    login.chain(additions).collect()
}

/// How a command ended.
struct Done {
    command: String,
    code: i64,
    stdout: String,
    stderr: String,
}

/// Runs these commands of `pcs` or `crm` one after the other.
fn commands(tool: &str, cib: &str, commands: &[Vec<&str>]) -> Vec<Done> {
    let script = cluster::project().join("tests/pacemaker/commands.py");
    let done = Agent::new("/usr/bin/python3")
        .args(["-Es".into(), script.into_os_string(), tool.into()])
        .env("HOME", "/run/user")
        .env("LC_ALL", "C.UTF-8")
        .env(if tool == "crm" { "CIB_file" } else { "UNUSED" }, cib)
        .stdin(serde_json::to_string(commands).expect("text"))
        .run();
    let results: Vec<(i64, String, String)> = serde_json::from_str(&done.stdout).expect(&done.stderr);
    let results = results.into_iter().zip(commands);
    results
        .map(|((code, stdout, stderr), command)| Done { command: command.join(" "), code, stdout, stderr })
        .collect()
}

impl Done {
    fn assert_done(&self) {
        assert_eq!(self.code, 0, "{}: {}{}", self.command, self.stdout, self.stderr);
    }

    fn assert_refused(&self, words: &str) {
        let refused = self.code == 1 && self.stderr.contains(words);
        assert!(refused, "{}: {}: {}{}", self.command, self.code, self.stdout, self.stderr);
    }

    /// A line that begins with this, white space and the mark of a required option aside.
    fn assert_line(&self, beginning: &str) {
        let found = self.stdout.lines().any(|line| line.trim().replacen('*', "", 1).starts_with(beginning));
        assert!(found, "{}: {beginning}: {}", self.command, self.stdout);
    }
}

fn strs(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// What an administrator wants to see described.
fn described(row: &Row) -> impl Iterator<Item = &str> {
    let address = if row.agent == "fence_scsi" { "devices" } else { "ip" };
    row.additions.iter().map(|(name, _)| *name).chain([address])
}

#[test]
fn pcs_describes_creates_and_shows_every_agent_and_refuses_what_it_does_not_know() {
    inside("tools::pcs_describes_creates_and_shows_every_agent_and_refuses_what_it_does_not_know", || {
        let rows: Vec<_> = ROWS.iter().map(|row| (row, cib(row.agent), options(row))).collect();
        let all: Vec<Vec<&str>> = rows
            .iter()
            .flat_map(|(row, file, options)| {
                let options = strs(options);
                let create = |name| vec!["-f", file, "stonith", "create", name, row.agent];
                [
                    vec!["stonith", "describe", row.agent],
                    [create("unknown"), options.clone(), vec!["nonsense=1"]].concat(),
                    [create("missing"), vec!["pcmk_host_list=beta"]].concat(),
                    [create("device"), options, vec!["--agent-validation"]].concat(),
                    vec!["-f", file, "stonith", "config"],
                ]
            })
            .collect();
        let results = commands("pcs", "", &all);
        for ((row, _, options), done) in rows.iter().zip(results.chunks(5)) {
            let [describe, unknown, missing, created, config] = done else { panic!("five results") };
            describe.assert_done();
            described(row).for_each(|name| describe.assert_line(name));
            unknown.assert_refused("invalid stonith option 'nonsense'");
            // An agent whose address another option may give doesn't require this one, and pcs can't know.
            if describe.stdout.contains("ip (required)") {
                missing.assert_refused("'ip'");
            }
            created.assert_done();
            assert!(!created.stderr.contains("Warning"), "{}", created.stderr);
            config.assert_done();
            options.iter().for_each(|option| config.assert_line(option));
        }
    });
}

#[test]
fn pcs_hands_on_what_an_agent_finds_wrong() {
    inside("tools::pcs_hands_on_what_an_agent_finds_wrong", || {
        // Of each program one: what fails is tried again after a second.
        let program =
            |row: &&Row| cluster::project().join("src/bin").join(row.agent).with_extension("rs").exists();
        let rows: Vec<_> =
            ROWS.iter().filter(program).map(|row| (row, cib(row.agent), options(row))).collect();
        let all: Vec<Vec<&str>> = rows
            .iter()
            .map(|(row, file, options)| {
                let create = vec!["-f", file, "stonith", "create", "device", row.agent];
                [create, strs(options), vec!["delay=nonsense", "--agent-validation"]].concat()
            })
            .collect();
        for done in commands("pcs", "", &all) {
            done.assert_refused("ERROR: delay: ");
        }
    });
}

#[test]
fn pcs_takes_deprecated_names_and_tells_the_new_ones() {
    inside("tools::pcs_takes_deprecated_names_and_tells_the_new_ones", || {
        let file = cib("deprecated");
        let create = ["-f", &file, "stonith", "create", "device", "fence_ipmilan"];
        let old = ["ipaddr=192.0.2.1", "login=admin", "passwd=adminpw", "--agent-validation"];
        let done = &commands("pcs", "", &[[&create, &old as &[&str]].concat()])[0];
        done.assert_done();
        for new in ["ip", "username", "password"] {
            assert!(done.stderr.contains(&format!("use '{new}' instead")), "{}", done.stderr);
        }
    });
}

#[test]
fn crmsh_describes_and_verifies_every_agent() {
    inside("tools::crmsh_describes_and_verifies_every_agent", || {
        let file = cib("crmsh");
        let infos = ROWS.iter().map(|row| format!("stonith:{}", row.agent)).collect::<Vec<_>>();
        for (row, done) in ROWS.iter().zip(commands(
            "crm",
            &file,
            &infos.iter().map(|it| vec!["ra", "info", it]).collect::<Vec<_>>(),
        )) {
            done.assert_done();
            described(row).for_each(|name| done.assert_line(&format!("{name} (")));
        }
        // All of them in one configuration.
        let primitives: String = ROWS
            .iter()
            .zip(&infos)
            .map(|(row, info)| {
                format!("primitive {}-device {info} params {}\n", row.agent, options(row).join(" "))
            })
            .collect();
        fs::write("/run/commands", format!("configure\n{primitives}commit\n")).expect("a file in /run");
        let unknown = ["configure", "primitive", "x", "stonith:fence_ipmilan", "params", "nonsense=1"];
        let [load, verify, show, refused] = commands(
            "crm",
            &file,
            &[
                vec!["-f", "/run/commands"],
                vec!["configure", "verify"],
                vec!["configure", "show"],
                unknown.to_vec(),
            ],
        )
        .try_into()
        .unwrap_or_else(|_| panic!("four results"));
        for done in [&load, &verify, &show] {
            done.assert_done();
            assert!(!done.stderr.contains("ERROR"), "{}: {}", done.command, done.stderr);
        }
        for info in &infos {
            assert!(show.stdout.contains(&format!("{info} ")), "{info}: {}", show.stdout);
        }
        refused.assert_refused("\"nonsense\" is not known");
    });
}

#[test]
fn unprivileged_users_read_the_metadata_with_an_empty_environment() {
    inside("tools::unprivileged_users_read_the_metadata_with_an_empty_environment", || {
        for user in ["hacluster", "nobody"] {
            for name in cluster::names() {
                let done = Agent::new("/usr/bin/setpriv")
                    .args(["--reuid", user, "--regid", "nogroup", "--clear-groups", "env", "-i"])
                    .args([format!("/usr/sbin/{name}")])
                    .stdin("action=metadata\n")
                    .run();
                assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{user} {name}");
                let file = cluster::project().join("metadata").join(&name).with_extension("xml");
                assert_eq!(done.stdout, fs::read_to_string(file).expect("metadata"), "{user} {name}");
            }
        }
    });
}
