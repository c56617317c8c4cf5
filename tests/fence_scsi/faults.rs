//! Disks that hang, go away, report events or have lost their memory; and what holds when nothing is wrong.

use crate::lab::{
    GUEST, LIMIT, OURS, agent, command, devices, done, fails, held, run, sh, state, two_nodes, wipe, writes,
};

#[test]
fn a_fenced_node_can_not_write_and_the_survivor_can() {
    let guest = &*GUEST;
    wipe(guest, 1, &[5, 6]);
    two_nodes(guest, "plain", &[5, 6]);
    for lun in [5, 6] {
        assert!(writes(guest, &format!("/dev/n1l{lun}")) && writes(guest, &format!("/dev/n2l{lun}")));
    }
    let off = format!("action=off key=b2 devices={}", devices(1, &[5, 6]));
    done(guest, "plain1", &off, "Success: Powered OFF\n");
    for lun in [5, 6] {
        assert_eq!(state(guest, &format!("/dev/n1l{lun}")), held("a1", "a1"));
        assert!(writes(guest, &format!("/dev/n1l{lun}")));
        assert!(!writes(guest, &format!("/dev/n2l{lun}")));
    }
    // Nothing that the fenced node's agent does helps it, until it is switched on again.
    for key in ["a1", "c3"] {
        let by_the_fenced = format!("action=off key={key} devices={}", devices(2, &[5, 6]));
        fails(guest, "plain2", &by_the_fenced, "this node is itself fenced");
    }
    assert!(!writes(guest, "/dev/n2l5") && writes(guest, "/dev/n1l5"));
    done(guest, "plain1", &off, "Success: Already OFF\n");
    let status = agent(guest, "plain1", &off.replace("off", "status"));
    assert_eq!((status.code, status.stdout.as_str()), (2, "Status: OFF\n"), "{status:?}");
    two_nodes(guest, "plain", &[5, 6]);
    assert!(writes(guest, "/dev/n2l5") && writes(guest, "/dev/n1l5"));
}

#[test]
fn off_on_eight_devices_needs_no_other_program() {
    let guest = &*GUEST;
    let luns = [10, 11, 12, 13, 14, 15, 16, 17];
    wipe(guest, 1, &luns);
    two_nodes(guest, "eight", &luns);
    // A root directory that holds the agent, the libraries it loads, and no other program.
    let bare = "mkdir -p /bare/ours /bare/lib /bare/lib64 /bare/usr/lib /bare/dev /bare/proc /bare/sys /bare/var /bare/run; \
                cp /ours/fence_scsi /bare/ours/; ln -sf /run /bare/var/run; \
                for d in lib lib64 usr/lib dev proc sys; do mount --bind /$d /bare/$d; done; \
                mount --bind /runs/eight1 /bare/run; ";
    let off = format!(
        "printf 'action=off\\nkey=b2\\ndevices={}\\n' | chroot /bare /ours/fence_scsi",
        devices(1, &luns)
    );
    let output = run(guest, &format!("{bare}{off}"));
    assert_eq!((output.code, output.stdout.as_str()), (0, "Success: Powered OFF\n"), "{output:?}");
    for lun in luns {
        assert_eq!(state(guest, &format!("/dev/n2l{lun}")), held("a1", "a1"));
    }
}

#[test]
fn the_key_of_a_node_that_is_on_is_there_all_the_time_while_it_is_switched_on_again() {
    let guest = &*GUEST;
    wipe(guest, 1, &[21]);
    two_nodes(guest, "again", &[21]);
    // The other node looks, and so does the watchdog's check.
    let watch = guest
        .begin(
            "ln -sf fence_scsi /ours/fence_scsi_check; until sg_turs /dev/n2l21; do :; done; touch /tmp/watching; looks=0; \
             until [ -e /tmp/watched ]; do sg_persist -n -i -k -d /dev/n2l21 | grep -q 0xa1 || echo lost; \
             as again1 /ours/fence_scsi_check </dev/null || echo fenced; looks=$((looks + 1)); done; echo $looks looks",
        )
        .unwrap();
    sh(guest, "until [ -e /tmp/watching ]; do usleep 10000; done");
    for _ in 0..5 {
        done(guest, "again1", "action=on key=a1 devices=/dev/n1l21", "Success: Powered ON\n");
    }
    sh(guest, "touch /tmp/watched");
    let seen = watch.finish(LIMIT).unwrap().stdout;
    assert!(!seen.contains("lost") && !seen.contains("fenced") && seen.contains("looks"), "{seen}");
    assert_eq!(state(guest, "/dev/n1l21"), held("a1 b2", "a1"));
}

