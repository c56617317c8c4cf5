//! The man page, section 8, in the man macro language of roff.

use crate::fencing::agent::Agent;
use crate::fencing::help;
use crate::fencing::option::Opt;

/// The man page of an agent under one of its names.
pub fn roff(agent: &Agent, name: &str) -> String {
    let mut page = String::with_capacity(16 * 1024);
    let version = env!("CARGO_PKG_VERSION");
    page.push_str(&format!(
        ".TH {} 8 \"\" \"fence-agents-rs {version}\" \"Fence agents\"\n",
        name.to_uppercase()
    ));
    page.push_str(&format!(".SH NAME\n{} \\- {}\n", escaped(name), escaped(agent.shortdesc_as(name))));
    page.push_str(&format!(".SH SYNOPSIS\n.B {}\n[\\fIoption\\fR...]\n", escaped(name)));
    page.push_str(".SH DESCRIPTION\n");
    for paragraph in agent.longdesc.split("\n\n") {
        page.push_str(&format!(".PP\n{}\n", escaped(paragraph)));
    }
    page.push_str(&format!(
        ".PP\nWith any argument, options come from the command line only. Without, they are read from standard \
         input as \\fIname\\fR=\\fIvalue\\fR lines, as cluster managers send them; the names are those given in \
         parentheses below. The default action is {}.\n",
        agent.default_action.name()
    ));
    page.push_str(".SH ACTIONS\n");
    let actions: Vec<_> =
        agent.actions.iter().map(|action| format!("\\fB{}\\fR", escaped(action.name()))).collect();
    page.push_str(&format!("{}.\n", actions.join(", ")));
    for (title, options) in help::groups(agent) {
        if options.is_empty() {
            continue;
        }
        page.push_str(&format!(".SH {}\n", title.to_uppercase()));
        for option in options {
            page.push_str(&entry(agent, name, option));
        }
    }
    page.push_str(
        ".SH EXIT STATUS\n.TP\n.B 0\nThe action is done and verified, or the state is on.\n.TP\n.B 1\nAnything \
         else; the reason is on standard error and in syslog.\n.TP\n.B 2\nThe state is off (action status).\n.TP\n.B 3\nThere are warnings, \
         and fencing would work (action doctor, for which 0 is that all is well).\n",
    );
    page.push_str(".SH EXAMPLES\n");
    for example in help::examples(agent, name) {
        page.push_str(&format!(".PP\n.nf\n{}\n.fi\n", escaped(&example)));
    }
    let others: Vec<_> = agent.names().filter(|other| *other != name).collect();
    if !others.is_empty() {
        page.push_str(".SH OTHER NAMES\nThe same program with defaults of its own for each: ");
        page.push_str(
            &others
                .iter()
                .map(|other| format!("\\fB{}\\fR(8)", escaped(other)))
                .collect::<Vec<_>>()
                .join(", "),
        );
        page.push_str(".\n");
    }
    page.push_str(
        ".SH SEE ALSO\nIn the directory of the documentation, such as /usr/share/doc/fence\\-agents\\-rs: \
         docs/migrate.md (from the Python agents and back), docs/troubleshooting.md (each message, and what to do), \
         docs/differences.md, docs/doctor.md (explain, doctor, expect options), docs/evidence.md. \\fBfencing\\fR(8), \\fBstonith_admin\\fR(8), \\fBpcs\\fR(8), \\fBcrm\\fR(8).\n",
    );
    page
}

fn entry(agent: &Agent, name: &str, option: &Opt) -> String {
    let letter = option.short.map(|letter| format!("\\fB\\-{letter}\\fR, ")).unwrap_or_default();
    let value =
        help::placeholder(option).map(|word| format!("=\\fI{}\\fR", escaped(&word))).unwrap_or_default();
    let old = option.old.map(|old| format!(", earlier {}", escaped(old))).unwrap_or_default();
    let facts =
        help::facts(agent, name, option).map(|facts| format!(" ({})", escaped(&facts))).unwrap_or_default();
    format!(
        ".TP\n{letter}\\fB\\-\\-{}\\fR{value} ({}{old})\n{}{facts}.\n",
        escaped(option.long),
        escaped(option.name),
        escaped(option.text.trim_end_matches('.')),
    )
}

/// Text in which roff finds no commands: dashes as typed, backslashes shown, no dot or quote at a line's start.
fn escaped(text: &str) -> String {
    let plain = text.replace('\\', "\\e").replace('-', "\\-").replace('\n', " ");
    match plain.chars().next() {
        Some('.' | '\'') => format!("\\&{plain}"),
        _ => plain,
    }
}
