//! What can go wrong with a private server, in the words of the person at the terminal.

use std::path::PathBuf;
use std::time::Duration;

/// Why a private PostgreSQL server could not be found, started, attached to or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No usable server binaries on this machine; names the one command that installs them.
    #[error("no postgresql server (version {minimum} or newer) found; install it with: {command}")]
    NotInstalled {
        /// The oldest major version that will do.
        minimum: u32,
        /// The command for this system.
        command: String,
    },
    /// `CAPSTAN_PG_BIN` is set to a directory without a usable server.
    #[error("CAPSTAN_PG_BIN is {0}, which holds no usable initdb, pg_ctl and postgres")]
    BadOverride(PathBuf),
    /// The package manager failed.
    #[error("installing postgresql failed: {0}")]
    Install(String),
    /// Under root there is no account to drop to; the server refuses to run as root.
    #[error("running as root, and there is neither a postgres nor a nobody user to run the server as")]
    NoServerUser,
    /// The server's data belong to another user, and only root could act for that user.
    #[error("{path} belongs to user id {owner}, not to {me}; choose another --data-dir")]
    ForeignData {
        /// The server's data directory.
        path: PathBuf,
        /// Its owner's user id.
        owner: u32,
        /// The effective user id of this process.
        me: u32,
    },
    /// No place is left that the server's user can reach.
    #[error("{path} cannot hold the server's data: {reason}")]
    Unusable {
        /// The directory that was tried last.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No directory gives a socket path within the system's limit.
    #[error("no private directory for the server's socket (path limit {limit} bytes); tried {tried}")]
    SocketPath {
        /// The longest path that will do, in bytes.
        limit: usize,
        /// The candidates, separated by commas, each with its fault.
        tried: String,
    },
    /// Another process holds the start lock for too long.
    #[error("waited {} s for {path}: another process is still starting this server", waited.as_secs())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long this process waited.
        waited: Duration,
    },
    /// A program that belongs to the server failed.
    #[error("{program} failed: {detail}")]
    Program {
        /// The program's name.
        program: String,
        /// Its exit status and the end of its output.
        detail: String,
    },
    /// A program that belongs to the server did not end in time and was killed.
    #[error("{program} did not finish within {} s: {output}", limit.as_secs())]
    TimedOut {
        /// The program's name.
        program: String,
        /// The limit it broke.
        limit: Duration,
        /// What it had printed.
        output: String,
    },
    /// The server did not come up; carries the last lines of its log.
    #[error("the server in {directory} did not start: {reason}\n{log}")]
    Start {
        /// The server's data directory.
        directory: PathBuf,
        /// The last failure.
        reason: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// The server did not stop.
    #[error("the server with pid {pid} did not stop within {} s", limit.as_secs())]
    Stop {
        /// The postmaster's process id.
        pid: i32,
        /// The limit it broke.
        limit: Duration,
    },
    /// A database name that would need quoting.
    #[error("\"{0}\" is not a database name: use up to 63 of a-z, 0-9 and _, not starting with a digit")]
    DatabaseName(String),
    /// The file system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl PostgresError {
    /// Returns a closure that names the failed action and its path; for `map_err`.
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
