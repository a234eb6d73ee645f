//! File locks between processes: whoever dies lets go.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::PostgresError;
use super::program::POLL;

/// Opens `path` for locking, creating it; children do not inherit it.
pub(crate) fn open(path: &Path) -> Result<File, PostgresError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(PostgresError::io("open", path))
}

/// Takes the lock at `path` alone, waiting for at most `limit`; dropping the file lets go.
pub(crate) fn exclusive(path: &Path, limit: Duration) -> Result<File, PostgresError> {
    let file = open(path)?;
    acquire(path, limit, || file.try_lock())?;
    Ok(file)
}

/// Takes a share of the lock at `path`, waiting for at most `limit`.
pub(crate) fn shared(path: &Path, limit: Duration) -> Result<File, PostgresError> {
    let file = open(path)?;
    acquire(path, limit, || file.try_lock_shared())?;
    Ok(file)
}

/// Takes the lock at `path` alone if it is free now; `None` when another process holds it.
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<File>, PostgresError> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(PostgresError::io("lock", path)(error)),
    }
}

fn acquire(
    path: &Path,
    limit: Duration,
    attempt: impl Fn() -> Result<(), TryLockError>,
) -> Result<(), PostgresError> {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if began.elapsed() < limit => std::thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => {
                return Err(PostgresError::Locked { path: path.to_owned(), waited: limit });
            }
            Err(TryLockError::Error(error)) => return Err(PostgresError::io("lock", path)(error)),
        }
    }
}
