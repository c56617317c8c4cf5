//! Disks that do as they should, for tests of what one node's agent says of them and sends to them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::lun::{FENCING, Lun, REGISTER_AND_IGNORE, RESERVE};
use super::scene::{Change, Fault, Met, Scene, Unit, What};
use super::wire::{Sockets, UNITS, path};
use super::{plan, preload};
use crate::{Agent, TempDir, agents_dir};

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
        assert!(disks.len() <= UNITS, "there are {UNITS} sockets");
        let directory = TempDir::new("rack");
        let sockets = Sockets::below(&directory.path().join("dev"));
        fs::create_dir(directory.path().join("run")).expect("a directory for state files");
        let scene = Scene::new(disks.into_iter().map(Unit::new).collect(), vec![own], 4, &[]);
        sockets.show(Some(scene.clone()));
        let rack = Rack { directory, scene, _sockets: sockets };
        let lines: String = (0..rack.count()).map(|unit| format!("{}\n", rack.device(unit))).collect();
        rack.write("run/cluster.key", &format!("{own:x}\n"));
        rack.write("run/cluster.dev", &lines);
        let script = format!(
            "#!/bin/sh\nLD_PRELOAD={} SG_DEVICES={1}/dev SG_RUN={1}/run exec {2} \"$@\"\n",
            preload().display(),
            rack.directory.path().display(),
            agents_dir().join("fence_scsi").display()
        );
        for (name, script) in [("fence_scsi", script.as_str()), ("corosync-cmapctl", plan::COROSYNC)] {
            rack.write(name, script);
            let program = rack.directory.path().join(name);
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("a program of the test");
        }
        rack
    }

    fn count(&self) -> usize {
        self.scene.world().units.len()
    }

    /// A file beside the disks; state files are below `run/`.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        self.directory.write(name, content)
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

    /// The path to a disk.
    pub fn device(&self, unit: usize) -> String {
        path(&self.directory.path().join("dev"), HERE, unit).display().to_string()
    }

    /// All disks, as the agent takes them.
    pub fn devices(&self) -> String {
        (0..self.count()).map(|unit| self.device(unit)).collect::<Vec<_>>().join(",")
    }

    /// Every command so far that was to change something.
    pub fn changes(&self) -> Vec<Change> {
        self.scene.world().changes.clone()
    }

    /// A disk as it is now.
    pub fn lun(&self, unit: usize) -> Lun {
        self.scene.world().units[unit].lun.clone()
    }

    /// Puts another disk in the place of one.
    pub fn replace(&self, unit: usize, lun: Lun) {
        self.scene.world().units[unit].lun = lun;
    }

    /// Puts another disk in the place of one as soon as that was asked so often who it is.
    pub fn replace_after(&self, unit: usize, inquiries: u32, lun: Lun) {
        self.scene.world().units[unit].faults.push(Fault {
            name: "replaced",
            met: Met::Inquiries,
            skip: inquiries,
            times: 1,
            what: What::Replaced(Box::new(lun)),
        });
    }
}
