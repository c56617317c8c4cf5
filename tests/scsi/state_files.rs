//! What this node writes down, and what it makes of what it finds.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::*;

#[test]
fn on_writes_down_the_disks_beside_the_devices_which_stay_as_they_were() {
    let rack = rack(&[1, 2]);
    let (key, devices) = (rack.state_file("cluster.key"), rack.state_file("cluster.dev"));
    for name in ["cluster.key", "cluster.dev", "cluster.wwid"] {
        rack.forget(name);
    }
    assert_done(&agent(&rack, "on").run(), "Success: Powered ON\n");
    assert_eq!((rack.state_file("cluster.key"), rack.state_file("cluster.dev")), (key, devices));
    let named = |unit, number| format!("{} wwid {}\n", rack.device(unit), Rack::wwid(number));
    assert_eq!(rack.state_file("cluster.wwid"), named(0, 1) + &named(1, 2));
    let file = fs::metadata(rack.directory().join("run/cluster.wwid")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    // Nothing else is left there.
    let mut names: Vec<String> = fs::read_dir(rack.directory().join("run"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["cluster.dev", "cluster.key", "cluster.wwid"]);
}

#[test]
fn what_is_known_of_a_device_that_this_node_has_no_more_is_forgotten_and_the_rest_stays() {
    let rack = rack(&[1]);
    rack.write("run/cluster.dev", "/dev/kept\n");
    rack.write("run/cluster.wwid", "/dev/gone wwid naa.1\n/dev/kept wwid naa.2\n");
    assert_done(&agent(&rack, "on").run(), "Success: Powered ON\n");
    let now = rack.state_file("cluster.wwid");
    assert!(now.contains("/dev/kept wwid naa.2\n") && now.contains(&Rack::wwid(1)), "{now}");
    assert!(!now.contains("/dev/gone"), "{now}");
}

#[test]
fn links_are_not_followed_and_nothing_that_is_no_file_is_waited_for() {
    for name in ["cluster.key", "cluster.dev", "cluster.wwid"] {
        for kind in ["link", "fifo", "directory"] {
            let rack = rack(&[1]);
            let (path, elsewhere) =
                (rack.directory().join("run").join(name), rack.write("elsewhere", "a1\n"));
            fs::remove_file(&path).unwrap();
            match kind {
                "link" => symlink(&elsewhere, &path).unwrap(),
                "fifo" => {
                    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
                }
                _ => fs::create_dir(&path).unwrap(),
            }
            // vgs is what cluster.dev matters to.
            let vgs = rack.tool("vgs", &format!("#!/bin/sh\necho '  wz--ns:{}'\n", rack.device(0)));
            let off = || {
                let options = [("action", "off"), ("key", "b2"), ("vgs_path", vgs.to_str().unwrap())];
                rack.agent().options(options).limit(Duration::from_secs(60)).run()
            };
            let done = off();
            assert_failed(&done, name);
            assert!(!done.killed);
            assert_eq!(rack.changes(), [], "{name} {kind}");
            assert_eq!(rack.check().run().code, Some(0), "{name} {kind}");
            assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "a1\n");
        }
    }
}

#[test]
fn a_node_is_switched_on_where_its_disks_can_not_be_written_down() {
    let rack = rack(&[1]);
    let path = rack.directory().join("run/cluster.wwid");
    fs::remove_file(&path).unwrap();
    // Nothing can be renamed to this.
    fs::create_dir_all(path.join("full")).unwrap();
    let done = agent(&rack, "on").run();
    assert_done(&done, "Success: Powered ON\n");
    assert!(done.stderr.contains("cluster.wwid"), "{}", done.stderr);
}

#[test]
fn a_file_of_names_that_can_not_be_read_refuses_off_until_on_has_written_it_anew() {
    let rack = rack(&[1]);
    rack.write("run/cluster.wwid", "something else\n");
    assert_failed(&agent(&rack, "off").run(), "cluster.wwid");
    assert_eq!(rack.changes(), []);
    assert_done(&agent(&rack, "on").run(), "Success: Powered ON\n");
    assert_done(&agent(&rack, "off").run(), "Success: Powered OFF\n");
}
