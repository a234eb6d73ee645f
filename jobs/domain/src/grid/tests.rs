//! Tables of grids and what becomes of them.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    backtest::{self, Strategy},
    bars::{Provenance, Series},
};

fn base(more: &Value) -> Base {
    let mut body = json!({
        "strategyType": "moving_average_crossover", "universe": ["AAPL"],
        "startDate": "2005-01-03", "endDate": "2012-12-31", "initialCash": 100_000,
    });
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    Base::new(body, None)
}

fn grid(value: &Value) -> Grid {
    Grid::decode(Some(value)).expect("a valid grid")
}

/// A wave with noise of its own, `bars` long.
fn wave(symbol: &str, bars: u32) -> Series {
    let first = NaiveDate::from_ymd_opt(2005, 1, 3).expect("a date");
    let mut series = Series { symbol: symbol.to_owned(), ..Series::default() };
    for bar in 0..bars {
        let t = f64::from(bar);
        let close = 100.0 + 20.0 * (t / 17.0).sin() + 5.0 * (t / 3.3).cos() + t * 0.02;
        let open = close + (t * 1.7).sin();
        series.dates.push(first + Days::new(bar.into()));
        series.open.push(open);
        series.close.push(close);
        series.high.push(open.max(close) + 1.0);
        series.low.push(open.min(close) - 1.0);
        series.volume.push(1e6);
        series.provenance.push(Provenance::Real);
    }
    series
}

#[test]
fn values_are_lists_or_ranges_in_ascending_order() {
    let decoded = grid(&json!({"slowPeriod": {"from": 20, "to": 40, "step": 10}, "fastPeriod": ["10", 5]}));
    let axes: Vec<_> = decoded.axes().iter().map(|axis| (axis.name.as_str(), axis.values.clone())).collect();
    assert_eq!(axes, [("fastPeriod", vec![5.0, 10.0]), ("slowPeriod", vec![20.0, 30.0, 40.0])]);
    assert_eq!(decoded.combinations(), 6);
    assert_eq!(Value::Object(decoded.parameters(0)), json!({"fastPeriod": 5, "slowPeriod": 20}));
    assert_eq!(Value::Object(decoded.parameters(4)), json!({"fastPeriod": 10, "slowPeriod": 30}));
    let tenths = grid(&json!({"k": {"from": 0.1, "to": 0.7, "step": 0.1}}));
    assert_eq!(tenths.axes()[0].values, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
}

#[test]
fn grids_that_make_no_sense_are_refused() {
    let many: Vec<u32> = (1..=101).collect();
    let nine: Map<String, Value> = (0..9).map(|n| (format!("p{n}"), json!([1]))).collect();
    for (given, code, field) in [
        (json!(null), "INVALID_GRID", "grid"),
        (json!([]), "INVALID_GRID", "grid"),
        (json!({}), "INVALID_GRID", "grid"),
        (Value::Object(nine), "INVALID_GRID", "grid"),
        (json!({"fast": []}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": 5}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": [true]}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": ["x"]}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": [5, "5"]}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": [0, -0.0]}), "INVALID_GRID", "grid.fast"),
        (json!({"a b": [5]}), "INVALID_GRID", "grid.a b"),
        (json!({"fast": {"from": 5, "to": 9}}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": {"from": 5, "to": 9, "step": 0}}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": {"from": 9, "to": 5, "step": 1}}), "INVALID_GRID", "grid.fast"),
        (json!({"fast": {"from": 0, "to": 1e300, "step": 1}}), "GRID_TOO_LARGE", "grid.fast"),
        (json!({"fast": many, "slow": many}), "GRID_TOO_LARGE", "grid"),
    ] {
        let error = Grid::decode(Some(&given)).expect_err("a refusal");
        assert_eq!((error.code, error.field.as_str()), (code, field), "{given}");
        assert!(error.message.starts_with(field), "{}", error.message);
    }
}

#[test]
fn only_numeric_parameters_that_the_strategy_reads_are_taken() {
    let plain = json!({});
    for (grid_of, body, refused) in [
        (json!({"fastPeriod": [5], "slowPeriod": [20]}), &plain, None),
        (
            json!({"fast_period": [5], "stopLoss": [0, 5], "takeProfit": [9], "allocationPct": [50]}),
            &plain,
            None,
        ),
        // The base alone makes no sense; the grid mends it.
        (json!({"slow": [90]}), &json!({"strategyParams": {"fast": 50}}), None),
        (json!({"rsiPeriod": [5]}), &plain, Some("grid.rsiPeriod")),
        (json!({"nonsense": [5]}), &plain, Some("grid.nonsense")),
        (json!({"indicator": [5]}), &json!({"strategyType": "mean_reversion"}), Some("grid.indicator")),
        (json!({"positionSizing": [5]}), &plain, Some("grid.positionSizing")),
        // Hidden by another name.
        (json!({"fast": [5]}), &json!({"strategyParams": {"fastPeriod": 7}}), Some("grid.fast")),
        (json!({"fast": [5], "fastPeriod": [6]}), &plain, Some("grid.fast")),
        (json!({"fast": [5]}), &json!({"strategyType": "buy_and_hold"}), Some("grid.fast")),
        (json!({"fast": [5]}), &json!({"startDate": "soon"}), Some("startDate")),
        (json!({"fast": [5]}), &json!({"strategyParams": 7}), Some("strategyParams")),
    ] {
        let found = grid(&grid_of).check_names(&base(body)).err().map(|error| error.field);
        assert_eq!(found.as_deref(), refused, "{grid_of} over {body}");
    }
}

