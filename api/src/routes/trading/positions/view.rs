//! A position as clients read it.

use jobs::db::trading_views::PositionRow;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    routes::trading::{
        amount::{fixed, number, of, percent, text},
        source::{Metadata, Seen, Source},
    },
    timestamp,
};

/// What a position is worth. Money in US dollars; below zero when short, as the broker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::routes::trading) struct Worth {
    pub(in crate::routes::trading) price: Decimal,
    pub(in crate::routes::trading) value: Decimal,
    pub(in crate::routes::trading) cost: Decimal,
}

impl Worth {
    /// Returns what `row` is worth; at what it cost, as long as no price is known.
    pub(in crate::routes::trading) fn of(row: &PositionRow) -> Self {
        let price = row.current_price.unwrap_or(row.avg_entry_price);
        Self { price, value: row.qty * price, cost: row.qty * row.avg_entry_price }
    }

    /// Returns what would be gained by closing it.
    pub(in crate::routes::trading) fn gain(self) -> Decimal {
        self.value - self.cost
    }
}

/// A position in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct PositionView {
    /// The symbol: a user has one position in each.
    id: String,
    symbol: String,
    /// Shares, also of a short position above zero.
    quantity: f64,
    entry_price: f64,
    current_price: f64,
    unrealized_pnl: f64,
    unrealized_pnl_percent: f64,
    /// Gained since it was opened, by the parts that were closed.
    realized_pnl: f64,
    /// `long` or `short`.
    side: &'static str,
    /// Below zero when short.
    market_value: f64,
    /// Below zero when short.
    cost_basis: f64,
    /// Percent since the last close.
    change_today: f64,
    asset_class: String,
    exchange: String,
    opened_at: Option<String>,
    updated_at: String,
    #[serde(rename = "_source")]
    source: Source,
    #[serde(rename = "_metadata")]
    metadata: Metadata,
}

impl PositionView {
    /// Returns `row` in numbers.
    pub(in crate::routes) fn new(row: PositionRow, seen: &Seen) -> Self {
        let worth = Worth::of(&row);
        let raw = row.raw.as_ref();
        let word = |key: &str| raw.and_then(|raw| raw[key].as_str()).map(str::to_owned);
        let change = raw.and_then(|raw| of(raw, "change_today")).unwrap_or_default();
        Self {
            id: row.symbol.clone(),
            quantity: number(row.qty.abs()),
            entry_price: number(row.avg_entry_price),
            current_price: number(worth.price),
            unrealized_pnl: number(worth.gain()),
            unrealized_pnl_percent: number(percent(worth.gain(), worth.cost)),
            realized_pnl: number(row.realized_pnl),
            side: side(row.qty),
            market_value: number(worth.value),
            cost_basis: number(worth.cost),
            // The broker sends a fraction.
            change_today: number(change.checked_mul(Decimal::ONE_HUNDRED).unwrap_or_default()),
            asset_class: word("asset_class").unwrap_or_else(|| "us_equity".to_owned()),
            exchange: word("exchange").unwrap_or_default(),
            opened_at: row.opened_at.map(timestamp::text),
            updated_at: timestamp::text(row.updated_at),
            source: seen.source.clone(),
            metadata: Metadata::new(seen, raw.is_some(), row.recorded),
            symbol: row.symbol,
        }
    }
}

/// Returns which way `qty` goes.
pub(in crate::routes::trading) fn side(qty: Decimal) -> &'static str {
    if qty.is_sign_negative() { "short" } else { "long" }
}

/// Returns `row` in the broker's shape. What the broker says is about the whole account; what
/// depends on the quantity is the caller's own.
pub(super) fn brokers_shape(row: &PositionRow) -> Value {
    let worth = Worth::of(row);
    let whole = row.raw.as_ref().and_then(|raw| of(raw, "qty")) == Some(row.qty);
    let mut shape = match &row.raw {
        Some(Value::Object(raw)) => raw.clone(),
        _ => Map::from_iter([("asset_class".to_owned(), json!("us_equity"))]),
    };
    if !whole {
        for key in ["qty_available", "unrealized_intraday_pl", "unrealized_intraday_plpc"] {
            shape.remove(key);
        }
    }
    let fraction = percent(worth.gain(), worth.cost) / Decimal::ONE_HUNDRED;
    let ours = json!({
        "symbol": row.symbol,
        "qty": text(row.qty),
        "side": side(row.qty),
        "avg_entry_price": text(row.avg_entry_price),
        "current_price": text(worth.price),
        "market_value": text(worth.value),
        "cost_basis": text(worth.cost),
        "unrealized_pl": text(worth.gain()),
        "unrealized_plpc": fixed(fraction, 6),
    });
    if let Value::Object(ours) = ours {
        shape.extend(ours);
    }
    Value::Object(shape)
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn row(qty: i64, price: Option<i64>, raw: Option<Value>) -> PositionRow {
        PositionRow {
            symbol: "AAPL".to_owned(),
            qty: qty.into(),
            avg_entry_price: 100.into(),
            realized_pnl: Decimal::ZERO,
            opened_at: None,
            updated_at: Utc::now(),
            current_price: price.map(Decimal::from),
            raw,
            recorded: true,
        }
    }

    #[test]
    fn a_short_position_gains_when_the_price_falls() {
        for (qty, price, value, gain) in [
            (10, Some(110), 1100, 100),
            (-10, Some(110), -1100, -100),
            (-10, Some(90), -900, 100),
            (10, None, 1000, 0),
        ] {
            let worth = Worth::of(&row(qty, price, None));
            assert_eq!((worth.value, worth.gain()), (value.into(), gain.into()), "{qty} at {price:?}");
        }
    }

    #[test]
    fn a_part_of_the_accounts_position_is_shown_with_its_own_quantity() {
        let raw = json!({"qty": "30", "qty_available": "30", "asset_id": "a", "change_today": "0.01"});
        let shape = brokers_shape(&row(10, Some(110), Some(raw.clone())));
        assert_eq!(shape["qty"], "10");
        assert_eq!(shape["unrealized_plpc"], "0.100000");
        assert_eq!(shape["asset_id"], "a");
        assert!(shape.get("qty_available").is_none(), "{shape}");
        let shape = brokers_shape(&row(30, Some(110), Some(raw)));
        assert_eq!(shape["qty_available"], "30");
    }
}