#[test]
fn a_key_that_is_registered_for_another_path_is_repaired_by_on() {
    let guest = &*GUEST;
    wipe(guest, 1, &[22]);
    // As after a login under a new session identifier: the key is there, and this path can't write.
    sh(guest, "persist /dev/n2l22 -I -S 0xa1; persist /dev/n2l22 -R -T 5 -K 0xa1");
    assert!(!writes(guest, "/dev/n1l22"));
    done(guest, "moved", "action=on key=a1 devices=/dev/n1l22", "Success: Powered ON\n");
    assert_eq!(state(guest, "/dev/n1l22"), held("a1 a1", "a1"));
    assert!(writes(guest, "/dev/n1l22"));
}

#[test]
fn a_hanging_device_ends_every_action_in_time_and_by_name() {
    let guest = &*GUEST;
    wipe(guest, 1, &[7]);
    two_nodes(guest, "hang", &[7]);
    sh(guest, "cut-hang");
    for (action, key) in [("off", "b2"), ("on", "a1"), ("status", "a1")] {
        let options = format!("action={action} key={key} devices=/dev/n1l7,/dev/hang power_timeout=4");
        let output = fails(guest, "hang1", &options, "device /dev/hang: it hangs: timed out");
        assert!(!output.stderr.contains("device /dev/n1l7"), "{output:?}");
    }
    // Nothing is sent anywhere before every device has been read.
    assert_eq!(state(guest, "/dev/n1l7"), held("a1 b2", "a1"));
    // The check ends too, and a hanging device is no proof of anything.
    sh(guest, "ln -sf fence_scsi /ours/fence_scsi_check; echo /dev/hang >>/runs/hang1/cluster.dev");
    let check = "as hang1 /ours/fence_scsi_check </dev/null";
    assert_eq!(run(guest, check).code, 0);
    sh(guest, "persist /dev/n2l7 -P -K 0xb2 -S 0xa1 -T 5 || persist /dev/n2l7 -A -K 0xb2 -S 0xa1 -T 5");
    assert_eq!(run(guest, check).code, 0);
}

#[test]
fn a_device_that_goes_away_between_two_commands_is_not_off() {
    let guest = &*GUEST;
    wipe(guest, 1, &[8, 9]);
    two_nodes(guest, "gone", &[8, 9]);
    let off = format!("action=off key=b2 devices={} power_wait=20", devices(1, &[8, 9]));
    let fencing = guest.begin(&command(OURS, "gone1", &off)).unwrap();
    // Both commands have been carried out; the proof is still to be read.
    sh(
        guest,
        "for d in /dev/n2l8 /dev/n2l9; do while ! sg_persist -n -i -k -d $d 2>/dev/null >/tmp/gone || grep -q 0xb2 /tmp/gone; \
         do usleep 100000; done; done; echo 1 >/sys/block/$(readlink /dev/n1l8)/device/delete",
    );
    let output = fencing.finish(LIMIT).unwrap();
    assert_eq!((output.code, output.stdout.as_str()), (1, ""), "{output:?}");
    assert!(output.stderr.contains("device /dev/n1l8: does not exist"), "{output:?}");
    fails(guest, "gone1", &off, "device /dev/n1l8: does not exist");
}

#[test]
fn a_name_that_passes_to_another_disk_is_refused_and_nothing_is_sent_there() {
    let guest = &*GUEST;
    wipe(guest, 1, &[29, 30]);
    sh(guest, "ln -sf $(readlink /dev/n1l29) /dev/passes");
    done(guest, "passes1", "action=on key=a1 devices=/dev/passes", "Success: Powered ON\n");
    done(guest, "passes2", "action=on key=b2 devices=/dev/n2l29", "Success: Powered ON\n");
    sh(guest, "ln -sf $(readlink /dev/n1l30) /dev/passes; ln -sf fence_scsi /ours/fence_scsi_check");
    for action in ["off", "status"] {
        let options = format!("action={action} key=b2 devices=/dev/passes");
        fails(guest, "passes1", &options, "device /dev/passes: another disk stands there");
    }
    assert_eq!(state(guest, "/dev/n1l29"), held("a1 b2", "a1"));
    assert_eq!(state(guest, "/dev/n1l30"), "| nobody no reservation");
    assert_eq!(run(guest, "as passes1 /ours/fence_scsi_check </dev/null").code, 0);
    sh(guest, "ln -sf $(readlink /dev/n1l29) /dev/passes");
    done(guest, "passes1", "action=off key=b2 devices=/dev/passes", "Success: Powered OFF\n");
    assert_eq!(state(guest, "/dev/n1l29"), held("a1", "a1"));
}

