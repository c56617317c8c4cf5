//! The client on real reservations: Linux' own target over iSCSI, two initiators, in a virtual machine.
//!
//! This very test program is put into the guest as /probe and run there: see [`inside_the_guest`].

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::base::worker::run_in_children;
use fence_agents::protocols::scsi::{
    Access, Data, Device, DeviceMap, Error, Key, LogicalUnit, ReservationType, Sense, SenseKey,
    Transport as _,
};
use peers::guest::{Guest, GuestBuilder, Output};

const TYPE: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;
/// Service actions of PERSISTENT RESERVE OUT (SPC-4, section 6.16.2).
const RELEASE: u8 = 2;
const CLEAR: u8 = 3;
const PREEMPT: u8 = 4;
/// The guest has one slow processor, and shares it with all other tests; a script that isn't done by then hangs.
const LIMIT: Duration = Duration::from_secs(180);

static GUEST: LazyLock<Guest> = LazyLock::new(|| start(GuestBuilder::new().luns(8)));
static TWO_PATHS: LazyLock<Guest> = LazyLock::new(|| start(GuestBuilder::new().luns(2).two_paths()));

fn start(builder: GuestBuilder) -> Guest {
    let this = std::env::current_exe().unwrap();
    builder.program(&this, "/probe").unwrap().start().unwrap()
}

fn run(guest: &Guest, script: &str) -> Output {
    guest.run(script, LIMIT).unwrap_or_else(|error| panic!("{script}: {error}\n{}", guest.console()))
}

/// What a script prints; it has to succeed.
fn sh(guest: &Guest, script: &str) -> String {
    let output = run(guest, script);
    assert_eq!(output.code, 0, "{script}: {output:?}");
    output.stdout
}

/// What the client says to these requests, one line each, and what it logged.
fn probe(guest: &Guest, requests: &str) -> (Vec<String>, String) {
    let script = format!("PROBE='{requests}' /probe --ignored --exact guest::inside_the_guest --nocapture");
    let printed = sh(guest, &script);
    let answers = printed.lines().filter_map(|line| Some(line.strip_prefix("> ")?.to_string()));
    (
        answers.collect(),
        printed.lines().filter(|line| !line.starts_with("> ")).collect::<Vec<&str>>().join("\n"),
    )
}

/// The keys and the reservation as sg_persist sees them, as soon as it isn't told of an event any more.
fn second_opinion(guest: &Guest, device: &str) -> (Vec<String>, String) {
    let ready = format!("until sg_turs {device} >/dev/null 2>&1; do :; done");
    let keys = sh(guest, &format!("{ready}; sg_persist -n -i -k -d {device}"));
    let reservation = sh(guest, &format!("{ready}; sg_persist -n -i -r -d {device}"));
    let keys = keys.lines().filter_map(|line| Some(line.trim().strip_prefix("0x")?.to_string())).collect();
    (keys, reservation.split_whitespace().collect::<Vec<&str>>().join(" "))
}

/// Writes a block past the page cache; the exit code of dd.
fn write(guest: &Guest, device: &str) -> i32 {
    run(guest, &format!("dd if=/dev/zero of={device} bs=4096 count=1 oflag=direct")).code
}

#[test]
fn a_fenced_node_cannot_write_and_the_survivor_can() {
    let guest = &*GUEST;
    let (answers, _) = probe(
        guest,
        "register /dev/n1l1 0 A1; register /dev/n2l1 0 b2; reserve /dev/n1l1 a1; keys /dev/n2l1; \
         reservation /dev/n2l1",
    );
    assert_eq!(answers, ["done", "done", "done", "a1 b2", "a1 write exclusive, registrants only"]);
    assert_eq!((write(guest, "/dev/n1l1"), write(guest, "/dev/n2l1")), (0, 0));

    let (answers, _) =
        probe(guest, "preempt-and-abort /dev/n1l1 a1 b2; keys /dev/n1l1; reservation /dev/n1l1");
    assert_eq!(answers, ["done", "a1", "a1 write exclusive, registrants only"]);
    assert_eq!(write(guest, "/dev/n1l1"), 0);
    assert_ne!(write(guest, "/dev/n2l1"), 0);
    let (keys, reservation) = second_opinion(guest, "/dev/n1l1");
    assert_eq!(keys, ["a1"]);
    assert!(reservation.contains("Key=0xa1"), "{reservation}");
    assert!(reservation.contains("type: Write Exclusive, registrants only"), "{reservation}");

    // The fenced node has no key any more, so nothing it does with its old one is accepted.
    let (answers, _) = probe(
        guest,
        "preempt-and-abort /dev/n2l1 b2 a1; reserve /dev/n2l1 b2; clear /dev/n2l1 b2; register /dev/n2l1 b2 b2; \
         keys /dev/n2l1",
    );
    assert!(answers[..4].iter().all(|answer| answer.ends_with("reservation conflict")), "{answers:?}");
    assert_eq!(answers[4], "a1");
}

