//! Windows, pieces, chains and verdicts.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    backtest::{Config, Sizing, Strategy},
    bars::{Provenance, Series},
    grid::{Figures, Grid},
};

fn plan(value: &Value) -> Plan {
    Plan::decode(Some(value)).expect("a valid plan")
}

fn wave(symbol: &str, bars: u32) -> Series {
    let first = NaiveDate::from_ymd_opt(2005, 1, 3).expect("a date");
    let mut series = Series { symbol: symbol.to_owned(), ..Series::default() };
    for bar in 0..bars {
        let t = f64::from(bar);
        let close = 100.0 + 20.0 * (t / 9.0).sin() + 5.0 * (t / 3.3).cos();
        series.dates.push(first + Days::new(bar.into()));
        for column in [&mut series.open, &mut series.high, &mut series.low, &mut series.close] {
            column.push(close);
        }
        series.volume.push(1e6);
        series.provenance.push(Provenance::Real);
    }
    series
}

fn crossover() -> Config {
    let strategy = Strategy::MovingAverageCrossover { fast: 3, slow: 12 };
    Config { sizing: Sizing::AllIn, ..Config::new(strategy, 1000.0) }
}

#[test]
fn windows_roll_or_grow() {
    let cut = |plan: Plan, sessions| -> Vec<(usize, usize, usize)> {
        let windows = plan.windows(sessions).expect("they fit");
        windows.iter().map(|window| (window.train_start, window.test_start, window.test_end)).collect()
    };
    let rolling = plan(&json!({"train": 10, "test": "5"}));
    assert_eq!(cut(rolling, 24), [(0, 10, 15), (5, 15, 20)], "what is left over is not tested");
    assert_eq!(cut(rolling, 25).len(), 3);
    let growing = plan(&json!({"train": 10, "test": 5, "step": 7, "anchored": true}));
    assert_eq!(cut(growing, 22), [(0, 10, 15), (0, 17, 22)]);
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    for (given, field) in [
        (json!(null), "windows"),
        (json!([5, 5]), "windows"),
        (json!({"test": 5}), "windows.train"),
        (json!({"train": 5}), "windows.test"),
        (json!({"train": 1, "test": 5}), "windows.train"),
        (json!({"train": 5.5, "test": 5}), "windows.train"),
        (json!({"train": -5, "test": 5}), "windows.train"),
        (json!({"train": 5, "test": 1e9}), "windows.test"),
        (json!({"train": 5, "test": 5, "step": 4}), "windows.step"),
        (json!({"train": 5, "test": 5, "anchored": "yes"}), "windows.anchored"),
    ] {
        let error = Plan::decode(Some(&given)).expect_err("a refusal");
        assert_eq!((error.code, error.field.as_str()), ("INVALID_WINDOWS", field), "{given}");
    }
    let short = plan(&json!({"train": 10, "test": 5})).windows(14).expect_err("one session short");
    assert!(short.message.contains("holds 14"), "{}", short.message);
    assert!(plan(&json!({"train": 2, "test": 2})).windows(5_000).is_err(), "too many");
}

#[test]
fn a_test_begins_in_cash_on_its_first_session_and_ends_in_cash() {
    let series = [wave("AAPL", 90)];
    let start = series[0].dates[50];
    let piece = run_piece(&crossover(), &series, start).expect("a piece");
    assert_eq!((piece.dates.len(), piece.growth.len(), piece.dates[0]), (40, 40, start));
    assert!((piece.growth[0] - 1.0).abs() < 1e-12, "decided on the first close, filled later");
    assert!(piece.figures.trades > 0 && !piece.figures.open);
    let total = piece.growth[39] - 1.0;
    assert!((piece.figures.total_return - total).abs() < 1e-12);
    // The warm-up is what makes it trade that early.
    let cold = run_piece(&crossover(), &[between(&series[0], start, series[0].dates[89])], start);
    assert_ne!(cold.expect("a piece").growth, piece.growth);
}

#[test]
fn chained_pieces_compound() {
    let found = stitch(&[vec![1.0, 1.1], vec![], vec![0.9, 1.2]], 1000.0);
    let expected = [1000.0, 1100.0, 990.0, 1320.0];
    assert_eq!(found.equity.len(), 4);
    for (equity, expected) in found.equity.iter().zip(expected) {
        assert!((equity - expected).abs() < 1e-9);
    }
    assert!((found.total_return.expect("defined") - 0.32).abs() < 1e-12);
    assert!((found.max_drawdown.expect("defined") + 0.1).abs() < 1e-12);
    assert_eq!(stitch(&[], 1000.0).sessions, 0);
}