#[test]
fn an_event_that_a_device_reports_instead_of_an_answer_changes_no_verdict() {
    let guest = &*GUEST;
    // Each leaves an event for node 1's next command, whatever that is.
    let events = [
        (
            "registrations preempted",
            "persist /dev/n2l23 -I -S 0xb2; persist /dev/n2l23 -P -T 5 -K 0xb2 -S 0xa1",
        ),
        (
            "reservations released",
            "persist /dev/n2l23 -I -S 0xb2; persist /dev/n2l23 -P -T 5 -K 0xb2 -S 0xa1; \
          persist /dev/n1l23 -I -S 0xa1; persist /dev/n2l23 -L -T 5 -K 0xb2",
        ),
        ("reservations preempted", "persist /dev/n2l23 -C -K 0xb2"),
        ("reset", "sg_reset -d /dev/n2l23"),
    ];
    for (name, event) in events {
        wipe(guest, 1, &[23]);
        two_nodes(guest, "event", &[23]);
        run(guest, event);
        done(guest, "event1", "action=on key=a1 devices=/dev/n1l23", "Success: Powered ON\n");
        run(guest, event);
        let status = agent(guest, "event1", "action=status key=a1 devices=/dev/n1l23");
        let registered = state(guest, "/dev/n2l23").contains("a1");
        assert_eq!(status.code, if registered { 0 } else { 2 }, "{name}: {status:?}");
    }
    // A storm of them: each command of the agent may meet one.
    wipe(guest, 1, &[23]);
    for _ in 0..3 {
        two_nodes(guest, "event", &[23]);
        let storm = guest
            .begin("while ! [ -e /tmp/storm-is-over ]; do sg_reset -d /dev/n2l23 >/dev/null 2>&1; done")
            .unwrap();
        let off = agent(guest, "event1", "action=off key=b2 devices=/dev/n1l23");
        sh(guest, "touch /tmp/storm-is-over");
        storm.finish(LIMIT).unwrap();
        sh(guest, "rm /tmp/storm-is-over");
        let gone = state(guest, "/dev/n1l23") == held("a1", "a1");
        assert!(off.code == 1 || gone, "{off:?}");
        assert_eq!(off.code, 0, "{off:?}");
    }
}

#[test]
fn devices_are_found_by_vgs_and_one_that_it_no_longer_shows_fails_off() {
    let guest = &*GUEST;
    wipe(guest, 1, &[24]);
    sh(guest, "mkdir -p /runs/vgs1 /runs/vgs2; wipe /dev/n1nopr");
    let shows = |node: u32, lines: &str| {
        sh(guest, &format!("printf '{lines}' >/runs/vgs{node}/vgs"));
    };
    shows(1, "");
    fails(guest, "vgs1", "action=on key=a1", "no devices found");
    shows(1, "  wz--ns:/dev/n1l24\\n  wz--n-:/dev/sdz\\n");
    shows(2, "  wz--nc:/dev/n2l24\\n");
    done(guest, "vgs1", "action=on nodename=node1", "Success: Powered ON\n");
    done(guest, "vgs2", "action=on nodename=node2", "Success: Powered ON\n");
    assert_eq!(state(guest, "/dev/n1l24"), held("c8fb0000 c8fb0001", "c8fb0000"));
    assert_eq!(
        sh(guest, "cd /runs/vgs1; cat cluster.key cluster.dev; stat -c %a cluster.key cluster.dev"),
        "c8fb0000\n/dev/n1l24\n600\n600\n"
    );
    // A second device that was there when the node was switched on.
    sh(guest, "echo /dev/n1l1 >>/runs/vgs1/cluster.dev");
    fails(guest, "vgs1", "action=off nodename=node2", "device /dev/n1l1: this node was registered on it");
    assert_eq!(state(guest, "/dev/n1l24"), held("c8fb0000 c8fb0001", "c8fb0000"));
    // The same device by another path is the same device.
    sh(guest, "printf '/dev/n1l24\\n%s\\n' $(readlink -f /dev/n1l24) >/runs/vgs1/cluster.dev");
    done(guest, "vgs1", "action=off port=node2", "Success: Powered OFF\n");
    assert_eq!(state(guest, "/dev/n1l24"), held("c8fb0000", "c8fb0000"));
}

#[test]
fn state_files_are_replaced_whole_and_keep_what_they_held() {
    let guest = &*GUEST;
    sh(
        guest,
        "mkdir -p /runs/files; echo /dev/elsewhere >/runs/files/cluster.dev; chmod 644 /runs/files/cluster.dev",
    );
    let before = sh(guest, "stat -c %i /runs/files/cluster.dev");
    done(guest, "files", "action=on key=00AB devices=/dev/n1l25", "Success: Powered ON\n");
    assert_eq!(
        sh(guest, "cd /runs/files; cat cluster.key cluster.dev; stat -c %a cluster.key cluster.dev; ls -A"),
        "ab\n/dev/elsewhere\n/dev/n1l25\n600\n600\ncluster.dev\ncluster.key\ncluster.wwid\n"
    );
    // As the kernel names the disk.
    assert_eq!(
        sh(guest, "cat /runs/files/cluster.wwid"),
        sh(guest, "echo /dev/n1l25 wwid $(cat /sys/block/$(readlink /dev/n1l25)/device/wwid)")
    );
    assert_ne!(sh(guest, "stat -c %i /runs/files/cluster.dev"), before);
}
