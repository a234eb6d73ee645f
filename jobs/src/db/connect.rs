//! How a process reaches the database: by a pool, which a pooler may stand in front of, and past
//! the pooler for what lives as long as its session.
//!
//! A pooler in transaction mode (PgBouncer) lends a server connection for one transaction.
//! Prepared statements survive that from PgBouncer 1.21 on; listening, session locks and
//! settings of a session do not. So with `database.direct_url` set, those use [`direct`], and a
//! pooled connection asks for no setting of its own. A pooler that is not told of, or that forgets
//! prepared statements, is refused: one process would run the statements of another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    Connection, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::warn;

use crate::config::Database;

/// Connections past a pooler: one listens, one migrates; a leader makes its own.
const DIRECT: u32 = 4;

/// Whether the missing limits of pooled sessions have been remarked upon.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No URL was configured.
    #[error("no database is configured: set DATABASE_URL")]
    NoUrl,
    /// The URL does not parse.
    #[error("DATABASE_URL is not a PostgreSQL URL: {0}")]
    BadUrl(sqlx::Error),
    /// The URL past the pooler does not parse.
    #[error("database.direct_url is not a PostgreSQL URL: {0}")]
    BadDirectUrl(sqlx::Error),
}

/// Returns a pool that connects on first use: a database that is away is no error here.
///
/// Every connection has timeouts set: no statement outlives its caller by more than the
/// statement timeout, and no transaction is left open in silence for more than 10 s. Behind a
/// pooler (`direct_url` is set) the role or the pooler has to set them; it is said when neither does.
pub fn pool(settings: &Database, name: &str) -> Result<PgPool, ConnectError> {
    let url = settings.url.as_ref().ok_or(ConnectError::NoUrl)?;
    let options = parsed(url).map_err(ConnectError::BadUrl)?.application_name(&format!("capstan {name}"));
    let pool = sized(settings, settings.max_connections);
    // What stands in between is looked at once, on the first connection.
    let known = Arc::new(AtomicBool::new(false));
    if settings.direct_url.is_none() {
        let limit = settings.statement_timeout_ms;
        let checked =
            pool.after_connect(move |conn, _| Box::pin(settings_are_taken(conn, limit, known.clone())));
        return Ok(checked.connect_lazy_with(bounded(options, settings)));
    }
    let checked = pool.after_connect(move |conn, _| Box::pin(statements_are_kept(conn, known.clone())));
    // A pooler refuses startup parameters that it does not know.
    Ok(checked.connect_lazy_with(options.extra_float_digits(None)))
}

/// Returns a small pool that goes past the pooler, if there is one: for listening, leadership and
/// migrations. Like [`pool`], it connects on first use and sets the timeouts.
pub fn direct(settings: &Database, name: &str) -> Result<PgPool, ConnectError> {
    let options = match (&settings.direct_url, &settings.url) {
        (Some(url), _) => parsed(url).map_err(ConnectError::BadDirectUrl)?,
        (None, Some(url)) => parsed(url).map_err(ConnectError::BadUrl)?,
        (None, None) => return Err(ConnectError::NoUrl),
    };
    let options = bounded(options.application_name(&format!("capstan {name} direct")), settings);
    Ok(sized(settings, DIRECT).connect_lazy_with(options))
}

/// Returns [`direct`] where `database.direct_url` is set, and `pool` itself where it is not.
pub fn direct_or(pool: &PgPool, settings: &Database) -> Result<PgPool, ConnectError> {
    if settings.direct_url.is_some() { direct(settings, "process") } else { Ok(pool.clone()) }
}

fn parsed(url: &SecretString) -> sqlx::Result<PgConnectOptions> {
    url.expose_secret().parse()
}

fn sized(settings: &Database, connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .idle_timeout(Duration::from_mins(5))
}

fn bounded(options: PgConnectOptions, settings: &Database) -> PgConnectOptions {
    options.options([
        ("statement_timeout", settings.statement_timeout_ms.to_string()),
        // A process frozen or cut off inside a transaction must not keep its locks for ever.
        ("idle_in_transaction_session_timeout", "10s".to_owned()),
    ])
}

