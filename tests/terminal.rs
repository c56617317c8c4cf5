//! What a person at a terminal sees, and that nobody else does. The terminal is util-linux' script(1).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::time::Duration;

use peers::agent::Finished;
use peers::{Agent, IpmiSim};

const BOLD_USAGE: &str = "\x1b[1mUsage:\x1b[0m";

fn command(words: &str) -> String {
    format!("{} {words}", peers::agents_dir().join("fence_ipmilan").display())
}

/// Runs an agent at a terminal. Both of its outputs are in `stdout`.
fn at_terminal(words: &str, environment: &[(&str, &str)]) -> Finished {
    let script = Agent::new("/usr/bin/script").args(["-qec", &command(words), "/dev/null"]);
    let script = environment.iter().fold(script, |script, (name, value)| script.env(name, value));
    script.limit(Duration::from_secs(60)).run()
}

fn through_pipe(words: &str) -> Finished {
    Agent::new("/bin/sh").args(["-c", &command(words)]).env("TERM", "xterm").run()
}

/// The text alone.
fn plain(shown: &str) -> String {
    let mut parts = shown.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    let rest = parts.map(|part| part.split_once(|c: char| c.is_ascii_alphabetic()).unwrap().1);
    (first + &rest.collect::<String>()).replace('\r', "")
}

#[test]
fn headings_stand_out_at_a_terminal_and_nowhere_else() {
    let shown = at_terminal("--help", &[("TERM", "xterm")]);
    assert!(shown.stdout.contains(BOLD_USAGE), "{}", shown.stdout);
    let piped = through_pipe("--help");
    assert!(!piped.stdout.contains('\x1b'));
    assert_eq!(plain(&shown.stdout), piped.stdout);
    for environment in [&[("TERM", "xterm"), ("NO_COLOR", "1")][..], &[("TERM", "dumb")], &[]] {
        let shown = at_terminal("--help", environment);
        assert_eq!(shown.stdout.replace('\r', ""), piped.stdout, "{environment:?}");
    }
}

#[test]
fn an_error_stands_out_at_a_terminal_and_nowhere_else() {
    let shown = at_terminal("-o fly", &[("TERM", "xterm")]);
    assert!(shown.stdout.contains("\x1b[1;31mERROR\x1b[0m: "), "{}", shown.stdout);
    assert_eq!(shown.code, Some(1));
    let piped = through_pipe("-o fly");
    assert!(piped.stderr.contains(" ERROR: ") && !piped.stderr.contains('\x1b'), "{}", piped.stderr);
}

#[test]
fn whoever_gives_no_arguments_at_a_terminal_is_told_that_options_are_read_there_and_nobody_else() {
    let words = "reading options from standard input";
    let shown = at_terminal("", &[("TERM", "xterm")]);
    assert!(shown.stdout.contains(words), "{}", shown.stdout);
    assert_eq!(shown.code, Some(1), "no address was given: {}", shown.stdout);
    let piped = through_pipe("</dev/null");
    assert!(!piped.stderr.contains(words) && piped.stderr.contains("ip: "), "{}", piped.stderr);
}

#[test]
fn waiting_is_shown_at_a_terminal_and_nowhere_else_and_leaves_nothing_on_the_line() {
    let sim = IpmiSim::builder().delay(Duration::from_secs(1)).start();
    let words = format!("-a 127.0.0.1 -u {} -l admin -p adminpw -P -C 3 --power-wait=0 -o off", sim.port());
    let shown = at_terminal(&words, &[("TERM", "xterm")]);
    assert_eq!(shown.code, Some(0), "{}", shown.stdout);
    assert!(shown.stdout.contains("waiting for off: on, 0."), "{}", shown.stdout);
    assert!(shown.stdout.ends_with("\r\x1b[KSuccess: Powered OFF\r\n"), "{:?}", shown.stdout);
    assert!(!sim.power());
    sim.set_power(true);
    let piped = through_pipe(&words);
    assert_eq!((piped.stdout.as_str(), piped.stderr.as_str()), ("Success: Powered OFF\n", ""));
    assert!(!sim.power());
    sim.set_power(true);
    // Who wants no messages gets none, and who reads each step doesn't need it.
    for more in ["-q", "-v"] {
        let shown = at_terminal(&format!("{words} {more}"), &[("TERM", "xterm")]);
        assert!(!shown.stdout.contains("waiting for off"), "{more}: {}", shown.stdout);
        sim.set_power(true);
    }
}
