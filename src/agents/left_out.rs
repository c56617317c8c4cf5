//! Agents of the field that aren't built here, each with its reason. The original stays in place where it is installed.

/// Name and reason, as docs/differences.md shows them.
pub static LEFT_OUT: &[(&str, &str)] = &[
    ("fence_amt", "its SOAP interface has left the firmware"),
    ("fence_aws_vpc_net", "cuts a network and not the power: later"),
    (
        "fence_compute",
        "marks a host of OpenStack as dead and powers nothing, for a release of it that has gone",
    ),
    (
        "fence_crosslink",
        "looks at a network interface of its own node: it can prove nothing about another one",
    ),
    ("fence_ecloud", "an interface that nobody outside can test"),
    ("fence_evacuate", "as fence_compute"),
    ("fence_legacy", "runs the plug-ins of heartbeat, which have gone"),
    ("fence_ovh", "the service was withdrawn"),
    ("fence_ovm", "the product has gone"),
    ("fence_rcd_serial", "pulls a reset line and hears nothing back: it can prove nothing"),
    ("fence_skalar", "no public documentation of its interface"),
    ("fence_vmware", "needs VMware's toolkit for Perl, which has gone"),
    ("fence_vmware_vcloud", "an interface that nobody outside can test"),
    ("fence_watchdog", "belongs to Pacemaker, which carries it out itself"),
];