#[test]
fn a_pending_unit_attention_is_taken_in_stride() {
    let guest = &*GUEST;
    // After each of these the other node's next command is answered with an event.
    let cases = [
        ("preempt /dev/n1l2 a b", "registrations preempted"),
        ("release /dev/n1l2 a", "reservations released"),
        ("clear /dev/n1l2 a", "reservations preempted"),
    ];
    for (change, event) in cases {
        let prepare = format!(
            "register-and-ignore /dev/n1l2 a; register-and-ignore /dev/n2l2 b; reserve /dev/n1l2 a; \
             keys /dev/n2l2; {change}"
        );
        let (answers, _) = probe(guest, &prepare);
        assert_eq!(answers, ["done", "done", "done", "a b", "done"], "{change}");
        let (answers, log) = probe(guest, "keys /dev/n2l2");
        assert!(log.contains(event), "{change}: {log}");
        assert!(!answers[0].contains("attention"), "{change}: {answers:?}");
        // The same in front of a command that changes something: LIO tells each path once, so prepare again.
        probe(guest, &prepare);
        let (answers, log) = probe(guest, "register-and-ignore /dev/n2l2 b");
        assert!(log.contains(event), "{change}: {log}");
        assert_eq!(answers, ["done"], "{change}");
        probe(guest, "register-and-ignore /dev/n1l2 a; clear /dev/n1l2 a; keys /dev/n2l2");
    }
}

#[test]
fn a_unit_without_reservations_is_told_apart() {
    let (answers, _) = probe(&GUEST, "keys /dev/n1nopr; register /dev/n1nopr 0 a1; wwid /dev/n1nopr");
    assert_eq!(answers[0], "READ KEYS: not supported by the device");
    assert_eq!(answers[1], "REGISTER: not supported by the device");
    assert!(answers[2].starts_with("naa.6001405"), "{answers:?}");
}

#[test]
fn identity_and_capabilities_are_what_the_kernel_and_sg3_utils_say() {
    let guest = &*GUEST;
    let (answers, _) = probe(
        guest,
        "wwid /dev/n1l3; wwid /dev/n2l3; serial /dev/n1l3; capabilities /dev/n1l3; inquiry /dev/n1l3",
    );
    let kernel = sh(guest, "cat /sys/block/$(readlink /dev/n1l3)/device/wwid");
    assert_eq!((answers[0].as_str(), &answers[1]), (kernel.trim(), &answers[0]));
    let serial = sh(guest, "sg_inq -p 0x80 /dev/n1l3");
    assert!(serial.contains(&format!("Unit serial number: {}\n", answers[2])), "{serial} {answers:?}");
    let capabilities = sh(guest, "sg_persist -n -i -c /dev/n1l3");
    let opinion = |label: &str| capabilities.contains(label);
    assert!(opinion("Persist Through Power Loss Capable(PTPL_C): 1"), "{capabilities}");
    assert!(opinion("Persist Through Power Loss Active(PTPL_A): 0"), "{capabilities}");
    assert!(opinion("All Target Ports Capable(ATP_C): 1"), "{capabilities}");
    assert_eq!(answers[3], "can persist, doesn't, all ports, type 5 Some(true)");
    assert_eq!(answers[4], "0 0 LIO-ORG RAMDISK-MCP 4.0");
    // The last LUN has the lowest name, whatever it is called here.
    let (names, _) = probe(guest, "wwid /dev/n1l1; wwid /dev/n1l6");
    assert!(names[1] < names[0], "{names:?}");
}

