//! The disk that is commanded and looked at is the one that this node was switched on with.

use peers::faults::scsi::{Met, Rack, What, Wire};

use super::*;

/// Disks that could come into the place of a shared one: a spare, one that looks fenced already, and one where off would
/// find all it needs.
fn strangers() -> Vec<Lun> {
    vec![blank(9), held(9, &[(HERE, OWN)]), held(9, &[(HERE, OWN), (THERE, VICTIM)]), held(9, &[(2, 0xc3)])]
}

#[test]
fn a_name_that_passed_to_another_disk_since_on_is_refused_and_nothing_is_sent() {
    for stranger in strangers() {
        let rack = rack(&[1, 2]);
        assert_done(&agent(&rack, "on").run(), "Success: Powered ON\n");
        let before = rack.changes().len();
        rack.replace(1, stranger);
        for action in ["off", "status"] {
            let done = agent(&rack, action).run();
            assert_failed(&done, "another disk stands there");
            assert!(done.stderr.contains(&Rack::wwid(9)) && done.stderr.contains(&Rack::wwid(2)));
            assert!(done.stderr.contains(&rack.device(1)), "{}", done.stderr);
            assert!(!done.stderr.contains(&rack.device(0)), "{}", done.stderr);
        }
        assert_eq!(rack.changes().len(), before);
        assert_eq!(rack.lun(1).key_of(THERE), Some(VICTIM));
    }
}

#[test]
fn the_only_disk_of_all_is_refused_where_another_has_its_place() {
    for stranger in strangers() {
        let rack = rack(&[1]);
        assert_done(&agent(&rack, "on").run(), "Success: Powered ON\n");
        let before = rack.changes().len();
        rack.replace(0, stranger);
        assert_failed(&agent(&rack, "off").run(), "another disk stands there");
        assert_eq!(rack.changes().len(), before);
    }
}

#[test]
fn a_name_that_passes_to_another_disk_within_a_run_proves_nothing_whenever_that_happens() {
    for stranger in strangers() {
        let mut moment = 0;
        loop {
            let rack = rack(&[1]);
            rack.rename_after(0, moment, u32::MAX, stranger.clone());
            let done = agent(&rack, "off").run();
            assert_eq!(strays(&rack), [], "{moment}: {}", done.stderr);
            if done.code == Some(0) {
                assert!(is_fenced(&rack.lun(0)), "{moment}");
                // It wasn't renamed any more.
                break;
            }
            assert_failed(&done, "another disk stands there");
            moment += 1;
            assert!(moment < 40, "{}", done.stderr);
        }
        assert!(moment > 3, "{moment}");
    }
}

#[test]
fn a_name_that_leads_elsewhere_for_one_opening_proves_nothing_of_it() {
    for moment in 0..8 {
        for stranger in strangers() {
            let rack = rack(&[1]);
            rack.rename_after(0, moment, 1, stranger);
            let done = agent(&rack, "off").run();
            assert_eq!(strays(&rack), [], "{moment}: {}", done.stderr);
            assert!(done.code == Some(1) || is_fenced(&rack.lun(0)), "{moment}: {done:?}");
        }
    }
}

#[test]
fn a_disk_that_another_takes_the_place_of_behind_an_open_descriptor_proves_nothing() {
    for stranger in strangers() {
        let mut moment = 0;
        loop {
            let rack = rack(&[1]);
            rack.fault(0, Met::Any, moment, 1, What::Replaced(Box::new(stranger.clone())));
            let done = agent(&rack, "off").run();
            if done.code == Some(0) {
                assert!(is_fenced(&rack.lun(0)), "{moment}: {}", done.stderr);
                break;
            }
            moment += 1;
            assert!(moment < 80, "{}", done.stderr);
        }
        assert!(moment > 12, "{moment}");
    }
}

