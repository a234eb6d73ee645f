//! Orders as the platform and the broker speak of them: words, states, and what a client may ask.
//!
//! The words are the broker's. Nothing here sends an order or reads a clock.

mod lifecycle;
mod request;
mod status;
mod vocabulary;
pub(crate) mod words;

pub use lifecycle::{Advance, Progress, advance};
pub use request::{MAX_NOTIONAL, MAX_PRICE, MAX_QTY, MIN_NOTIONAL, OrderError, OrderFault, OrderRequest};
pub use status::OrderStatus;
pub use vocabulary::{Amount, OrderClass, OrderType, Side, StopLoss, TimeInForce, Trail};
pub use words::UnknownWord;

/// The longest client order id that the broker has always taken, in characters.
pub const MAX_CLIENT_ORDER_ID: usize = 48;

/// Returns the id under which the broker knows the order: `cap-` and the 32 hex digits of our own.
///
/// It depends on nothing else, so every attempt to send an order carries the same id, and the
/// broker refuses the second. Takes a UUID or its number.
pub fn client_order_id(order_id: impl Into<u128>) -> String {
    format!("cap-{:032x}", order_id.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_order_id_is_the_simple_form_of_the_uuid() {
        assert_eq!(
            client_order_id(0x0193_e3a7_0000_7000_8000_0000_0000_00ff_u128),
            "cap-0193e3a70000700080000000000000ff"
        );
        assert_eq!(client_order_id(0_u128), format!("cap-{}", "0".repeat(32)));
        assert!(client_order_id(u128::MAX).len() <= MAX_CLIENT_ORDER_ID);
    }
}
