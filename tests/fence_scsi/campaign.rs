//! Faults at random moments, on real reservations: whatever the agent says is compared with what the other node
//! finds on every disk. The many runs are on simulated disks (`faults scsi`); here the kernel's own target, its
//! initiator and SG_IO are in between.

use std::time::Instant;

use peers::faults::Dice;

use crate::lab::{GUEST, OURS, command, devices, held, run, wipe};

const LUNS: [u32; 2] = [27, 28];

/// What goes wrong, and what may come of it.
struct Fault {
    name: &'static str,
    /// Before the agent starts.
    before: &'static str,
    /// Beside it, after a pause: D is the caller's path to the disk that is meant, V the victim's.
    beside: &'static str,
    /// Whether the agent may succeed, and must.
    outcome: Outcome,
    /// Puts the disk in order again.
    after: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeds,
    Either,
    Fails,
}

const fn fault(
    name: &'static str,
    before: &'static str,
    beside: &'static str,
    outcome: Outcome,
    after: &'static str,
) -> Fault {
    Fault { name, before, beside, outcome, after }
}

/// Brings a disk back that was taken away: the host of its session looks for it again.
const RESCAN: &str = "echo '- - -' >$host/scan; until ls $sysfs/block/sd* >/dev/null 2>&1; do usleep 10000; done; \
                      ln -sf $(ls $sysfs/block) D";

const GONE: &str = "while sg_persist -n -i -k -d V 2>/dev/null >/tmp/trial.keys; grep -q 0xb2 /tmp/trial.keys; do usleep 20000; done";

/// `GONE` waits until the victim's key is gone: there are two seconds of `power_wait` then before the last look.
const FAULTS: &[Fault] = &[
    fault("none", "", "", Outcome::Succeeds, ""),
    fault("reset", "", "for i in 1 2 3; do sg_reset -d V >/dev/null 2>&1; done", Outcome::Succeeds, ""),
    fault(
        "storm of resets",
        "",
        "while ! [ -e /tmp/calm ]; do sg_reset -d V >/dev/null 2>&1; done",
        Outcome::Either,
        "",
    ),
    fault(
        "offline for a while",
        "",
        "echo offline >$sysfs/state; usleep 300000; echo running >$sysfs/state",
        Outcome::Either,
        "",
    ),
    fault("offline", "echo offline >$sysfs/state", "", Outcome::Fails, "echo running >$sysfs/state"),
    fault("vanishes", "", "echo 1 >$sysfs/delete", Outcome::Either, RESCAN),
    fault("vanished", "echo 1 >$sysfs/delete", "", Outcome::Fails, RESCAN),
    fault("restarts", "wipe V", "", Outcome::Succeeds, ""),
    fault(
        "restarts in the middle",
        "",
        "GONE; persist V -I -S 0xffff; persist V -C -K 0xffff",
        Outcome::Fails,
        "",
    ),
    fault("unreserved", "wipe V; persist D -I -S 0xa1; persist V -I -S 0xb2", "", Outcome::Succeeds, ""),
    fault("victim returns", "", "GONE; persist V -I -S 0xb2", Outcome::Fails, ""),
    fault("victim leaves", "", "persist V -I -S 0", Outcome::Succeeds, ""),
    fault(
        "caller fenced",
        "persist V -P -T 5 -K 0xb2 -S 0xa1 || persist V -P -T 5 -K 0xb2 -S 0xa1",
        "",
        Outcome::Fails,
        "",
    ),
    fault(
        "another type",
        "wipe V; persist V -I -S 0xb2; persist D -I -S 0xa1; persist V -R -T 6 -K 0xb2",
        "",
        Outcome::Fails,
        "wipe V",
    ),
];

#[test]
fn no_fault_makes_the_agent_claim_what_the_other_node_does_not_find() {
    let guest = &*GUEST;
    let (rounds, seed) = if std::env::var_os("CAMPAIGN").is_some() { (300, 1) } else { (FAULTS.len(), 2) };
    wipe(guest, 2, &LUNS);
    let begun = Instant::now();
    let (mut succeeded, mut failed) = (0, 0);
    for round in 0..rounds {
        let mut dice = Dice::of(seed, round as u64);
        let fault = &FAULTS[round % FAULTS.len()];
        let lun = *dice.pick(&LUNS);
        let waits = fault.beside.contains("GONE");
        let here = |text: &str| {
            text.replace("GONE", GONE)
                .replace('D', &format!("/dev/n1l{lun}"))
                .replace('V', &format!("/dev/n2l{lun}"))
        };
        let off = format!(
            "action=off key=b2 devices={} power_timeout=4 login_timeout=2 shell_timeout=2 power_wait={}",
            devices(1, &LUNS),
            if waits { 2 } else { 0 }
        );
        let moment = if waits { 0 } else { dice.between(0, 900_000) };
        let on = |node: u32, key: &str| {
            let options = format!("action=on key={key} devices={}", devices(node, &LUNS));
            command(OURS, &format!("trial{node}"), &options)
        };
        // The agent's own exit code and outputs, then the disks as the other node finds them.
        let script = format!(
            "{} && {} || exit 99\n\
             sysfs=$(readlink -f /sys/block/$(readlink /dev/n1l{lun})/device)\n\
             host=$(ls -d ${{sysfs%%/session*}}/scsi_host/host*)\n\
             rm -f /tmp/calm\n{}\n\
             {{ usleep {moment}; {}; }} >/dev/null 2>&1 &\n\
             {} >/tmp/trial.out\ncode=$?\ntouch /tmp/calm\nwait\n\
             for d in {}; do state $d; done\n{}\ncat /tmp/trial.out >&2\nexit $code",
            on(1, "a1"),
            on(2, "b2"),
            here(fault.before),
            if fault.beside.is_empty() { "true".to_owned() } else { here(fault.beside) },
            command(OURS, "trial1", &off),
            devices(2, &LUNS).replace(',', " "),
            here(fault.after),
        );
        let output = run(guest, &script);
        let states: Vec<&str> = output.stdout.lines().filter(|line| line.contains('|')).collect();
        let story = || format!("round {round}, {}, LUN {lun}, {moment} us: {output:?}", fault.name);
        assert!(states.len() == LUNS.len(), "{}", story());
        match output.code {
            0 => {
                succeeded += 1;
                assert!(fault.outcome != Outcome::Fails, "{}", story());
                assert!(states.iter().all(|state| *state == held("a1", "a1")), "{}", story());
            }
            1 => {
                failed += 1;
                assert!(fault.outcome != Outcome::Succeeds, "{}", story());
                assert!(
                    !output.stderr.contains("Success: Powered OFF") && !output.stderr.contains("panicked"),
                    "{}",
                    story()
                );
            }
            _ => panic!("{}", story()),
        }
    }
    let seconds = begun.elapsed().as_secs();
    println!(
        "{rounds} runs with faults, seed {seed}: {succeeded} true successes, {failed} honest failures, {seconds} s"
    );
}
