//! What doctor finds out about a service, out of what it has answered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reset_time;
use crate::base::Told;
use crate::fencing::Finding;
use crate::protocols::redfish::{self, Account, Certificate, Login, Manager, ResetType, System, Trust};

/// What a reset needs, and what every role that may log in has (DSP0266, "Privilege model"; the privilege registry
/// DSP8011 maps POST on ComputerSystem to the first).
const NEEDED: &str = "ConfigureComponents";
/// What goes beyond.
const MORE: [&str; 2] = ["ConfigureUsers", "ConfigureManager"];
/// The standard roles that have it, and the one that hasn't (DSP0266, "Roles").
const ABLE_ROLES: [&str; 2] = ["Administrator", "Operator"];
const READING_ROLE: &str = "ReadOnly";

/// When what ends by itself is worth a warning.
const DAYS_AHEAD: i64 = 30;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// A clock that is further off judges certificates and tokens wrongly, and its log is hard to compare with others.
const CLOCK_TOLERANCE: u64 = 300;

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Until when, in words that follow "which".
fn end_words(ends: i64) -> String {
    match ends.saturating_sub(now()) {
        left if left < 0 => format!("ended {} days ago", left.saturating_neg() / DAY),
        left => format!("ends in {} days", left / DAY),
    }
}

/// The certificate of a connection that came about.
pub(super) fn of_certificate(trust: &Trust, certificate: &Certificate) -> Option<Finding> {
    let ends = certificate.validity.map(|(_, ends)| ends);
    let soon = ends.filter(|ends| ends.saturating_sub(now()) < DAYS_AHEAD * DAY);
    match trust {
        Trust::Unchecked => Some(Finding::advice(
            "the certificate isn't verified: whoever answers at this address gets the password",
            format!(
                "instead of ssl_insecure set ssl_pin={}, if the service processor itself shows the same SHA-256",
                certificate.fingerprint()
            ),
        )),
        Trust::Pinned(_) => Some(match soon {
            Some(ends) => Finding::advice(
                format!("the certificate is the pinned one, which {}", end_words(ends)),
                "the date doesn't matter to the pin, but many service processors make themselves another \
                 certificate then, and that needs another pin",
            ),
            None => Finding::fine("the certificate is the pinned one"),
        }),
        Trust::System | Trust::Authorities(_) => match (soon, ends) {
            (Some(ends), _) => Some(Finding::warning(
                format!("the certificate is verified, and {}", end_words(ends)),
                "renew it: from then on every action is refused",
            )),
            (None, ends) => ends
                .map(|ends| Finding::fine(format!("the certificate is verified, and {}", end_words(ends)))),
        },
    }
}

/// What a command is held to that goes over another connection than the look before it: the certificate. One that other
/// devices show too, as some makers' all do, tells none of them from another.
pub(super) fn of_bond(ends_connections: bool, trust: &Trust, certificate: &Certificate) -> Option<Finding> {
    let own = !certificate.self_signed && *trust != Trust::Unchecked;
    (ends_connections && !own).then(|| {
        Finding::advice(
            "the service ends its connections, so that nothing but its certificate says that a command goes to the \
             machine that was looked at, and the certificate may be one that came with the firmware",
            "give the service processor a certificate of its own, signed by an authority that ssl_ca_file names",
        )
    })
}

/// The certificate because of which no connection came about.
pub(super) fn of_stranger(certificate: &Certificate) -> Finding {
    let ends = certificate.validity.map(|(_, ends)| format!(", and {}", end_words(ends))).unwrap_or_default();
    let fingerprint = certificate.fingerprint();
    Finding::failure(
        format!("the certificate that isn't accepted has the SHA-256 {fingerprint}{ends}"),
        format!(
            "renew it, or name its authority with ssl_ca_file; or set ssl_pin={fingerprint}, if the service \
             processor itself shows the same SHA-256"
        ),
    )
}

/// That the plug alone has chosen among several. `id` is what it has chosen.
pub(super) fn of_choice(id: &Told) -> Finding {
    Finding::warning(
        "nothing but plug says which of several systems is meant: when the service lists one of them alone, that one \
         is taken, whatever plug names",
        format!("set system={id} in a fence device for this node alone"),
    )
}

/// Whether the machine takes the commands. `elsewhere` is why the request for one can't be made.
pub(super) fn of_reset(
    system: &System,
    listed: Option<&[String]>,
    elsewhere: Option<redfish::Error>,
) -> Vec<Finding> {
    if system.reset.is_none() {
        return vec![Finding::failure(
            "the machine offers no reset",
            "check that it is the right system, and that the service's licence and firmware allow power control",
        )];
    }
    if let Some(error) = elsewhere {
        return vec![Finding::failure(
            format!("the machine's reset can't be used: {error}"),
            "give the address under which the service knows itself",
        )];
    }
    let Some(listed) = listed else {
        return vec![Finding::advice(
            "the machine doesn't tell which reset types it takes",
            "ForceOff and On are sent, which nearly all take; fence the machine once while it may go down",
        )];
    };
    let lists = |kind: ResetType| listed.iter().any(|word| word == kind.name());
    let missing = |what: &str| {
        Finding::warning(
            format!("the machine doesn't list {what} among its reset types: {}", listed.join(", ")),
            "it is sent all the same, because such lists are often wrong; fence the machine once while it may \
             go down",
        )
    };
    let mut findings = Vec::new();
    findings.push(if lists(ResetType::ForceOff) {
        Finding::fine("the machine lists ForceOff among its reset types")
    } else {
        missing("ForceOff")
    });
    if !lists(ResetType::On) && !lists(ResetType::ForceOn) {
        findings.push(missing("On"));
    }
    findings
}

