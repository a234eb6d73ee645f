//! Looks whether the effect of an indeterminate job happened, for kinds that can find out.
//!
//! Any worker that knows the kind may look. A look takes the job for [`LOOK`] by moving `run_at`
//! on and counting `probes`; it never runs the job, and an operator may decide meanwhile: the
//! answer of a look that came too late is dropped.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Backoff,
    doubt::{self, Look},
    duties::bounded,
    outcome::{EndState, Ending},
};
use crate::{
    environment::Environment,
    registry::{Entry, Registry},
};

/// The longest that one look may take.
const LOOK: Duration = Duration::from_secs(30);
/// Nobody else looks at the job for so long: a look, and the record of its answer.
const TAKEN: Duration = Duration::from_secs(45);
/// Looks of one process at the same time.
const AT_ONCE: usize = 8;

/// What a look has found out.
#[derive(Debug, Clone, PartialEq)]
pub enum Probe {
    /// The effect happened: the job is completed with this output.
    Happened(Value),
    /// It did not happen: the job is tried again, unless its failures are used up.
    DidNotHappen,
    /// Nobody can tell yet.
    StillUnknown {
        /// The least wait before the next look; the kind's backoff and its cap apply all the same.
        retry_in: Option<Duration>,
    },
}

/// The surroundings of one look.
#[derive(Debug, Clone)]
pub struct ProbeContext {
    job_id: Uuid,
    look: Look,
    trace_id: Option<String>,
}

impl ProbeContext {
    /// Returns the key under which the attempts sent their effects.
    pub fn idempotency_key(&self) -> Uuid {
        self.job_id
    }

    /// Returns the ordinal of the attempt whose effect is in doubt.
    pub fn attempt(&self) -> i32 {
        self.look.attempt
    }

    /// Returns the ordinal of this look at that attempt, from 1.
    pub fn probe(&self) -> i32 {
        self.look.probe
    }

    /// Returns the trace that the job was enqueued under.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

/// A job to look at.
#[derive(Debug)]
struct Doubtful {
    job_id: Uuid,
    kind: String,
    payload: Value,
    look: Look,
    failures: i32,
    max_failures: Option<i32>,
    trace_id: Option<String>,
}

/// Everything that looking needs.
#[derive(Clone)]
pub(super) struct Prober {
    pub(super) env: Arc<Environment>,
    pub(super) registry: Registry,
    /// Told when a job is to be tried again.
    pub(super) put_back: Arc<Notify>,
    /// Told when a job has ended that others may wait for.
    pub(super) gates: Arc<Notify>,
}

impl Prober {
    /// Looks for ever, at a poll; what it has begun ends with it, for others to look again.
    pub(super) async fn run(self) {
        let kinds = self.registry.probing();
        if kinds.is_empty() {
            return std::future::pending().await;
        }
        let mut turn = interval(Duration::from_millis(self.env.config.queue.poll_interval_ms));
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looks = JoinSet::new();
        loop {
            turn.tick().await;
            while looks.try_join_next().is_some() {}
            let free = i64::try_from(AT_ONCE - looks.len()).unwrap_or_default();
            if free == 0 {
                continue;
            }
            let taking = take(&self.env.pool, &kinds, free);
            let taken = bounded("take doubtful jobs", Duration::from_secs(5), taking).await;
            for doubtful in taken.unwrap_or_default() {
                looks.spawn(self.clone().look(doubtful));
            }
        }
    }

    async fn look(self, doubtful: Doubtful) {
        let Some(entry) = self.registry.get(&doubtful.kind) else { return };
        let ctx = ProbeContext {
            job_id: doubtful.job_id,
            look: doubtful.look,
            trace_id: doubtful.trace_id.clone(),
        };
        let looking = (entry.look)(doubtful.payload.clone(), ctx, self.env.clone());
        let answer = match timeout(LOOK, AssertUnwindSafe(looking).catch_unwind()).await {
            Ok(Ok(Ok(probe))) => Ok(probe),
            Ok(Ok(Err(error))) => Err(error.to_string()),
            Ok(Err(_)) => Err("it panicked".to_owned()),
            Err(_) => Err(format!("no answer within {LOOK:?}")),
        };
        let probe = answer.unwrap_or_else(|problem| {
            warn!(job.id = %doubtful.job_id, job.kind = %doubtful.kind,
                  "look {} at job {} came to nothing: {problem}", doubtful.look.probe, doubtful.job_id);
            Probe::StillUnknown { retry_in: None }
        });
        bounded("record what a look found", Duration::from_secs(10), self.record(&doubtful, entry, probe))
            .await;
    }

