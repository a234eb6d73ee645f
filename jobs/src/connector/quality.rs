//! What may be believed: fresh by the market's time, and possible.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    bars::Series,
    calendar,
    market_hours::{self, TradingHours},
};
use rust_decimal::Decimal;

use super::{NewsItem, Quote, flaw::Flaw};

/// Clocks may differ by so much.
const AHEAD: TimeDelta = TimeDelta::seconds(60);
/// A session's bar may take so long after the close.
const PUBLISHING: TimeDelta = TimeDelta::minutes(30);
/// A price that moved by more than this part of the last close is not believed.
const JUMP: Decimal = Decimal::from_parts(5, 0, 0, false, 1);
const JUMP_F: f64 = 0.5;
/// Two sources whose prices are no further apart, as a fraction, confirm each other.
const AGREEING: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
/// Adjusted prices are rounded one by one.
const ROUNDING: f64 = 1e-4;

/// Returns the last session that is over at `now`.
pub(crate) fn last_finished(now: DateTime<Utc>) -> NaiveDate {
    let today = market_hours::local_date(now);
    match TradingHours::on(today) {
        Some(hours) if hours.close <= now => today,
        _ => calendar::session_on_or_before(today.pred_opt().unwrap_or(today)),
    }
}

/// Judges a quote: while the market is open it is no older than `max_age`, else it is of the last
/// session's end or of later.
pub(super) fn quote(quote: &Quote, max_age: TimeDelta, now: DateTime<Utc>) -> Result<(), Flaw> {
    let Quote { price, previous_close, open, high, low, volume, at, .. } = quote;
    let prices = [Some(*price), *previous_close, *open, *high, *low];
    if let Some(bad) = prices.into_iter().flatten().find(|price| *price <= Decimal::ZERO) {
        return Err(Flaw::implausible(format!("a price of {bad}")));
    }
    if let (Some(high), Some(low)) = (high, low)
        && high < low
    {
        return Err(Flaw::implausible(format!("a high of {high} below a low of {low}")));
    }
    if volume.is_some_and(|volume| volume < Decimal::ZERO) {
        return Err(Flaw::implausible("a negative volume"));
    }
    if *at > now + AHEAD {
        return Err(Flaw::implausible(format!("a trade at {at}, which is to come")));
    }
    let oldest = if market_hours::is_open(now) {
        now - max_age
    } else {
        let hours = TradingHours::on(last_finished(now)).map_or(now, |hours| hours.close);
        hours - max_age
    };
    if *at < oldest {
        return Err(Flaw::stale(format!("the last trade was at {at}, before {oldest}")));
    }
    Ok(())
}

/// Judges how far the price is from the last close, when `other` is what another source says it is. A
/// price may really fall by half: two sources that agree are believed.
pub(super) fn jump(quote: &Quote, other: Option<Decimal>) -> Result<(), Flaw> {
    let (price, Some(close)) = (quote.price, quote.previous_close) else { return Ok(()) };
    let agrees = other.is_some_and(|other| (price - other).abs() <= other * AGREEING);
    if agrees || (price - close).abs() <= close * JUMP {
        return Ok(());
    }
    Err(Flaw::implausible(format!("a price of {price} after a close of {close}")))
}

/// Judges daily bars, which must reach the last finished session and not beyond it.
pub(super) fn series(series: &Series, now: DateTime<Utc>) -> Result<(), Flaw> {
    let length = series.len();
    let columns = [&series.open, &series.high, &series.low, &series.close, &series.volume];
    if columns.iter().any(|column| column.len() != length) || series.provenance.len() != length {
        return Err(Flaw::malformed("columns of different lengths"));
    }
    if let Some([before, after]) = series.dates.array_windows().find(|[before, after]| before >= after) {
        return Err(Flaw::implausible(format!("{after} follows {before}")));
    }
    for bar in 0..length {
        if let Some(what) = impossible(series, bar) {
            return Err(Flaw::implausible(format!("{}: {what}", series.dates[bar])));
        }
    }
    let Some(last) = series.dates.last() else { return Err(Flaw::stale("there are no bars")) };
    let (finished, earlier) = (last_finished(now), last_finished(now - PUBLISHING));
    if *last > finished {
        return Err(Flaw::implausible(format!("a bar of {last}, after the last session {finished}")));
    }
    if *last < earlier {
        return Err(Flaw::stale(format!("the last bar is of {last}, the last session was {finished}")));
    }
    Ok(())
}

fn impossible(series: &Series, bar: usize) -> Option<String> {
    let (open, high, low, close) = (series.open[bar], series.high[bar], series.low[bar], series.close[bar]);
    let prices = [open, high, low, close];
    if prices.iter().any(|price| !price.is_finite() || *price <= 0.0) {
        return Some(format!("prices of {prices:?}"));
    }
    let slack = high * ROUNDING;
    if low > open.min(close) + slack || high < open.max(close) - slack {
        return Some(format!("open {open} or close {close} outside {low} to {high}"));
    }
    if !series.volume[bar].is_finite() || series.volume[bar] < 0.0 {
        return Some(format!("a volume of {}", series.volume[bar]));
    }
    // What is older has been seen by others: a share may once have lost half.
    let before = bar.checked_sub(1).filter(|_| bar + 1 == series.len()).map(|before| series.close[before])?;
    ((close - before).abs() > before * JUMP_F).then(|| format!("a close of {close} after {before}"))
}

/// Leaves only news that are published by `now`, and that have a headline; newest first.
pub(super) fn news(items: &mut Vec<NewsItem>, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<Flaw> {
    let before = items.len();
    items.retain(|item| item.published_at <= now + AHEAD && !item.headline.is_empty());
    let dropped = before - items.len();
    items.retain(|item| item.published_at >= since);
    items.sort_by(|one, other| (other.published_at, &one.id).cmp(&(one.published_at, &other.id)));
    items.dedup_by(|one, other| one.id == other.id);
    (dropped > 0).then(|| Flaw::implausible(format!("{dropped} news without a headline or from the future")))
}

#[cfg(test)]
mod tests;
