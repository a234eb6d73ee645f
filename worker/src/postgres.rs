//! A private PostgreSQL server for one data directory: found or installed, created, started,
//! attached to, stopped. No TCP, no password, no setting of the machine's own server touched.
//!
//! Everything here blocks (a start takes seconds): call it through `spawn_blocking` from async
//! code. The server outlives its starter on purpose; whoever comes next attaches to it.

mod account;
mod binaries;
mod error;
mod install;
mod launch;
pub(crate) mod lock;
mod placement;
mod postmaster;
mod program;
pub mod testing;

pub use error::PostgresError;
pub use install::Install;
pub use placement::default_data_dir;

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use account::Account;
use binaries::Binaries;
use launch::Launch;
use postmaster::Postmaster;

/// The database role that owns everything in a private cluster.
pub const DATABASE_USER: &str = "capstan";
/// The database that the product itself uses.
pub const DATABASE: &str = "capstan";

/// How long a start waits for another process that is starting the same cluster.
const LOCK_LIMIT: Duration = Duration::from_mins(4);

/// What cluster to start, and how.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The project's data directory; the server's own is `<data_dir>/postgres-<major>`.
    pub data_dir: PathBuf,
    /// Whether commits survive a power cut. Off only for tests.
    pub fsync: bool,
    /// Whether a missing server may be installed.
    pub install: Install,
    /// Further server settings (name, value); they win over ours.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Returns the options of a development cluster in `data_dir`: fsync on, nothing installed.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), fsync: true, install: Install::Never, settings: Vec::new() }
    }
}

/// How a server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Ends sessions, writes a checkpoint.
    Fast,
    /// Drops everything; the next start recovers from the log.
    Immediate,
}

/// A server that takes connections. Dropping the value leaves the server running.
#[derive(Debug, Clone)]
pub struct Cluster {
    pgdata: PathBuf,
    socket_dir: PathBuf,
    pid: i32,
    psql: Option<PathBuf>,
    /// Whether the server was already running.
    pub attached: bool,
}

impl Cluster {
    /// Starts the cluster of `options.data_dir`, creating it first if need be, or attaches to it
    /// when it already runs. Of several processes that do this at once, one creates and starts.
    ///
    /// # Errors
    /// `NotInstalled` names the command to run; `Start` carries the end of the server's log.
    pub fn start(options: ClusterOptions) -> Result<Self, PostgresError> {
        let data_dir = placement::create_data_dir(&options.data_dir)?;
        let _starting = lock::exclusive(&data_dir.join("start.lock"), LOCK_LIMIT)?;
        if let Some(cluster) = Self::attach_resolved(&data_dir) {
            return Ok(cluster);
        }
        let options = ClusterOptions { data_dir: data_dir.clone(), ..options };
        let existing = majors(&placement::recorded(&data_dir));
        let binaries = match binaries::find(&existing)? {
            Some(found) => found,
            None => installed(&options, &existing)?,
        };
        let name = format!("postgres-{}", binaries.major);
        let kept = placement::recorded(&data_dir).join(&name);
        let account = if kept.exists() { Account::owning(&kept)? } else { Account::choose()? };
        let pgdata = placement::place(&data_dir, &account)?.join(&name);
        let launch = Launch { binaries: &binaries, account: &account, pgdata, options: &options };
        if !launch.initialised() {
            launch.initialise()?;
        }
        let server = launch.start()?;
        Self::of(launch.pgdata.clone(), server, Some(&binaries), false).ok_or(PostgresError::Start {
            directory: launch.pgdata,
            reason: "it wrote no socket directory into postmaster.pid".to_owned(),
            log: String::new(),
        })
    }

    /// Returns the running cluster of `data_dir`, or `None` when none runs; starts nothing.
    pub fn attach(data_dir: &Path) -> Option<Self> {
        Self::attach_resolved(&std::fs::canonicalize(data_dir).ok()?)
    }

    fn attach_resolved(data_dir: &Path) -> Option<Self> {
        let home = placement::recorded(data_dir);
        let directories = majors(&home).into_iter().map(|major| home.join(format!("postgres-{major}")));
        let live = directories.filter(|pgdata| postmaster::running(pgdata).is_some());
        live.into_iter().find_map(|pgdata| {
            let server = launch::wait_ready(&pgdata, Duration::from_mins(1))?;
            let real = std::fs::read_link(format!("/proc/{}/exe", server.pid)).ok();
            let binaries = real.and_then(|exe| {
                let directory = exe.parent()?.to_owned();
                Some(Binaries { directory, major: binaries::MINIMUM_MAJOR })
            });
            Self::of(pgdata, server, binaries.as_ref(), true)
        })
    }

    fn of(pgdata: PathBuf, server: Postmaster, binaries: Option<&Binaries>, attached: bool) -> Option<Self> {
        let psql = binaries::psql(binaries);
        Some(Self { pgdata, socket_dir: server.socket_dir?, pid: server.pid, psql, attached })
    }

