//! Finding a server's programs, without trusting any one place to have them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::PostgresError;
use super::program;

/// The oldest major version that will do.
pub(crate) const MINIMUM_MAJOR: u32 = 14;

/// The variable that names a directory of server programs and overrules the search.
const OVERRIDE: &str = "CAPSTAN_PG_BIN";

/// Directories that packagers use, one per major version; `*` stands for part of one name.
const VERSIONED: [&str; 10] = [
    "/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                                   // the PostgreSQL project's rpm packages
    "/usr/libexec/postgresql*",                           // Alpine
    "/usr/lib/postgresql*/bin",                           // SUSE
    "/usr/lib64/postgresql-*/bin",                        // Gentoo
    "/opt/homebrew/opt/postgresql*/bin",                  // Homebrew on Apple silicon
    "/usr/local/opt/postgresql*/bin",                     // Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew on Linux
    "/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
    "/usr/local/pgsql*/bin",                              // built from source
];

/// One installed server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    /// The directory with `initdb`, `pg_ctl` and `postgres`, links resolved: the server looks for
    /// its `share/` beside the real program.
    pub(crate) directory: PathBuf,
    /// The major version.
    pub(crate) major: u32,
}

impl Binaries {
    /// Returns the path of one of the server's programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// Finds the server to use: `CAPSTAN_PG_BIN`, else the highest version in a packager's directory,
/// else the one on `PATH`, else where `pg_config` points. A version in `existing`, for which there
/// are data already, goes before all but the override: an upgrade must not hide a developer's rows.
pub(crate) fn find(existing: &[u32]) -> Result<Option<Binaries>, PostgresError> {
    if let Some(directory) = std::env::var_os(OVERRIDE).filter(|value| !value.is_empty()) {
        let directory = PathBuf::from(directory);
        return inspect(&directory).map(Some).ok_or(PostgresError::BadOverride(directory));
    }
    let mut tiers = vec![VERSIONED.iter().flat_map(|pattern| expand(pattern)).collect::<Vec<_>>()];
    tiers.push(search_path());
    tiers.push(pg_config_bindir().into_iter().collect());
    Ok(choose(tiers.iter().map(|tier| tier.iter().filter_map(|dir| inspect(dir)).collect()), existing))
}

/// Chooses among the tiers' servers, the preferred tier first.
fn choose(tiers: impl Iterator<Item = Vec<Binaries>>, existing: &[u32]) -> Option<Binaries> {
    let found = tiers
        .map(|tier| tier.into_iter().max_by_key(|server| (existing.contains(&server.major), server.major)));
    let found: Vec<Binaries> = found.flatten().collect();
    let with_rows = found.iter().find(|server| existing.contains(&server.major));
    with_rows.or(found.first()).cloned()
}

/// Returns the path of `psql`: beside the server, else on `PATH`.
pub(crate) fn psql(server: Option<&Binaries>) -> Option<PathBuf> {
    let beside = server.map(|server| server.program("psql")).filter(|path| path.is_file());
    beside.or_else(|| on_path("psql"))
}

/// Returns the first executable called `name` on `PATH`.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|candidate| candidate.is_file())
}

/// Looks at one directory: complete, and new enough?
fn inspect(directory: &Path) -> Option<Binaries> {
    let real = std::fs::canonicalize(directory.join("postgres")).ok()?;
    let resolved = real.parent().filter(|parent| complete(parent));
    let directory = resolved.or_else(|| Some(directory).filter(|dir| complete(dir)))?.to_owned();
    let mut version = program::command(&directory.join("postgres"), None);
    version.arg("--version");
    let major = parse_major(&program::run_ok(version, Duration::from_secs(10)).ok()?)?;
    (major >= MINIMUM_MAJOR).then_some(Binaries { directory, major })
}

fn complete(directory: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|name| directory.join(name).is_file())
}

/// Reads the major version from `postgres (PostgreSQL) 15.4 (Debian …)`, `… 17beta1` and the like.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once(") ").map_or(version, |(_, rest)| rest);
    let digits: String = number.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|dir| dir.join("postgres").exists()).collect()
}

fn pg_config_bindir() -> Option<PathBuf> {
    let mut ask = program::command(&on_path("pg_config")?, None);
    ask.arg("--bindir");
    let answer = program::run_ok(ask, Duration::from_secs(10)).ok()?;
    answer.lines().next().map(|line| PathBuf::from(line.trim()))
}

/// Returns the existing directories that match `pattern`, which has one `*` in one of its names.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return Vec::new() };
    let Some((parent, prefix)) = before.rsplit_once('/') else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let starts = |name: &OsStr| name.as_encoded_bytes().starts_with(prefix.as_bytes());
    let matching = entries.flatten().map(|entry| entry.file_name()).filter(|name| starts(name));
    let rest = after.trim_start_matches('/');
    let mut found: Vec<PathBuf> = matching.map(|name| Path::new(parent).join(name).join(rest)).collect();
    found.retain(|path| path.is_dir());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn major_versions_are_read_from_every_packagers_spelling() {
        let cases = [
            ("postgres (PostgreSQL) 15.4 (Debian 15.4-1.pgdg120+1)", Some(15)),
            ("postgres (PostgreSQL) 17beta1", Some(17)),
            ("postgres (PostgreSQL) 9.6.24", Some(9)),
            ("postgres (PostgreSQL) 16.1 (Homebrew)", Some(16)),
            ("postgres (PostgreSQL) 18devel", Some(18)),
            ("nothing of the kind", None),
        ];
        for (line, major) in cases {
            assert_eq!(parse_major(line), major, "{line}");
        }
    }

    #[test]
    fn the_highest_of_the_first_tier_wins_unless_there_are_data_for_another() {
        let server = |directory: &str, major| Binaries { directory: directory.into(), major };
        let tiers = [vec![server("a", 15), server("b", 17)], vec![server("c", 18)], vec![]];
        let chosen = |existing: &[u32]| choose(tiers.iter().cloned(), existing).map(|server| server.major);
        let cases: [(&[u32], u32); 4] = [(&[], 17), (&[15], 15), (&[18], 18), (&[14], 17)];
        for (existing, major) in cases {
            assert_eq!(chosen(existing), Some(major), "{existing:?}");
        }
        assert_eq!(choose(std::iter::empty(), &[]), None);
    }

    #[test]
    fn a_pattern_expands_to_the_directories_that_exist() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for name in ["pg-14/bin", "pg-16/bin", "pg-17/lib", "other/bin"] {
            std::fs::create_dir_all(root.path().join(name)).expect("a directory");
        }
        let mut found = expand(&format!("{}/pg-*/bin", root.path().display()));
        found.sort();
        assert_eq!(found, [root.path().join("pg-14/bin"), root.path().join("pg-16/bin")]);
    }
}
