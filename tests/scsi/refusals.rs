//! What a disk refuses: for a moment, for good, or although it is so.

use peers::faults::scsi::{Met, Rack, What, Wire};

use super::*;

fn refused(asc: u8) -> What {
    What::Answered { wire: Wire::check(5, asc, 0, true, false), done: false }
}

fn conflict() -> Wire {
    Wire { status: 0x18, ..Wire::default() }
}

#[test]
fn one_bad_moment_of_a_disk_that_could_be_read_before_is_not_the_end() {
    let moments = || {
        vec![
            refused(0x20),
            refused(0x24),
            refused(0x25),
            What::Answered { wire: conflict(), done: false },
            What::Truncated { keep: 4, silent: false },
            What::Truncated { keep: 12, silent: true },
            What::Answered { wire: Wire { host: 0x07, ..Wire::default() }, done: false },
        ]
    };
    for action in ["off", "on"] {
        for met in [Met::Keys, Met::Reservations] {
            for (which, what) in moments().into_iter().enumerate() {
                for skip in [0, 1, 3, 5] {
                    let rack = rack(&[1]);
                    rack.fault(0, met, skip, 1, what.clone());
                    let done = agent(&rack, action).run();
                    assert_eq!(done.code, Some(0), "{action} {met:?} {which} {skip}: {}", done.stderr);
                }
            }
        }
    }
}

#[test]
fn what_a_disk_refuses_from_the_beginning_ends_the_action_at_once() {
    for (what, words) in [
        (refused(0x20), "it doesn't support persistent reservations"),
        (
            What::Answered { wire: conflict(), done: false },
            "another host holds a reservation of the old kind",
        ),
    ] {
        for action in ["off", "on", "status"] {
            let rack = rack(&[1]);
            rack.fault(0, Met::Reads, 0, u32::MAX, what.clone());
            let done = agent(&rack, action).run();
            assert_failed(&done, words);
            assert!(!done.stderr.contains("timed out"), "{}", done.stderr);
        }
    }
}

#[test]
fn a_disk_that_refuses_what_is_so_is_believed_by_what_every_look_shows() {
    let answers = || {
        [
            conflict(),
            Wire::check(5, 0x26, 0, true, false),
            Wire::check(2, 0x04, 0x03, true, false),
            Wire::check(4, 0x44, 0, true, false),
        ]
    };
    for wire in answers() {
        let on = Rack::of(vec![held(1, &[(HERE, OWN), (THERE, VICTIM)])], OWN);
        on.fault(0, Met::Changes, 0, u32::MAX, What::RefusesWhatIsSo(wire.clone()));
        let done = agent(&on, "on").run();
        assert_eq!(done.code, Some(0), "{wire:?}: {}", done.stderr);
        // Nothing is to be sent where the victim's key is gone.
        let off = Rack::of(vec![held(1, &[(HERE, OWN)])], OWN);
        off.fault(0, Met::Changes, 0, u32::MAX, What::RefusesWhatIsSo(wire));
        assert_done(&agent(&off, "off").run(), "Success: Already OFF\n");
    }
}

#[test]
fn a_refusal_is_no_success_where_it_is_not_so() {
    for wire in [conflict(), Wire::check(5, 0x26, 0, true, false), Wire::check(4, 0x44, 0, true, false)] {
        let rack = rack(&[1, 2]);
        rack.fault(1, Met::Changes, 0, u32::MAX, What::Answered { wire, done: false });
        let done = agent(&rack, "off").run();
        assert_failed(&done, &rack.device(1));
        assert_eq!(rack.lun(1).key_of(THERE), Some(VICTIM));
    }
}

#[test]
fn a_command_that_a_disk_declined_once_is_sent_again() {
    let answers = [
        Wire::check(0xb, 0x08, 0, true, false),
        Wire::check(0xb, 0x4e, 0, false, false),
        Wire::check(4, 0x44, 0, true, false),
        // TASK ABORTED.
        Wire { status: 0x40, ..Wire::default() },
    ];
    for wire in answers {
        for unit in [0, 1] {
            let rack = rack(&[1, 2]);
            rack.fault(unit, Met::Changes, 0, 1, What::Answered { wire: wire.clone(), done: false });
            let done = agent(&rack, "off").run();
            assert_eq!(done.code, Some(0), "{unit} {wire:?}: {}", done.stderr);
            assert!((0..2).all(|unit| is_fenced(&rack.lun(unit))), "{unit} {wire:?}");
        }
        let rack = Rack::of(vec![held(1, &[(THERE, VICTIM)])], OWN);
        rack.fault(0, Met::Changes, 0, 1, What::Answered { wire: wire.clone(), done: false });
        let done = agent(&rack, "on").run();
        assert_eq!(done.code, Some(0), "{wire:?}: {}", done.stderr);
        assert_eq!(rack.lun(0).key_of(HERE), Some(OWN));
    }
}

/// The node has been fenced: what it finds is what it would want, and yet it must not count it as its own success.
#[test]
fn a_fenced_node_succeeds_with_nothing_whoever_else_is_gone() {
    let rack = Rack::of(vec![held(1, &[(2, 0xc3)])], OWN);
    assert_failed(&agent(&rack, "off").run(), "this node is itself fenced");
    assert_eq!(rack.changes(), []);
}

