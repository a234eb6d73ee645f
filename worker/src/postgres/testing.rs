//! One throw-away server for all test processes of a checkout.
//!
//! fsync is off: a power cut may corrupt it, so it is wiped after a reboot, or when it does not
//! start. It stops a few seconds after the last process that used it is gone, however it went.

use std::fs::File;
use std::io::PipeWriter;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::account::Account;
use super::binaries::on_path;
use super::{Cluster, ClusterOptions, Install, PostgresError, launch, lock, placement, program};

/// How long a process waits for its share of the users' lock: a stop takes this long at most.
const USERS_LIMIT: Duration = Duration::from_mins(1);

/// Waits for our end, lingers (the next test process of the same run is about to start), then stops
/// the server if nobody uses it. Arguments: users' lock, `pg_ctl`, data directory.
const KEEPER: &str = "trap '' HUP INT TERM
cat >/dev/null
sleep 3
exec flock -n -x \"$1\" \"$2\" stop -s -m immediate -w -t 30 -D \"$3\"";

/// What this process holds until it ends.
struct Held {
    _users: File,
    /// Closed by the kernel when this process dies: the keeper's signal.
    _keeper: Option<PipeWriter>,
    cluster: Cluster,
}

static HELD: Mutex<Option<Held>> = Mutex::new(None);

/// Returns this checkout's test server, starting it on first use. Blocks for about two seconds the
/// first time, for milliseconds when another test process has it running. A server that was killed
/// meanwhile is started again. The caller's databases are the caller's to drop.
///
/// # Errors
/// Whatever kept the server from starting, even from scratch.
pub fn shared_cluster() -> Result<Cluster, PostgresError> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(held) = held.as_mut() {
        if Cluster::attach(&directory()).is_none() {
            held.cluster = start(&directory())?;
        }
        return Ok(held.cluster.clone());
    }
    let data_dir = prepare(&directory())?;
    // Our share comes first: once we have it no keeper can begin to stop the server.
    let users = lock::shared(&data_dir.join("users.lock"), USERS_LIMIT)?;
    let cluster = start(&data_dir)?;
    let keeper = keep(&data_dir, &cluster)?;
    *held = Some(Held { _users: users, _keeper: keeper, cluster: cluster.clone() });
    Ok(cluster)
}

/// Returns where the test server of this checkout and user lives.
pub fn directory() -> PathBuf {
    let uid = nix::unistd::geteuid();
    let hash = placement::path_hash(&placement::checkout());
    std::env::temp_dir().join(format!("capstan-test-{uid}-{hash}"))
}

/// Creates the directory, or accepts the one that is there only if it is ours.
fn prepare(data_dir: &Path) -> Result<PathBuf, PostgresError> {
    let data_dir = placement::create_data_dir(data_dir)?;
    let found = std::fs::metadata(&data_dir).map_err(PostgresError::io("look at", &data_dir))?;
    let me = nix::unistd::geteuid().as_raw();
    if found.uid() != me {
        return Err(PostgresError::ForeignData { path: data_dir, owner: found.uid(), me });
    }
    let passable = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(&data_dir, passable).map_err(PostgresError::io("open up", &data_dir))?;
    Ok(data_dir)
}

/// Starts the server, from scratch when what is there is not to be trusted or does not start.
fn start(data_dir: &Path) -> Result<Cluster, PostgresError> {
    if let Some(cluster) = Cluster::attach(data_dir) {
        return Ok(cluster);
    }
    let wiping = lock::exclusive(&data_dir.join("wipe.lock"), USERS_LIMIT)?;
    let mark = data_dir.join("boot");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if std::fs::read_to_string(&mark).unwrap_or_default() != boot && Cluster::attach(data_dir).is_none() {
        wipe(data_dir)?;
        std::fs::write(&mark, &boot).map_err(PostgresError::io("write", &mark))?;
    }
    let options = ClusterOptions {
        fsync: false,
        install: Install::from_flag(false),
        // Every test has pools of its own, and a test binary runs many tests at once.
        settings: vec![("max_connections".to_owned(), "600".to_owned())],
        ..ClusterOptions::new(data_dir)
    };
    let started = match Cluster::start(options.clone()) {
        Err(PostgresError::Start { .. }) => {
            wipe(data_dir)?;
            Cluster::start(options)
        }
        other => other,
    };
    drop(wiping);
    started
}

fn wipe(data_dir: &Path) -> Result<(), PostgresError> {
    let home = placement::recorded(data_dir);
    for major in super::majors(&home) {
        launch::remove_tree(&home.join(format!("postgres-{major}")))?;
    }
    Ok(())
}

/// Starts the process that stops the server after our end. Without `flock(1)` or `pg_ctl` there is
/// none, and the server goes on running.
fn keep(data_dir: &Path, cluster: &Cluster) -> Result<Option<PipeWriter>, PostgresError> {
    let Some(binaries) = super::binaries::find(&super::majors(&placement::recorded(data_dir)))? else {
        return Ok(None);
    };
    if on_path("flock").is_none() {
        return Ok(None);
    }
    let shell = Path::new("/bin/sh");
    let (reader, writer) = std::io::pipe().map_err(PostgresError::io("make a pipe for", shell))?;
    let account = Account::owning(cluster.pgdata())?;
    let mut keeper = program::command(shell, Some(&account));
    keeper.arg("-c").arg(KEEPER).arg("capstan-test-keeper").arg(data_dir.join("users.lock"));
    keeper.arg(binaries.program("pg_ctl")).arg(cluster.pgdata());
    keeper.stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
    // It outlives us by design; whoever adopts orphans reaps it.
    keeper.spawn().map_err(PostgresError::io("run", shell))?;
    Ok(Some(writer))
}