fn figures(sharpe: Option<f64>, total_return: f64) -> Figures {
    Figures { total_return, sharpe, max_drawdown: -0.1, calmar: None, trades: 3, winning: 1, open: false }
}

fn window(cell: usize, before: f64, after: f64) -> Window {
    Window {
        cell: Some(cell),
        in_sample: Some(figures(Some(before), before / 10.0)),
        train_sessions: 252,
        out_of_sample: figures(Some(after), after / 20.0),
        test_sessions: 126,
    }
}

#[test]
fn what_is_left_decides_the_verdict() {
    let grid = Grid::decode(Some(&json!({"fast": [1, 2], "slow": [5, 6, 7]}))).expect("valid");
    for (windows, efficiency, verdict) in [
        (vec![window(0, 2.0, 1.5); 6], Some(0.75), Verdict::HeldUp),
        (vec![window(0, 2.0, 0.2); 6], Some(0.1), Verdict::LikelyOverfitted),
        (vec![window(0, 2.0, -1.0); 6], Some(-0.5), Verdict::LikelyOverfitted),
        (vec![window(0, 2.0, 1.5); 2], Some(0.75), Verdict::Inconclusive),
        (vec![window(0, -1.0, 1.5); 6], None, Verdict::Inconclusive),
        (vec![], None, Verdict::Inconclusive),
    ] {
        let found = judge(&windows, &grid, 6);
        assert_eq!(found.verdict, verdict, "{}", found.note);
        // Returns are in proportion here: 0.1 a year before and 0.05 in half a year after, for each 1.
        for found in [found.sharpe_efficiency, found.return_efficiency] {
            assert_eq!(found.is_some(), efficiency.is_some());
            assert!((found.unwrap_or(0.0) - efficiency.unwrap_or(0.0)).abs() < 1e-12, "{found:?}");
        }
        assert!(found.note.contains("the best of 6 combinations"), "{}", found.note);
    }
}

#[test]
fn stability_counts_choices_and_repetitions() {
    let grid = Grid::decode(Some(&json!({"fast": [1, 2], "slow": [5, 6, 7]}))).expect("valid");
    let mut windows: Vec<Window> = [1, 1, 4, 1].map(|cell| window(cell, 1.0, 1.0)).to_vec();
    let stability = judge(&windows, &grid, 6).stability;
    assert_eq!((stability.distinct_choices, stability.repeated), (2, Some(1.0 / 3.0)));
    let slow = &stability.parameters[1];
    assert_eq!((slow.min, slow.max, slow.distinct, slow.offered), (6.0, 6.0, 1, 3));
    let fast = &stability.parameters[0];
    assert_eq!((fast.min, fast.max, fast.distinct, fast.offered), (1.0, 2.0, 2, 2));
    for window in &mut windows {
        (window.cell, window.in_sample) = (None, None);
    }
    let none = judge(&windows, &grid, 6);
    assert_eq!((none.stability.distinct_choices, none.stability.repeated), (0, None));
    assert!(none.note.contains("nothing can be compared"), "{}", none.note);
}

proptest! {
    /// Nothing after its end changes a test, and nothing after `test_start` what came before.
    #[test]
    fn bars_after_the_end_change_nothing(lead in 15_usize..60, test in 2_usize..40, by in 0.5_f64..2.0) {
        let whole = wave("AAPL", 120);
        let (start, end) = (whole.dates[lead], whole.dates[lead + test - 1]);
        let mut changed = whole.clone();
        for column in [&mut changed.open, &mut changed.high, &mut changed.low, &mut changed.close] {
            for price in &mut column[lead + test..] {
                *price *= by;
            }
        }
        let run = |series: &Series| {
            run_piece(&crossover(), &[between(series, series.dates[0], end)], start).expect("a piece")
        };
        prop_assert_eq!(run(&whole), run(&changed));
    }

    #[test]
    fn tests_follow_their_training_and_never_overlap(
        train in 2_usize..50, test in 2_usize..30, more in 0_usize..10, sessions in 60_usize..400,
        anchored: bool,
    ) {
        let plan = Plan { train, test, step: test + more, anchored };
        if let Ok(windows) = plan.windows(sessions) {
            let mut last_end = 0;
            for window in windows {
                prop_assert!(window.test_start - window.train_start >= train);
                prop_assert!(window.test_start >= last_end && window.test_end <= sessions);
                last_end = window.test_end;
            }
        }
    }
}