#[test]
fn a_disk_that_takes_a_command_for_nothing_is_never_proven_by_one_that_looks_fenced() {
    std::thread::scope(|scope| {
        for moment in 0..30 {
            scope.spawn(move || {
                let rack = rack(&[1]);
                rack.fault(
                    0,
                    Met::Changes,
                    0,
                    u32::MAX,
                    What::Answered { wire: Wire::default(), done: false },
                );
                let fenced = held(9, &[(HERE, OWN)]);
                rack.fault(0, Met::Any, moment, 1, What::Replaced(Box::new(fenced)));
                let done = agent(&rack, "off").options([("power_timeout", "4")]).run();
                assert_eq!(done.code, Some(1), "{moment}: {}{}", done.stdout, done.stderr);
            });
        }
    });
}

#[test]
fn on_proves_nothing_by_another_disk_either() {
    let mut moment = 0;
    loop {
        let rack = Rack::of(vec![held(1, &[(THERE, VICTIM)])], OWN);
        rack.rename_after(0, moment, u32::MAX, held(9, &[(HERE, OWN)]));
        rack.forget("cluster.wwid");
        let done = agent(&rack, "on").run();
        if done.code == Some(0) && rack.lun(0).key_of(HERE) == Some(OWN) {
            break;
        }
        // From the first opening on it is simply the disk that was given.
        assert!(moment == 0 || done.code == Some(1), "{moment}: {done:?}");
        assert!(moment == 0 || strays(&rack).is_empty(), "{moment}");
        moment += 1;
        assert!(moment < 40, "{}", done.stderr);
    }
    assert!(moment > 2, "{moment}");
}

#[test]
fn names_that_have_changed_places_leave_no_disk_out() {
    let rack = rack(&[1, 2, 3]);
    rack.swap(0, 2);
    assert_done(&agent(&rack, "off").run(), "Success: Powered OFF\n");
    assert!((0..3).all(|unit| is_fenced(&rack.lun(unit))));
    assert_eq!(agent(&rack, "status").run().code, Some(2));
}

#[test]
fn a_disk_without_registrations_is_taken_over_where_something_says_that_it_is_the_one() {
    let whole = || Rack::disk(1, &[OWN, VICTIM]);
    let lost = |rack: &Rack| {
        rack.forget("cluster.wwid");
        agent(rack, "off")
    };
    // Written down by on: under its path, or under another one.
    let known = Rack::of(vec![blank(1)], OWN);
    assert_done(&agent(&known, "off").run(), "Success: Already OFF\n");
    let by_id = Rack::of(vec![blank(1)], OWN);
    by_id.write("run/cluster.wwid", &format!("/dev/disk/by-id/shared wwid {}\n", Rack::wwid(1)));
    assert_done(&agent(&by_id, "off").run(), "Success: Already OFF\n");
    // This node's key is on another one.
    let beside = Rack::of(vec![whole(), blank(2)], OWN);
    assert_done(&lost(&beside).run(), "Success: Powered OFF\n");
    // Somebody says so.
    let told = Rack::of(vec![blank(1)], OWN);
    assert_done(&lost(&told).options([("take_over", "1")]).run(), "Success: Already OFF\n");
    let pinned = Rack::of(vec![blank(1)], OWN);
    assert_done(&lost(&pinned).options([("expect_wwid", Rack::wwid(1))]).run(), "Success: Already OFF\n");
    for rack in [known, by_id, beside, told, pinned] {
        assert!(is_fenced(&rack.lun(0)) && rack.lun(0).key_of(HERE) == Some(OWN));
    }
    // Nothing does.
    for disks in [vec![blank(1)], vec![blank(1), blank(2)], vec![blank(1), held(2, &[(2, 0xc3)])]] {
        let rack = Rack::of(disks, OWN);
        let done = lost(&rack).run();
        assert_failed(&done, "device");
        assert!(done.stderr.contains("take_over=1"), "{}", done.stderr);
        assert_eq!(rack.changes(), []);
    }
}

