//! Where a cluster's files go: a place that the server's account can reach, remembered per data
//! directory, and a short private directory for the socket.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::account::Account;
use super::error::PostgresError;
use super::program;

/// The longest socket path that Linux (107) and macOS (103) both take, in bytes.
const SOCKET_PATH_LIMIT: usize = 103;
/// What the server appends to the socket directory.
const SOCKET_NAME: &str = "/.s.PGSQL.5432";
/// Where root keeps clusters that cannot live where they were asked for.
const ROOT_BASE: &str = "/var/lib/capstan";

/// The note beside a data directory that says where its cluster really lives.
#[derive(Serialize, Deserialize)]
struct Location {
    /// The data directory the note was written for: a copied directory must not share a cluster.
    data_dir: PathBuf,
    /// The directory that holds `postgres-<major>`.
    directory: PathBuf,
}

/// Returns the first 12 hex digits of the path's SHA-256: short enough for a socket path.
pub(crate) fn path_hash(path: &Path) -> String {
    let mut digits = hex::encode(Sha256::digest(path.as_os_str().as_encoded_bytes()));
    digits.truncate(12);
    digits
}

/// Returns the root of this checkout: the nearest directory with a `Cargo.lock`, from the current
/// one upwards, else the current directory.
pub(crate) fn checkout() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let root = here.ancestors().find(|dir| dir.join("Cargo.lock").is_file()).unwrap_or(&here);
    root.to_owned()
}

/// Returns the data directory of this checkout when none is given: under root
/// `/var/lib/capstan/<hash>`, else `${XDG_DATA_HOME:-~/.local/share}/capstan/<hash>`.
pub fn default_data_dir() -> PathBuf {
    base().join(path_hash(&checkout()))
}

fn base() -> PathBuf {
    let me = nix::unistd::geteuid();
    if me.is_root() {
        return PathBuf::from(ROOT_BASE);
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || nix::unistd::User::from_uid(me).ok().flatten().map(|user| user.dir);
    let share = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").or_else(home).map(|home| home.join(".local/share")));
    share.unwrap_or_else(std::env::temp_dir).join("capstan")
}

/// Creates `data_dir` and returns it absolute and without links.
pub(crate) fn create_data_dir(data_dir: &Path) -> Result<PathBuf, PostgresError> {
    std::fs::create_dir_all(data_dir).map_err(PostgresError::io("create", data_dir))?;
    std::fs::canonicalize(data_dir).map_err(PostgresError::io("resolve", data_dir))
}

/// Returns the directory that holds, or is to hold, `postgres-<major>`, without creating anything.
pub(crate) fn recorded(data_dir: &Path) -> PathBuf {
    let note = std::fs::read(note_path(data_dir)).ok();
    let location = note.and_then(|bytes| serde_json::from_slice::<Location>(&bytes).ok());
    location
        .filter(|note| note.data_dir == data_dir)
        .map_or_else(|| data_dir.to_owned(), |note| note.directory)
}

/// Returns a directory for `postgres-<major>` that `account` can reach: `data_dir` itself, opened
/// up when it alone is in the way, else one elsewhere, of which it leaves a note and says so.
pub(crate) fn place(data_dir: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let noted = recorded(data_dir);
    if noted != data_dir {
        create_base(&noted)?;
        return Ok(noted);
    }
    let Some(obstacle) = obstacle(data_dir, account) else { return Ok(noted) };
    let directory = base().join(path_hash(data_dir));
    if directory == data_dir {
        return Err(PostgresError::Unusable { path: directory, reason: obstacle });
    }
    create_base(&directory)?;
    if let Some(reason) = self::obstacle(&directory, account) {
        return Err(PostgresError::Unusable { path: directory, reason });
    }
    let note = Location { data_dir: data_dir.to_owned(), directory: directory.clone() };
    let path = note_path(data_dir);
    let bytes = serde_json::to_vec_pretty(&note).expect("paths found on this system serialise");
    std::fs::write(&path, bytes).map_err(PostgresError::io("write", &path))?;
    let _ = writeln!(
        std::io::stderr(),
        "note: {obstacle}; the server's files are in {} instead",
        directory.display()
    );
    Ok(directory)
}

/// Says why `account` cannot use `dir`, after removing the obstacle when it is `dir`'s own mode.
fn obstacle(dir: &Path, account: &Account) -> Option<String> {
    // pg_ctl puts the path between double quotes into a shell command.
    let quotable = |dir: &str| !dir.contains(['"', '$', '`', '\\', '\n', '\r']);
    if !dir.to_str().is_some_and(quotable) {
        return Some(format!("{} holds characters that pg_ctl cannot quote", dir.display()));
    }
    if !account.switch || enters(dir, account) {
        return None;
    }
    let parent = dir.parent().unwrap_or(dir);
    if enters(parent, account) && open_up(dir) && enters(dir, account) {
        return None;
    }
    Some(format!("user {} cannot reach {}", account.name, dir.display()))
}

/// Asks the system itself whether `account` may enter `dir`; modes alone would miss access lists.
fn enters(dir: &Path, account: &Account) -> bool {
    let mut shell = program::command(Path::new("/bin/sh"), Some(account));
    shell.arg("-c").arg("cd -- \"$0\"").arg(dir);
    program::run(shell, Duration::from_secs(10)).is_ok_and(|finished| finished.status.success())
}

/// Lets others pass through (not list) a directory of ours, such as a fresh `mktemp -d`.
fn open_up(dir: &Path) -> bool {
    let Ok(found) = std::fs::metadata(dir) else { return false };
    let opened = found.uid() == nix::unistd::geteuid().as_raw()
        && std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)).is_ok();
    if opened {
        let mode = found.mode() & 0o7777;
        let _ = writeln!(
            std::io::stderr(),
            "note: the mode of {} is 0711 now, not {mode:04o}: the server's account has to pass through it",
            dir.display()
        );
    }
    opened
}

