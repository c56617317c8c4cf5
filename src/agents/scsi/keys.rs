//! What is learnt from the cluster's own tools: each node's reservation key, the shared disks, and the
//! settings of the watchdog check. Everything here is text in, value out; nothing is run or read.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use md5::{Digest, Md5};

use crate::protocols::scsi::Key;

/// How a key is made from a node's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMethod {
    /// From the position in corosync's node list.
    Id,
    /// From a hash of the name.
    Hash,
}

/// One node of corosync's node list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its position in the list: N of `nodelist.node.N`. Not its node id.
    pub position: u32,
    /// Its name, which old configurations don't have.
    pub name: Option<String>,
    /// Its addresses, ring 0 first.
    pub addresses: Vec<String>,
}

impl Node {
    /// What the node is called where nobody says otherwise.
    fn label(&self) -> Option<&str> {
        self.name.as_deref().or(self.addresses.first().map(String::as_str))
    }
}

/// Why there is no key for a node, or no list of nodes or disks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// corosync-cmapctl printed no cluster name.
    NoClusterName,
    /// corosync-cmapctl printed no node.
    NoNodes,
    /// No node of the list has this name or address.
    UnknownNode(String),
    /// Two nodes of the list have this name or address.
    AmbiguousNode(String),
    /// Two nodes would get the same key: the nodes and the key.
    Collision(String, String, Key),
    /// The node's key would be 0, which is no key.
    ZeroKey(String),
    /// vgs printed a line of another form.
    Volumes(String),
    /// A shared volume group lacks one of its disks.
    MissingVolume,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoClusterName => f.write_str("cannot get cluster name from corosync-cmapctl"),
            Error::NoNodes => f.write_str("cannot get node list from corosync-cmapctl"),
            Error::UnknownNode(name) => write!(f, "node \"{name}\" is not in corosync's node list"),
            Error::AmbiguousNode(name) => {
                write!(f, "two nodes of corosync's node list are called \"{name}\"")
            }
            Error::Collision(one, other, key) => {
                write!(
                    f,
                    "nodes \"{one}\" and \"{other}\" get the same key {key}; give each its own with key="
                )
            }
            Error::ZeroKey(name) => write!(f, "the key of node \"{name}\" would be 0; give it one with key="),
            Error::Volumes(line) => write!(f, "cannot read output of vgs: \"{line}\""),
            Error::MissingVolume => f.write_str("a shared volume group lacks one of its disks"),
        }
    }
}

impl std::error::Error for Error {}

/// The cluster's name out of `corosync-cmapctl totem.cluster_name`.
pub fn cluster_name(output: &str) -> Result<&str, Error> {
    let value = output.lines().filter_map(entry).find(|(key, _)| *key == "totem.cluster_name");
    value
        .map(|(_, name)| name)
        .filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))
        .ok_or(Error::NoClusterName)
}

/// The nodes out of `corosync-cmapctl nodelist`, by position.
pub fn node_list(output: &str) -> Result<Vec<Node>, Error> {
    let mut nodes: BTreeMap<u32, Node> = BTreeMap::new();
    let mut addresses: BTreeMap<(u32, u32), String> = BTreeMap::new();
    for (key, value) in output.lines().filter_map(entry) {
        let Some((position, field)) =
            key.strip_prefix("nodelist.node.").and_then(|rest| rest.split_once('.'))
        else {
            continue;
        };
        let Ok(position) = position.parse() else { continue };
        let node = nodes.entry(position).or_insert_with(|| Node { position, ..Node::default() });
        if field == "name" {
            node.name = Some(value.to_string());
        } else if let Some(ring) = ring_of(field) {
            addresses.insert((position, ring), value.to_string());
        }
    }
    for ((position, _), address) in addresses {
        if let Some(node) = nodes.get_mut(&position) {
            node.addresses.push(address);
        }
    }
    if nodes.is_empty() { Err(Error::NoNodes) } else { Ok(nodes.into_values().collect()) }
}