#[test]
fn what_was_written_down_of_one_disk_says_nothing_of_another() {
    let rack = Rack::of(vec![blank(1)], OWN);
    rack.write("run/cluster.wwid", &format!("/dev/elsewhere wwid {}\n", Rack::wwid(2)));
    assert_failed(&agent(&rack, "off").run(), "take_over=1");
    assert_eq!(rack.changes(), []);
    // With an option too, whatever on was given counts: the disk behind the path has changed.
    let changed = Rack::of(vec![blank(1)], OWN);
    changed.write("run/cluster.wwid", &format!("{} wwid {}\n", changed.device(0), Rack::wwid(2)));
    let done = agent(&changed, "off").options([("take_over", "1")]).run();
    assert_failed(&done, "another disk stands there");
    assert_eq!(changed.changes(), []);
}

#[test]
fn on_takes_another_disk_in_the_place_of_one_where_its_nodes_use_it_or_somebody_says_so() {
    let replaced = |lun: Lun| {
        let rack = rack(&[1]);
        rack.replace(0, lun);
        rack
    };
    // A spare one, and those of others: also where these keys are on another disk, of which nothing is known either.
    let elsewhere = Rack::of(vec![Rack::disk(1, &[OWN, VICTIM]), Rack::disk(2, &[OWN, VICTIM])], OWN);
    elsewhere.replace(0, held(9, &[(2, 0xc3), (3, 0xd4)]));
    elsewhere.replace(1, held(8, &[(2, 0xc3)]));
    let beside_known = rack(&[1, 2]);
    beside_known.replace(0, held(9, &[(2, 0xc3), (3, 0xd4)]));
    let of_others = || held(9, &[(2, 0xc3), (3, 0xd4)]);
    for rack in [
        replaced(blank(9)),
        replaced(of_others()),
        replaced(held(9, &[(THERE, VICTIM)])),
        elsewhere,
        beside_known,
    ] {
        let before = rack.state_file("cluster.wwid");
        for action in ["on", "off"] {
            assert_failed(&agent(&rack, action).run(), "take_over=1");
        }
        assert_eq!(rack.changes(), []);
        assert_eq!(rack.state_file("cluster.wwid"), before);
    }
    let told = replaced(blank(9));
    let done = agent(&told, "on").options([("take_over", "1")]).run();
    assert_done(&done, "Success: Powered ON\n");
    // This node is registered there already, or another one that is so on the disk beside it.
    let used = replaced(held(9, &[(THERE, VICTIM), (HERE, OWN)]));
    let beside = rack(&[1, 2]);
    beside.replace(0, held(9, &[(THERE, VICTIM)]));
    for rack in [&used, &beside] {
        let done = agent(rack, "on").run();
        assert_done(&done, "Success: Powered ON\n");
        assert!(done.stderr.contains("another disk stands there than before"), "{}", done.stderr);
    }
    for rack in [told, used, beside] {
        assert_eq!(rack.there(0).key_of(HERE), Some(OWN));
        // From then on that one is meant.
        assert!(rack.state_file("cluster.wwid").contains(&Rack::wwid(9)));
        assert_eq!(agent(&rack, "off").run().code, Some(0));
    }
}

#[test]
fn a_disk_is_told_by_its_serial_number_where_it_has_no_name() {
    let unnamed = |serial: Option<&str>, mut lun: Lun| {
        (lun.name, lun.serial) = (None, serial.map(str::to_owned));
        lun
    };
    for (first, then, known) in [
        (Some("A1"), Some("A1"), true),
        (Some("A1"), Some("B2"), false),
        (Some("A1"), None, false),
        (None, Some("A1"), false),
        // Nobody can tell these apart.
        (None, None, true),
        // What many disks say is nothing.
        (Some("A1"), Some("unknown"), false),
    ] {
        let rack = Rack::of(vec![unnamed(first, Rack::disk(1, &[OWN, VICTIM]))], OWN);
        rack.replace(0, unnamed(then, Rack::disk(1, &[OWN, VICTIM])));
        let done = agent(&rack, "off").run();
        assert_eq!(done.code, Some(if known { 0 } else { 1 }), "{first:?} {then:?}: {}", done.stderr);
        assert_eq!(strays(&rack).is_empty(), !known, "{first:?} {then:?}");
    }
}

