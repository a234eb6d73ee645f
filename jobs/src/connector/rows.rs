//! Daily bars on their way from a provider's rows to columns.

use chrono::{DateTime, Days, NaiveDate, Utc};
use domain::{
    bars::{Provenance, Series},
    market_hours,
};

use super::quality;

/// A day: prices as they were told, adjusted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) date: NaiveDate,
    pub(super) open: f64,
    pub(super) high: f64,
    pub(super) low: f64,
    pub(super) close: f64,
    pub(super) volume: f64,
}

/// Returns the last `bars` rows of finished sessions as columns; their order is kept for the
/// judgement on them.
pub(super) fn series(
    symbol: &str,
    mut rows: Vec<Row>,
    bars: usize,
    now: DateTime<Utc>,
    provenance: Provenance,
) -> Series {
    let running = market_hours::local_date(now);
    let finished = quality::last_finished(now);
    rows.retain(|row| row.date <= finished || row.date > running);
    let rows = &rows[rows.len().saturating_sub(bars)..];
    let column = |of: fn(&Row) -> f64| rows.iter().map(of).collect::<Vec<_>>();
    Series {
        symbol: symbol.to_owned(),
        dates: rows.iter().map(|row| row.date).collect(),
        open: column(|row| row.open),
        high: column(|row| row.high),
        low: column(|row| row.low),
        close: column(|row| row.close),
        volume: column(|row| row.volume),
        provenance: vec![provenance; rows.len()],
    }
}

/// Returns a day that is at least `bars` sessions before `now`.
pub(super) fn begin(bars: usize, now: DateTime<Utc>) -> NaiveDate {
    let days = u64::try_from(bars).unwrap_or(u64::MAX).min(20_000) * 3 / 2 + 15;
    market_hours::local_date(now) - Days::new(days)
}

/// Returns what the bars are: recorded at the market, or made up by a simulated exchange.
pub(super) fn provenance(simulated: bool) -> Provenance {
    if simulated { Provenance::Simulated } else { Provenance::Real }
}
