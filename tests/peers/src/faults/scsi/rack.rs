//! Disks that do as they should, or as a test says, for tests of what one node's agent says of them and sends to them.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::lun::{FENCING, Lun, REGISTER_AND_IGNORE, RESERVE};
use super::scene::{Change, Fault, Met, Scene, Unit, What, nexus_of_path};
use super::wire::{Sockets, UNITS, path, path_below};
use super::{plan, preload};
use crate::{Agent, TempDir, agents_dir, until};

/// The node on which the agent runs.
const HERE: usize = 0;

/// Simulated disks, and a node that shares them with others.
pub struct Rack {
    // Goes before the directory that its sockets are in.
    _sockets: Sockets,
    directory: TempDir,
    scene: Scene,
}

impl Rack {
    /// A disk on which nodes with these keys are registered, in their order; the last of them holds the reservation.
    /// Its worldwide name and its serial number end with the number.
    pub fn disk(number: u8, keys: &[u64]) -> Lun {
        let mut name = [0; 16];
        name[0] = 0x60;
        name[15] = number;
        let mut lun = Lun::new(Some(name), true);
        lun.serial = Some(format!("SERIAL-{number}"));
        for (node, key) in keys.iter().enumerate() {
            lun.act(node, REGISTER_AND_IGNORE, 0, 0, *key, false);
        }
        if let Some((holder, key)) = keys.iter().enumerate().next_back() {
            lun.act(holder, RESERVE, FENCING, *key, 0, false);
        }
        lun.settle();
        lun
    }

    /// The worldwide name of such a disk, as Linux writes it.
    pub fn wwid(number: u8) -> String {
        format!("naa.60{:026x}{number:04x}", 0)
    }

    /// Disks of a node that was switched on with a key, and has it and its disks written down.
    pub fn of(disks: Vec<Lun>, own: u64) -> Rack {
        Rack::with_paths(disks, own, 0)
    }

    /// The same disks, each behind a multipath map with so many paths. Commands over a map take its first path.
    pub fn with_paths(disks: Vec<Lun>, own: u64, paths: usize) -> Rack {
        assert!(disks.len() <= UNITS, "there are {UNITS} sockets");
        let directory = TempDir::new("rack");
        let sockets = Sockets::below(&directory.path().join("dev"), paths);
        for name in ["run", "sys"] {
            fs::create_dir(directory.path().join(name)).expect("a directory of the test");
        }
        let mut units: Vec<Unit> = disks.into_iter().map(Unit::new).collect();
        for unit in &mut units {
            unit.active = paths.min(1);
            if paths > 0 {
                let nexuses: Vec<usize> = (1..=paths).map(|path| nexus_of_path(HERE, path)).collect();
                unit.lun.spread(HERE, &nexuses);
            }
        }
        let names: Vec<String> = units.iter().map(|unit| unit.lun.name_line()).collect();
        let scene = Scene::new(units, vec![own], 4, &[]);
        sockets.show(Some(scene.clone()));
        let rack = Rack { directory, scene, _sockets: sockets };
        let each = || (0..rack.count()).map(|unit| rack.device(unit));
        let lines: String = each().map(|device| format!("{device}\n")).collect();
        let names: String = each().zip(names).map(|(device, name)| format!("{device} {name}\n")).collect();
        rack.write("run/cluster.key", &format!("{own:x}\n"));
        rack.write("run/cluster.dev", &lines);
        rack.write("run/cluster.wwid", &names);
        for unit in (0..rack.count()).filter(|_| paths > 0) {
            rack.make_map(unit, paths);
        }
        rack.write_programs();
        rack
    }

    /// What sysfs shows of a map.
    fn make_map(&self, unit: usize, paths: usize) {
        let map = self.directory.path().join(format!("sys/{}", minor(&self.device(unit))));
        fs::create_dir_all(map.join("dm")).expect("a directory of a map");
        fs::write(map.join("dm/uuid"), format!("mpath-{unit}\n")).expect("the uuid of a map");
        for number in 1..=paths {
            // sysfs writes the slash of a name as an exclamation mark.
            let name = self.path(unit, number).replace('/', "!");
            fs::create_dir_all(map.join("slaves").join(name)).expect("a path of a map");
        }
    }

    fn write_programs(&self) {
        let script = format!(
            "#!/bin/sh\nLD_PRELOAD={} SG_DEVICES={1}/dev SG_RUN={1}/run SG_SYS={1}/sys exec {2} \"$@\"\n",
            preload().display(),
            self.directory.path().display(),
            agents_dir().join("fence_scsi").display()
        );
        for (name, script) in [("fence_scsi", script.as_str()), ("corosync-cmapctl", plan::COROSYNC)] {
            self.directory.program(name, script);
        }
    }

    fn count(&self) -> usize {
        self.scene.world().units.len()
    }

