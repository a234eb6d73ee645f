//! What is counted about connectors, and what of their answers is put away: gathered in memory,
//! added to the tables every second.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{Connection, PgPool};
use tokio::{
    runtime::Handle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tracing::debug;

use super::flaw::Flaw;
use crate::{
    db::{
        connectors::{self, Tally},
        quarantine::{self, Quarantined},
    },
    external::{
        ExternalError,
        secrets::{Secrets, one_line},
    },
};

/// How often counts are added to the tables.
const EVERY: Duration = Duration::from_secs(1);
/// The longest that adding them may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most answers that wait to be put away; more are only counted.
const MOST: usize = 200;

type Key = (&'static str, &'static str, NaiveDate);

#[derive(Debug, Default)]
struct Gathered {
    tallies: BTreeMap<Key, Tally>,
    quarantined: Vec<Quarantined>,
}

#[derive(Debug)]
struct Shared {
    pool: PgPool,
    gathered: Mutex<Gathered>,
    /// What must not be shown of the answers of each connector.
    hidden: Mutex<BTreeMap<&'static str, Secrets>>,
    /// Held while counts are on their way, so that nobody thinks that all are written.
    writing: tokio::sync::Mutex<()>,
}

/// Counts; clones count together.
#[derive(Debug, Clone)]
pub(super) struct Recorder {
    shared: Arc<Shared>,
}

impl Recorder {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            shared: Arc::new(Shared {
                pool,
                gathered: Mutex::default(),
                hidden: Mutex::default(),
                writing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// Masks `secrets` in whatever is put away of `connector` from now on.
    pub(super) fn hide(&self, connector: &'static str, secrets: &Secrets) {
        let mut hidden = self.shared.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        hidden.entry(connector).or_default().extend(secrets);
    }

    /// Returns `text`, which may repeat what `connector` said, as it may be kept and shown: without
    /// secrets, on one line that the database can hold.
    pub(super) fn shown(&self, connector: &str, text: &str) -> String {
        let hidden = self.shared.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        let masked = hidden.get(connector).map(|secrets| secrets.mask(text));
        one_line(masked.as_deref().unwrap_or(text))
    }

    /// Counts a call and what came of it.
    pub(super) fn called(
        &self,
        connector: &'static str,
        endpoint: &'static str,
        took: Duration,
        error: Option<&ExternalError>,
    ) {
        let took = i32::try_from(took.as_millis()).unwrap_or(i32::MAX);
        self.count(connector, endpoint, |tally| {
            tally.total += 1;
            tally.latency_sum_ms += i64::from(took);
            tally.latency_max_ms = tally.latency_max_ms.max(took);
            let Some(error) = error else { return tally.success += 1 };
            tally.failure += 1;
            tally.rate_limited += i64::from(matches!(error, ExternalError::RateLimited { .. }));
            tally.note_error(&error.to_string());
        });
    }

    /// Puts an answer away. When it `spoils` the call, that is no success after all.
    pub(super) fn flawed(
        &self,
        connector: &'static str,
        endpoint: &'static str,
        symbol: Option<&str>,
        flaw: &Flaw,
        excerpt: Option<String>,
        spoils: bool,
    ) {
        // As the database can hold it: one row that it refuses would keep back all the others.
        let shown = |text: &str| self.shown(connector, text);
        self.count(connector, endpoint, |tally| {
            tally.quarantined += 1;
            if spoils {
                tally.success -= 1;
                tally.failure += 1;
            }
            tally.note_error(&shown(&flaw.told()));
        });
        let mut gathered = self.gathered();
        if gathered.quarantined.len() < MOST {
            gathered.quarantined.push(Quarantined {
                connector: connector.to_owned(),
                endpoint: endpoint.to_owned(),
                symbol: symbol.map(one_line),
                code: flaw.code.as_str().to_owned(),
                reason: shown(&flaw.reason).chars().take(500).collect(),
                excerpt: excerpt.map(|excerpt| shown(&excerpt)),
                created_at: Utc::now(),
            });
        }
    }

    /// Counts an answer that was given in another's place.
    pub(super) fn fell_back(&self, connector: &'static str, endpoint: &'static str) {
        self.count(connector, endpoint, |tally| tally.fallback_used += 1);
    }

    fn count(&self, connector: &'static str, endpoint: &'static str, change: impl FnOnce(&mut Tally)) {
        let day = Utc::now().date_naive();
        change(self.gathered().tallies.entry((connector, endpoint, day)).or_default());
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.shared.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what was gathered to the tables; what can't be written is kept for the next time.
    pub(super) async fn flush(&self) {
        let _writing = self.shared.writing.lock().await;
        let taken = std::mem::take(&mut *self.gathered());
        if taken.tallies.is_empty() && taken.quarantined.is_empty() {
            return;
        }
        match timeout(PATIENCE, self.write(&taken)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => debug!(%error, "could not record what connectors answered; trying again"),
            Err(_) => debug!("no answer when recording what connectors answered; trying again"),
        }
        let mut gathered = self.gathered();
        for (key, tally) in taken.tallies {
            gathered.tallies.entry(key).or_default().add(tally);
        }
        let room = MOST.saturating_sub(gathered.quarantined.len());
        gathered.quarantined.extend(taken.quarantined.into_iter().take(room));
    }

    async fn write(&self, taken: &Gathered) -> sqlx::Result<()> {
        let mut conn = self.shared.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        // In the order of their keys, as every process does: nobody waits in a circle.
        for ((connector, endpoint, day), tally) in &taken.tallies {
            connectors::add(&mut tx, connector, endpoint, *day, tally).await?;
        }
        for one in &taken.quarantined {
            quarantine::put(&mut tx, one).await?;
        }
        tx.commit().await
    }
}

/// Writes what a recorder gathers until it is dropped, and the rest then.
#[derive(Debug)]
pub(super) struct Writer {
    recorder: Recorder,
    _task: AbortOnDropHandle<()>,
}

impl Writer {
    /// Must be called inside a runtime.
    pub(super) fn start(recorder: Recorder) -> Self {
        let writing = recorder.clone();
        let task = tokio::spawn(async move {
            let mut turn = interval(EVERY);
            turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                turn.tick().await;
                writing.flush().await;
            }
        });
        Self { recorder, _task: AbortOnDropHandle::new(task) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let recorder = self.recorder.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { recorder.flush().await });
        }
    }
}

impl Tally {
    fn note_error(&mut self, error: &str) {
        let at: DateTime<Utc> = Utc::now();
        self.last_error = Some((one_line(error).chars().take(500).collect(), at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_gathered_fits_into_the_database_and_shows_no_key() {
        let pool = PgPool::connect_lazy("postgres://nobody@localhost/nothing").expect("a URL");
        let recorder = Recorder::new(pool);
        let mut secrets = Secrets::default();
        secrets.add_header(&"Bearer planted".into());
        recorder.hide("polygon", &secrets);

        let refused = ExternalError::Refused { status: 400, body: "a\0b".to_owned() };
        recorder.called("polygon", "quotes", Duration::ZERO, Some(&refused));
        let flaw = Flaw::malformed("c\0planted");
        let excerpt = Some("e\0planted".to_owned());
        recorder.flawed("polygon", "news", Some("A\0"), &flaw, excerpt, false);

        let gathered = recorder.gathered();
        let errors: Vec<_> = gathered.tallies.values().filter_map(|tally| tally.last_error.clone()).collect();
        let errors: Vec<_> = errors.iter().map(|(error, _)| error.as_str()).collect();
        assert_eq!(errors, ["malformed: c ***", "refused with 400: a b"]);
        let put_away = &gathered.quarantined[0];
        assert_eq!((put_away.reason.as_str(), put_away.excerpt.as_deref()), ("c ***", Some("e ***")));
        assert_eq!(put_away.symbol.as_deref(), Some("A "));
    }
}
