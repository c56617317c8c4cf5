//! The watchdog's checks: fence_scsi_check and fence_scsi_check_hardreboot, names of the same program.
//!
//! The watchdog daemon runs what is linked into /etc/watchdog.d, with the argument `test`, and with `repair CODE`
//! after a failure. The checks tell by exit code 2 that this node has been fenced: its key is gone. What can't be
//! read is no proof of that, and a healthy node isn't restarted for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use log::{debug, error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::system::{RebootCommand, reboot};

use super::disks::{Manner, Task, together};
use super::names::{Names, Stored};
use super::{files, keys};
use crate::base::Deadline;
use crate::fencing::{argv, logging};
use crate::protocols::scsi::Key;

const CHECK: &str = "fence_scsi_check";
const HARD_REBOOT: &str = "fence_scsi_check_hardreboot";

const SETTINGS: &str = "/etc/sysconfig/stonith";

/// How long one round over the disks may take where the settings don't say.
const ROUND_SECONDS: f64 = 5.0;

/// How long standard input is watched for a caller that takes this for a fence agent: for each piece, and altogether.
const INPUT_LIMIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const WHOLE_INPUT_LIMIT: Duration = Duration::from_secs(1);

/// The exit code by which the watchdog learns that this node has been fenced.
const FENCED: u8 = 2;

/// The names of the checks.
pub const NAMES: &[&str] = &[CHECK, HARD_REBOOT];

/// Runs the check where this process was called by one of its names, and tells the exit code.
pub fn run_if_called() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next().map(|path| argv::basename(&path)).unwrap_or_default();
    if !NAMES.contains(&name.as_str()) {
        return None;
    }
    let arguments: Vec<OsString> = arguments.collect();
    let code = run(&name, &arguments);
    logging::finish();
    Some(ExitCode::from(code))
}

fn run(name: &str, arguments: &[OsString]) -> u8 {
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    if let ["repair", code, ..] = words.as_slice() {
        return code.parse().unwrap_or(1);
    }
    let text = files::read_regular(Path::new(SETTINGS)).ok().flatten().unwrap_or_default();
    let settings = Settings::from(keys::check_settings(&text));
    let wanted = logging::Wanted {
        name: name.to_owned(),
        verbose_level: u32::from(settings.verbose),
        ..logging::Wanted::default()
    };
    logging::start(&wanted, || {});
    if words.iter().any(|word| word.starts_with("-o") || word.starts_with("--action"))
        || input_names_an_action()
    {
        error!("{name} is a check for the watchdog and no fence agent: nothing was done");
        return 1;
    }
    let verdict = check(&settings);
    if verdict == Verdict::Fenced && name == HARD_REBOOT {
        // At once, without writing anything back: that could only fail now.
        error!("this node has been fenced: restarting it");
        if let Err(error) = reboot(RebootCommand::Restart) {
            error!("the restart failed: {error}");
        }
    }
    match verdict {
        Verdict::Healthy => 0,
        Verdict::Fenced => FENCED,
    }
}

/// Whether standard input holds what a cluster manager sends to an agent. An input that stays open without
/// saying anything isn't waited for.
fn input_names_an_action() -> bool {
    let mut stdin = std::io::stdin().lock();
    let mut text = Vec::new();
    let mut chunk = [0u8; 4096];
    let by = Deadline::after(WHOLE_INPUT_LIMIT);
    loop {
        let fd = stdin.as_fd();
        let ready = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&INPUT_LIMIT));
        let count = if matches!(ready, Ok(1..)) { stdin.read(&mut chunk).unwrap_or_default() } else { 0 };
        text.extend_from_slice(chunk.get(..count).unwrap_or_default());
        if count == 0 || text.len() > 64 * 1024 || by.passed() {
            return String::from_utf8_lossy(&text).lines().any(|line| {
                line.split_once('=').is_some_and(|(name, _)| ["action", "option"].contains(&name.trim()))
            });
        }
    }
}

/// What stands in /etc/sysconfig/stonith.
#[derive(Debug, PartialEq)]
pub struct Settings {
    /// How often to look again before this node counts as fenced.
    pub retries: u32,
    /// The pause between two looks.
    pub pause: Duration,
    /// How long one look may take.
    pub round: Duration,
    /// Whether to tell each step.
    pub verbose: bool,
    /// The key must be on every disk that answers, and not only on one.
    pub strict: bool,
    /// No message where no devices are known yet.
    pub suppress_errors: bool,
}

