//! Turns a kind of strategy and its parameters into the engine's rule.
//!
//! The first name of each parameter is the back-tester's own; the others are those of the live
//! schemas and of the wizard.

use super::{RequestError, parameters::Parameters, types::StrategyKind};
use crate::backtest::Strategy;

const OVERSOLD: [&str; 3] = ["oversoldThreshold", "oversold", "rsiOversold"];
const OVERBOUGHT: [&str; 3] = ["overboughtThreshold", "overbought", "rsiOverbought"];
const BAND: [&str; 5] = ["meanPeriod", "lookbackPeriod", "lookback", "period", "bollingerPeriod"];
const DEVIATIONS: [&str; 6] =
    ["deviationMultiple", "deviation", "deviations", "stdDev", "bollingerStdDev", "entryZScore"];

/// Decodes the rule of `kind`.
pub(super) fn decode(kind: StrategyKind, given: &Parameters) -> Result<Strategy, RequestError> {
    match kind {
        StrategyKind::MovingAverageCrossover => Ok(Strategy::MovingAverageCrossover {
            fast: given.period(&["fastPeriod", "fast", "shortPeriod", "shortWindow"], 10)?,
            slow: given.period(&["slowPeriod", "slow", "longPeriod", "longWindow"], 20)?,
        }),
        StrategyKind::RsiOscillator => rsi(given, &["period", "rsiPeriod"]),
        StrategyKind::BuyAndHold => Ok(Strategy::BuyAndHold),
        StrategyKind::Momentum => momentum(given),
        StrategyKind::MeanReversion => mean_reversion(given, 20),
        StrategyKind::MeanReversionScalper => mean_reversion(given, 14),
        StrategyKind::Breakout => match indicator(given, &["donchian", "bollinger"])?.as_deref() {
            Some("bollinger") => bollinger_breakout(given),
            _ => donchian(given),
        },
        StrategyKind::BollingerBreakout => bollinger_breakout(given),
        StrategyKind::DonchianBreakout => donchian(given),
        StrategyKind::TechnicalAnalyst => Ok(Strategy::TechnicalAnalyst),
    }
}

fn rsi(given: &Parameters, period: &[&'static str]) -> Result<Strategy, RequestError> {
    Ok(Strategy::RsiReversion {
        period: given.period(period, 14)?,
        low: given.number(&OVERSOLD, 30.0)?,
        high: given.number(&OVERBOUGHT, 70.0)?,
    })
}

fn momentum(given: &Parameters) -> Result<Strategy, RequestError> {
    Ok(Strategy::Momentum {
        lookback: given.period(&["lookbackPeriod", "lookback", "momentumPeriod", "period"], 14)?,
        threshold: match given.find(&["threshold", "entryThreshold"]) {
            // The wizard's field is in whole percents.
            Some(field) if field.name == "entryThreshold" => field.number()? / 100.0,
            Some(field) => field.number()?,
            None => 0.02,
        },
        rsi_period: given.period(&["rsiPeriod"], 14)?,
        overbought: given.number(&OVERBOUGHT, 70.0)?,
        oversold: given.number(&OVERSOLD, 30.0)?,
    })
}

/// The wizard's `indicator` chooses the rule; a score of z deviations is the band at z.
fn mean_reversion(given: &Parameters, bars: usize) -> Result<Strategy, RequestError> {
    match indicator(given, &["bollinger", "zscore", "rsi"])?.as_deref() {
        Some("rsi") => rsi(given, &["rsiPeriod", "period"]),
        _ => Ok(Strategy::BollingerReversion {
            period: given.period(&BAND, bars)?,
            k: given.number(&DEVIATIONS, 2.0)?,
        }),
    }
}

fn bollinger_breakout(given: &Parameters) -> Result<Strategy, RequestError> {
    Ok(Strategy::BollingerBreakout { period: given.period(&BAND, 20)?, k: given.number(&DEVIATIONS, 2.0)? })
}

/// The exit channel is half as long as the entry's unless given, as in the turtles' rules.
fn donchian(given: &Parameters) -> Result<Strategy, RequestError> {
    let entry = given
        .period(&["entryPeriod", "entry", "channelPeriod", "lookbackPeriod", "lookback", "period"], 20)?;
    Ok(Strategy::DonchianBreakout { entry, exit: given.period(&["exitPeriod", "exit"], (entry / 2).max(1))? })
}

fn indicator(given: &Parameters, known: &[&str]) -> Result<Option<String>, RequestError> {
    let Some(field) = given.find(&["indicator"]) else { return Ok(None) };
    match field.word().map(|word| word.replace(['-', '_'], "")) {
        Some(word) if known.contains(&word.as_str()) => Ok(Some(word)),
        _ => Err(field.refuse("UNKNOWN_INDICATOR", &format!("must be one of {}", known.join(", ")))),
    }
}
