//! How one option is declared.

/// One option of an agent, as it stands in every place at once: argv, stdin, help, metadata, man page.
///
/// Built by the `const` methods below, so that an agent can take a shared option and change what differs.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The name on standard input and in the metadata.
    pub name: &'static str,
    /// The name it had in earlier times: still accepted, shown as deprecated.
    pub old: Option<&'static str>,
    /// The letter on the command line.
    pub short: Option<char>,
    /// The long name on the command line, without dashes.
    pub long: &'static str,
    /// What the metadata shows behind the long name, such as `=[seconds]`. Some options that take a value show
    /// nothing there: what an option takes is told by `kind` alone.
    pub suffix: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Whether the metadata calls the type `string`, whatever the kind: configuration tools know it so.
    pub string_in_metadata: bool,
    /// The default, as the user would write it.
    pub default: Option<&'static str>,
    /// Whether the metadata calls it required.
    pub required: bool,
    /// What it is for: one or two sentences.
    pub text: &'static str,
    /// Accepted so that existing configuration validates, without any effect.
    pub no_effect: bool,
    /// Of an address: a port may stand behind it.
    pub takes_port: bool,
    /// The value is a shell command whose output becomes the value of the option with this name.
    pub fills: Option<&'static str>,
}

/// What values an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Present or not on the command line; a boolean word on standard input.
    Switch,
    /// A boolean word in both places.
    Truth,
    /// Any text.
    Text,
    /// A password or key: any bytes, held as a [`Secret`](crate::base::Secret) from the moment it is read.
    Secret,
    /// The path of a file that holds a password or key. The path may be shown; the content is held as a
    /// [`Secret`](crate::base::Secret) from the moment it is read.
    SecretFile,
    /// A whole number within these bounds.
    Integer {
        /// The smallest allowed.
        min: u32,
        /// The largest allowed.
        max: u32,
    },
    /// A time in whole seconds.
    Seconds,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
}

impl Opt {
    /// An option with a long name and a text; the rest is set by the methods below.
    pub const fn new(name: &'static str, long: &'static str, kind: Kind, text: &'static str) -> Opt {
        Opt {
            name,
            old: None,
            short: None,
            long,
            suffix: "",
            kind,
            string_in_metadata: false,
            default: None,
            required: false,
            text,
            no_effect: false,
            takes_port: false,
            fills: None,
        }
    }

    /// With this letter on the command line.
    pub const fn short(mut self, letter: char) -> Opt {
        self.short = Some(letter);
        self
    }

    /// With this behind the long name in the metadata.
    pub const fn suffix(mut self, suffix: &'static str) -> Opt {
        self.suffix = suffix;
        self
    }

    /// With this earlier name.
    pub const fn old(mut self, name: &'static str) -> Opt {
        self.old = Some(name);
        self
    }

    /// With this default.
    pub const fn default(mut self, value: &'static str) -> Opt {
        self.default = Some(value);
        self
    }

    /// Called required in the metadata.
    pub const fn required(mut self) -> Opt {
        self.required = true;
        self
    }

    /// Called a string in the metadata.
    pub const fn string_in_metadata(mut self) -> Opt {
        self.string_in_metadata = true;
        self
    }

    /// With another text.
    pub const fn text(mut self, text: &'static str) -> Opt {
        self.text = text;
        self
    }

    /// Accepted, without effect.
    pub const fn no_effect(mut self) -> Opt {
        self.no_effect = true;
        self
    }

    /// An address behind which a port may stand.
    pub const fn takes_port(mut self) -> Opt {
        self.takes_port = true;
        self
    }

    /// A shell command that prints the value of the option with this name.
    pub const fn fills(mut self, name: &'static str) -> Opt {
        self.fills = Some(name);
        self
    }

    /// Whether a value follows on the command line.
    pub fn takes_value(&self) -> bool {
        self.kind != Kind::Switch
    }

    /// Whether the value must never be shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// The type as the metadata names it.
    pub fn metadata_type(&self) -> &'static str {
        if self.string_in_metadata {
            return "string";
        }
        match self.kind {
            Kind::Switch => "boolean",
            Kind::Truth | Kind::Text | Kind::Secret | Kind::SecretFile => "string",
            Kind::Integer { .. } => "integer",
            Kind::Seconds => "second",
            Kind::Choice(_) => "select",
        }
    }

    /// Both command line forms, as the metadata shows them: `-a, --ip=[ip]`.
    pub fn getopt(&self) -> String {
        match self.short {
            Some(letter) => format!("-{letter}, --{}{}", self.long, self.suffix),
            None => format!("--{}{}", self.long, self.suffix),
        }
    }
}
