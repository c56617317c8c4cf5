//! Random numbers: session ids, sequence numbers, tags, challenges.

use super::error::Error;

/// Random bytes from the system.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut random = [0; N];
    getrandom::fill(&mut random).map_err(|_| Error::NoRandomness)?;
    Ok(random)
}

/// A random number that is not 0, as session ids must be.
pub(super) fn id() -> Result<u32, Error> {
    Ok(u32::from_le_bytes(bytes()?).max(1))
}
