//! Receives hints. When the listener is dead, polling goes on alone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::hints::{ADMISSIONS_CHANNEL, CANCELS_CHANNEL, JOBS_CHANNEL};

/// Who is woken by what.
#[derive(Debug, Clone)]
pub(super) struct Wakers {
    pub(super) queues: Arc<BTreeMap<String, Notify>>,
    pub(super) cancels: Arc<Notify>,
    /// A blocked job may just have been enqueued, or become ready.
    pub(super) admissions: Arc<Notify>,
}

impl Wakers {
    pub(super) fn new<'a>(queues: impl Iterator<Item = &'a String>) -> Self {
        let queues = queues.map(|name| (name.clone(), Notify::new())).collect();
        Self { queues: Arc::new(queues), cancels: Arc::default(), admissions: Arc::default() }
    }

    /// Wakes the claim loop of `queue`, when this process serves it.
    pub(super) fn wake(&self, queue: &str) {
        if let Some(waker) = self.queues.get(queue) {
            waker.notify_one();
        }
    }

    pub(super) fn wake_all(&self) {
        self.queues.values().for_each(Notify::notify_one);
        self.cancels.notify_one();
    }
}

/// Listens for ever, reconnecting with backoff.
pub(super) async fn listen(pool: PgPool, wakers: Wakers) {
    let mut wait = Duration::from_millis(100);
    loop {
        match connect(&pool).await {
            Ok(mut listener) => {
                // Whatever came while nobody listened.
                wakers.wake_all();
                wait = Duration::from_millis(100);
                receive(&mut listener, &wakers).await;
                warn!("the hint listener lost its connection; polling meanwhile");
            }
            Err(error) => info!(%error, "the hint listener can't connect; polling meanwhile"),
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(5));
    }
}

async fn connect(pool: &PgPool) -> sqlx::Result<PgListener> {
    let connecting = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.ignore_pool_close_event(true);
        listener.listen_all([JOBS_CHANNEL, CANCELS_CHANNEL, ADMISSIONS_CHANNEL]).await?;
        Ok(listener)
    };
    timeout(Duration::from_secs(5), connecting).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn receive(listener: &mut PgListener, wakers: &Wakers) {
    // try_recv says None when the connection was lost.
    while let Ok(Some(hint)) = listener.try_recv().await {
        match hint.channel() {
            JOBS_CHANNEL => wakers.wake(hint.payload()),
            ADMISSIONS_CHANNEL => wakers.admissions.notify_one(),
            _ => wakers.cancels.notify_one(),
        }
    }
}