#[test]
fn a_disk_that_nothing_tells_from_others_vouches_for_nothing() {
    let nameless = |mut lun: Lun| {
        (lun.name, lun.serial) = (None, None);
        lun
    };
    let rack = Rack::of(vec![nameless(Rack::disk(1, &[OWN, VICTIM]))], OWN);
    rack.replace(0, nameless(blank(9)));
    assert_failed(&agent(&rack, "off").run(), "take_over=1");
    assert_eq!(rack.changes(), []);
    // This node's key on another disk vouches for it, and so does somebody who says so.
    let beside = Rack::of(vec![nameless(blank(1)), Rack::disk(2, &[OWN, VICTIM])], OWN);
    assert_done(&agent(&beside, "off").run(), "Success: Powered OFF\n");
    let told = Rack::of(vec![nameless(blank(1))], OWN);
    assert_done(&agent(&told, "off").options([("take_over", "1")]).run(), "Success: Already OFF\n");
}

#[test]
fn a_path_behind_which_nothing_is_mapped_makes_no_other_disk_of_a_map() {
    let answers = [
        Wire::check(5, 0x25, 0, true, false),
        Wire::check(5, 0x25, 0, false, false),
        Wire { data: [&[0x7f, 0, 5, 2, 31][..], &[0; 31]].concat(), ..Wire::default() },
    ];
    for wire in answers {
        for action in ["off", "on"] {
            let rack = Rack::with_paths(vec![Rack::disk(1, &[OWN, VICTIM])], OWN, 3);
            rack.fault_of_path(0, 2, Met::Any, What::Answered { wire: wire.clone(), done: false });
            let done = agent(&rack, action).run();
            assert_eq!(done.code, Some(0), "{action} {wire:?}: {}", done.stderr);
            assert!(action == "on" || is_fenced(&rack.lun(0)));
        }
    }
}

#[test]
fn a_disk_that_tells_no_name_for_a_while_is_asked_again() {
    for asc in [0x24, 0x25] {
        for skip in 0..10 {
            let rack = rack(&[1]);
            let what = What::Answered { wire: Wire::check(5, asc, 0, true, false), done: false };
            // Two pages, each asked for twice.
            rack.fault(0, Met::Inquiries, 2 + skip, 4, what);
            let done = agent(&rack, "off").run();
            assert_eq!(done.code, Some(0), "{asc:x} {skip}: {}", done.stderr);
            assert!(is_fenced(&rack.lun(0)));
        }
    }
}

#[test]
fn a_path_that_leads_to_a_disk_without_a_name_proves_nothing() {
    let nameless = |mut lun: Lun| {
        (lun.name, lun.serial) = (None, None);
        lun
    };
    for turns in [0, 3] {
        let rack = Rack::with_paths(vec![Rack::disk(1, &[OWN, VICTIM])], OWN, 3);
        rack.lead_astray(0, 2, nameless(held(9, &[(HERE, OWN)])));
        rack.take_turns(0, turns);
        let limits = ["login_timeout", "shell_timeout", "power_timeout"].map(|name| (name, "3"));
        let done = agent(&rack, "off").options(limits).run();
        assert_eq!((done.code, strays(&rack)), (Some(1), Vec::new()), "{turns}: {}", done.stderr);
    }
}

#[test]
fn a_name_that_is_missing_or_garbled_once_is_read_again() {
    let garbled = || What::Corrupted((30..46).map(|at| (at, 3)).collect());
    for what in
        [What::Truncated { keep: 20, silent: false }, What::Truncated { keep: 0, silent: true }, garbled()]
    {
        for moment in 0..12 {
            let rack = rack(&[1]);
            rack.fault(0, Met::Inquiries, moment, 1, what.clone());
            let done = agent(&rack, "off").run();
            assert_eq!(done.code, Some(0), "{moment}: {what:?}: {}", done.stderr);
            assert!(is_fenced(&rack.lun(0)));
        }
    }
}

