//! What is counted for each attempt, by queue and kind.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::queue::{
    claim::Claimed,
    outcome::{EndState, Ending, Outcome},
};

/// Upper bounds in seconds, from a millisecond to an hour: of handlers, and of waiting.
const DURATIONS: [f64; 14] =
    [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

/// The classes of failure that are shown by name, in order; any other is `other`, so that a
/// handler can't make series without bound. A kind with a class of its own adds it here.
const CLASSES: [&str; 8] = [
    "DATABASE",
    "ENGINE_REJECTED",
    "EXERCISE",
    "NO_DATA",
    "PANIC",
    "PAYLOAD_UNDECODABLE",
    "RESULT_OUT_OF_RANGE",
    "TIMEOUT",
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Work {
    queue: String,
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    queue: String,
    kind: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failed {
    kind: String,
    class: &'static str,
}

/// What can come of an attempt, as labels.
const OUTCOMES: [&str; 9] = [
    "cancelled",
    "completed",
    "discarded",
    "expired",
    "given_back",
    "indeterminate",
    "retryable",
    "snoozed",
    "stale",
];

/// The series of attempts. Kinds and queues are those this process serves.
#[derive(Debug)]
pub(super) struct Attempts {
    started: Family<Work, Counter>,
    ended: Family<Ended, Counter>,
    failed: Family<Failed, Counter>,
    running: Family<Work, Gauge>,
    waited: Family<Work, Histogram>,
    took: Family<Work, Histogram>,
    /// By queue, then kind: an attempt is counted several times and looked up once.
    known: RwLock<HashMap<String, HashMap<String, Arc<Series>>>>,
}

/// The series of one kind in one queue.
#[derive(Debug)]
struct Series {
    kind: String,
    started: Counter,
    /// In the order of [`OUTCOMES`].
    ended: [Counter; OUTCOMES.len()],
    running: Gauge,
    waited: Histogram,
    took: Histogram,
}

impl Default for Attempts {
    fn default() -> Self {
        let durations = || Histogram::new(DURATIONS);
        Self {
            started: Family::default(),
            ended: Family::default(),
            failed: Family::default(),
            running: Family::default(),
            waited: Family::new_with_constructor(durations),
            took: Family::new_with_constructor(durations),
            known: RwLock::default(),
        }
    }
}

/// An attempt under way; it counts as running until dropped.
#[derive(Debug)]
pub(in crate::queue) struct Running {
    series: Arc<Series>,
    begun: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.series.running.dec();
    }
}

impl Attempts {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("attempts_started", "Attempts begun", self.started.clone());
        registry.register("attempts_ended", "Attempts ended, by what came of them", self.ended.clone());
        registry.register("attempts_failed", "Attempts failed, by class of error", self.failed.clone());
        registry.register("worker_running", "Attempts running now", self.running.clone());
        let help = "From when a job was due to its claim, by the database's clock";
        registry.register("queue_latency_seconds", help, self.waited.clone());
        registry.register("handler_duration_seconds", "How long handlers took", self.took.clone());
    }

    pub(super) fn started(&self, claimed: &Claimed) -> Running {
        let series = self.series(&claimed.queue, &claimed.kind);
        series.started.inc();
        series.waited.observe(claimed.waited_s.max(0.0));
        series.running.inc();
        Running { series, begun: Instant::now() }
    }

    pub(super) fn ended(&self, running: &Running, outcome: &Outcome) {
        let Running { series, begun } = running;
        let (name, class) = named(outcome);
        // The others did not run, or not to an end of their own.
        if matches!(name, "completed" | "retryable" | "snoozed" | "indeterminate" | "discarded") {
            series.took.observe(begun.elapsed().as_secs_f64());
        }
        if let Some(class) = class {
            let class = CLASSES.into_iter().find(|known| *known == class).unwrap_or("other");
            self.failed.get_or_create(&Failed { kind: series.kind.clone(), class }).inc();
        }
        if let Some(at) = OUTCOMES.iter().position(|known| *known == name) {
            series.ended[at].inc();
        }
    }

    fn series(&self, queue: &str, kind: &str) -> Arc<Series> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(queue).and_then(|kinds| kinds.get(kind)) {
            return series.clone();
        }
        drop(known);
        let work = Work { queue: queue.to_owned(), kind: kind.to_owned() };
        let ended = |outcome| Ended { queue: queue.to_owned(), kind: kind.to_owned(), outcome };
        let series = Arc::new(Series {
            kind: kind.to_owned(),
            started: self.started.get_or_create_owned(&work),
            ended: OUTCOMES.map(|outcome| self.ended.get_or_create_owned(&ended(outcome))),
            running: self.running.get_or_create_owned(&work),
            waited: self.waited.get_or_create_owned(&work),
            took: self.took.get_or_create_owned(&work),
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(queue.to_owned()).or_default().insert(kind.to_owned(), series.clone());
        series
    }
}

/// Returns an outcome's name, and the class of the failure in it.
fn named(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Completed(_) | Outcome::Recorded => ("completed", None),
        Outcome::Retry { failure, .. } => ("retryable", Some(&failure.class)),
        Outcome::Snooze(_) => ("snoozed", None),
        Outcome::GiveBack => ("given_back", None),
        Outcome::Indeterminate(failure) => ("indeterminate", Some(&failure.class)),
        Outcome::End(Ending { state: EndState::Cancelled, .. }) => ("cancelled", None),
        Outcome::End(Ending { state: EndState::Expired, .. }) => ("expired", None),
        Outcome::End(Ending { state: EndState::Discarded | EndState::Quarantined, class, .. }) => {
            ("discarded", Some(class))
        }
        Outcome::Stale => ("stale", None),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::queue::outcome::Failure;

    #[test]
    fn labels_are_sorted_and_distinct() {
        assert!(CLASSES.is_sorted_by(|a, b| a < b));
        assert!(OUTCOMES.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn a_class_that_nobody_listed_is_other() {
        let attempts = Attempts::default();
        let running = Running { series: attempts.series("q", "k"), begun: Instant::now() };
        for class in ["DATABASE", "MADE_UP_1", "MADE_UP_2"] {
            let failure = Failure { class: class.into(), message: "x".into() };
            attempts.ended(&running, &Outcome::Retry { failure, delay: Duration::ZERO });
        }
        let failed = |class| attempts.failed.get_or_create_owned(&Failed { kind: "k".into(), class }).get();
        assert_eq!((failed("DATABASE"), failed("other")), (1, 2));
    }
}
