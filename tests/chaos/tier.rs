//! How much chaos, and from which seed.

use std::{env, io::Write, sync::LazyLock};

use rand::{SeedableRng, rngs::StdRng};

/// How long and how hard to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    Small,
    Full,
}

struct Chosen {
    tier: Tier,
    seed: u64,
}

static CHOSEN: LazyLock<Chosen> = LazyLock::new(|| {
    let tier = match env::var("CAPSTAN_CHAOS").as_deref() {
        Ok("full") => Tier::Full,
        Ok("small") | Err(_) => Tier::Small,
        Ok(other) => panic!("CAPSTAN_CHAOS={other:?} is neither small nor full"),
    };
    let seed = match env::var("CAPSTAN_CHAOS_SEED") {
        Ok(seed) => seed.parse().expect("CAPSTAN_CHAOS_SEED is a number"),
        Err(_) => u64::from(rand::random::<u32>()),
    };
    say(&format!("{tier:?} tier; repeat with CAPSTAN_CHAOS_SEED={seed}"));
    Chosen { tier, seed }
});

/// Returns `small` or `full`, whichever is for the tier.
pub(super) fn sized<T>(small: T, full: T) -> T {
    match CHOSEN.tier {
        Tier::Small => small,
        Tier::Full => full,
    }
}

/// Returns the seed of the test called `test`.
pub(super) fn seed(test: &str) -> u64 {
    // FNV-1a: every test draws from a sequence of its own.
    let own = test
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    CHOSEN.seed ^ own
}

/// Returns the random numbers of the test called `test`.
pub(super) fn rng(test: &str) -> StdRng {
    StdRng::seed_from_u64(seed(test))
}

/// Prints a line that the test runner does not swallow.
pub(super) fn say(line: &str) {
    // A reader that has gone away is no reason to fail.
    let _ = writeln!(std::io::stderr(), "chaos: {line}");
}
