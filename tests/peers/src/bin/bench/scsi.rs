//! fence_scsi in a virtual machine with shared disks.

use std::time::Duration;

use peers::agents_dir;
use peers::guest::{Guest, GuestBuilder};

use super::contest::{AGENTS, Sink, median};

/// Disks that the guest has.
const DISKS: usize = 8;

/// How often fencing on disks is repeated: the guest is slow, and the original needs seconds there.
const RUNS: usize = 3;

/// Node 2 is registered on the first COUNT disks, node 1 fences it. Prints what was started through sg3-utils, all
/// processes, and what the shell's `time` says.
const OFF: &str = r#"
disks() { ls /dev/n$1l? | head -n COUNT; }
fence() { printf "action=$3\nkey=$2\ndevices=$(disks $1 | tr '\n' ,)\n" | node $1 /ours/fence_scsi >/dev/null; }
fence 1 a1 on && fence 2 b2 on || exit 1
for disk in $(disks 1); do until sg_turs $disk >/dev/null 2>&1; do :; done; done
rm -f /tmp/started
processes() { sed -n 's/^processes //p' /proc/stat; }
printf "action=off\nkey=b2\ndevices=$(disks 1 | tr '\n' ,)\n" >/tmp/off
sed -i 's/,$//' /tmp/off
cat >/tmp/by-sg_persist <<'END'
for disk in $(ls /dev/n1l? | head -n COUNT); do
    sg_persist --out --preempt-abort --param-rk=a1 --param-sark=b2 --prout-type=5 $disk || exit 1
done
END
before=$(processes)
node 1 sh -c 'time WHO </tmp/off >/tmp/said' 2>/tmp/time || exit 1
after=$(processes)
touch /tmp/started
programs=$(wc -l </tmp/started)
for disk in $(disks 1); do
    if sg_persist --in --read-keys $disk | grep -q '0xb2$'; then exit 1; fi
done
echo $programs $((after - before))
cat /tmp/time
"#;

/// Counts what is started as sg_persist and sg_turs, and hands it on.
const COUNTED: &str = "#!/bin/sh\necho >>/tmp/started\nexec /real/${0##*/} \"$@\"\n";

fn program(whose: &str) -> &'static str {
    match whose {
        "ours" => "/ours/fence_scsi",
        "original" => "/usr/sbin/fence_scsi",
        _ => "sh /tmp/by-sg_persist",
    }
}

fn guest() -> Guest {
    GuestBuilder::new()
        .luns(DISKS as u32)
        .memory_mb(512)
        .program(&agents_dir().join("fence_scsi"), "/ours/fence_scsi")
        .and_then(GuestBuilder::original)
        .and_then(GuestBuilder::start)
        .expect("a guest with shared disks")
}

/// The part `cost-scsi`: off, with few disks and with many.
pub(crate) fn costs(sink: &Sink) {
    let guest = guest();
    for disks in [1, 2, 4, DISKS] {
        sink.progress(&format!("{disks} disks"));
        for whose in [AGENTS[0], AGENTS[1], "sg_persist"] {
            let costs: Vec<Cost> = (0..RUNS.min(sink.runs)).map(|_| off(&guest, whose, disks)).collect();
            // Counting costs time, so it has a run of its own.
            let programs = counted(&guest, whose, disks);
            let row = disks.to_string();
            let middle = |of: &dyn Fn(&Cost) -> f64| median(&costs.iter().map(of).collect::<Vec<_>>());
            sink.put(&row, whose, ("wall", "s"), middle(&|cost| cost.wall));
            sink.put(&row, whose, ("CPU", "s"), middle(&|cost| cost.cpu));
            sink.put(&row, whose, ("processes", ""), middle(&|cost| cost.processes));
            sink.put(&row, whose, ("programs of sg3-utils", ""), programs);
        }
    }
}

struct Cost {
    /// In seconds, in steps of a hundredth.
    cpu: f64,
    wall: f64,
    /// Everything forked, the agent and what gives it a node's surroundings included.
    processes: f64,
    programs: f64,
}

fn off(guest: &Guest, whose: &str, disks: usize) -> Cost {
    let script = OFF.replace("WHO", program(whose)).replace("COUNT", &disks.to_string());
    let output = guest.run(&script, Duration::from_secs(300)).expect("the guest");
    assert_eq!(output.code, 0, "{whose}: {output:?}");
    let mut lines = output.stdout.lines();
    let counts: Vec<f64> =
        lines.next().unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [programs, processes] = counts[..] else { panic!("{output:?}") };
    let times: Vec<f64> = lines.filter_map(seconds).collect();
    let [wall, user, system] = times[..] else { panic!("{output:?}") };
    Cost { cpu: user + system, wall, processes, programs }
}

/// Out of a line such as `real 0m 0.52s`.
fn seconds(line: &str) -> Option<f64> {
    let (minutes, seconds) = line.split_once(char::is_whitespace)?.1.split_once('m')?;
    let seconds: f64 = seconds.trim().trim_end_matches('s').parse().ok()?;
    Some(minutes.trim().parse::<f64>().ok()? * 60.0 + seconds)
}

fn counted(guest: &Guest, whose: &str, disks: usize) -> f64 {
    let wrap = format!(
        "mkdir -p /real; for p in sg_persist sg_turs; do [ -e /real/$p ] || cp /usr/bin/$p /real/; done; \
         for p in sg_persist sg_turs; do printf '%s' '{COUNTED}' >/usr/bin/$p; done"
    );
    let unwrap =
        "for p in sg_persist sg_turs; do cp /real/$p /usr/bin/$p.new; mv /usr/bin/$p.new /usr/bin/$p; done";
    guest.run(&wrap, Duration::from_secs(60)).expect("the guest");
    let programs = off(guest, whose, disks).programs;
    guest.run(unwrap, Duration::from_secs(60)).expect("the guest");
    programs
}
