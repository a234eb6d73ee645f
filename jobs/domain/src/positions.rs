//! What fills make of a position: shares, cost, and profit, by the method of average cost.
//!
//! A fill that adds moves the average entry; one that reduces takes its share of the cost out and
//! realises the difference; one that goes through zero closes and opens. Short positions are the
//! mirror image. Fees are none of it: the broker books them apart.
//!
//! The cost is kept rather than the average, so that nothing is lost by division: what has been
//! realised plus what is not yet equals cash flow plus market value, to the last digit.

mod trade;

use rust_decimal::Decimal;

use crate::order::Side;

pub use trade::{Trade, trades};

/// Decimals that a share of the cost is rounded to; shares have nine and prices four.
const COST_DECIMALS: u32 = 13;

/// One execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// Bought or sold.
    pub side: Side,
    /// Shares, above zero.
    pub quantity: Decimal,
    /// Dollars a share, zero or more.
    pub price: Decimal,
}

impl Fill {
    /// Returns what the fill does to the cash: less for a buy, more for a sell.
    pub fn cash_flow(&self) -> Decimal {
        -self.side.signed(self.quantity * self.price)
    }
}

/// The shares of one symbol and what they cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    quantity: Decimal,
    cost: Decimal,
}

impl Position {
    /// Returns a position of `quantity` shares, negative when short, entered at `average_entry`
    /// dollars a share.
    pub fn held(quantity: Decimal, average_entry: Decimal) -> Self {
        Self { quantity, cost: quantity * average_entry }
    }

    /// Returns the shares, negative when short.
    pub fn quantity(&self) -> Decimal {
        self.quantity
    }

    /// Returns what the shares cost, dollars; negative when short, the proceeds of selling them.
    pub fn cost(&self) -> Decimal {
        self.cost
    }

    /// Returns whether no shares are held or owed.
    pub fn is_flat(&self) -> bool {
        self.quantity.is_zero()
    }

    /// Returns buy for a long position, sell for a short one.
    pub fn side(&self) -> Option<Side> {
        match self.quantity.cmp(&Decimal::ZERO) {
            std::cmp::Ordering::Greater => Some(Side::Buy),
            std::cmp::Ordering::Less => Some(Side::Sell),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Returns the average entry, dollars a share; `None` when flat.
    pub fn average_entry(&self) -> Option<Decimal> {
        self.cost.checked_div(self.quantity)
    }

    /// Returns the value at `price`, dollars, negative when short.
    pub fn market_value(&self, price: Decimal) -> Decimal {
        self.quantity * price
    }

    /// Returns the profit that closing at `price` would realise, dollars.
    pub fn unrealised(&self, price: Decimal) -> Decimal {
        self.market_value(price) - self.cost
    }

    /// Returns the shares that a fill of `side` and `quantity` takes off the position.
    pub fn reduced_by(&self, side: Side, quantity: Decimal) -> Decimal {
        if self.side() == Some(side.opposite()) { quantity.min(self.quantity.abs()) } else { Decimal::ZERO }
    }

    /// Returns the position after `fill`, and the profit it realises, dollars; `None` for a fill
    /// that takes nothing off.
    #[must_use]
    pub fn after(&self, fill: &Fill) -> (Self, Option<Decimal>) {
        let reduced = self.reduced_by(fill.side, fill.quantity);
        let added = fill.quantity - reduced;
        let mut next = *self;
        let mut realised = None;
        if reduced > Decimal::ZERO {
            let taken = if reduced == self.quantity.abs() {
                self.cost
            } else {
                (self.cost * reduced / self.quantity.abs()).round_dp(COST_DECIMALS)
            };
            next.quantity += fill.side.signed(reduced);
            next.cost -= taken;
            realised = Some(-fill.side.signed(reduced * fill.price) - taken);
        }
        next.quantity += fill.side.signed(added);
        next.cost += fill.side.signed(added * fill.price);
        (next, realised)
    }
}

#[cfg(test)]
mod tests;
