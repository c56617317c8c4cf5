//! Device-mapper maps and the disks below them, as sysfs shows them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::device::look;
use super::error::Error;

/// Maps may stand on maps (a logical volume on a partition on a multipath map), but not without end.
const DEPTH: usize = 8;

/// A device-mapper map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceMap {
    uuid: String,
    paths: Vec<PathBuf>,
}

impl DeviceMap {
    /// The map behind a path; `None` where the block device is no map.
    pub fn of(path: &Path) -> Result<Option<DeviceMap>, Error> {
        let number = look(path)?;
        let numbers = format!("{}:{}", libc::major(number), libc::minor(number));
        let found = DeviceMap::in_sysfs(&Path::new("/sys/dev/block").join(numbers));
        found.map_err(|error| Error::Open(path.to_path_buf(), error))
    }

    /// The map behind a block device's directory in sysfs; `None` where the device is no map.
    ///
    /// # Errors
    /// Those of reading it, and maps that stand on each other without end.
    pub fn in_sysfs(block: &Path) -> io::Result<Option<DeviceMap>> {
        let uuid = match fs::read_to_string(block.join("dm/uuid")) {
            Ok(uuid) => uuid.trim().to_string(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut paths = BTreeSet::new();
        disks_below(block, DEPTH, &mut paths)?;
        Ok(Some(DeviceMap { uuid, paths: paths.into_iter().collect() }))
    }

    /// The map was made by multipath: the disks below are paths to one logical unit.
    pub fn is_multipath(&self) -> bool {
        self.uuid.starts_with("mpath-")
    }

    /// The disks at the bottom, by their kernel names in /dev, sorted, each once. Empty for a map without any.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

fn disks_below(block: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other("maps are nested too deep"));
    }
    for slave in fs::read_dir(block.join("slaves"))? {
        let slave = slave?;
        if slave.path().join("dm").is_dir() {
            disks_below(&slave.path(), depth - 1, found)?;
        } else {
            // sysfs writes the slash of a kernel name as an exclamation mark.
            found.insert(Path::new("/dev").join(slave.file_name().to_string_lossy().replace('!', "/")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory like sysfs' block devices; each entry is a device, its uuid if it is a map, and its slaves.
    fn sysfs(name: &str, devices: &[(&str, Option<&str>, &[&str])]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("sysfs-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (device, uuid, slaves) in devices {
            fs::create_dir_all(root.join(device).join("slaves")).unwrap();
            if let Some(uuid) = uuid {
                fs::create_dir_all(root.join(device).join("dm")).unwrap();
                fs::write(root.join(device).join("dm/uuid"), format!("{uuid}\n")).unwrap();
            }
            for slave in *slaves {
                std::os::unix::fs::symlink(root.join(slave), root.join(device).join("slaves").join(slave))
                    .unwrap();
            }
        }
        root
    }

    #[test]
    fn every_disk_below_nested_maps_is_found_once() {
        let root = sysfs(
            "nested",
            &[
                ("dm-0", Some("mpath-3600"), &["sdb", "sda"]),
                ("dm-1", Some("part1-mpath-3600"), &["dm-0"]),
                ("dm-2", Some("LVM-abc"), &["dm-1", "dm-0", "cciss!c0d0"]),
                ("sda", None, &[]),
                ("sdb", None, &[]),
                ("cciss!c0d0", None, &[]),
            ],
        );
        let map = DeviceMap::in_sysfs(&root.join("dm-0")).unwrap().unwrap();
        assert!(map.is_multipath());
        assert_eq!(map.paths(), [Path::new("/dev/sda"), Path::new("/dev/sdb")]);
        let volume = DeviceMap::in_sysfs(&root.join("dm-2")).unwrap().unwrap();
        assert!(!volume.is_multipath());
        assert_eq!(
            volume.paths(),
            [Path::new("/dev/cciss/c0d0"), Path::new("/dev/sda"), Path::new("/dev/sdb")]
        );
        assert_eq!(DeviceMap::in_sysfs(&root.join("sda")).unwrap(), None);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn maps_that_stand_on_each_other_in_a_circle_are_an_error() {
        let root =
            sysfs("circle", &[("dm-0", Some("mpath-a"), &["dm-1"]), ("dm-1", Some("mpath-b"), &["dm-0"])]);
        assert!(DeviceMap::in_sysfs(&root.join("dm-0")).is_err());
        fs::remove_dir_all(root).unwrap();
    }
}
