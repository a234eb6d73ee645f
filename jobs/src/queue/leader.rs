//! Leadership: one process at a time holds a role, and every write of a leader says in which
//! term it was made.
//!
//! The lock is an advisory lock on a connection of its own. A leader that dies loses it with
//! its connection; one that is frozen or cut off loses it when the server ends the idle
//! session. Whoever takes over raises the term, and the former's writes are refused from then
//! on: [`Term::assert`] is the first statement of each of them.

use std::{future::Future, time::Duration};

use rand::Rng;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use uuid::Uuid;

/// The class of the advisory locks of roles.
const LOCK_CLASS: i32 = 0x6361_7073;
/// How often a candidate asks, and a leader pings.
const ASK_EVERY: Duration = Duration::from_millis(500);
const PING_EVERY: Duration = Duration::from_secs(1);
/// Longer than this without an answer, and a leader must assume that it is none any more.
const ANSWER: Duration = Duration::from_secs(2);

/// A time of leadership.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    role: &'static str,
    number: i64,
}

/// The term is over: another leads now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TermError {
    #[error("term {0} is over")]
    Over(i64),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Term {
    /// Holds the term in the caller's transaction; fails when it is over.
    pub(crate) async fn assert(&self, conn: &mut PgConnection) -> Result<(), TermError> {
        sqlx::query_scalar!(
            "select 1 from queue.leadership where role = $1 and term = $2 for share",
            self.role,
            self.number,
        )
        .fetch_optional(conn)
        .await?
        .map(drop)
        .ok_or(TermError::Over(self.number))
    }
}

/// Stands for `role` until `shutdown`; while leading, runs `duty`, which is dropped when
/// the leadership ends.
pub(super) async fn stand<F: Future<Output = ()>>(
    pool: PgPool,
    role: &'static str,
    holder: Uuid,
    shutdown: CancellationToken,
    duty: impl Fn(Term) -> F,
) {
    while !shutdown.is_cancelled() {
        match timeout(Duration::from_secs(10), take_office(&pool, role, holder)).await {
            Ok(Ok(Some((mut conn, term)))) => {
                info!(role, term = term.number, "leading {role} in term {}", term.number);
                tokio::select! {
                    () = duty(term.clone()) => {}
                    () = lose(&mut conn) => warn!(role, "no longer leading {role}: the connection is gone"),
                    () = shutdown.cancelled() => {}
                }
                // Closing frees the lock at once; a connection that does not answer is dropped.
                let _ = timeout(Duration::from_secs(1), conn.close()).await;
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => debug!(%error, role, "could not stand for {role}"),
            Err(_) => debug!(role, "no answer when standing for {role}"),
        }
        let wait = ASK_EVERY.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::select! {
            () = sleep(wait) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

/// Takes the role's lock on a new connection and raises the term; `None` when another has it.
async fn take_office(
    pool: &PgPool,
    role: &'static str,
    holder: Uuid,
) -> sqlx::Result<Option<(PgConnection, Term)>> {
    // Of its own, never pooled: the lock lives and dies with it. The server ends it when it
    // falls silent, since a frozen process would keep the lock for ever.
    let options = (*pool.connect_options()).clone().options([
        ("idle_session_timeout", "5s"),
        ("statement_timeout", "2s"),
        ("tcp_keepalives_idle", "3"),
        ("tcp_keepalives_interval", "1"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "6s"),
    ]);
    let mut conn = PgConnection::connect_with(&options).await?;
    // A session that has not taken the settings is a pooler's: it would keep the lock for ever.
    let elected = sqlx::query_scalar!(
        r#"select case when current_setting('idle_session_timeout') = '5s'
                       then pg_try_advisory_lock($1, hashtext($2))
                       else false end as "ours!""#,
        LOCK_CLASS,
        role,
    )
    .fetch_one(&mut conn)
    .await?;
    if !elected {
        let _ = conn.close().await;
        return Ok(None);
    }
    let number = sqlx::query_scalar!(
        "insert into queue.leadership (role, term, holder)
         values ($1, 1, $2)
         on conflict (role) do update
            set term = leadership.term + 1, holder = excluded.holder, since = clock_timestamp()
         returning term",
        role,
        holder,
    )
    .fetch_one(&mut conn)
    .await?;
    Ok(Some((conn, Term { role, number })))
}

/// Returns when the connection no longer answers.
async fn lose(conn: &mut PgConnection) {
    let mut turn = interval(PING_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        match timeout(ANSWER, conn.ping()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
