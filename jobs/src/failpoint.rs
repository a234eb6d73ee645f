//! Places where a fault drill can end the process, as a crash would.
//!
//! `CAPSTAN_FAILPOINT=<place>:<n>` aborts the process when it passes `<place>` for the `n`-th
//! time. Debug builds only: in a release build every place is an empty function, so that no
//! variable of the environment can bring a production process down.
//!
//! The places, in the order in which a job passes them:
//!
//! | place | the crash comes |
//! |---|---|
//! | `after_claim` | between claim and dispatch |
//! | `after_act` | between the effect outside and its record |
//! | `before_commit` | in the transaction that records it |
//! | `after_commit` | between that commit and the report to the flusher |
//! | `before_flush` | before outcomes are committed in a batch |
//! | `during_flush` | after a batch was committed, before its leases are released |

#[cfg(debug_assertions)]
mod armed {
    use std::{
        env,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    struct Armed {
        place: String,
        passages_left: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let setting = env::var("CAPSTAN_FAILPOINT").ok()?;
        let (place, nth) = setting.split_once(':').unwrap_or((&setting, "1"));
        let nth = nth.parse().expect("CAPSTAN_FAILPOINT is <place>:<n>");
        Some(Armed { place: place.to_owned(), passages_left: AtomicU64::new(nth) })
    });

    /// Passes `place`; aborts the process when this is the passage that the drill asked for.
    pub(crate) fn hit(place: &str) {
        let Some(armed) = &*ARMED else { return };
        if armed.place == place && armed.passages_left.fetch_sub(1, Ordering::Relaxed) == 1 {
            tracing::warn!("failpoint {place}: aborting");
            std::process::abort();
        }
    }
}

#[cfg(debug_assertions)]
pub(crate) use armed::hit;

/// Passes a place that a debug build could end the process at.
#[cfg(not(debug_assertions))]
pub(crate) fn hit(_place: &str) {}
