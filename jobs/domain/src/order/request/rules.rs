//! What the broker would refuse about symbol, size, prices, time in force and session.

use rust_decimal::Decimal;

use super::{OrderError, OrderFault, OrderRequest};
use crate::order::{Amount, OrderClass, OrderType, TimeInForce, Trail};

/// The most shares an order may ask for.
pub const MAX_QTY: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// The least money an order may name, dollars; the broker's minimum.
pub const MIN_NOTIONAL: Decimal = Decimal::ONE;
/// The most money an order may name, dollars.
pub const MAX_NOTIONAL: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// The highest price an order may name, dollars a share.
pub const MAX_PRICE: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);
/// The most decimals of shares and of money.
const AMOUNT_DECIMALS: u32 = 9;

pub(super) const SYMBOL_RULE: &str =
    "must be the symbol of a US equity, a letter and up to 9 letters, digits or dots";

pub(super) fn symbol(symbol: &str) -> Result<(), OrderError> {
    let starts = symbol.chars().next().is_some_and(|c| c.is_ascii_uppercase());
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '.';
    if starts && symbol.len() <= 10 && symbol.chars().all(plain) {
        return Ok(());
    }
    let shown: String = symbol.chars().take(60).collect();
    Err(OrderError::of(OrderFault::SymbolInvalid, "symbol", shown, SYMBOL_RULE))
}

pub(super) fn amount(amount: Amount) -> Result<(), OrderError> {
    let (fault, field, value, least, most) = match amount {
        Amount::Units(units) => (OrderFault::QtyInvalid, "qty", units, Decimal::ZERO, MAX_QTY),
        Amount::Notional(money) => {
            (OrderFault::NotionalInvalid, "notional", money, MIN_NOTIONAL, MAX_NOTIONAL)
        }
    };
    let rule = if value <= Decimal::ZERO {
        "must be above 0".to_owned()
    } else if value < least {
        format!("must be at least {least}")
    } else if value > most {
        format!("must be at most {most}")
    } else if decimals(value) > AMOUNT_DECIMALS {
        format!("must have at most {AMOUNT_DECIMALS} decimals")
    } else {
        return Ok(());
    };
    Err(OrderError::of(fault, field, value, &rule))
}

/// Checks that the type has the prices it needs and no others, each on the tick.
pub(super) fn prices(order: &OrderRequest) -> Result<(), OrderError> {
    use OrderFault as F;

    let kind = order.order_type;
    let needs_limit = matches!(kind, OrderType::Limit | OrderType::StopLimit);
    let needs_stop = matches!(kind, OrderType::Stop | OrderType::StopLimit);
    let fields = [
        ("limit_price", order.limit_price, needs_limit, F::LimitPriceRequired, F::LimitPriceUnexpected),
        ("stop_price", order.stop_price, needs_stop, F::StopPriceRequired, F::StopPriceUnexpected),
    ];
    for (field, value, needed, required, unexpected) in fields {
        match value {
            None if needed => {
                let message = format!("{field} is required for {kind} orders");
                return Err(OrderError::new(required, field, message));
            }
            Some(value) if !needed => {
                let rule = format!("but {kind} orders take none");
                return Err(OrderError::of(unexpected, field, value, &rule));
            }
            _ => {}
        }
    }
    if let Some(value) = order.limit_price {
        price(F::LimitPriceInvalid, "limit_price", value)?;
    }
    if let Some(value) = order.stop_price {
        price(F::StopPriceInvalid, "stop_price", value)?;
    }
    trail(order)
}

fn trail(order: &OrderRequest) -> Result<(), OrderError> {
    use OrderFault as F;

    let trailing = order.order_type == OrderType::TrailingStop;
    let (field, value) = match order.trail {
        None if trailing => {
            let message = "trail_price or trail_percent is required for trailing_stop orders";
            return Err(OrderError::new(F::TrailRequired, "trail_price", message));
        }
        None => return Ok(()),
        Some(Trail::Price(value)) => ("trail_price", value),
        Some(Trail::Percent(value)) => ("trail_percent", value),
    };
    if !trailing {
        let rule = format!("but {} orders take none", order.order_type);
        return Err(OrderError::of(F::TrailUnexpected, field, value, &rule));
    }
    match order.trail {
        Some(Trail::Percent(percent)) => {
            let fits = percent > Decimal::ZERO && percent < Decimal::ONE_HUNDRED && decimals(percent) <= 4;
            let rule = "must be above 0 and below 100, with at most 4 decimals";
            if fits { Ok(()) } else { Err(OrderError::of(F::TrailInvalid, field, percent, rule)) }
        }
        _ => price(F::TrailInvalid, field, value),
    }
}

/// Checks a price: in range and no finer than the exchange quotes, that is two decimals from a
/// dollar on and four below. Source: Regulation NMS, rule 612, "Minimum pricing increment".
pub(super) fn price(fault: OrderFault, field: &str, value: Decimal) -> Result<(), OrderError> {
    if value <= Decimal::ZERO || value > MAX_PRICE {
        let rule = format!("must be above 0 and at most {MAX_PRICE}");
        return Err(OrderError::of(fault, field, value, &rule));
    }
    let most = if value >= Decimal::ONE { 2 } else { 4 };
    if decimals(value) > most {
        let rule = format!("must have at most {most} decimals");
        return Err(OrderError::of(OrderFault::PriceTick, field, value, &rule));
    }
    Ok(())
}

/// Auction and immediate orders are plain market or limit orders.
pub(super) fn time_in_force(order: &OrderRequest) -> Result<(), OrderError> {
    let special = !matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc);
    let plain = matches!(order.order_type, OrderType::Market | OrderType::Limit);
    let rule = if special && !plain {
        format!("but {} orders must be day or gtc", order.order_type)
    } else if special && order.class != OrderClass::Simple {
        format!("but {} orders must be day or gtc", order.class)
    } else {
        return Ok(());
    };
    Err(OrderError::of(OrderFault::TimeInForceUnsupported, "time_in_force", order.time_in_force, &rule))
}

/// Fractions of shares, and money, trade in plain orders for the day, in regular hours.
pub(super) fn fraction(order: &OrderRequest) -> Result<(), OrderError> {
    let (field, value) = match order.amount {
        Amount::Units(units) if units.is_integer() => return Ok(()),
        Amount::Units(units) => ("qty", units),
        Amount::Notional(money) => ("notional", money),
    };
    let rule = if order.time_in_force != TimeInForce::Day {
        format!("but {} orders are for whole shares", order.time_in_force)
    } else if order.order_type == OrderType::TrailingStop {
        "but trailing_stop orders are for whole shares".to_owned()
    } else if order.class != OrderClass::Simple {
        format!("but {} orders are for whole shares", order.class)
    } else if order.extended_hours {
        "but orders in extended hours are for whole shares".to_owned()
    } else {
        return Ok(());
    };
    Err(OrderError::of(OrderFault::FractionUnsupported, field, value, &rule))
}

pub(super) fn extended_hours(order: &OrderRequest) -> Result<(), OrderError> {
    let lasting = matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc);
    let simple = order.class == OrderClass::Simple;
    if !order.extended_hours || (order.order_type == OrderType::Limit && lasting && simple) {
        return Ok(());
    }
    let rule = format!(
        "but only simple limit orders, day or gtc, trade in extended hours, not a {} {} {} order",
        order.class, order.order_type, order.time_in_force
    );
    Err(OrderError::of(OrderFault::ExtendedHoursUnsupported, "extended_hours", true, &rule))
}

fn decimals(value: Decimal) -> u32 {
    value.normalize().scale()
}
