//! Finnhub: quotes, one a call, and company news.

use chrono::{DateTime, Utc};
use domain::market_hours;
use futures::FutureExt;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::{
    NewsItem, Quote,
    answers::Answers,
    exact::Exact,
    flaw::{Failure, Flaw},
    plain,
    provider::{Asked, NewsSource, Provider, QuoteSource},
    way::Way,
};
use crate::external::Request;

/// The API behind one key.
#[derive(Debug)]
pub(super) struct Finnhub {
    pub(super) way: Way,
}

/// All zeros when the symbol is not known.
#[derive(Deserialize)]
struct Told {
    c: Exact,
    h: Exact,
    l: Exact,
    o: Exact,
    pc: Exact,
    /// Unix seconds.
    t: i64,
}

#[derive(Deserialize)]
struct News {
    /// Unix seconds.
    datetime: i64,
    headline: String,
    id: u64,
    related: String,
    source: Option<String>,
    summary: Option<String>,
    url: Option<String>,
}

impl Finnhub {
    async fn quote(&self, endpoint: &'static str, symbol: &str) -> Result<Quote, Failure> {
        let request = Request::get(endpoint, "/quote").query("symbol", symbol);
        let told: Told = self.way.json(endpoint, request).await?;
        if told.c.0 == Decimal::ZERO {
            return Err(Failure::Nothing(format!("{symbol} is not known")));
        }
        let at = DateTime::from_timestamp_secs(told.t)
            .ok_or_else(|| Failure::Flawed(Flaw::malformed("a time that is none"), None))?;
        let known = |price: Exact| Some(price.0).filter(|price| *price != Decimal::ZERO);
        Ok(Quote {
            symbol: symbol.to_owned(),
            price: told.c.0,
            previous_close: known(told.pc),
            open: known(told.o),
            high: known(told.h),
            low: known(told.l),
            volume: None,
            at,
        })
    }
}

impl Provider for Finnhub {
    fn way(&self) -> &Way {
        &self.way
    }

    fn probe(&self, _: DateTime<Utc>) -> Asked<'_, ()> {
        async { self.quote("probe", "AAPL").await.map(drop) }.boxed()
    }
}

impl QuoteSource for Finnhub {
    fn quotes<'a>(&'a self, symbols: &'a [String], answers: &'a mut Answers<Quote>) -> Asked<'a, ()> {
        async move {
            answers.one_by_one(symbols, |symbol| self.quote("quotes", symbol)).await;
            Ok(())
        }
        .boxed()
    }
}

impl NewsSource for Finnhub {
    fn news<'a>(
        &'a self,
        symbol: &'a str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Asked<'a, Vec<NewsItem>> {
        async move {
            let request = Request::get("news", "/company-news")
                .query("symbol", symbol)
                .query("from", &market_hours::local_date(since).to_string())
                .query("to", &market_hours::local_date(now).to_string());
            let told: Vec<News> = self.way.json("news", request).await?;
            let items: Option<Vec<NewsItem>> = told.iter().map(|news| item(news, symbol)).collect();
            items.ok_or_else(|| Failure::Flawed(Flaw::malformed("news whose time is none"), None))
        }
        .boxed()
    }
}

fn item(news: &News, symbol: &str) -> Option<NewsItem> {
    let mut symbols: Vec<String> =
        news.related.split(',').map(|one| plain::text(one, 20)).filter(|one| !one.is_empty()).collect();
    if symbols.is_empty() {
        symbols.push(symbol.to_owned());
    }
    Some(NewsItem {
        id: news.id.to_string(),
        headline: plain::text(&news.headline, plain::HEADLINE),
        summary: plain::optional(news.summary.as_deref(), plain::SUMMARY),
        source: plain::optional(news.source.as_deref(), 100),
        url: plain::url(news.url.as_deref()),
        symbols,
        published_at: DateTime::from_timestamp_secs(news.datetime)?,
    })
}
