//! Data from others: one adapter a provider, asked in order until one gives usable data.
//!
//! What comes out carries its provenance: who gave it, when it was so, when it was fetched, and who
//! was asked before. What is malformed, too old or implausible never comes out: it is quarantined
//! and counted, and the next provider is asked.

mod alpaca;
mod answers;
mod asking;
pub(crate) mod clock;
mod exact;
mod finnhub;
mod finra;
mod flaw;
mod fred;
mod known;
mod plain;
mod polygon;
mod provider;
pub(crate) mod quality;
mod recorder;
mod rows;
mod sec;
mod setup;
mod sourced;
mod switches;
mod values;
mod way;
mod yahoo;

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use domain::{bars::Series, market_hours::TradingHours};
use futures::FutureExt;
use rust_decimal::Decimal;

use self::{
    asking::{Asking, Step},
    provider::{BarSource, NewsSource, Provider, QuoteSource},
    recorder::{Recorder, Writer},
};
use crate::db::connectors::Probed;

pub use known::{ALPACA, FINNHUB, FINRA, FRED, KNOWN, Known, POLYGON, SEC, YAHOO, known};
pub use sourced::{Fallback, SourceError, Sourced};
pub use values::{CompanyFigures, MacroFigure, NewsItem, Quote, ShortVolume};

/// What daily bars are called in errors.
const BARS: &str = "daily bars";

/// Every connector of this process; clones are the same ones.
///
/// `now` is the market's time, which the sandbox's clock may set apart from this machine's: it is
/// what freshness is judged by.
#[derive(Debug, Clone, Default)]
pub struct Connectors {
    inner: Option<Arc<Inner>>,
}

/// Who is asked for what, in order.
#[derive(Debug)]
struct Inner {
    asking: Asking,
    recorder: Recorder,
    quotes: Vec<Arc<dyn QuoteSource>>,
    bars: Vec<Arc<dyn BarSource>>,
    news: Vec<Arc<dyn NewsSource>>,
    company: Option<Arc<sec::Sec>>,
    short_volume: Option<Arc<finra::Finra>>,
    economy: Option<Arc<fred::Fred>>,
    /// Everybody, once.
    all: Vec<Arc<dyn Provider>>,
    max_age: TimeDelta,
    _writer: Writer,
}

