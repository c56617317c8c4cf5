//! What only shared disks have: several devices behind one node, and registrations that may not be as they should.

use peers::faults::scsi::lun::{FENCING, Lun, REGISTER, REGISTER_AND_IGNORE, RELEASE, RESERVE};
use peers::faults::scsi::{Change, Rack};
use peers::{Agent, Finished};

use crate::common::json;

const OWN: u64 = 0xa1;
const VICTIM: u64 = 0xb2;

/// Healthy disks with these numbers, shared with the victim.
fn rack(numbers: &[u8]) -> Rack {
    Rack::of(numbers.iter().map(|number| Rack::disk(*number, &[OWN, VICTIM])).collect(), OWN)
}

fn agent(rack: &Rack, action: &str) -> Agent {
    let devices = rack.devices();
    // What a busy machine takes is nobody's fault.
    let limits = ["login_timeout", "shell_timeout", "power_timeout"].map(|name| (name, "40"));
    rack.agent()
        .options([("action", action), ("devices", &devices), ("key", "b2"), ("power_wait", "0")])
        .options(limits)
}

/// The words of each request that would be sent to a device: its name, and the device.
fn planned(rack: &Rack, action: &str, options: &[(&str, &str)]) -> Vec<String> {
    let done =
        agent(rack, action).options([("explain", "1"), ("json", "1")]).options(options.iter().copied()).run();
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert_eq!(rack.changes(), []);
    let told = json(&done.stdout);
    let requests = told["requests"].as_array().unwrap().iter();
    requests
        .filter(|request| request["command"] == action)
        .flat_map(|request| request["words"].as_array().unwrap())
        .map(|words| words.as_str().unwrap().to_owned())
        .collect()
}

/// What was sent, in the words of the plan.
fn in_words(rack: &Rack, change: &Change) -> String {
    let Change { name, kind, key, action_key, .. } = change;
    let device = rack.device(change.unit);
    match name.as_str() {
        "PREEMPT AND ABORT" => format!(
            "{name} of the key {action_key:#x}, with this node's key {key:#x}, type {kind}, on {device}"
        ),
        "RESERVE" => format!("{name} with the key {key:#x}, type {kind}, on {device}"),
        "REGISTER AND IGNORE" => {
            format!("REGISTER AND IGNORE EXISTING KEY with the key {action_key:#x}, on {device}")
        }
        _ => format!("{name} with the key {action_key:#x}, on {device}"),
    }
}

/// A disk on which only these nodes are registered, and that nobody has reserved.
fn unreserved(number: u8, keys: &[u64]) -> Lun {
    let mut lun = Rack::disk(number, &[]);
    for (node, key) in keys.iter().enumerate() {
        lun.act(node, REGISTER_AND_IGNORE, 0, 0, *key, false);
    }
    lun.settle();
    lun
}

#[test]
fn explain_names_the_commands_that_are_then_sent_and_no_others() {
    let mut victim_gone = Rack::disk(3, &[OWN, VICTIM]);
    victim_gone.act(0, REGISTER_AND_IGNORE, 0, 0, OWN, false);
    victim_gone.act(1, REGISTER, 0, VICTIM, 0, false);
    victim_gone.act(0, RESERVE, FENCING, OWN, 0, false);
    victim_gone.settle();
    let cases = [
        // The one with the lowest name first, wherever it stands.
        vec![Rack::disk(9, &[OWN, VICTIM]), Rack::disk(4, &[OWN, VICTIM])],
        vec![unreserved(2, &[OWN, VICTIM])],
        vec![unreserved(2, &[OWN])],
        vec![unreserved(2, &[])],
        vec![Rack::disk(1, &[OWN, VICTIM]), victim_gone, unreserved(5, &[])],
    ];
    for (number, disks) in cases.into_iter().enumerate() {
        for action in ["off", "on"] {
            let rack = Rack::of(disks.clone(), OWN);
            let mut planned = planned(&rack, action, &[]);
            let done = agent(&rack, action).run();
            assert_eq!(done.code, Some(0), "{number}: {action}: {}", done.stderr);
            planned.retain(|words| !words.starts_with("nothing to ") && !words.contains("written down"));
            let changes = rack.changes();
            // The first disk decides before the others are sent anything; those are sent theirs at once.
            if let (Some(first), "off") = (changes.first(), action) {
                assert_eq!(in_words(&rack, first), planned[0], "{number}");
            }
            let mut sent: Vec<String> = changes.iter().map(|change| in_words(&rack, change)).collect();
            sent.sort();
            planned.sort();
            assert_eq!(sent, planned, "{number}: {action}");
        }
    }
}

