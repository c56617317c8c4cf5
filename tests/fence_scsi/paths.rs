//! Device-mapper multipath maps: two paths from each node to each disk.

use std::sync::LazyLock;

use peers::guest::{Guest, GuestBuilder};

use crate::lab::{agent, done, fails, held, sh, state, with_agent, writes};

static GUEST: LazyLock<Guest> =
    LazyLock::new(|| with_agent(GuestBuilder::new().luns(6).two_paths()).start().unwrap());

fn on(lun: u32, more: &str) {
    for (n, key) in [(1, "a1"), (2, "b2")] {
        let options = format!("action=on key={key} devices=/dev/mapper/n{n}m{lun}{more}");
        done(&GUEST, &format!("lun{lun}-{n}"), &options, "Success: Powered ON\n");
    }
}

#[test]
fn a_node_is_registered_on_every_path_and_fenced_on_all_of_them() {
    let guest = &*GUEST;
    on(1, "");
    assert_eq!(state(guest, "/dev/n1l1"), held("a1 a1 b2 b2", "a1"));
    assert_eq!(sh(guest, "cat /runs/lun1-1/cluster.dev"), "/dev/mapper/n1m1\n");
    assert!(writes(guest, "/dev/mapper/n1m1") && writes(guest, "/dev/mapper/n2m1"));
    done(guest, "lun1-1", "action=off key=b2 devices=/dev/mapper/n1m1", "Success: Powered OFF\n");
    assert_eq!(state(guest, "/dev/n1l1"), held("a1 a1", "a1"));
    assert!(writes(guest, "/dev/mapper/n1m1"));
    for path in ["/dev/mapper/n2m1", "/dev/n2l1", "/dev/n2l1b"] {
        assert!(!writes(guest, path), "{path}");
    }
}

#[test]
fn single_registers_on_the_map_alone() {
    on(2, " mpath_register_method=single");
    assert_eq!(state(&GUEST, "/dev/n1l2"), held("a1 b2", "a1"));
}

#[test]
fn a_path_that_lost_its_registration_keeps_nobody_from_fencing() {
    let guest = &*GUEST;
    on(3, "");
    for path in ["/dev/n1l3", "/dev/n1l3b"] {
        sh(guest, &format!("persist {path} -G -K 0xa1 -S 0"));
        assert!(state(guest, "/dev/n2l3").starts_with("a1 b2 b2 |"));
        done(guest, "lun3-1", "action=off key=b2 devices=/dev/mapper/n1m3", "Success: Powered OFF\n");
        assert!(state(guest, "/dev/n1l3").starts_with("a1 |"), "{path}");
        on(3, "");
    }
    // Through a single path that isn't registered nothing can be done, and nothing is claimed.
    sh(guest, "persist /dev/n1l3 -G -K 0xa1 -S 0");
    fails(
        guest,
        "lun3-1",
        "action=off key=b2 devices=/dev/n1l3",
        "refuses this node's commands (reservation conflict)",
    );
    assert!(state(guest, "/dev/n2l3").contains("b2"));
}

#[test]
fn a_map_that_waits_for_its_lost_paths_is_neither_on_nor_off() {
    let guest = &*GUEST;
    on(4, "");
    sh(
        guest,
        "dmsetup message n1m4 0 queue_if_no_path; for p in /dev/n1l4 /dev/n1l4b; do \
         dmsetup message n1m4 0 fail_path $(cat /sys/block/$(readlink $p)/dev); done",
    );
    for (action, key) in [("off", "b2"), ("status", "b2")] {
        let options = format!("action={action} key={key} devices=/dev/mapper/n1m4 power_timeout=4");
        fails(guest, "lun4-1", &options, "device /dev/mapper/n1m4: ");
    }
    assert_eq!(state(guest, "/dev/n2l4"), held("a1 a1 b2 b2", "a1"));
    // A node with one of two paths can be switched on, and says which one is missing.
    sh(guest, "echo 1 >/sys/block/$(readlink /dev/n2l4b)/device/delete");
    let output = agent(guest, "lun4-2", "action=on key=b2 devices=/dev/n2l4");
    assert_eq!(output.code, 0, "{output:?}");
}

#[test]
fn a_map_whose_paths_lead_to_two_disks_is_sent_nothing() {
    let guest = &*GUEST;
    sh(
        guest,
        "number() { cat /sys/block/$(readlink $1)/dev; }; dmsetup create mixed --noudevsync -u mpath-mixed --table \
         \"0 2048 multipath 0 0 1 1 round-robin 0 2 1 $(number /dev/n1l5) 1 $(number /dev/n1l6) 1\"; \
         ln -sf ../dm-$(dmsetup info -c --noheadings -o minor mixed) /dev/mapper/mixed",
    );
    for (action, key) in [("on", "a1"), ("status", "a1")] {
        let options = format!("action={action} key={key} devices=/dev/mapper/mixed");
        fails(guest, "mixed", &options, "another disk stands there by now");
    }
    for lun in [5, 6] {
        assert_eq!(state(guest, &format!("/dev/n2l{lun}")), "| nobody no reservation");
    }
}
