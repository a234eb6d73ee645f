//! What a client may ask for, decoded and checked before anything is recorded.
//!
//! Clients and the broker's own libraries say the same thing in different words; all of it ends
//! here in one [`OrderRequest`], or in one [`OrderError`] that names the field. Unknown keys are
//! ignored (a client's `client_order_id` among them: ours derives from the order's id); a known
//! key with a value that makes no sense never is. US equities only.
//!
//! Rules are the broker's, so that a request is refused here rather than there. Where we are
//! stricter: fractions never trade outside regular hours, and legs need an order class.

mod fault;
mod fields;
mod legs;
mod rules;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Amount, OrderClass, OrderType, Side, StopLoss, TimeInForce, Trail};
use fields::{Body, names};

pub use fault::{OrderError, OrderFault};
pub use rules::{MAX_NOTIONAL, MAX_PRICE, MAX_QTY, MIN_NOTIONAL};

/// An order as a client asks for it; whatever [`OrderRequest::decode`] returns is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    /// Symbol of a US equity, upper case, such as `BRK.B`.
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// Shares or money.
    pub amount: Amount,
    /// What triggers it.
    pub order_type: OrderType,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// The worst price, dollars a share; for limit and stop-limit orders. That of an
    /// [`OrderClass::Oco`] is its take profit.
    pub limit_price: Option<Decimal>,
    /// The price that triggers it, dollars a share; for stop and stop-limit orders.
    pub stop_price: Option<Decimal>,
    /// The distance of a trailing stop.
    pub trail: Option<Trail>,
    /// Whether it may trade before the open and after the close.
    pub extended_hours: bool,
    /// Whether it brings legs.
    pub class: OrderClass,
    /// Limit price of the take-profit leg, dollars a share.
    pub take_profit: Option<Decimal>,
    /// The stop-loss leg.
    pub stop_loss: Option<StopLoss>,
}

impl OrderRequest {
    /// Returns a market order for the day, the simplest there is.
    pub fn market(symbol: impl Into<String>, side: Side, amount: Amount) -> Self {
        Self {
            symbol: symbol.into(),
            side,
            amount,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
            limit_price: None,
            stop_price: None,
            trail: None,
            extended_hours: false,
            class: OrderClass::Simple,
            take_profit: None,
            stop_loss: None,
        }
    }

    /// Returns a limit order for the day.
    pub fn limit(symbol: impl Into<String>, side: Side, amount: Amount, price: Decimal) -> Self {
        let market = Self::market(symbol, side, amount);
        Self { order_type: OrderType::Limit, limit_price: Some(price), ..market }
    }

    /// Decodes a body in the clients' words (`limitPrice`, `quantity`) or the broker's
    /// (`limit_price`, `qty`), numbers as numbers or text; null and blank text are absent.
    ///
    /// The type is market and the time in force day unless given. Two spellings of one field
    /// must agree.
    pub fn decode(body: &Value) -> Result<Self, OrderError> {
        let Value::Object(object) = body else {
            return Err(OrderError::new(OrderFault::BodyNotAnObject, "", "the body must be a JSON object"));
        };
        let mut body = Body::new(object);
        let request = Self::read(&mut body)?;
        request.validate().map_err(|error| body.in_client_words(error))?;
        Ok(request)
    }

    fn read(body: &mut Body) -> Result<Self, OrderError> {
        let class = body.word(names::CLASS, OrderFault::ClassInvalid)?.unwrap_or_default();
        let take_profit = match body.object(names::TAKE_PROFIT, OrderFault::TakeProfitInvalid)? {
            Some(mut leg) => Some(leg.required(names::LIMIT_PRICE, OrderFault::TakeProfitInvalid)?),
            None => None,
        };
        let stop_loss = match body.object(names::STOP_LOSS, OrderFault::StopLossInvalid)? {
            Some(mut leg) => Some(StopLoss {
                stop_price: leg.required(names::STOP_PRICE, OrderFault::StopLossInvalid)?,
                limit_price: leg.number(names::LIMIT_PRICE, OrderFault::StopLossInvalid)?,
            }),
            None => None,
        };
        let order_type = body.word(names::TYPE, OrderFault::TypeInvalid)?.unwrap_or(OrderType::Market);
        let target = take_profit.filter(|_| class == OrderClass::Oco && order_type == OrderType::Limit);
        let limit_price = body.number(names::LIMIT_PRICE, OrderFault::LimitPriceInvalid)?;
        Ok(Self {
            symbol: body.symbol()?,
            side: body
                .word(names::SIDE, OrderFault::SideInvalid)?
                .ok_or_else(|| body.missing(names::SIDE, OrderFault::SideRequired))?,
            amount: amount(body)?,
            order_type,
            time_in_force: body
                .word(names::TIME_IN_FORCE, OrderFault::TimeInForceInvalid)?
                .unwrap_or(TimeInForce::Day),
            limit_price: limit_price.or(target),
            stop_price: body.number(names::STOP_PRICE, OrderFault::StopPriceInvalid)?,
            trail: trail(body)?,
            extended_hours: body.flag(names::EXTENDED_HOURS, OrderFault::ExtendedHoursInvalid)?,
            class,
            take_profit,
            stop_loss,
        })
    }

