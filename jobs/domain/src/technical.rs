//! The deterministic technical analyst: what it would do with a symbol, and from what.
//!
//! It reads daily bars, the last price, and scores of news and other sources when there are any. It
//! is the last analyst to be asked and the one that always answers, so it invents nothing: with too
//! few bars, or numbers that make no sense, it holds and says why. The same evidence gives the same
//! bytes. One rule, [`judge`], decides for the newest bar here and for every bar of a back-test.
//!
//! No constant here was fitted to prices: each is a textbook figure or the platform's own.

mod columns;
mod figures;
mod judgement;
mod reasoning;
mod score;
#[cfg(test)]
mod tests;

use rust_decimal::Decimal;
use serde::Serialize;

pub use columns::{Columns, MIN_BARS, Row};
pub use figures::Figures;
pub use judgement::{Judgement, judge};
pub use score::{Regime, Scores, Weights};

use crate::bars::Series;
use crate::decision::{Action, Proposal, RiskLevel};
use figures::{money, rounded};

/// What the analyst goes by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Finished daily bars, oldest first.
    pub bars: &'a Series,
    /// The last price, in the currency of the bars.
    pub price: f64,
    /// Sentiment of the news, -1 to 1.
    pub sentiment: Option<f64>,
    /// Score of all sources together, -1 to 1.
    pub fused: Option<f64>,
}

/// What the analyst says, with everything it was made from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Opinion {
    /// What it proposes; valid at the price.
    pub proposal: Proposal,
    /// Number of bars that were read.
    pub bars: usize,
    /// Indicators, scores and weights; `None` when the evidence was not usable.
    pub figures: Option<Figures>,
}

/// Returns the analyst's opinion; to hold when the evidence is not usable.
///
/// The target, stop and quantity of a buy follow from the average true range and the risk level; a
/// sell leaves the whole position and a hold changes nothing, so they have none.
pub fn analyse(evidence: &Evidence) -> Opinion {
    opinion(evidence).unwrap_or_else(|reason| Opinion {
        proposal: Proposal {
            action: Action::Hold,
            confidence: rounded(judgement::LEAST_CONFIDENCE).unwrap_or_default(),
            reasoning: reason,
            risk_level: RiskLevel::High,
            suggested_quantity: None,
            target_price: None,
            stop_loss: None,
            trailing_stop_percent: None,
        },
        bars: evidence.bars.len(),
        figures: None,
    })
}

/// Returns why there is no opinion as an error.
fn opinion(evidence: &Evidence) -> Result<Opinion, String> {
    let Evidence { bars, price, .. } = *evidence;
    let len = bars.len();
    if len < MIN_BARS {
        return Err(format!("only {len} daily bars, at least {MIN_BARS} are needed"));
    }
    let columns = [&bars.open, &bars.high, &bars.low, &bars.close];
    if columns.iter().any(|column| column.len() != len) {
        return Err(format!("the columns of the {len} bars differ in length"));
    }
    let is_price = |value: f64| value.is_finite() && value > 0.0;
    if let Some(bar) = (0..len).find(|&bar| columns.iter().any(|column| !is_price(column[bar]))) {
        return Err(format!("bar {} of {len} has a price that is no price", bar + 1));
    }
    let last = bars.close[len - 1];
    if !is_price(price) {
        return Err(format!("the last price is {price}, which is no price"));
    }
    if !(0.5..=2.0).contains(&(price / last)) {
        return Err(format!("the last price {price} does not belong to bars that closed at {last}"));
    }
    let sentiment = together(evidence.sentiment, evidence.fused)?;
    let row = Columns::new(bars).row(len - 1).ok_or("the indicators of the last bar are not finite")?;
    let judged = judge(&row, price, sentiment);
    let decimal = Decimal::try_from(price).map_err(|_| format!("the last price {price} is too large"))?;
    let proposal = Proposal {
        action: judged.action,
        confidence: rounded(judged.confidence).unwrap_or_default(),
        reasoning: reasoning::of(&judged, &row),
        risk_level: judged.risk,
        suggested_quantity: judged.quantity.and_then(rounded),
        target_price: judged.target.and_then(|target| money(target, price)),
        stop_loss: judged.stop.and_then(|stop| money(stop, price)),
        trailing_stop_percent: None,
    };
    // Rounding could push a level of a tiny price onto it.
    proposal.validate(decimal).map_err(|error| format!("no proposal at the price {price}: {error}"))?;
    Ok(Opinion { proposal, bars: len, figures: Some(Figures::new(&row, &judged)) })
}

/// Returns the mean of the scores that are given.
fn together(sentiment: Option<f64>, fused: Option<f64>) -> Result<Option<f64>, String> {
    let given: Vec<f64> = sentiment.into_iter().chain(fused).collect();
    if let Some(odd) = given.iter().find(|score| !(-1.0..=1.0).contains(*score)) {
        return Err(format!("a score of the news is {odd}, not from -1 to 1"));
    }
    Ok((!given.is_empty()).then(|| given.iter().sum::<f64>() / given.len() as f64))
}
