//! When, where and with what is measured.

use std::fs;
use std::process::Command;

/// What is measured beside ours, by Debian package.
const COMPARED: [&str; 7] =
    ["fence-agents", "ipmitool", "freeipmi-tools", "snmp", "curl", "sg3-utils", "openssl"];

/// What a program prints, without the line's end; empty where it isn't there.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// The day.
pub(crate) fn date() -> String {
    output("date", &["+%Y-%m-%d"])
}

/// The commit; with a `+` where anything but the report itself differs from it.
pub(crate) fn commit() -> String {
    let changed = output("git", &["status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs"]);
    let plus = if changed.is_empty() { "" } else { "+" };
    output("git", &["rev-parse", "--short", "HEAD"]) + plus
}

/// Processor, cores, kernel.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").expect("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches(['\t', ' ', ':']);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, Linux {}", output("uname", &["-r"]))
}

/// `ipmitool 1.8.19-4` and so on.
pub(crate) fn versions() -> String {
    let version = |package: &&str| {
        let version = output("dpkg-query", &["-W", "-f", "${Version}", package]);
        (!version.is_empty()).then(|| format!("{package} {version}"))
    };
    COMPARED.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

/// Memory that can still be had, in bytes.
pub(crate) fn free_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").expect("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("MemAvailable in /proc/meminfo") * 1024
}
