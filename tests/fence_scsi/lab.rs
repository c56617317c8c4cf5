//! The guest of these tests, and what is done in it again and again.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use peers::guest::{Guest, GuestBuilder, Output};

/// The guest that most tests share. Each has LUNs of its own: the numbers stand in the tests.
pub(crate) static GUEST: LazyLock<Guest> = LazyLock::new(|| {
    let builder = GuestBuilder::new().luns(30).processors(2).memory_mb(512);
    with_agent(builder).original().unwrap().start().unwrap()
});

/// The guest has slow processors, and several tests share it; a script that isn't done by then hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(100);

/// `as NODE COMMAND...`: runs the command with a /run of its own that lasts under this name.
const AS: &str = r#"#!/bin/sh
d=/runs/$1
shift
mkdir -p $d
exec unshare -m sh -c 'mount --make-rprivate / 2>/dev/null; mount --bind "$0" /run && exec "$@"' $d "$@"
"#;

/// `state DEVICE`: one line with the keys and the reservation, as sg_persist sees them: the second opinion.
const STATE: &str = r#"#!/bin/sh
until keys=$(sg_persist -n -i -k -d $1 2>/dev/null); do :; done
keys=$(echo "$keys" | sed -n 's/^ *0x//p' | sort | tr '\n' ' ')
held=$(sg_persist -n -i -r -d $1)
holder=$(echo "$held" | sed -n 's/.*Key=0x//p')
type=$(echo "$held" | sed -n 's/.*type: //p')
echo "${keys}| ${holder:-nobody} ${type:-no reservation}"
"#;

/// `persist DEVICE ARGUMENTS...`: a command by sg_persist, after what the device has to report.
const PERSIST: &str = r#"#!/bin/sh
d=$1
shift
until sg_turs $d >/dev/null 2>&1; do :; done
sg_persist -n -o "$@" -d $d >/dev/null 2>&1
"#;

/// `wipe DEVICE...`: removes every registration and the reservation.
const WIPE: &str = r#"#!/bin/sh
for d in "$@"; do
    persist $d -I -S 0xffff
    sg_persist -n -o -C -K 0xffff -d $d >/dev/null 2>&1 || persist $d -C -K 0xffff
done
true
"#;

/// Stands in for corosync-cmapctl: a cluster of two nodes.
const COROSYNC: &str = r#"#!/bin/sh
case $1 in
    totem.cluster_name) echo 'totem.cluster_name (str) = labcluster' ;;
    nodelist)
        echo 'nodelist.local_node_pos (u32) = 0'
        for n in 0 1; do
            echo "nodelist.node.$n.name (str) = node$((n + 1))"
            echo "nodelist.node.$n.nodeid (u32) = $((n + 1))"
            echo "nodelist.node.$n.ring0_addr (str) = 192.0.2.$((n + 1))"
        done
        ;;
esac
"#;

/// Stands in for vgs: what it shows is what the test put there for this node.
const VGS: &str = "#!/bin/sh\ncat /run/vgs\n";

/// Runs the original with its modules loaded once, which is most of its 2 s here: each line in /tmp/original.in
/// names a file, which becomes standard input in a child of its own; exit code and outputs come back in files.
const LOADED_ORIGINAL: &str = r#"
import os, runpy, sys
agent = sys.argv[1]
sys.path.append("/usr/share/fence")
import fencing
while True:
    with open("/tmp/original.in") as requests:
        for name in (line.strip() for line in requests):
            child = os.fork()
            if child == 0:
                for number, path, flags in ((0, name, os.O_RDONLY), (1, name + ".out", os.O_CREAT | os.O_WRONLY),
                                            (2, name + ".err", os.O_CREAT | os.O_WRONLY)):
                    os.dup2(os.open(path, flags, 0o600), number)
                sys.argv = [agent]
                runpy.run_path(agent, run_name="__main__")
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with open("/tmp/original.code", "w") as answer:
                answer.write("%d\n" % code)
"#;

pub(crate) const OURS: &str = "/ours/fence_scsi";
pub(crate) const ORIGINAL: &str = "/usr/sbin/fence_scsi";

