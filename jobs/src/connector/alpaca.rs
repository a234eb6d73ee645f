//! Alpaca's market data: snapshots, daily bars, news.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{bars::Series, market_hours};
use futures::FutureExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    NewsItem, Quote,
    answers::Answers,
    exact::Exact,
    flaw::{Failure, Flaw},
    plain,
    provider::{Asked, BarSource, NewsSource, Provider, QuoteSource},
    rows::{self, Row},
    way::{Way, part},
};
use crate::external::Request;

/// The most bars on a page, and the most pages that are read.
const PAGE: &str = "10000";
const PAGES: usize = 4;
/// The most news that are read at once.
const NEWS: &str = "50";

/// The data API of the broker.
#[derive(Debug)]
pub(super) struct Alpaca {
    pub(super) way: Way,
    /// Where prices come from: `iex`, or `sip`.
    pub(super) feed: String,
    pub(super) simulated: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    latest_trade: Trade,
    daily_bar: Option<Day>,
    prev_daily_bar: Option<Day>,
}

#[derive(Deserialize)]
struct Trade {
    t: DateTime<Utc>,
    p: Exact,
}

#[derive(Deserialize)]
struct Day {
    o: Exact,
    h: Exact,
    l: Exact,
    c: Exact,
    v: Exact,
}

#[derive(Deserialize)]
struct BarsPage {
    bars: Option<HashMap<String, Vec<Bar>>>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Bar {
    t: DateTime<Utc>,
    o: f64,
    h: f64,
    l: f64,
    c: f64,
    v: f64,
}

#[derive(Deserialize)]
struct NewsPage {
    news: Vec<News>,
}

#[derive(Deserialize)]
struct News {
    id: u64,
    headline: String,
    summary: Option<String>,
    source: Option<String>,
    url: Option<String>,
    symbols: Vec<String>,
    created_at: DateTime<Utc>,
}

impl Alpaca {
    async fn snapshots(
        &self,
        endpoint: &'static str,
        symbols: &str,
    ) -> Result<HashMap<String, Option<Box<RawValue>>>, Failure> {
        let request = Request::get(endpoint, "/v2/stocks/snapshots")
            .query("symbols", symbols)
            .query("feed", &self.feed);
        self.way.json(endpoint, request).await
    }

    async fn bars(&self, symbol: &str, bars: usize, now: DateTime<Utc>) -> Result<Series, Failure> {
        let start = rows::begin(bars, now).to_string();
        let mut rows = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES {
            let mut request = Request::get("daily_bars", "/v2/stocks/bars")
                .query("symbols", symbol)
                .query("timeframe", "1Day")
                .query("start", &start)
                .query("limit", PAGE)
                .query("adjustment", "all")
                .query("feed", &self.feed)
                .query("sort", "asc");
            if let Some(token) = &token {
                request = request.query("page_token", token);
            }
            let page: BarsPage = self.way.json("daily_bars", request).await?;
            let of_symbol = page.bars.and_then(|mut bars| bars.remove(symbol)).unwrap_or_default();
            rows.extend(of_symbol.into_iter().map(|bar| Row {
                date: market_hours::local_date(bar.t),
                open: bar.o,
                high: bar.h,
                low: bar.l,
                close: bar.c,
                volume: bar.v,
            }));
            token = page.next_page_token;
            if token.is_none() {
                break;
            }
        }
        if token.is_some() {
            return Err(Failure::Flawed(Flaw::malformed("pages without end"), None));
        }
        if rows.is_empty() {
            return Err(Failure::Nothing(format!("no bars of {symbol}")));
        }
        Ok(rows::series(symbol, rows, bars, now, rows::provenance(self.simulated)))
    }
}

impl Provider for Alpaca {
    fn way(&self) -> &Way {
        &self.way
    }

    fn probe(&self, _: DateTime<Utc>) -> Asked<'_, ()> {
        async { self.snapshots("probe", "AAPL").await.map(drop) }.boxed()
    }
}

impl QuoteSource for Alpaca {
    fn quotes<'a>(&'a self, symbols: &'a [String], answers: &'a mut Answers<Quote>) -> Asked<'a, ()> {
        async move {
            let mut snapshots = self.snapshots("quotes", &symbols.join(",")).await?;
            let of = |symbol: &String| {
                let raw = snapshots.remove(symbol)??;
                Some((symbol.clone(), part::<Snapshot>(&raw).map(|found| quote(symbol, found))))
            };
            answers.by_symbol.extend(symbols.iter().filter_map(of));
            Ok(())
        }
        .boxed()
    }
}

fn quote(symbol: &str, found: Snapshot) -> Quote {
    let Snapshot { latest_trade, daily_bar, prev_daily_bar } = found;
    Quote {
        symbol: symbol.to_owned(),
        price: latest_trade.p.0,
        previous_close: prev_daily_bar.map(|day| day.c.0),
        open: daily_bar.as_ref().map(|day| day.o.0),
        high: daily_bar.as_ref().map(|day| day.h.0),
        low: daily_bar.as_ref().map(|day| day.l.0),
        volume: daily_bar.as_ref().map(|day| day.v.0),
        at: latest_trade.t,
    }
}

impl BarSource for Alpaca {
    fn daily_bars<'a>(&'a self, symbol: &'a str, bars: usize, now: DateTime<Utc>) -> Asked<'a, Series> {
        self.bars(symbol, bars, now).boxed()
    }
}

impl NewsSource for Alpaca {
    fn news<'a>(
        &'a self,
        symbol: &'a str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Asked<'a, Vec<NewsItem>> {
        async move {
            let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
            let request = Request::get("news", "/v1beta1/news")
                .query("symbols", symbol)
                .query("start", &time(since))
                .query("end", &time(now))
                .query("limit", NEWS)
                .query("sort", "desc");
            let page: NewsPage = self.way.json("news", request).await?;
            Ok(page.news.iter().map(item).collect())
        }
        .boxed()
    }
}

fn item(news: &News) -> NewsItem {
    NewsItem {
        id: news.id.to_string(),
        headline: plain::text(&news.headline, plain::HEADLINE),
        summary: plain::optional(news.summary.as_deref(), plain::SUMMARY),
        source: plain::optional(news.source.as_deref(), 100),
        url: plain::url(news.url.as_deref()),
        symbols: news.symbols.iter().map(|symbol| plain::text(symbol, 20)).collect(),
        published_at: news.created_at,
    }
}
