//! Completion for bash.

use crate::fencing::agent::{Action, Agent};
use crate::fencing::option::Kind;

/// A completion file for one name of an agent.
pub fn bash(agent: &Agent, name: &str) -> String {
    let function = format!("_{name}");
    let long: Vec<_> =
        agent
            .options()
            .map(|option| {
                if option.takes_value() {
                    format!("--{}=", option.long)
                } else {
                    format!("--{}", option.long)
                }
            })
            .collect();
    let actions: Vec<_> = agent.actions.iter().map(|action: &Action| action.name()).collect();
    let mut cases = String::new();
    for option in agent.options() {
        let words = match (option.name, option.kind) {
            ("action", _) => actions.join(" "),
            ("debug_file" | "logfile", _) | (_, Kind::SecretFile) => {
                cases.push_str(&case(option.long, option.short, "compgen -f --"));
                continue;
            }
            (_, Kind::Choice(words)) => words.join(" "),
            (_, Kind::Truth) => "true false".to_owned(),
            _ => continue,
        };
        cases.push_str(&case(option.long, option.short, &format!("compgen -W '{words}' --")));
    }
    format!(
        "# bash completion for {name}\n\
         {function}() {{\n\
         \x20   local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n\
         \x20   COMPREPLY=()\n\
         \x20   # \"=\" breaks words: the option is one word further back.\n\
         \x20   [[ $word == = ]] && word= || {{ [[ $before == = ]] && before=${{COMP_WORDS[COMP_CWORD-2]}}; }}\n\
         \x20   case $before in\n\
         {cases}\
         \x20   esac\n\
         \x20   if [[ $word == -* ]]; then\n\
         \x20       mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\")\n\
         \x20       [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace\n\
         \x20   fi\n\
         }}\n\
         complete -F {function} {name}\n",
        long.join(" ")
    )
}

fn case(long: &str, short: Option<char>, generator: &str) -> String {
    let letter = short.map(|letter| format!("|-{letter}")).unwrap_or_default();
    format!("        --{long}{letter}) mapfile -t COMPREPLY < <({generator} \"$word\"); return ;;\n")
}
