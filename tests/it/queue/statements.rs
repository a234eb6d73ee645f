//! What can be seen in the sources alone: which statements there are, and how they begin.

use std::{fs, path::Path};

use super::tables::{literal, sources};

/// Returns the text of `path` in the workspace.
pub(super) fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root");
    fs::read_to_string(root.join(path)).expect("readable text")
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_end_of_a_job_names_the_state_before_it() {
    let mut ends = 0;
    for (path, text) in sources("jobs/src/queue") {
        for (at, _) in text.match_indices("delete from queue.jobs") {
            let statement = flat(literal(&text, at));
            let (_, after) = statement.split_once("delete from queue.jobs").expect("it was found by this");
            let condition = after.split(" returning ").next().unwrap_or_default();
            // Whatever has a lease token runs: the check `jobs_running_are_leased`.
            let names = ["state = '", "state in ('", "lease_token = "];
            let judged = names.iter().any(|name| condition.contains(name));
            assert!(judged, "{} ends a job whatever its state was: {statement}", path.display());
            assert!(
                statement.contains("insert into queue.finished"),
                "{} ends a job in two statements: {statement}",
                path.display()
            );
            ends += 1;
        }
    }
    assert!(ends >= 5, "only {ends} statements were looked at");
}

#[test]
fn nothing_deletes_or_changes_what_has_finished() {
    for folder in ["jobs/src", "api/src", "worker/src"] {
        for (path, text) in sources(folder) {
            let text = flat(&text);
            for table in ["finished", "attempts"] {
                for verb in ["delete from", "update", "truncate"] {
                    let statement = format!("{verb} queue.{table}");
                    assert!(!text.contains(&statement), "{}: {statement}", path.display());
                }
            }
        }
    }
}

#[test]
fn every_transaction_of_a_leader_begins_by_asserting_its_term() {
    let mut begun = 0;
    for (path, text) in sources("jobs/src") {
        if !text.contains("term: &Term") {
            continue;
        }
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line.contains(".begin()") {
                let first = lines.next().unwrap_or_default();
                assert_eq!(first, "term.assert(&mut tx).await?;", "{}, after {line}", path.display());
                begun += 1;
            }
        }
    }
    assert!(begun >= 5, "only {begun} transactions were looked at");
}

#[test]
fn the_server_is_told_to_end_the_connection_of_a_leader_that_falls_silent() {
    let leader = text("jobs/src/queue/leader.rs");
    for (setting, value) in [
        ("idle_session_timeout", "5s"),
        ("statement_timeout", "2s"),
        ("tcp_keepalives_idle", "3"),
        ("tcp_keepalives_interval", "1"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "6s"),
    ] {
        assert!(leader.contains(&format!("(\"{setting}\", \"{value}\")")), "{setting} is not {value}");
    }
}

#[test]
fn none_of_the_crates_that_the_design_rules_out_is_built() {
    let lock = text("Cargo.lock");
    for name in ["apalis-sql", "apalis-postgres", "backoff", "instant"] {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name}");
    }
    assert!(lock.contains("name = \"apalis-core\""), "the control");
}

#[test]
fn the_departures_from_the_design_card_are_listed_with_their_reasons() {
    let architecture = text("ARCHITECTURE.md");
    let (_, part) = architecture.split_once("## Departures from the design card").expect("there is a list");
    let rows: Vec<Vec<&str>> = part
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() >= 5, "{rows:?}");
    assert!(rows.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())), "{rows:?}");
}
