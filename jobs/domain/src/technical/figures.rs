//! The numbers behind an opinion, rounded for the record.

use rust_decimal::Decimal;
use serde::Serialize;

use super::columns::Row;
use super::judgement::Judgement;
use super::score::{Regime, Weights};

/// Decimals of a recorded figure.
const DECIMALS: u32 = 6;

/// Everything an opinion was made from; `None` is a figure without a value. Prices and ranges are
/// in the currency of the bars, at most six decimals.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names are those of the indicators")]
pub struct Figures {
    /// The last price.
    pub price: Option<Decimal>,
    /// The last bar's close.
    pub close: Option<Decimal>,
    pub sma20: Option<Decimal>,
    pub sma50: Option<Decimal>,
    /// `None` with fewer than 200 bars.
    pub sma200: Option<Decimal>,
    pub ema12: Option<Decimal>,
    pub ema26: Option<Decimal>,
    /// Wilder's, 0 to 100.
    pub rsi14: Option<Decimal>,
    /// EMA 12 less EMA 26.
    pub macd: Option<Decimal>,
    /// EMA 9 of it.
    pub macd_signal: Option<Decimal>,
    pub macd_histogram: Option<Decimal>,
    pub atr14: Option<Decimal>,
    /// 0 to 100.
    pub adx14: Option<Decimal>,
    /// +DI, 0 to 100.
    pub plus_di14: Option<Decimal>,
    /// -DI, 0 to 100.
    pub minus_di14: Option<Decimal>,
    /// 20 bars, two deviations.
    pub bollinger_upper: Option<Decimal>,
    pub bollinger_middle: Option<Decimal>,
    pub bollinger_lower: Option<Decimal>,
    /// The state of the market.
    pub regime: Regime,
    /// The component scores, -1 to 1.
    pub scores: Parts,
    /// Their weights, 0 to 1.
    pub weights: Parts,
    /// The weighted sum.
    pub net_score: Option<Decimal>,
    /// What it had to pass.
    pub threshold: Option<Decimal>,
}

/// One number for each component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "named as the scores")]
pub struct Parts {
    pub momentum: Option<Decimal>,
    pub trend: Option<Decimal>,
    pub volatility: Option<Decimal>,
    pub sentiment: Option<Decimal>,
}

impl Figures {
    /// Returns the figures of `judged`, made from `row`.
    pub fn new(row: &Row, judged: &Judgement) -> Self {
        let band = 2.0 * row.deviation20;
        let Weights { momentum, trend, volatility, sentiment } = judged.weights;
        Self {
            price: rounded(judged.price),
            close: rounded(row.close),
            sma20: rounded(row.sma20),
            sma50: rounded(row.sma50),
            sma200: rounded(row.sma200),
            ema12: rounded(row.ema12),
            ema26: rounded(row.ema26),
            rsi14: rounded(row.rsi14),
            macd: rounded(row.macd),
            macd_signal: rounded(row.signal),
            macd_histogram: rounded(row.histogram),
            atr14: rounded(row.atr14),
            adx14: rounded(row.adx14),
            plus_di14: rounded(row.plus_di),
            minus_di14: rounded(row.minus_di),
            bollinger_upper: rounded(row.sma20 + band),
            bollinger_middle: rounded(row.sma20),
            bollinger_lower: rounded(row.sma20 - band),
            regime: judged.regime,
            scores: Parts {
                momentum: rounded(judged.scores.momentum),
                trend: rounded(judged.scores.trend),
                volatility: rounded(judged.scores.volatility),
                sentiment: judged.scores.sentiment.and_then(rounded),
            },
            weights: Parts {
                momentum: rounded(momentum),
                trend: rounded(trend),
                volatility: rounded(volatility),
                sentiment: rounded(sentiment),
            },
            net_score: rounded(judged.net),
            threshold: rounded(judged.regime.threshold()),
        }
    }
}

/// Returns `value` with at most six decimals; `None` when it is no number or too large.
pub(super) fn rounded(value: f64) -> Option<Decimal> {
    to_decimals(value, DECIMALS)
}

/// Returns `value` in the tick of a `price`: cents, and below one unit finer.
pub(super) fn money(value: f64, price: f64) -> Option<Decimal> {
    let decimals = match price {
        _ if price >= 1.0 => 2,
        _ if price >= 0.01 => 4,
        _ => 10,
    };
    to_decimals(value, decimals)
}

fn to_decimals(value: f64, decimals: u32) -> Option<Decimal> {
    let exact = Decimal::try_from(value).ok()?.round_dp(decimals);
    // Not -0, which would be other bytes for the same number.
    Some(if exact.is_zero() { Decimal::ZERO } else { exact.normalize() })
}
