//! Three candidates, and whatever can happen to a leader (C13).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rand::{Rng, seq::SliceRandom};
use sqlx::PgPool;
use suites::{TestDatabase, eventually};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{
    fleet::{Fleet, STARTED},
    tier::{rng, say, sized},
};

/// A role without a leader for longer than this, beyond the bound of the event, is a failure.
const SLACK: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Kill,
    Stop,
    Terminate,
    Freeze,
}

impl Event {
    /// The promised longest time until another leads.
    fn bound(self) -> Duration {
        match self {
            Self::Stop => Duration::from_secs(1),
            Self::Kill | Self::Terminate => Duration::from_millis(1500),
            Self::Freeze => Duration::from_secs(7),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
struct Leader {
    term: i64,
    holder: Uuid,
}

async fn leader(pool: &PgPool) -> Option<Leader> {
    sqlx::query_as("select term, holder from queue.leadership where role = 'scheduler'")
        .fetch_optional(pool)
        .await
        .expect("the database answers")
}

/// Notes every leader that it sees, in order.
struct Watch {
    seen: Arc<Mutex<Vec<Leader>>>,
    watching: JoinHandle<()>,
}

impl Watch {
    fn start(pool: PgPool) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let watching = tokio::spawn(async move {
            loop {
                if let Some(now) = leader(&pool).await {
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    if notes.last() != Some(&now) {
                        notes.push(now);
                    }
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        });
        Self { seen, watching }
    }

    fn end(self) -> Vec<Leader> {
        self.watching.abort();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn pid_of(pool: &PgPool, holder: Uuid) -> u32 {
    let pid: i32 = eventually("the leader is listed among the workers", STARTED, async || {
        let pid = sqlx::query_scalar("select pid from queue.workers where worker_id = $1");
        pid.bind(holder).fetch_optional(pool).await.expect("the database answers")
    })
    .await;
    u32::try_from(pid).expect("a process id")
}

/// Ends the session that holds the lock of the role.
async fn terminate(pool: &PgPool) {
    let ended = sqlx::query(
        "select pg_terminate_backend(pid)
           from pg_locks
          where locktype = 'advisory' and objsubid = 2 and granted
            and objid = (hashtext('scheduler')::bigint & 4294967295)::oid
            and database = (select oid from pg_database where datname = current_database())",
    )
    .execute(pool)
    .await
    .expect("the database answers");
    assert_eq!(ended.rows_affected(), 1, "one session holds the lock of the role");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_holder_a_term_and_never_long_without_a_leader() {
    let mut rng = rng("leadership");
    let database = TestDatabase::create().await;
    let pool = &database.pool;
    let mut fleet = Fleet::new(database.url(), "ledger=1").with(3).await;
    let watch = Watch::start(pool.clone());
    let (kills, stops, terminations, freezes) = sized((5, 3, 5, 2), (70, 40, 70, 20));
    let mut events = vec![Event::Kill; kills];
    events.extend(vec![Event::Stop; stops]);
    events.extend(vec![Event::Terminate; terminations]);
    events.extend(vec![Event::Freeze; freezes]);
    events.shuffle(&mut rng);

    let mut gaps: BTreeMap<Event, Vec<Duration>> = BTreeMap::new();
    for event in &events {
        let before = eventually("there is a leader", STARTED, async || leader(pool).await).await;
        let pid = pid_of(pool, before.holder).await;
        let index = fleet.workers.iter().position(|worker| worker.id() == pid).expect("one of the fleet");
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..200))).await;
        let hit = Instant::now();
        match event {
            // Its successor comes later: starting it would take the time of those who take over.
            Event::Kill => fleet.workers[index].kill(),
            Event::Stop => fleet.workers[index].signal(Signal::SIGTERM),
            Event::Terminate => terminate(pool).await,
            Event::Freeze => fleet.freeze(index),
        }
        eventually(format!("another term after {event:?}"), event.bound() + SLACK, async || {
            leader(pool).await.filter(|now| now.term > before.term)
        })
        .await;
        gaps.entry(*event).or_default().push(hit.elapsed());
        if *event == Event::Freeze {
            let pid = Pid::from_raw(i32::try_from(pid).expect("a process id"));
            kill(pid, Signal::SIGCONT).expect("the frozen worker is there");
        }
        if *event == Event::Stop {
            assert!(fleet.workers[index].ended(STARTED).await.success(), "a worker that was told to stop");
        }
        fleet.replace_dead();
        fleet.serves().await;
    }

    let last = leader(pool).await.expect("there is a leader");
    let seen = watch.end();
    let mut holders = BTreeMap::new();
    for pair in seen.windows(2) {
        assert!(pair[1].term > pair[0].term, "the term went from {} to {}", pair[0].term, pair[1].term);
    }
    for leader in &seen {
        let other = holders.insert(leader.term, leader.holder).filter(|holder| *holder != leader.holder);
        assert!(other.is_none(), "term {} had two holders", leader.term);
    }
    // By the row, not by the watch: what is sampled may miss a short term.
    let terms = usize::try_from(last.term).expect("terms are counted from 1");
    assert!(terms > events.len(), "{terms} terms after {} events", events.len());
    let longest: BTreeMap<_, _> =
        gaps.iter().map(|(event, gaps)| (event, gaps.iter().max().copied().unwrap_or_default())).collect();
    say(&format!("{} leadership events, {terms} terms, longest gaps {longest:.2?}", events.len()));
}