#[test]
fn a_registration_that_is_to_outlast_a_loss_of_power_is_kept_by_the_target() {
    let guest = &*GUEST;
    let (answers, _) = probe(
        guest,
        "register-and-ignore-aptpl /dev/n1l7 c1; register-and-ignore-aptpl /dev/n2l7 c2; reserve /dev/n2l7 c2; \
         capabilities /dev/n1l7",
    );
    assert_eq!(answers[..3], ["done"; 3]);
    assert!(!answers[3].contains("doesn't"), "{answers:?}");
    let saved = sh(guest, "cat /var/target/pr/aptpl_*");
    assert!(saved.contains("sa_res_key=193"), "{saved}");
    let full =
        sh(guest, "until sg_turs /dev/n1l7 >/dev/null 2>&1; do :; done; sg_persist -n -i -s /dev/n1l7");
    assert!(full.contains("Key=0xc1") && full.contains("Key=0xc2"), "{full}");
}

#[test]
fn two_nodes_that_preempt_each_other_at_once_leave_exactly_one() {
    let (rounds, _) = probe(&GUEST, "race 30 /dev/n1l8 /dev/n2l8");
    let one_winner = |round: &String| ["a1 won, b2 lost", "a1 lost, b2 won"].contains(&round.as_str());
    assert!(rounds.len() == 30 && rounds.iter().all(one_winner), "{rounds:?}");
}

#[test]
fn a_device_opened_for_reading_only_takes_commands_too() {
    let (answers, _) =
        probe(&GUEST, "register-and-ignore /dev/n2l3 d4; keys-read-only /dev/n1l3; keys /dev/no-such");
    assert_eq!(answers, ["done", "d4", "device \"/dev/no-such\" does not exist"]);
}

#[test]
fn a_hanging_device_keeps_neither_the_others_nor_the_end_waiting() {
    let guest = &*GUEST;
    sh(guest, "cut-hang");
    let (answers, _) = probe(guest, "together 4 /dev/n1l4 /dev/hang /dev/n2l4");
    assert_eq!(answers, ["no keys", "no answer in time", "no keys"]);
    // The command hangs for good: what was left behind can't be killed, and the probe has ended all the same.
    let state = sh(guest, "for p in $(pidof probe); do grep -l 'D (disk sleep)' /proc/$p/status; done; true");
    assert_eq!(state.lines().count(), 1, "{state}");
}

#[test]
fn a_device_that_leaves_commands_unanswered_ends_in_a_timeout_by_name() {
    let guest = &*GUEST;
    let silence = "d=/sys/bus/pseudo/drivers/scsi_debug; insmod /lib/modules/scsi_debug.ko statistics=1; \
                   until b=$(ls -d $d/adapter0/host*/target*/*/block/* 2>/dev/null); do usleep 10000; done; \
                   ln -s ${b##*/} /dev/silent; sg_turs /dev/silent; echo 4 >$d/opts; echo 1 >$d/every_nth";
    sh(guest, silence);
    // A command that it doesn't know it refuses before it falls silent.
    let (answers, _) = probe(guest, "vendor-within 2 /dev/silent");
    assert!(answers[0].contains("DID_TIME_OUT"), "{answers:?}");
    sh(guest, "echo 0 >/sys/bus/pseudo/drivers/scsi_debug/every_nth");
    let (answers, _) = probe(guest, "keys /dev/silent");
    assert_eq!(answers, ["READ KEYS: not supported by the device"]);
}

#[test]
fn a_suspended_map_is_waited_for_within_the_deadline() {
    let guest = &*GUEST;
    let create = "d=$(readlink -f /dev/n1l5); dmsetup create sus --noudevsync --table \"0 2048 linear $d 0\"; \
                  ln -sf ../dm-$(dmsetup info -c --noheadings -o minor sus) /dev/mapper/sus; dmsetup suspend --noudevsync sus";
    sh(guest, create);
    let (answers, _) = probe(guest, "keys-within 1 /dev/mapper/sus");
    assert!(answers[0].starts_with("READ KEYS: ") && answers[0].contains("temporarily"), "{answers:?}");
    let waiting = guest
        .begin("PROBE='keys-within 30 /dev/mapper/sus' /probe --ignored --exact guest::inside_the_guest --nocapture")
        .unwrap();
    sh(guest, "while ! pidof probe >/dev/null; do :; done; dmsetup resume --noudevsync sus");
    let output = waiting.finish(LIMIT).unwrap();
    assert!(output.stdout.contains("> no keys"), "{output:?}");
    sh(guest, "dmsetup remove --noudevsync sus");
}