/// N of `ringN_addr`.
fn ring_of(field: &str) -> Option<u32> {
    field.strip_prefix("ring")?.strip_suffix("_addr")?.parse().ok()
}

/// One line of corosync-cmapctl, `KEY (TYPE) = VALUE`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (key, rest) = line.split_once(" (")?;
    let (_, value) = rest.split_once(") = ")?;
    Some((key, value))
}

/// The key of the node with this name or, where none has it, this address: the same key that every release of
/// the agent has given it.
///
/// Both methods begin with four hexadecimal digits of MD5 over the cluster's name. [`KeyMethod::Id`] adds the
/// position in decimal, four digits or more; [`KeyMethod::Hash`] adds four digits of MD5 over `name` as given.
pub fn node_key(cluster: &str, nodes: &[Node], name: &str, method: KeyMethod) -> Result<Key, Error> {
    let node = find(nodes, name)?;
    let key = key_of(cluster, node, name, method)?;
    for other in nodes.iter().filter(|other| other.position != node.position) {
        let Some(label) = other.label() else { continue };
        if key_of(cluster, other, label, method) == Ok(key) {
            return Err(Error::Collision(name.to_string(), label.to_string(), key));
        }
    }
    Ok(key)
}

/// The keys of all nodes that have a name or an address, each with what the node is called: more than one for a node
/// whose addresses give other keys than its name. A node without a key is left out.
pub fn all_keys(cluster: &str, nodes: &[Node], method: KeyMethod) -> Vec<(String, Vec<Key>)> {
    let keys = |node: &Node| {
        let names = node.name.iter().chain(&node.addresses);
        let mut keys: Vec<Key> = names.filter_map(|name| key_of(cluster, node, name, method).ok()).collect();
        keys.dedup();
        keys
    };
    let named = nodes.iter().filter_map(|node| Some((node.label()?.to_owned(), keys(node))));
    named.filter(|(_, keys)| !keys.is_empty()).collect()
}

fn find<'a>(nodes: &'a [Node], name: &str) -> Result<&'a Node, Error> {
    let only = |matching: Vec<&'a Node>| match matching.as_slice() {
        [] => None,
        [node] => Some(Ok(*node)),
        _ => Some(Err(Error::AmbiguousNode(name.to_string()))),
    };
    only(nodes.iter().filter(|node| node.name.as_deref() == Some(name)).collect())
        .or_else(|| only(nodes.iter().filter(|node| node.addresses.iter().any(|one| one == name)).collect()))
        .unwrap_or_else(|| Err(Error::UnknownNode(name.to_string())))
}

fn key_of(cluster: &str, node: &Node, name: &str, method: KeyMethod) -> Result<Key, Error> {
    let second = match method {
        KeyMethod::Id => format!("{:04}", node.position),
        KeyMethod::Hash => four_digits(name),
    };
    let text = format!("{}{second}", four_digits(cluster));
    text.parse().map_err(|_| Error::ZeroKey(name.to_string()))
}

/// The first four hexadecimal digits of MD5 over a text.
fn four_digits(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().take(2).map(|byte| format!("{byte:02x}")).collect()
}

/// The disks of shared and clustered volume groups, in vgs' order and each once, out of
/// `vgs --noheadings --separator : --options vg_attr,pv_name`.
pub fn shared_volumes(output: &str) -> Result<Vec<String>, Error> {
    let mut disks: Vec<String> = Vec::new();
    let mut known: HashSet<&str> = HashSet::new();
    for line in output.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // Six attributes; the last is c for clustered, s for shared (vgs(8), "vg_attr").
        let (attributes, disk) = line.split_once(':').ok_or_else(|| Error::Volumes(line.to_string()))?;
        let mut letters = attributes.chars();
        let (Some(last), None) = (letters.nth(5), letters.next()) else {
            return Err(Error::Volumes(line.to_string()));
        };
        if !matches!(last, 'c' | 's') {
            continue;
        }
        if !disk.starts_with('/') {
            return Err(Error::MissingVolume);
        }
        if known.insert(disk) {
            disks.push(disk.to_string());
        }
    }
    Ok(disks)
}

