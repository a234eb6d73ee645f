//! How much of the cash a position gets.

use super::{RequestError, fields::Field, parameters::Parameters};
use crate::backtest::Sizing;

/// Percent of the initial cash that a position gets when nobody says.
const DEFAULT_PERCENT: f64 = 10.0;

/// Decodes the size of a position as an amount of money.
///
/// The original sizes every position by the *initial* cash, so the amount does not grow with
/// the equity.
pub(super) fn decode(given: &Parameters, initial_cash: f64) -> Result<Sizing, RequestError> {
    let names = ["allocationPct", "positionSize", "allocation", "positionSizing"];
    let Some(field) = given.find(&names) else {
        return Ok(Sizing::Notional(initial_cash * DEFAULT_PERCENT / 100.0));
    };
    match field.name {
        "positionSizing" => structured(&field, initial_cash),
        "allocation" => Ok(Sizing::Notional(initial_cash * positive(&field, 1.0)?)),
        _ => Ok(Sizing::Notional(initial_cash * positive(&field, 100.0)? / 100.0)),
    }
}

/// Decodes `{type: "percent" | "fixed", value}`.
fn structured(field: &Field, initial_cash: f64) -> Result<Sizing, RequestError> {
    let object = field.object("NOT_AN_OBJECT")?;
    let part = |name: &'static str| {
        let value = object.get(name).filter(|value| !value.is_null())?;
        Some(Field { path: format!("{}.{name}", field.path), name, value })
    };
    let kind = part("type");
    let Some(value) = part("value") else {
        return Ok(Sizing::Notional(initial_cash * DEFAULT_PERCENT / 100.0));
    };
    match kind.as_ref().and_then(Field::word).as_deref() {
        None | Some("percent") => Ok(Sizing::Notional(initial_cash * positive(&value, 100.0)? / 100.0)),
        Some("fixed") => Ok(Sizing::Notional(positive(&value, crate::backtest::MAX_MONEY)?)),
        Some(_) => Err(kind
            .unwrap_or(value)
            .refuse("SIZING_UNSUPPORTED", "can be back-tested as percent or fixed only")),
    }
}

fn positive(field: &Field, max: f64) -> Result<f64, RequestError> {
    let value = field.number()?;
    if value > 0.0 && value <= max {
        Ok(value)
    } else {
        Err(field.refuse("SIZE_OUT_OF_RANGE", &format!("must be above 0 and at most {max}")))
    }
}
