//! The account, the exchange's hours, and what can be traded.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

/// The account. Money is in its currency.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, as the broker states them")]
pub struct Account {
    /// The broker's id of it.
    pub id: String,
    /// The number that people know it by.
    pub account_number: String,
    /// The broker's word for its state; `ACTIVE` may trade.
    pub status: String,
    /// Such as `USD`.
    pub currency: String,
    /// Settled and unsettled cash.
    pub cash: Decimal,
    /// Cash and positions at present prices.
    pub equity: Decimal,
    /// Equity at the last close.
    pub last_equity: Decimal,
    /// What may still be bought.
    pub buying_power: Decimal,
    /// Value of what is held; zero or more.
    pub long_market_value: Decimal,
    /// Value of what is sold short; zero or less.
    pub short_market_value: Decimal,
    /// Whether any short sale is allowed.
    pub shorting_enabled: bool,
    /// Whether the account is marked as a pattern day trader's.
    pub pattern_day_trader: bool,
    /// Day trades within the last five trading days.
    pub daytrade_count: u32,
    /// Whether orders are refused: by the broker, for the account, or by its owner.
    pub trading_blocked: bool,
    /// Whether nothing at all is allowed.
    pub account_blocked: bool,
    /// Whether the owner switched trading off.
    pub trade_suspended_by_user: bool,
    /// All that the broker said.
    pub raw: Value,
}

/// The exchange's time.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Now, by the broker's clock.
    pub timestamp: DateTime<Utc>,
    /// Whether the regular session is open.
    pub is_open: bool,
    /// When it opens next.
    pub next_open: DateTime<Utc>,
    /// When it closes next; while open, before `next_open`.
    pub next_close: DateTime<Utc>,
    /// All that the broker said.
    pub raw: Value,
}

/// A trading day; times are New York's.
#[derive(Debug, Clone, PartialEq)]
pub struct CalendarDay {
    /// The day.
    pub date: NaiveDate,
    /// When the regular session opens.
    pub open: NaiveTime,
    /// When it closes.
    pub close: NaiveTime,
    /// All that the broker said.
    pub raw: Value,
}

/// Something that can be traded, or could.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "five independent facts, as the broker states them")]
pub struct Asset {
    /// The broker's id of it.
    pub id: String,
    /// Its symbol.
    pub symbol: String,
    /// Its name.
    pub name: String,
    /// The broker's class of it, such as `us_equity`.
    pub class: String,
    /// Where it is listed.
    pub exchange: String,
    /// Whether it is listed at present.
    pub active: bool,
    /// Whether orders for it are taken.
    pub tradable: bool,
    /// Whether it may be bought on margin.
    pub marginable: bool,
    /// Whether it may be sold short.
    pub shortable: bool,
    /// Whether parts of a share can be traded.
    pub fractionable: bool,
    /// All that the broker said.
    pub raw: Value,
}
