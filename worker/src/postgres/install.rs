//! The one command that installs a server here, and running it when asked to.

use std::io::{IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::binaries::{MINIMUM_MAJOR, on_path};
use super::error::PostgresError;
use super::program;

/// How long a package manager may take: a slow mirror, not a hung one.
const LIMIT: Duration = Duration::from_mins(15);

/// Whether a missing server may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Install {
    /// Only say which command would do it.
    #[default]
    Never,
    /// Ask at the terminal; the same as `Never` when there is none.
    Ask,
    /// Install without asking.
    Always,
}

impl Install {
    /// Turns an `--install` flag into a choice: always when given or in CI, else ask.
    pub fn from_flag(install: bool) -> Self {
        let ci = std::env::var("CI").is_ok_and(|value| matches!(value.as_str(), "true" | "1"));
        if install || ci { Self::Always } else { Self::Ask }
    }
}

/// Installs a server when `install` or the person at the terminal says so.
///
/// # Errors
/// `NotInstalled`, naming the command, when nobody said yes; `Install` when the command fails.
pub(crate) fn install(install: Install) -> Result<(), PostgresError> {
    let command = command_for_this_system();
    let agreed = match install {
        Install::Never => false,
        Install::Always => true,
        Install::Ask => std::io::stdin().is_terminal() && agree(&command),
    };
    if !agreed {
        return Err(PostgresError::NotInstalled { minimum: MINIMUM_MAJOR, command });
    }
    let _ = writeln!(std::io::stderr(), "installing postgresql: {command}");
    run(&command)
}

/// Returns the command that installs a server on this system.
pub(crate) fn command_for_this_system() -> String {
    let root = nix::unistd::geteuid().is_root();
    let sudo = match (root, std::io::stdin().is_terminal()) {
        (true, _) => "",
        (false, true) => "sudo ",
        (false, false) => "sudo -n ",
    };
    command_for(|program| on_path(program).is_some(), sudo)
}

/// Returns the command of the first package manager that `present` knows.
fn command_for(present: impl Fn(&str) -> bool, sudo: &str) -> String {
    if present("apt-get") {
        let install = "apt-get install -y --no-install-recommends postgresql";
        return format!("{sudo}apt-get update && {sudo}{install}");
    }
    let others = [
        ("dnf", "dnf install -y postgresql-server"),
        ("yum", "yum install -y postgresql-server"),
        ("apk", "apk add postgresql postgresql-client"),
        ("zypper", "zypper --non-interactive install postgresql-server"),
        ("pacman", "pacman -Sy --noconfirm postgresql"),
    ];
    if let Some((_, command)) = others.iter().find(|(program, _)| present(program)) {
        return format!("{sudo}{command}");
    }
    "brew install postgresql@17".to_owned()
}

fn agree(command: &str) -> bool {
    let _ = write!(std::io::stderr(), "no postgresql server found; install it with `{command}`? [y/N] ");
    let _ = std::io::stderr().flush();
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Runs the command in our own process group, so that `sudo` can ask for a password; its output
/// goes to standard error, for standard output may be read by a program.
fn run(command: &str) -> Result<(), PostgresError> {
    let failed = |error: std::io::Error| PostgresError::Install(format!("{command}: {error}"));
    let mut shell = Command::new("/bin/sh");
    program::clear_pg_environment(&mut shell);
    shell.arg("-c").arg(format!("{{ {command} ; }} >&2")).env("DEBIAN_FRONTEND", "noninteractive");
    if !std::io::stdin().is_terminal() {
        shell.stdin(Stdio::null());
    }
    let mut child = shell.spawn().map_err(failed)?;
    match program::wait(&mut child, LIMIT).map_err(failed)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(PostgresError::Install(format!("{command}: {status}"))),
        None => {
            let _ = child.kill();
            let _ = program::wait(&mut child, Duration::from_secs(2));
            Err(PostgresError::Install(format!("{command}: no end after {} s", LIMIT.as_secs())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_system_has_one_command() {
        let cases = [
            (
                "apt-get",
                "sudo ",
                "sudo apt-get update && sudo apt-get install -y --no-install-recommends postgresql",
            ),
            ("apt-get", "", "apt-get update && apt-get install -y --no-install-recommends postgresql"),
            ("dnf", "sudo ", "sudo dnf install -y postgresql-server"),
            ("apk", "", "apk add postgresql postgresql-client"),
            ("brew", "sudo ", "brew install postgresql@17"),
        ];
        for (manager, sudo, expected) in cases {
            assert_eq!(command_for(|program| program == manager, sudo), expected);
        }
    }

    #[test]
    fn an_explicit_never_names_the_command_and_runs_nothing() {
        let refused = install(Install::Never).expect_err("nobody agreed");
        assert!(refused.to_string().contains(&command_for_this_system()), "{refused}");
    }
}
