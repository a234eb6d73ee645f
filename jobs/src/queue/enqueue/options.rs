//! How a job is to be enqueued.

use std::time::Duration;

use uuid::Uuid;

/// What happens when an unfinished job of the kind has the same unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConflict {
    /// That job stands for this one.
    #[default]
    ReturnExisting,
    /// While that job still waits, it takes over this one's payload, time, priority and limits;
    /// once it runs, it stands for this one.
    Replace,
    /// The enqueue is refused with [`super::EnqueueError::Duplicate`].
    Reject,
}

/// For how long a job holds its unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UniqueScope {
    /// Until it has finished, retries included.
    #[default]
    Unfinished,
    /// Until it is claimed for the first time: one waits while another runs.
    Waiting,
}

/// How a job is to be enqueued; the default is: now, once, with the kind's priority.
#[derive(Debug, Clone, Default)]
pub struct Enqueue {
    pub(in crate::queue) job_id: Option<Uuid>,
    pub(super) delay: Option<Duration>,
    pub(super) not_after: Option<Duration>,
    pub(super) priority: Option<i16>,
    pub(super) max_failures: Option<i32>,
    pub(super) trace_id: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) fifo_key: Option<String>,
    pub(super) limit_key: Option<String>,
    pub(in crate::queue) after: Vec<Uuid>,
    pub(super) on_conflict: OnConflict,
    pub(super) unique_scope: UniqueScope,
}

impl Enqueue {
    /// Returns a fresh job id; ids sort by the time they were made.
    pub fn new_id() -> Uuid {
        Uuid::now_v7()
    }

    /// Gives the job an id that the caller knows beforehand, see [`new_id`](Self::new_id).
    #[must_use]
    pub fn id(mut self, job_id: Uuid) -> Self {
        self.job_id = Some(job_id);
        self
    }

    /// Runs the job no sooner than `delay` from now, by the database's clock.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Lets the job expire, discarded as `EXPIRED`, when it has not started within `within`.
    #[must_use]
    pub fn not_after(mut self, within: Duration) -> Self {
        self.not_after = Some(within);
        self
    }

    /// Overrides the kind's priority; lower runs first.
    #[must_use]
    pub fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Overrides the failures after which the job is discarded.
    #[must_use]
    pub fn max_failures(mut self, max_failures: i32) -> Self {
        self.max_failures = Some(max_failures);
        self
    }

    /// Carries the trace of the request that caused the job.
    #[must_use]
    pub fn trace_id(mut self, trace_id: impl Into<String>) -> Self {
        self.trace_id = Some(trace_id.into());
        self
    }

    /// Labels the job, for people to find it by.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.get_or_insert_default().push(tag.into());
        self
    }

    /// Runs the job after all earlier ones of `key`, one at a time. While one of them fails and
    /// waits for its retry, is quarantined or indeterminate, the later ones wait too.
    #[must_use]
    pub fn fifo(mut self, key: impl Into<String>) -> Self {
        self.fifo_key = Some(key.into());
        self
    }

    /// Runs the job within the fleet-wide limits of `key`, see `queue.limits`.
    #[must_use]
    pub fn limit(mut self, key: impl Into<String>) -> Self {
        self.limit_key = Some(key.into());
        self
    }

    /// Runs the job when all of `jobs` have finished, however they ended.
    #[must_use]
    pub fn after(mut self, jobs: &[Uuid]) -> Self {
        self.after.extend_from_slice(jobs);
        self
    }

    /// Says what happens when the unique key is taken.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Says for how long the job holds its unique key.
    #[must_use]
    pub fn unique_scope(mut self, scope: UniqueScope) -> Self {
        self.unique_scope = scope;
        self
    }
}
