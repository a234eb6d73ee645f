//! A grid of moving-average crossovers over one CSV file.

use std::io::Write;
use std::str::FromStr;

use anyhow::{Context, ensure};
use clap::Args;
use domain::backtest::{Cell, Config, Strategy, Sweep};
use domain::bars::Series;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefIterator, ParallelIterator};
use serde_json::json;

use super::bars_file;
use super::options::Options;
use super::timing::repeat;

/// Arguments of `capstan backtest sweep`.
#[derive(Debug, Clone, Args)]
pub struct SweepArgs {
    /// How to trade.
    #[command(flatten)]
    pub options: Options,
    /// Fast periods: FROM..TO or FROM..TO:STEP, both ends included.
    #[arg(long, default_value = "5..24")]
    pub fast: Range,
    /// Slow periods, likewise; pairs with fast not below slow are left out.
    #[arg(long, default_value = "30..220:10")]
    pub slow: Range,
    /// Threads, at most 256; all cores unless told.
    #[arg(long, default_value = "0", value_parser = threads)]
    pub threads: usize,
    /// Rows of the table, best final equity first.
    #[arg(long, default_value_t = 10)]
    pub top: usize,
}

/// Most pairs of a grid, those left out included.
const MOST_PAIRS: usize = 1_000_000;
const MOST_THREADS: usize = 256;

fn threads(text: &str) -> anyhow::Result<usize> {
    let threads = text.parse().with_context(|| format!("{text:?} is no number of threads"))?;
    ensure!(threads <= MOST_THREADS, "{threads} threads, at most {MOST_THREADS} are allowed");
    Ok(threads)
}

/// Periods from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    from: usize,
    to: usize,
    step: usize,
}

impl FromStr for Range {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (ends, step) = text.split_once(':').unwrap_or((text, "1"));
        let (from, to) = ends.split_once("..").unwrap_or((ends, ends));
        let number = |part: &str| part.parse::<usize>().with_context(|| format!("{part:?} is no period"));
        let range = Self { from: number(from)?, to: number(to)?, step: number(step)? };
        ensure!(range.step > 0 && range.from <= range.to, "range {text:?} is empty");
        Ok(range)
    }
}

impl Range {
    fn len(self) -> usize {
        ((self.to - self.from) / self.step).saturating_add(1)
    }

    fn values(self) -> impl Iterator<Item = usize> {
        (self.from..=self.to).step_by(self.step)
    }
}

/// Prints the best cells as a table, or with `--json` all of them in the grid's order.
pub(super) fn run(args: &SweepArgs) -> anyhow::Result<()> {
    limit(args.fast, args.slow)?;
    let series = bars_file::read(&args.options.csv)?;
    let pairs: Vec<(usize, usize)> = args
        .fast
        .values()
        .flat_map(|fast| args.slow.values().map(move |slow| (fast, slow)))
        .filter(|(fast, slow)| fast < slow)
        .collect();
    ensure!(!pairs.is_empty(), "no fast period lies below a slow one");
    let (fast, slow) = pairs[0];
    let config = args.options.config(Strategy::MovingAverageCrossover { fast, slow });
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    let compute = || pool.install(|| cells(&config, &series, &pairs));
    let mut cells = compute()?;
    let timing = match args.options.bench {
        Some(times) => Some(repeat(times, series.len() * pairs.len(), compute)?),
        None => None,
    };
    let mut out = std::io::stdout().lock();
    if args.options.json {
        let threads = pool.current_num_threads();
        writeln!(
            out,
            "{}",
            json!({ "bars": series.len(), "threads": threads, "cells": cells, "timing": timing })
        )?;
        return Ok(());
    }
    cells.sort_by(|a, b| b.final_equity.total_cmp(&a.final_equity));
    writeln!(
        out,
        "{:>6}{:>6}{:>16}{:>12}{:>12}{:>10}{:>8}",
        "fast", "slow", "final equity", "return %", "drawdown %", "Sharpe", "trades"
    )?;
    for cell in cells.iter().take(args.top) {
        let Strategy::MovingAverageCrossover { fast, slow } = cell.strategy else { continue };
        let (gain, loss) = (cell.total_return * 100.0, cell.max_drawdown * 100.0);
        let sharpe = cell.sharpe.map_or("-".to_owned(), |sharpe| format!("{sharpe:.3}"));
        let (equity, trades) = (cell.final_equity, cell.trades);
        writeln!(out, "{fast:>6}{slow:>6}{equity:>16.2}{gain:>12.2}{loss:>12.2}{sharpe:>10}{trades:>8}")?;
    }
    if let Some(timing) = timing {
        writeln!(out, "{timing}")?;
    }
    Ok(())
}

/// Refuses a grid that takes too much memory.
fn limit(fast: Range, slow: Range) -> anyhow::Result<()> {
    let pairs = fast.len().saturating_mul(slow.len());
    ensure!(pairs <= MOST_PAIRS, "the grid has {pairs} pairs, at most {MOST_PAIRS} are allowed");
    Ok(())
}

/// Evaluates every pair, in the order given.
fn cells(config: &Config, series: &Series, pairs: &[(usize, usize)]) -> anyhow::Result<Vec<Cell>> {
    let windows: Vec<usize> = pairs.iter().flat_map(|&(fast, slow)| [fast, slow]).collect();
    let sweep = Sweep::new(config, series, &windows)?;
    pairs
        .par_iter()
        .with_min_len(8)
        .map_init(Vec::new, |trades, &(fast, slow)| {
            Ok(sweep.evaluate(Strategy::MovingAverageCrossover { fast, slow }, trades)?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_and_threads_have_a_limit() {
        let range = |text: &str| text.parse::<Range>().expect(text);
        limit(range("1..1000"), range("1..1000")).expect("a million");
        let most = format!("0..{}", usize::MAX);
        for (fast, slow) in [("1..1001", "1..1000"), (most.as_str(), "1"), (&most, &most)] {
            let error = limit(range(fast), range(slow)).expect_err(fast).to_string();
            assert!(error.contains("at most 1000000 are allowed"), "{error}");
        }
        assert_eq!(threads("256").expect("the most"), 256);
        for bad in ["257", "-1", "x"] {
            assert!(threads(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_range_names_both_ends_and_a_step() {
        for (text, expected) in [
            ("5..7", vec![5, 6, 7]),
            ("30..50:10", vec![30, 40, 50]),
            ("30..45:10", vec![30, 40]),
            ("8", vec![8]),
        ] {
            let range: Range = text.parse().expect(text);
            assert_eq!(range.values().collect::<Vec<_>>(), expected);
            assert_eq!(range.len(), expected.len());
        }
        for text in ["", "7..5", "1..2:0", "a..b"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }
}