/// What the service processor says of itself.
pub(super) fn of_manager(manager: &Manager) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(state) = manager.state.as_ref().filter(|state| !state.is("Enabled")) {
        findings.push(Finding::warning(
            format!("the service processor's state is {state}"),
            "run doctor again when it is Enabled: it may be starting, or its firmware being updated",
        ));
    }
    let clock = manager.date_time.as_ref().and_then(|time| reset_time::seconds(time.raw()));
    if let Some(off) = clock.map(|clock| clock.abs_diff(now())).filter(|off| *off > CLOCK_TOLERANCE) {
        findings.push(Finding::advice(
            format!("the service's clock is {off} s away from this node's"),
            "set it, by NTP where it has that: the dates of certificates and the times of its log depend on it",
        ));
    }
    findings
}

/// Whether the account may do what is needed, as the service tells it; `None` where it tells nothing.
pub(super) fn of_account(account: Option<&Account>) -> Vec<Finding> {
    let role = account.and_then(|account| account.role.as_ref());
    let named = role.map_or_else(|| "its role".to_owned(), |role| format!("its role {role}"));
    let able = |with: &str| Finding::fine(format!("the account may switch the power: {named} {with}"));
    let unable = || {
        Finding::failure(
            format!("the account may not switch the power: {named} lacks the privilege {NEEDED}"),
            "give the account the role Operator, or one with this privilege",
        )
    };
    let unknown = || {
        Finding::advice(
            "the service doesn't tell what the account may do",
            format!(
                "check there that its role has the privilege {NEEDED}, as Operator and Administrator have"
            ),
        )
    };
    let Some(account) = account else { return vec![unknown()] };
    let has = |privilege: &str| account.privileges.iter().flatten().any(|known| known == privilege);
    let mut findings = vec![match (&account.privileges, role) {
        (Some(_), _) if has(NEEDED) => able(&format!("has the privilege {NEEDED}")),
        (Some(_), _) if !account.oem_privileges.is_empty() => Finding::warning(
            format!(
                "{named} lacks the privilege {NEEDED}; whether the maker's own stand for it isn't told: {}",
                account.oem_privileges.join(", ")
            ),
            "fence the machine once while it may go down, or give the account the role Operator",
        ),
        (Some(_), _) => unable(),
        (None, Some(role)) if ABLE_ROLES.iter().any(|able| role.is(able)) => able("is enough"),
        (None, Some(role)) if role.is(READING_ROLE) => unable(),
        (None, _) => unknown(),
    }];
    let more: Vec<&str> = MORE.into_iter().filter(|privilege| has(privilege)).collect();
    if !more.is_empty() {
        findings.push(Finding::advice(
            format!("the account may do more than fencing needs: {}", more.join(", ")),
            "an account of its own with the role Operator is enough",
        ));
    }
    if account.must_change_password {
        findings.push(Finding::warning(
            "the service wants the account's password to be changed",
            "change it there, and here: until then it may refuse everything else",
        ));
    }
    let expires = account.password_expires.as_ref().and_then(|time| reset_time::seconds(time.raw()));
    if let Some(ends) = expires.filter(|ends| ends.saturating_sub(now()) < DAYS_AHEAD * DAY) {
        findings.push(Finding::warning(
            format!("the account's password {}", end_words(ends)),
            "renew it there, and here; an account for fencing is better off with one that doesn't expire",
        ));
    }
    findings
}

/// Who else is logged in.
pub(super) fn of_sessions(open: usize, login: Option<Login>) -> Finding {
    let own = match login {
        Some(Login::Session) => ", this one among them",
        _ => "; fencing needs none here",
    };
    Finding::fine(format!("{open} sessions are open{own}"))
}

/// What the service is busy with.
pub(super) fn of_tasks(running: &[String]) -> Option<Finding> {
    let remedy =
        "an update of firmware that runs may keep commands waiting; run doctor again when it is done";
    (!running.is_empty())
        .then(|| Finding::advice(format!("tasks that haven't ended: {}", running.join(", ")), remedy))
}

/// How long the slowest answer took. Finding the machine takes three of them, for which there are five seconds by
/// default.
pub(super) fn of_slowest(uri: &str, took: Duration) -> Finding {
    const SLOW: Duration = Duration::from_millis(1500);
    let text = format!("the slowest answer, to {uri}, took {:.2} s", took.as_secs_f64());
    if took > SLOW {
        let remedy = "raise login_timeout, shell_timeout and power_timeout to ten times of that; restart the service \
                      processor, and see whether its firmware has an update";
        Finding::warning(text, remedy)
    } else {
        Finding::fine(text)
    }
}
