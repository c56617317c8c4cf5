//! What the cluster's configuration alone shows, before any device is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::config::{Cluster, Device};
use crate::fencing::agent::Plugs;
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

/// What the configuration of the cluster as a whole shows.
pub(super) fn of_cluster(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    if cluster.devices.is_empty() {
        findings.push(Finding::failure(
            "the configuration holds no fence device",
            "without one no node can be fenced",
        ));
    }
    let is_false = |name: &str| cluster.properties.get(name).and_then(|value| truth(value)) == Some(false);
    for property in ["stonith-enabled", "fencing-enabled"] {
        if is_false(property) {
            findings.push(Finding::failure(
                format!("{property} is false, so the cluster never fences"),
                format!("set {property} to true once doctor is content"),
            ));
        }
    }
    if cluster.levels == Some(0) && !cluster.devices.is_empty() {
        findings.push(Finding::advice(
            "there are no fencing levels: where a device fails, nothing else is tried in a defined order",
            "a second level of another kind (a power unit behind a BMC, or shared disks) covers a device that died with its node",
        ));
    }
    findings
}

/// What the configuration of one device shows.
pub(super) fn of_device(cluster: &Cluster, device: &Device) -> Vec<Finding> {
    let mut findings = of_actions(device);
    let on = |name: &str| device.option(name).and_then(truth) == Some(true);
    if on("explain") {
        findings.push(Finding::failure(
            "explain is set: every action is refused as a rehearsal",
            "take explain out of the device's options",
        ));
    }
    if on("ssl_insecure") {
        findings.push(Finding::warning(
            "ssl_insecure is set: whoever answers at the address gets the password",
            "ssl_pin or ssl_ca_file verify also a certificate that no public authority has signed",
        ));
    }
    let Some((agent, name)) = device.known() else { return findings };
    findings.extend(of_passwords(agent, device));
    findings.extend(of_times(cluster, agent, name, device));
    findings
}

/// Whether what the cluster calls off and reboot is that.
fn of_actions(device: &Device) -> Vec<Finding> {
    let mut findings = Vec::new();
    for option in ["pcmk_off_action", "pcmk_reboot_action", "action"] {
        let Some(word) = device.option(option) else { continue };
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
    let secret = agent.options.iter().find(|option| {
        let has_script = agent.options.iter().any(|script| script.fills == Some(option.name));
        option.is_secret() && has_script && device.option(option.name).is_some()
    })?;
    let script = agent.options.iter().find(|script| script.fills == Some(secret.name))?;
    Some(Finding::advice(
        format!("{} stands in the cluster's configuration, in clear", secret.name),
        format!("{} names a command that prints it from a file that root alone reads", script.name),
    ))
}

/// A time as Pacemaker writes it: seconds, or with a unit.
fn time(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    match text.strip_prefix(digits.as_str())?.trim() {
        "" | "s" | "sec" => Some(Duration::from_secs(number)),
        "ms" | "msec" => Some(Duration::from_millis(number)),
        "m" | "min" => Some(Duration::from_secs(number.saturating_mul(60))),
        "h" | "hr" => Some(Duration::from_secs(number.saturating_mul(3600))),
        _ => None,
    }
}

/// Whether the cluster waits as long as the agent may need.
fn of_times(cluster: &Cluster, agent: &Agent, name: &str, device: &Device) -> Vec<Finding> {
    let mut findings = Vec::new();
    let seconds = |wanted: &str| {
        let option = agent.options.iter().find(|option| option.name == wanted)?;
        let text = device.option(wanted).or_else(|| agent.default_as(name, option))?;
        text.parse().ok().map(Duration::from_secs)
    };
    let of = |option: &str| seconds(option).unwrap_or_default();
    let for_all =
        cluster.properties.get("stonith-timeout").and_then(|text| time(text)).unwrap_or(STONITH_TIMEOUT);
    // The agent's own limits are lifted when Pacemaker calls, unless somebody says otherwise.
    let own = device.option("disable_timeout").and_then(truth) == Some(false);
    for (option, halves) in [("pcmk_reboot_timeout", 2), ("pcmk_off_timeout", 1)] {
        let (limit, source) = match device.option(option).and_then(time) {
            Some(limit) => (limit, option),
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

/// Each plug that the cluster would name to this device; one `None` where it names none.
pub(super) fn plugs(device: &Device) -> Vec<Option<String>> {
    let given = ["plug", "port"].into_iter().find_map(|name| device.option(name));
    let needs_one = device.known().is_some_and(|(agent, _)| agent.plugs != Plugs::One);
    if !needs_one || given.is_some() {
        return vec![None];
    }
    // host:plug, or host:plug,plug; separated by semicolons or spaces.
    let map = device.option("pcmk_host_map").unwrap_or_default();
    let mapped: Vec<(&str, &str)> = map
        .split([';', ' ', '\t'])
        .filter_map(|entry| entry.split_once([':', '=']))
        .map(|(host, plug)| (host.trim(), plug.trim()))
        .collect();
    let listed = device.option("pcmk_host_list").unwrap_or_default();
    let hosts = listed.split([',', ';', ' ', '\t']).map(str::trim).filter(|host| !host.is_empty());
    let unmapped = hosts.filter(|host| mapped.iter().all(|(mapped, _)| mapped != host));
    let all: BTreeSet<&str> = mapped.iter().map(|(_, plug)| *plug).chain(unmapped).collect();
    if all.is_empty() { vec![None] } else { all.into_iter().map(|plug| Some(plug.to_owned())).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::config;
    use crate::fencing::Severity;

    fn one(agent: &str, options: &[(&str, &str)], properties: &str) -> Cluster {
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
    fn the_plugs_are_those_that_the_cluster_would_name() {
        let of = |agent: &str, options: &[(&str, &str)]| plugs(&one(agent, options, "").devices[0]);
        let some = |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(of("fence_apc_snmp", &[("pcmk_host_map", "a:1;b:2,3")]), some(&["1", "2,3"]));
        assert_eq!(
            of("fence_apc_snmp", &[("pcmk_host_map", "a:1"), ("pcmk_host_list", "a b")]),
            some(&["1", "b"])
        );
        assert_eq!(of("fence_apc_snmp", &[("plug", "7"), ("pcmk_host_list", "a")]), [None]);
        assert_eq!(of("fence_ipmilan", &[("pcmk_host_list", "a b")]), [None]);
        assert_eq!(of("fence_apc_snmp", &[]), [None]);
    }

    #[test]
    fn a_cluster_that_never_fences_is_a_failure() {
        let cluster = one("fence_ipmilan", &[], "<nvpair name=\"stonith-enabled\" value=\"false\"/>");
        assert!(of_cluster(&cluster).iter().any(|finding| finding.severity == Severity::Failure));
        assert!(of_cluster(&Cluster::default()).iter().any(|finding| finding.severity == Severity::Failure));
    }
}
