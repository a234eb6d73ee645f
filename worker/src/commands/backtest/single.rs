//! One strategy over one CSV file.

use std::{collections::HashSet, io::Write};

use anyhow::{Context, bail, ensure};
use clap::Args;
use domain::backtest::{Report, Strategy, run as run_engine};
use domain::backtest_request::{default_rule, strategy_kind};
use serde_json::{Value, json};

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
    /// A parameter of the rule, such as `fast=10`; repeat it for each. Those left out have the
    /// defaults of the API.
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

/// Returns the rule `name` with its parameters; those not given have their defaults.
fn rule(name: &str, parameters: &[String]) -> anyhow::Result<Strategy> {
    let kind = match strategy_kind(name) {
        Some(Ok(kind)) => kind,
        Some(Err(unfit)) => bail!("strategy {name} can't be back-tested: {}", unfit.reason()),
        None => bail!("strategy {name:?} is unknown"),
    };
    let Value::Object(mut object) = serde_json::to_value(default_rule(kind))? else {
        bail!("strategy {name} has no parameters")
    };
    let known: Vec<String> = object.keys().filter(|key| *key != "type").cloned().collect();
    let mut given = HashSet::new();
    for parameter in parameters {
        let (key, value) =
            parameter.split_once('=').with_context(|| format!("{parameter:?} is not name=number"))?;
        if !known.iter().any(|name| name == key) {
            let has = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            bail!("--set {key}: strategy {name} has no such parameter, it has {has}");
        }
        ensure!(given.insert(key), "--set {key} is given twice");
        let number: serde_json::Number =
            serde_json::from_str(value).with_context(|| format!("--set {key} is {value:?}, no number"))?;
        object.insert(key.to_owned(), Value::Number(number));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, parameters: &[&str]) -> Result<Strategy, String> {
        let parameters: Vec<String> = parameters.iter().map(|text| (*text).to_owned()).collect();
        rule(name, &parameters).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn parameters_that_are_not_set_have_their_defaults() {
        let average = |fast, slow| Ok(Strategy::MovingAverageCrossover { fast, slow });
        assert_eq!(of("moving_average_crossover", &[]), average(10, 20));
        assert_eq!(of("moving_average_crossover", &["slow=50"]), average(10, 50));
        assert_eq!(of("buy_and_hold", &[]), Ok(Strategy::BuyAndHold));
        assert_eq!(
            of("bollinger_reversion", &["k=1.5"]),
            Ok(Strategy::BollingerReversion { period: 20, k: 1.5 })
        );
        assert_eq!(
            of("rsi_reversion", &[]),
            Ok(Strategy::RsiReversion { period: 14, low: 30.0, high: 70.0 })
        );
        for name in ["momentum", "bollinger_breakout", "donchian_breakout", "technical_analyst"] {
            assert!(of(name, &[]).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_can_not_be_set_is_named() {
        for (name, parameters, text) in [
            (
                "moving_average_crossover",
                vec!["speed=1"],
                "--set speed: strategy moving_average_crossover has no such parameter, it has fast, slow",
            ),
            ("moving_average_crossover", vec!["type=1"], "--set type"),
            ("moving_average_crossover", vec!["fast=1", "fast=2"], "--set fast is given twice"),
            ("moving_average_crossover", vec!["fast=x"], "--set fast is \"x\", no number"),
            ("moving_average_crossover", vec!["fast=1.5"], "invalid type"),
            ("moving_average_crossover", vec!["fast"], "is not name=number"),
            ("buy_and_hold", vec!["fast=1"], "it has none"),
            ("magic", vec![], "strategy \"magic\" is unknown"),
            ("pairs", vec![], "can't be back-tested"),
        ] {
            let error = of(name, &parameters).expect_err(name);
            assert!(error.contains(text), "{parameters:?}: {error}");
        }
    }
}
