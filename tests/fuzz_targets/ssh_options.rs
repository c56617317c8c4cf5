//! What a user writes into ssh_options.

use fence_agents::protocols::ssh::{Options, Purpose};

const PURPOSES: [Purpose; 5] =
    [Purpose::Kex, Purpose::HostKey, Purpose::Cipher, Purpose::Mac, Purpose::PublicKey];

/// Reads options; what is wrong with them is one short line.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Options::parse(text) {
        Ok(options) => {
            assert_eq!(Options::parse(text).as_ref(), Ok(&options));
            assert_ne!(options.port, Some(0));
            assert!(
                PURPOSES.iter().filter(|of| options.change(**of).is_some()).count()
                    == options.algorithms.len()
            );
            // What comes later changes nothing that was said, and what nobody knows is never passed over.
            let more = Options::parse(&format!("{text} -o NoSuchOption=1"));
            assert!(more.is_err() || text.contains("/bin/bash"), "passed over");
        }
        Err(error) => {
            let told = error.to_string();
            assert!(told.chars().count() < 500 && !told.chars().any(char::is_control), "{told:?}");
        }
    }
}
