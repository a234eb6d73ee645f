//! SplitMix64: a small, seedable generator with the same numbers on every machine.
//!
//! Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA
//! 2014), with the output mix of Vigna's public-domain reference. Not for secrets.

/// The generator's state.
#[derive(Debug, Clone)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    /// Returns a generator whose numbers depend on `text`, `seed` and `version` only.
    ///
    /// The text is folded in with 64-bit FNV-1a.
    pub(super) fn seeded(text: &str, seed: u64, version: u64) -> Self {
        let folded = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut generator = Self(folded ^ seed);
        generator.0 = generator.next() ^ version;
        generator
    }

    /// Returns the next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 to `below - 1`; `below` is more than zero.
    ///
    /// The widening product of Lemire (2019) without rejection: its bias, at most
    /// `below / 2^64`, is far below what any use here could notice.
    pub(super) fn below(&mut self, below: usize) -> usize {
        let product = u128::from(self.next()) * below as u128;
        usize::try_from(product >> 64).expect("the quotient is below `below`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        let mut generator = SplitMix64(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423_u64];
        assert_eq!([generator.next(), generator.next(), generator.next()], expected);
    }

    #[test]
    fn each_part_of_the_seed_matters() {
        let first = |text, seed, version| SplitMix64::seeded(text, seed, version).next();
        let base = first("AAPL", 1, 1);
        assert!(base != first("MSFT", 1, 1) && base != first("AAPL", 2, 1) && base != first("AAPL", 1, 2));
        assert_eq!(base, first("AAPL", 1, 1));
    }

    #[test]
    fn bounded_numbers_stay_in_bounds() {
        let mut generator = SplitMix64(7);
        for below in 1..2_000 {
            assert!(generator.below(below) < below);
        }
    }
}
