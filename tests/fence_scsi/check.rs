//! The watchdog's checks.

use std::sync::LazyLock;

use peers::guest::{Guest, GuestBuilder};

use crate::lab::{LIMIT, ORIGINAL, done, run, sh, two_nodes, with_agent};

/// A guest that ends up restarted, and has settings of its own.
static GUEST: LazyLock<Guest> =
    LazyLock::new(|| with_agent(GuestBuilder::new().luns(2)).original().unwrap().start().unwrap());

/// The exit code of a check as node 1, with these words and this standard input.
fn check(name: &str, words: &str, stdin: &str) -> i32 {
    run(&GUEST, &format!("printf '{stdin}' | as w1 /ours/{name} {words}")).code
}

/// The exit code of the original's check in the same place.
fn original(words: &str) -> i32 {
    run(&GUEST, &format!("as w1 /original/fence_scsi_check {words} </dev/null")).code
}

fn settings(text: &str) {
    sh(&GUEST, &format!("mkdir -p /etc/sysconfig; printf '{text}' >/etc/sysconfig/stonith"));
}

#[test]
fn a_fenced_node_is_told_by_exit_code_two_and_restarted_by_the_other_name_only() {
    let guest = &*GUEST;
    sh(
        guest,
        &format!(
            "mkdir /original; ln -s {ORIGINAL} /original/fence_scsi_check; \
             for n in fence_scsi_check fence_scsi_check_hardreboot; do ln -s fence_scsi /ours/$n; done"
        ),
    );
    const NAMES: [&str; 2] = ["fence_scsi_check", "fence_scsi_check_hardreboot"];
    let both = |words: &str| {
        let codes = NAMES.map(|name| check(name, words, ""));
        assert_eq!(codes[0], codes[1], "{words}");
        codes[0]
    };

    // No state files: this node isn't fenced by anybody yet.
    assert_eq!((both("test"), original("test")), (0, 0));
    assert_eq!((both("repair 5"), original("repair 5")), (5, 5));
    assert_eq!(both("repair soon"), 1);

    two_nodes(guest, "w", &[1, 2]);
    assert_eq!((both("test"), original("test")), (0, 0));

    // The key on one of two devices.
    sh(guest, "persist /dev/n2l2 -P -T 5 -K 0xb2 -S 0xa1");
    assert_eq!((both("test"), original("test")), (0, 0));
    settings("strict=yes\n");
    assert_eq!(check(NAMES[0], "test", ""), 2);

    // On none.
    done(guest, "w1", "action=on key=a1 devices=/dev/n1l1,/dev/n1l2", "Success: Powered ON\n");
    assert_eq!(check(NAMES[0], "test", ""), 0);
    settings("");
    done(guest, "w2", "action=off key=a1 devices=/dev/n2l1,/dev/n2l2", "Success: Powered OFF\n");
    assert_eq!((check(NAMES[0], "test", ""), original("test")), (2, 2));
    settings("retry=2\nretry-sleep=0.1\nverbose=yes\n");
    let told = run(guest, "as w1 /ours/fence_scsi_check test </dev/null");
    assert_eq!(told.code, 2);
    assert_eq!(told.stderr.matches("looking again").count(), 2, "{told:?}");

    // One that can't be read may hold the key still; strictly, the other one counts.
    sh(guest, "echo /dev/nowhere >>/runs/w1/cluster.dev");
    assert_eq!((check(NAMES[0], "test", ""), original("test")), (0, 2));
    settings("strict=1\n");
    assert_eq!(check(NAMES[0], "test", ""), 2);
    settings("");
    sh(guest, "sed -i /nowhere/d /runs/w1/cluster.dev");

    // Called as a fence agent it does nothing, least of all restart, and nobody can take that for a success.
    for (words, stdin) in
        [("", "action=off\\n"), ("", "nodename=a\\naction=metadata"), ("-o off", ""), ("--action=off", "")]
    {
        for name in NAMES {
            let output = run(guest, &format!("printf '{stdin}' | as w1 /ours/{name} {words}"));
            assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{name} {words} {stdin}: {output:?}");
        }
    }
    // An input that says nothing isn't waited for.
    assert_eq!(run(guest, "sleep 90 | as w1 /ours/fence_scsi_check & wait $!").code, 2);

    // The machine goes down at once: it doesn't answer any more.
    let restart = guest.begin("as w1 /ours/fence_scsi_check_hardreboot test </dev/null").unwrap();
    let gone = restart.finish(LIMIT).unwrap_err();
    assert!(gone.to_string().contains("the guest is gone"), "{gone}");
}
