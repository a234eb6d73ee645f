//! The queue's state machine beside a simple model of it: random sequences of what callers and
//! accidents can do, after each of which both must agree.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures::FutureExt;
use jobs::{
    cancel,
    kinds::exercise::{Act, Exercise},
    queue::{CancelOutcome, Enqueue, enqueue},
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use sqlx::PgPool;
use suites::{TestApp, eventually};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::tier::{say, seed, sized};

/// What an attempt shall do; long work runs until somebody ends it.
#[derive(Debug, Clone, Copy)]
enum Does {
    Succeed,
    Inside,
    Fail(i32),
    Panic(i32),
    Snooze(i32),
    Refuse,
    Unsure,
    Work,
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Enqueue(Does),
    /// One that is due in an hour.
    Later(Does),
    /// The rest happens to one of the jobs so far, counted round and round.
    Hasten(usize),
    Cancel(usize),
    /// Its lease runs out, and the rescue finds it.
    Expire(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Scheduled,
    Running,
    Indeterminate,
    Quarantined,
    Completed,
    Cancelled,
    Discarded,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Indeterminate => "indeterminate",
            Self::Quarantined => "quarantined",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }

    fn terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Discarded)
    }
}

/// A job as the model sees it.
#[derive(Debug, Clone, Copy)]
struct Job {
    does: Does,
    state: State,
    attempt: i32,
    failures: i32,
    crashes: i32,
}

/// The rules that the model knows.
#[derive(Debug, Clone, Copy)]
struct Rules {
    max_failures: i32,
    crash_budget: i32,
    /// How long the real thing may take to agree.
    limit: Duration,
    /// Nothing more happens in a sequence after this: work that is to run until somebody ends it
    /// is ended after thirty seconds by the limit of its kind.
    whole: Duration,
}

const RULES: Rules =
    Rules { max_failures: 5, crash_budget: 3, limit: Duration::from_mins(1), whole: Duration::from_secs(20) };

impl Job {
    fn new(does: Does) -> Self {
        Self { does, state: State::Scheduled, attempt: 0, failures: 0, crashes: 0 }
    }

    /// Runs attempts until the job waits for somebody.
    fn run(&mut self, rules: Rules) {
        loop {
            self.attempt += 1;
            let attempt = self.attempt;
            self.state = match self.does {
                Does::Work => State::Running,
                Does::Fail(times) | Does::Panic(times) if attempt <= times => {
                    self.failures += 1;
                    if self.failures < rules.max_failures {
                        continue;
                    }
                    State::Discarded
                }
                Does::Snooze(times) if attempt <= times => continue,
                Does::Unsure => {
                    self.failures += 1;
                    State::Indeterminate
                }
                Does::Refuse => {
                    self.failures += 1;
                    State::Discarded
                }
                _ => State::Completed,
            };
            return;
        }
    }

    fn expire(&mut self, rules: Rules) {
        if self.state == State::Running {
            self.crashes += 1;
            if self.crashes >= rules.crash_budget {
                self.state = State::Quarantined;
            } else {
                self.run(rules);
            }
        }
    }

    /// Cancels; returns what the caller is told.
    fn cancel(&mut self) -> CancelOutcome {
        let outcome = match self.state {
            State::Running => CancelOutcome::Requested,
            state if state.terminal() => return CancelOutcome::AlreadyFinished,
            _ => CancelOutcome::Cancelled,
        };
        self.state = State::Cancelled;
        outcome
    }
}

fn exercise(does: Does) -> Exercise {
    let act = match does {
        Does::Succeed => Act::Succeed,
        Does::Inside => Act::CompleteInside,
        Does::Fail(times) => Act::Fail { times },
        Does::Panic(times) => Act::Panic { times },
        Does::Snooze(times) => Act::Snooze { times, ms: 30 },
        Does::Refuse => Act::Refuse,
        Does::Unsure => Act::Unsure,
        Does::Work => Act::Work { ms: 600_000 },
    };
    Exercise { act, ..Exercise::default() }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let does = prop_oneof![
        2 => Just(Does::Succeed),
        1 => Just(Does::Inside),
        2 => prop_oneof![Just(1), Just(9)].prop_map(Does::Fail),
        1 => Just(Does::Panic(1)),
        1 => (1..3).prop_map(Does::Snooze),
        1 => Just(Does::Refuse),
        1 => Just(Does::Unsure),
        6 => Just(Does::Work),
    ];
    let op = prop_oneof![
        3 => does.clone().prop_map(Op::Enqueue),
        2 => does.prop_map(Op::Later),
        2 => any::<usize>().prop_map(Op::Hasten),
        2 => any::<usize>().prop_map(Op::Cancel),
        5 => any::<usize>().prop_map(Op::Expire),
    ];
    prop::collection::vec(op, 1..16)
}