/// Fails when the session has not taken our settings: then it is a pooler's.
async fn settings_are_taken(conn: &mut PgConnection, limit: u64, known: Arc<AtomicBool>) -> sqlx::Result<()> {
    if known.load(Ordering::Relaxed) {
        return Ok(());
    }
    let set = "select setting from pg_settings where name = 'statement_timeout'";
    let set: String = sqlx::raw_sql(set).fetch_one(conn).await?.try_get("setting")?;
    if set != limit.to_string() {
        let why = "the session has not taken statement_timeout: behind a pooler, set database.direct_url";
        return Err(sqlx::Error::Configuration(why.into()));
    }
    known.store(true, Ordering::Relaxed);
    Ok(())
}

/// Fails when the pooler passes prepared statements on under the names we give them: another
/// session would find them, or not find its own.
async fn statements_are_kept(conn: &mut PgConnection, known: Arc<AtomicBool>) -> sqlx::Result<()> {
    if known.load(Ordering::Relaxed) {
        return Ok(());
    }
    // In a transaction the pooler keeps to one session: what is prepared is looked for there.
    let mut tx = conn.begin().await?;
    let ours = "select name from pg_prepared_statements where name like 'sqlx\\_s\\_%' limit 1";
    let seen = sqlx::query_scalar::<_, String>(ours).fetch_optional(&mut *tx).await;
    let of_others = |code: &str| matches!(code, "42P05" | "26000" | "08P01");
    match seen {
        Ok(None) => {}
        Err(sqlx::Error::Database(error)) if !error.code().is_some_and(|code| of_others(&code)) => {
            return Err(sqlx::Error::Database(error));
        }
        Ok(Some(_)) | Err(sqlx::Error::Database(_)) => {
            let why = "the pooler does not keep prepared statements apart: it takes PgBouncer 1.21 or newer \
                       with max_prepared_statements above 0";
            return Err(sqlx::Error::Configuration(why.into()));
        }
        Err(error) => return Err(error),
    }
    tx.rollback().await?;
    remark_missing_limits(conn).await?;
    known.store(true, Ordering::Relaxed);
    Ok(())
}

/// Says once in a process that pooled sessions have no limits.
async fn remark_missing_limits(conn: &mut PgConnection) -> sqlx::Result<()> {
    let off = "select name from pg_settings
                where name in ('statement_timeout', 'idle_in_transaction_session_timeout') and setting = '0'";
    let rows = sqlx::raw_sql(off).fetch_all(conn).await?;
    let off: Vec<String> = rows.iter().map(|row| row.try_get("name")).collect::<Result<_, _>>()?;
    if !off.is_empty() && !TOLD.swap(true, Ordering::Relaxed) {
        let off = off.join(" and ");
        warn!("sessions of the pooler have no {off}: set them for the role (alter role … set …)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: Option<&str>, direct_url: Option<&str>) -> Database {
        Database {
            url: url.map(Into::into),
            direct_url: direct_url.map(Into::into),
            max_connections: 16,
            acquire_timeout_ms: 100,
            statement_timeout_ms: 30_000,
        }
    }

    #[tokio::test]
    async fn only_sessions_of_our_own_ask_for_settings() {
        let (near, far) = ("postgres://me@pooler/a", "postgres://me@server/a");
        let cases = [(None, "pooler", true), (Some(far), "server", false)];
        for (direct_url, host, set) in cases {
            let settings = settings(Some(near), direct_url);
            let pooled = pool(&settings, "test").expect("a URL").connect_options();
            assert_eq!(pooled.get_host(), "pooler");
            assert_eq!(pooled.get_options().is_some(), set, "{direct_url:?}");
            let own = direct(&settings, "test").expect("a URL").connect_options();
            assert_eq!(own.get_host(), host);
            let text = own.get_options().expect("it sets its timeouts");
            assert!(text.contains("statement_timeout=30000"), "{text}");
        }
    }

    #[tokio::test]
    async fn a_url_that_is_missing_or_none_is_told_apart() {
        let told = |url, direct_url| {
            let settings = settings(url, direct_url);
            [pool(&settings, "test"), direct(&settings, "test")].map(|made| {
                made.err().map(|error| error.to_string().split(':').next().map(ToOwned::to_owned))
            })
        };
        let missing = Some(Some("no database is configured".to_owned()));
        assert_eq!(told(None, None), [missing.clone(), missing]);
        let [pooled, own] = told(Some("postgres://h/a"), Some("postgres://h:port/a"));
        assert_eq!(pooled, None);
        assert_eq!(own, Some(Some("database.direct_url is not a PostgreSQL URL".to_owned())));
    }
}
