//! A real Pacemaker in namespaces of its own, which finds our agents in /usr/sbin and nobody else's.
//!
//! The test runs again inside: the devices that it starts there are where the cluster can reach them, and
//! everything ends with it.
//!
//! ```no_run
//! # // In a file of its own under tests/:
//! # /*
//! #[test]
//! fn it_lists_them() {
//!     peers::cluster::inside("it_lists_them", || {
//!         let fenced = peers::cluster::fenced_alone();
//!         assert!(fenced.admin(["-I"]).stdout.contains("fence_ipmilan"));
//!     });
//! }
//! # */
//! ```
//!
//! Needs root and the Debian packages `pacemaker`, `corosync` and `pacemaker-cli-utils`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::agent::{Agent, Finished, agents_dir};
use crate::util::{Group, until};

/// The environment variable that tells a test that it is inside.
const INSIDE: &str = "PEERS_INSIDE";

/// The whole of a test, set-up included, may take this long, and for each name this much more.
const LIMIT: Duration = Duration::from_secs(60);
const LIMIT_FOR_A_NAME: Duration = Duration::from_secs(3);

/// How long a daemon may take to answer.
const UP: Duration = Duration::from_secs(30);

/// Where what the daemons log can be read, by everyone inside.
const LOG: &str = "/var/log/pacemaker/pacemaker.log";

/// The name of the only node.
pub const NODE: &str = "alpha";

/// The project's folder.
pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the project's folder")
}

/// The names of all agents: those that have a file in metadata/.
pub fn names() -> Vec<String> {
    let files = fs::read_dir(project().join("metadata")).expect("metadata/").flatten();
    let mut names: Vec<String> =
        files.filter_map(|file| file.file_name().to_str()?.strip_suffix(".xml").map(str::to_owned)).collect();
    names.sort();
    names
}

/// Runs `body` in new mount, network, process and host name namespaces; `test` is the name of the calling test.
pub fn inside(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some_and(|name| name == test) {
        let done = Command::new("sh")
            .args(["-c", include_str!("cluster.sh"), "cluster.sh"])
            .args([agents_dir(), project()])
            .stdin(Stdio::null())
            .status()
            .expect("sh");
        assert!(done.success(), "no place for a cluster (root?)");
        body();
        return;
    }
    let exe = std::env::current_exe().expect("the path of this program");
    let names = u32::try_from(names().len()).expect("a number of agents");
    let limit = LIMIT + LIMIT_FOR_A_NAME * names;
    // Whatever ends this process ends everything inside.
    let done = Agent::new("/usr/bin/setpriv")
        .args([
            "--pdeathsig",
            "KILL",
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--uts",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ])
        .args([exe.into_os_string(), "--exact".into(), test.into(), "--nocapture".into()])
        .args(["--include-ignored", "--test-threads=1"])
        .env(INSIDE, test)
        // Process ids begin at 1 there: names made of them are unique inside only.
        .env("TMPDIR", "/run/tmp")
        .env("FENCE_AGENTS_DIR", &agents_dir().to_string_lossy())
        .limit(limit)
        .run();
    assert!(!done.killed, "not done after {limit:?}:\n{}{}", done.stdout, done.stderr);
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("1 passed"), "no test named {test}:\n{}", done.stdout);
    // For --nocapture outside.
    print!("{}", done.stderr);
}

/// The daemons of a cluster, as far as they run. They end when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    _daemons: Vec<Group>,
}

/// pacemaker-fenced by itself.
pub fn fenced_alone() -> Cluster {
    Cluster::up(vec![daemon("/usr/lib/pacemaker/pacemaker-fenced", &["-s"])])
}

/// corosync, and pacemaker-fenced that finds its peers through it: this adds levels and history.
pub fn fenced_with_corosync() -> Cluster {
    let corosync = corosync();
    Cluster::up(vec![daemon("/usr/lib/pacemaker/pacemaker-fenced", &["-c"]), corosync])
}

/// corosync and everything that pacemakerd starts, with this configuration.
pub fn whole(cib: &str) -> Cluster {
    let file = Path::new("/var/lib/pacemaker/cib/cib.xml");
    fs::write(file, cib).expect("the configuration's file");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its mode");
    let (user, group) = hacluster();
    chown(file, Some(user), Some(group)).expect("its owner");
    let corosync = corosync();
    Cluster::up(vec![daemon("/usr/sbin/pacemakerd", &["-f"]), corosync])
}

