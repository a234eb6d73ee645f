//! The options that `run` and `sweep` share: file, cash, costs, sizes.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use domain::backtest::{Config, Direction, Fees, Fill, MAX_MONEY, Sizing, Slippage, Strategy};

/// How a run from the command line trades.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// CSV file with the header date,open,high,low,close,volume.
    #[arg(long)]
    pub csv: PathBuf,
    /// Cash at the start.
    #[arg(long, default_value = "10000", allow_negative_numbers = true, value_parser = cash)]
    pub cash: f64,
    /// When an order is filled.
    #[arg(long, value_enum, default_value_t = FillArg::NextOpen)]
    pub fill: FillArg,
    /// Fee a side, as a fraction of the traded value.
    #[arg(long, default_value_t = 0.0)]
    pub fee_fraction: f64,
    /// Fee an order, money.
    #[arg(long, default_value_t = 0.0)]
    pub fee_fixed: f64,
    /// Slippage a side, basis points.
    #[arg(long, default_value_t = 0.0)]
    pub slippage_bps: f64,
    /// Size of a position: all, fraction=0.5, notional=2500 or units=100.
    #[arg(long, default_value = "all", value_parser = sizing)]
    pub size: Sizing,
    /// Cut quantities down to whole shares.
    #[arg(long)]
    pub whole_shares: bool,
    /// Turn positions round instead of only closing them.
    #[arg(long)]
    pub long_short: bool,
    /// Protective stop, as a fraction of the deciding close.
    #[arg(long)]
    pub stop_loss: Option<f64>,
    /// Profit target, as a fraction of the deciding close.
    #[arg(long)]
    pub take_profit: Option<f64>,
    /// Sell what is open at the last close.
    #[arg(long)]
    pub close_at_end: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Repeat the computation this many times and report the time.
    #[arg(long, value_name = "TIMES")]
    pub bench: Option<usize>,
}

/// When an order is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FillArg {
    /// At the next opening price.
    NextOpen,
    /// At the next closing price.
    NextClose,
    /// At the close decided on.
    SameClose,
}

impl Options {
    /// Returns the engine's configuration for `strategy`.
    pub(super) fn config(&self, strategy: Strategy) -> Config {
        Config {
            fill: match self.fill {
                FillArg::NextOpen => Fill::NextOpen,
                FillArg::NextClose => Fill::NextClose,
                FillArg::SameClose => Fill::SameClose,
            },
            fees: Fees { fixed: self.fee_fixed, fraction: self.fee_fraction, per_share: 0.0 },
            slippage: Slippage::Bps(self.slippage_bps),
            sizing: self.size,
            whole_shares: self.whole_shares,
            direction: if self.long_short { Direction::LongShort } else { Direction::LongOnly },
            stop_loss: self.stop_loss,
            take_profit: self.take_profit,
            close_at_end: self.close_at_end,
            ..Config::new(strategy, self.cash)
        }
    }
}

/// Reads an amount of cash.
pub(super) fn cash(text: &str) -> anyhow::Result<f64> {
    let cash: f64 = text.parse().with_context(|| format!("cash {text:?} is no number"))?;
    ensure!(cash > 0.0 && cash <= MAX_MONEY, "cash is {text}, must be above 0 and at most {MAX_MONEY}");
    Ok(cash)
}

fn sizing(text: &str) -> anyhow::Result<Sizing> {
    if text == "all" {
        return Ok(Sizing::AllIn);
    }
    let (kind, value) = text.split_once('=').context("size must be all or kind=value")?;
    let value: f64 = value.parse().with_context(|| format!("size {value:?} is no number"))?;
    Ok(match kind {
        "fraction" => Sizing::EquityFraction(value),
        "notional" => Sizing::Notional(value),
        "units" => Sizing::Units(value),
        other => bail!("size kind {other:?} must be fraction, notional or units"),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn cash_is_an_amount_above_nothing() {
        let parse = |cash: &str| Line::try_parse_from(["run", "--csv", "a.csv", "--cash", cash]);
        assert_eq!(parse("2500.5").expect("an amount").options.cash.to_bits(), 2500.5_f64.to_bits());
        for (bad, text) in [
            ("-5", "cash is -5, must be above 0"),
            ("0", "must be above 0"),
            ("NaN", "must be above 0"),
            ("1e99", "must be above 0 and at most"),
            ("lots", "cash \"lots\" is no number"),
        ] {
            let error = parse(bad).expect_err(bad).to_string();
            assert!(error.contains(text), "{bad}: {error}");
        }
        let default = Line::try_parse_from(["run", "--csv", "a.csv"]).expect("cash has a default");
        assert_eq!(default.options.cash.to_bits(), 10_000_f64.to_bits());
    }
}
