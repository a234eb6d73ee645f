//! Sweeps and walk-forwards, their parts and their results.
//!
//! A part is one job's share: a range of combinations, or a window. Every change of state names
//! the state it expects and appends a `sweep:progress` event in the same transaction. A part is
//! recorded once, whoever runs it how often. Rows are locked in one order - the job, its part, the
//! sweep - so that no two writers wait for each other.

mod announce;
mod parts;
mod results;
mod rows;
mod transitions;
mod windows;

pub use announce::take_turn;
pub use parts::{Part, add_parts, add_windows, job_ids, next_open_part, part, sessions};
pub use results::{Outcome, Ranked, finish_part, outcomes, rank, results_page};
pub use rows::{Filter, NewSweep, Spec, Sweep, get, insert, list, spec, unfinished};
pub use transitions::{begin, cancel, fail, finish};
pub use windows::{
    EquityPoint, NewWindow, Tested, Window, equity_page, finish_window, growth, store_equity, window, windows,
};

pub use super::backtests::{Status, error_code};

/// What kind of sweep a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Every combination over the whole range, ranked.
    Sweep,
    /// Chosen on windows, tested on what follows each.
    WalkForward,
}

impl Kind {
    /// Returns the word in rows and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::WalkForward => "walk_forward",
        }
    }
}
