//! One strategy over one CSV file.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use domain::backtest::{Report, Strategy, run as run_engine};
use serde_json::{Map, Value, json};

use super::bars_file;
use super::options::Options;
use super::timing::repeat;

/// Arguments of `capstan backtest run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// How to trade.
    #[command(flatten)]
    pub options: Options,
    /// The rule, such as `buy_and_hold` or `moving_average_crossover`.
    #[arg(long, default_value = "moving_average_crossover")]
    pub strategy: String,
    /// A parameter of the rule, such as `fast=10`; repeat it for each.
    #[arg(long = "set", value_name = "NAME=NUMBER")]
    pub parameters: Vec<String>,
}

/// Prints the figures and the last trades, or with `--json` everything.
pub(super) fn run(args: &RunArgs) -> anyhow::Result<()> {
    let series = [bars_file::read(&args.options.csv)?];
    let config = args.options.config(rule(&args.strategy, &args.parameters)?);
    let report = run_engine(&config, &series)?;
    let timing = match args.options.bench {
        Some(times) => Some(repeat(times, series[0].len(), || Ok(run_engine(&config, &series)?))?),
        None => None,
    };
    let mut out = std::io::stdout().lock();
    if args.options.json {
        writeln!(out, "{}", json!({ "config": config, "report": report, "timing": timing }))?;
        return Ok(());
    }
    table(&report, &mut out)?;
    if let Some(timing) = timing {
        writeln!(out, "{timing}")?;
    }
    Ok(())
}

/// Returns the rule `name` with its parameters.
fn rule(name: &str, parameters: &[String]) -> anyhow::Result<Strategy> {
    let mut object = Map::new();
    object.insert("type".to_owned(), Value::from(name));
    for parameter in parameters {
        let (key, value) =
            parameter.split_once('=').with_context(|| format!("{parameter:?} is not name=number"))?;
        let number = serde_json::from_str(value).with_context(|| format!("{key} is {value:?}, no number"))?;
        object.insert(key.to_owned(), number);
    }
    serde_json::from_value(Value::Object(object))
        .with_context(|| format!("strategy {name} with {parameters:?}"))
}

fn table(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let metrics = &report.metrics;
    let percent = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{:.2} %", v * 100.0));
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
    let rows = [
        ("final equity", number(report.final_equity())),
        ("total return", percent(metrics.total_return)),
        ("CAGR", percent(metrics.cagr)),
        ("max drawdown", percent(metrics.max_drawdown)),
        ("Sharpe (arithmetic)", number(metrics.sharpe)),
        ("Sortino", number(metrics.sortino)),
        ("Calmar", number(metrics.calmar)),
        ("closed trades", metrics.trades.total.to_string()),
        ("win rate", percent(metrics.trades.win_rate)),
        ("profit factor", number(metrics.trades.profit_factor)),
        ("expectancy", number(metrics.trades.expectancy)),
        ("time in market", percent(metrics.exposure_time)),
        ("fees paid", number(Some(metrics.fees_paid))),
    ];
    for (name, value) in rows {
        writeln!(out, "{name:<22}{value:>16}")?;
    }
    writeln!(out, "\n{:<12}{:<12}{:>12}{:>12}{:>12}{:>14}", "entry", "exit", "shares", "in", "out", "pnl")?;
    for trade in report.trades.iter().rev().take(10).rev().chain(&report.open_positions) {
        let exit = if trade.closed_by.is_some() { trade.exit_date.to_string() } else { "open".to_owned() };
        let (shares, pnl) = (trade.signed_quantity(), trade.pnl);
        writeln!(
            out,
            "{:<12}{exit:<12}{shares:>12.2}{:>12.2}{:>12.2}{pnl:>14.2}",
            trade.entry_date.to_string(),
            trade.entry_price,
            trade.exit_price
        )?;
    }
    Ok(())
}
