//! The technical analyst on the shipped bars, beside buying and holding.
//!
//! Nothing was fitted to these bars, so there is no in-sample period to leave out; what bounds the
//! result is printed with it.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use domain::backtest::{Config, Fees, Report, Slippage, Strategy, run as run_engine};
use domain::bars::{Provenance, Series};
use jobs::market_data::csv;
use serde_json::{Value, json};

use super::options;

/// Arguments of `capstan backtest evaluate`.
#[derive(Debug, Clone, Args)]
pub struct EvaluateArgs {
    /// Cash at the start.
    #[arg(long, default_value = "100000", allow_negative_numbers = true, value_parser = options::cash)]
    pub cash: f64,
    /// Fee a side, as a fraction of the traded value.
    #[arg(long, default_value_t = 0.001)]
    pub fee_fraction: f64,
    /// Slippage a side, basis points.
    #[arg(long, default_value_t = 5.0)]
    pub slippage_bps: f64,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// One rule on one symbol, or on all of them as a portfolio.
#[derive(Debug)]
struct Row {
    bars: String,
    rule: Strategy,
    report: Report,
}

/// Prints one line for each symbol and rule, and for the portfolio of all symbols.
pub(super) fn run(args: &EvaluateArgs) -> anyhow::Result<()> {
    let series = shipped()?;
    let rows = evaluate(args, &series)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        let costs = json!({ "feeFraction": args.fee_fraction, "slippageBps": args.slippage_bps });
        writeln!(out, "{}", json!({ "costs": costs, "cash": args.cash, "rows": rows }))?;
        return Ok(());
    }
    let (first, last) = span(&series);
    writeln!(
        out,
        "recorded daily bars of {} symbols, {first} to {last}, adjusted for splits and dividends",
        series.len()
    )?;
    writeln!(
        out,
        "cash {}, all of it in a position; fee {:.3} % and slippage {} bps a side; fills at the next open;\n\
         both rules decide from bar 60 on; positions open at the end are marked at the last close\n",
        args.cash,
        args.fee_fraction * 100.0,
        args.slippage_bps
    )?;
    table(&rows, &mut out)?;
    writeln!(
        out,
        "\nno parameter was fitted to these bars, and the analyst saw no news; the symbols are those that ship,\n\
         chosen after the fact: large companies that survived"
    )?;
    Ok(())
}

/// Returns the recorded bars of every shipped symbol.
fn shipped() -> anyhow::Result<Vec<Series>> {
    let read = |(symbol, text)| csv::parse(symbol, text).with_context(|| format!("shipped bars of {symbol}"));
    let series: Vec<Series> = csv::shipped().map(read).collect::<anyhow::Result<_>>()?;
    let recorded = series.iter().all(|one| one.provenance.iter().all(|from| *from == Provenance::Real));
    anyhow::ensure!(recorded, "a shipped bar is not a recorded one");
    Ok(series)
}

fn evaluate(args: &EvaluateArgs, series: &[Series]) -> anyhow::Result<Vec<Row>> {
    let rules = [Strategy::TechnicalAnalyst, Strategy::BuyAndHold];
    let first_decision = Some(Strategy::TechnicalAnalyst.warm_up());
    let singles = series.iter().map(|one| (one.symbol.clone(), std::slice::from_ref(one)));
    let all = std::iter::once(("portfolio".to_owned(), series));
    let mut rows = Vec::new();
    for (bars, series) in singles.chain(all) {
        for rule in rules {
            let config = Config {
                fees: Fees { fraction: args.fee_fraction, ..Fees::default() },
                slippage: Slippage::Bps(args.slippage_bps),
                first_decision,
                ..Config::new(rule, args.cash)
            };
            rows.push(Row { bars: bars.clone(), rule, report: run_engine(&config, series)? });
        }
    }
    Ok(rows)
}

fn span(series: &[Series]) -> (String, String) {
    let dates = || series.iter().flat_map(|one| one.dates.iter());
    let shown = |date: Option<&chrono::NaiveDate>| date.map_or_else(String::new, ToString::to_string);
    (shown(dates().min()), shown(dates().max()))
}

impl Row {
    fn json(&self) -> Value {
        json!({
            "bars": self.bars,
            "rule": self.rule.name(),
            "sessions": self.report.dates.len(),
            "metrics": self.report.metrics,
        })
    }
}

fn table(rows: &[Row], out: &mut impl Write) -> std::io::Result<()> {
    let percent = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{:.1} %", v * 100.0));
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
    writeln!(
        out,
        "{:<10} {:<18} {:>8} {:>10} {:>8} {:>12} {:>7} {:>7} {:>9} {:>9}",
        "bars",
        "rule",
        "sessions",
        "return",
        "CAGR",
        "max drawdown",
        "Sharpe",
        "trades",
        "win rate",
        "in market"
    )?;
    for Row { bars, rule, report } in rows {
        let metrics = &report.metrics;
        writeln!(
            out,
            "{bars:<10} {:<18} {:>8} {:>10} {:>8} {:>12} {:>7} {:>7} {:>9} {:>9}",
            rule.name(),
            report.dates.len(),
            percent(metrics.total_return),
            percent(metrics.cagr),
            percent(metrics.max_drawdown),
            number(metrics.sharpe),
            metrics.trades.total,
            percent(metrics.trades.win_rate),
            percent(metrics.exposure_time),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(fee_fraction: f64) -> EvaluateArgs {
        EvaluateArgs { cash: 100_000.0, fee_fraction, slippage_bps: 5.0, json: false }
    }

    #[test]
    fn every_shipped_symbol_and_the_portfolio_have_both_rules() {
        let series = shipped().expect("the shipped bars are sound");
        let rows = evaluate(&args(0.001), &series).expect("the runs are valid");
        assert_eq!(rows.len(), 2 * (series.len() + 1));
        for pair in rows.chunks(2) {
            assert_eq!(pair[0].rule, Strategy::TechnicalAnalyst);
            assert_eq!(pair[1].report.events.len(), pair[1].report.symbols.len(), "one purchase a symbol");
            assert!(pair[0].report.metrics.trades.total > 0, "{}", pair[0].bars);
            assert_eq!(pair[0].report.bars_used.simulated, 0);
        }
        let mut text = Vec::new();
        table(&rows, &mut text).expect("writing to memory succeeds");
        let text = String::from_utf8(text).expect("the table is text");
        assert_eq!(text.lines().count(), rows.len() + 1);
        assert!(text.contains("portfolio  technical_analyst"), "{text}");
    }

    #[test]
    fn costs_make_both_rules_worse() {
        let series = shipped().expect("the shipped bars are sound");
        let ends = |fee| -> Vec<f64> {
            let rows = evaluate(&args(fee), &series[..1]).expect("the runs are valid");
            rows.iter().filter_map(|row| row.report.final_equity()).collect()
        };
        assert!(ends(0.0).iter().zip(ends(0.01)).all(|(free, dear)| *free > dear));
    }
}
