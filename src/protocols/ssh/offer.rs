//! What the other side offers, read from its first words: the library doesn't tell when nothing of it suits.

use super::algorithms::{NEGOTIATED, Purpose};
use crate::base::Told;

/// How many bytes from the beginning of a connection are kept: the greeting and the message with the offer (RFC 4253, 6.1:
/// messages of 32768 bytes must be possible, and this one has less than 4096 everywhere).
pub(super) const KEPT: usize = 16 * 1024;

/// SSH_MSG_KEXINIT (RFC 4253, 7.1).
const KEXINIT: u8 = 20;
const COOKIE: usize = 16;

/// The lists of algorithms that the other side offers, where its first bytes hold them: those that are negotiated, in
/// this order.
pub(super) fn read(bytes: &[u8]) -> Option<Vec<(Purpose, Vec<String>)>> {
    let packet = after_greeting(bytes)?;
    let (length, rest) = packet.split_first_chunk()?;
    let whole = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let (padding, whole) = whole.split_first()?;
    let payload = whole.get(..whole.len().checked_sub(usize::from(*padding))?)?;
    let (KEXINIT, rest) = payload.split_first().map(|(kind, rest)| (*kind, rest))? else { return None };
    let mut rest = rest.get(COOKIE..)?;
    // Each direction has its own list of ciphers and MACs: what is offered to us comes second.
    let mut list = || {
        let (length, after) = rest.split_first_chunk()?;
        let (names, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        rest = after;
        let names = std::str::from_utf8(names).ok()?.split(',').filter(|name| !name.is_empty());
        Some(names.map(str::to_owned).collect())
    };
    let (kex, host_keys, _, ciphers, _, macs) = (list()?, list()?, list()?, list()?, list()?, list()?);
    Some(NEGOTIATED.into_iter().zip([kex, host_keys, ciphers, macs]).collect())
}

/// What follows the line with which SSH begins, before which others may stand (RFC 4253, 4.2).
fn after_greeting(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at_checked(end.saturating_add(1))?;
        rest = after;
        if line.starts_with(b"SSH-") {
            return Some(rest);
        }
    }
}

/// In words: for each purpose without a common algorithm what the device has, and the option that allows it.
pub(super) fn explain(theirs: &[(Purpose, Vec<String>)], ours: &[(Purpose, Vec<String>)]) -> Option<Told> {
    let mut told = Vec::new();
    for (purpose, names) in theirs {
        let mine = ours.iter().find(|(of, _)| of == purpose).map(|(_, names)| names);
        if mine.is_none_or(|mine| mine.iter().any(|name| names.contains(name))) {
            continue;
        }
        let option = purpose.option();
        let has = names.iter().find(|name| purpose.has(name));
        told.push(match has {
            Some(name) => format!(
                "it offers {} for {option}, which ssh_options allows with -o {option}=+{name}",
                names.join(",")
            ),
            None => format!("it offers {} for {option}, which is not supported", names.join(",")),
        });
    }
    (!told.is_empty()).then(|| Told::new(told.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kexinit(lists: &[&str]) -> Vec<u8> {
        let mut payload = vec![KEXINIT];
        payload.extend([7; COOKIE]);
        for list in lists {
            payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
            payload.extend(list.as_bytes());
        }
        payload.extend([0; 5]);
        let padding = 4;
        let length = u32::try_from(1 + payload.len() + padding).unwrap();
        let mut bytes = b"Welcome\r\nSSH-2.0-old\r\n".to_vec();
        bytes.extend(length.to_be_bytes());
        bytes.push(4);
        bytes.extend(payload);
        bytes.extend([0; 4]);
        bytes
    }

    #[test]
    fn what_an_old_device_offers_is_told_with_what_allows_it() {
        let lists = [
            "diffie-hellman-group1-sha1",
            "ssh-dss,ssh-rsa",
            "x",
            "3des-cbc,rot13",
            "x",
            "hmac-sha1",
            "",
            "",
            "",
            "",
        ];
        let offer = read(&kexinit(&lists)).unwrap();
        let ours: Vec<_> = NEGOTIATED
            .into_iter()
            .map(|of| (of, super::super::algorithms::offer(of, Default::default(), None)))
            .collect();
        let told = explain(&offer, &ours).unwrap().to_string();
        for part in [
            "KexAlgorithms=+diffie-hellman-group1-sha1",
            "HostKeyAlgorithms=+ssh-dss",
            "3des-cbc,rot13",
            "Ciphers=+3des-cbc",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("MACs"), "{told}");
        assert_eq!(explain(&offer, &offer), None);
    }

    #[test]
    fn bytes_that_are_no_offer_are_none_however_short() {
        let whole = kexinit(&["a"; 10]);
        for length in 0..whole.len() - 1 {
            assert_eq!(read(&whole[..length]), None, "{length}");
        }
        assert_eq!(read(b"SSH-2.0-x\r\n\xff\xff\xff\xff\xff"), None);
    }
}