#[test]
fn explain_says_why_nothing_would_be_sent() {
    // The caller has been fenced, has no key of its own, or is the victim.
    let fenced = Rack::of(vec![Rack::disk(1, &[OWN, VICTIM]), Rack::disk(2, &[0xc3, VICTIM])], OWN);
    let keyless = rack(&[1]);
    keyless.write("run/cluster.key", "");
    let victim = rack(&[1]);
    victim.write("run/cluster.key", "b2\n");
    for (rack, why) in
        [(fenced, "itself fenced"), (keyless, "cluster.key"), (victim, "can not fence yourself")]
    {
        let planned = planned(&rack, "off", &[]);
        assert_eq!(planned.len(), 1, "{planned:?}");
        assert!(planned[0].starts_with("nothing is sent to any device: "), "{planned:?}");
        assert!(planned[0].contains(why), "{planned:?}");
        let done = agent(&rack, "off").run();
        assert_eq!(done.code, Some(1));
        assert_eq!(rack.changes(), []);
    }
}

#[test]
fn explain_tells_each_device_with_its_names_and_who_holds_it() {
    let rack = rack(&[4, 9]);
    let done = agent(&rack, "off").options([("explain", "1"), ("json", "1")]).run();
    let told = json(&done.stdout);
    let devices = told["plugs"][0]["facts"]["device"].as_array().unwrap();
    for (unit, number) in [(0, 4), (1, 9)] {
        let fact = devices[unit].as_str().unwrap();
        let wanted = format!(
            "{}: {}, serial SERIAL-{number}, plain, 2 registrations, 0xb2 holds write exclusive, registrants only",
            rack.device(unit),
            Rack::wwid(number)
        );
        assert_eq!(fact, wanted);
    }
    assert_eq!(told["plugs"][0]["identity"].as_array().unwrap().len(), 4, "{told:#}");
}

fn assert_refused(rack: &Rack, done: &Finished) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(done.stderr.contains("no command was sent"), "{}", done.stderr);
    assert_eq!(rack.changes(), []);
}

#[test]
fn the_disks_are_those_expected_all_of_them_and_no_others() {
    let list = |numbers: &[u8], of: &dyn Fn(u8) -> String| {
        numbers.iter().map(|number| of(*number)).collect::<Vec<_>>().join(",")
    };
    let serial = |number| format!("SERIAL-{number}");
    for (option, of) in [("expect_wwid", &Rack::wwid as &dyn Fn(u8) -> String), ("expect_serial", &serial)] {
        for wrong in [&[1][..], &[1, 2, 3], &[1, 3], &[3, 4], &[2, 2]] {
            let rack = rack(&[1, 2]);
            for action in ["off", "on", "status"] {
                let done = agent(&rack, action).options([(option, list(wrong, of))]).run();
                assert_refused(&rack, &done);
            }
        }
        // In any order.
        for right in [&[1, 2][..], &[2, 1]] {
            let rack = rack(&[1, 2]);
            let done = agent(&rack, "off").options([(option, list(right, of))]).run();
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            assert_eq!(rack.changes().len(), 2);
        }
    }
}

#[test]
fn a_disk_that_does_not_say_who_it_is_is_not_overlooked_beside_those_that_do() {
    let anonymous = || {
        let mut lun = Rack::disk(2, &[OWN, VICTIM]);
        (lun.name, lun.serial) = (None, None);
        lun
    };
    for (option, value) in [("expect_wwid", Rack::wwid(1)), ("expect_serial", "SERIAL-1".to_owned())] {
        let rack = Rack::of(vec![Rack::disk(1, &[OWN, VICTIM]), anonymous()], OWN);
        let done = agent(&rack, "off").options([(option, &value)]).run();
        assert_refused(&rack, &done);
        let rack = Rack::of(vec![anonymous()], OWN);
        let done = agent(&rack, "off").options([(option, &value)]).run();
        assert_refused(&rack, &done);
    }
}

