//! What an administrator configures a cluster with: pcs and crmsh, in front of our agents in /usr/sbin.

use std::fs;
use std::thread;

use fence_agents::agents;
use fence_agents::fencing::option::Kind;
use peers::Agent;
use peers::cluster::{self, inside, run};
use peers::subject::Lack;
use serde_json::Value;

use crate::devices::{Row, rows};

/// An empty configuration in a file of its own.
fn cib(name: &str) -> String {
    let file = format!("/run/{name}.xml");
    let empty = run("/usr/sbin/cibadmin", ["--empty"]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    fs::write(&file, empty.stdout).expect("a file in /run");
    file
}

/// An agent, and options with which it is content: those of its subject, and of those beyond the contract each one that a
/// value is known for. No device has to be there for that.
struct Configured {
    agent: &'static str,
    /// The option that says where the device is.
    address: &'static str,
    /// Those beyond the contract.
    additions: Vec<String>,
    options: Vec<(&'static str, String)>,
}

/// What every agent has beyond the contract and in a configuration.
const EVIDENCE_FILE: (&str, &str) = ("evidence_file", "/run/evidence.json");

fn configured() -> Vec<Configured> {
    let rows = rows();
    // Their devices take a while to start.
    thread::scope(|scope| {
        let running: Vec<_> = rows.iter().map(|row| scope.spawn(|| Configured::of(row))).collect();
        running.into_iter().map(|thread| thread.join().expect("a subject")).collect()
    })
}

impl Configured {
    fn of(row: &Row) -> Configured {
        let (agent, _) =
            agents::FAMILIES.iter().find_map(|family| family.find(row.agent)).expect("a name of the list");
        let facts = cluster::project().join("tests/contract").join(agent.name).with_extension("json");
        let facts: Value = serde_json::from_str(&fs::read_to_string(facts).expect("facts")).expect("facts");
        let beyond = facts["beyond"].as_array().cloned().unwrap_or_default();
        let beyond: Vec<String> = beyond.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let subject = row.subject.subject();
        let mut options = subject.options_with_plug();
        options.extend(subject.pins.iter().map(|(name, right, _)| (*name, right.clone())));
        options.push((EVIDENCE_FILE.0, EVIDENCE_FILE.1.to_owned()));
        for option in agent.options().filter(|option| beyond.iter().any(|name| name == option.name)) {
            let value = match option.kind {
                Kind::Switch | Kind::Truth => "1",
                Kind::Choice(words) => words[0],
                _ => continue,
            };
            if options.iter().all(|(name, _)| *name != option.name) {
                options.push((option.name, value.to_owned()));
            }
        }
        options.push(("pcmk_host_list", "beta".to_owned()));
        let address = if row.subject.lacks(Lack::Address) { subject.dead[0].0 } else { "ip" };
        Configured {
            agent: row.agent,
            address,
            additions: beyond.into_iter().chain([EVIDENCE_FILE.0.to_owned()]).collect(),
            options,
        }
    }

    /// The options as arguments of a command.
    fn arguments(&self) -> Vec<String> {
        self.options.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// The options as a text has them.
    fn written(&self) -> Vec<String> {
        let quote = |value: &str| if value.contains(' ') { "\"" } else { "" };
        self.options.iter().map(|(name, value)| format!("{name}={0}{value}{0}", quote(value))).collect()
    }

    /// What an administrator wants to see described.
    fn described(&self) -> impl Iterator<Item = &str> {
        self.additions.iter().map(String::as_str).chain([self.address])
    }
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

#[test]
fn pcs_describes_creates_and_shows_every_agent_and_refuses_what_it_does_not_know() {
    inside("tools::pcs_describes_creates_and_shows_every_agent_and_refuses_what_it_does_not_know", || {
        let rows: Vec<_> =
            configured().into_iter().map(|row| (cib(row.agent), row.arguments(), row)).collect();
        let all: Vec<Vec<&str>> = rows
            .iter()
            .flat_map(|(file, options, row)| {
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
        for ((_, _, row), done) in rows.iter().zip(results.chunks(5)) {
            let [describe, unknown, missing, created, config] = done else { panic!("five results") };
            describe.assert_done();
            row.described().for_each(|name| describe.assert_line(name));
            unknown.assert_refused("invalid stonith option 'nonsense'");
            // An agent whose address another option may give doesn't require this one, and pcs can't know.
            if describe.stdout.contains("ip (required)") {
                missing.assert_refused("'ip'");
            }
            created.assert_done();
            assert!(!created.stderr.contains("Warning"), "{}", created.stderr);
            config.assert_done();
            row.written().iter().for_each(|option| config.assert_line(option));
        }
    });
}

#[test]
fn pcs_hands_on_what_an_agent_finds_wrong() {
    inside("tools::pcs_hands_on_what_an_agent_finds_wrong", || {
        // Of each program one: what fails is tried again after a second.
        let is_program = |row: &&Row| agents::FAMILIES.iter().any(|family| family.program() == row.agent);
        let rows = rows();
        let rows: Vec<_> = rows
            .iter()
            .filter(is_program)
            .map(|row| (row.agent, cib(row.agent), Configured::of(row).arguments()))
            .collect();
        let all: Vec<Vec<&str>> = rows
            .iter()
            .map(|(agent, file, options)| {
                let create = vec!["-f", file, "stonith", "create", "device", agent];
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
        let rows = configured();
        let infos = rows.iter().map(|row| format!("stonith:{}", row.agent)).collect::<Vec<_>>();
        for (row, done) in rows.iter().zip(commands(
            "crm",
            &file,
            &infos.iter().map(|it| vec!["ra", "info", it]).collect::<Vec<_>>(),
        )) {
            done.assert_done();
            row.described().for_each(|name| done.assert_line(&format!("{name} (")));
        }
        // All of them in one configuration.
        let primitives: String = rows
            .iter()
            .zip(&infos)
            .map(|(row, info)| {
                format!("primitive {}-device {info} params {}\n", row.agent, row.written().join(" "))
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