    /// Returns the URL of `database`, as sqlx and libpq both read it.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(&self.socket_dir);
        format!("postgres://{DATABASE_USER}@localhost:5432/{database}?host={host}")
    }

    /// Returns a line for a shell that opens `database` in psql.
    pub fn psql_command(&self, database: &str) -> String {
        let on_path = binaries::on_path("psql").is_some();
        let program = match &self.psql {
            Some(path) if !on_path => shell_word(&path.display().to_string()),
            _ => "psql".to_owned(),
        };
        let host = shell_word(&self.socket_dir.display().to_string());
        format!("{program} -h {host} -U {DATABASE_USER} -d {}", shell_word(database))
    }

    /// Returns the directory of the server's socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Returns the server's own data directory.
    pub fn pgdata(&self) -> &Path {
        &self.pgdata
    }

    /// Returns the postmaster's process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Returns whether the server still runs: the process that was started or attached to.
    pub fn runs(&self) -> bool {
        postmaster::serves(self.pid, &self.pgdata)
    }

    /// Creates database `name` unless it exists; several processes may do so at once.
    ///
    /// # Errors
    /// `DatabaseName` for a name that would need quoting; `Program` when psql fails.
    pub fn ensure_database(&self, name: &str) -> Result<(), PostgresError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let valid = (1..=63).contains(&name.len()) && name.bytes().all(plain);
        if !valid || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(PostgresError::DatabaseName(name.to_owned()));
        }
        let exists = || {
            let query = format!("select count(*) from pg_database where datname = '{name}'");
            self.psql(&query).map(|count| count.trim() == "1")
        };
        if exists()? {
            return Ok(());
        }
        match self.psql(&format!("create database {name}")) {
            Err(error) if !exists()? => Err(error),
            _ => Ok(()),
        }
    }

    fn psql(&self, statement: &str) -> Result<String, PostgresError> {
        let missing =
            || PostgresError::Program { program: "psql".to_owned(), detail: "not found".to_owned() };
        let mut psql = program::command(self.psql.as_deref().ok_or_else(missing)?, None);
        psql.env("PGCONNECT_TIMEOUT", "10").args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1"]);
        psql.arg("-h").arg(&self.socket_dir).args(["-p", "5432", "-U", DATABASE_USER, "-d", "postgres"]);
        psql.args(["-c", statement]);
        program::run_ok(psql, Duration::from_mins(1))
    }

    /// Stops the server and waits until it is gone, for at most 20 s.
    ///
    /// # Errors
    /// `Stop` when it is still there.
    pub fn stop(&self, mode: Mode) -> Result<(), PostgresError> {
        self.stop_within(mode, Duration::from_secs(20))
    }

    /// Stops the server and waits for at most `limit`; a fast stop turns into an immediate one
    /// after two thirds of it. A server that is already gone is fine.
    ///
    /// # Errors
    /// `Stop` when it is still there.
    pub fn stop_within(&self, mode: Mode, limit: Duration) -> Result<(), PostgresError> {
        // Signals, not pg_ctl: that refuses root, and these are the ones it would send.
        let signals: &[Signal] = match mode {
            Mode::Fast => &[Signal::SIGINT, Signal::SIGQUIT],
            Mode::Immediate => &[Signal::SIGQUIT],
        };
        let gone = || !self.runs();
        let mut left = limit;
        for (index, signal) in signals.iter().enumerate() {
            if gone() {
                break;
            }
            let _ = kill(Pid::from_raw(self.pid), *signal);
            let share = if index + 1 < signals.len() { limit * 2 / 3 } else { left };
            left = left.saturating_sub(share);
            program::until(share, gone);
        }
        if !gone() {
            return Err(PostgresError::Stop { pid: self.pid, limit });
        }
        let _ = std::fs::remove_dir(&self.socket_dir); // stays when something is left in it
        Ok(())
    }
}

/// Installs a server if allowed, and looks for it once more.
fn installed(options: &ClusterOptions, existing: &[u32]) -> Result<Binaries, PostgresError> {
    install::install(options.install)?;
    let command = install::command_for_this_system();
    let missing = PostgresError::NotInstalled { minimum: binaries::MINIMUM_MAJOR, command };
    binaries::find(existing)?.ok_or(missing)
}

/// Returns the major versions for which `home` holds a complete cluster, highest first.
fn majors(home: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir(home) else { return Vec::new() };
    let major =
        |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_prefix("postgres-")?.parse().ok();
    let mut found: Vec<u32> = entries.flatten().filter_map(major).collect();
    found.retain(|major| home.join(format!("postgres-{major}")).is_dir());
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

/// Encodes a path for a URL's query.
fn percent_encode(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes
        .iter()
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Quotes a word for a shell when it needs that.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/+@:".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(socket_dir: &str) -> Cluster {
        let (pgdata, psql) = (PathBuf::from("/d"), None);
        Cluster { pgdata, socket_dir: socket_dir.into(), pid: 1, psql, attached: false }
    }

    #[test]
    fn urls_and_shell_lines_are_quoted_where_needed() {
        let cases = [
            ("/run/capstan/0a1b", "/run/capstan/0a1b", "psql -h /run/capstan/0a1b -U capstan -d capstan"),
            (
                "/tmp/it's a & b",
                "/tmp/it%27s%20a%20%26%20b",
                "psql -h '/tmp/it'\\''s a & b' -U capstan -d capstan",
            ),
        ];
        for (socket_dir, host, line) in cases {
            let cluster = cluster(socket_dir);
            let expected = format!("postgres://capstan@localhost:5432/capstan?host={host}");
            assert_eq!(cluster.url(DATABASE), expected);
            assert_eq!(cluster.psql_command(DATABASE), line);
        }
    }

    #[test]
    fn a_database_name_that_would_need_quoting_is_refused() {
        for name in ["", "1st", "Capstan", "a-b", "x'; drop database y; --", &"n".repeat(64)] {
            let refused = cluster("/nowhere").ensure_database(name);
            assert!(matches!(refused, Err(PostgresError::DatabaseName(_))), "{name}");
        }
    }
}