#[test]
fn a_disk_that_is_replaced_meanwhile_is_sent_nothing_whenever_that_happens() {
    // The other disk would take the command: the same nodes are registered there.
    let another = || Rack::disk(3, &[OWN, VICTIM]);
    // One that bears the same name, and another serial number.
    let namesake = || {
        let mut lun = another();
        lun.name = Rack::disk(2, &[]).name;
        lun
    };
    let names = format!("{},{}", Rack::wwid(1), Rack::wwid(2));
    for (option, expected, stranger) in [
        ("expect_wwid", names.as_str(), &another as &dyn Fn() -> Lun),
        ("expect_serial", "SERIAL-1,SERIAL-2", &another),
        ("expect_serial", "SERIAL-1,SERIAL-2", &namesake),
    ] {
        let mut moment = 0;
        loop {
            let rack = rack(&[1, 2]);
            rack.replace_after(1, moment, stranger());
            let done = agent(&rack, "off").options([(option, expected)]).run();
            if done.code == Some(0) {
                // It wasn't replaced any more.
                assert_eq!(rack.there(1).serial, Rack::disk(2, &[]).serial);
                break;
            }
            let kept = rack.there(1).key_of(1) == Some(VICTIM);
            let sent = rack.changes().iter().any(|change| change.unit == 1);
            // Where the disk that was meant took it, the last look finds another one.
            assert!(kept, "{option} {moment}: {}", done.stderr);
            assert!(!sent || done.stderr.contains("is not the one meant"), "{moment}: {}", done.stderr);
            moment += 1;
            assert!(moment < 100);
        }
        assert!(moment > 6, "{moment}");
    }
}

/// Disks, options, and what doctor then says: the exit code, and words of a finding.
type Grade<'a> = (Rack, &'a [(&'a str, &'a str)], i32, &'a str);

#[test]
fn doctor_grades_disks_by_what_would_matter_at_night() {
    let disks = |luns: Vec<Lun>| Rack::of(luns, OWN);
    let healthy = || Rack::disk(1, &[OWN, VICTIM]);
    let kept = || {
        let mut lun = healthy();
        lun.act(0, REGISTER_AND_IGNORE, 0, 0, OWN, true);
        lun.settle();
        lun
    };
    let another_type = || {
        let mut lun = healthy();
        lun.act(1, RELEASE, FENCING, VICTIM, 0, false);
        lun.act(1, RESERVE, 6, VICTIM, 0, false);
        lun.settle();
        lun
    };
    let weak = || {
        let mut lun = healthy();
        lun.can_persist = false;
        lun
    };
    let nameless = || {
        let mut lun = healthy();
        lun.name = None;
        lun
    };
    let keyless = rack(&[1]);
    keyless.write("run/cluster.key", "");
    let unlisted = rack(&[1]);
    unlisted.write("run/cluster.dev", "");
    let forgotten = rack(&[1]);
    forgotten.write("run/cluster.dev", &format!("{}\n/dev/forgotten\n", forgotten.device(0)));
    let cases: Vec<Grade<'_>> = vec![
        (rack(&[1, 2]), &[], 0, "this node's key 0xa1 is registered on all 2 devices"),
        (rack(&[1]), &[], 0, "PREEMPT AND ABORT is supported"),
        (rack(&[1]), &[], 0, "restarts this node when it has been fenced"),
        (rack(&[1]), &[], 0, "to answer all questions"),
        (disks(vec![Rack::disk(1, &[0xc3, VICTIM])]), &[], 1, "this node is itself fenced"),
        (disks(vec![unreserved(1, &[0xc3, VICTIM])]), &[], 1, "it needs the action on first"),
        (disks(vec![healthy(), unreserved(2, &[])]), &[], 3, "no registrations and no reservation on"),
        (disks(vec![unreserved(1, &[OWN, VICTIM])]), &[], 3, "no reservation on"),
        (disks(vec![another_type()]), &[], 1, "exclusive access, registrants only"),
        (disks(vec![healthy()]), &[], 0, "could outlast a loss of power"),
        (disks(vec![healthy()]), &[("aptpl", "1")], 3, "don't outlast a loss of power at present"),
        (disks(vec![weak()]), &[("aptpl", "1")], 1, "can't outlast a loss of power"),
        (disks(vec![kept()]), &[], 3, "aptpl isn't set, and registrations outlast"),
        (disks(vec![kept()]), &[("aptpl", "1")], 0, "registrations outlast a loss of power on"),
        (disks(vec![healthy(), healthy()]), &[], 3, "one and the same disk"),
        (disks(vec![healthy(), nameless()]), &[], 3, "no worldwide name"),
        (disks(vec![healthy(), Rack::disk(2, &[OWN])]), &[], 3, "is registered (0xb2), but not on"),
        (keyless, &[], 1, "cluster.key"),
        (unlisted, &[], 3, "/var/run/cluster.dev doesn't list"),
        (forgotten, &[], 3, "registered on /dev/forgotten"),
    ];
    for (rack, options, code, words) in cases {
        let done = agent(&rack, "doctor").options(options.iter().copied()).run();
        assert_eq!(done.code, Some(code), "{words}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
        assert_eq!(rack.changes(), [], "{words}");
    }
}