#[test]
fn a_refused_aptpl_is_named() {
    for (can_persist, words) in [(false, "leave aptpl out"), (true, "perhaps it can't keep registrations")] {
        let mut lun = held(1, &[(THERE, VICTIM)]);
        lun.can_persist = can_persist;
        let rack = Rack::of(vec![lun], OWN);
        rack.fault(0, Met::Changes, 0, u32::MAX, refused(0x26));
        let done = agent(&rack, "on").options([("aptpl", "1")]).run();
        assert_failed(&done, words);
        let done = agent(&rack, "on").run();
        assert_failed(&done, "invalid field in the parameter list");
        assert!(!done.stderr.contains("aptpl"), "{}", done.stderr);
    }
}

#[test]
fn generations_that_never_agree_are_told_by_their_numbers() {
    let rack = rack(&[1]);
    // The first four bytes of READ RESERVATION.
    rack.fault(0, Met::Reservations, 0, u32::MAX, What::Corrupted(vec![(0, 7)]));
    let done = agent(&rack, "off").run();
    assert_failed(&done, "READ KEYS tells the generation 2, and READ RESERVATION 2147483650");
    assert_eq!(rack.changes(), []);
}

#[test]
fn who_may_not_open_a_disk_is_told_so_at_once() {
    for errno in [libc::EACCES, libc::EPERM, libc::EROFS] {
        let rack = rack(&[1]);
        let wire = Wire { errno, ..Wire::default() };
        rack.fault(0, Met::Opening, 0, u32::MAX, What::Answered { wire, done: false });
        for action in ["on", "off", "status"] {
            let done = agent(&rack, action).run();
            assert_failed(&done, "can't be opened");
            assert!(!done.stderr.contains("timed out"), "{}", done.stderr);
        }
    }
}

#[test]
fn no_shared_volume_group_is_told_with_what_helps() {
    let rack = rack(&[1]);
    let vgs = rack.tool("vgs", "#!/bin/sh\necho '  wz--n-:/dev/sda2'\n");
    let options = [("action", "status"), ("key", "a1"), ("vgs_path", vgs.to_str().unwrap())];
    let done = rack.agent().options(options).run();
    assert_failed(&done, "vgs shows no shared or clustered volume group; devices=");
}

/// A program of the test, in the place of corosync-cmapctl or vgs.
fn tool(rack: &Rack, name: &str, script: &str) -> String {
    rack.tool(name, &format!("#!/bin/sh\n{script}\n")).display().to_string()
}

#[test]
fn what_a_tool_says_last_is_its_reason() {
    let rack = rack(&[1]);
    let devices = rack.devices();
    let cmap =
        tool(&rack, "cmap", "echo 'Failed to initialize the cmap API. Error CS_ERR_LIBRARY' >&2; exit 1");
    let vgs =
        tool(&rack, "vgs", "echo '  WARNING: no lvmlockd.' >&2; echo '  Cannot access VG san' >&2; exit 5");
    // One that is ended by a signal says nothing at all.
    let killed = tool(&rack, "killed", "kill -9 $$");
    for (options, words) in [
        (
            [("devices", &devices), ("nodename", &"node1".to_owned()), ("corosync_cmap_path", &cmap)],
            "CS_ERR_LIBRARY",
        ),
        (
            [("key", &"b2".to_owned()), ("vgs_path", &vgs), ("verbose", &"0".to_owned())],
            "Cannot access VG san",
        ),
        ([("key", &"b2".to_owned()), ("vgs_path", &killed), ("verbose", &"0".to_owned())], "signal: 9"),
    ] {
        for action in ["status", "off"] {
            let done = rack.agent().options([("action", action)]).options(options).run();
            assert_failed(&done, words);
            assert!(!done.stderr.contains("lvmlockd"), "{}", done.stderr);
            assert_eq!(rack.changes(), []);
        }
    }
}

#[test]
fn a_tool_that_hangs_is_told_with_the_time_that_it_took() {
    let rack = rack(&[1]);
    let (devices, cmap) = (rack.devices(), tool(&rack, "cmap", "exec sleep 300"));
    let limit = [("login_timeout", "3"), ("nodename", "node1")];
    let options = [("action", "off"), ("devices", &devices), ("corosync_cmap_path", &cmap)];
    let done = rack.agent().options(options).options(limit).run();
    assert_failed(&done, &cmap);
    let told = done.stderr.split("timed out after ").nth(1).and_then(|rest| rest.split(' ').next());
    let told: f64 =
        told.and_then(|seconds| seconds.parse().ok()).unwrap_or_else(|| panic!("{}", done.stderr));
    assert!((2.0..4.0).contains(&told) && told <= done.wall.as_secs_f64(), "{told}: {:?}", done.wall);
}

#[test]
fn a_node_is_never_sent_to_fence_itself() {
    let rack = rack(&[1]);
    let done = agent_with(&rack, "off", "a1").run();
    assert_failed(&done, "You can not fence yourself");
    assert_eq!((rack.changes(), rack.lun(0).key_of(HERE)), (Vec::new(), Some(OWN)));
}