/// A guest with this agent and what the tests call.
pub(crate) fn with_agent(builder: GuestBuilder) -> GuestBuilder {
    builder
        .program(Path::new(env!("CARGO_BIN_EXE_fence_scsi")), OURS)
        .unwrap()
        .file("/bin/as", 0o755, AS.as_bytes())
        .file("/bin/state", 0o755, STATE.as_bytes())
        .file("/bin/persist", 0o755, PERSIST.as_bytes())
        .file("/bin/wipe", 0o755, WIPE.as_bytes())
        .file("/usr/sbin/corosync-cmapctl", 0o755, COROSYNC.as_bytes())
        .file("/original.py", 0o755, LOADED_ORIGINAL.as_bytes())
        .file("/sbin/vgs", 0o755, VGS.as_bytes())
}

pub(crate) fn run(guest: &Guest, script: &str) -> Output {
    guest.run(script, LIMIT).unwrap_or_else(|error| panic!("{script}: {error}\n{}", guest.console()))
}

/// What a script prints; it has to succeed.
pub(crate) fn sh(guest: &Guest, script: &str) -> String {
    let output = run(guest, script);
    assert_eq!(output.code, 0, "{script}: {output:?}");
    output.stdout
}

/// The shell command that runs an agent as a node, with options as a cluster manager sends them.
pub(crate) fn command(program: &str, node: &str, options: &str) -> String {
    let lines = options.split(' ').collect::<Vec<_>>().join("\\n");
    format!("printf '{lines}\\n' | as {node} {program}")
}

/// Runs the original as the node `original`.
pub(crate) fn original(guest: &Guest, options: &str) -> Output {
    static STARTED: std::sync::Once = std::sync::Once::new();
    STARTED.call_once(|| {
        sh(guest, "mkfifo /tmp/original.in /tmp/original.code");
        guest.begin(&format!("as original python3 /original.py {ORIGINAL}")).unwrap();
    });
    let lines = options.split(' ').collect::<Vec<_>>().join("\\n");
    let script = format!(
        "rm -f /tmp/o*.out /tmp/o*.err; printf '{lines}\\n' >/tmp/options; echo /tmp/options >/tmp/original.in; \
         read code </tmp/original.code; cat /tmp/options.out; cat /tmp/options.err >&2; exit $code"
    );
    run(guest, &script)
}

/// Runs this agent as a node.
pub(crate) fn agent(guest: &Guest, node: &str, options: &str) -> Output {
    run(guest, &command(OURS, node, options))
}

/// Runs this agent as a node; it has to print this.
pub(crate) fn done(guest: &Guest, node: &str, options: &str, stdout: &str) {
    let output = agent(guest, node, options);
    assert_eq!((output.code, output.stdout.as_str()), (0, stdout), "{options}: {output:?}");
}

/// Runs this agent as a node; it has to fail with these words, and nothing on stdout.
pub(crate) fn fails(guest: &Guest, node: &str, options: &str, words: &str) -> Output {
    let output = agent(guest, node, options);
    let failed = output.code == 1 && output.stdout.is_empty() && output.stderr.contains(words);
    assert!(failed, "{options}: {words}: {output:?}");
    assert!(!output.stderr.contains("panicked"), "{output:?}");
    output
}

/// The keys and the reservation as sg_persist sees them.
pub(crate) fn state(guest: &Guest, device: &str) -> String {
    sh(guest, &format!("state {device}")).trim().to_owned()
}

/// How `state` shows these keys and this holder of the right reservation.
pub(crate) fn held(keys: &str, holder: &str) -> String {
    format!("{keys} | {holder} Write Exclusive, registrants only")
}

/// Writes a block past the page cache. True when the device took it.
pub(crate) fn writes(guest: &Guest, device: &str) -> bool {
    run(guest, &format!("dd if=/dev/zero of={device} bs=4096 count=1 oflag=direct")).code == 0
}

/// Both nodes registered on these LUNs by the agent, `NAME1` with a1 and `NAME2` with b2.
pub(crate) fn two_nodes(guest: &Guest, name: &str, luns: &[u32]) {
    for (n, key) in [(1, "a1"), (2, "b2")] {
        let options = format!("action=on key={key} devices={}", devices(n, luns));
        done(guest, &format!("{name}{n}"), &options, "Success: Powered ON\n");
    }
}

/// The paths of a node to LUNs.
pub(crate) fn devices(node: u32, luns: &[u32]) -> String {
    luns.iter().map(|lun| format!("/dev/n{node}l{lun}")).collect::<Vec<_>>().join(",")
}

/// Removes every registration and reservation from these LUNs.
pub(crate) fn wipe(guest: &Guest, node: u32, luns: &[u32]) {
    run(guest, &format!("wipe {}", devices(node, luns).replace(',', " ")));
}
