//! What an order costs and how large it is: prices, fees, quantities.
//!
//! The engine asks a [`Terms`] and keeps the books. [`Configured`] answers by the
//! configuration; other implementations reproduce other engines' habits outside of here.

use super::config::{Config, Fees, Sizing};
use super::event::Side;

/// The costs and sizes of orders.
pub trait Terms {
    /// Returns the price of a market fill on `side` when the bar's price is `reference`;
    /// `opening` tells an order that opens from one that closes.
    fn price(&self, side: Side, opening: bool, reference: f64) -> f64;

    /// Returns the fees of `quantity` shares at `price`, in money; `share` is the part of
    /// one order these shares are (1 unless the order turns a position round).
    fn fees(&self, quantity: f64, price: f64, share: f64) -> f64;

    /// Returns how many shares an opening order gets; zero or less drops the order.
    fn quantity(&self, ask: &Ask) -> f64;

    /// Returns whether a signal in the direction already held closes the position and opens
    /// it anew, instead of being ignored.
    fn renews(&self) -> bool {
        false
    }
}

/// What is known when an opening order is sized, at the moment of its fill.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// Buy opens a long position, sell a short one.
    pub side: Side,
    /// The bar's price, before slippage.
    pub reference: f64,
    /// The fill price, after slippage.
    pub price: f64,
    /// Money that may be spent: cash less what is set against open short positions.
    pub free_cash: f64,
    /// Cash plus all positions at their last marks.
    pub equity: f64,
    /// What the open short positions are worth at their last marks, above zero.
    pub short_value: f64,
    /// Number of symbols in the portfolio.
    pub symbols: usize,
}

/// The terms that a [`Config`] asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Configured {
    fees: Fees,
    slippage: f64,
    sizing: Sizing,
    whole_shares: bool,
    short_limit: Option<f64>,
}

impl Configured {
    /// Returns the terms of `config`.
    pub fn new(config: &Config) -> Self {
        Self {
            fees: config.fees,
            slippage: config.slippage.per_side(),
            sizing: config.sizing,
            whole_shares: config.whole_shares,
            short_limit: config.short_limit,
        }
    }
}

impl Terms for Configured {
    #[inline]
    fn price(&self, side: Side, _opening: bool, reference: f64) -> f64 {
        match side {
            Side::Buy => reference * (1.0 + self.slippage),
            Side::Sell => reference * (1.0 - self.slippage),
        }
    }

    #[inline]
    fn fees(&self, quantity: f64, price: f64, share: f64) -> f64 {
        self.fees.fixed * share + quantity * price * self.fees.fraction + quantity * self.fees.per_share
    }

    #[inline]
    fn quantity(&self, ask: &Ask) -> f64 {
        // A share costs its price and the fees that grow with it.
        let unit = ask.price * (1.0 + self.fees.fraction) + self.fees.per_share;
        let asked = match self.sizing {
            Sizing::AllIn if ask.symbols <= 1 && ask.side == Side::Buy => f64::INFINITY,
            Sizing::AllIn => (ask.equity / ask.symbols as f64 - self.fees.fixed) / unit,
            Sizing::EquityFraction(fraction) => (ask.equity * fraction - self.fees.fixed) / unit,
            Sizing::Notional(money) => money / ask.reference,
            Sizing::Units(units) => units,
        };
        let most = match ask.side {
            Side::Buy => (ask.free_cash - self.fees.fixed) / unit,
            Side::Sell => self
                .short_limit
                .map_or(f64::INFINITY, |limit| (limit * ask.equity - ask.short_value) / ask.price),
        };
        let quantity = asked.min(most);
        if self.whole_shares { quantity.floor() } else { quantity }
    }
}
