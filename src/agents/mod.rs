//! The agents: one file for each, holding its declaration and its driver. This list is where everything else learns which
//! there are: programs, installation, packages, documents and tests.

use crate::fencing::{Agent, Family};

pub mod apc;
pub mod apc_snmp;
pub mod bladecenter;
pub mod cisco_mds;
pub mod console;
pub mod drac;
pub mod drac5;
pub mod eaton_snmp;
pub mod emerson;
pub mod hds_cb;
pub mod hpblade;
mod http;
pub mod ibmblade;
pub mod ifmib;
pub mod ilo_mp;
pub mod ilo_ssh;
pub mod intelmodular;
pub mod ipdu;
pub mod ipmilan;
mod left_out;
pub mod lindypdu;
pub mod netio;
pub mod redfish;
pub mod rsa;
pub mod rsb;
pub mod scsi;
pub mod snmp;
pub mod snmp_pdu;
pub mod wti;

pub use left_out::LEFT_OUT;

/// Management controllers that speak IPMI.
pub static IPMI: Family = Family {
    package: "ipmi",
    title: "management controllers that speak IPMI",
    agents: &[&ipmilan::AGENT],
    checks: &[],
};

/// Management controllers that speak Redfish.
pub static REDFISH: Family = Family {
    package: "redfish",
    title: "management controllers that speak Redfish",
    agents: &[&redfish::AGENT],
    checks: &[],
};

/// Power units and blade enclosures that speak SNMP.
pub static POWER_UNITS: Family = Family {
    package: "snmp",
    title: "power units and blade enclosures that speak SNMP",
    agents: &[
        &apc_snmp::AGENT,
        &eaton_snmp::AGENT,
        &emerson::AGENT,
        &ipdu::AGENT,
        &lindypdu::AGENT,
        &ibmblade::AGENT,
        &intelmodular::AGENT,
        &snmp_pdu::AGENT,
    ],
    checks: &[],
};

/// Switch ports over SNMP.
pub static SWITCHES: Family = Family {
    package: "switch",
    title: "ports of switches that speak SNMP",
    agents: &[&ifmib::AGENT, &cisco_mds::AGENT],
    checks: &[],
};

/// Reservations of shared disks.
pub static RESERVATIONS: Family = Family {
    package: "storage",
    title: "reservations of shared disks",
    agents: &[&scsi::AGENT],
    checks: scsi::check::NAMES,
};

/// Devices with a command line or menus, over SSH and telnet.
pub static CONSOLES: Family = Family {
    package: "console",
    title: "devices with a command line, over SSH and telnet",
    agents: &[
        &apc::AGENT,
        &ilo_ssh::AGENT,
        &bladecenter::AGENT,
        &wti::AGENT,
        &netio::AGENT,
        &drac::AGENT,
        &drac5::AGENT,
        &rsa::AGENT,
        &hpblade::AGENT,
        &hds_cb::AGENT,
        &rsb::AGENT,
        &ilo_mp::AGENT,
    ],
    checks: &[],
};

/// Every family there is, each a program.
pub static FAMILIES: &[&Family] = &[&IPMI, &REDFISH, &POWER_UNITS, &SWITCHES, &RESERVATIONS, &CONSOLES];

/// Every agent there is.
pub fn all() -> impl Iterator<Item = &'static Agent> {
    FAMILIES.iter().flat_map(|family| family.agents.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_there_once_and_none_of_them_is_left_out() {
        let names: Vec<&str> = FAMILIES
            .iter()
            .flat_map(|family| family.names().map(|(_, name)| name).chain(family.checks.iter().copied()))
            .chain(LEFT_OUT.iter().map(|(name, _)| *name))
            .collect();
        let different: BTreeSet<&&str> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| name.starts_with("fence_")), "{names:?}");
    }

    #[test]
    fn every_default_of_an_agent_is_that_of_an_option_it_has() {
        for agent in all() {
            let aliases = agent.aliases.iter().flat_map(|alias| alias.defaults);
            for (name, _) in agent.defaults.iter().chain(aliases) {
                assert!(agent.options().any(|option| option.name == *name), "{}: {name}", agent.name);
            }
        }
    }

    #[test]
    fn every_option_of_an_agent_is_there_once() {
        for agent in all() {
            let names: Vec<&str> = agent.options().map(|option| option.name).collect();
            let different: BTreeSet<&&str> = names.iter().collect();
            assert_eq!(different.len(), names.len(), "{}: {names:?}", agent.name);
        }
    }

    #[test]
    fn every_family_has_a_package_of_its_own() {
        let packages: BTreeSet<&str> = FAMILIES.iter().map(|family| family.package).collect();
        assert_eq!(packages.len(), FAMILIES.len());
    }
}
