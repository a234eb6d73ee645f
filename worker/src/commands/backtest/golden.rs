//! Our engine against the numbers that public engines gave.

use std::path::{Path, PathBuf};

use domain::backtest::RoundTrip;
use domain::bars::Series;
use domain::metrics::{Metrics, curve_metrics};
use serde_json::{Value, json};

use super::bars_file;
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
    for (what, ours, golden) in [("first", &ours[..first.len().min(ours.len())], first), ("last", tail, last)]
    {
        for (i, (ours, golden)) in ours.iter().zip(golden).enumerate() {
            for field in ["entry_date", "exit_date", "entry_price", "exit_price", "size", "pnl"] {
                same(&ours[field], &golden[field], &format!("trades_{what}[{i}].{field}"), wrong);
            }
        }
    }
}

/// The figures of vectorbt's own that our report has too.
fn vectorbt_figures(outcome: &Outcome, metrics: &Metrics) -> Value {
    // vectorbt counts a first return of zero.
    let with_first: Vec<f64> = outcome.equity.first().into_iter().chain(&outcome.equity).copied().collect();
    let curve = curve_metrics(&with_first);
    let fees: f64 = outcome.trades.iter().map(|trade| trade.entry_fees + trade.exit_fees).sum();
    json!({
        "final_equity": outcome.equity.last(),
        "total_return": metrics.total_return,
        "trades_total": outcome.trades.len(),
        "trades_closed": metrics.trades.total,
        "win_rate_closed": metrics.trades.win_rate,
        "profit_factor_closed": metrics.trades.profit_factor,
        "expectancy_closed": metrics.trades.expectancy,
        "max_drawdown": metrics.max_drawdown,
        "sharpe_252": curve.sharpe_arith_ddof1,
        "sortino_252": curve.sortino,
        "calmar_252": curve.calmar,
        "omega_252": curve.omega,
        "annualized_return_252": curve.cagr_252,
        "annualized_volatility_252": curve.annual_vol_ddof1,
        "fees_paid": fees,
    })
}

/// The figures of backtesting.py's own that our report has too; it counts in percent.
fn backtesting_figures(outcome: &Outcome, metrics: &Metrics) -> Value {
    let percent = |value: Option<f64>| value.map(|value| value * 100.0);
    let trades = &metrics.trades;
    json!({
        "Equity Final [$]": outcome.equity.last(),
        "Equity Peak [$]": metrics.equity_peak,
        "Return [%]": percent(metrics.total_return),
        "Return (Ann.) [%]": percent(metrics.annualised_return),
        "Volatility (Ann.) [%]": percent(metrics.volatility_compounded),
        "CAGR [%]": percent(metrics.cagr),
        "Sharpe Ratio": metrics.sharpe_compounded,
        "Calmar Ratio": metrics.calmar,
        "Max. Drawdown [%]": percent(metrics.max_drawdown),
        "# Trades": trades.total,
        "Win Rate [%]": percent(trades.win_rate),
        "Best Trade [%]": percent(trades.best_return),
        "Worst Trade [%]": percent(trades.worst_return),
        "Profit Factor": trades.profit_factor_of_returns,
        "Expectancy [%]": percent(trades.expectancy_return),
        "SQN": trades.system_quality,
        "Kelly Criterion": trades.kelly,
    })
}

fn compare_own_figures(
    engine: &str,
    outcome: &Outcome,
    series: &Series,
    expect: &Value,
    wrong: &mut Vec<String>,
) {
    let closed: Vec<RoundTrip> =
        outcome.trades.iter().filter(|trade| trade.closed_by.is_some()).copied().collect();
    let metrics = Metrics::new(&series.dates, &outcome.equity, &[], &[], &closed, 100_000.0);
    let mut figures = match engine {
        "vectorbt" => vectorbt_figures(outcome, &metrics),
        "backtesting" => backtesting_figures(outcome, &metrics),
        _ => json!({
            "final_equity": outcome.equity.last(),
            "trades_closed": metrics.trades.total,
            "win_rate_closed": metrics.trades.win_rate,
        }),
    };
    if series.len() < 252 {
        // Ours says nothing of a year it has not seen.
        figures.as_object_mut().map(|figures| figures.remove("CAGR [%]"));
    }
    for (name, ours) in figures.as_object().expect("figures are an object") {
        same(ours, &expect["engine_stats"][name], name, wrong);
    }
}

fn all_cases_of(name: &str, count: usize) {
    let file =
        load(&project("jobs/domain/tests/golden").join(name)).expect("the golden file is in the project");
    assert_eq!(file.cases.len(), count);
    let mut wrong = Vec::new();
    for case in &file.cases {
        let mut here = Vec::new();
        match outcome(&file, case, &project("jobs/market_data/ohlcv")) {
            Ok(outcome) => {
                compare(&outcome, &case["expect"], &mut here);
                let engine = case["engine"].as_str().expect("a case names its engine");
                let path = bars_file::locate(
                    &project("jobs/market_data/ohlcv"),
                    case["data"].as_str().expect("a name"),
                );
                let series =
                    bars_file::read(&path.expect("the file was just read")).expect("the file was just read");
                compare_own_figures(engine, &outcome, &series, &case["expect"], &mut here);
            }
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
