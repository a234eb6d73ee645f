//! One bit a bar: where a condition holds.

/// A set of bar indices, 64 to a word, so that the next one is found without visiting bars.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mask {
    words: Vec<u64>,
    len: usize,
}

impl Mask {
    /// Returns the mask of `len` bars where `holds(index)`.
    pub fn from_fn(len: usize, holds: impl Fn(usize) -> bool) -> Self {
        let words = (0..len.div_ceil(64))
            .map(|word| {
                let first = word * 64;
                (first..len.min(first + 64))
                    .fold(0, |bits, bar| bits | (u64::from(holds(bar)) << (bar - first)))
            })
            .collect();
        Self { words, len }
    }

    /// Returns where `a < b`, and where `a > b`; a `NaN` on either side is neither.
    ///
    /// The shorter column gives the length.
    pub fn compare(a: &[f64], b: &[f64]) -> (Self, Self) {
        let len = a.len().min(b.len());
        let mut below = Vec::with_capacity(len.div_ceil(64));
        let mut above = Vec::with_capacity(len.div_ceil(64));
        for (a, b) in a[..len].chunks(64).zip(b[..len].chunks(64)) {
            let (less, more) = compare_word(a, b);
            below.push(less);
            above.push(more);
        }
        (Self { words: below, len }, Self { words: above, len })
    }

    /// Returns the bars where `before` held on the bar before and `now` holds: a crossing.
    pub fn crossing(before: &Self, now: &Self) -> Self {
        let mut carry = 0;
        let words = before
            .words
            .iter()
            .zip(&now.words)
            .map(|(&was, &is)| {
                let crossed = ((was << 1) | carry) & is;
                carry = was >> 63;
                crossed
            })
            .collect();
        Self { words, len: now.len }
    }

    /// Returns the number of bars, set or not.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there is no bar at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether the bar is in the set; `false` past the end.
    #[inline]
    pub fn get(&self, bar: usize) -> bool {
        self.words.get(bar / 64).is_some_and(|word| word >> (bar % 64) & 1 == 1)
    }

    /// Returns the first bar of the set at or after `from`.
    #[inline]
    pub fn next_from(&self, from: usize) -> Option<usize> {
        let mut index = from / 64;
        let mut word = self.words.get(index)? & (u64::MAX << (from % 64));
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }
}

/// Compares up to 64 pairs.
#[inline]
fn compare_word(a: &[f64], b: &[f64]) -> (u64, u64) {
    let (mut less, mut more) = (0, 0);
    for (bar, (a, b)) in a.iter().zip(b).enumerate() {
        less |= u64::from(a < b) << bar;
        more |= u64::from(a > b) << bar;
    }
    (less, more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_next_bar_is_found_as_by_walking(bits in prop::collection::vec(any::<bool>(), 0..300), from in 0_usize..310) {
            let mask = Mask::from_fn(bits.len(), |i| bits[i]);
            let walked = (from..bits.len()).find(|&i| bits[i]);
            prop_assert_eq!(mask.next_from(from), walked);
            prop_assert!((0..bits.len()).all(|i| mask.get(i) == bits[i]));
        }

        #[test]
        fn a_crossing_needs_both_bars(a in prop::collection::vec(-2_i8..3, 0..200), b in prop::collection::vec(-2_i8..3, 0..200)) {
            let (a, b): (Vec<f64>, Vec<f64>) = a.iter().zip(&b).map(|(&x, &y)| (f64::from(x), f64::from(y))).unzip();
            let (below, above) = Mask::compare(&a, &b);
            let up = Mask::crossing(&below, &above);
            for i in 0..a.len() {
                prop_assert_eq!(up.get(i), i > 0 && a[i - 1] < b[i - 1] && a[i] > b[i]);
            }
        }
    }
}
