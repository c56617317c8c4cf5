//! An agent, and the children that it forks, are closed to debuggers and leave no core.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::{fs, io};

use peers::bmc::{Bmc, Fault, Settings, Step};
use peers::memory::{attach_as, open_as};
use peers::util::{Group, with_default_signals};
use peers::{TempDir, agents_dir, until};

use super::Way;
use super::memory::PATIENCE;

/// The user nobody, as every system has it.
const NOBODY: u32 = 65534;

/// Starts a shell script in a directory of its own in which cores may be written, feeds it, waits for a condition,
/// sends its process this signal until it ends, and says whether it dumped core. Cores that lie there count.
fn dumps_core(arguments: &[&str], stdin: &str, ready: impl Fn(u32) -> bool, signal: i32) -> bool {
    let folder = TempDir::new("core");
    let file = folder.write("stdin", stdin);
    let mut child = with_default_signals(&mut Command::new("/bin/sh"))
        .args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"])
        .args(arguments)
        .current_dir(folder.path())
        .stdin(fs::File::open(&file).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(until(PATIENCE, || ready(child.id())));
    let mut ended = None;
    // The first SIGSEGV from outside is taken by the handler that looks for overflown stacks.
    assert!(until(PATIENCE, || {
        Command::new("kill").args([format!("-{signal}"), child.id().to_string()]).status().unwrap();
        ended = child.try_wait().unwrap();
        ended.is_some()
    }));
    let status = ended.unwrap();
    assert_eq!(status.signal(), Some(signal));
    let files = fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name());
    status.core_dumped() || files.into_iter().any(|name| name != "stdin")
}

/// A BMC that lets agents log in, and answers no more.
fn silent() -> Bmc {
    Bmc::start(Settings { rules: vec![Fault::RequestLost.at(Step::ChassisStatus)], ..Settings::default() })
}

fn options(bmc: &Bmc) -> Vec<(&'static str, String)> {
    [
        ("ip", "127.0.0.1"),
        ("username", "admin"),
        ("password", "adminpw"),
        ("action", "status"),
        ("ipmitool_timeout", "600"),
        ("login_timeout", "600"),
        ("shell_timeout", "600"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into_iter()
    .chain([("ipport", bmc.port().to_string())])
    .collect()
}

fn borrowed<'a>(options: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    options.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[test]
fn no_signal_makes_an_agent_that_has_logged_in_leave_a_core() {
    let agent = agents_dir().join("fence_ipmilan").display().to_string();
    for signal in [libc::SIGQUIT, libc::SIGSEGV, libc::SIGABRT, libc::SIGBUS] {
        let is_sleep = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap() == "sleep\n";
        let other = dumps_core(&["sleep", "600"], "", is_sleep, signal);
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
        assert!(other, "no core of another program either, with core_pattern {pattern}: nothing is shown");
        let bmc = silent();
        let input = Way::Stdin.give(&borrowed(&options(&bmc)));
        let ready = |_| bmc.count(Step::ChassisStatus) > 0;
        assert!(!dumps_core(&[&agent], &input.stdin, ready, signal), "signal {signal}");
    }
}

/// A directory that everybody may use, with a copy of an agent that everybody may run.
fn common_folder() -> (TempDir, String) {
    let folder = TempDir::new("closed");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let program = folder.path().join("fence_ipmilan");
    // Not by this process: while it writes a program, a child that another test forks has it open too.
    let copied = Command::new("cp").arg(agents_dir().join("fence_ipmilan")).arg(&program).status().unwrap();
    assert!(copied.success());
    (folder, program.display().to_string())
}

fn as_nobody(program: &str, arguments: &[&str], stdin: impl Into<Stdio>) -> Group {
    let mut command = Command::new(program);
    command.args(arguments).uid(NOBODY).gid(NOBODY);
    command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::null());
    Group::start(&mut command).unwrap()
}

/// What the user nobody gets for looking into a process.
fn tries(pid: u32) -> [(&'static str, io::Result<()>); 4] {
    let read = |name: &str| open_as(NOBODY, &format!("/proc/{pid}/{name}"));
    [
        ("attach", attach_as(NOBODY, pid)),
        ("mem", read("mem")),
        ("environ", read("environ")),
        ("fd", read("fd")),
    ]
}

fn assert_closed(pid: u32) {
    for (what, result) in tries(pid) {
        let kind = result.map_err(|error| error.kind());
        assert_eq!(kind, Err(io::ErrorKind::PermissionDenied), "{what}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

/// Root may look into every process, so these run as nobody, and nobody looks.
#[test]
fn the_same_user_can_neither_debug_an_agent_nor_read_its_memory_nor_that_of_its_children() {
    let other = as_nobody("/bin/sleep", &["600"], Stdio::null());
    for (what, result) in tries(other.id()) {
        assert!(result.is_ok(), "{what} of another program: {result:?}: nothing is shown");
    }
    let (bmc, (folder, program)) = (silent(), common_folder());
    let mut options = options(&bmc);
    options.push(("debug_file", folder.path().join("log").display().to_string()));
    let file = folder.write("stdin", &Way::Stdin.give(&borrowed(&options)).stdin);
    let agent = as_nobody(&program, &[], fs::File::open(&file).unwrap());
    assert!(until(PATIENCE, || bmc.count(Step::ChassisStatus) > 0));
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", agent.id())).unwrap();
    let writer: u32 = children.trim().parse().expect("the child that writes the log");
    assert_closed(agent.id());
    assert_closed(writer);
}

#[test]
fn an_agent_is_closed_before_it_reads_anything() {
    let (_folder, program) = common_folder();
    let (reader, writer) = std::io::pipe().unwrap();
    let agent = as_nobody(&program, &[], reader);
    // It waits for its stdin, which stays open and empty.
    let waits = || {
        let call = fs::read_to_string(format!("/proc/{}/syscall", agent.id())).unwrap_or_default();
        let number = call.split(' ').next().and_then(|number| number.parse::<i64>().ok());
        number.is_some_and(|number| [libc::SYS_poll, libc::SYS_ppoll].contains(&number))
    };
    assert!(until(PATIENCE, waits));
    assert_closed(agent.id());
    drop(writer);
}
