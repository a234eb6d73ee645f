//! The journal: what was accepted survives, whatever ends the process.

use std::io::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::model::{Step, steps};
use crate::exchange::stub::{Desk, market_order, with};
use crate::exchange::{Exchange, Settings};
use crate::journal::Journal;

fn reopened(path: &std::path::Path) -> Exchange {
    let (journal, past) = Journal::open(path, false).expect("a readable journal");
    Exchange::restored(Settings::default(), journal, &past)
}

fn desk_at(path: &std::path::Path) -> Desk {
    Desk { exchange: reopened(path), ..Desk::open() }
}

#[test]
fn an_accepted_order_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.jsonl");
    let mut desk = desk_at(&path);
    let body = with(market_order("buy", "1"), &json!({ "client_order_id": "job-1" }));
    let order = desk.place(&body);
    // Nothing is closed or dropped in good order: the file is read as it is.
    let mut again = desk_at(&path);
    assert_eq!(again.order(&order), order);
    assert_eq!(again.refuse(&body).message, "client_order_id must be unique");
    assert_eq!(crate::ledger::ledger(&again.exchange)["orders"][0]["posts"], 2);
}

#[test]
fn a_torn_last_line_is_cut_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.jsonl");
    desk_at(&path).place(&market_order("buy", "1"));
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("the journal");
    file.write_all(b"[{\"posted\":{\"client_or").expect("written");
    let mut desk = desk_at(&path);
    assert_eq!(desk.exchange.book().orders.len(), 1);
    desk.place(&market_order("buy", "2"));
    assert_eq!(reopened(&path).book().orders.len(), 2);
}

#[test]
fn a_damaged_line_is_not_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.jsonl");
    std::fs::write(&path, "nonsense\n").expect("written");
    let error = Journal::open(&path, false).expect_err("damaged");
    assert!(error.to_string().starts_with("line 1 of the journal"), "{error}");
}

#[test]
fn a_reset_forgets_everything_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.jsonl");
    let mut desk = desk_at(&path);
    let body = with(market_order("buy", "1"), &json!({ "client_order_id": "job-1" }));
    let before = desk.trade(&body);
    desk.exchange.reset(&desk.market).expect("written");
    let after = desk.place(&body);
    assert_ne!(before["id"], after["id"]);
    let again = reopened(&path);
    assert_eq!(again.book(), desk.exchange.book());
    assert_eq!(again.book().orders.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_journal_gives_the_identical_state(steps in steps()) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("exchange.jsonl");
        let mut desk = desk_at(&path);
        for step in &steps {
            Step::take(step, &mut desk);
        }
        let again = reopened(&path);
        prop_assert_eq!(again.book(), desk.exchange.book());
    }
}
