//! Which jobs an operator means. Every value travels as a bound parameter.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum State {
    Scheduled,
    Blocked,
    Available,
    Running,
    Retryable,
    Indeterminate,
    Quarantined,
    Completed,
    Cancelled,
    Discarded,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Blocked,
        Self::Available,
        Self::Running,
        Self::Retryable,
        Self::Indeterminate,
        Self::Quarantined,
        Self::Completed,
        Self::Cancelled,
        Self::Discarded,
    ];

    /// Returns the word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Blocked => "blocked",
            Self::Available => "available",
            Self::Running => "running",
            Self::Retryable => "retryable",
            Self::Indeterminate => "indeterminate",
            Self::Quarantined => "quarantined",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }

    /// Returns whether a job in this state has left the hot table.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Discarded)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(())
    }
}

/// A place in the payload and the text that stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arg {
    /// Keys and array indices, from the outside in.
    pub path: Vec<String>,
    /// The scalar there, as text.
    pub value: String,
}

/// Which jobs are meant; what is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Any of these states; empty: all.
    pub states: Vec<State>,
    /// The kind's name, with its version if that is above 1.
    pub kind: Option<String>,
    /// The queue.
    pub queue: Option<String>,
    /// One of the job's tags.
    pub tag: Option<String>,
    /// The fingerprint of an attempt's or the job's failure.
    pub error: Option<String>,
    /// The trace that the job was enqueued under.
    pub trace_id: Option<String>,
    /// JSON that the payload contains.
    pub contains: Option<Value>,
    /// Scalars in the payload.
    pub args: Vec<Arg>,
    /// Enqueued at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Enqueued before this time.
    pub until: Option<DateTime<Utc>>,
}

/// Which of the two tables is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Hot,
    Cold,
}

impl Filter {
    /// Returns whether every job is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether `part` can hold such jobs.
    pub(super) fn reaches(&self, part: Part) -> bool {
        self.states.is_empty() || self.states_in(part).next().is_some()
    }

    fn states_in(&self, part: Part) -> impl Iterator<Item = State> {
        self.states.iter().copied().filter(move |state| state.is_finished() == (part == Part::Cold))
    }

    /// Adds the conditions on the rows of `part`, called `j`.
    pub(super) fn push(&self, sql: &mut QueryBuilder<Postgres>, part: Part) {
        sql.push(" true");
        if !self.states.is_empty() {
            // Literals of a closed list: a bound state would miss the partial indexes.
            let words: Vec<String> = self.states_in(part).map(|state| format!("'{state}'")).collect();
            sql.push(format_args!(" and j.state in ({})", words.join(", ")));
            if part == Part::Cold && !self.states.contains(&State::Completed) {
                sql.push(" and j.state <> 'completed'");
            }
        }
        for (column, value) in [("kind", &self.kind), ("queue", &self.queue), ("trace_id", &self.trace_id)] {
            if let Some(value) = value {
                sql.push(format_args!(" and j.{column} = ")).push_bind(value.clone());
            }
        }
        if let Some(tag) = &self.tag {
            sql.push(" and j.tags @> array[").push_bind(tag.clone()).push("]");
        }
        if let Some(value) = &self.contains {
            sql.push(" and j.payload @> ").push_bind(value.clone());
        }
        for Arg { path, value } in &self.args {
            sql.push(" and j.payload #>> ").push_bind(path.clone()).push(" = ").push_bind(value.clone());
        }
        if let Some(since) = self.since {
            sql.push(" and j.created_at >= ").push_bind(since);
            if part == Part::Cold {
                // No job finishes before it is made: leaves older partitions out.
                sql.push(" and j.finished_at >= ").push_bind(since);
            }
        }
        if let Some(until) = self.until {
            sql.push(" and j.created_at < ").push_bind(until);
        }
        if let Some(error) = &self.error {
            sql.push(
                " and (exists (select 1 from queue.attempts a where a.job_id = j.job_id and a.fingerprint = ",
            );
            sql.push_bind(error.clone()).push(")");
            if part == Part::Cold {
                sql.push(" or (j.state = 'discarded' and queue.fingerprint(j.last_error) = ");
                sql.push_bind(error.clone()).push(")");
            }
            sql.push(")");
        }
    }
}
