//! What providers are asked for, whoever answers.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

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
