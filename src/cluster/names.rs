//! Which agents there are: for people, and for the scripts that install and package them.

use crate::agents::{FAMILIES, LEFT_OUT};

/// A line for each name: the name, its program, the family's package, and whether it is an agent or a check for the
/// watchdog; tabs between them. Scripts read it, so it stays as it is.
pub(super) fn tsv() -> String {
    let mut text = String::new();
    for family in FAMILIES {
        let agents = family.names().map(|(_, name)| (name, "agent"));
        for (name, kind) in agents.chain(family.checks.iter().map(|name| (*name, "check"))) {
            text.push_str(&format!("{name}\t{}\t{}\t{kind}\n", family.program(), family.package));
        }
    }
    text
}

/// The agents by family, for people.
pub(super) fn text() -> String {
    let mut text = String::new();
    for family in FAMILIES {
        text.push_str(&format!("{} (package {})\n", family.title, family.package));
        for (agent, name) in family.names() {
            text.push_str(&format!("  {name:<22} {}\n", agent.shortdesc_as(name)));
        }
    }
    text
}

/// The rows of the table of what is left out, as docs/differences.md has them.
pub(super) fn left_out() -> String {
    LEFT_OUT.iter().map(|(name, reason)| format!("| {name} | {reason} |\n")).collect()
}
