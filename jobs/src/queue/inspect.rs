//! Reads of the queue for people: jobs and why they wait, queues, workers, errors, health.
//!
//! Nothing here changes a row. Counts are exact below [`COUNT_CAP`] and say so above it.

mod database;
mod detail;
mod errors;
mod filter;
mod fleet;
mod jobs;
mod listing;
mod queues;
mod tally;
mod why;

pub use database::{DatabaseHealth, database};
pub use detail::{Links, LogLine, Step, links, logs, steps};
pub use errors::{ErrorGroup, ErrorReport, errors};
pub use filter::{Arg, Filter, State};
pub use fleet::{LeaderView, ScheduleView, WorkerView, leaders, schedule, schedules, workers};
pub use jobs::{AttemptView, JobView, attempts, job};
pub use listing::{JobRow, count, ids_from, list};
pub use queues::{Depth, LimitView, QueueView, is_queue, limit, limits, queue, queues};
pub use tally::{Tally, tally};
pub use why::{Reason, why};

/// The highest number that is counted exactly.
pub const COUNT_CAP: i64 = 10_000;

/// A number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Count {
    /// The number, or [`COUNT_CAP`] or an estimate when there are more.
    pub count: i64,
    /// Whether there are more than were counted.
    pub approximate: bool,
}

impl Count {
    /// Returns what counting up to one more than the cap has shown.
    pub(crate) fn capped(counted: i64) -> Self {
        Self { count: counted.min(COUNT_CAP), approximate: counted > COUNT_CAP }
    }
}