/// The keys of node1 to node4 in the cluster `labcluster`, by their positions.
const NODES: [u64; 4] = [0xc8fb_0000, 0xc8fb_0001, 0xc8fb_0002, 0xc8fb_0003];

#[test]
fn doctor_compares_the_keys_with_corosyncs_node_list() {
    let doctor = |keys: &[u64], options: &[(&str, &str)]| {
        let rack = Rack::of(vec![Rack::disk(1, keys)], NODES[0]);
        let (devices, corosync) = (rack.devices(), rack.corosync());
        let done = rack
            .agent()
            .options([("action", "doctor"), ("devices", &devices), ("corosync_cmap_path", &corosync)])
            .options(["login_timeout", "shell_timeout", "power_timeout"].map(|name| (name, "40")))
            .options(options.iter().copied())
            .run();
        assert_eq!(rack.changes(), []);
        done
    };
    // For a node that is named, and for this node alone.
    for options in [&[("plug", "node2")][..], &[]] {
        let done = doctor(&NODES, options);
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains("positions in corosync's node list"), "{}", done.stdout);
        assert!(!done.stdout.contains("isn't registered"), "{}", done.stdout);
        let stranger = doctor(&[NODES[0], NODES[1], 0xdead], options);
        assert_eq!(stranger.code, Some(3), "{}", stranger.stdout);
        for words in ["the key 0xdead is registered on", "node3 isn't registered", "node4 isn't registered"] {
            assert!(stranger.stdout.contains(words), "{}", stranger.stdout);
        }
    }
    let unknown = doctor(&NODES, &[("plug", "node9")]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.stdout);
    assert!(unknown.stdout.contains("node9"), "{}", unknown.stdout);
    let silent = doctor(&NODES, &[("corosync_cmap_path", "/bin/false")]);
    assert_eq!(silent.code, Some(1), "{}", silent.stdout);
}

#[test]
fn a_disk_that_can_not_be_read_is_a_failure_and_the_others_are_told() {
    let rack = rack(&[1]);
    let devices = format!("{},/dev/no-such-disk", rack.device(0));
    for action in ["doctor", "off"] {
        let explain = if action == "off" { "1" } else { "0" };
        let done = agent(&rack, action).options([("devices", devices.as_str()), ("explain", explain)]).run();
        assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains("/dev/no-such-disk"), "{}", done.stdout);
        assert!(done.stdout.contains("PEERS SIMULATED DISK"), "{}", done.stdout);
        assert_eq!(rack.changes(), []);
    }
}
