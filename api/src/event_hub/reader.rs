//! The tasks that listen for hints and read new events. They wait out a lost database.

use std::{sync::Arc, time::Duration};

use jobs::{
    db::events::{self, Audience, Cursor, Event},
    queue::EVENTS_CHANNEL,
};
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{
    sync::{Notify, broadcast, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Rows of one read.
const PAGE: i64 = 500;
/// How long one read, or one attempt to listen, may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// First wait for an older transaction to end; doubles up to the poll interval.
const SETTLING: Duration = Duration::from_millis(20);
/// First and longest wait before listening again.
const RELISTEN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Starts both tasks on `(pool, direct)`: events are read by the one, hints heard by the other.
pub(super) fn spawn(
    (pool, direct): (&PgPool, &PgPool),
    sender: &broadcast::Sender<Arc<Event>>,
    position: watch::Sender<Option<Cursor>>,
    shutdown: &CancellationToken,
    interval: Duration,
) -> JoinSet<()> {
    let wake = Arc::new(Notify::new());
    let mut tasks = JoinSet::new();
    let source = Reader { pool: pool.clone(), sender: sender.clone(), position };
    let hints = listen(direct.clone(), Arc::clone(&wake));
    let hints = shutdown.clone().run_until_cancelled_owned(hints);
    let events = shutdown.clone().run_until_cancelled_owned(source.run(wake, interval));
    tasks.spawn(async move { hints.await.unwrap_or_default() });
    tasks.spawn(async move { events.await.unwrap_or_default() });
    tasks
}

/// Wakes the reader on every hint, for ever.
async fn listen(pool: PgPool, wake: Arc<Notify>) {
    let (mut wait, longest) = RELISTEN;
    loop {
        match timeout(PATIENCE, connect(&pool)).await {
            Ok(Ok(mut listener)) => {
                wait = RELISTEN.0;
                // Whatever came while nobody listened.
                wake.notify_one();
                // None says that the connection was lost.
                while let Ok(Some(_)) = listener.try_recv().await {
                    wake.notify_one();
                }
                info!("the event listener lost its connection; polling meanwhile");
            }
            Ok(Err(error)) => info!(%error, "the event listener can't connect; polling meanwhile"),
            Err(_) => info!("the event listener got no answer; polling meanwhile"),
        }
        sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

/// Listens on a connection of its own: it would block one of the pool's for good.
async fn connect(pool: &PgPool) -> sqlx::Result<PgListener> {
    let own = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(EVENTS_CHANNEL).await?;
    Ok(listener)
}

struct Reader {
    pool: PgPool,
    sender: broadcast::Sender<Arc<Event>>,
    position: watch::Sender<Option<Cursor>>,
}

impl Reader {
    async fn run(self, wake: Arc<Notify>, interval: Duration) {
        let mut wait = Duration::ZERO;
        let mut failing = false;
        loop {
            tokio::select! {
                () = wake.notified() => {}
                () = sleep(wait) => {}
            }
            match timeout(PATIENCE, self.read()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
                Ok(settled) => {
                    failing = false;
                    wait = if settled { interval } else { next_look(wait, interval) };
                }
                Err(error) => {
                    if !failing {
                        warn!(%error, "new events can't be read; trying again");
                    }
                    failing = true;
                    wait = interval;
                }
            }
        }
    }

    /// Broadcasts what is new; `false` when something committed is not settled yet.
    async fn read(&self) -> sqlx::Result<bool> {
        let mut conn = self.pool.acquire().await?;
        let known = *self.position.borrow();
        let Some(mut position) = known else {
            let end = events::end(&mut conn).await?;
            self.position.send_replace(Some(end));
            return Ok(false);
        };
        loop {
            let page = events::page_after(&mut conn, Audience::Everyone, position, PAGE).await?;
            let full = i64::try_from(page.len()) == Ok(PAGE);
            for event in page {
                position = event.cursor;
                self.position.send_replace(Some(position));
                // An error says that no stream is open.
                let _ = self.sender.send(Arc::new(event));
            }
            if !full {
                break;
            }
        }
        Ok(!events::unsettled_after(&mut conn, position).await?)
    }
}

fn next_look(wait: Duration, interval: Duration) -> Duration {
    if wait.is_zero() || wait >= interval { SETTLING.min(interval) } else { (wait * 2).min(interval) }
}
