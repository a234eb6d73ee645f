//! Is a server running on a data directory? `postmaster.pid` only claims so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::program::until;

/// What a live server wrote into its `postmaster.pid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postmaster {
    /// Process id.
    pub(crate) pid: i32,
    /// The directory of its socket; `None` while it is only beginning to start.
    pub(crate) socket_dir: Option<PathBuf>,
    /// Whether it takes connections.
    pub(crate) ready: bool,
}

/// Returns the server that runs on `pgdata`, if one does: the pid file counts only when its process
/// is alive, is a postgres, and works in this very directory.
pub(crate) fn running(pgdata: &Path) -> Option<Postmaster> {
    let text = std::fs::read_to_string(pgdata.join("postmaster.pid")).ok()?;
    parse(&text).filter(|found| serves(found.pid, pgdata))
}

/// Returns whether process `pid` is a postgres whose data directory is `pgdata`.
pub(crate) fn serves(pid: i32, pgdata: &Path) -> bool {
    if Path::new("/proc/self/cmdline").exists() {
        return is_postgres(pid) && works_in(pid, pgdata);
    }
    // Elsewhere the best portable answer is that the process exists.
    !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}

/// Reads a pid file: pid, data directory, start time, port, socket directory, address, key, status.
fn parse(text: &str) -> Option<Postmaster> {
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    let socket_dir = lines.nth(3).map(str::trim).filter(|line| !line.is_empty()).map(PathBuf::from);
    let ready = lines.nth(2).is_some_and(|status| status.trim() == "ready");
    Some(Postmaster { pid, socket_dir, ready })
}

/// Ends what is left of a server that was killed: orphaned backends still hold its shared memory,
/// and a new server refuses to start beside them. Returns whether none is left.
pub(crate) fn clear_orphans(pgdata: &Path, limit: Duration) -> bool {
    // They notice the postmaster's death by themselves; one busy in a long query does not.
    if until(limit / 3, || orphans(pgdata).is_empty()) {
        return true;
    }
    for signal in [Signal::SIGQUIT, Signal::SIGKILL] {
        for pid in orphans(pgdata) {
            let _ = kill(Pid::from_raw(pid), signal);
        }
        if until(limit / 3, || orphans(pgdata).is_empty()) {
            return true;
        }
    }
    false
}

/// Returns the postgres processes that work in `pgdata`.
fn orphans(pgdata: &Path) -> Vec<i32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_postgres(*pid) && works_in(*pid, pgdata)).collect()
}

fn is_postgres(pid: i32) -> bool {
    // The kernel's short name, which a backend that rewrites its title keeps. A zombie keeps it
    // too, but has no working directory any more.
    std::fs::read_to_string(format!("/proc/{pid}/comm"))
        .is_ok_and(|name| matches!(name.trim(), "postgres" | "postmaster" | ".postgres-wrapp"))
}

fn works_in(pid: i32, pgdata: &Path) -> bool {
    match std::fs::read_link(format!("/proc/{pid}/cwd")) {
        Ok(directory) => directory == pgdata,
        // Not ours to look at; its command line is open to all. A process that is gone has none.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|word| word == pgdata.as_os_str().as_encoded_bytes())
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_read_at_every_stage_of_a_start() {
        let full = "4242\n/data\n1700000000\n5432\n/run/s\n\n  5432001   12\nready   \n";
        let starting = "4242\n/data\n1700000000\n5432\n/run/s\n\n  5432001   12\nstarting\n";
        let early = "4242\n/data\n1700000000\n";
        let socket_dir = Some(PathBuf::from("/run/s"));
        let cases = [
            (full, Some(Postmaster { pid: 4242, socket_dir: socket_dir.clone(), ready: true })),
            (starting, Some(Postmaster { pid: 4242, socket_dir, ready: false })),
            (early, Some(Postmaster { pid: 4242, socket_dir: None, ready: false })),
            ("", None),
            ("-1\n", None),
            ("gibberish\n", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_pid_file_that_names_another_program_does_not_count() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for pid in [std::process::id(), 1, 2_000_000_000] {
            let text = format!("{pid}\n{}\n0\n5432\n/run/s\n\n\nready\n", root.path().display());
            std::fs::write(root.path().join("postmaster.pid"), text).expect("it is written");
            assert_eq!(running(root.path()), None);
        }
    }
}
