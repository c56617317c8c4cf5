//! Which algorithms are offered. Those that were given up for being weak are compiled in, because many a device has no
//! others, and offered only where somebody asks for them.

use super::pattern;

/// What an algorithm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The exchange of keys.
    Kex,
    /// The key that the device proves itself with.
    HostKey,
    /// The encryption.
    Cipher,
    /// The protection against changes.
    Mac,
    /// The signature with a key of the user.
    PublicKey,
}

/// The purposes, as far as they are negotiated.
pub(super) const NEGOTIATED: [Purpose; 4] = [Purpose::Kex, Purpose::HostKey, Purpose::Cipher, Purpose::Mac];

/// One purpose: what is offered by itself, the best first (as OpenSSH 9.2 offers it), and what must be asked for.
struct Known {
    purpose: Purpose,
    /// The option of ssh_config(5).
    option: &'static str,
    usual: &'static [&'static str],
    old: &'static [&'static str],
}

const KNOWN: &[Known] = &[
    Known {
        purpose: Purpose::Kex,
        option: "KexAlgorithms",
        usual: &[
            "curve25519-sha256",
            "curve25519-sha256@libssh.org",
            "ecdh-sha2-nistp256",
            "ecdh-sha2-nistp384",
            "ecdh-sha2-nistp521",
            "diffie-hellman-group-exchange-sha256",
            "diffie-hellman-group16-sha512",
            "diffie-hellman-group18-sha512",
            "diffie-hellman-group14-sha256",
            "mlkem768x25519-sha256",
        ],
        old: &[
            "diffie-hellman-group14-sha1",
            "diffie-hellman-group-exchange-sha1",
            "diffie-hellman-group1-sha1",
        ],
    },
    Known {
        purpose: Purpose::HostKey,
        option: "HostKeyAlgorithms",
        usual: &[
            "ssh-ed25519",
            "ecdsa-sha2-nistp256",
            "ecdsa-sha2-nistp384",
            "ecdsa-sha2-nistp521",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ],
        old: &["ssh-rsa", "ssh-dss"],
    },
    Known {
        purpose: Purpose::Cipher,
        option: "Ciphers",
        usual: &[
            "chacha20-poly1305@openssh.com",
            "aes128-ctr",
            "aes192-ctr",
            "aes256-ctr",
            "aes128-gcm@openssh.com",
            "aes256-gcm@openssh.com",
        ],
        old: &["aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"],
    },
    Known {
        purpose: Purpose::Mac,
        option: "MACs",
        usual: &[
            "hmac-sha2-256-etm@openssh.com",
            "hmac-sha2-512-etm@openssh.com",
            "hmac-sha1-etm@openssh.com",
            "hmac-sha2-256",
            "hmac-sha2-512",
            "hmac-sha1",
        ],
        old: &["hmac-sha1-96", "hmac-md5", "hmac-md5-96"],
    },
    Known {
        purpose: Purpose::PublicKey,
        option: "PubkeyAcceptedAlgorithms",
        usual: &[
            "ssh-ed25519",
            "ecdsa-sha2-nistp256",
            "ecdsa-sha2-nistp384",
            "ecdsa-sha2-nistp521",
            "rsa-sha2-512",
            "rsa-sha2-256",
        ],
        old: &["ssh-rsa", "ssh-dss"],
    },
];

/// Whether old algorithms are offered beside the others, for want of anything better at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legacy {
    /// Only those that the options name.
    #[default]
    No,
    /// All that there are, behind the others.
    Offered,
}

impl Purpose {
    fn known(self) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.purpose == self)
    }

    /// Its option in ssh_config(5).
    pub fn option(self) -> &'static str {
        self.known().map_or("", |known| known.option)
    }

    fn offered(self, legacy: Legacy) -> Vec<String> {
        let Some(known) = self.known() else { return Vec::new() };
        let old = if legacy == Legacy::Offered { known.old } else { &[] };
        known.usual.iter().chain(old).map(|name| (*name).to_owned()).collect()
    }

    /// Whether we have an algorithm of this name.
    pub(super) fn has(self, name: &str) -> bool {
        self.known().is_some_and(|known| known.usual.contains(&name) || known.old.contains(&name))
    }
}

