//! Polygon: snapshots and daily aggregates. Times are unix nanoseconds and milliseconds.

use chrono::{DateTime, Utc};
use domain::{bars::Series, market_hours};
use futures::FutureExt;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Quote,
    answers::Answers,
    exact::Exact,
    flaw::{Failure, Flaw},
    provider::{Asked, BarSource, Provider, QuoteSource},
    rows::{self, Row},
    way::{Way, part},
};
use crate::external::{Request, segment};

const SNAPSHOTS: &str = "/v2/snapshot/locale/us/markets/stocks/tickers";
/// The most bars that an answer may hold.
const PAGE: &str = "50000";

/// The API behind one key.
#[derive(Debug)]
pub(super) struct Polygon {
    pub(super) way: Way,
    pub(super) simulated: bool,
}

#[derive(Deserialize)]
struct Snapshots {
    status: String,
    #[serde(default)]
    tickers: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Ticker {
    ticker: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    day: Option<Day>,
    prev_day: Option<Day>,
    last_trade: Trade,
}

/// Zeros are told when there was nothing.
#[derive(Deserialize)]
struct Day {
    o: Exact,
    h: Exact,
    l: Exact,
    c: Exact,
    v: Exact,
}

#[derive(Deserialize)]
struct Trade {
    p: Exact,
    /// Unix nanoseconds.
    t: i64,
}

#[derive(Deserialize)]
struct Aggregates {
    status: String,
    #[serde(default)]
    results: Vec<Bar>,
}

#[derive(Deserialize)]
struct Bar {
    /// Unix milliseconds.
    t: i64,
    o: f64,
    h: f64,
    l: f64,
    c: f64,
    v: f64,
}

impl Provider for Polygon {
    fn way(&self) -> &Way {
        &self.way
    }

    fn probe(&self, _: DateTime<Utc>) -> Asked<'_, ()> {
        async {
            let request = Request::get("probe", "/v2/aggs/ticker/AAPL/prev");
            let found: Aggregates = self.way.json("probe", request).await?;
            succeeded(&found.status)
        }
        .boxed()
    }
}

/// `DELAYED` is a success too: how old a quote is, is judged by its own time.
fn succeeded(status: &str) -> Result<(), Failure> {
    match status {
        "OK" | "DELAYED" => Ok(()),
        other => Err(Failure::Flawed(Flaw::malformed(format!("a status of {other:?}")), None)),
    }
}

impl QuoteSource for Polygon {
    fn quotes<'a>(&'a self, symbols: &'a [String], answers: &'a mut Answers<Quote>) -> Asked<'a, ()> {
        async move {
            let request = Request::get("quotes", SNAPSHOTS).query("tickers", &symbols.join(","));
            let found: Snapshots = self.way.json("quotes", request).await?;
            succeeded(&found.status)?;
            for raw in &found.tickers {
                let symbol = part::<Ticker>(raw)?.ticker;
                if symbols.contains(&symbol) {
                    let read = part::<Snapshot>(raw).map(|snapshot| quote(&symbol, &snapshot));
                    answers.by_symbol.push((symbol, read));
                }
            }
            Ok(())
        }
        .boxed()
    }
}

fn quote(symbol: &str, found: &Snapshot) -> Quote {
    let day = found.day.as_ref().filter(|day| day.c.0 != Decimal::ZERO);
    let before = found.prev_day.as_ref().filter(|day| day.c.0 != Decimal::ZERO);
    Quote {
        symbol: symbol.to_owned(),
        price: found.last_trade.p.0,
        previous_close: before.map(|day| day.c.0),
        open: day.map(|day| day.o.0),
        high: day.map(|day| day.h.0),
        low: day.map(|day| day.l.0),
        volume: day.map(|day| day.v.0),
        at: DateTime::from_timestamp_nanos(found.last_trade.t),
    }
}

impl BarSource for Polygon {
    fn daily_bars<'a>(&'a self, symbol: &'a str, bars: usize, now: DateTime<Utc>) -> Asked<'a, Series> {
        async move {
            let (from, to) = (rows::begin(bars, now), market_hours::local_date(now));
            let path = format!("/v2/aggs/ticker/{}/range/1/day/{from}/{to}", segment(symbol));
            let request = Request::get("daily_bars", path)
                .query("adjusted", "true")
                .query("sort", "asc")
                .query("limit", PAGE);
            let found: Aggregates = self.way.json("daily_bars", request).await?;
            succeeded(&found.status)?;
            let rows: Option<Vec<Row>> = found.results.iter().map(row).collect();
            let rows =
                rows.ok_or_else(|| Failure::Flawed(Flaw::malformed("a bar whose time is none"), None))?;
            if rows.is_empty() {
                return Err(Failure::Nothing(format!("no bars of {symbol}")));
            }
            Ok(rows::series(symbol, rows, bars, now, rows::provenance(self.simulated)))
        }
        .boxed()
    }
}

fn row(bar: &Bar) -> Option<Row> {
    let at = DateTime::from_timestamp_millis(bar.t)?;
    let date = market_hours::local_date(at);
    Some(Row { date, open: bar.o, high: bar.h, low: bar.l, close: bar.c, volume: bar.v })
}
