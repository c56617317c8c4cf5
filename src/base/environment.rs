//! The process's environment, changed only while nobody else can be reading it.

use std::env;
use std::ffi::OsStr;
use std::fs;

use crate::base::sys;

/// Runs `work` with the environment variable `name` set to `value`, and puts the old value back afterwards.
///
/// The environment belongs to all threads, and the C library reads it without a lock, so this holds only while the
/// calling thread is the only one. With a second thread about, `work` runs in the environment as it is: use this
/// for what saves time, never for what decides an outcome.
pub fn with_variable<T>(name: &str, value: &str, work: impl FnOnce() -> T) -> T {
    let before = env::var_os(name);
    let changed = set_while_alone(name, Some(value.as_ref()));
    let result = work();
    if changed {
        set_while_alone(name, before.as_deref());
    }
    result
}

fn set_while_alone(name: &str, value: Option<&OsStr>) -> bool {
    let alone = alone();
    if alone {
        sys::set_variable(name, value);
    }
    alone
}

/// Whether this process has one thread, as the kernel counts them. False where it can't be told.
fn alone() -> bool {
    fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_other_threads_the_environment_stays_as_it_is() {
        std::thread::scope(|scope| {
            let (done, wait) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || wait.recv());
            let seen = with_variable("FENCE_AGENTS_TEST_VARIABLE", "set", || {
                env::var_os("FENCE_AGENTS_TEST_VARIABLE")
            });
            assert_eq!(seen, None);
            drop(done);
        });
    }
}
