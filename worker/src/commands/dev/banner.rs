//! What `capstan dev` shows once everything runs.

use std::fmt::Write as _;
use std::path::Path;

use crate::postgres::{Cluster, DATABASE};
use crate::supervisor::ChildStatus;

/// Returns the banner. A `DATABASE_URL` of the user's is not repeated: it may hold a password.
pub(super) fn text(
    url: &str,
    exchange: Option<&str>,
    data_dir: &Path,
    cluster: Option<&Cluster>,
    children: &[ChildStatus],
) -> String {
    let psql =
        cluster.map_or_else(|| "psql \"$DATABASE_URL\"".to_owned(), |cluster| cluster.psql_command(DATABASE));
    let mut pids = format!("dev {}", std::process::id());
    if let Some(cluster) = cluster {
        let _ = write!(pids, ", postgres {}", cluster.pid());
    }
    for child in children {
        let pid = child.pid.map_or_else(|| "restarting".to_owned(), |pid| pid.to_string());
        let _ = write!(pids, ", {} {pid}", child.name);
    }
    let exchange = exchange.map(|url| format!("simulated, {url}"));
    let rows = [
        ("serving", url),
        ("broker", exchange.as_deref().unwrap_or("the one in your settings")),
        ("database", &psql),
        ("files", &data_dir.display().to_string()),
        ("processes", &pids),
        ("stop", "Ctrl-C"),
    ];
    let mut text = String::from("\ncapstan is ready\n");
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<10} {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_the_url_the_files_and_every_process() {
        let child = |name: &str, pid| ChildStatus {
            name: name.to_owned(),
            pid,
            restarts: 0,
            last_exit: String::new(),
        };
        let children = [child("api", Some(12)), child("worker-1", None)];
        let text =
            text("http://127.0.0.1:5000", Some("http://127.0.0.1:4000"), Path::new("/data"), None, &children);
        let me = format!("dev {}, api 12, worker-1 restarting", std::process::id());
        for expected in [
            "http://127.0.0.1:5000",
            "simulated, http://127.0.0.1:4000",
            "/data",
            "psql \"$DATABASE_URL\"",
            &me,
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
