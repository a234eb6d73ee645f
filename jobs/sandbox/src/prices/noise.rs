//! Repeatable noise: the same words give the same numbers on every machine.

use sha2::{Digest, Sha256};

/// A stream of numbers that depends on nothing but its words. Source: Steele, Lea, Flood (2014),
/// "Fast splittable pseudorandom number generators", the generator SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Noise(u64);

impl Noise {
    /// Returns the stream of `seed` and `words`.
    pub(crate) fn of(seed: u64, words: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        for word in words {
            hash.update(word.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// Returns the stream of `number`, for those who need many streams quickly.
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// Returns the next number from 0 to `limit`, which is above 0, exclusive.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Returns the next number from 0 to 1, exclusive.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns the next number of mean 0 and deviation 1: a sum of uniform ones, whose tails end.
    pub(crate) fn bell(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 3.0_f64.sqrt()
    }
}

/// Returns a number that looks unrelated to `number`.
pub(crate) fn scramble(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
