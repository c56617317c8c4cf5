//! The help on the command line.

use crate::fencing::agent::Agent;
use crate::fencing::option::{Kind, Opt};
use crate::fencing::{options, terminal};

/// How wide a line may be.
const WIDTH: usize = 80;

/// Where the description of an option begins.
const INDENT: usize = 30;

/// What an option's value looks like to a reader.
pub(crate) fn placeholder(option: &Opt) -> Option<String> {
    let word = option.suffix.trim_start_matches('=').trim_matches(['[', ']', '<', '>']);
    match (option.takes_value(), word) {
        (false, _) => None,
        (true, "") => Some("value".to_owned()),
        (true, word) => Some(word.to_owned()),
    }
}

/// The part of an option's text that tells its choices and its default.
pub(crate) fn facts(agent: &Agent, name: &str, option: &Opt) -> Option<String> {
    let choices = match option.kind {
        Kind::Choice(words) => Some(format!("one of {}", words.join(", "))),
        _ => None,
    };
    let default = agent
        .default_as(name, option)
        .filter(|_| option.takes_value())
        .map(|default| format!("default {default}"));
    match (choices, default) {
        (Some(choices), Some(default)) => Some(format!("{choices}; {default}")),
        (choices, default) => choices.or(default),
    }
}

/// The groups in which the options are shown: those of the agent first, as they are what a reader looks for.
pub(crate) fn groups(agent: &Agent) -> [(&'static str, Vec<&'static Opt>); 3] {
    let is_common = |option: &Opt| COMMON.iter().copied().flatten().any(|common| common.name == option.name);
    let (idle, effective): (Vec<&Opt>, Vec<&Opt>) = agent.options().partition(|option| option.no_effect);
    let (common, own) = effective.into_iter().partition(|option| is_common(option));
    [("Device and action", own), ("Times, output and the rest", common), ("Accepted without effect", idle)]
}

/// What few readers look for.
const COMMON: [&[Opt]; 2] = [options::LISTING, options::COMMON];

/// The help of an agent under one of its names; its headings stand out where it is shown with colours.
pub fn text(agent: &Agent, name: &str, colourful: bool) -> String {
    let heading = |text: &str| terminal::heading(text, colourful);
    let mut text = format!("{}: {}\n\n", heading(name), agent.shortdesc_as(name));
    text.push_str(&format!("{} {name} [options]\n", heading("Usage:")));
    text.push_str(&wrapped(
        "Without any argument, options are read from standard input as name=value lines.",
        0,
    ));
    let actions: Vec<_> = agent.actions.iter().map(|action| action.name()).collect();
    text.push_str(&format!(
        "\n{} (-o, --action; default {})\n",
        heading("Actions:"),
        agent.default_action.name()
    ));
    text.push_str(&wrapped(&actions.join(", "), 3));
    for (title, options) in groups(agent) {
        if options.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", heading(&format!("{title}:"))));
        for option in options {
            text.push_str(&entry(agent, name, option));
        }
    }
    text.push_str(&format!("\n{}\n", heading("Examples:")));
    for line in examples(agent, name) {
        text.push_str(&format!("   {line}\n"));
    }
    text.push_str(&format!("\n{}\n", heading("Exit codes:")));
    text.push_str(&wrapped(
        "0 done, or the state is on; 2 the state is off; 1 anything else, with the reason on stderr. doctor: 0 all is well, 3 there are warnings, 1 fencing would fail",
        3,
    ));
    text
}

fn entry(agent: &Agent, name: &str, option: &Opt) -> String {
    let letter = option.short.map_or("    ".to_owned(), |letter| format!("-{letter}, "));
    let value = placeholder(option).map(|word| format!("={}", word.to_uppercase())).unwrap_or_default();
    let head = format!("   {letter}--{}{value}", option.long);
    let facts = facts(agent, name, option).map(|facts| format!(" ({facts})")).unwrap_or_default();
    let body = wrapped(&format!("{}{facts}", option.text), INDENT);
    // The description begins beside the name where there is room, below it otherwise.
    match head.chars().count() {
        length if length.saturating_add(2) <= INDENT => {
            format!("{head}{}{}", " ".repeat(INDENT.saturating_sub(length)), body.trim_start())
        }
        _ => format!("{head}\n{body}"),
    }
}

/// Commands that a reader can adapt.
pub(crate) fn examples(agent: &Agent, name: &str) -> Vec<String> {
    agent.examples.iter().map(|example| format!("{name} {example}")).collect()
}

/// Words in lines no wider than [`WIDTH`], each indented.
pub(crate) fn wrapped(words: &str, indent: usize) -> String {
    let mut text = String::new();
    for paragraph in words.split('\n') {
        let mut line = " ".repeat(indent);
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            if !empty && line.chars().count().saturating_add(word.chars().count()) >= WIDTH {
                text.push_str(line.trim_end());
                text.push('\n');
                line = " ".repeat(indent);
            }
            line.push_str(word);
            line.push(' ');
            empty = false;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