/// What an option makes of the list that is offered by itself (ssh_config(5), KexAlgorithms).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These take its place.
    Only(Vec<String>),
    /// `+`: these are added.
    Add(Vec<String>),
    /// `-`: what fits these patterns goes.
    Remove(Vec<String>),
    /// `^`: these come first.
    First(Vec<String>),
}

impl Change {
    /// Reads a list. Algorithms that we don't have are left out, as long as something remains to be done.
    ///
    /// # Errors
    /// We have none of them: what is wrong, in words.
    pub(super) fn parse(purpose: Purpose, text: &str) -> Result<Change, String> {
        let (kind, list) = match text.chars().next() {
            Some(sign @ ('+' | '-' | '^')) => (sign, text.get(1..).unwrap_or_default()),
            _ => (' ', text),
        };
        let names = || list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        if kind == '-' {
            return Ok(Change::Remove(names().collect()));
        }
        let ours: Vec<String> = names().filter(|name| purpose.has(name)).collect();
        match kind {
            _ if ours.is_empty() => {
                Err(format!("no algorithm of \"{list}\" is known for {}", purpose.option()))
            }
            '+' => Ok(Change::Add(ours)),
            '^' => Ok(Change::First(ours)),
            _ => Ok(Change::Only(ours)),
        }
    }
}

/// What is offered for a purpose, the best first.
pub(super) fn offer(purpose: Purpose, legacy: Legacy, change: Option<&Change>) -> Vec<String> {
    let mut offered = purpose.offered(legacy);
    match change {
        None => {}
        Some(Change::Only(names)) => offered.clone_from(names),
        Some(Change::Add(names)) => offered.extend(names.iter().cloned()),
        Some(Change::Remove(patterns)) => {
            offered.retain(|name| !patterns.iter().any(|pattern| pattern::fits(pattern, name)));
        }
        Some(Change::First(names)) => {
            offered = names.iter().cloned().chain(offered).collect();
        }
    }
    let mut seen = Vec::new();
    offered.retain(|name| {
        let new = !seen.contains(name);
        seen.push(name.clone());
        new
    });
    offered
}

/// The key that an algorithm signs with: RSA has several for one.
pub(super) fn key_type(algorithm: &str) -> &str {
    match algorithm {
        "rsa-sha2-512" | "rsa-sha2-256" => "ssh-rsa",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(purpose: Purpose, legacy: Legacy, text: &str) -> Vec<String> {
        let change = (!text.is_empty()).then(|| Change::parse(purpose, text).unwrap());
        offer(purpose, legacy, change.as_ref())
    }

    #[test]
    fn nothing_old_is_offered_unless_it_was_asked_for() {
        for known in KNOWN {
            let usual = offered(known.purpose, Legacy::No, "");
            assert!(usual.iter().all(|name| !known.old.contains(&name.as_str())), "{usual:?}");
            let all = offered(known.purpose, Legacy::Offered, "");
            assert_eq!(all[..usual.len()], usual, "the old ones come last");
            assert_eq!(all.len(), known.usual.len() + known.old.len());
        }
    }

    #[test]
    fn a_list_is_taken_as_ssh_takes_it() {
        let kex = |text| offered(Purpose::Kex, Legacy::No, text);
        let usual = kex("");
        assert_eq!(kex("diffie-hellman-group1-sha1"), ["diffie-hellman-group1-sha1"]);
        assert_eq!(
            kex("+diffie-hellman-group1-sha1"),
            [&usual[..], &["diffie-hellman-group1-sha1".into()]].concat()
        );
        assert_eq!(kex("^ecdh-sha2-nistp521")[0], "ecdh-sha2-nistp521");
        assert_eq!(kex("^ecdh-sha2-nistp521").len(), usual.len());
        assert_eq!(kex("+curve25519-sha256"), usual);
        assert!(
            kex("-ecdh-*,curve*").iter().all(|name| !name.starts_with("ecdh") && !name.starts_with("curve"))
        );
    }

    #[test]
    fn names_that_nobody_knows_are_left_out_and_not_all_may_be() {
        let macs = offered(Purpose::Mac, Legacy::No, "umac-64@openssh.com,hmac-md5");
        assert_eq!(macs, ["hmac-md5"]);
        let error = Change::parse(Purpose::Cipher, "+blowfish").unwrap_err();
        assert!(error.contains("\"blowfish\"") && error.contains("Ciphers"), "{error}");
        Change::parse(Purpose::Cipher, "").unwrap_err();
    }
}
