//! Portfolio history: what the account was worth at past moments.
//!
//! Nothing is recorded for it: cash and shares of any moment follow from the executions, and
//! their value from the replayed prices.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Value, json};

use super::Exchange;
use super::market::Market;
use super::refusal::Refusal;

/// The most points of one answer.
const MOST_POINTS: usize = 10_000;

/// The span and the step of `GET /v2/account/portfolio/history`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The span back from the end, such as `1D`, `2W`, `1M`, `1A`.
    pub period: String,
    /// `1Min`, `5Min`, `15Min`, `1H` or `1D`.
    pub timeframe: String,
    /// The first moment, instead of a period.
    pub start: Option<DateTime<Utc>>,
    /// The last moment; now when absent or later.
    pub end: Option<DateTime<Utc>>,
}

impl Exchange {
    /// Returns the history object: arrays of the same length, oldest first.
    pub fn portfolio_history(&self, market: &dyn Market, query: &HistoryQuery) -> Result<Value, Refusal> {
        let end = query.end.map_or(market.now(), |end| end.min(market.now()));
        let start = match query.start {
            Some(start) => start,
            None => end - span(&query.period)?,
        };
        let moments = moments(market, start, end, step(&query.timeframe)?);
        let mut fills = self.book.fills.iter().peekable();
        let mut cash = self.book.starting_cash;
        let mut shares: BTreeMap<&str, Decimal> = BTreeMap::new();
        let mut worth = |at: DateTime<Utc>| {
            while let Some(fill) = fills.next_if(|fill| fill.at <= at) {
                let signed = fill.side.signed(fill.qty);
                cash -= signed * fill.price;
                *shares.entry(&fill.symbol).or_default() += signed;
            }
            let value = |(symbol, qty): (&&str, &Decimal)| {
                if qty.is_zero() { None } else { market.quote(symbol, at).map(|quote| quote.last * qty) }
            };
            cash + shares.iter().filter_map(value).sum::<Decimal>()
        };
        let base = worth(start);
        let mut equity = Vec::with_capacity(moments.len());
        let mut gain = Vec::with_capacity(moments.len());
        let mut share = Vec::with_capacity(moments.len());
        for &at in &moments {
            let now = worth(at);
            let change = now - base;
            equity.push(number(now.round_dp(2)));
            gain.push(number(change.round_dp(2)));
            share.push(number(change.checked_div(base).unwrap_or_default().round_dp(8)));
        }
        Ok(json!({
            "timestamp": moments.iter().map(DateTime::timestamp).collect::<Vec<_>>(),
            "equity": equity,
            "profit_loss": gain,
            "profit_loss_pct": share,
            "base_value": number(base.round_dp(2)),
            "base_value_asof": market.trading_date(start).to_string(),
            "timeframe": query.timeframe,
        }))
    }
}

/// Returns the moments after `start`: session closes, or steps within sessions; `end` last.
fn moments(
    market: &dyn Market,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    step: Option<TimeDelta>,
) -> Vec<DateTime<Utc>> {
    let mut all = Vec::new();
    let mut at = start;
    while at < end && all.len() < MOST_POINTS {
        at = match step {
            None => market.next_close(at),
            Some(step) if market.is_open(at) || market.is_open(at + step) => at + step,
            Some(_) => market.next_open(at),
        };
        if at <= end {
            all.push(at);
        }
    }
    if all.last() != Some(&end) {
        all.push(end);
    }
    all
}

fn span(period: &str) -> Result<TimeDelta, Refusal> {
    let invalid = || Refusal::field(format!("invalid period: {period}"));
    let unit = period.chars().next_back().ok_or_else(invalid)?;
    let count: u16 = period[..period.len() - unit.len_utf8()].parse().map_err(|_| invalid())?;
    let days = match unit {
        'D' => 1,
        'W' => 7,
        'M' => 30,
        'A' | 'Y' => 365,
        _ => return Err(invalid()),
    };
    Ok(TimeDelta::days(i64::from(count) * days))
}

fn step(timeframe: &str) -> Result<Option<TimeDelta>, Refusal> {
    Ok(Some(TimeDelta::minutes(match timeframe {
        "1Min" => 1,
        "5Min" => 5,
        "15Min" => 15,
        "1H" => 60,
        "1D" => return Ok(None),
        _ => return Err(Refusal::field(format!("invalid timeframe: {timeframe}"))),
    })))
}

fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}
