//! Every example in help and man page, run as it stands against the agent's subject: but for the address, the user, the
//! secret and the plug, which are the reader's.

use std::os::unix::fs::symlink;
use std::time::Duration;

use fence_agents::agents;
use peers::subject::{self, Reader};
use peers::{Agent, TempDir};

/// The examples in the help, which are those of the man page.
fn examples(name: &str) -> Vec<String> {
    let help = Agent::called(name, name).args(["--help"]).run().stdout;
    let (_, after) = help.split_once("\nExamples:\n").expect("examples");
    let shown: Vec<String> =
        after.lines().take_while(|line| !line.is_empty()).map(str::trim).map(str::to_owned).collect();
    let page = Agent::called(name, name).args(["-o", "manpage"]).run().stdout;
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

/// The action of a command line, which has one.
fn action(line: &str) -> &str {
    line.split_whitespace().skip_while(|word| *word != "-o").nth(1).expect("an action")
}

#[test]
fn the_examples_of_every_agent_work_under_every_name() {
    // They wait most of the time, for machines that take their time between off and on.
    std::thread::scope(|scope| {
        for (agent, name) in agents::FAMILIES.iter().flat_map(|family| family.names()) {
            scope.spawn(|| run_examples(agent.name, name));
        }
    });
}

/// Runs the examples of an agent under this name, and compares what they say with what is so.
fn run_examples(agent: &str, name: &str) {
    let subject = subject::of(agent, name)[0].subject();
    let Reader { user, secret, own, environment } = &subject.reader;
    let folder = TempDir::new("examples");
    symlink(peers::agent::program(&subject.agent), folder.path().join(name)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let port = subject.options.iter().find(|(option, _)| *option == "ipport").map(|(_, port)| port);
    let replace = [
        ("192.0.2.10", port.map_or(String::new(), |port| format!("127.0.0.1 -u {port}"))),
        ("/etc/fence.secret", folder.write("secret", &format!("{secret}\n")).display().to_string()),
        ("-l admin", format!("-l {user}")),
    ];
    let examples = examples(name);
    for example in &examples {
        let line =
            own.iter().chain(&replace).fold(example.clone(), |line, (from, to)| line.replace(from, to));
        let shell = Agent::new("/bin/sh").env("PATH", &path).limit(Duration::from_secs(60));
        let shell = environment.iter().fold(shell, |shell, (name, value)| shell.env(name, value));
        let (before, was) = (subject.commands(), subject.is_on());
        let done = shell.args(["-c", &line]).run();
        let (commands, is) = (subject.commands() - before, subject.is_on());
        let said = format!("{line}: {}{}", done.stdout, done.stderr);
        match action(&line) {
            "status" => {
                let told = if is { (Some(0), "Status: ON\n") } else { (Some(2), "Status: OFF\n") };
                assert_eq!((done.code, done.stdout.as_str()), told, "{said}");
                assert_eq!(commands, 0, "{said}");
            }
            action => {
                assert!(done.code == Some(0) && done.stdout.starts_with("Success: "), "{said}");
                assert!(is == (action != "off") && (is != was || commands > 0), "{said}");
            }
        }
    }
    assert!(examples.iter().any(|example| action(example) != "status"), "{name}: an example of fencing");
    assert!(subject.plugs.len() < 2 || subject.device.is_on(1), "{name}: nobody else's plug");
}