/// A job as the database sees it: state, attempt, failures, crashes; and in how many rows.
type Seen = (String, i32, i32, i32, i64);

async fn seen(pool: &PgPool, job_id: Uuid) -> Seen {
    sqlx::query_as(
        "with rows as (
             select state, attempt, failures, crashes from queue.jobs where job_id = $1
             union all
             select state, attempt, failures, crashes from queue.finished where job_id = $1)
         select state::text, attempt, failures, crashes, (select count(*) from rows) from rows",
    )
    .bind(job_id)
    .fetch_one(pool)
    .await
    .expect("a job does not vanish")
}

async fn agree(pool: &PgPool, job_id: Uuid, job: Job, limit: Duration) {
    let expected: Seen = (job.state.name().to_owned(), job.attempt, job.failures, job.crashes, 1);
    let mut attempt = 0;
    eventually(format!("{job:?} is {expected:?}"), limit, async || {
        let seen = seen(pool, job_id).await;
        assert!(seen.1 >= attempt, "attempts went from {attempt} to {}", seen.1);
        assert_eq!(seen.4, 1, "the job is in {} rows", seen.4);
        attempt = seen.1;
        if seen == expected { Ok(()) } else { Err(seen) }
    })
    .await;
}

/// Brings the job's time forward, if it waits for one.
async fn hasten(pool: &PgPool, job_id: Uuid) {
    sqlx::query(
        "update queue.jobs set run_at = clock_timestamp()
          where job_id = $1 and state in ('scheduled', 'retryable')",
    )
    .bind(job_id)
    .execute(pool)
    .await
    .expect("the database answers");
}

/// Lets the lease of attempt `attempt` run out until somebody has noticed.
async fn expire(pool: &PgPool, job_id: Uuid, attempt: i32, limit: Duration) {
    eventually("an expired lease is noticed", limit, async || {
        let expired = sqlx::query(
            "update queue.jobs set lease_expires_at = clock_timestamp() - interval '1 ms'
              where job_id = $1 and attempt = $2 and state = 'running'",
        )
        .bind(job_id)
        .bind(attempt)
        .execute(pool)
        .await
        .expect("the database answers");
        expired.rows_affected() == 0
    })
    .await;
    hasten(pool, job_id).await;
}

/// Runs one sequence; panics where the queue and the model disagree.
async fn compare(pool: &PgPool, ops: &[Op], rules: Rules) {
    let mut jobs: Vec<(Uuid, Job)> = Vec::new();
    let begun = Instant::now();
    for op in ops {
        if begun.elapsed() >= rules.whole {
            break;
        }
        let touched = match *op {
            Op::Enqueue(does) | Op::Later(does) => {
                let later = matches!(op, Op::Later(_));
                let delay = if later { Duration::from_hours(1) } else { Duration::ZERO };
                let mut conn = pool.acquire().await.expect("a connection");
                let options = Enqueue::default().delay(delay);
                let enqueued = enqueue(&mut conn, &exercise(does), options).await.expect("enqueued");
                let mut job = Job::new(does);
                if !later {
                    job.run(rules);
                }
                jobs.push((enqueued.job_id, job));
                jobs.len() - 1
            }
            Op::Hasten(_) | Op::Cancel(_) | Op::Expire(_) if jobs.is_empty() => continue,
            Op::Hasten(n) => {
                let n = n % jobs.len();
                let (job_id, job) = &mut jobs[n];
                hasten(pool, *job_id).await;
                if job.state == State::Scheduled {
                    job.run(rules);
                }
                n
            }
            Op::Cancel(n) => {
                let n = n % jobs.len();
                let (job_id, job) = &mut jobs[n];
                let mut conn = pool.acquire().await.expect("a connection");
                let told = cancel(&mut conn, *job_id, "as told").await.expect("the database answers");
                assert_eq!(told, job.cancel(), "{job:?}");
                n
            }
            Op::Expire(n) => {
                let n = n % jobs.len();
                let (job_id, job) = &mut jobs[n];
                if job.state == State::Running {
                    expire(pool, *job_id, job.attempt, rules.limit).await;
                }
                job.expire(rules);
                n
            }
        };
        let (job_id, job) = jobs[touched];
        agree(pool, job_id, job, rules.limit).await;
    }
    // Nothing that happened to one of them changed another.
    for (job_id, job) in &jobs {
        agree(pool, *job_id, *job, rules.limit).await;
        assert_history(pool, *job_id, *job).await;
    }
    // Leave the slots to the next sequence.
    for (job_id, mut job) in jobs {
        let mut conn = pool.acquire().await.expect("a connection");
        cancel(&mut conn, job_id, "over").await.expect("the database answers");
        job.cancel();
        agree(pool, job_id, job, rules.limit).await;
    }
}

