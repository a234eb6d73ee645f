//! What providers can be asked for.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use domain::bars::Series;
use futures::future::BoxFuture;

use super::{NewsItem, Quote, answers::Answers, flaw::Failure, way::Way};

/// What comes of asking.
pub(super) type Asked<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// Anybody who is asked.
pub(super) trait Provider: Debug + Send + Sync {
    /// Returns the way to it.
    fn way(&self) -> &Way;

    /// Returns the connector's id.
    fn id(&self) -> &'static str {
        self.way().id()
    }

    /// Asks something cheap, to see whether an answer comes.
    fn probe(&self, now: DateTime<Utc>) -> Asked<'_, ()>;
}

/// Knows what shares cost.
pub(super) trait QuoteSource: Provider {
    /// Asks for quotes of `symbols`, and puts them into `answers` as they come.
    fn quotes<'a>(&'a self, symbols: &'a [String], answers: &'a mut Answers<Quote>) -> Asked<'a, ()>;
}

/// Knows daily bars.
pub(super) trait BarSource: Provider {
    /// Asks for the last `bars` daily bars of finished sessions.
    fn daily_bars<'a>(&'a self, symbol: &'a str, bars: usize, now: DateTime<Utc>) -> Asked<'a, Series>;
}

/// Knows news.
pub(super) trait NewsSource: Provider {
    /// Asks for news about `symbol`.
    fn news<'a>(
        &'a self,
        symbol: &'a str,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Asked<'a, Vec<NewsItem>>;
}
