//! Everything the gates look at.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Quote;
use crate::{
    market_hours::{self, Session},
    order::{Amount, Side, words::words},
};

/// Whether orders may go out at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TradingState {
    /// All may.
    #[default]
    Active,
    /// Exits may.
    Reducing,
    /// None may; only cancels pass.
    Halted,
}

words!(TradingState, "trading state", {
    Active => "active",
    Reducing => "reducing",
    Halted => "halted",
});

/// What a lock holds back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockScope {
    /// Entries of every symbol.
    All,
    /// Entries of one symbol.
    Symbol(String),
}

/// A ban on entries with an end and a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// What it holds back.
    pub scope: LockScope,
    /// When it ends.
    pub until: DateTime<Utc>,
    /// Why it was set, for people.
    pub reason: String,
}

/// The limits a user trades by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most a position may be worth, percent of the equity.
    pub max_position_percent: Decimal,
    /// The most all positions may be worth together, long and short added up, percent of the equity.
    pub max_exposure_percent: Decimal,
    /// The most symbols held or being entered.
    pub max_positions: u32,
    /// The loss since the last close at which entries stop, percent of the equity then.
    pub daily_loss_percent: Decimal,
    /// The most an order may be worth, dollars; `None` for no limit.
    pub max_notional: Option<Decimal>,
    /// How far a limit may lie on the losing side of the last trade (of the stop price for a
    /// stop-limit order), percent; `None` for any.
    pub price_collar_percent: Option<Decimal>,
    /// How long the same symbol, side and size count as a repetition; zero for never.
    pub duplicate_window: TimeDelta,
    /// Whether positions may be short.
    pub allow_short: bool,
    /// Whether orders that can't trade now may wait at the broker for the open.
    pub queue_outside_hours: bool,
}

impl Default for Limits {
    /// Returns 10 % a position, 50 % in all, 10 positions, 5 % loss a day, a collar of 10 %, and a
    /// window of 10 s; no short sales, and orders may wait for the open.
    fn default() -> Self {
        Self {
            max_position_percent: Decimal::from(10),
            max_exposure_percent: Decimal::from(50),
            max_positions: 10,
            daily_loss_percent: Decimal::from(5),
            max_notional: None,
            price_collar_percent: Some(Decimal::from(10)),
            duplicate_window: TimeDelta::seconds(10),
            allow_short: false,
            queue_outside_hours: true,
        }
    }
}

/// The broker's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Cash and positions together, dollars.
    pub equity: Decimal,
    /// The equity at the last close.
    pub last_equity: Decimal,
    /// Cash, dollars.
    pub cash: Decimal,
    /// What may still be bought, dollars; lowered by the orders that the broker has.
    pub buying_power: Decimal,
    /// Day trades in the last five trading days.
    pub daytrade_count: u32,
    /// Whether the broker has marked the account as a pattern day trader's.
    pub pattern_day_trader: bool,
    /// Whether the broker refuses orders of this account.
    pub trading_blocked: bool,
    /// Whether the broker allows short sales.
    pub shorting_enabled: bool,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Symbol.
    pub symbol: String,
    /// Shares, negative when short.
    pub quantity: Decimal,
    /// Value, dollars, negative when short; its size alone counts here.
    pub market_value: Decimal,
}

/// An order that is not yet done, other than the one that is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    /// Symbol.
    pub symbol: String,
    /// Side.
    pub side: Side,
    /// Shares that may still fill; of legs that cancel each other, list one.
    pub remaining: Decimal,
    /// The most that what remains may be worth, dollars ([`super::order_value`]).
    pub value: Decimal,
    /// The limit price, if it has one.
    pub limit_price: Option<Decimal>,
    /// Whether it reduces a position.
    pub reduces: bool,
    /// Whether the broker has it, and so counts it in the account's buying power.
    pub at_broker: bool,
}

/// An order given a moment ago, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentOrder {
    /// Symbol.
    pub symbol: String,
    /// Side.
    pub side: Side,
    /// Size asked for.
    pub amount: Amount,
    /// When it was accepted here.
    pub created_at: DateTime<Utc>,
}

/// What may be traded of a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the broker's flags, each independent of the others")]
pub struct Asset {
    /// Whether the symbol is active at the broker.
    pub active: bool,
    /// Whether it can be traded.
    pub tradable: bool,
    /// Whether fractions of a share can be traded.
    pub fractionable: bool,
    /// Whether it can be sold short.
    pub shortable: bool,
}

/// The market now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Market {
    /// Whether regular hours are on, by the broker's clock.
    pub is_open: bool,
    /// The session by the calendar.
    pub session: Session,
}

/// What is known at the time of the question. `None` is not known, never "none".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskView {
    /// The time of the question.
    pub now: DateTime<Utc>,
    /// When the judged order was accepted; `now` before it is.
    pub order_created_at: DateTime<Utc>,
    /// Whether orders may go out.
    pub trading: TradingState,
    /// Whether the kill switch is on.
    pub kill_switch: bool,
    /// Locks, those that are over included.
    pub locks: Vec<Lock>,
    /// The user's limits.
    pub limits: Limits,
    /// The broker's account.
    pub account: Option<Account>,
    /// All positions.
    pub positions: Option<Vec<Holding>>,
    /// All open orders but the judged one.
    pub open_orders: Vec<OpenOrder>,
    /// Orders accepted before the judged one, within the duplicate window at least.
    pub recent_orders: Vec<RecentOrder>,
    /// The order's symbol.
    pub asset: Option<Asset>,
    /// The market.
    pub market: Option<Market>,
    /// The last trade of the order's symbol.
    pub last_price: Option<Quote>,
    /// The age at which a price is too old to judge by.
    pub max_price_age: TimeDelta,
}

impl Market {
    /// Returns the market by the calendar alone, for when the broker's clock is not at hand.
    pub fn by_calendar(now: DateTime<Utc>) -> Self {
        let session = market_hours::session_at(now);
        Self { is_open: session == Session::Regular, session }
    }
}

impl RiskView {
    /// Returns the shares held of `symbol`, negative when short; `None` when not known.
    pub fn held(&self, symbol: &str) -> Option<Decimal> {
        let positions = self.positions.as_ref()?;
        Some(positions.iter().filter(|held| held.symbol == symbol).map(|held| held.quantity).sum())
    }
}
