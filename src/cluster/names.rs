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

/// The rows of the table of agents, as README.md has them: the agent, its other names, what it is for, its package.
pub(super) fn table() -> String {
    let mut text = String::new();
    for family in FAMILIES {
        for agent in family.agents {
            let own = format!("{}_", agent.name);
            let checks: Vec<&str> =
                family.checks.iter().copied().filter(|name| name.starts_with(&own)).collect();
            let mut others: Vec<String> =
                agent.names().filter(|name| *name != agent.name).map(str::to_owned).collect();
            if !checks.is_empty() {
                others.push(format!("in /usr/share/cluster: {}", checks.join(", ")));
            }
            let others = match others.is_empty() {
                true => " ".to_owned(),
                false => format!(" {} ", others.join(", ")),
            };
            let purpose = agent.shortdesc_as(agent.name);
            let purpose = purpose.strip_prefix("Fence agent for ").unwrap_or(purpose);
            text.push_str(&format!("| {} |{others}| {purpose} | {} |\n", agent.name, family.package));
        }
    }
    text
}

/// The rows of the table of what is left out, as docs/differences.md has them.
pub(super) fn left_out() -> String {
    LEFT_OUT.iter().map(|(name, reason)| format!("| {name} | {reason} |\n")).collect()
}
