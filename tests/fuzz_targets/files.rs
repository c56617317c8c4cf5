//! Files of this machine: /etc/sysconfig/stonith, the state files cluster.key, cluster.dev and cluster.wwid, and the
//! directories in which sysfs shows device-mapper maps. The first byte chooses which.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fence_agents::agents::scsi::check::Settings;
use fence_agents::agents::scsi::{fuzzing, keys};
use fence_agents::protocols::scsi::{DeviceMap, Key};

use super::common::Input;

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let which = input.byte();
    let bytes = input.rest();
    let text = String::from_utf8_lossy(bytes);
    match which % 4 {
        0 => settings(&text),
        1 => key(&text),
        2 => devices(&text),
        _ => map(bytes),
    }
}

fn settings(text: &str) {
    let words = keys::check_settings(text);
    assert!(words.len() <= text.lines().count());
    for (name, value) in &words {
        assert!(
            !name.is_empty() && !name.starts_with('#') && !name.contains(char::is_whitespace),
            "{name:?}"
        );
        assert!(!value.contains(char::is_whitespace), "{value:?}");
    }
    let settings = Settings::from(words);
    // A watchdog's check may take long, but not for ever, and has no pause that the clock can't count.
    let day = Duration::from_secs(86_400);
    assert!(settings.pause <= day && settings.round <= day && settings.round >= Duration::from_secs(1));
}

fn key(text: &str) {
    let line = fuzzing::first_line(text);
    assert!(!line.contains('\n') && line.trim() == line);
    if let Ok(key) = line.parse::<Key>() {
        // As it is written, it reads back.
        assert_eq!(fuzzing::first_line(&format!("{key}\n")).parse(), Ok(key));
    }
}

fn devices(text: &str) {
    let devices = fuzzing::lines(text);
    assert!(
        devices.iter().all(|device| !device.is_empty() && device.trim() == device && !device.contains('\n'))
    );
    let written: String = devices.iter().map(|device| format!("{device}\n")).collect();
    assert_eq!(fuzzing::lines(&written), devices);
    // The names of the disks stand in a file of the same kind: what could be read is written so that it reads the same.
    if let Some(names) = fuzzing::names_again(text) {
        assert_eq!(fuzzing::names_again(&names).as_ref(), Some(&names));
    }
}

/// Devices in lines of a number, a word that is the uuid of a map or `-`, and the numbers of what it stands on.
fn map(bytes: &[u8]) {
    let root = std::env::temp_dir().join(format!("fuzz-sysfs-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    let device = |number: u8| root.join(format!("d{}", number % 8));
    let mut disks = 0;
    for line in bytes.split(|byte| *byte == b'\n').take(12) {
        let mut words = line.split(|byte| *byte == b' ');
        let number = words.next().and_then(|word| word.first().copied()).unwrap_or_default();
        let directory = device(number);
        // Two below each, eight deep: more would take long, and the kernel allows no circle at all.
        if directory.exists() {
            continue;
        }
        fs::create_dir_all(directory.join("slaves")).unwrap();
        let uuid = words.next().unwrap_or_default();
        if uuid != b"-" {
            fs::create_dir_all(directory.join("dm")).unwrap();
            fs::write(directory.join("dm/uuid"), uuid).unwrap();
        }
        for below in words.take(2) {
            let below = device(below.first().copied().unwrap_or_default());
            let name = below.file_name().unwrap();
            let _ = std::os::unix::fs::symlink(&below, directory.join("slaves").join(name));
            disks += 1;
        }
    }
    if let Ok(Some(map)) = DeviceMap::in_sysfs(&device(b'0')) {
        assert!(map.paths().len() <= disks && map.paths().is_sorted());
        assert!(map.paths().iter().all(|path| path.starts_with(Path::new("/dev"))));
    }
    fs::remove_dir_all(&root).unwrap();
}