#[test]
fn combinations_that_make_no_sense_are_counted_and_left_out() {
    let grid = grid(&json!({"fastPeriod": [5, 10, 20], "slowPeriod": [10, 20]}));
    let survey = Decoder::new(&grid, &base(&json!({}))).survey();
    assert_eq!((survey.skipped, survey.first_valid), (3, Some(0)));
    assert_eq!(survey.reason.map(|error| error.code), Some("FAST_NOT_BELOW_SLOW"));
    let found = evaluate(&grid, &base(&json!({})), 0..6, &[wave("AAPL", 300)], false, || true);
    let cells: Vec<usize> =
        found.expect("an answer").expect("not stopped").iter().map(|evaluated| evaluated.cell).collect();
    assert_eq!(cells, [0, 1, 3]);
}

#[test]
fn every_combination_has_the_figures_of_its_own_back_test() {
    let grids = [
        json!({"fastPeriod": [3, 8], "slowPeriod": [15, 40]}),
        json!({"fastPeriod": [3, 8], "allocationPct": [20, 90]}),
        json!({"fastPeriod": [3, 8], "stopLoss": [0, 4], "takeProfit": [0, 6]}),
    ];
    let many = [wave("AAPL", 400), wave("MSFT", 350)];
    for series in [&many[..1], &many[..]] {
        for grid_of in &grids {
            for close_at_end in [false, true] {
                let (grid, base) = (grid(grid_of), base(&json!({})));
                let cells = 0..grid.combinations();
                let found = evaluate(&grid, &base, cells.clone(), series, close_at_end, || true);
                let found = found.expect("an answer").expect("not stopped");
                assert_eq!(found.len(), grid.combinations());
                for Evaluated { cell, figures } in found {
                    let config = Decoder::new(&grid, &base).config(cell).expect("valid");
                    let config = backtest::Config { close_at_end, ..config };
                    let report = backtest::run(&config, series).expect("a report");
                    let metrics = &report.metrics;
                    assert_eq!(figures.trades, report.trades.len(), "{grid_of} {cell}");
                    let near = |one: Option<f64>, other: Option<f64>| match (one, other) {
                        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
                        (one, other) => one == other,
                    };
                    assert!(near(Some(figures.total_return), metrics.total_return), "{grid_of} {cell}");
                    assert!(near(figures.sharpe, metrics.sharpe), "{grid_of} {cell}");
                    assert!(near(Some(figures.max_drawdown), metrics.max_drawdown), "{grid_of} {cell}");
                    assert!(near(figures.calmar, metrics.calmar), "{grid_of} {cell}");
                }
            }
        }
    }
}

#[test]
fn an_evaluation_stops_when_told() {
    let grid = grid(&json!({"fastPeriod": [3, 8], "slowPeriod": [15, 40]}));
    let mut asked = 0;
    let found = evaluate(&grid, &base(&json!({})), 0..4, &[wave("AAPL", 100)], false, || {
        asked += 1;
        asked < 3
    });
    assert_eq!((found, asked), (Ok(None), 3));
}

#[test]
fn a_base_comes_back_as_it_went() {
    let stored = StoredStrategy {
        strategy_type: "momentum".to_owned(),
        parameters: json!({"lookback": 7}),
        ..StoredStrategy::default()
    };
    let dates = json!({"startDate": "2024-01-01", "endDate": "2024-01-31"});
    let base = Base::new(dates, Some(&stored));
    let text = serde_json::to_string(&base).expect("plain values");
    let back: Base = serde_json::from_str(&text).expect("ours");
    assert_eq!(back, base);
    let grid = grid(&json!({"rsiPeriod": [9]}));
    let config = Decoder::new(&grid, &back).config(0).expect("valid");
    assert!(matches!(config.strategy, Strategy::Momentum { lookback: 7, rsi_period: 9, .. }));
}

proptest! {
    /// However the numbers are split, the parts hold what the whole holds.
    #[test]
    fn the_split_changes_no_bit(cut in 0_usize..=12, fast in 2_u32..6) {
        let grid = grid(&json!({"fastPeriod": [fast, fast + 1, fast + 2], "slowPeriod": [3, 7, 19, 30]}));
        let (base, series) = (base(&json!({})), [wave("AAPL", 120)]);
        let run = |cells| evaluate(&grid, &base, cells, &series, false, || true).expect("ok").expect("whole");
        let mut parts = run(0..cut);
        parts.extend(run(cut..12));
        prop_assert_eq!(parts, run(0..12));
    }
}
