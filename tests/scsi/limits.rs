//! What holds up one path, one disk or one program, and what there is too much of.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use peers::faults::scsi::{Done, Met, Rack, What, Wire};

use super::*;

/// A map with two paths to a healthy disk, on which this node isn't registered yet.
fn map() -> Rack {
    Rack::with_paths(vec![held(1, &[(THERE, VICTIM)])], OWN, 2)
}

/// What a path does that can't be used for a minute or more, each in its own way.
fn useless_path() -> Vec<(&'static str, Met, What)> {
    let answered = |wire| What::Answered { wire, done: false };
    vec![
        // Changing its asymmetric access state: everything but INQUIRY is refused.
        ("changing", Met::NoInquiries, answered(Wire::check(2, 4, 0x0a, true, false))),
        ("busy", Met::NoInquiries, answered(Wire { status: 0x08, ..Wire::default() })),
        ("hangs", Met::Changes, What::Hangs { done: Done::Never, returns: false }),
        ("silent", Met::Any, What::Hangs { done: Done::Never, returns: false }),
        ("gone", Met::Any, answered(Wire { host: 0x01, ..Wire::default() })),
        ("opening hangs", Met::Opening, What::Hangs { done: Done::Never, returns: false }),
    ]
}

#[test]
fn a_path_that_can_not_be_used_leaves_the_others_their_time_and_is_named() {
    std::thread::scope(|scope| {
        for (name, met, what) in useless_path() {
            for lifted in [false, true] {
                let what = what.clone();
                scope.spawn(move || {
                    let rack = map();
                    rack.fault_of_path(0, 2, met, what);
                    let devices = rack.devices();
                    let options = [("action", "on"), ("devices", &devices), ("key", "a1"), ("retry_on", "0")];
                    let agent = rack.agent().options(options).limit(Duration::from_secs(120));
                    // A dozen of them run at once: twice the default is for a busy machine.
                    let agent = if lifted {
                        agent.options([("nodename", "n1")]).under_pacemaker()
                    } else {
                        agent.options([("power_timeout", "40")])
                    };
                    let done = agent.run();
                    assert_done(&done, "Success: Powered ON\n");
                    let told = format!("not registered on its path {}", rack.path(0, 2));
                    assert!(done.stderr.contains(&told), "{name}: {}", done.stderr);
                    assert!(
                        rack.lun(0).keys().any(|key| key == OWN) && rack.lun(0).is_fenced_off(),
                        "{name}"
                    );
                });
            }
        }
    });
}

#[test]
fn a_map_without_a_single_path_that_can_be_used_is_not_on() {
    let rack = map();
    for path in [1, 2] {
        let wire = Wire::check(2, 4, 0x0a, true, false);
        rack.fault_of_path(0, path, Met::NoInquiries, What::Answered { wire, done: false });
    }
    let devices = rack.devices();
    let options =
        [("action", "on"), ("devices", &devices), ("key", "a1"), ("retry_on", "0"), ("power_timeout", "6")];
    // Verbose: the last attempt may be too short for the paths to say why, and those before it are told then.
    let done = rack.agent().options(options).options([("verbose", "1")]).run();
    assert_failed(&done, "changing its asymmetric access state");
    for path in [1, 2] {
        assert!(done.stderr.contains(&rack.path(0, path)), "{}", done.stderr);
    }
}

#[test]
fn off_goes_another_way_where_the_one_that_a_map_takes_is_stuck() {
    for what in [
        What::Hangs { done: Done::Never, returns: false },
        What::Answered { wire: Wire::check(2, 4, 0x0a, true, false), done: false },
    ] {
        let rack = Rack::with_paths(vec![Rack::disk(1, &[OWN, VICTIM])], OWN, 2);
        // The map's own descriptor.
        rack.fault_of_path(0, 0, Met::Changes, what);
        let devices = rack.devices();
        let options = [("action", "off"), ("devices", &devices), ("key", "b2"), ("power_timeout", "12")];
        let done = rack.agent().options(options).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert!(is_fenced(&rack.lun(0)));
    }
}