#[test]
fn a_device_that_disappears_between_two_commands_is_an_error() {
    let guest = &*GUEST;
    let gone = guest
        .begin("PROBE='keys-twice /dev/n2nopr; keys-twice /dev/n2l6' /probe --ignored --exact guest::inside_the_guest --nocapture")
        .unwrap();
    sh(
        guest,
        "while ! [ -e /tmp/asked-2 ]; do usleep 10000; done; echo 1 >/sys/block/$(readlink /dev/n2l6)/device/delete; touch /tmp/gone",
    );
    let output = gone.finish(LIMIT).unwrap();
    let answers: Vec<&str> = output.stdout.lines().filter(|line| line.starts_with("> ")).collect();
    assert_eq!(answers.len(), 4, "{output:?}");
    assert_eq!(answers[2], "> no keys");
    assert!(answers[3].starts_with("> READ KEYS: "), "{output:?}");
}

#[test]
fn a_multipath_map_is_known_with_its_paths_and_passes_commands_on() {
    let guest = &*TWO_PATHS;
    let disks = |n: u32| {
        sh(guest, &format!("for d in /dev/n{n}l1 /dev/n{n}l1b; do readlink -f $d; done | sort"))
            .replace('\n', " ")
    };
    let (answers, _) = probe(guest, "map /dev/mapper/n1m1; map /dev/n1l1");
    assert_eq!(answers[0], format!("multipath {}", disks(1)).trim());
    assert_eq!(answers[1], "no map");

    // Registered on every path, as a node with two paths does; each node through its own map from then on.
    let (answers, _) = probe(
        guest,
        "register-and-ignore /dev/n1l1 a1; register-and-ignore /dev/n1l1b a1; register-and-ignore /dev/n2l1 b2; \
         register-and-ignore /dev/n2l1b b2; reserve /dev/mapper/n1m1 a1; keys /dev/mapper/n2m1",
    );
    assert_eq!(answers, ["done", "done", "done", "done", "done", "a1 a1 b2 b2"]);
    assert_eq!((write(guest, "/dev/mapper/n1m1"), write(guest, "/dev/mapper/n2m1")), (0, 0));
    let (answers, _) = probe(guest, "preempt-and-abort /dev/mapper/n1m1 a1 b2; keys /dev/mapper/n1m1");
    assert_eq!(answers, ["done", "a1 a1"]);
    assert_eq!(write(guest, "/dev/mapper/n1m1"), 0);
    for path in ["/dev/mapper/n2m1", "/dev/n2l1", "/dev/n2l1b"] {
        assert_ne!(write(guest, path), 0, "{path}");
    }
}

#[test]
fn a_map_that_waits_for_its_lost_paths_is_given_up_at_the_deadline() {
    let guest = &*TWO_PATHS;
    sh(
        guest,
        "dmsetup message n2m2 0 queue_if_no_path; for p in /dev/n2l2 /dev/n2l2b; do \
         dmsetup message n2m2 0 fail_path $(cat /sys/block/$(readlink $p)/dev); done",
    );
    let (answers, _) = probe(guest, "together 2 /dev/mapper/n2m2 /dev/mapper/n1m2");
    assert_eq!(answers, ["no answer in time", "no keys"]);
    assert_eq!(run(guest, "usleep 500000; pidof probe").stdout, "", "the child outlived its kill");
}

/// The part that runs in the guest: the requests in PROBE, separated by semicolons, each answered with a line
/// that begins with "> ". What the client logs stands between them.
#[test]
#[ignore = "runs inside the guest, started by the tests above"]
fn inside_the_guest() {
    struct Print;
    impl log::Log for Print {
        fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            println!("{}", record.args());
        }
        fn flush(&self) {}
    }
    log::set_boxed_logger(Box::new(Print)).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    println!();
    for request in std::env::var("PROBE").unwrap().split(';') {
        let words: Vec<&str> = request.split_whitespace().collect();
        match carry_out(&words) {
            Ok(answer) => answer.lines().for_each(|line| println!("> {line}")),
            Err(error) => println!("> {error}"),
        }
    }
}

