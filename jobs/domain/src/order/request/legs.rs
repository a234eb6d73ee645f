//! Which legs a class takes, and how their prices lie to each other.

use rust_decimal::Decimal;

use super::{OrderError, OrderFault, OrderRequest, rules};
use crate::order::{OrderClass, OrderType, Side};

/// Checks class and legs.
pub(super) fn check(order: &OrderRequest) -> Result<(), OrderError> {
    presence(order)?;
    if let Some(price) = order.take_profit {
        rules::price(OrderFault::TakeProfitInvalid, "take_profit.limit_price", price)?;
    }
    if let Some(leg) = order.stop_loss {
        rules::price(OrderFault::StopLossInvalid, "stop_loss.stop_price", leg.stop_price)?;
        if let Some(price) = leg.limit_price {
            rules::price(OrderFault::StopLossInvalid, "stop_loss.limit_price", price)?;
        }
    }
    crossing(order)
}

fn presence(order: &OrderRequest) -> Result<(), OrderError> {
    let (class, kind) = (order.class, order.order_type);
    let (target, stop) = (order.take_profit.is_some(), order.stop_loss.is_some());
    let unexpected = |field: &str, rule: &str| {
        OrderError::new(OrderFault::LegsUnexpected, field, format!("{field} is given, {rule}"))
    };
    let unsupported = |rule: &str| OrderError::of(OrderFault::ClassUnsupported, "order_class", class, rule);
    let kinds_fit = match class {
        OrderClass::Simple => {
            let rule = "but simple orders take no legs";
            return match (target, stop) {
                (true, _) => Err(unexpected("take_profit", rule)),
                (_, true) => Err(unexpected("stop_loss", rule)),
                _ => Ok(()),
            };
        }
        OrderClass::Bracket | OrderClass::Oto => matches!(kind, OrderType::Market | OrderType::Limit),
        OrderClass::Oco => kind == OrderType::Limit,
    };
    if !kinds_fit {
        return Err(unsupported(&format!("but the order is a {kind} order")));
    }
    let required = |field: &str, message: String| OrderError::new(OrderFault::LegsRequired, field, message);
    match (class, target, stop) {
        (OrderClass::Oto, false, false) => {
            Err(required("take_profit", "take_profit or stop_loss is required for oto orders".to_owned()))
        }
        (OrderClass::Oto, true, true) => Err(unexpected("stop_loss", "but oto orders take one leg")),
        (OrderClass::Oto, ..) | (_, true, true) => Ok(()),
        (_, false, _) => Err(required("take_profit", format!("take_profit is required for {class} orders"))),
        (_, _, false) => Err(required("stop_loss", format!("stop_loss is required for {class} orders"))),
    }
}

/// Checks that the legs end a long position above and below the entry, a short one the other way.
fn crossing(order: &OrderRequest) -> Result<(), OrderError> {
    let is_exit = order.class == OrderClass::Oco;
    let long = (order.side == Side::Buy) != is_exit;
    let crossed = |field: &str, value: Decimal, rule: String| {
        Err(OrderError::of(OrderFault::LegsCrossed, field, value, &rule))
    };
    let word = |above: bool| if above == long { "above" } else { "below" };
    let beyond = |price: Decimal, than: Decimal| if long { price > than } else { price < than };

    if let (true, Some(limit), Some(target)) = (is_exit, order.limit_price, order.take_profit)
        && limit != target
    {
        return crossed("limit_price", limit, format!("must be the take profit {target} of an oco order"));
    }
    let entry = order.limit_price.filter(|_| !is_exit);
    if let (Some(target), Some(entry)) = (order.take_profit, entry)
        && !beyond(target, entry)
    {
        let rule = format!("must be {} the limit price {entry}", word(true));
        return crossed("take_profit.limit_price", target, rule);
    }
    let Some(stop) = order.stop_loss else { return Ok(()) };
    for (name, price) in [("take profit", order.take_profit), ("limit price", entry)] {
        if let Some(price) = price.filter(|price| !beyond(*price, stop.stop_price)) {
            let rule = format!("must be {} the {name} {price}", word(false));
            return crossed("stop_loss.stop_price", stop.stop_price, rule);
        }
    }
    match stop.limit_price {
        Some(limit) if beyond(limit, stop.stop_price) => {
            let rule = format!("must not be {} the stop price {}", word(true), stop.stop_price);
            crossed("stop_loss.limit_price", limit, rule)
        }
        _ => Ok(()),
    }
}