/// Every attempt that has ended is kept once, in order, and nothing else is.
async fn assert_history(pool: &PgPool, job_id: Uuid, job: Job) {
    let attempts: Vec<i32> =
        sqlx::query_scalar("select attempt from queue.attempts where job_id = $1 order by attempt, ended_at")
            .bind(job_id)
            .fetch_all(pool)
            .await
            .expect("the database answers");
    // The finishing attempt is the finished row itself; the running one has no end yet.
    let by_itself = job.state.terminal() && job.state != State::Cancelled || job.state == State::Running;
    let kept = if by_itself { job.attempt - 1 } else { job.attempt };
    let expected: Vec<i32> = (1..=kept).collect();
    let cancelled_while_running = job.state == State::Cancelled && attempts.len() + 1 == expected.len();
    assert!(
        attempts == expected || cancelled_while_running && attempts[..] == expected[..attempts.len()],
        "{job:?} has the attempts {attempts:?}"
    );
}

async fn app() -> TestApp {
    let quick = |config: &mut jobs::config::Config| {
        // Long enough not to be lost by itself; workers rescue once they have held theirs that long.
        config.queue.lease_ms = 5000;
        config.queue.rescue_interval_ms = 60;
        config.queue.poll_interval_ms = 60;
        config.queue.cancel_poll_ms = 60;
        config.worker.queues = BTreeMap::from([("default".to_owned(), 200)]);
    };
    // Nobody rescues what it holds itself: two of them.
    TestApp::builder().workers(2).config(quick).start().await
}

#[test]
fn the_queue_does_what_its_model_does() {
    let runtime = Runtime::new().expect("a runtime");
    let app = runtime.block_on(app());
    let cases = sized(12, 300);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4, ..Config::default() };
    let bytes: Vec<u8> = std::iter::repeat_n(seed("model").to_le_bytes(), 4).flatten().collect();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let ran = TestRunner::new_with_rng(config, rng).run(&ops(), |ops| {
        runtime.block_on(compare(&app.pool, &ops, RULES));
        Ok(())
    });
    if let Err(TestError::Fail(reason, ops)) = ran {
        panic!("{reason}\nafter {ops:#?}");
    }
    say(&format!("{cases} random sequences: queue and model agree"));
}

#[test]
fn a_model_with_another_rule_disagrees() {
    let runtime = Runtime::new().expect("a runtime");
    let app = runtime.block_on(app());
    let ops = [Op::Enqueue(Does::Work), Op::Expire(0), Op::Expire(0), Op::Expire(0)];
    let wrong = Rules { crash_budget: 4, limit: Duration::from_secs(25), whole: Duration::MAX, ..RULES };
    let compared = AssertUnwindSafe(compare(&app.pool, &ops, wrong)).catch_unwind();
    let panic = runtime.block_on(compared).expect_err("the comparison notices a wrong rule");
    let words = panic.downcast_ref::<String>().expect("a message");
    assert!(words.contains("quarantined"), "it failed for another reason: {words}");
}