fn open(device: &str) -> Result<LogicalUnit<Device>, Error> {
    Ok(LogicalUnit::new(Device::open(Path::new(device), Access::ReadWrite)?, device))
}

fn keys(unit: &mut LogicalUnit<Device>, deadline: Deadline) -> Result<String, Error> {
    let mut keys = unit.read_keys(deadline)?.keys;
    keys.sort();
    if keys.is_empty() {
        return Ok("no keys".into());
    }
    Ok(keys.iter().map(Key::to_string).collect::<Vec<String>>().join(" "))
}

fn carry_out(words: &[&str]) -> Result<String, Error> {
    let within = |seconds| Deadline::after(Duration::from_secs(seconds));
    let soon = within(20);
    let key = |text: &str| -> Key { text.parse().unwrap() };
    let done = |()| "done".to_string();
    match *words {
        ["keys", device] => keys(&mut open(device)?, soon),
        ["keys-within", seconds, device] => keys(&mut open(device)?, within(seconds.parse().unwrap())),
        ["vendor-within", seconds, device] => {
            open(device)?.inquiry(within(seconds.parse().unwrap())).map(|inquiry| inquiry.vendor)
        }
        ["keys-read-only", device] => {
            keys(&mut LogicalUnit::new(Device::open(Path::new(device), Access::ReadOnly)?, device), soon)
        }
        ["race", rounds, one, other] => (0..rounds.parse().unwrap())
            .map(|_| race(one, other, within(20)))
            .collect::<Result<Vec<String>, Error>>()
            .map(|rounds| rounds.join("\n")),
        ["keys-twice", device] => keys_twice(device, soon),
        ["reservation", device] => Ok(match open(device)?.read_reservation(soon)?.reservation {
            Some(held) => {
                format!("{} {}", held.holder.map_or("all".into(), |key| key.to_string()), held.kind)
            }
            None => "no reservation".into(),
        }),
        ["capabilities", device] => {
            let can = open(device)?.report_capabilities(soon)?;
            Ok(format!(
                "{}, {}, {}, type 5 {:?}",
                if can.can_persist { "can persist" } else { "can't persist" },
                if can.persists { "does" } else { "doesn't" },
                if can.all_target_ports { "all ports" } else { "one port" },
                can.supports(TYPE)
            ))
        }
        ["inquiry", device] => {
            let unit = open(device)?.inquiry(soon)?;
            Ok(format!(
                "{} {} {} {} {}",
                unit.qualifier, unit.device_type, unit.vendor, unit.product, unit.revision
            ))
        }
        ["wwid", device] => open(device)?.wwid(soon).map(|wwid| wwid.to_string()),
        ["serial", device] => open(device)?.unit_serial(soon),
        ["map", device] => Ok(match DeviceMap::of(Path::new(device))? {
            Some(map) => {
                let paths = map.paths().iter().map(|path| path.display().to_string());
                let kind = if map.is_multipath() { "multipath" } else { "map" };
                format!("{kind} {}", paths.collect::<Vec<String>>().join(" "))
            }
            None => "no map".into(),
        }),
        ["register", device, "0", new] => open(device)?.register(None, Some(key(new)), false, soon).map(done),
        ["register", device, old, new] => {
            open(device)?.register(Some(key(old)), Some(key(new)), false, soon).map(done)
        }
        ["register-and-ignore", device, new] => {
            open(device)?.register_and_ignore(Some(key(new)), false, soon).map(done)
        }
        ["register-and-ignore-aptpl", device, new] => {
            open(device)?.register_and_ignore(Some(key(new)), true, soon).map(done)
        }
        ["reserve", device, own] => open(device)?.reserve(key(own), TYPE, soon).map(done),
        ["release", device, own] => reserve_out(device, RELEASE, key(own), None),
        ["clear", device, own] => reserve_out(device, CLEAR, key(own), None),
        ["preempt", device, own, victim] => reserve_out(device, PREEMPT, key(own), Some(key(victim))),
        ["preempt-and-abort", device, own, victim] => {
            open(device)?.preempt_and_abort(key(own), key(victim), TYPE, soon).map(done)
        }
        ["together", seconds, ref devices @ ..] => Ok(together(devices, seconds.parse().unwrap())),
        _ => panic!("no such request: {words:?}"),
    }
}

