//! What other programs print: a password script, corosync-cmapctl, vgs. The first byte chooses which.

use std::collections::BTreeMap;

use fence_agents::agents::scsi::keys::{self, KeyMethod};
use fence_agents::base::process;
use fence_agents::protocols::scsi::Key;

use super::common::Input;

/// What stands between the answers of corosync-cmapctl to two questions, and the name that is looked for.
const NEXT: &str = "\n--\n";

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => password(input.rest()),
        1 => nodes(&String::from_utf8_lossy(input.rest())),
        _ => volumes(&String::from_utf8_lossy(input.rest())),
    }
}

fn password(output: &[u8]) {
    match process::secret_in(output) {
        Ok(secret) => {
            let rest = output.strip_prefix(secret.expose()).unwrap();
            assert!(rest.iter().all(u8::is_ascii_whitespace));
            assert!(secret.expose().last().is_some_and(|last| !last.is_ascii_whitespace()));
        }
        Err(error) => {
            assert!(output.iter().all(u8::is_ascii_whitespace));
            assert_eq!(error, process::Failure::Empty);
        }
    }
}

fn nodes(text: &str) {
    let (cluster, rest) = text.split_once(NEXT).unwrap_or((text, ""));
    let (nodes, name) = rest.split_once(NEXT).unwrap_or((rest, ""));
    let cluster = keys::cluster_name(cluster);
    if let Ok(name) = cluster {
        assert!(!name.is_empty() && !name.contains(char::is_whitespace));
    }
    let Ok(nodes) = keys::node_list(nodes) else { return };
    assert!(!nodes.is_empty() && nodes.windows(2).all(|pair| pair[0].position < pair[1].position));
    let cluster = cluster.unwrap_or("cluster");
    for method in [KeyMethod::Id, KeyMethod::Hash] {
        if let Ok(key) = keys::node_key(cluster, &nodes, name, method) {
            let known = nodes.iter().filter(|node| {
                node.name.as_deref() == Some(name) || node.addresses.iter().any(|one| one == name)
            });
            assert!(known.count() > 0, "{name} has the key {key} and is in no list");
        }
        // No two nodes get the same key by their names: one would be fenced in the other's place.
        let mut given: BTreeMap<Key, &str> = BTreeMap::new();
        for node in nodes.iter().take(20) {
            let Some(label) = node.name.as_ref().or(node.addresses.first()) else { continue };
            if let Ok(key) = keys::node_key(cluster, &nodes, label, method) {
                let before = given.insert(key, label);
                assert!(before.is_none_or(|other| other == label), "{key} for {before:?} and {label}");
            }
        }
    }
}

fn volumes(output: &str) {
    let Ok(disks) = keys::shared_volumes(output) else { return };
    for (at, disk) in disks.iter().enumerate() {
        assert!(disk.starts_with('/') && !disks[..at].contains(disk), "{disk}");
        // It stands in a line of a shared group, whole.
        assert!(output.lines().any(|line| {
            let line = line.trim();
            line.strip_suffix(disk.as_str())
                .is_some_and(|before| before.ends_with("c:") || before.ends_with("s:"))
        }));
    }
}
