//! Creating a cluster's files and bringing its server up, again after a crash if need be.
//!
//! Who may connect: only over the socket, whose directory is 0700 and belongs to the server's
//! account, and only the accounts in the map (`peer`: the kernel says who is calling). `trust`
//! would do behind that directory; `peer` still holds should its mode ever be loosened.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::account::Account;
use super::binaries::Binaries;
use super::error::PostgresError;
use super::postmaster::{self, Postmaster};
use super::program::{self, last_lines};
use super::{ClusterOptions, DATABASE_USER, placement};

/// How long `initdb` may take (it syncs everything to disk).
const INITDB_LIMIT: Duration = Duration::from_mins(3);
/// How long `pg_ctl` waits for the server, in seconds.
const START_SECONDS: u64 = 60;
/// How often a start is tried.
const ATTEMPTS: u32 = 3;
/// Our settings, read by `postgresql.conf` and written afresh at every start.
const SETTINGS_FILE: &str = "capstan.conf";
/// The server's log, inside the data directory, where its account can always write.
const LOG_FILE: &str = "server.log";
/// A log longer than this, in bytes, is set aside at the next start.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;

/// What to start, and as whom.
pub(crate) struct Launch<'a> {
    /// The server's programs.
    pub(crate) binaries: &'a Binaries,
    /// Who runs them.
    pub(crate) account: &'a Account,
    /// The server's data directory.
    pub(crate) pgdata: PathBuf,
    /// The caller's wishes.
    pub(crate) options: &'a ClusterOptions,
}

impl Launch<'_> {
    /// Returns whether the data directory has been created completely.
    pub(crate) fn initialised(&self) -> bool {
        self.pgdata.join("PG_VERSION").is_file()
    }

    /// Creates the data directory: under another name first, so that a killed `initdb` leaves
    /// nothing that looks like a cluster.
    pub(crate) fn initialise(&self) -> Result<(), PostgresError> {
        let mut name = self.pgdata.as_os_str().to_owned();
        name.push(".new");
        let fresh = PathBuf::from(name);
        for leftover in [&fresh, &self.pgdata] {
            remove_tree(leftover)?;
        }
        let missing_locale = |error: &PostgresError| error.to_string().contains("invalid locale name");
        match self.initdb(&fresh, "C.UTF-8") {
            Err(error) if missing_locale(&error) => {
                remove_tree(&fresh)?;
                self.initdb(&fresh, "C")?;
            }
            other => other?,
        }
        let conf = fresh.join("postgresql.conf");
        let mut text = std::fs::read_to_string(&conf).map_err(PostgresError::io("read", &conf))?;
        let _ = write!(text, "\ninclude_if_exists = '{SETTINGS_FILE}'\n");
        std::fs::write(&conf, text).map_err(PostgresError::io("write", &conf))?;
        std::fs::rename(&fresh, &self.pgdata).map_err(PostgresError::io("rename", &fresh))
    }

    fn initdb(&self, directory: &Path, locale: &str) -> Result<(), PostgresError> {
        let mut builder = std::fs::DirBuilder::new();
        builder.mode(0o700).create(directory).map_err(PostgresError::io("create", directory))?;
        self.account.own(directory)?;
        let mut initdb = program::command(&self.binaries.program("initdb"), Some(self.account));
        initdb.arg("-D").arg(directory).args(["-U", DATABASE_USER, "-E", "UTF8", "--auth=peer"]);
        initdb.arg(format!("--locale={locale}")).arg("--data-checksums");
        if !self.options.fsync {
            initdb.arg("--no-sync");
        }
        program::run_ok(initdb, INITDB_LIMIT).map(drop)
    }

    /// Starts the server and returns it once it takes connections.
    pub(crate) fn start(&self) -> Result<Postmaster, PostgresError> {
        let socket_dir = placement::socket_dir(&self.pgdata, self.account)?;
        self.set_log_aside();
        let log = self.pgdata.join(LOG_FILE);
        let log_start = std::fs::metadata(&log).map_or(0, |found| found.len());
        let mut reason = String::new();
        for _ in 0..ATTEMPTS {
            self.clear_leftovers(&socket_dir)?;
            self.configure(&socket_dir)?;
            if let Err(error) = self.pg_ctl_start(&log) {
                reason = error.to_string();
            }
            // pg_ctl gives up on a long recovery that is still making progress.
            if let Some(found) = wait_ready(&self.pgdata, Duration::from_secs(START_SECONDS)) {
                return Ok(found);
            }
        }
        let _ = std::fs::remove_dir(&socket_dir);
        let bytes = std::fs::read(&log).unwrap_or_default();
        let from = usize::try_from(log_start).map_or(0, |start| start.min(bytes.len()));
        let log = last_lines(&String::from_utf8_lossy(&bytes[from..]), 15);
        Err(PostgresError::Start { directory: self.pgdata.clone(), reason, log })
    }

    /// Removes what a crash left: the pid file (its number may belong to another program by now, and
    /// then the server would refuse to start) once no process of the old server is left, and the
    /// socket files. Where processes cannot be looked at, the pid file stays the server's business.
    fn clear_leftovers(&self, socket_dir: &Path) -> Result<(), PostgresError> {
        let pid_file = self.pgdata.join("postmaster.pid");
        if pid_file.exists() && Path::new("/proc/self/cwd").exists() {
            if !postmaster::clear_orphans(&self.pgdata, Duration::from_secs(6)) {
                let reason = "processes of a killed server do not end".to_owned();
                return Err(PostgresError::Unusable { path: self.pgdata.clone(), reason });
            }
            let removed = std::fs::remove_file(&pid_file);
            removed.or_else(absent_is_fine).map_err(PostgresError::io("remove", &pid_file))?;
        }
        for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            let path = socket_dir.join(name);
            let removed = std::fs::remove_file(&path);
            removed.or_else(absent_is_fine).map_err(PostgresError::io("remove", &path))?;
        }
        Ok(())
    }

    /// Writes the settings, the access rules and the account map.
    fn configure(&self, socket_dir: &Path) -> Result<(), PostgresError> {
        self.write(SETTINGS_FILE, &settings(self.options, socket_dir))?;
        let rules = "# written at every start; only the socket, only the map's accounts\n\
             local all all peer map=capstan\n\
             local replication all peer map=capstan\n";
        self.write("pg_hba.conf", rules)?;
        let me = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
        // Root can become the server's account anyway.
        let names = [Some("root".to_owned()), Some(self.account.name.clone()), me.map(|user| user.name)];
        let names: BTreeSet<String> = names.into_iter().flatten().collect();
        let mut map = String::from("# written at every start\n");
        for name in names {
            let _ = writeln!(map, "capstan \"{name}\" {DATABASE_USER}");
        }
        self.write("pg_ident.conf", &map)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), PostgresError> {
        let path = self.pgdata.join(name);
        std::fs::write(&path, text).map_err(PostgresError::io("write", &path))?;
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, private).map_err(PostgresError::io("restrict", &path))?;
        self.account.own(&path)
    }

    fn pg_ctl_start(&self, log: &Path) -> Result<(), PostgresError> {
        let mut start = program::command(&self.binaries.program("pg_ctl"), Some(self.account));
        start.args(["start", "-s", "-w", "-t", &START_SECONDS.to_string(), "-D"]).arg(&self.pgdata);
        start.arg("-l").arg(log);
        program::run_ok(start, Duration::from_secs(START_SECONDS + 10)).map(drop)
    }

    fn set_log_aside(&self) {
        let log = self.pgdata.join(LOG_FILE);
        if std::fs::metadata(&log).is_ok_and(|found| found.len() > LOG_LIMIT) {
            let _ = std::fs::rename(&log, self.pgdata.join("server.log.1"));
        }
    }
}

