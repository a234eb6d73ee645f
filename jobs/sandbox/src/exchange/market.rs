//! What the exchange must know of the market: the time, prices, assets and sessions.
//!
//! The replay implements this over the project's price files; a test implements it with a
//! table. The exchange asks nothing else of the outside, reads no clock of its own and does no
//! IO here, so that the same seed, requests and times give the same bytes.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

/// The national best bid and offer of one symbol, in dollars a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The price a seller gets at once.
    pub bid: Decimal,
    /// The price a buyer pays at once; never below `bid`.
    pub ask: Decimal,
    /// The last trade: what triggers stops and values positions.
    pub last: Decimal,
}

/// The terms on which one stock trades.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the provider's asset has these four switches")]
pub struct Asset {
    /// The stable id.
    pub id: Uuid,
    /// The ticker, upper case.
    pub symbol: String,
    /// The listing exchange, such as `NASDAQ`.
    pub exchange: String,
    /// Whether orders are taken at all.
    pub tradable: bool,
    /// Whether it may be bought on margin.
    pub marginable: bool,
    /// Whether it may be sold short.
    pub shortable: bool,
    /// Whether fractions of a share and notional orders are allowed.
    pub fractionable: bool,
}

/// Which part of the trading day a moment lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Nights, weekends, holidays.
    Closed,
    /// Before the open or after the close of a trading day: 04:00 to 20:00 New York time.
    Extended,
    /// From the open (inclusive) to the close (exclusive).
    Regular,
}

/// The far side of the exchange.
pub trait Market: Send + Sync {
    /// Returns the simulated time; never goes back.
    fn now(&self) -> DateTime<Utc>;
    /// Returns the quote of `symbol` at `at`, or `None` when nothing is known of it.
    fn quote(&self, symbol: &str, at: DateTime<Utc>) -> Option<Quote>;
    /// Returns the closing price of the last session that ended at or before the start of the
    /// New York day of `at`.
    fn previous_close(&self, symbol: &str, at: DateTime<Utc>) -> Option<Decimal>;
    /// Returns the asset of a ticker (any case) or of an asset id.
    fn asset(&self, symbol_or_id: &str) -> Option<Asset>;
    /// Returns the part of the trading day that `at` lies in.
    fn session(&self, at: DateTime<Utc>) -> Session;
    /// Returns the first open strictly after `at`.
    fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc>;
    /// Returns the first close strictly after `at`.
    fn next_close(&self, at: DateTime<Utc>) -> DateTime<Utc>;

    /// Whether the regular session runs at `at`.
    fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.session(at) == Session::Regular
    }

    /// Returns the New York date of `at`.
    fn trading_date(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&chrono_tz::America::New_York).date_naive()
    }
}
