//! What doctor finds out about a BMC, out of what it has answered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::fencing::Finding;
use crate::protocols::ipmi::chassis::{ChassisStatus, RestorePolicy};
use crate::protocols::ipmi::device::{DeviceId, SessionInfo};
use crate::protocols::ipmi::{Config, Privilege};

/// A clock that is further off makes the BMC's log hard to compare with others.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(300);

/// Below this, a time of the event log counts from the BMC's start (IPMI 37).
const FIRST_DATE: u32 = 0x2000_0000;

/// A time of the event log that isn't set (IPMI 37).
const NO_DATE: u32 = u32::MAX;

/// Time zones end at this distance from each other, and the log may be kept in any of them.
const ZONES: Duration = Duration::from_secs(26 * 3600);

/// Enterprise numbers of makers (IANA, Private Enterprise Numbers).
const MAKERS: &[(u32, &str)] = &[
    (2, "IBM"),
    (11, "HP"),
    (343, "Intel"),
    (674, "Dell"),
    (2011, "Huawei"),
    (5771, "Cisco"),
    (7244, "Quanta"),
    (10368, "Fujitsu"),
    (10876, "Supermicro"),
    (15370, "Gigabyte"),
    (19046, "Lenovo"),
    (20301, "IBM"),
    (37945, "Inspur"),
    (47196, "HPE"),
];

/// The maker of a BMC, by its number.
pub(super) fn maker(number: u32) -> String {
    let known = MAKERS.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("maker {number}"), |(_, name)| (*name).to_owned())
}

/// How the session came about.
pub(super) fn of_session(config: &Config, suite: Option<u8>, privilege: Privilege) -> Vec<Finding> {
    let mut findings = vec![if privilege < Privilege::Operator {
        Finding::failure(
            format!(
                "the session has the privilege level {privilege}, and switching the power needs operator"
            ),
            "raise the user's limit on the BMC's LAN channel to operator, and privlvl with it",
        )
    } else {
        Finding::fine(format!(
            "the privilege level {privilege} was granted, and operator is enough for power control"
        ))
    }];
    findings.push(match suite {
        None => Finding::warning(
            "the session is of IPMI 1.5, which encrypts nothing",
            "with a BMC that speaks IPMI 2.0, set lanplus=1",
        ),
        Some(0) => Finding::warning(
            "cipher suite 0 is in use, which asks for no password",
            "disable it on the BMC, and set cipher to 17 or 3",
        ),
        Some(suite @ 15..=17) => Finding::fine(format!("cipher suite {suite}, with SHA-256")),
        Some(3) => Finding::advice(
            "cipher suite 3, with SHA-1",
            "suite 17 is stronger; enable it on the BMC where its firmware has it",
        ),
        Some(suite) => Finding::warning(
            format!("cipher suite {suite} is in use, which is weaker than suite 3"),
            "leave cipher out, or set it to 17 or 3",
        ),
    });
    if privilege > Privilege::Operator && !config.privilege_explicit {
        findings.push(Finding::advice(
            format!("the account may act as {privilege}"),
            "an account that is limited to operator is enough for fencing",
        ));
    }
    if config.password.as_ref().is_none_or(crate::base::Secret::is_empty) {
        findings.push(Finding::warning(
            "the BMC lets this user in without a password",
            "give it one on the BMC, and here",
        ));
    }
    if config.username.is_empty() {
        findings.push(Finding::advice(
            "the login is the null user, which has no name",
            "an account of its own for fencing can be told from others in the BMC's log",
        ));
    }
    findings
}

/// What Get Device ID says.
pub(super) fn of_device(id: &DeviceId) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !id.chassis {
        findings.push(Finding::warning(
            "the controller says that it has no chassis commands",
            "check that ip is the BMC's address, and target the right controller",
        ));
    }
    if id.busy {
        findings.push(Finding::warning(
            "the controller says that its firmware is being updated or starting up",
            "run doctor again when that is done",
        ));
    }
    findings
}

