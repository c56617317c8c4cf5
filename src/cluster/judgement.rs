//! What the cluster's configuration alone shows, before any device is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::config::{Cluster, Device};
use super::handover::Handover;
use super::targets::list;
use super::{pacemaker, targets};
use crate::fencing::settings::truth;
use crate::fencing::{Agent, Finding};

/// Words that a cluster must not have in place of off and reboot: they fence nothing, or prove nothing.
const NO_FENCING: &[&str] = &[
    "diag",
    "doctor",
    "evidence",
    "status",
    "monitor",
    "list",
    "list-status",
    "validate-all",
    "metadata",
    "meta-data",
    "manpage",
    "on",
    "enable",
];

/// How long the cluster waits for a fencing action where nothing says otherwise (Pacemaker, stonith-timeout).
const STONITH_TIMEOUT: Duration = Duration::from_secs(60);

/// What to do about a rule.
const NO_RULES: &str =
    "use no rules with fence devices: Pacemaker may judge them only once, when it first reads them";

/// What the configuration of the cluster as a whole shows.
pub(super) fn of_cluster(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    if cluster.devices.is_empty() && cluster.has_watchdog() {
        findings.push(Finding::advice(
            "the configuration holds no fence device: each node has to fence itself by its watchdog",
            "a fence device proves that a node is down, and doesn't need it to end itself",
        ));
    } else if cluster.devices.is_empty() {
        findings.push(Finding::failure(
            "the configuration holds no fence device",
            "without one no node can be fenced",
        ));
    }
    for (name, template) in &cluster.orphans {
        findings.push(Finding::failure(
            format!(
                "{name} is made from the template {template}, which isn't there: Pacemaker passes over it"
            ),
            "add the template, or say with the resource what it is",
        ));
    }
    for property in ["stonith-enabled", "fencing-enabled"] {
        if cluster.property(property) == Some(false) {
            findings.push(Finding::failure(
                format!("{property} is false, so the cluster never fences"),
                format!("set {property} to true once doctor is content"),
            ));
        }
    }
    let judged = ["stonith-enabled", "fencing-enabled", "stonith-timeout", "stonith-watchdog-timeout"];
    for property in cluster.ruled.iter().filter(|property| judged.contains(&property.as_str())) {
        findings.push(Finding::warning(
            format!("{property} depends on a rule, and rules aren't judged here"),
            format!("set {property} without a rule"),
        ));
    }
    if let Some(limit) = cluster.properties.get("stonith-timeout")
        && pacemaker::interval(limit).is_none()
    {
        findings.push(Finding::warning(
            format!("stonith-timeout is '{limit}', which Pacemaker can't read"),
            "write a number of seconds, a number with ms, s, min or h, or a duration of ISO 8601",
        ));
    }
    findings.extend(targets::of_nodes(cluster));
    findings
}

/// What the configuration of one device shows.
pub(super) fn of_device(cluster: &Cluster, device: &Device) -> Vec<Finding> {
    let mut findings = of_state(device);
    findings.extend(of_actions(device));
    findings.extend(targets::of_host_check(device));
    findings.extend(targets::of_plug(device));
    if let Some(handover) = Handover::of(device) {
        findings.extend_from_slice(handover.findings());
    }
    let own = ruled(device, pacemaker::is_own);
    findings.extend(own.map(|text| Finding::advice(text, NO_RULES)));
    let on = |name: &str| device.option(name).and_then(truth) == Some(true);
    if on("ssl_insecure") {
        findings.push(Finding::warning(
            "ssl_insecure is set: whoever answers at the address gets the password",
            "ssl_pin or ssl_ca_file verify also a certificate that no public authority has signed",
        ));
    }
    let Some((agent, name)) = device.known() else {
        findings.push(Finding::advice(
            format!("{} is no agent of this project, so it was not examined", device.agent),
            "",
        ));
        return findings;
    };
    findings.extend(of_passwords(agent, device));
    findings.extend(of_times(cluster, agent, name, device));
    findings
}

