//! What a server on this machine has spent: processor time, WAL, commits.

use std::fs;

use sqlx::PgPool;

/// Ticks a second in `/proc`: what Linux shows to programs on every architecture.
const TICKS: f64 = 100.0;

/// A reading of the server's meters, or the difference of two.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// Processor seconds of all its processes; `None` for a server that is not on this machine.
    pub(super) cpu_s: Option<f64>,
    /// Bytes of WAL.
    pub(super) wal_bytes: f64,
    /// Transactions committed in this database, as far as their sessions have told.
    pub(super) commits: f64,
}

impl Spent {
    /// Reads the meters.
    pub(super) async fn now(pool: &PgPool) -> sqlx::Result<Self> {
        let (pid, wal_bytes, commits): (i32, f64, f64) = sqlx::query_as(
            "select pg_backend_pid(), pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, xact_commit::float8
               from pg_stat_database
              where datname = current_database()",
        )
        .fetch_one(pool)
        .await?;
        Ok(Self { cpu_s: cpu_s(pid), wal_bytes, commits })
    }

    /// Returns what was spent from `before` to this reading.
    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            cpu_s: self.cpu_s.zip(before.cpu_s).map(|(now, then)| now - then),
            wal_bytes: self.wal_bytes - before.wal_bytes,
            commits: self.commits - before.commits,
        }
    }

    /// Returns the processor's milliseconds for a thousand of `n` jobs; NaN when unknown.
    pub(super) fn cpu_ms_per_thousand(&self, n: usize) -> f64 {
        self.cpu_s.map_or(f64::NAN, |seconds| seconds * 1e6 / n as f64)
    }
}

/// Returns the seconds of the server that `backend` belongs to: the postmaster's own, those of
/// its processes, and those of the ones that have ended, which it has inherited.
fn cpu_s(backend: i32) -> Option<f64> {
    let name = fs::read_to_string(format!("/proc/{backend}/comm")).ok()?;
    let postmaster = Stat::of(&backend.to_string()).filter(|_| name.starts_with("postgres"))?.parent;
    let own = Stat::of(&postmaster.to_string())?;
    let mut ticks = own.ticks + own.inherited;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let stat =
            name.to_str().filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).and_then(Stat::of);
        ticks += stat.filter(|stat| stat.parent == postmaster).map_or(0, |stat| stat.ticks + stat.inherited);
    }
    Some(ticks as f64 / TICKS)
}

struct Stat {
    parent: i32,
    ticks: u64,
    inherited: u64,
}

impl Stat {
    /// Reads `/proc/<pid>/stat`; see proc(5).
    fn of(pid: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name in parentheses may hold anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            ticks: number(11)? + number(12)?,
            inherited: number(13)? + number(14)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Stat;

    #[test]
    fn a_line_of_proc_is_read_whatever_the_name() {
        let line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 5 6 7";
        let stat = Stat::parse(line).expect("a line");
        assert_eq!((stat.parent, stat.ticks, stat.inherited), (7, 120, 4));
        assert!(Stat::parse("42").is_none());
    }
}
