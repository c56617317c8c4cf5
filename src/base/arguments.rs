//! The arguments as the kernel shows them to every user of the machine (ps, /proc/PID/cmdline).

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;

use crate::base::Secret;

/// What covers a secret.
const COVER: u8 = b'x';

/// The place of `arg_start` and `arg_end` among the fields of /proc/PID/stat, counted from the state, which is the
/// first behind the program's name (proc_pid_stat(5): fields 48 and 49, the state is 3).
const ARG_START: usize = 45;

/// Access to the arguments in this process's memory.
pub struct Arguments(File);

impl Arguments {
    /// To be called before the process closes itself to debuggers: nobody but root gets this file afterwards. `None`
    /// where the system gives no access; the arguments stay as they are then.
    pub fn of_this_process() -> Option<Arguments> {
        OpenOptions::new().read(true).write(true).open("/proc/self/mem").ok().map(Arguments)
    }

    /// Overwrites each argument that is one of these secrets or ends with one, as `-psecret` and
    /// `--password=secret` do. Who looked before has seen it: this shortens the time, no more.
    pub fn cover(&self, secrets: &[Secret]) {
        let Some((start, end)) = area() else { return };
        let Some(length) = end.checked_sub(start).and_then(|length| usize::try_from(length).ok()) else {
            return;
        };
        let mut shown = vec![0; length];
        if self.0.read_exact_at(&mut shown, start).is_err() {
            return;
        }
        let mut at = start;
        for argument in shown.split(|byte| *byte == 0) {
            for secret in secrets.iter().filter(|secret| argument.ends_with(secret.expose())) {
                let before = argument.len().saturating_sub(secret.len());
                let place = at.saturating_add(u64::try_from(before).unwrap_or_default());
                let _ = self.0.write_all_at(&vec![COVER; secret.len()], place);
            }
            at = at.saturating_add(u64::try_from(argument.len()).unwrap_or_default()).saturating_add(1);
        }
    }
}

/// Where the arguments begin and end in this process's memory.
fn area() -> Option<(u64, u64)> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold anything, brackets and spaces too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(ARG_START);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
