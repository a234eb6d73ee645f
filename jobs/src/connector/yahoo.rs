//! Yahoo's chart, which nobody promises: one symbol a call, arrays with holes.

use chrono::{DateTime, Days, NaiveTime, Utc};
use domain::{bars::Series, market_hours};
use futures::FutureExt;
use serde::Deserialize;

use super::{
    Quote,
    answers::Answers,
    exact::Exact,
    flaw::{Failure, Flaw},
    provider::{Asked, BarSource, Provider, QuoteSource},
    rows::{self, Row},
    way::Way,
};
use crate::external::{ExternalError, Request, segment};

/// The chart API.
#[derive(Debug)]
pub(super) struct Yahoo {
    pub(super) way: Way,
    pub(super) simulated: bool,
}

#[derive(Deserialize)]
struct Answer<T> {
    chart: Chart<T>,
}

#[derive(Deserialize)]
struct Chart<T> {
    result: Vec<T>,
}

#[derive(Deserialize)]
struct Today {
    meta: Meta,
    indicators: Indicators<Exact>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    symbol: String,
    regular_market_price: Exact,
    /// Unix seconds.
    regular_market_time: i64,
    chart_previous_close: Option<Exact>,
}

#[derive(Deserialize)]
struct History {
    /// Unix seconds; absent when there is nothing.
    #[serde(default)]
    timestamp: Vec<i64>,
    indicators: Indicators<f64>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Indicators<T> {
    quote: Vec<Columns<T>>,
    #[serde(default = "Vec::new")]
    adjclose: Vec<Adjusted<T>>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Columns<T> {
    #[serde(default = "Vec::new")]
    open: Vec<Option<T>>,
    #[serde(default = "Vec::new")]
    high: Vec<Option<T>>,
    #[serde(default = "Vec::new")]
    low: Vec<Option<T>>,
    #[serde(default = "Vec::new")]
    close: Vec<Option<T>>,
    #[serde(default = "Vec::new")]
    volume: Vec<Option<T>>,
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Adjusted<T> {
    #[serde(default = "Vec::new")]
    adjclose: Vec<Option<T>>,
}

impl Yahoo {
    async fn chart<T: for<'de> Deserialize<'de>>(
        &self,
        endpoint: &'static str,
        symbol: &str,
        query: impl FnOnce(Request) -> Request,
    ) -> Result<T, Failure> {
        // It writes share classes with a dash.
        let path = format!("/v8/finance/chart/{}", segment(&symbol.replace('.', "-")));
        let request = query(Request::get(endpoint, path)).query("interval", "1d");
        let answer: Answer<T> = self.way.json(endpoint, request).await.map_err(|failure| match failure {
            Failure::Call(ExternalError::Refused { status: 404, .. }) => {
                Failure::Nothing(format!("{symbol} is not known"))
            }
            failure => failure,
        })?;
        let result = answer.chart.result.into_iter().next();
        result.ok_or_else(|| Failure::Flawed(Flaw::malformed("a chart of nothing"), None))
    }

    async fn quote(&self, symbol: &str) -> Result<Quote, Failure> {
        let Today { meta, indicators } =
            self.chart("quotes", symbol, |request| request.query("range", "1d")).await?;
        if meta.symbol != symbol.replace('.', "-") {
            let flaw = Flaw::malformed(format!("a chart of {:?}, not of {symbol}", meta.symbol));
            return Err(Failure::Flawed(flaw, None));
        }
        let at = DateTime::from_timestamp_secs(meta.regular_market_time)
            .ok_or_else(|| Failure::Flawed(Flaw::malformed("a time that is none"), None))?;
        let day = indicators.quote.first();
        let last = |column: fn(&Columns<Exact>) -> &Vec<Option<Exact>>| {
            day.and_then(|day| column(day).last().copied().flatten()).map(|exact| exact.0)
        };
        Ok(Quote {
            symbol: symbol.to_owned(),
            price: meta.regular_market_price.0,
            previous_close: meta.chart_previous_close.map(|close| close.0),
            open: last(|day| &day.open),
            high: last(|day| &day.high),
            low: last(|day| &day.low),
            volume: last(|day| &day.volume),
            at,
        })
    }
}

impl Provider for Yahoo {
    fn way(&self) -> &Way {
        &self.way
    }

    fn probe(&self, _: DateTime<Utc>) -> Asked<'_, ()> {
        async {
            let found = self.chart::<Today>("probe", "AAPL", |request| request.query("range", "1d")).await;
            found.map(drop)
        }
        .boxed()
    }
}

impl QuoteSource for Yahoo {
    fn quotes<'a>(&'a self, symbols: &'a [String], answers: &'a mut Answers<Quote>) -> Asked<'a, ()> {
        async move {
            answers.one_by_one(symbols, |symbol| self.quote(symbol)).await;
            Ok(())
        }
        .boxed()
    }
}

impl BarSource for Yahoo {
    fn daily_bars<'a>(&'a self, symbol: &'a str, bars: usize, now: DateTime<Utc>) -> Asked<'a, Series> {
        async move {
            let seconds = |date: chrono::NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp();
            let from = seconds(rows::begin(bars, now));
            let to = seconds(market_hours::local_date(now) + Days::new(2));
            let span = |request: Request| {
                request.query("period1", &from.to_string()).query("period2", &to.to_string())
            };
            let history: History = self.chart("daily_bars", symbol, span).await?;
            let rows = rows_of(&history).map_err(|flaw| Failure::Flawed(flaw, None))?;
            if rows.is_empty() {
                return Err(Failure::Nothing(format!("no bars of {symbol}")));
            }
            Ok(rows::series(symbol, rows, bars, now, rows::provenance(self.simulated)))
        }
        .boxed()
    }
}

/// Returns the days without holes; prices, which it adjusts for splits only, follow the close that
/// is adjusted for dividends too.
fn rows_of(history: &History) -> Result<Vec<Row>, Flaw> {
    let length = history.timestamp.len();
    if length == 0 {
        return Ok(Vec::new());
    }
    let columns = history.indicators.quote.first().ok_or_else(|| Flaw::malformed("no columns"))?;
    let Columns { open, high, low, close, volume } = columns;
    let adjusted = history.indicators.adjclose.first().map_or(close, |adjusted| &adjusted.adjclose);
    if [open, high, low, close, volume, adjusted].iter().any(|column| column.len() != length) {
        return Err(Flaw::malformed("columns of different lengths"));
    }
    let row = |bar: usize| {
        let at = DateTime::from_timestamp_secs(history.timestamp[bar])?;
        let factor = adjusted[bar]? / close[bar]?;
        Some(Row {
            date: market_hours::local_date(at),
            open: open[bar]? * factor,
            high: high[bar]? * factor,
            low: low[bar]? * factor,
            close: adjusted[bar]?,
            volume: volume[bar]?,
        })
    };
    Ok((0..length).filter_map(row).collect())
}
