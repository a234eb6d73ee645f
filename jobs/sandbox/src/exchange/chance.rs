//! Repeatable chance: every number and id is a digest of the seed and of what it is for.
//!
//! No generator runs along, so a restart, a refused request or another order in between moves
//! nothing: the same seed and the same order give the same ids and the same partial fill.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What chance is derived from besides its purpose: the seed and how often all was reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    /// The seed of the sandbox.
    pub seed: u64,
    /// The number of resets so far, so that ids of an earlier life do not come back.
    pub generation: u32,
}

impl Chance {
    /// Returns a version 4 shaped id for the `number`th thing of `purpose`, named `name`.
    pub fn id(self, purpose: &str, number: u64, name: &str) -> Uuid {
        let digest = self.digest(purpose, number, name);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// Returns a number in 0.0 (inclusive) to 1.0 (exclusive).
    pub fn fraction(self, purpose: &str, number: u64) -> f64 {
        let digest = self.digest(purpose, number, "");
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        // 53 bits are what an f64 holds exactly.
        (u64::from_be_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn digest(self, purpose: &str, number: u64, name: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.generation.to_be_bytes())
            .chain_update(number.to_be_bytes())
            .chain_update(purpose)
            .chain_update([0])
            .chain_update(name)
            .finalize()
            .into()
    }
}