/// Waits until the server on `pgdata` takes connections; `None` when it is gone or `limit` passes.
pub(crate) fn wait_ready(pgdata: &Path, limit: Duration) -> Option<Postmaster> {
    let mut found = None;
    program::until(limit, || {
        found = postmaster::running(pgdata);
        found.as_ref().is_none_or(|found| found.ready)
    });
    found.filter(|found| found.ready)
}

/// Returns the settings of a development server; the caller's come last and so win.
fn settings(options: &ClusterOptions, socket_dir: &Path) -> String {
    let mut settings: Vec<(&str, String)> = [
        ("port", "5432"),
        ("unix_socket_permissions", "0700"),
        ("max_connections", "200"),
        ("shared_buffers", "256MB"),
        ("max_wal_size", "2GB"),
        ("jit", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("log_line_prefix", "%m [%p] %q%a "),
        ("log_lock_waits", "on"),
        ("log_min_duration_statement", "1s"),
        ("logging_collector", "off"),
        ("cluster_name", "capstan"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into();
    settings.push(("listen_addresses", String::new())); // no TCP
    settings.push(("unix_socket_directories", socket_dir.display().to_string()));
    settings.push(("fsync", if options.fsync { "on" } else { "off" }.to_owned()));
    settings.push(("full_page_writes", if options.fsync { "on" } else { "off" }.to_owned()));
    let extra = options.settings.iter().map(|(name, value)| (name.as_str(), value.clone()));
    settings.extend(extra);
    let mut text = String::from("# written at every start; put your own settings in postgresql.auto.conf\n");
    for (name, value) in settings {
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    }
    text
}

/// Removes a directory and all below it; one that is absent is fine.
pub(crate) fn remove_tree(path: &Path) -> Result<(), PostgresError> {
    std::fs::remove_dir_all(path).or_else(absent_is_fine).map_err(PostgresError::io("remove", path))
}

fn absent_is_fine(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
