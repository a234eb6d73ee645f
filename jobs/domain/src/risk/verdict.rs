//! What the gates answer.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::order::words::words;

/// A gate, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The kill switch is on: nothing goes out.
    KillSwitch,
    /// Trading is halted: nothing goes out.
    TradingHalted,
    /// Only exits go out.
    TradingReducing,
    /// The broker has blocked the account.
    AccountBlocked,
    /// A lock holds entries back, for a symbol or for all.
    Lock,
    /// Today's loss has reached the limit.
    DailyLoss,
    /// The same order was given a moment ago.
    Duplicate,
    /// Too many positions.
    MaxPositions,
    /// The order is worth too much.
    MaxNotional,
    /// The position would be worth too much of the equity.
    MaxPosition,
    /// All positions together would be worth too much of the equity.
    MaxExposure,
    /// The symbol does not trade.
    TradableAsset,
    /// The symbol trades in whole shares only.
    Fractionable,
    /// The market is closed for such an order.
    MarketHours,
    /// More is sold than is free, or the position would change its side in one order.
    PositionQuantity,
    /// Selling what is not held is not allowed.
    ShortSale,
    /// The buying power does not cover the order.
    BuyingPower,
    /// A fourth day trade in five days with less than $25,000.
    Pdt,
    /// An order of the other side rests and could trade with this one.
    WashTrade,
    /// The limit is too far on the losing side of the last trade, or of its own stop price.
    PriceCollar,
}

words!(Rule, "risk rule", {
    KillSwitch => "kill_switch",
    TradingHalted => "trading_halted",
    TradingReducing => "trading_reducing",
    AccountBlocked => "account_blocked",
    Lock => "lock",
    DailyLoss => "daily_loss",
    Duplicate => "duplicate",
    MaxPositions => "max_positions",
    MaxNotional => "max_notional",
    MaxPosition => "max_position",
    MaxExposure => "max_exposure",
    TradableAsset => "tradable_asset",
    Fractionable => "fractionable",
    MarketHours => "market_hours",
    PositionQuantity => "position_quantity",
    ShortSale => "short_sale",
    BuyingPower => "buying_power",
    Pdt => "pdt",
    WashTrade => "wash_trade",
    PriceCollar => "price_collar",
});

/// What would be needed to judge and is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The broker's account.
    UnknownAccount,
    /// The positions.
    UnknownPositions,
    /// The symbol's asset record.
    UnknownAsset,
    /// Whether the market is open.
    UnknownMarket,
    /// Any price of the symbol.
    UnknownPrice,
    /// A price of the symbol that is not too old.
    StalePrice,
}

words!(Missing, "missing fact", {
    UnknownAccount => "unknown_account",
    UnknownPositions => "unknown_positions",
    UnknownAsset => "unknown_asset",
    UnknownMarket => "unknown_market",
    UnknownPrice => "unknown_price",
    StalePrice => "stale_price",
});

/// An order held back by a rule, with the numbers that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// A sentence for people.
    pub message: String,
    /// What the rule allows: money, percent, shares or a count, as the message says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<Decimal>,
    /// What the order would make of it, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<Decimal>,
    /// When the reason ends, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// What the gates say to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Pass,
    /// It may not, and a repetition would not help by itself.
    Refuse(Refusal),
    /// It can't be judged yet: try again when the fact is there.
    Unknown(Missing),
}

impl Verdict {
    /// Returns the refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refuse(refusal) => Some(refusal),
            Self::Pass | Self::Unknown(_) => None,
        }
    }
}
