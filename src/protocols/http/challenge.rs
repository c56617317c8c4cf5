//! What a service answers to whom it doesn't know: its challenges (RFC 9110, 11.6.1).

/// The most challenges, and parameters of one, that are read.
const MOST: usize = 32;

/// One challenge: a scheme and its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// All challenges in the values of WWW-Authenticate. Commas stand between challenges as between parameters; what
    /// has no `=` behind it begins a challenge. Values that are none of this end where they stop making sense.
    pub(super) fn read<'a>(values: impl Iterator<Item = &'a str>) -> Vec<Challenge> {
        let mut found: Vec<Challenge> = Vec::new();
        for value in values {
            let mut rest = value;
            loop {
                rest = rest.trim_start_matches([' ', '\t', ',']);
                let (word, after) = token(rest);
                if word.is_empty() || found.len() > MOST {
                    break;
                }
                match after.trim_start().strip_prefix('=') {
                    // The padding of a token68 is no parameter.
                    Some(after) if !after.starts_with('=') => {
                        let Some((text, after)) = parameter_value(after.trim_start()) else { break };
                        if let Some(challenge) = found.last_mut().filter(|last| last.parameters.len() < MOST)
                        {
                            challenge.parameters.push((word.to_ascii_lowercase(), text));
                        }
                        rest = after;
                    }
                    Some(after) => rest = after.trim_start_matches('='),
                    None => {
                        found.push(Challenge { scheme: word.to_owned(), parameters: Vec::new() });
                        rest = after;
                    }
                }
            }
        }
        found
    }

    /// The parameters alone, as Authentication-Info has them (RFC 7616, 3.5).
    pub(super) fn parameters_of(value: &str) -> Challenge {
        Challenge::read(std::iter::once(format!("Info {value}").as_str()))
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    /// Whether it is of this scheme.
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The value of a parameter; the name in small letters.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The token that a text begins with (RFC 9110, 5.6.2), and what follows.
fn token(text: &str) -> (&str, &str) {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
    let end = text.find(|c: char| !fits(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// The value of a parameter, quoted or not, and what follows; `None` where the quotes have no end.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(inside) = text.strip_prefix('"') else {
        let (word, after) = token(text);
        return Some((word.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return inside.get(at + 1..).map(|after| (value, after)),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Vec<(String, Vec<(String, String)>)> {
        let all = Challenge::read(values.iter().copied());
        all.into_iter().map(|challenge| (challenge.scheme, challenge.parameters)).collect()
    }

    fn one(scheme: &str, parameters: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        let owned = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        (scheme.to_owned(), owned.collect())
    }

    #[test]
    fn challenges_stand_in_one_value_or_in_several() {
        let newauth = one("Newauth", &[("realm", "apps"), ("type", "1"), ("title", "Login to \"apps\"")]);
        let basic = one("Basic", &[("realm", "simple")]);
        // RFC 9110, 11.6.1.
        let value = r#"Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\"""#;
        assert_eq!(read(&[value]), [basic.clone(), newauth.clone()]);
        let values =
            [r#"Newauth realm="apps" , Type = 1,title="Login to \"apps\"""#, r#"basic realm="simple""#];
        assert_eq!(read(&values), [newauth, one("basic", &[("realm", "simple")])]);
        assert_eq!(read(&["Negotiate", "NTLM"]), [one("Negotiate", &[]), one("NTLM", &[])]);
        assert_eq!(read(&["Negotiate YWJj==, Basic realm=\"simple\""]).last(), Some(&basic));
    }

    #[test]
    fn what_makes_no_sense_ends_there() {
        for value in ["", ",,, ,", "=", "\"x\"", "\u{fc}"] {
            assert_eq!(read(&[value]), [], "{value}");
        }
        assert_eq!(read(&["Digest realm=\"x"]), [one("Digest", &[])]);
        assert_eq!(read(&["Digest realm=\"x\\"]), [one("Digest", &[])]);
        assert_eq!(read(&["realm=\"x\""]), []);
        assert!(read(&[&"Basic ".repeat(100_000)]).len() <= MOST + 1);
    }

    #[test]
    fn information_after_the_fact_has_parameters_alone() {
        let info = Challenge::parameters_of("nextnonce=\"abc\", qop=auth, rspauth=\"0\"");
        assert_eq!((info.parameter("nextnonce"), info.parameter("none")), (Some("abc"), None));
    }
}
