//! The words of an order: side, type, time in force, class, and amounts.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::words::words;

/// The side of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Adds shares.
    Buy,
    /// Takes shares away.
    Sell,
}

words!(Side, "side", { Buy => "buy", Sell => "sell" });

impl Side {
    /// Returns the other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// Returns 1 for a buy, -1 for a sell.
    pub fn sign(self) -> f64 {
        match self {
            Self::Buy => 1.0,
            Self::Sell => -1.0,
        }
    }

    /// Returns `quantity` as a change of the position: as it is for a buy, negated for a sell.
    pub fn signed(self, quantity: Decimal) -> Decimal {
        match self {
            Self::Buy => quantity,
            Self::Sell => -quantity,
        }
    }
}

/// What triggers an order, and at which price it may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At once, at any price.
    Market,
    /// At the limit price or better.
    Limit,
    /// At any price once the stop price is reached.
    Stop,
    /// At the limit price or better once the stop price is reached.
    StopLimit,
    /// A stop that follows the market at a distance.
    TrailingStop,
}

impl OrderType {
    /// Returns whether a trade price has to be reached first.
    pub fn is_stop(self) -> bool {
        matches!(self, Self::Stop | Self::StopLimit | Self::TrailingStop)
    }

    /// Returns whether a limit price bounds its fills.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::Limit | Self::StopLimit)
    }
}

words!(OrderType, "order type", {
    Market => "market",
    Limit => "limit",
    Stop => "stop",
    StopLimit => "stop_limit",
    TrailingStop => "trailing_stop",
});

/// How long an order works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// To the end of the trading day.
    Day,
    /// Until canceled.
    Gtc,
    /// In the opening auction only.
    Opg,
    /// In the closing auction only.
    Cls,
    /// At once; the remainder is canceled.
    Ioc,
    /// At once and wholly, or not at all.
    Fok,
}

impl TimeInForce {
    /// Returns whether it waits for an auction.
    pub fn is_auction(self) -> bool {
        matches!(self, Self::Opg | Self::Cls)
    }

    /// Returns whether it ends with its first evaluation.
    pub fn is_immediate(self) -> bool {
        matches!(self, Self::Ioc | Self::Fok)
    }
}

words!(TimeInForce, "time in force", {
    Day => "day",
    Gtc => "gtc",
    Opg => "opg",
    Cls => "cls",
    Ioc => "ioc",
    Fok => "fok",
});

/// Whether an order stands alone or brings others with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderClass {
    /// Alone.
    #[default]
    Simple,
    /// An entry with a take-profit and a stop-loss leg.
    Bracket,
    /// A take-profit and a stop-loss for a position that is held; one cancels the other.
    Oco,
    /// An entry with one of the two legs.
    Oto,
}

words!(OrderClass, "order class", {
    Simple => "simple",
    Bracket => "bracket",
    Oco => "oco",
    Oto => "oto",
});

/// How much to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// Shares, above zero, perhaps a fraction.
    Units(Decimal),
    /// Money, above zero, in US dollars.
    Notional(Decimal),
}

impl Amount {
    /// Returns the shares, `None` when the amount is money.
    pub fn units(self) -> Option<Decimal> {
        match self {
            Self::Units(units) => Some(units),
            Self::Notional(_) => None,
        }
    }

    /// Returns the money, `None` when the amount is shares.
    pub fn notional(self) -> Option<Decimal> {
        match self {
            Self::Units(_) => None,
            Self::Notional(money) => Some(money),
        }
    }
}

/// The distance at which a trailing stop follows the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trail {
    /// Money a share.
    Price(Decimal),
    /// Percent of the best price reached (1 = 1 %).
    Percent(Decimal),
}

/// The leg that ends a position at a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StopLoss {
    /// The price that triggers it.
    pub stop_price: Decimal,
    /// The worst price it may fill at, if there is one.
    pub limit_price: Option<Decimal>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_word_is_the_same_in_json_and_reads_back() {
        fn check<T>(all: &[T], word: fn(T) -> &'static str)
        where
            T: Copy + std::fmt::Debug + PartialEq + Serialize + std::str::FromStr,
            T::Err: std::fmt::Debug,
        {
            for value in all {
                assert_eq!(serde_json::to_value(value).expect("a word serialises"), json!(word(*value)));
                assert_eq!(word(*value).parse::<T>().expect("a word reads back"), *value);
            }
        }
        check(Side::ALL, Side::as_str);
        check(OrderType::ALL, OrderType::as_str);
        check(TimeInForce::ALL, TimeInForce::as_str);
        check(OrderClass::ALL, OrderClass::as_str);
        check(super::super::OrderStatus::ALL, super::super::OrderStatus::as_str);
    }

    #[test]
    fn an_unknown_word_is_named() {
        let error = "moc".parse::<TimeInForce>().expect_err("moc is no time in force");
        assert_eq!(error.to_string(), "unknown time in force \"moc\"");
    }
}
