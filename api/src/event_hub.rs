//! Brings new rows of `events` to the open streams of this process.
//!
//! One task reads each new event once and broadcasts it; hints wake it and a poll each
//! second covers lost ones. A [`Feed`] joins what is stored with what is broadcast, so that a
//! stream has neither gap nor duplicate.

mod feed;
mod reader;

use std::{sync::Arc, time::Duration};

use jobs::db::events::{Audience, Cursor, Event};
use sqlx::PgPool;
use tokio::{
    sync::{broadcast, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub use feed::{Feed, Item};

/// Events that a slow stream may be behind before it goes back to the table.
const BUFFER: usize = 1024;
/// How long a new stream waits for the reader to find its place at the start of the process.
const READY: Duration = Duration::from_secs(4);

/// The clocks of streams.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The longest time between two reads of the table.
    pub poll: Duration,
    /// The longest silence on a stream before a comment is sent.
    pub keepalive: Duration,
    /// How often a stream looks whether its session still holds.
    pub session_check: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            keepalive: Duration::from_secs(30),
            session_check: Duration::from_secs(30),
        }
    }
}

/// The reader's tasks and what streams need of it; clones share them, the last one ends them.
#[derive(Debug, Clone)]
pub struct EventHub {
    pool: PgPool,
    sender: broadcast::Sender<Arc<Event>>,
    position: watch::Receiver<Option<Cursor>>,
    shutdown: CancellationToken,
    timing: Timing,
    _tasks: Arc<JoinSet<()>>,
}

impl EventHub {
    /// Starts reading at the present end of the table; call it inside a tokio runtime.
    ///
    /// The tasks and all feeds end with `shutdown`.
    pub fn start(pool: PgPool, shutdown: CancellationToken, timing: Timing) -> Self {
        Self::listening_on(&pool.clone(), pool, shutdown, timing)
    }

    /// Like [`start`](Self::start), but listens on a connection as `direct` makes them: past a
    /// pooler, which would lose what a session listens for.
    pub fn listening_on(direct: &PgPool, pool: PgPool, shutdown: CancellationToken, timing: Timing) -> Self {
        let (sender, _) = broadcast::channel(BUFFER);
        let (at, position) = watch::channel(None);
        let tasks = reader::spawn((&pool, direct), &sender, at, &shutdown, timing.poll);
        Self { pool, sender, position, shutdown, timing, _tasks: Arc::new(tasks) }
    }

    /// Returns the clocks of streams.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Returns a receiver of every user's events from now on. Use [`Self::open`] for what a
    /// client sees.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }

    /// Opens a feed for `audience`: after `resume`, or from now on.
    pub async fn open(&self, audience: Audience, resume: Option<Cursor>) -> sqlx::Result<Feed> {
        // Until the reader has a place, an event could be older than what it will broadcast.
        let mut position = self.position.clone();
        match timeout(READY, position.wait_for(Option::is_some)).await {
            Ok(Ok(_)) => {}
            _ => return Err(sqlx::Error::PoolTimedOut),
        }
        Feed::open(self.pool.clone(), self.subscribe(), self.shutdown.clone(), audience, resume).await
    }
}