impl From<BTreeMap<String, String>> for Settings {
    /// A name may be written with the dashes of an option, as the original reads some of them.
    fn from(words: BTreeMap<String, String>) -> Settings {
        let words: BTreeMap<String, String> = words
            .into_iter()
            .map(|(name, value)| (name.trim_start_matches('-').replace('_', "-"), value))
            .collect();
        let number = |name: &str, default: f64| {
            let given = words.get(name).and_then(|value| value.parse::<f64>().ok());
            given.filter(|value| (0.0..=86_400.0).contains(value)).unwrap_or(default)
        };
        let yes = |name: &str| {
            words.get(name).and_then(|word| crate::fencing::settings::truth(word)).unwrap_or(false)
        };
        Settings {
            retries: words.get("retry").and_then(|value| value.parse().ok()).unwrap_or(0),
            pause: Duration::from_secs_f64(number("retry-sleep", 1.0)),
            round: Duration::from_secs_f64(number("power-timeout", ROUND_SECONDS).max(1.0)),
            verbose: yes("verbose"),
            strict: yes("strict"),
            suppress_errors: words.contains_key("suppress-errors")
                && words
                    .get("suppress-errors")
                    .is_none_or(|word| crate::fencing::settings::truth(word) != Some(false)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Or not known to be anything else.
    Healthy,
    Fenced,
}

fn check(settings: &Settings) -> Verdict {
    let devices = match files::devices() {
        Ok(devices) => devices.unwrap_or_default(),
        Err(trouble) => {
            error!("{trouble}");
            return Verdict::Healthy;
        }
    };
    if devices.is_empty() {
        if !settings.suppress_errors {
            error!("No devices found");
        }
        return Verdict::Healthy;
    }
    let key = match files::own_key() {
        Ok(key) => key,
        Err(trouble) => {
            error!("{trouble}");
            return Verdict::Healthy;
        }
    };
    let stored = match files::stored() {
        Ok(stored) => stored,
        Err(trouble) => {
            error!("{trouble}");
            return Verdict::Healthy;
        }
    };
    for retries_left in (0..=settings.retries).rev() {
        if look(&devices, key, &stored, settings) == Verdict::Healthy {
            return Verdict::Healthy;
        }
        if retries_left > 0 {
            debug!("looking again in {} s, {retries_left} times more", settings.pause.as_secs_f64());
            Deadline::NEVER.sleep(settings.pause);
        }
    }
    Verdict::Fenced
}

/// Looks at every disk once.
fn look(devices: &[String], key: Key, stored: &Stored, settings: &Settings) -> Verdict {
    let manner = Manner { readonly: true, ..Manner::default() };
    let outcomes = together(devices, Task::Read, &manner, Deadline::after(settings.round));
    let found: Vec<Option<bool>> = devices
        .iter()
        .zip(&outcomes)
        .map(|(device, outcome)| {
            let reading = outcome.as_ref().ok()?;
            is_meant(device, &reading.names, stored).then(|| reading.has(key))
        })
        .collect();
    verdict(&found, settings.strict)
}

/// Whether a disk counts. Another one than this node was switched on with tells nothing about it.
fn is_meant(device: &str, names: &Names, stored: &Stored) -> bool {
    let is_stored = || names.tell() && stored.values().any(|one| one == names);
    let meant = stored.get(device).is_none_or(|before| before == names) || is_stored();
    if !meant {
        debug!("{device}: {names} stands there, on which this node wasn't switched on");
    }
    meant
}

/// From each disk: whether it has the key, or nothing where it can't be read.
fn verdict(found: &[Option<bool>], strict: bool) -> Verdict {
    let has = found.contains(&Some(true));
    let lacks = found.contains(&Some(false));
    let unread = found.contains(&None);
    let fenced = if strict { lacks } else { lacks && !has && !unread };
    if fenced { Verdict::Fenced } else { Verdict::Healthy }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_only_a_key_gone_from_every_disk_and_read_as_such_is_a_fenced_node() {
        use Verdict::{Fenced, Healthy};
        let cases: [(&[Option<bool>], Verdict, Verdict); 7] = [
            (&[Some(true), Some(true)], Healthy, Healthy),
            (&[Some(true), Some(false)], Healthy, Fenced),
            (&[Some(false), Some(false)], Fenced, Fenced),
            (&[Some(false), None], Healthy, Fenced),
            (&[Some(true), None], Healthy, Healthy),
            (&[None, None], Healthy, Healthy),
            (&[], Healthy, Healthy),
        ];
        for (found, by_default, strictly) in cases {
            assert_eq!(verdict(found, false), by_default, "{found:?}");
            assert_eq!(verdict(found, true), strictly, "{found:?}");
        }
    }

    #[test]
    fn a_disk_that_took_the_place_of_another_is_no_proof_of_a_missing_key() {
        let names = |wwid: &str| Names { wwid: Some(wwid.to_owned()), ..Names::default() };
        let stored: Stored = [("/dev/sdb", "naa.1"), ("/dev/sdc", "naa.2")]
            .map(|(path, wwid)| (path.to_owned(), names(wwid)))
            .into();
        assert!(is_meant("/dev/sdb", &names("naa.1"), &stored));
        assert!(is_meant("/dev/sdb", &names("naa.2"), &stored));
        assert!(!is_meant("/dev/sdb", &names("naa.3"), &stored));
        assert!(!is_meant("/dev/sdb", &Names::default(), &stored));
        // Nobody wrote down what stood there.
        assert!(is_meant("/dev/sdd", &names("naa.3"), &stored));
    }

    #[test]
    fn settings_are_taken_under_every_spelling_and_nonsense_is_the_default() {
        let settings = |text: &str| Settings::from(keys::check_settings(text));
        let plain = settings("");
        assert_eq!((plain.retries, plain.pause), (0, Duration::from_secs(1)));
        assert!(!plain.verbose && !plain.strict && !plain.suppress_errors);
        let given = settings(
            "RETRY=3\nretry-sleep=0.5\nverbose=yes\nstrict = Yes\n--power-timeout=9\nsuppress_errors=1\n",
        );
        assert_eq!(given.retries, 3);
        assert_eq!((given.pause, given.round), (Duration::from_millis(500), Duration::from_secs(9)));
        assert!(given.verbose && given.strict && given.suppress_errors);
        for nonsense in
            ["retry=x\n", "retry-sleep=nan\n", "retry-sleep=-1\n", "power-timeout=inf\n", "verbose=2\n"]
        {
            assert_eq!(settings(nonsense), plain, "{nonsense}");
        }
    }
}