#[test]
fn a_disk_that_hangs_does_not_keep_a_cluster_from_its_next_device() {
    let rack = rack(&[1, 2]);
    rack.fault(1, Met::Any, 0, u32::MAX, What::Hangs { done: Done::Never, returns: false });
    let devices = rack.devices();
    let options = [("action", "off"), ("devices", &devices), ("key", "b2"), ("nodename", "n2")];
    let done = rack.agent().options(options).limit(Duration::from_secs(180)).under_pacemaker().run();
    assert!(!done.killed, "{}", done.stderr);
    assert_failed(&done, &format!("device {}: it hangs", rack.device(1)));
    assert!(!done.stderr.contains(&format!("device {}", rack.device(0))), "{}", done.stderr);
    assert_eq!(rack.changes(), []);
}

#[test]
fn more_devices_than_there_could_be_processes_for_are_refused() {
    let devices = (0..1025).fold(String::new(), |mut text, number| {
        let _ = write!(text, "/dev/none{number},");
        text
    });
    let rack = rack(&[1]);
    for action in ["validate-all", "off"] {
        let options = [("action", action), ("devices", &devices), ("key", "b2")];
        assert_failed(&rack.agent().options(options).run(), "1025 devices");
    }
    let lines =
        devices.split_terminator(',').map(|device| format!("  wz--ns:{device}\n")).collect::<String>();
    let vgs = rack.write("vgs", &format!("#!/bin/sh\ncat <<END\n{lines}END\n"));
    fs::set_permissions(&vgs, fs::Permissions::from_mode(0o755)).unwrap();
    let options = [("action", "off"), ("vgs_path", vgs.to_str().unwrap()), ("key", "b2")];
    assert_failed(&rack.agent().options(options).run(), "1025 devices");
}

#[test]
fn as_many_registrations_as_an_answer_can_hold_are_read_and_more_are_an_error() {
    // 16 bits of ALLOCATION LENGTH hold 8,190 of them.
    for (count, fits) in [(8_000, true), (9_000, false)] {
        let mut lun = Rack::disk(1, &[OWN, VICTIM]);
        for host in 0..count {
            lun.act(10_000 + host, REGISTER_AND_IGNORE, 0, 0, 0x1000 + host as u64, false);
        }
        lun.settle();
        let rack = Rack::of(vec![lun], OWN);
        let done = agent(&rack, "off").run();
        assert!(done.max_rss < 64 * 1024 * 1024, "{}", done.max_rss);
        if fits {
            assert_done(&done, "Success: Powered OFF\n");
        } else {
            assert_failed(&done, "is too long");
            assert_eq!(rack.changes(), []);
        }
        let doctor = agent(&rack, "doctor").run();
        assert!(doctor.stdout.len() < 64 * 1024, "{} bytes", doctor.stdout.len());
    }
}

#[test]
fn a_system_without_a_process_to_give_is_asked_again_and_named() {
    let rack = rack(&[1]);
    // Whoever isn't root gets no process above this limit.
    let directory = rack.directory();
    assert!(Command::new("chmod").args(["-R", "a+rwX"]).arg(directory).status().unwrap().success());
    let options = format!(
        "action=off\nkey=b2\ndevices={}\nlogin_timeout=2\nshell_timeout=2\npower_timeout=2\nretry_on=0\n",
        rack.devices()
    );
    let input = rack.write("input", &options);
    fs::set_permissions(&input, fs::Permissions::from_mode(0o644)).unwrap();
    let done = Command::new("setpriv")
        .args(["--reuid", "54321", "--regid", "54321", "--clear-groups", "prlimit", "--nproc=1"])
        .arg(rack.program())
        .stdin(Stdio::from(fs::File::open(&input).unwrap()))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("no process for the work: Resource temporarily unavailable"), "{stderr}");
    assert_eq!(rack.changes(), []);
}

#[test]
fn the_watchdogs_check_does_not_wait_for_an_input_that_drips() {
    let rack = rack(&[1]);
    let check = rack.check().run();
    assert_eq!(check.code, Some(0), "{}", check.stderr);
    // One byte every twentieth of a second, for ever.
    let drip = "while :; do printf x; sleep 0.05; done";
    let mut source =
        Command::new("sh").args(["-c", drip]).stdout(Stdio::piped()).spawn().expect("a source of bytes");
    let pipe = source.stdout.take().unwrap();
    let done = rack.check_with(Stdio::from(pipe), Duration::from_secs(60));
    let _ = source.kill();
    let _ = source.wait();
    assert_eq!(done, Some(0));
}
