//! Places where a fault drill can end or stop the process, as a crash or a frozen machine would, and
//! mistakes that it can make on purpose.
//!
//! `CAPSTAN_FAILPOINT=<place>:<n>` aborts the process when it passes `<place>` for the `n`-th
//! time; `<place>:<n>:stop` stops it there until somebody sends SIGCONT. `CAPSTAN_SABOTAGE=<mistake>,…`
//! makes it careless, so that a drill can show that it would notice. Debug builds only: in a release
//! build every place is an empty function and no mistake is made, so that no variable of the
//! environment can bring a production process down or make it unsafe.
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
//!
//! An order passes these in between:
//!
//! | place | the crash comes |
//! |---|---|
//! | `submit_order.before_submitting` | after the gates, before the row says that it is being sent |
//! | `submit_order.after_submitting` | after that was committed |
//! | `submit_order.before_post` | right before the order is sent |
//! | `submit_order.after_post` | after the broker's answer, whatever it was |
//! | `submit_order.before_record` | between an acknowledgement and its record |
//! | `replace_order.before_post`, `replace_order.after_post` | likewise for a replacement |
//!
//! A cycle of an agent:
//!
//! | place | the crash comes |
//! |---|---|
//! | `run_cycle.before_decisions`, `run_cycle.after_decisions` | around the step that keeps what was decided |
//! | `run_cycle.before_order_commit` | after an order was placed, before that is committed |
//! | `run_cycle.after_order` | after that commit |
//! | `run_cycle.before_exit_commit` | after an exit was decided, before that is committed |
//!
//! The mistakes: `new_client_id` (every attempt sends the order under an id of its own) and
//! `no_lookup` (another attempt sends without asking whether the first one arrived).

#[cfg(debug_assertions)]
mod armed {
    use std::{
        env,
        process::Command,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    struct Armed {
        place: String,
        stops: bool,
        passages_left: AtomicU64,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let setting = env::var("CAPSTAN_FAILPOINT").ok()?;
        let (setting, stops) = setting.strip_suffix(":stop").map_or((&*setting, false), |rest| (rest, true));
        let (place, nth) = setting.split_once(':').unwrap_or((setting, "1"));
        let nth = nth.parse().expect("CAPSTAN_FAILPOINT is <place>:<n> or <place>:<n>:stop");
        Some(Armed { place: place.to_owned(), stops, passages_left: AtomicU64::new(nth) })
    });

    static SABOTAGE: LazyLock<String> = LazyLock::new(|| env::var("CAPSTAN_SABOTAGE").unwrap_or_default());

    /// Passes `place`; aborts or stops the process when this is the passage that the drill asked for.
    pub(crate) fn hit(place: &str) {
        let Some(armed) = &*ARMED else { return };
        if armed.place != place || armed.passages_left.fetch_sub(1, Ordering::Relaxed) != 1 {
            return;
        }
        if armed.stops {
            tracing::warn!("failpoint {place}: stopping");
            let stopped = Command::new("sh").args(["-c", "kill -STOP $PPID"]).status();
            stopped.expect("a drill runs where there is a shell");
            return;
        }
        tracing::warn!("failpoint {place}: aborting");
        std::process::abort();
    }

    /// Returns whether the drill asks for `mistake`.
    pub(crate) fn sabotaged(mistake: &str) -> bool {
        SABOTAGE.split(',').any(|asked| asked == mistake)
    }
}

#[cfg(debug_assertions)]
pub(crate) use armed::{hit, sabotaged};

/// Passes a place that a debug build could end the process at.
#[cfg(not(debug_assertions))]
pub(crate) fn hit(_place: &str) {}

/// Returns whether a mistake is to be made: never, in a release build.
#[cfg(not(debug_assertions))]
pub(crate) fn sabotaged(_mistake: &str) -> bool {
    false
}