/// PERSISTENT RESERVE OUT with a service action that no agent uses, past the client: sent until the device has no event
/// to tell of any more.
fn reserve_out(device: &str, action: u8, own: Key, victim: Option<Key>) -> Result<String, Error> {
    let mut device = Device::open(Path::new(device), Access::ReadWrite)?;
    let cdb = [0x5f, action, TYPE.code(), 0, 0, 0, 0, 0, 24, 0];
    let keys = [own.value(), victim.map_or(0, Key::value), 0];
    let parameters: Vec<u8> = keys.into_iter().flat_map(u64::to_be_bytes).collect();
    loop {
        let ended = device.execute(&cdb, Data::Out(&parameters), Duration::from_secs(20)).unwrap();
        match (ended.status, Sense::decode(&ended.sense)) {
            (0x00, _) => return Ok("done".into()),
            (0x02, Some(sense)) if sense.key == SenseKey::UNIT_ATTENTION => {}
            (0x18, _) => return Ok("reservation conflict".into()),
            _ => panic!("service action {action}: {ended:02x?}"),
        }
    }
}

/// Reads the keys of all devices at once, each in a child.
fn together(devices: &[&str], seconds: u64) -> String {
    let deadline = Deadline::after(Duration::from_secs(seconds));
    let jobs = devices.iter().map(|device| {
        move || match open(device).and_then(|mut unit| keys(&mut unit, deadline)) {
            Ok(keys) => keys.into_bytes(),
            Err(error) => error.to_string().into_bytes(),
        }
    });
    let results = run_in_children(jobs.collect(), deadline).into_iter().map(|result| match result {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(failure) => failure.to_string(),
    });
    results.collect::<Vec<String>>().join("\n")
}

/// Registers both, and lets both preempt the other at once, each in a child; who is left, by the device.
fn race(one: &str, other: &str, deadline: Deadline) -> Result<String, Error> {
    let nodes = [(one, Key::new(0xa1).unwrap()), (other, Key::new(0xb2).unwrap())];
    for (device, own) in nodes {
        open(device)?.register_and_ignore(Some(own), false, deadline)?;
    }
    // The reservation may still be the last winner's; if not, the first node takes it.
    let mut first = open(one)?;
    if first.read_reservation(deadline)?.reservation.is_none() {
        first.reserve(nodes[0].1, TYPE, deadline)?;
    }
    let jobs = [(nodes[0], nodes[1].1), (nodes[1], nodes[0].1)].map(|((device, own), victim)| {
        move || match open(device).and_then(|mut unit| unit.preempt_and_abort(own, victim, TYPE, deadline)) {
            Ok(()) => b"won".to_vec(),
            Err(Error::Conflict(_)) => b"lost".to_vec(),
            Err(error) => error.to_string().into_bytes(),
        }
    });
    let said: Vec<String> = run_in_children(jobs.into(), deadline)
        .into_iter()
        .map(|result| {
            result.map_or_else(|failure| failure.to_string(), |bytes| String::from_utf8(bytes).unwrap())
        })
        .collect();
    let left = first.read_keys(deadline)?.keys;
    let holder = first.read_reservation(deadline)?.reservation.and_then(|held| held.holder);
    let claims = nodes.iter().zip(&said).map(|((_, own), said)| {
        assert_eq!(said == "won", left == [*own] && holder == Some(*own), "{said:?} {left:?} {holder:?}");
        format!("{own} {said}")
    });
    Ok(claims.collect::<Vec<String>>().join(", "))
}

/// Reads the keys, waits until the host has done something to the device, and reads them again.
fn keys_twice(device: &str, deadline: Deadline) -> Result<String, Error> {
    let mut unit = open(device)?;
    let first = keys(&mut unit, deadline).unwrap_or_else(|error| error.to_string());
    let asked = if Path::new("/tmp/asked-1").exists() { "/tmp/asked-2" } else { "/tmp/asked-1" };
    std::fs::write(asked, "").unwrap();
    while asked == "/tmp/asked-2"
        && !Path::new("/tmp/gone").exists()
        && deadline.sleep(Duration::from_millis(10))
    {}
    let second = keys(&mut unit, deadline).unwrap_or_else(|error| error.to_string());
    Ok(format!("{first}\n{second}"))
}
