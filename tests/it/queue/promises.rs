//! Every promise of the queue with the tests that hold it to it.
//!
//! A promise without a test is not one: whoever adds a promise adds a row here, and a row whose
//! test is gone or renamed fails [`every_promise_names_tests_that_exist`].

mod operating;
mod running;

use std::collections::BTreeSet;

use super::tables::sources;

/// `#` begins a part of the queue; below a promise, indented, are the tests that judge it.
const PROMISES: [&str; 2] = [running::ROWS, operating::ROWS];

/// Returns the names of all test functions of the workspace.
pub(super) fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["tests/it", "tests/chaos", "jobs/src", "api/src", "worker/src"] {
        for (_, text) in sources(folder) {
            let mut marked = false;
            for line in text.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    marked = true;
                } else if let Some((_, rest)) = line.split_once("fn ")
                    && let Some((name, _)) = rest.split_once('(')
                {
                    if marked {
                        names.insert(name.to_owned());
                    }
                    marked = false;
                }
            }
        }
    }
    names
}

#[test]
fn every_promise_names_tests_that_exist() {
    let known = tests();
    let mut bare: Option<&str> = None;
    let mut named = 0;
    for line in PROMISES.iter().flat_map(|rows| rows.lines()).filter(|line| !line.is_empty()) {
        if let Some(test) = line.strip_prefix("    ") {
            assert!(known.contains(test), "there is no test {test}");
            (bare, named) = (None, named + 1);
        } else {
            assert!(bare.is_none(), "nothing holds the queue to {bare:?}");
            bare = (!line.starts_with('#')).then_some(line);
        }
    }
    assert!(bare.is_none(), "nothing holds the queue to {bare:?}");
    assert!(named > 100, "only {named} tests are named");
}