fn create_base(dir: &Path) -> Result<(), PostgresError> {
    std::fs::create_dir_all(dir).map_err(PostgresError::io("create", dir))
}

fn note_path(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres-location.json")
}

/// Creates the socket's directory for the cluster in `pgdata`: 0700, owned by the server's account
/// (root enters all the same), and short enough. It need not be derivable: the server writes it
/// into `postmaster.pid`, where every later process finds it.
pub(crate) fn socket_dir(pgdata: &Path, account: &Account) -> Result<PathBuf, PostgresError> {
    let hash = path_hash(pgdata);
    let mut candidates = Vec::new();
    if account.switch {
        candidates.push(Path::new("/run/capstan").join(&hash));
    } else if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
        && runtime.is_absolute()
        && owned_by(&runtime, account.uid)
    {
        candidates.push(runtime.join(format!("capstan-{hash}")));
    }
    candidates.push(PathBuf::from(format!("/tmp/capstan-{}-{hash}", account.uid)));
    // Someone else may sit on the predictable name in a directory open to all.
    candidates.push(PathBuf::from(format!("/tmp/capstan-{}-{:016x}", account.uid, rand::random::<u64>())));
    first_private(&candidates, account)
}

/// Returns the first of `candidates` that is short enough and private once created.
fn first_private(candidates: &[PathBuf], account: &Account) -> Result<PathBuf, PostgresError> {
    let mut tried = Vec::new();
    for path in candidates {
        let fault = if path.as_os_str().len() + SOCKET_NAME.len() > SOCKET_PATH_LIMIT {
            Some("too long".to_owned())
        } else {
            make_private(path, account).err().map(|error| error.to_string())
        };
        match fault {
            None => return Ok(path.clone()),
            Some(fault) => tried.push(format!("{} ({fault})", path.display())),
        }
    }
    Err(PostgresError::SocketPath { limit: SOCKET_PATH_LIMIT, tried: tried.join(", ") })
}

/// Creates `path` 0700 for `account`, or accepts it when it is exactly that already.
fn make_private(path: &Path, account: &Account) -> std::io::Result<()> {
    if account.switch && path.starts_with("/run/capstan") {
        std::fs::create_dir_all("/run/capstan")?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) if account.switch => std::os::unix::fs::chown(path, Some(account.uid), Some(account.gid))?,
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let found = std::fs::symlink_metadata(path)?; // a link is refused, wherever it leads
    if !found.is_dir() || found.uid() != account.uid {
        return Err(std::io::Error::other(format!("belongs to user id {}", found.uid())));
    }
    if found.mode() & 0o777 != 0o700 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn owned_by(path: &Path, uid: u32) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_directory_is_private_and_the_too_long_ones_are_passed_over() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let account = Account::choose().expect("an account");
        let long = root.path().join("x".repeat(100));
        let short = root.path().join("s");
        let chosen = first_private(&[long.clone(), short.clone()], &account).expect("the short one");
        assert_eq!(chosen, short);
        let found = std::fs::metadata(&short).expect("it exists");
        assert_eq!((found.mode() & 0o777, found.uid()), (0o700, account.uid));
        let refused = first_private(&[long], &account).expect_err("too long");
        assert!(refused.to_string().contains("too long"), "{refused}");
    }

    #[test]
    fn a_link_in_the_socket_directorys_place_is_refused() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let account = Account::choose().expect("an account");
        let link = root.path().join("s");
        std::os::unix::fs::symlink(root.path(), &link).expect("a link");
        assert!(first_private(&[link], &account).is_err());
    }

    #[test]
    fn a_note_counts_only_for_the_directory_it_was_written_for() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let other = root.path().join("elsewhere");
        for (data_dir, expected) in [(root.path(), other.as_path()), (Path::new("/nowhere"), root.path())] {
            let note = Location { data_dir: data_dir.to_owned(), directory: other.clone() };
            let bytes = serde_json::to_vec(&note).expect("it serialises");
            std::fs::write(note_path(root.path()), bytes).expect("it is written");
            assert_eq!(recorded(root.path()), expected);
        }
    }
}