/// The settings in /etc/sysconfig/stonith: lines NAME = VALUE, both in lower case. The last of equal names
/// counts; quotes around a value are no part of it; a value ends at the first space.
pub fn check_settings(text: &str) -> BTreeMap<String, String> {
    text.lines().filter_map(setting).collect()
}

fn setting(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    if name.is_empty() || name.starts_with('#') || name.contains(char::is_whitespace) {
        return None;
    }
    let value = value.split_whitespace().next().unwrap_or_default();
    let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some((name.to_lowercase(), quoted.unwrap_or(value).to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "nodelist.local_node_pos (u32) = 0\n\
        nodelist.node.0.name (str) = node1\n\
        nodelist.node.0.nodeid (u32) = 1\n\
        nodelist.node.0.ring0_addr (str) = 192.0.2.1\n\
        nodelist.node.1.name (str) = node2.example.com\n\
        nodelist.node.1.nodeid (u32) = 2\n\
        nodelist.node.1.ring0_addr (str) = 192.0.2.2\n\
        nodelist.node.12.nodeid (u32) = 13\n\
        nodelist.node.12.ring0_addr (str) = node13\n\
        nodelist.node.12.ring1_addr (str) = node13-b\n";

    fn key(cluster: &str, name: &str, method: KeyMethod) -> Result<Key, Error> {
        node_key(cluster, &node_list(NODES).unwrap(), name, method)
    }

    #[test]
    fn keys_are_those_of_fence_scsi_4_12() {
        // Printed by generate_key() of Debian's fence-agents 4.12.1 for this node list, leading zeros removed.
        let upstream = [
            ("labcluster", "node1", "c8fb0000", "c8fb1645"),
            ("labcluster", "node2.example.com", "c8fb0001", "c8fbdba3"),
            ("labcluster", "node13", "c8fb0012", "c8fb7957"),
            ("labcluster", "node13-b", "c8fb0012", "c8fbe95f"),
            ("labcluster", "192.0.2.2", "c8fb0001", "c8fb7f83"),
            ("hacluster", "node1", "fb0c0000", "fb0c1645"),
            ("a", "node2.example.com", "cc10001", "cc1dba3"),
            ("x15", "node13", "e390012", "e397957"),
            ("my_cluster-2", "node1", "28d10000", "28d11645"),
        ];
        for (cluster, name, id, hash) in upstream {
            assert_eq!(key(cluster, name, KeyMethod::Id).unwrap().to_string(), id, "{cluster} {name}");
            assert_eq!(key(cluster, name, KeyMethod::Hash).unwrap().to_string(), hash, "{cluster} {name}");
        }
    }

    #[test]
    fn a_node_that_is_not_in_the_list_has_no_key_by_either_method() {
        for name in ["node3", "node", "node1 ", "node2xexample.com", ""] {
            for method in [KeyMethod::Id, KeyMethod::Hash] {
                assert_eq!(key("labcluster", name, method), Err(Error::UnknownNode(name.to_string())));
            }
        }
    }

    #[test]
    fn two_nodes_whose_names_hash_alike_are_an_error_for_both() {
        // MD5 of either begins with 520b.
        let list = "nodelist.node.0.name (str) = node28\nnodelist.node.1.name (str) = node599\n";
        let nodes = node_list(list).unwrap();
        for name in ["node28", "node599"] {
            assert!(
                matches!(node_key("lab", &nodes, name, KeyMethod::Hash), Err(Error::Collision(..))),
                "{name}"
            );
            assert!(node_key("lab", &nodes, name, KeyMethod::Id).is_ok());
        }
    }

    #[test]
    fn every_node_is_known_by_the_key_of_its_name_and_by_those_of_its_addresses() {
        let nodes = node_list(NODES).unwrap();
        for method in [KeyMethod::Id, KeyMethod::Hash] {
            let known = all_keys("labcluster", &nodes, method);
            assert_eq!(known.len(), nodes.len());
            for (node, (label, keys)) in nodes.iter().zip(&known) {
                assert_eq!(node_key("labcluster", &nodes, label, method).as_ref(), Ok(&keys[0]), "{label}");
                for address in &node.addresses {
                    let key = node_key("labcluster", &nodes, address, method).unwrap();
                    assert!(keys.contains(&key), "{address}");
                }
            }
        }
    }

    #[test]
    fn a_name_that_two_nodes_have_is_an_error() {
        let list = "nodelist.node.0.name (str) = twin\nnodelist.node.1.name (str) = twin\n";
        let nodes = node_list(list).unwrap();
        assert_eq!(node_key("lab", &nodes, "twin", KeyMethod::Id), Err(Error::AmbiguousNode("twin".into())));
    }

    #[test]
    fn a_name_wins_over_an_address_of_another_node() {
        let list = "nodelist.node.0.ring0_addr (str) = b\nnodelist.node.0.name (str) = a\n\
                    nodelist.node.1.name (str) = b\n";
        let nodes = node_list(list).unwrap();
        assert_eq!(node_key("labcluster", &nodes, "b", KeyMethod::Id).unwrap().to_string(), "c8fb0001");
    }

    #[test]
    fn a_key_that_would_be_zero_is_an_error() {
        // MD5 of c2327 and of n30952 begins with 0000.
        let nodes = node_list("nodelist.node.0.name (str) = n30952\n").unwrap();
        for method in [KeyMethod::Id, KeyMethod::Hash] {
            assert_eq!(node_key("c2327", &nodes, "n30952", method), Err(Error::ZeroKey("n30952".into())));
        }
    }

    #[test]
    fn a_cluster_without_a_name_or_nodes_is_an_error() {
        assert_eq!(cluster_name("totem.cluster_name (str) = hacluster\n"), Ok("hacluster"));
        for output in [
            "",
            "Can't get key totem.cluster_name. Error CS_ERR_NOT_EXIST\n",
            "totem.cluster_name (str) = \n",
        ] {
            assert_eq!(cluster_name(output), Err(Error::NoClusterName), "{output:?}");
        }
        for output in ["", "nodelist.local_node_pos (u32) = 0\n", "nodelist.node.x.name (str) = a\n"] {
            assert_eq!(node_list(output), Err(Error::NoNodes), "{output:?}");
        }
    }

    #[test]
    fn volumes_are_taken_by_their_sixth_attribute_only() {
        // `c` in the fifth place is the allocation policy "contiguous".
        let output = "  wz--nc:/dev/dm-3\n  wz--ns:/dev/mapper/b:1\n  wz--cn:/dev/sda2\n  wz--n-:/dev/sdb\n  \
                      wz--nc:/dev/dm-3\n";
        let refused = shared_volumes("  wz--c-:/dev/sda2\n").unwrap();
        assert_eq!(refused, [""; 0]);
        assert_eq!(shared_volumes(output).unwrap(), ["/dev/dm-3", "/dev/mapper/b:1"]);
        assert_eq!(shared_volumes("\n  \n").unwrap(), [""; 0]);
    }

    #[test]
    fn a_shared_volume_group_without_one_of_its_disks_is_an_error() {
        assert_eq!(shared_volumes("  wz-pns:[unknown]\n"), Err(Error::MissingVolume));
        assert_eq!(shared_volumes("  wz-pn-:[unknown]\n").unwrap(), [""; 0]);
        for line in ["/dev/sda", "wz--n:/dev/sda", "WARNING: something"] {
            assert!(matches!(shared_volumes(line), Err(Error::Volumes(_))), "{line}");
        }
    }

    #[test]
    fn settings_of_the_check_are_read_as_before() {
        let text = "# retry=9\nretry = 3\n RETRY-SLEEP=2 # seconds\nverbose=\"YES\"\nexport a=b\n\nempty=\nretry=1\n";
        let settings = check_settings(text);
        let found: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [("empty", ""), ("retry", "1"), ("retry-sleep", "2"), ("verbose", "yes")]);
    }
}
