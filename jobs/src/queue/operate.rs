//! Writes of operators: on jobs, queues, limits, schedules, and on many jobs at once.
//!
//! Each works in the caller's transaction, which also holds the audit row; after an `Err` the
//! caller rolls back. Every change of state names the states it expects.

mod bulk;
mod fork;
mod jobs;
mod queues;
mod schedules;

pub use bulk::{Action, Asker, Operation, OperationState, Preview, confirm, operation, preview, stop};
pub(crate) use bulk::{begin_operation, close_operation, run_page};
pub use fork::{Forked, fork};
pub use jobs::{Refusal, Resolution, Retried, cancel, discard, resolve, retry};
pub use queues::{LimitSettings, QueueSettings, queue_settings, remove_limit, resize, set_limit, set_paused};
pub use schedules::{
    NewSchedule, ScheduleError, create_schedule, delete_schedule, pause_schedule, trigger_schedule,
    update_schedule,
};