/// The numbers of the user and the group that Pacemaker's unprivileged daemons have.
pub fn hacluster() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let user = users.lines().find(|line| line.starts_with("hacluster:")).expect("the user hacluster");
    let mut fields = user.split(':').skip(2).map(|number| number.parse().expect("a number"));
    (fields.next().expect("a user"), fields.next().expect("a group"))
}

fn corosync() -> Group {
    let corosync = daemon("/usr/sbin/corosync", &["-f"]);
    let quorum =
        || Command::new("corosync-quorumtool").arg("-s").output().is_ok_and(|it| it.status.success());
    assert!(until(UP, quorum), "corosync has no quorum: {}", read("/var/log/corosync/corosync.log"));
    corosync
}

fn daemon(program: &str, args: &[&str]) -> Group {
    let output = fs::OpenOptions::new().create(true).append(true).open("/run/daemons").expect("a log");
    let mut command = Command::new(program);
    command.args(args).env("PCMK_logfile", LOG).env("PCMK_logfacility", "none");
    command.stdin(Stdio::null()).stdout(output.try_clone().expect("a second handle")).stderr(output);
    Group::start(&mut command).unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn read(file: &str) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

/// Runs a program of the cluster's, in the environment that a shell of root's has.
pub fn run<A: Into<OsString>>(program: &str, args: impl IntoIterator<Item = A>) -> Finished {
    Agent::new(program)
        .args(args)
        .env("HOME", "/run/user")
        .env("LC_ALL", "C.UTF-8")
        .stdin("")
        .limit(Duration::from_secs(60))
        .run()
}

impl Cluster {
    fn up(daemons: Vec<Group>) -> Cluster {
        let cluster = Cluster { _daemons: daemons };
        let answers = || cluster.admin(["-L"]).code == Some(0);
        assert!(until(UP, answers), "pacemaker-fenced doesn't answer:\n{}", log());
        cluster
    }

    /// stonith_admin with these arguments.
    pub fn admin<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) -> Finished {
        run("/usr/sbin/stonith_admin", args)
    }
}

/// What the daemons have logged: the lines that are more than information.
pub fn log() -> String {
    let log = read(LOG) + &read("/run/daemons");
    log.lines().filter(|line| !line.contains("\tinfo: ")).map(|line| format!("{line}\n")).collect()
}

/// An agent that says about itself what `like` says, and for everything else ends with this exit code, having done
/// nothing.
pub fn impostor(name: &str, like: &str, code: i32) {
    let script = format!(
        "#!/bin/sh\ncase \"$(cat)\" in *action=metadata*) echo action=metadata | /usr/sbin/{like}; exit ;; esac\n\
         echo nothing was done >&2\nexit {code}\n"
    );
    let file = Path::new("/usr/sbin").join(name);
    fs::write(&file, script).expect("an agent's file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode");
}

/// How long a shell command takes when run for each `$name`, with the agents of this directory in /usr/sbin, or with
/// those that are there.
pub fn timed_for_each(names: &[String], command: &str, agents: Option<&Path>) -> Duration {
    let script = format!(
        "if [ \"$1\" ]; then {} fi\nshift 2\nread -r from _ </proc/uptime\n\
         for name; do {command} >/dev/null || exit; done\nread -r to _ </proc/uptime\necho \"$from $to\"",
        include_str!("cluster.sh")
    );
    let done = Agent::new("/usr/bin/unshare")
        .args(["--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", &script, "sh"])
        .args([agents.unwrap_or(Path::new("")).as_os_str(), project().as_os_str()])
        .args(names)
        .env("HOME", "/run/user")
        .env("LC_ALL", "C.UTF-8")
        .stdin("")
        .limit(LIMIT)
        .run();
    assert_eq!(done.code, Some(0), "{command}: {}", done.stderr);
    let mut times = done.stdout.split_whitespace().filter_map(crate::util::parse_seconds);
    let (from, to) = (times.next().expect("a start"), times.next().expect("an end"));
    to.saturating_sub(from)
}