    async fn record(&self, doubtful: &Doubtful, entry: Entry, probe: Probe) -> sqlx::Result<()> {
        let &Doubtful { job_id, look, failures, .. } = doubtful;
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        let (recorded, words) = match probe {
            Probe::Happened(output) => {
                let recorded = doubt::complete(&mut tx, &self.registry, job_id, Some(look), output).await?;
                (recorded, "it happened".to_owned())
            }
            Probe::DidNotHappen if failures >= doubtful.max_failures.unwrap_or(entry.policy.max_failures) => {
                let ending = Ending {
                    state: EndState::Discarded,
                    class: "DID_NOT_HAPPEN".into(),
                    message: format!("its effect did not happen in {failures} attempts"),
                };
                let recorded = doubt::discard(&mut tx, &self.registry, job_id, Some(look), &ending).await?;
                (recorded, "it did not happen, and no attempt is left".to_owned())
            }
            Probe::DidNotHappen => {
                let delay = entry.policy.backoff.delay(failures.unsigned_abs(), &mut rand::rng());
                let recorded = doubt::run_again(&mut tx, job_id, Some(look), delay).await?.is_some();
                (recorded, format!("it did not happen; tried again in {delay:?}"))
            }
            Probe::StillUnknown { retry_in } => {
                let delay = wait(entry.probe, look, retry_in);
                let recorded = doubt::put_off(&mut tx, job_id, look, delay).await?;
                (recorded, format!("still unknown; looks again in {delay:?}"))
            }
        };
        if recorded {
            note(&mut tx, job_id, look, &words).await?;
        }
        tx.commit().await?;
        if recorded {
            info!(job.id = %job_id, job.kind = %doubtful.kind, "look {} at job {job_id}: {words}", look.probe);
            self.put_back.notify_one();
            self.gates.notify_one();
            // The kind may have told its owner in an event.
            self.env.hints.events();
        }
        Ok(())
    }
}

/// Returns how long to wait before the next look: never beyond the cap of the kind's backoff.
fn wait(backoff: Option<Backoff>, look: Look, asked: Option<Duration>) -> Duration {
    let Some(backoff) = backoff else { return TAKEN };
    let drawn = backoff.delay(look.probe.unsigned_abs(), &mut rand::rng());
    drawn.max(asked.unwrap_or_default()).min(backoff.cap)
}

/// Takes up to `limit` indeterminate jobs whose next look is due.
async fn take(pool: &PgPool, kinds: &[String], limit: i64) -> sqlx::Result<Vec<Doubtful>> {
    let rows = sqlx::query!(
        r#"with due as materialized (
               select job_id
                 from queue.jobs
                where state = 'indeterminate' and run_at <= clock_timestamp() and kind = any($1)
                order by run_at
                limit $2
                  for no key update skip locked)
           update queue.jobs j
              set probes = coalesce(j.probes, 0) + 1,
                  run_at = clock_timestamp() + make_interval(secs => $3)
             from due
            where j.job_id = due.job_id and j.state = 'indeterminate'
        returning j.job_id, j.kind, j.payload, j.attempt, j.probes as "probe!", j.failures,
                  j.max_failures, j.trace_id"#,
        kinds,
        limit,
        TAKEN.as_secs_f64(),
    )
    .fetch_all(pool)
    .await?;
    let doubtful = rows.into_iter().map(|row| Doubtful {
        job_id: row.job_id,
        kind: row.kind,
        payload: row.payload,
        look: Look { attempt: row.attempt, probe: row.probe },
        failures: row.failures,
        max_failures: row.max_failures,
        trace_id: row.trace_id,
    });
    Ok(doubtful.collect())
}

/// Leaves a line in the job's log, as long as that has room.
async fn note(conn: &mut PgConnection, job_id: Uuid, look: Look, words: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into queue.logs (job_id, seq, attempt, level, message)
         select $1, coalesce(max(seq), 0) + 1, $2, 'info', $3
           from queue.logs
          where job_id = $1
         having coalesce(max(seq), 0) < $4
         on conflict do nothing",
        job_id,
        look.attempt,
        format!("look {}: {words}", look.probe),
        super::LOG_LINES,
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_back_off_up_to_the_cap_whatever_the_kind_asks() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) };
        let look = |probe| Look { attempt: 1, probe };
        for (probe, asked, least, most) in [
            (1, None, 0, 1),
            (4, None, 0, 8),
            (60, None, 0, 60),
            (1, Some(20), 20, 20),
            (1, Some(300), 60, 60),
        ] {
            let drawn = wait(Some(backoff), look(probe), asked.map(Duration::from_secs));
            let range = Duration::from_secs(least)..=Duration::from_secs(most);
            assert!(range.contains(&drawn), "look {probe}, asked {asked:?}: {drawn:?}");
        }
    }
}
