//! How long a failed job waits: exponential, with full jitter and a cap.

use std::time::Duration;

use rand::Rng;

/// An exponential backoff with full jitter.
///
/// The wait after failure `n` (from 1) is uniform in `[floor, min(cap, base · 2^(n-1))]`.
/// Source: Brooker (2015), "Exponential Backoff and Jitter", AWS Architecture Blog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The largest wait after the first failure.
    pub base: Duration,
    /// The largest wait of all.
    pub cap: Duration,
}

/// No retry comes sooner: a wait drawn as zero would spin.
const FLOOR: Duration = Duration::from_millis(50);

impl Backoff {
    /// Returns the largest wait after `failures` failures.
    pub fn ceiling(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(40);
        let factor = 1_u64 << doublings;
        let base = u64::try_from(self.base.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(base.saturating_mul(factor)).min(self.cap).max(FLOOR)
    }

    /// Draws the wait after `failures` failures.
    pub fn delay(&self, failures: u32, rng: &mut impl Rng) -> Duration {
        let ceiling = self.ceiling(failures);
        FLOOR + ceiling.saturating_sub(FLOOR).mul_f64(rng.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) };

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let seconds = |n| BACKOFF.ceiling(n).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 1_000_000].map(seconds), [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn delays_spread_over_the_whole_range() {
        let mut rng = rand::rng();
        let delays: Vec<_> = (0..2000).map(|_| BACKOFF.delay(5, &mut rng)).collect();
        assert!(delays.iter().all(|d| (FLOOR..=Duration::from_secs(16)).contains(d)));
        assert!(delays.iter().any(|d| d.as_secs() < 2) && delays.iter().any(|d| d.as_secs() >= 14));
    }
}