/// Whether the cluster uses it.
fn of_state(device: &Device) -> Vec<Finding> {
    let mut findings = Vec::new();
    if device.is_disabled() {
        findings.push(Finding::warning(
            "target-role is Stopped: the device is disabled, and no node is fenced with it",
            format!("pcs stonith enable {id}, or crm resource start {id}", id = device.id),
        ));
    }
    if !device.meta.is_managed {
        findings.push(Finding::advice(
            "is-managed is false: nodes are still fenced with the device, but the cluster doesn't watch over it",
            "take is-managed out",
        ));
    }
    for name in &device.meta.ruled {
        findings.push(Finding::advice(
            format!("{name} depends on a rule, and rules aren't judged here"),
            NO_RULES,
        ));
    }
    findings
}

/// The options that depend on a rule, in words.
fn ruled(device: &Device, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let meant = device.ruled.iter().filter(|(name, _)| is_meant(name));
    let names: BTreeSet<&str> = meant.clone().map(|(name, _)| name.as_str()).collect();
    let sets: BTreeSet<&str> = meant.map(|(_, set)| set.as_str()).collect();
    let (names, sets): (Vec<&str>, Vec<&str>) = (names.into_iter().collect(), sets.into_iter().collect());
    (!names.is_empty()).then(|| {
        format!(
            "{} (in {}) count only where a rule holds, and rules aren't judged here",
            list(&names),
            list(&sets)
        )
    })
}

/// Why the device can't be asked: not all that the agent would need is known.
pub(super) fn obstacle(device: &Device) -> Option<Finding> {
    device.known()?;
    if let Some(option) = device.hidden() {
        return Some(Finding::warning(
            format!("the value of {option} is hidden in what was read, so the device was not asked"),
            "take the output of cibadmin --query, as root: crm configure show hides passwords",
        ));
    }
    if let Some(text) = ruled(device, |name| !pacemaker::is_own(name)) {
        return Some(Finding::warning(format!("{text}, so the device was not asked"), NO_RULES));
    }
    let id = device.missing.first()?;
    Some(Finding::warning(
        format!(
            "the device's options refer to {id}, which isn't in what was read, so the device was not asked"
        ),
        "take the output of cibadmin --query, as root",
    ))
}

/// Whether what the cluster calls off and reboot is that.
fn of_actions(device: &Device) -> Vec<Finding> {
    let mut findings = Vec::new();
    for option in ["pcmk_off_action", "pcmk_reboot_action", "action"] {
        let Some(word) = device.parameter(option) else { continue };
        if NO_FENCING.iter().any(|other| other.eq_ignore_ascii_case(word)) {
            findings.push(Finding::failure(
                format!("{option} is {word}, which doesn't cut the power"),
                format!("take {option} out, or set it to off or reboot"),
            ));
        }
    }
    findings
}

/// Passwords that everybody sees who may see the configuration.
fn of_passwords(agent: &Agent, device: &Device) -> Option<Finding> {
    let secret = agent.options().find(|option| {
        let has_script = agent.options().any(|script| script.fills == Some(option.name));
        option.is_secret() && has_script && device.option(option.name).is_some()
    })?;
    let script = agent.options().find(|script| script.fills == Some(secret.name))?;
    Some(Finding::advice(
        format!("{} stands in the cluster's configuration, in clear", secret.name),
        format!("{} names a command that prints it from a file that root alone reads", script.name),
    ))
}