    /// Returns the first rule that the request breaks; fields are named in the broker's words.
    ///
    /// For requests that were put together here or read from the database; [`Self::decode`]
    /// has already done it.
    pub fn validate(&self) -> Result<(), OrderError> {
        rules::symbol(&self.symbol)?;
        rules::amount(self.amount)?;
        rules::prices(self)?;
        rules::time_in_force(self)?;
        rules::fraction(self)?;
        rules::extended_hours(self)?;
        legs::check(self)
    }

    /// Returns the body in the broker's words, numbers as text; absent fields are left out.
    ///
    /// The caller adds `client_order_id`. Decodes to the same request.
    pub fn to_broker_json(&self) -> Value {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| {
            body.insert(name.to_owned(), value);
        };
        put("symbol", json!(self.symbol));
        put("side", json!(self.side.as_str()));
        match self.amount {
            Amount::Units(units) => put("qty", text(units)),
            Amount::Notional(money) => put("notional", text(money)),
        }
        put("type", json!(self.order_type.as_str()));
        put("time_in_force", json!(self.time_in_force.as_str()));
        // The limit price of an oco is its take profit, and the broker wants it there alone.
        if let Some(price) = self.limit_price.filter(|_| self.class != OrderClass::Oco) {
            put("limit_price", text(price));
        }
        if let Some(price) = self.stop_price {
            put("stop_price", text(price));
        }
        match self.trail {
            Some(Trail::Price(price)) => put("trail_price", text(price)),
            Some(Trail::Percent(percent)) => put("trail_percent", text(percent)),
            None => {}
        }
        put("extended_hours", json!(self.extended_hours));
        put("order_class", json!(self.class.as_str()));
        if let Some(price) = self.take_profit {
            put("take_profit", json!({"limit_price": text(price)}));
        }
        if let Some(StopLoss { stop_price, limit_price }) = self.stop_loss {
            let mut leg = json!({"stop_price": text(stop_price)});
            if let Some(price) = limit_price {
                leg["limit_price"] = text(price);
            }
            put("stop_loss", leg);
        }
        Value::Object(body)
    }
}

/// Shares or money, exactly one of them.
fn amount(body: &mut Body) -> Result<Amount, OrderError> {
    let units = body.number(names::QTY, OrderFault::QtyInvalid)?;
    let money = body.number(names::NOTIONAL, OrderFault::NotionalInvalid)?;
    match (units, money) {
        (Some(units), None) => Ok(Amount::Units(units)),
        (None, Some(money)) => Ok(Amount::Notional(money)),
        (Some(units), Some(money)) => Err(body.in_client_words(OrderError::new(
            OrderFault::AmountAmbiguous,
            "qty",
            format!("qty is {units} and notional is {money}, only one of them may be given"),
        ))),
        (None, None) => Err(body.missing(names::QTY, OrderFault::AmountRequired)),
    }
}

fn trail(body: &mut Body) -> Result<Option<Trail>, OrderError> {
    let price = body.number(names::TRAIL_PRICE, OrderFault::TrailInvalid)?;
    let percent = body.number(names::TRAIL_PERCENT, OrderFault::TrailInvalid)?;
    match (price, percent) {
        (Some(price), Some(percent)) => Err(body.in_client_words(OrderError::new(
            OrderFault::TrailAmbiguous,
            "trail_price",
            format!("trail_price is {price} and trail_percent is {percent}, only one of them may be given"),
        ))),
        (price, percent) => Ok(price.map(Trail::Price).or(percent.map(Trail::Percent))),
    }
}

fn text(number: Decimal) -> Value {
    Value::String(number.normalize().to_string())
}

#[cfg(test)]
mod tests;
