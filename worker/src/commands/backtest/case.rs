//! The cases of a golden file: what a public engine was asked to run.

use anyhow::{Context, bail, ensure};
use domain::backtest::{Direction, Sizing, Strategy};
use serde::Deserialize;
use serde_json::Value;

/// A golden file.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CaseFile {
    /// The engine of every case that names none itself.
    #[serde(default)]
    pub engine: Option<String>,
    /// The cases, decoded one by one so that a broken one does not hide the others.
    pub cases: Vec<Value>,
}

/// One case. What the engine answered is not read here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Case {
    pub id: String,
    #[serde(default)]
    pub engine: Option<String>,
    pub data: String,
    pub strategy: String,
    #[serde(default)]
    pub params: Value,
    pub execution: Execution,
}

/// How a case trades. An unknown field is an error: ignoring it would give other numbers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Execution {
    pub cash: f64,
    #[serde(default)]
    pub commission_pct: f64,
    #[serde(default)]
    pub commission_fixed: f64,
    #[serde(default)]
    pub spread: f64,
    #[serde(default)]
    pub slippage: f64,
    #[serde(default)]
    pub fill: CaseFill,
    pub sizing: CaseSizing,
    #[serde(default)]
    pub whole_shares: bool,
    #[serde(default = "long_only")]
    pub direction: Direction,
    #[serde(default)]
    pub finalize: bool,
    #[serde(default)]
    pub stop_loss_pct: Option<f64>,
    #[serde(default)]
    pub take_profit_pct: Option<f64>,
}

fn long_only() -> Direction {
    Direction::LongOnly
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CaseFill {
    #[default]
    NextOpen,
    ThisClose,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum CaseSizing {
    AllIn,
    EquityFraction { fraction: f64 },
    Notional { notional: f64 },
    Units { units: f64 },
}

impl CaseSizing {
    /// Returns the engine's own sizing.
    pub(super) fn sizing(self) -> Sizing {
        match self {
            Self::AllIn => Sizing::AllIn,
            Self::EquityFraction { fraction } => Sizing::EquityFraction(fraction),
            Self::Notional { notional } => Sizing::Notional(notional),
            Self::Units { units } => Sizing::Units(units),
        }
    }
}

impl Case {
    /// Returns the case's rule in the engine's terms.
    pub(super) fn rule(&self) -> anyhow::Result<Strategy> {
        Ok(match self.strategy.as_str() {
            "buy_hold" => Strategy::BuyAndHold,
            "sma_cross" => {
                Strategy::MovingAverageCrossover { fast: self.bars("fast")?, slow: self.bars("slow")? }
            }
            "rsi_reversion" => Strategy::RsiReversion {
                period: self.bars("period")?,
                low: self.number("low")?,
                high: self.number("high")?,
            },
            "bollinger_breakout" => {
                Strategy::BollingerBreakout { period: self.bars("period")?, k: self.number("k")? }
            }
            "donchian_breakout" => {
                Strategy::DonchianBreakout { entry: self.bars("entry")?, exit: self.bars("exit")? }
            }
            other => bail!("strategy {other:?} is not known"),
        })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn bars(&self, name: &str) -> anyhow::Result<usize> {
        let value = self.number(name)?;
        ensure!(
            value.fract() == 0.0 && (0.0..1e9).contains(&value),
            "params.{name} is {value}, no whole number"
        );
        Ok(value as usize)
    }

    fn number(&self, name: &str) -> anyhow::Result<f64> {
        let value = self.params.get(name).and_then(Value::as_f64);
        value.with_context(|| format!("params.{name} is missing or no number"))
    }
}
