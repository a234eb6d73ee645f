//! Our Postgres backend for apalis: the queue owns the work, apalis runs it.
//!
//! Promise: a committed job is never lost and runs at least once; no write of a stale
//! attempt succeeds; a job is finished at most once. Every change of state is one
//! statement whose `where` names the expected old state, and every write of an attempt
//! carries its [`Fence`]. Time is the database's.
//!
//! Only this module and the registry name apalis; no other module writes `queue.*`.

mod ack;
mod admit;
mod backend;
mod backoff;
mod claim;
mod context;
mod controls;
mod counters;
pub mod cron;
pub mod depth;
mod dispatch;
mod doubt;
mod duties;
mod enqueue;
mod enqueuer;
mod fetcher;
mod flusher;
mod hand;
mod hints;
pub mod inspect;
mod leader;
mod lease;
mod listener;
mod low_mark;
mod maintenance;
pub mod operate;
mod outcome;
mod probe;
mod promote;
mod rescue;
mod scheduler;
pub mod settle;
mod transient;
mod worker;

pub use backoff::Backoff;
pub use context::{Context, FencedError, LOG_LINES, LogLevel};
pub use counters::Counters;
pub use enqueue::{Enqueue, EnqueueError, Enqueued, OnConflict, UniqueScope, enqueue, enqueue_many};
pub use enqueuer::{Enqueuer, Gathering};
pub use hints::{EVENTS_CHANNEL, Hints};
pub(crate) use leader::{Term, TermError};
pub use lease::{Fence, Interruption};
pub use outcome::{EndState, Ending, JobError, Resolved};
pub use probe::{Probe, ProbeContext};
pub use settle::CancelOutcome;
pub use worker::{WorkerError, WorkerOptions, run};
