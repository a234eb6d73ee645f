//! Positions, and the executions behind them.

use chrono::{DateTime, Utc};
use domain::order::Side;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use super::{
    super::super::{BrokerError, Fill, FillKind, Position, PositionSide},
    malformed,
    money::Money,
    read,
};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SideWire {
    Long,
    Short,
}

#[derive(Deserialize)]
struct PositionWire {
    symbol: String,
    asset_id: String,
    side: SideWire,
    qty: Money,
    qty_available: Option<Money>,
    avg_entry_price: Money,
    current_price: Option<Money>,
    market_value: Option<Money>,
    cost_basis: Money,
    unrealized_pl: Option<Money>,
}

/// Reads a position; its sign must fit its side.
pub(in super::super) fn position(raw: Value) -> Result<Position, BrokerError> {
    let wire: PositionWire = read("position", &raw)?;
    let amount = |money: Option<Money>| money.map(|money| money.0);
    let qty = wire.qty.0;
    let side = match wire.side {
        SideWire::Long => PositionSide::Long,
        SideWire::Short => PositionSide::Short,
    };
    if qty.is_zero() || qty.is_sign_negative() != (side == PositionSide::Short) {
        return Err(malformed("position", &format!("{qty} shares can't be {side:?}")));
    }
    Ok(Position {
        symbol: wire.symbol,
        asset_id: wire.asset_id,
        side,
        qty,
        qty_available: amount(wire.qty_available).unwrap_or(qty),
        avg_entry_price: wire.avg_entry_price.0,
        current_price: amount(wire.current_price),
        market_value: amount(wire.market_value),
        cost_basis: wire.cost_basis.0,
        unrealized_pl: amount(wire.unrealized_pl),
        raw,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FillSideWire {
    Buy,
    Sell,
    SellShort,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FillKindWire {
    Fill,
    PartialFill,
}

#[derive(Deserialize)]
struct FillWire {
    id: String,
    order_id: String,
    symbol: String,
    side: FillSideWire,
    #[serde(rename = "type")]
    kind: FillKindWire,
    qty: Money,
    price: Money,
    cum_qty: Money,
    leaves_qty: Money,
    transaction_time: DateTime<Utc>,
}

pub(in super::super) fn fill(raw: Value) -> Result<Fill, BrokerError> {
    let wire: FillWire = read("fill", &raw)?;
    if wire.qty.0 <= Decimal::ZERO {
        return Err(malformed("fill", &format!("{} shares", wire.qty.0)));
    }
    Ok(Fill {
        id: wire.id,
        order_id: wire.order_id,
        symbol: wire.symbol,
        side: match wire.side {
            FillSideWire::Buy => Side::Buy,
            FillSideWire::Sell | FillSideWire::SellShort => Side::Sell,
        },
        kind: match wire.kind {
            FillKindWire::Fill => FillKind::Fill,
            FillKindWire::PartialFill => FillKind::PartialFill,
        },
        qty: wire.qty.0,
        price: wire.price.0,
        cum_qty: wire.cum_qty.0,
        leaves_qty: wire.leaves_qty.0,
        at: wire.transaction_time,
        raw,
    })
}