#[test]
fn every_path_below_a_map_leads_to_the_disk_that_the_map_leads_to() {
    let map = || Rack::with_paths(vec![Rack::disk(1, &[OWN, VICTIM])], OWN, 3);
    let well = map();
    assert_done(&agent(&well, "off").run(), "Success: Powered OFF\n");
    assert_done(&agent(&well, "on").run(), "Success: Powered ON\n");
    let registered: Vec<usize> = well
        .changes()
        .iter()
        .filter(|change| change.name == "REGISTER AND IGNORE")
        .map(|change| change.path)
        .collect();
    let mut paths = registered.clone();
    paths.sort_unstable();
    assert_eq!(paths, [1, 2, 3], "{registered:?}");
    for action in ["off", "on", "status"] {
        for method in ["multi", "single"] {
            for stranger in strangers() {
                for turns in [0, 3] {
                    let rack = map();
                    rack.lead_astray(0, 2, stranger.clone());
                    rack.take_turns(0, turns);
                    let done = agent(&rack, action).options([("mpath_register_method", method)]).run();
                    assert_failed(&done, "another disk stands there");
                    assert_eq!(rack.changes(), []);
                    // Which of two is meant is what is written down, or what the map led to first.
                    let named = (1..=3).any(|path| done.stderr.contains(&rack.path(0, path)));
                    assert!(named || turns > 0, "{}", done.stderr);
                }
            }
        }
    }
}

#[test]
fn a_map_on_which_a_node_is_registered_as_a_whole_is_tried_until_it_takes_the_right_path() {
    for paths in [2, 3, 4] {
        let rack = Rack::with_paths(vec![held(1, &[(THERE, VICTIM)])], OWN, paths);
        rack.take_turns(0, paths);
        let single = |action| agent(&rack, action).options([("mpath_register_method", "single")]).run();
        assert_done(&single("on"), "Success: Powered ON\n");
        assert_eq!(rack.lun(0).keys().filter(|key| *key == OWN).count(), 1);
        assert_done(&single("off"), "Success: Powered OFF\n");
        assert!(is_fenced(&rack.lun(0)), "{paths}");
    }
}

#[test]
fn the_watchdog_takes_another_disk_for_no_proof_that_this_node_was_fenced() {
    let check = |rack: &Rack| rack.check().run().code;
    let healthy = rack(&[1]);
    assert_eq!(check(&healthy), Some(0));
    let fenced = Rack::of(vec![held(1, &[(THERE, VICTIM)])], OWN);
    assert_eq!(check(&fenced), Some(2));
    let renamed = rack(&[1]);
    renamed.replace(0, blank(9));
    assert_eq!(check(&renamed), Some(0));
    // Two that have changed places are still the two.
    let swapped = Rack::of(vec![held(1, &[(THERE, VICTIM)]), held(2, &[(THERE, VICTIM)])], OWN);
    swapped.swap(0, 1);
    assert_eq!(check(&swapped), Some(2));
    // Where nobody wrote down which disks these are, all count.
    let unknown = Rack::of(vec![held(1, &[(THERE, VICTIM)])], OWN);
    unknown.forget("cluster.wwid");
    assert_eq!(check(&unknown), Some(2));
}

#[test]
fn doctor_and_explain_say_what_off_would_say() {
    let rack = rack(&[1]);
    rack.replace(0, blank(9));
    let done = agent(&rack, "doctor").run();
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("this node was switched on with"), "{}", done.stdout);
    let done = agent(&rack, "off").options([("explain", "1")]).run();
    assert!(done.stdout.contains("another disk stands there"), "{}{}", done.stdout, done.stderr);
    let unvouched = Rack::of(vec![blank(1)], OWN);
    unvouched.forget("cluster.wwid");
    let done = agent(&unvouched, "off").options([("explain", "1")]).run();
    assert!(done.stdout.contains("take_over=1"), "{}{}", done.stdout, done.stderr);
    assert!(unvouched.changes().is_empty() && rack.changes().is_empty());
}
