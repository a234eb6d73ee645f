//! Our engine against the numbers that public engines gave.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::outcome::{Line, Outcome};
use super::replay::{load, outcome};

const TOLERANCE: f64 = 1e-6;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= TOLERANCE * 1.0_f64.max(ours.abs()).max(theirs.abs())
}

/// Compares every field of `expected` that `ours` has; numbers by the tolerance.
fn same(ours: &Value, expected: &Value, at: &str, wrong: &mut Vec<String>) {
    let agree = match (ours.as_f64(), expected.as_f64()) {
        (Some(ours), Some(theirs)) => close(ours, theirs),
        _ => ours == expected,
    };
    if !agree {
        wrong.push(format!("{at}: ours {ours}, golden {expected}"));
    }
}

fn compare(outcome: &Outcome, expect: &Value, wrong: &mut Vec<String>) {
    let line = serde_json::to_value(Line::new("", outcome)).expect("a line is plain JSON");
    same(&line["final_equity"], &expect["final_equity"], "final_equity", wrong);
    same(&line["n_trades"], &expect["n_trades"], "n_trades", wrong);
    for (name, value) in expect["curve_metrics"].as_object().expect("a case has curve metrics") {
        same(&line["curve_metrics"][name], value, name, wrong);
    }
    let sum: f64 = outcome.trades.iter().map(|trade| trade.pnl).sum();
    same(&Value::from(sum), &expect["sum_pnl"], "sum_pnl", wrong);
    for point in expect["equity"].as_array().expect("a case has points") {
        let bar = point["bar"].as_u64().and_then(|bar| usize::try_from(bar).ok()).expect("a bar is an index");
        same(&Value::from(outcome.equity[bar]), &point["equity"], &format!("equity[{bar}]"), wrong);
    }
    let ours = line["trades"].as_array().expect("trades are a list");
    let first = expect["trades_first"].as_array().expect("a case has first trades");
    let last = expect["trades_last"].as_array().expect("a case has last trades");
    let tail = &ours[ours.len() - last.len().min(ours.len())..];
    for (what, ours, golden) in [("first", &ours[..first.len().min(ours.len())], first), ("last", tail, last)] {
        for (i, (ours, golden)) in ours.iter().zip(golden).enumerate() {
            for field in ["entry_date", "exit_date", "entry_price", "exit_price", "size", "pnl"] {
                same(&ours[field], &golden[field], &format!("trades_{what}[{i}].{field}"), wrong);
            }
        }
    }
}

fn all_cases_of(name: &str, count: usize) {
    let file = load(&project("jobs/domain/tests/golden").join(name)).expect("the golden file is in the project");
    assert_eq!(file.cases.len(), count);
    let mut wrong = Vec::new();
    for case in &file.cases {
        let mut here = Vec::new();
        match outcome(&file, case, &project("jobs/market_data/ohlcv")) {
            Ok(outcome) => compare(&outcome, &case["expect"], &mut here),
            Err(error) => here.push(format!("{error:#}")),
        }
        wrong.extend(here.into_iter().map(|what| format!("{} {what}", case["id"])));
    }
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_vectorbt_case_comes_out_the_same() {
    all_cases_of("vectorbt.json", 20);
}

#[test]
fn every_backtrader_case_comes_out_the_same() {
    all_cases_of("backtrader.json", 2);
}

#[test]
fn every_backtesting_py_case_comes_out_the_same() {
    all_cases_of("backtesting.json", 23);
}
