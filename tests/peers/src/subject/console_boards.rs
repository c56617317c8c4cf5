//! Agents of servers' own boards and of chassis that have a console.

use super::console::{BY_ITSELF, Kind, TELNET, over_tcp};
use super::{Fault, Lack, Row, Subject, Why};
use crate::console::{self, Console, Negotiation};

/// A board is its machine's own.
const ONE_MACHINE: &[(Lack, Why)] = &[
    (Lack::Plugs, Why::Protocol("a board is one machine's")),
    (Lack::TwoPlugsAtOnce, Why::Protocol("a board is one machine's")),
    (Lack::List, Why::Protocol("a board is one machine's")),
    BY_ITSELF,
];

/// A DRAC 4.
pub const DRAC: Row =
    Row { name: "fence_drac over telnet", agent: "fence_drac", lacks: ONE_MACHINE, start: drac };

/// A chassis with a CMC.
pub const CMC: Row =
    Row { name: "fence_drac5 on a CMC over telnet", agent: "fence_drac5", lacks: &[BY_ITSELF], start: cmc };

/// An RSA II.
pub const RSA: Row =
    Row { name: "fence_rsa over telnet", agent: "fence_rsa", lacks: ONE_MACHINE, start: rsa };

/// An enclosure of blades.
pub const HPBLADE: Row =
    Row { name: "fence_hpblade over telnet", agent: "fence_hpblade", lacks: &[BY_ITSELF], start: hpblade };

/// A Compute Blade.
pub const COMPUTE_BLADE: Row = Row {
    name: "fence_hds_cb over telnet",
    agent: "fence_hds_cb",
    lacks: &[BY_ITSELF],
    start: compute_blade,
};

/// An RSB.
pub const RSB: Row =
    Row { name: "fence_rsb over telnet", agent: "fence_rsb", lacks: ONE_MACHINE, start: rsb };

/// A management processor.
pub const ILO_MP: Row =
    Row { name: "fence_ilo_mp over telnet", agent: "fence_ilo_mp", lacks: ONE_MACHINE, start: ilo_mp };

fn board(row: Row, console: &'static Console, refuses: &'static str, fault: Fault) -> Subject {
    over_tcp(
        Kind {
            row,
            console,
            refuses,
            negotiation: Some(Negotiation::PROPER),
            campaign: "subjects",
            told: TELNET,
        },
        fault,
    )
}

fn drac(fault: Fault) -> Subject {
    board(DRAC, &console::DRAC, "ERROR: The command failed.", fault)
}

fn cmc(fault: Fault) -> Subject {
    Subject {
        plugs: vec!["Server-1".to_owned(), "Server-2".to_owned()],
        missing_plug: "server-9",
        list: (1..=4).map(|number| format!("Server-{number},")).collect(),
        ..board(CMC, &console::CMC, "ERROR: The operation failed.", fault)
    }
}

fn rsa(fault: Fault) -> Subject {
    board(RSA, &console::RSA, "The command failed.", fault)
}

fn hpblade(fault: Fault) -> Subject {
    board(HPBLADE, &console::HPBLADE, "ERROR: Insufficient privilege.", fault)
}

fn compute_blade(fault: Fault) -> Subject {
    Subject {
        // Its power stands where others have a name.
        list: (1..=4).map(|number| format!("{number},On")).collect(),
        ..board(COMPUTE_BLADE, &console::COMPUTE_BLADE, "Error: rejected.", fault)
    }
}

fn rsb(fault: Fault) -> Subject {
    board(RSB, &console::RSB, "Error: the command is not possible.", fault)
}

fn ilo_mp(fault: Fault) -> Subject {
    let refuses = "status=2\nstatus_tag=COMMAND PROCESSING FAILED\nerror_tag=COMMAND ERROR-UNSPECIFIED";
    board(ILO_MP, &console::ILO_MP, refuses, fault)
}
