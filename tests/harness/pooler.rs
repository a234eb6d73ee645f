//! PgBouncer in transaction mode in front of a test's server.
//!
//! With `CAPSTAN_TEST_PGBOUNCER=1` every application and every process of the suites goes
//! through one; without it only the tests of the pooler do.

use std::{
    collections::HashMap,
    fs,
    io::PipeWriter,
    os::unix::{
        fs::{MetadataExt, chown},
        net::UnixStream,
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sqlx::postgres::PgConnectOptions;
use worker::postgres::testing;

/// Set to `1`, it puts PgBouncer between every application and its server.
pub const EVERYWHERE: &str = "CAPSTAN_TEST_PGBOUNCER";
/// Names the program, when another than the one on the path is meant.
const PROGRAM: &str = "CAPSTAN_PGBOUNCER";
/// The first version that keeps prepared statements in transaction mode.
const FIRST: (u32, u32) = (1, 21);

/// Runs the pooler until our end of the pipe closes, however we end, and clears up after it.
const KEEPER: &str = "trap '' HUP INT TERM
\"$1\" -q \"$2/pgbouncer.ini\" & pooler=$!
cat >/dev/null
kill -KILL $pooler
rm -rf \"$2\"";

/// The poolers of each server, by the directory of the server's socket.
static POOLERS: LazyLock<Mutex<HashMap<(PathBuf, Kind), Pooler>>> = LazyLock::new(Mutex::default);

/// How well a pooler is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// As it should be.
    Proper,
    /// It forgets prepared statements, and the settings that a session begins with.
    Forgetful,
}

struct Pooler {
    directory: PathBuf,
    /// Closed by the kernel when this process ends: the keeper's signal.
    _keeper: PipeWriter,
    /// Whoever adopts orphans reaps it: it outlives us by a moment.
    _shell: Child,
}

/// Returns whether the suites are to go through a pooler everywhere.
pub(crate) fn everywhere() -> bool {
    std::env::var(EVERYWHERE).is_ok_and(|value| value == "1")
}

/// Returns the program, or why there is none that will do.
pub fn program() -> Result<PathBuf, String> {
    let named = std::env::var_os(PROGRAM).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let known = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = named.or_else(|| known.map(|folder| folder.join("pgbouncer")).find(|path| path.exists()));
    let program = found.ok_or_else(|| "there is no pgbouncer".to_owned())?;
    let output = Command::new(&program).arg("--version").output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = version(&text).ok_or_else(|| format!("{} says {text:?}", program.display()))?;
    if version < FIRST {
        return Err(format!("{} is {}.{}, and 1.21 is needed", program.display(), version.0, version.1));
    }
    Ok(program)
}

/// Reads `PgBouncer 1.24.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Returns the URL by which the database of `url` is reached through a pooler; `url` names a unix
/// socket. Blocks while the pooler starts, on first use.
pub fn through(url: &str, kind: Kind) -> String {
    let options: PgConnectOptions = url.parse().expect("the URL of a test's database parses");
    let server = options.get_socket().expect("a test's server listens on a socket").clone();
    let database = options.get_database().expect("a test's URL names its database");
    let mut poolers = POOLERS.lock().unwrap_or_else(PoisonError::into_inner);
    let pooler = poolers.entry((server.clone(), kind)).or_insert_with(|| start(&server, kind));
    let host = pooler.directory.display().to_string().replace('/', "%2F");
    format!("postgres://{}@localhost:6432/{database}?host={host}", options.get_username())
}

/// Returns the URL through a pooler where the suites go through one: that of a database of the
/// shared server. A test's own server comes and goes, and what is behind a proxy stays there.
pub(crate) fn shared_through(url: &str) -> Option<String> {
    let host = |url: &str| url.split_once("?host=").map(|(_, host)| host.to_owned());
    let shared = || testing::shared_cluster().ok().and_then(|cluster| host(&cluster.url("any")));
    (everywhere() && host(url).is_some() && host(url) == shared()).then(|| through(url, Kind::Proper))
}

fn start(server: &Path, kind: Kind) -> Pooler {
    let program = program().unwrap_or_else(|why| panic!("these tests need PgBouncer: {why}"));
    let directory = tempfile::Builder::new().prefix("capstan-pooler-").tempdir();
    let directory = directory.expect("the system's directory for temporary files is writable").keep();
    let own = match kind {
        Kind::Proper => "max_prepared_statements = 200",
        Kind::Forgetful => {
            "max_prepared_statements = 0\nignore_startup_parameters = options, extra_float_digits"
        }
    };
    let settings = format!(
        "[databases]\n* = host={} port=5432 user=capstan\n[pgbouncer]\n\
         listen_addr =\nlisten_port = 6432\nunix_socket_dir = {}\nunix_socket_mode = 0777\n\
         auth_type = any\npool_mode = transaction\n{own}\n\
         default_pool_size = 10\nmax_client_conn = 2000\nserver_idle_timeout = 5\n\
         server_login_retry = 1\nquery_wait_timeout = 5\nlog_connections = 0\nlog_disconnections = 0\n",
        server.display(),
        directory.display(),
    );
    fs::write(directory.join("pgbouncer.ini"), settings).expect("a new directory is writable");
    // It refuses to run as root, and the server knows its own account by name.
    let owner = fs::metadata(server).expect("the server's socket directory is there");
    let mut keeper = Command::new("/bin/sh");
    if nix::unistd::geteuid().is_root() {
        for path in [directory.clone(), directory.join("pgbouncer.ini")] {
            chown(&path, Some(owner.uid()), Some(owner.gid())).expect("root gives away what it likes");
        }
        keeper.uid(owner.uid()).gid(owner.gid());
    }
    let (reader, writer) = std::io::pipe().expect("a process has pipes");
    let log = fs::File::create(directory.join("log")).expect("a new directory is writable");
    keeper.arg("-c").arg(KEEPER).arg("capstan-test-pooler").arg(program).arg(&directory);
    keeper.current_dir("/").process_group(0).stdin(reader).stdout(Stdio::null()).stderr(log);
    let shell = keeper.spawn().expect("a shell runs");
    let socket = directory.join(".s.PGSQL.6432");
    let begun = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        let said = || fs::read_to_string(directory.join("log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(30), "PgBouncer does not start:\n{}", said());
        thread::sleep(Duration::from_millis(10));
    }
    Pooler { directory, _keeper: writer, _shell: shell }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("PgBouncer 1.24.1\nlibevent 2"), Some((1, 24)));
        assert_eq!(version("PgBouncer"), None);
    }
}
