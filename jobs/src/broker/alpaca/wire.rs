//! Alpaca's JSON, read strictly into the broker's types.

mod account;
mod money;
mod order;
mod position;
mod price;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub(super) use self::{
    account::{account, asset, calendar_day, clock},
    order::{cancelled_order, order, trade_event},
    position::{fill, position},
    price::{latest_price, latest_quote},
};
use super::super::BrokerError;

/// Reads `value` as `T`, which must have its types; `what` names it in the error.
fn read<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T, BrokerError> {
    T::deserialize(value).map_err(|error| malformed(what, &error.to_string()))
}

fn malformed(what: &str, reason: &str) -> BrokerError {
    BrokerError::Malformed { reason: format!("{what}: {}", reason.chars().take(200).collect::<String>()) }
}
