//! Closing positions: market orders of the exchange's own making.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Exchange;
use super::market::Market;
use super::order::OrderId;
use super::refusal::Refusal;
use super::request::NewOrder;

/// How much of a position is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// All of it.
    All,
    /// So many shares.
    Qty(Decimal),
    /// So many percent of its shares, 0 to 100.
    Percentage(Decimal),
}

impl Exchange {
    /// Closes a position or a part of it; returns the order object.
    pub fn close_position(
        &mut self,
        market: &dyn Market,
        symbol_or_id: &str,
        portion: Portion,
    ) -> Result<Value, Refusal> {
        let symbol = self.held_symbol(market, symbol_or_id)?;
        let id = self.close_uncommitted(market, &symbol, portion)?;
        let answer = self.order(id, false);
        if self.settings.fill_at_acceptance {
            self.evaluate(market, market.now());
        }
        self.commit()?;
        answer
    }

    /// Closes every position, after canceling every order if `cancel_orders`; returns
    /// `[{"symbol", "status", "body"}]` by symbol.
    pub fn close_all_positions(
        &mut self,
        market: &dyn Market,
        cancel_orders: bool,
    ) -> Result<Value, Refusal> {
        if cancel_orders {
            self.cancel_all(market)?;
        }
        let symbols: Vec<String> = self.book.positions.keys().cloned().collect();
        let mut answers = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            let outcome =
                self.close_uncommitted(market, &symbol, Portion::All).and_then(|id| self.order(id, false));
            answers.push(match outcome {
                Ok(order) => json!({ "symbol": symbol, "status": 200, "body": order }),
                Err(refusal) => json!({
                    "symbol": symbol, "status": refusal.status, "body": refusal.body_value(),
                }),
            });
        }
        if self.settings.fill_at_acceptance {
            self.evaluate(market, market.now());
        }
        self.commit()?;
        Ok(answers.into())
    }

    /// Returns the symbol of a held position, by symbol or asset id.
    pub(super) fn held_symbol(&self, market: &dyn Market, symbol_or_id: &str) -> Result<String, Refusal> {
        market
            .asset(symbol_or_id)
            .map(|asset| asset.symbol)
            .filter(|symbol| self.book.positions.contains_key(symbol))
            .ok_or_else(|| Refusal::not_found("position does not exist"))
    }

    fn close_uncommitted(
        &mut self,
        market: &dyn Market,
        symbol: &str,
        portion: Portion,
    ) -> Result<OrderId, Refusal> {
        let position =
            self.book.positions.get(symbol).ok_or_else(|| Refusal::not_found("position does not exist"))?;
        let held = position.qty.abs();
        let qty = match portion {
            Portion::All => held,
            Portion::Qty(qty) => qty,
            Portion::Percentage(percent) if percent > Decimal::ONE_HUNDRED => {
                return Err(Refusal::field("percentage must be between 0 and 100"));
            }
            Portion::Percentage(percent) => (held * percent / Decimal::ONE_HUNDRED).trunc_with_scale(9),
        };
        if qty <= Decimal::ZERO {
            return Err(Refusal::field("qty must be > 0"));
        }
        let side = position.closing_side();
        self.submit(market, NewOrder::market(symbol, side, qty), false)
    }
}
