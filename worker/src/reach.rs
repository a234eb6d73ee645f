//! Is the database there? If not: where it was looked for, and what came back. A pool only says
//! that it waited in vain.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// How long a command that needs the database waits for it.
pub const LIMIT: Duration = Duration::from_mins(1);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(250);
/// How often an unchanged cause is told again.
const REMINDER: Duration = Duration::from_secs(10);

/// Why the database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// The URL is one of another database, or none. Its rest is not repeated: it may hold a password.
    #[error("DATABASE_URL begins with {0:?}: it has to begin with postgres:// or postgresql://")]
    Scheme(String),
    /// The URL does not parse.
    #[error("DATABASE_URL is not a PostgreSQL URL: {0}")]
    Unreadable(sqlx::Error),
    /// Every attempt failed.
    #[error("no connection to the database at {place} within {} s: {cause}", limit.as_secs())]
    Away {
        /// Host and port, or the path of the socket.
        place: String,
        /// What the last attempt met.
        cause: String,
        /// How long it was tried.
        limit: Duration,
    },
}

/// Reads `url`, of the form `postgres://user@host:port/database`.
///
/// # Errors
/// `Scheme` for another kind of URL, which sqlx would take for PostgreSQL's; `Unreadable`.
pub fn options(url: &str) -> Result<PgConnectOptions, ReachError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if !matches!(scheme.to_ascii_lowercase().as_str(), "postgres" | "postgresql") {
        return Err(ReachError::Scheme(scheme.to_owned()));
    }
    url.parse().map_err(ReachError::Unreadable)
}

/// Waits for at most `limit` until the database takes a connection; what is in the way goes to
/// `tell` when it changes, and every 10 s.
///
/// # Errors
/// `Away` when `limit` has passed.
pub async fn wait(
    options: &PgConnectOptions,
    limit: Duration,
    tell: impl Fn(&str),
) -> Result<(), ReachError> {
    let (began, place) = (Instant::now(), place(options));
    let mut told: Option<(String, Instant)> = None;
    loop {
        let left = limit.saturating_sub(began.elapsed());
        let Err(cause) = once(options, left.clamp(PAUSE, ATTEMPT)).await else { return Ok(()) };
        if began.elapsed() + PAUSE >= limit {
            return Err(ReachError::Away { place, cause, limit });
        }
        if told.as_ref().is_none_or(|(last, at)| *last != cause || at.elapsed() >= REMINDER) {
            tell(&format!("waiting for the database at {place}: {cause}"));
            told = Some((cause, Instant::now()));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Connects once and returns what was in the way.
async fn once(options: &PgConnectOptions, limit: Duration) -> Result<(), String> {
    match tokio::time::timeout(limit, options.connect()).await {
        Ok(Ok(conn)) => {
            // It answered; how it takes leave does not matter.
            let _ = tokio::time::timeout(limit, conn.close()).await;
            Ok(())
        }
        Ok(Err(error)) => Err(cause(&error)),
        Err(_) => Err(format!("no answer within {limit:?}")),
    }
}

fn cause(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) => match error.kind() {
            ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            ErrorKind::NotFound => "there is no such socket".to_owned(),
            _ => error.to_string(),
        },
        sqlx::Error::Database(error) => error.message().to_owned(),
        other => other.to_string(),
    }
}

/// Returns where `options` lead: `host:port`, or the path of a socket.
fn place(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    match options.get_socket() {
        Some(directory) => format!("{}/.s.PGSQL.{port}", directory.display()),
        None if host.starts_with('/') => format!("{host}/.s.PGSQL.{port}"),
        None => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_url_of_another_database_is_refused_without_its_password() {
        for (url, named) in [
            ("mysql://me:secret@localhost/capstan", "\"mysql\""),
            ("http://localhost", "\"http\""),
            ("me:secret@localhost/capstan", "\"\""),
        ] {
            let refused = options(url).expect_err("not PostgreSQL's").to_string();
            assert!(refused.contains(named) && !refused.contains("secret"), "{refused}");
        }
        for url in ["postgres://localhost/a", "postgresql://me@localhost:1/a", "POSTGRES://h/a?host=/run/x"] {
            options(url).expect("PostgreSQL's");
        }
        let refused = options("postgres://localhost:port/a").expect_err("no port").to_string();
        assert!(refused.starts_with("DATABASE_URL is not a PostgreSQL URL"), "{refused}");
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_named_with_the_cause() {
        // A port that was just freed: nobody listens on it.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a port");
        let empty = tempfile::tempdir().expect("a temporary directory");
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let silent_at = silent.local_addr().expect("it is bound");
        let directory = empty.path().display();
        let cases = [
            (format!("postgres://x@{free}/a"), format!("{free}"), "connection refused"),
            (
                format!("postgres://x@localhost/a?host={directory}"),
                format!("{directory}/.s.PGSQL.5432"),
                "there is no such socket",
            ),
            (format!("postgres://x@{silent_at}/a"), format!("{silent_at}"), "no answer within"),
        ];
        for (url, place, cause) in cases {
            let options = options(&url).expect("a URL");
            let told = Mutex::new(Vec::new());
            let tell = |text: &str| told.lock().expect("no panic").push(text.to_owned());
            let away = wait(&options, Duration::from_secs(1), tell).await.expect_err("nobody is there");
            let expected = format!("no connection to the database at {place} within 1 s: {cause}");
            assert!(away.to_string().starts_with(&expected), "{away}");
            let waiting = format!("waiting for the database at {place}: {cause}");
            let told = told.into_inner().expect("no panic");
            assert!(told.len() <= 1 && told.iter().all(|text| text.starts_with(&waiting)), "{told:?}");
        }
    }
}