/// What Get Chassis Status says beyond the state of the power.
pub(super) fn of_chassis(status: &ChassisStatus) -> Vec<Finding> {
    let faults = [
        (status.overload, "the power was cut by an overload"),
        (status.interlock, "the power is cut by an interlock switch, such as that of the cover"),
        (status.power_fault, "there is a fault in the main power"),
        (status.control_fault, "the last attempt to switch the power has failed"),
    ];
    let mut findings: Vec<Finding> = faults
        .into_iter()
        .filter(|(stands, _)| *stands)
        .map(|(_, words)| Finding::warning(format!("the chassis reports: {words}"), "look at the machine"))
        .collect();
    if status.restore_policy == RestorePolicy::PowersUp {
        findings.push(Finding::advice(
            "the machine powers up by itself when the mains return, also where it was fenced before",
            "that is as wanted where a fenced node may come back by itself",
        ));
    }
    findings
}

/// Whether a session is left for the next one who comes.
pub(super) fn of_sessions(info: SessionInfo) -> Finding {
    let SessionInfo { possible, active } = info;
    let text = format!("{active} of {possible} sessions are open, this one among them");
    match possible.saturating_sub(active) {
        _ if possible == 0 => Finding::fine("the BMC doesn't tell how many sessions it can hold"),
        0 => Finding::warning(
            text,
            "find out who holds them: without a free one, fencing waits until one ends",
        ),
        _ => Finding::fine(text),
    }
}

/// How far the BMC's clock is off.
pub(super) fn of_clock(time: u32) -> Option<Finding> {
    let remedy = "set the BMC's clock, by NTP where it has that, so that its log can be compared with others";
    if time == NO_DATE || time < FIRST_DATE {
        return Some(Finding::advice("the BMC's clock isn't set", remedy));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let off = now.abs_diff(Duration::from_secs(time.into()));
    // The zone isn't told, so only what no zone explains is known to be wrong.
    let in_a_quarter = off.as_secs().checked_rem(900).unwrap_or_default();
    let beside = in_a_quarter.min(900u64.saturating_sub(in_a_quarter));
    let wrong = off > ZONES || beside > CLOCK_TOLERANCE.as_secs();
    wrong.then(|| {
        Finding::advice(format!("the BMC's clock is {} s away from this node's", off.as_secs()), remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fencing::Severity;

    fn session(suite: Option<u8>, privilege: Privilege) -> Severity {
        let mut config = Config::new(Vec::new());
        config.username = "fencer".into();
        config.password = Some(crate::base::Secret::new("pw"));
        of_session(&config, suite, privilege).iter().map(|finding| finding.severity).max().unwrap()
    }

    #[test]
    fn a_session_that_may_not_switch_the_power_is_a_failure() {
        assert_eq!(session(Some(17), Privilege::User), Severity::Failure);
        assert_eq!(session(Some(17), Privilege::Operator), Severity::Fine);
        assert_eq!(session(Some(17), Privilege::Administrator), Severity::Advice);
    }

    #[test]
    fn weak_protection_is_graded() {
        for (suite, severity) in [
            (None, Severity::Warning),
            (Some(0), Severity::Warning),
            (Some(1), Severity::Warning),
            (Some(3), Severity::Advice),
            (Some(16), Severity::Fine),
        ] {
            assert_eq!(session(suite, Privilege::Operator), severity, "{suite:?}");
        }
    }

    #[test]
    fn the_last_session_is_a_warning() {
        assert_eq!(of_sessions(SessionInfo { possible: 4, active: 4 }).severity, Severity::Warning);
        assert_eq!(of_sessions(SessionInfo { possible: 4, active: 3 }).severity, Severity::Fine);
        assert_eq!(of_sessions(SessionInfo { possible: 0, active: 0 }).severity, Severity::Fine);
    }

    #[test]
    fn a_clock_in_another_zone_is_right_and_one_that_no_zone_explains_is_not() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let told = |seconds: u64| of_clock(u32::try_from(seconds).unwrap()).is_some();
        assert!(!told(now) && !told(now + 7200) && !told(now - 5 * 3600 - 1800));
        assert!(told(now - 450) && told(now - 40 * 3600) && told(17));
        assert!(of_clock(NO_DATE).is_some());
    }
}