/// Whether the cluster waits as long as the agent may need.
fn of_times(cluster: &Cluster, agent: &Agent, name: &str, device: &Device) -> Vec<Finding> {
    let mut findings = Vec::new();
    let seconds = |wanted: &str| {
        let option = agent.options().find(|option| option.name == wanted)?;
        let text = device.option(wanted).or_else(|| agent.default_as(name, option))?;
        text.parse().ok().map(Duration::from_secs)
    };
    let of = |option: &str| seconds(option).unwrap_or_default();
    let for_all = cluster
        .properties
        .get("stonith-timeout")
        .and_then(|text| pacemaker::interval(text))
        .unwrap_or(STONITH_TIMEOUT);
    // The agent's own limits are lifted when Pacemaker calls, unless somebody says otherwise.
    let own = device.option("disable_timeout").and_then(truth) == Some(false);
    for (option, halves) in [("pcmk_reboot_timeout", 2), ("pcmk_off_timeout", 1)] {
        let given = device.parameter(option);
        let (limit, source) = match given.map(pacemaker::time) {
            Some(Some(limit)) => (limit, option),
            Some(None) => {
                let given = given.unwrap_or_default();
                findings.push(Finding::warning(
                    format!(
                        "{option} is '{given}', which Pacemaker can't read there, so the limit is another"
                    ),
                    "write a number of seconds, or a number with ms, s, min or h",
                ));
                continue;
            }
            None => (for_all, "stonith-timeout"),
        };
        let waits = of("power_wait").saturating_mul(halves);
        let fixed = of("delay").saturating_add(waits);
        let limits = of("login_timeout").saturating_add(of("power_timeout").saturating_mul(halves));
        let needed = if own { fixed.saturating_add(limits) } else { fixed };
        if needed >= limit {
            findings.push(Finding::warning(
                format!(
                    "the agent may need {} s before it is done, and {source} ends it after {} s",
                    needed.as_secs(),
                    limit.as_secs()
                ),
                format!("raise {option} above that, or lower delay, power_wait, power_timeout"),
            ));
        } else if let Some(power) = seconds("power_timeout").filter(|power| !own && *power > limit) {
            findings.push(Finding::advice(
                format!(
                    "power_timeout is {} s, but {source} ends the agent after {} s",
                    power.as_secs(),
                    limit.as_secs()
                ),
                format!("when Pacemaker calls, its own time limit counts: set {option}"),
            ));
        }
    }
    findings
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::cluster::config;
    use crate::fencing::Severity;

    pub(in crate::cluster) fn one(agent: &str, options: &[(&str, &str)], properties: &str) -> Cluster {
        let pairs: String = options
            .iter()
            .map(|(name, value)| format!("<nvpair name=\"{name}\" value=\"{value}\"/>"))
            .collect();
        let xml = format!(
            "<cib><crm_config><cluster_property_set>{properties}</cluster_property_set></crm_config><resources>\
             <primitive id=\"f\" class=\"stonith\" type=\"{agent}\"><instance_attributes>{pairs}</instance_attributes>\
             </primitive></resources></cib>"
        );
        config::read(xml.as_bytes()).unwrap()
    }

    fn worst(options: &[(&str, &str)]) -> Option<Severity> {
        let cluster = one("fence_ipmilan", options, "");
        of_device(&cluster, &cluster.devices[0]).iter().map(|finding| finding.severity).max()
    }

    #[test]
    fn an_action_that_fences_nothing_is_a_failure_in_the_place_of_one_that_does() {
        for word in ["diag", "doctor", "Status", "on"] {
            assert_eq!(worst(&[("pcmk_off_action", word)]), Some(Severity::Failure), "{word}");
        }
        assert_eq!(worst(&[("pcmk_reboot_action", "off")]), None);
        assert_eq!(worst(&[("explain", "1")]), Some(Severity::Failure));
        assert_eq!(worst(&[("explain", "0")]), None);
    }

    #[test]
    fn a_cluster_that_ends_the_agent_before_its_time_is_a_warning() {
        assert_eq!(worst(&[("delay", "30")]), None);
        assert_eq!(worst(&[("delay", "58")]), Some(Severity::Warning));
        assert_eq!(
            worst(&[("delay", "58"), ("pcmk_reboot_timeout", "2min"), ("pcmk_off_timeout", "120")]),
            None
        );
        assert_eq!(worst(&[("power_timeout", "40"), ("disable_timeout", "false")]), Some(Severity::Warning));
        assert_eq!(worst(&[("power_timeout", "90")]), Some(Severity::Advice));
        assert_eq!(worst(&[("passwd", "x")]), Some(Severity::Advice));
        assert_eq!(worst(&[("passwd_script", "x")]), None);
    }

    #[test]
    fn a_cluster_that_never_fences_is_a_failure() {
        let cluster = one("fence_ipmilan", &[], "<nvpair name=\"stonith-enabled\" value=\"false\"/>");
        assert!(of_cluster(&cluster).iter().any(|finding| finding.severity == Severity::Failure));
        assert!(of_cluster(&Cluster::default()).iter().any(|finding| finding.severity == Severity::Failure));
    }
}