impl Connectors {
    /// Returns whether anybody is configured.
    pub fn any(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| !inner.all.is_empty())
    }

    fn inner(&self, what: &'static str) -> Result<&Inner, SourceError> {
        self.inner.as_deref().ok_or(SourceError::Nobody { what })
    }

    /// Returns usable quotes of `symbols`, from as few providers as possible; a symbol of which
    /// nobody has one `within` that time is left out.
    pub async fn quotes(
        &self,
        symbols: &[String],
        now: DateTime<Utc>,
        within: Duration,
    ) -> Result<Vec<Sourced<Quote>>, SourceError> {
        let what = "quotes";
        let inner = self.inner(what)?;
        let mut suspects: HashMap<String, Decimal> = HashMap::new();
        let judge = |symbol: &str, quote: &Quote| {
            quality::quote(quote, inner.max_age, now)?;
            quality::jump(quote, suspects.insert(symbol.to_owned(), quote.price))
        };
        let asking = inner.asking.each(
            "quotes",
            &inner.quotes,
            symbols,
            within,
            |source, symbols, answers| source.quotes(symbols, answers),
            judge,
        );
        let each = asking.await;
        match each.missing.into_iter().next() {
            _ if !each.asked && !symbols.is_empty() => Err(SourceError::Nobody { what }),
            Some((_, tried)) if each.found.is_empty() => Err(SourceError::Exhausted { what, tried }),
            _ => Ok(each
                .found
                .into_iter()
                .map(|(_, quote)| Sourced { as_of: quote.value.at, ..quote })
                .collect()),
        }
    }

    /// Returns the last `bars` daily bars of each of `symbols`, the running session's not included,
    /// as far as somebody gives them `within` that time; in no order.
    pub async fn daily_bars_of(
        &self,
        symbols: &[String],
        bars: usize,
        now: DateTime<Utc>,
        within: Duration,
    ) -> Vec<(String, Result<Sourced<Series>, SourceError>)> {
        let inner = match self.inner(BARS) {
            Ok(inner) => inner,
            Err(error) => return symbols.iter().map(|symbol| (symbol.clone(), Err(error.clone()))).collect(),
        };
        let judge = |_: &str, series: &Series| quality::series(series, now);
        let asking = inner.asking.each(
            "daily_bars",
            &inner.bars,
            symbols,
            within,
            |source, symbols, answers| {
                async move {
                    answers.one_by_one(symbols, |symbol| source.daily_bars(symbol, bars, now)).await;
                    Ok(())
                }
                .boxed()
            },
            judge,
        );
        let each = asking.await;
        let found = each.found.into_iter().map(|(symbol, bars)| (symbol, Ok(closed(bars, now))));
        let missing = each.missing.into_iter().map(|(symbol, tried)| {
            let exhausted = SourceError::Exhausted { what: BARS, tried };
            (symbol, Err(if each.asked { exhausted } else { SourceError::Nobody { what: BARS } }))
        });
        found.chain(missing).collect()
    }

    /// Returns the last `bars` daily bars of `symbol`, the running session's not included.
    pub async fn daily_bars(
        &self,
        symbol: &str,
        bars: usize,
        now: DateTime<Utc>,
    ) -> Result<Sourced<Series>, SourceError> {
        let inner = self.inner(BARS)?;
        let steps = inner.bars.iter().map(|source| {
            Step::new(source.id(), symbol, async move {
                let series = source.daily_bars(symbol, bars, now).await?;
                asking::judged(quality::series(&series, now), &series)?;
                Ok(series)
            })
        });
        Ok(closed(inner.asking.first(BARS, "daily_bars", steps.collect()).await?, now))
    }

    /// Returns news about `symbol` that were published since `since`, newest first.
    pub async fn news(
        &self,
        symbol: &str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Sourced<Vec<NewsItem>>, SourceError> {
        let inner = self.inner("news")?;
        let steps = inner.news.iter().map(|source| {
            let asking = &inner.asking;
            Step::new(source.id(), symbol, async move {
                let mut items = source.news(symbol, since, now).await?;
                // What is left of them is good.
                if let Some(flaw) = quality::news(&mut items, since, now) {
                    asking.put_aside(source.id(), "news", symbol, &flaw);
                }
                Ok(items)
            })
        });
        let found = inner.asking.first("news", "news", steps.collect()).await?;
        Ok(Sourced { as_of: now, ..found })
    }

    /// Returns the figures that a company last filed by `now`.
    pub async fn company(
        &self,
        symbol: &str,
        now: DateTime<Utc>,
    ) -> Result<Sourced<CompanyFigures>, SourceError> {
        let inner = self.inner("company figures")?;
        let steps =
            inner.company.iter().map(|source| Step::new(source.id(), symbol, source.company(symbol, now)));
        let found = inner.asking.first("company figures", "company", steps.collect()).await?;
        Ok(Sourced { as_of: midnight(found.value.filed), ..found })
    }

    /// Returns the short volume of the last sessions that are published by `now`, oldest first.
    pub async fn short_volume(
        &self,
        symbol: &str,
        now: DateTime<Utc>,
    ) -> Result<Sourced<Vec<ShortVolume>>, SourceError> {
        let inner = self.inner("short volume")?;
        let steps = inner
            .short_volume
            .iter()
            .map(|source| Step::new(source.id(), symbol, source.short_volume(symbol, now)));
        let found = inner.asking.first("short volume", "short_volume", steps.collect()).await?;
        let last = found.value.last().and_then(|last| TradingHours::on(last.date));
        Ok(Sourced { as_of: last.map_or(now, |hours| hours.close), ..found })
    }

    /// Returns a series of the economy, by `now`.
    pub async fn economy(
        &self,
        series_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Sourced<MacroFigure>, SourceError> {
        let inner = self.inner("economic figures")?;
        let steps = inner
            .economy
            .iter()
            .map(|source| Step::new(source.id(), series_id, source.series(series_id, now)));
        let found = inner.asking.first("economic figures", "economy", steps.collect()).await?;
        let last = found.value.values.last().map_or(now, |(date, _)| midnight(*date));
        Ok(Sourced { as_of: last, ..found })
    }

    /// Asks every connector that is switched on something cheap, all at once, and returns what came
    /// of it; a turn that the allowance refused says nothing. The others are told too, unasked.
    pub async fn probe(&self, now: DateTime<Utc>) -> Vec<Probed> {
        let all = self.inner.as_deref().map(|inner| inner.all.as_slice()).unwrap_or_default();
        let data = KNOWN.iter().filter(|known| known.category != "ai");
        let probes = data.map(async |known| {
            let provider = all.iter().find(|provider| provider.id() == known.id);
            let has_key = provider.is_some() && known.needs_key;
            let outcome = match (provider, self.inner.as_deref()) {
                (Some(provider), Some(inner)) => inner.asking.probe(provider.as_ref(), now).await,
                _ => None,
            };
            Probed { connector: known.id, has_key, outcome }
        });
        futures::future::join_all(probes).await
    }

    /// Writes what was counted so far; best effort.
    pub async fn flush(&self) {
        if let Some(inner) = self.inner.as_deref() {
            inner.recorder.flush().await;
        }
    }
}

/// Returns bars as of the close of their last session.
fn closed(bars: Sourced<Series>, now: DateTime<Utc>) -> Sourced<Series> {
    let last = bars.value.dates.last().copied().unwrap_or_default();
    Sourced { as_of: TradingHours::on(last).map_or(now, |hours| hours.close), ..bars }
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}
