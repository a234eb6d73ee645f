//! Back-test runs and their results.
//!
//! Every change of state names the state it expects and appends a `backtest:progress`
//! event in the same transaction; the caller sends the hints after the commit. Writes of
//! a worker carry its attempt, so that a stale one changes nothing.

mod announce;
mod interpretation;
mod results;
mod runs;
mod summary;
mod transitions;

pub use results::{EquityPoint, Results, ResultsError, Trade, equity_page, equity_sample, trades_page};
pub use runs::{Filter, NewRun, Run, Spec, find_identical, get, insert, list, spec, unfinished};
pub use summary::{Summary, TradeFigures};
pub use transitions::{adopt, cancel, fail, finish, progress, requeue, start};

/// The state of a run; the words are those of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "UPPERCASE")]
pub enum Status {
    /// Waiting for a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// Finished; the results are there.
    Done,
    /// Finished without results; `error_code` says why.
    Failed,
    /// Stopped on request.
    Cancelled,
}

impl Status {
    /// Every state, in the order of a run's life.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// Returns the contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "QUEUED",
            Self::Running => "RUNNING",
            Self::Done => "DONE",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Returns the state that `word` names, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(word))
    }

    /// Returns whether the run will not change any more.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// Why a run ended without results: the values of `errorCode`.
pub mod error_code {
    /// The engine refused the configuration or the bars.
    pub const ENGINE_REJECTED: &str = "ENGINE_REJECTED";
    /// The range holds no bar of the universe any more.
    pub const NO_DATA: &str = "NO_DATA";
    /// The attempt took longer than its limit.
    pub const TIMEOUT: &str = "TIMEOUT";
    /// Stopped on request.
    pub const CANCELLED: &str = "CANCELLED";
    /// A defect or an outage on our side; trying again may help.
    pub const INTERNAL: &str = "INTERNAL";
    /// The run ended its worker process too often and is not tried again.
    pub const CRASHED: &str = "CRASHED";
    /// A figure of the result is too large to be stored.
    pub const RESULT_OUT_OF_RANGE: &str = "RESULT_OUT_OF_RANGE";

    /// Every code with its meaning, for the API's documentation.
    pub const ALL: [(&str, &str); 7] = [
        (ENGINE_REJECTED, "the engine refused the configuration or the bars"),
        (NO_DATA, "the range holds no bar of the universe any more"),
        (TIMEOUT, "the attempt took longer than its limit"),
        (CANCELLED, "stopped on request"),
        (INTERNAL, "a defect or an outage on our side; trying again may help"),
        (CRASHED, "the run ended its worker process too often and is not tried again"),
        (RESULT_OUT_OF_RANGE, "a figure of the result is too large to be stored"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_parsed_in_any_case() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(Status::parse(&status.as_str().to_lowercase()), Some(status));
        }
        assert_eq!(Status::parse("pending"), None);
    }
}
