//! What a client asks for: the body of a new order, read and checked by itself.
//!
//! Whether its fields go together is checked by `consistency`; whatever needs the account, the
//! asset or a price, at admission.

use rust_decimal::Decimal;
use serde_json::Value;

use super::fields::Fields;
use super::refusal::Refusal;
use super::terms::{Class, Intent, OrderType, Side, TimeInForce};

/// Shares or dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// Shares.
    Qty(Decimal),
    /// Dollars.
    Notional(Decimal),
}

/// The stop loss leg asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopLoss {
    /// The trade price that triggers it.
    pub stop_price: Decimal,
    /// The worst price accepted, for a stop limit.
    pub limit_price: Option<Decimal>,
}

/// A new order as asked for; consistent in itself.
#[derive(Debug, Clone, PartialEq)]
pub struct NewOrder {
    /// Symbol or asset id.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// What makes it marketable.
    pub order_type: OrderType,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// Alone or in a group.
    pub class: Class,
    /// How much.
    pub amount: Amount,
    /// The worst price accepted.
    pub limit_price: Option<Decimal>,
    /// The trade price that triggers it.
    pub stop_price: Option<Decimal>,
    /// Distance in dollars.
    pub trail_price: Option<Decimal>,
    /// Distance in percent.
    pub trail_percent: Option<Decimal>,
    /// Whether it may fill outside the regular session.
    pub extended_hours: bool,
    /// The client's id, if it chose one.
    pub client_order_id: Option<String>,
    /// The limit price of the take profit leg.
    pub take_profit: Option<Decimal>,
    /// The stop loss leg.
    pub stop_loss: Option<StopLoss>,
    /// What the client says it does.
    pub intent: Option<Intent>,
}

impl NewOrder {
    /// Reads the body of `POST /v2/orders`.
    pub fn read(body: &Value) -> Result<Self, Refusal> {
        let fields = Fields::of(body)?;
        let symbol = fields.text("symbol")?.ok_or_else(|| Refusal::field("symbol is required"))?.to_owned();
        let side = fields.needed("side")?;
        let order_type = fields.needed("type")?;
        let class: Class = fields.word("order_class")?.unwrap_or_default();
        let time_in_force = fields.needed("time_in_force")?;
        let amount = match (fields.amount("qty")?, fields.amount("notional")?) {
            (Some(qty), None) => Amount::Qty(qty),
            (None, Some(notional)) => Amount::Notional(notional),
            (None, None) => return Err(Refusal::field("qty or notional is required")),
            (Some(_), Some(_)) => return Err(Refusal::field("only one of qty or notional is accepted")),
        };
        let take_profit = match fields.object("take_profit")? {
            Some(leg) => Some(
                leg.amount("limit_price")?
                    .ok_or_else(|| Refusal::field("take_profit.limit_price is required"))?,
            ),
            None => None,
        };
        let stop_loss = match fields.object("stop_loss")? {
            Some(leg) => Some(StopLoss {
                stop_price: leg
                    .amount("stop_price")?
                    .ok_or_else(|| Refusal::field("stop_loss.stop_price is required"))?,
                limit_price: leg.amount("limit_price")?,
            }),
            None => None,
        };
        let mut order = Self {
            symbol,
            side,
            order_type,
            time_in_force,
            class,
            amount,
            limit_price: fields.amount("limit_price")?,
            stop_price: fields.amount("stop_price")?,
            trail_price: fields.amount("trail_price")?,
            trail_percent: fields.amount("trail_percent")?,
            extended_hours: fields.flag("extended_hours")?,
            client_order_id: fields.text("client_order_id")?.map(str::to_owned),
            take_profit,
            stop_loss,
            intent: fields.word("position_intent")?,
        };
        if class == Class::Oco && order.limit_price.is_none() {
            order.limit_price = take_profit;
        }
        order.check()?;
        Ok(order)
    }

    /// Returns a plain market order of the exchange's own making.
    pub fn market(symbol: &str, side: Side, qty: Decimal) -> Self {
        Self {
            symbol: symbol.to_owned(),
            side,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
            class: Class::Simple,
            amount: Amount::Qty(qty),
            limit_price: None,
            stop_price: None,
            trail_price: None,
            trail_percent: None,
            extended_hours: false,
            client_order_id: None,
            take_profit: None,
            stop_loss: None,
            intent: None,
        }
    }
}