    /// The directory that all of it is in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file beside the disks; state files are below `run/`.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        self.directory.write(name, content)
    }

    /// A program beside the disks.
    pub fn tool(&self, name: &str, script: &str) -> PathBuf {
        self.directory.program(name, script)
    }

    /// Removes a state file.
    pub fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.directory.path().join("run").join(name));
    }

    /// A state file.
    pub fn state_file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join("run").join(name)).unwrap_or_default()
    }

    /// corosync-cmapctl of a cluster `labcluster` with the nodes `node1` to `node4`.
    pub fn corosync(&self) -> String {
        self.directory.path().join("corosync-cmapctl").display().to_string()
    }

    /// The program that runs the agent on these disks.
    pub fn program(&self) -> String {
        self.directory.path().join("fence_scsi").display().to_string()
    }

    /// The agent on these disks.
    pub fn agent(&self) -> Agent {
        Agent::new(self.program())
    }

    /// What leads a program to these disks.
    fn environment(&self) -> [(&'static str, String); 4] {
        let below = |name| self.directory.path().join(name).display().to_string();
        [
            ("LD_PRELOAD", preload().display().to_string()),
            ("SG_DEVICES", below("dev")),
            ("SG_RUN", below("run")),
            ("SG_SYS", below("sys")),
        ]
    }

    /// The watchdog's check on these disks.
    pub fn check(&self) -> Agent {
        let check = Agent::new(agents_dir().join("fence_scsi")).argv0("fence_scsi_check").args(["test"]);
        self.environment().iter().fold(check, |check, (name, value)| check.env(name, value))
    }

    /// The exit code of the check with this standard input; `None` where it doesn't end by itself.
    pub fn check_with(&self, stdin: Stdio, limit: Duration) -> Option<i32> {
        let mut check = Command::new(agents_dir().join("fence_scsi"));
        check.arg0("fence_scsi_check").arg("test").stdin(stdin).envs(self.environment());
        let mut check = check.spawn().expect("the check");
        let mut ended = None;
        until(limit, || {
            ended = check.try_wait().expect("a child");
            ended.is_some()
        });
        let _ = check.kill();
        let _ = check.wait();
        ended.and_then(|ended| ended.code())
    }

    /// The path to a disk.
    pub fn device(&self, unit: usize) -> String {
        path(&self.directory.path().join("dev"), HERE, unit).display().to_string()
    }

    /// A path below the map of a disk, counted from 1.
    pub fn path(&self, unit: usize, number: usize) -> String {
        path_below(&self.directory.path().join("dev"), HERE, unit, number).display().to_string()
    }

    /// All disks, as the agent takes them.
    pub fn devices(&self) -> String {
        (0..self.count()).map(|unit| self.device(unit)).collect::<Vec<_>>().join(",")
    }

    /// Every command so far that was to change something.
    pub fn changes(&self) -> Vec<Change> {
        self.scene.world().changes.clone()
    }

    /// How many commands have come so far.
    pub fn commands(&self) -> usize {
        self.scene.world().commands
    }

    /// The disk that was there at first, as it is now.
    pub fn lun(&self, unit: usize) -> Lun {
        self.scene.world().units[unit].lun.clone()
    }

    /// The disk that stands there now.
    pub fn there(&self, unit: usize) -> Lun {
        let unit = &mut self.scene.world().units[unit];
        let replaced = unit.replaced;
        unit.there(replaced).clone()
    }

    /// Does something to a disk behind everybody's back.
    pub fn alter(&self, unit: usize, change: impl FnOnce(&mut Lun)) {
        change(&mut self.scene.world().units[unit].lun);
    }

    /// Lets nothing go wrong with a disk from now on.
    pub fn heal(&self, unit: usize) {
        self.scene.world().units[unit].faults.clear();
    }

    /// Whether all that was to go wrong with a disk has.
    pub fn has_struck(&self, unit: usize) -> bool {
        self.scene.world().units[unit].faults.iter().all(|fault| fault.times == 0)
    }

    /// Lets two disks change places.
    pub fn swap(&self, one: usize, other: usize) {
        let units = &mut self.scene.world().units;
        let lun = units[one].lun.clone();
        units[one].lun = std::mem::replace(&mut units[other].lun, lun);
    }

    /// Lets another disk have the place of one, which goes on elsewhere.
    pub fn replace(&self, unit: usize, lun: Lun) {
        let unit = &mut self.scene.world().units[unit];
        unit.stranger = Some(lun);
        unit.replaced = true;
    }

    /// Lets another disk have the place of one as soon as that was asked so often who it is.
    pub fn replace_after(&self, unit: usize, inquiries: u32, lun: Lun) {
        self.fault(unit, Met::Inquiries, inquiries, 1, What::Replaced(Box::new(lun)));
    }

    /// Lets a path below the map of a disk lead to another one.
    pub fn lead_astray(&self, unit: usize, path: usize, lun: Lun) {
        let unit = &mut self.scene.world().units[unit];
        unit.stranger = Some(lun);
        unit.astray = Some(path);
    }

    /// Lets a map take its so many paths in turn, another one for each command.
    pub fn take_turns(&self, unit: usize, paths: usize) {
        self.scene.world().units[unit].turns = paths;
    }

    /// Lets the name of a disk lead to another one from the opening with this number on, for so many of them.
    pub fn rename_after(&self, unit: usize, openings: u32, times: u32, lun: Lun) {
        self.fault(unit, Met::Opening, openings, times, What::Renamed(Box::new(lun)));
    }

    /// Lets something go wrong with so many commands of a kind, after some that go well.
    pub fn fault(&self, unit: usize, met: Met, skip: u32, times: u32, what: What) {
        let fault = Fault { name: "as the test says", met, path: None, skip, times, what };
        self.scene.world().units[unit].faults.push(fault);
    }

    /// Lets something go wrong with every command of a kind that goes over one path below a map.
    pub fn fault_of_path(&self, unit: usize, path: usize, met: Met, what: What) {
        let fault = Fault { name: "as the test says", met, path: Some(path), skip: 0, times: u32::MAX, what };
        self.scene.world().units[unit].faults.push(fault);
    }
}

/// The minor number that the preloaded library gives to a device: made of its path (FNV-1a), 20 bits of it.
fn minor(path: &str) -> u32 {
    let hash = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    (hash ^ hash >> 32) as u32 & 0xf_ffff
}
