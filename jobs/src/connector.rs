//! Data from others: one adapter a provider, asked in order until one gives usable data.
//!
//! What comes out carries its provenance: who gave it, when it was so, when it was fetched, and who
//! was asked before. What is malformed, too old or implausible never comes out: it is quarantined
//! and counted, and the next provider is asked.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use domain::bars::Series;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A provider that gave nothing, and why the next one was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fallback {
    /// The provider.
    pub provider: String,
    /// What came of asking it.
    pub reason: String,
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who gave it.
    pub provider: &'static str,
    /// When it was so.
    pub as_of: DateTime<Utc>,
    /// When it was asked for, by this machine's clock.
    pub fetched_at: DateTime<Utc>,
    /// Who was asked before, in order.
    pub fallbacks: Vec<Fallback>,
}

/// What a share costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Quote {
    /// Of what.
    pub symbol: String,
    /// The last trade's price; above zero.
    pub price: Decimal,
    /// The last session's close.
    pub previous_close: Option<Decimal>,
    /// The day's first price.
    pub open: Option<Decimal>,
    /// The day's highest price.
    pub high: Option<Decimal>,
    /// The day's lowest price.
    pub low: Option<Decimal>,
    /// Shares traded on the day.
    pub volume: Option<Decimal>,
    /// When the last trade was.
    pub at: DateTime<Utc>,
}

/// A piece of news.
#[derive(Debug, Clone, PartialEq)]
pub struct NewsItem {
    /// The provider's id of it.
    pub id: String,
    /// Its title, as plain text.
    pub headline: String,
    /// Its beginning, as plain text.
    pub summary: Option<String>,
    /// Who wrote it.
    pub source: Option<String>,
    /// Where it can be read.
    pub url: Option<String>,
    /// Whom it is about.
    pub symbols: Vec<String>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
}

/// One figure of a company, from its reports.
#[derive(Debug, Clone, PartialEq)]
pub struct CompanyFigures {
    /// The ticker.
    pub symbol: String,
    /// Growth of revenue over a year, as a fraction.
    pub revenue_growth: Option<Decimal>,
    /// Operating income by revenue, as a fraction.
    pub operating_margin: Option<Decimal>,
    /// Liabilities by equity.
    pub debt_to_equity: Option<Decimal>,
    /// Growth of the number of shares over a year, as a fraction.
    pub dilution: Option<Decimal>,
    /// The end of the period that they speak of.
    pub period_end: NaiveDate,
    /// The day on which the last of them was filed.
    pub filed: NaiveDate,
}

/// How much of a day's trading off the exchanges was short.
#[derive(Debug, Clone, PartialEq)]
pub struct ShortVolume {
    /// The ticker.
    pub symbol: String,
    /// The session.
    pub date: NaiveDate,
    /// Shares sold short.
    pub short: Decimal,
    /// All shares.
    pub total: Decimal,
}

/// One figure of the economy.
#[derive(Debug, Clone, PartialEq)]
pub struct MacroFigure {
    /// The series, such as `UNRATE`.
    pub series_id: String,
    /// Its values, oldest first, with the beginning of their period.
    pub values: Vec<(NaiveDate, Decimal)>,
}

/// Why no provider gave usable data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Nobody is configured for it, or all are switched off.
    #[error("no connector is configured for {what}")]
    Nobody {
        /// What was asked for.
        what: &'static str,
    },
    /// All were asked.
    #[error("no connector gave {what}: {}", .tried.iter().map(|t| format!("{}: {}", t.provider, t.reason)).collect::<Vec<_>>().join("; "))]
    Exhausted {
        /// What was asked for.
        what: &'static str,
        /// Who was asked, in order.
        tried: Vec<Fallback>,
    },
}

/// Every connector of this process.
///
/// `now` is the market's time, which the sandbox's clock may set apart from this machine's: it is
/// what freshness is judged by.
#[derive(Debug, Clone, Default)]
pub struct Connectors {
    inner: Arc<()>,
}

impl Connectors {
    /// Returns usable quotes of `symbols`, from as few providers as possible; a symbol of which
    /// nobody has one is left out.
    pub async fn quotes(
        &self,
        symbols: &[String],
        now: DateTime<Utc>,
    ) -> Result<Vec<Sourced<Quote>>, SourceError> {
        let _ = (&self.inner, symbols, now);
        Err(SourceError::Nobody { what: "quotes" })
    }

    /// Returns the last `bars` daily bars of `symbol`, the running session's not included.
    pub async fn daily_bars(
        &self,
        symbol: &str,
        bars: usize,
        now: DateTime<Utc>,
    ) -> Result<Sourced<Series>, SourceError> {
        let _ = (&self.inner, symbol, bars, now);
        Err(SourceError::Nobody { what: "daily bars" })
    }

    /// Returns news about `symbol` that were published since `since`, newest first.
    pub async fn news(
        &self,
        symbol: &str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Sourced<Vec<NewsItem>>, SourceError> {
        let _ = (&self.inner, symbol, since, now);
        Err(SourceError::Nobody { what: "news" })
    }

    /// Returns the figures that a company last filed by `now`.
    pub async fn company(
        &self,
        symbol: &str,
        now: DateTime<Utc>,
    ) -> Result<Sourced<CompanyFigures>, SourceError> {
        let _ = (&self.inner, symbol, now);
        Err(SourceError::Nobody { what: "company figures" })
    }

    /// Returns the short volume of the last sessions that are published by `now`, oldest first.
    pub async fn short_volume(
        &self,
        symbol: &str,
        now: DateTime<Utc>,
    ) -> Result<Sourced<Vec<ShortVolume>>, SourceError> {
        let _ = (&self.inner, symbol, now);
        Err(SourceError::Nobody { what: "short volume" })
    }

    /// Returns a series of the economy, by `now`.
    pub async fn economy(
        &self,
        series_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Sourced<MacroFigure>, SourceError> {
        let _ = (&self.inner, series_id, now);
        Err(SourceError::Nobody { what: "economic figures" })
    }
}
