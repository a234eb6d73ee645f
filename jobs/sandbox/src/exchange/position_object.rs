//! Positions as the wire shows them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Exchange;
use super::market::Market;
use super::order_object::amount;
use super::position::Position;
use super::refusal::Refusal;

impl Exchange {
    /// Returns the position objects, by symbol.
    pub fn positions(&self, market: &dyn Market) -> Value {
        let now = market.now();
        let all = self.book.positions.iter();
        all.map(|(symbol, position)| self.position_object(market, symbol, position, now)).collect()
    }

    /// Returns the position object of a symbol or asset id.
    pub fn position(&self, market: &dyn Market, symbol_or_id: &str) -> Result<Value, Refusal> {
        let symbol = self.held_symbol(market, symbol_or_id)?;
        let missing = || Refusal::not_found("position does not exist");
        let position = self.book.positions.get(&symbol).ok_or_else(missing)?;
        Ok(self.position_object(market, &symbol, position, market.now()))
    }

    fn position_object(
        &self,
        market: &dyn Market,
        symbol: &str,
        position: &Position,
        at: DateTime<Utc>,
    ) -> Value {
        let asset = market.asset(symbol);
        let entry = position.avg_entry_price;
        let price = market.quote(symbol, at).map_or(entry, |quote| quote.last);
        let lastday = market.previous_close(symbol, at).unwrap_or(price);
        let cost = position.cost_basis();
        let value = position.qty * price;
        let gain = value - cost;
        let (today_qty, today_value) = position.opened_at(market.trading_date(at));
        let sign = if position.qty.is_sign_negative() { -Decimal::ONE } else { Decimal::ONE };
        // Shares held overnight gain since the last close, today's since they were opened.
        let start = (position.qty.abs() - today_qty) * lastday + today_value;
        let today = value - sign * start;
        let held = self.book.held(symbol, position.closing_side());
        let free = (position.qty.abs() - held).max(Decimal::ZERO) * sign;
        json!({
            "asset_id": asset.as_ref().map(|asset| asset.id),
            "symbol": symbol,
            "exchange": asset.as_ref().map(|asset| asset.exchange.clone()),
            "asset_class": "us_equity",
            "asset_marginable": asset.as_ref().is_some_and(|asset| asset.marginable),
            "qty": amount(position.qty),
            "qty_available": amount(free),
            "avg_entry_price": amount(entry),
            "side": if position.qty.is_sign_negative() { "short" } else { "long" },
            "market_value": amount(value),
            "cost_basis": amount(cost),
            "unrealized_pl": amount(gain),
            "unrealized_plpc": amount(ratio(gain, cost.abs())),
            "unrealized_intraday_pl": amount(today),
            "unrealized_intraday_plpc": amount(ratio(today, start)),
            "current_price": amount(price),
            "lastday_price": amount(lastday),
            "change_today": amount(ratio(price - lastday, lastday)),
        })
    }
}

fn ratio(part: Decimal, whole: Decimal) -> Decimal {
    part.checked_div(whole).unwrap_or_default().round_dp(12)
}
