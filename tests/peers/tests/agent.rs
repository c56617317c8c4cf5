//! Running programs as agents: every run ends, and the figures are those of that program.

use std::time::Duration;

use peers::Agent;

#[test]
fn argv0_stdin_and_environment_are_what_a_caller_gives() {
    let done = Agent::new("/bin/sh")
        .argv0("fence_other")
        .args(["-c", "cat; env | sort; cat /proc/$$/cmdline; echo oops >&2; exit 3"])
        .options([("action", "status"), ("ip", "127.0.0.1")])
        .under_pacemaker()
        .run();
    assert!(done.stdout.starts_with("action=status\nip=127.0.0.1\nPATH="), "{}", done.stdout);
    assert!(done.stdout.contains("\nPCMK_service=pacemaker-fenced\n"));
    assert!(!done.stdout.contains("HOME="));
    assert!(done.stdout.contains("fence_other\0-c\0"), "{}", done.stdout);
    assert_eq!((done.code, done.stderr.as_str(), done.killed), (Some(3), "oops\n", false));
}

#[test]
fn a_program_that_hangs_is_killed_with_its_children() {
    let done = Agent::new("/bin/sh")
        .args(["-c", "echo begun; sleep 600 & wait"])
        .limit(Duration::from_millis(300))
        .run();
    assert!(done.killed);
    assert_eq!((done.code, done.stdout.as_str()), (None, "begun\n"));
}

#[test]
fn processor_time_is_that_of_the_program() {
    let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    let busy = Agent::new("/bin/sh").args(["-c", work]).run();
    let idle = Agent::new("/bin/sh").args(["-c", "sleep 0.3"]).run();
    assert!(busy.cpu > idle.cpu * 3, "{:?} {:?}", busy.cpu, idle.cpu);
    assert!(idle.wall >= Duration::from_millis(300));
    assert!(idle.max_rss > 100_000);
}
