//! Running the server's programs: as the right user, with a clean environment, under a time limit.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::account::Account;
use super::error::PostgresError;

/// How often a condition is looked at again.
pub(crate) const POLL: Duration = Duration::from_millis(20);

/// What a program left behind: its status, and both its streams in the order written.
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output and standard error together.
    pub(crate) output: String,
}

/// Returns a command for `program` that starts in `/` (a directory every user can enter), without
/// the caller's `PG*` variables, in a process group of its own so that Ctrl-C does not reach it.
pub(crate) fn command(program: &Path, account: Option<&Account>) -> Command {
    let mut command = Command::new(program);
    clear_pg_environment(&mut command);
    command.current_dir("/").process_group(0).stdin(Stdio::null());
    // Messages are searched for words, so they must not be translated.
    command.env("LC_MESSAGES", "C").env_remove("LC_ALL").env_remove("LANGUAGE");
    if let Some(account) = account {
        account.apply(&mut command);
    }
    command
}

/// Removes every `PG*` variable: a stray `PGDATA` or `PGHOST` would redirect the server's programs.
pub(crate) fn clear_pg_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            command.env_remove(name);
        }
    }
}

/// Runs `command` to its end and returns its status and output.
///
/// # Errors
/// `TimedOut` after `limit` (the whole process group is killed), `Io` when it cannot be started.
pub(crate) fn run(mut command: Command, limit: Duration) -> Result<Finished, PostgresError> {
    let name = name_of(&command);
    let failed = |source| PostgresError::Io { action: "run", path: command_path(&name), source };
    let (reader, writer) = std::io::pipe().map_err(failed)?;
    let second = writer.try_clone().map_err(failed)?;
    command.stdout(writer).stderr(second);
    let mut child = command.spawn().map_err(failed)?;
    drop(command); // closes our copies of the pipe's writing end
    let output = collect(reader);
    let status = wait(&mut child, limit).map_err(failed)?;
    let Some(status) = status else {
        kill_group(&mut child);
        return Err(PostgresError::TimedOut { program: name, limit, output: text_of(&output, false) });
    };
    Ok(Finished { status, output: text_of(&output, true) })
}

/// Runs `command` and turns a failing status into an error that carries the end of its output.
pub(crate) fn run_ok(command: Command, limit: Duration) -> Result<String, PostgresError> {
    let program = name_of(&command);
    let finished = run(command, limit)?;
    if finished.status.success() {
        return Ok(finished.output);
    }
    let detail = format!("{}: {}", finished.status, last_lines(&finished.output, 12));
    Err(PostgresError::Program { program, detail })
}

/// Waits for `child` for at most `limit`; `None` when it still runs.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

/// Looks at `condition` until it holds or `limit` has passed; returns whether it held.
pub(crate) fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Returns the last `count` lines of `text`.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// The bytes read so far, and whether the other end was closed.
type Collected = Arc<Mutex<(Vec<u8>, bool)>>;

/// Reads in a thread: a grandchild that keeps the pipe open must not keep us waiting.
fn collect(mut reader: impl Read + Send + 'static) -> Collected {
    let collected = Collected::default();
    let shared = Arc::clone(&collected);
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 4096];
        loop {
            let read = reader.read(&mut buffer).unwrap_or(0);
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if read == 0 {
                shared.1 = true;
                return;
            }
            shared.0.extend_from_slice(&buffer[..read]);
        }
    });
    collected
}

fn text_of(collected: &Collected, ended: bool) -> String {
    let lock = || collected.lock().unwrap_or_else(PoisonError::into_inner);
    if ended {
        until(Duration::from_millis(500), || lock().1);
    }
    String::from_utf8_lossy(&lock().0).trim().to_owned()
}

fn kill_group(child: &mut Child) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = child.kill();
    let _ = wait(child, Duration::from_secs(2));
}

fn name_of(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn command_path(name: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = command(Path::new("/bin/sh"), None);
        shell.arg("-c").arg(script);
        shell
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let finished = run(shell("echo out; echo err >&2; exit 3"), Duration::from_mins(1)).expect("sh runs");
        assert_eq!((finished.status.code(), finished.output.as_str()), (Some(3), "out\nerr"));
    }

    #[test]
    fn a_program_that_hangs_is_killed_at_its_limit() {
        let began = Instant::now();
        let result = run(shell("echo begun; sleep 60"), Duration::from_secs(3));
        assert!(matches!(result, Err(PostgresError::TimedOut { ref output, .. }) if output == "begun"));
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_grandchild_that_keeps_the_pipe_does_not_keep_us() {
        let began = Instant::now();
        let finished = run(shell("sleep 60 & echo done"), Duration::from_mins(1)).expect("sh runs");
        assert_eq!(finished.output, "done");
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_failure_names_the_program_and_its_last_words() {
        let failure =
            run_ok(shell("echo no such luck; exit 1"), Duration::from_secs(10)).expect_err("exit 1");
        assert!(failure.to_string().starts_with("sh failed: exit status: 1: no such luck"), "{failure}");
    }
}
