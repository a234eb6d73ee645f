//! From a wish to an order row and its job: the one path, used by the API, by closing, and by
//! strategies; and what several kinds do with an order alike.
//!
//! Nothing here talks to the broker in a transaction. What may be traded is decided by
//! [`domain::risk`]: once when an order is accepted and again at the moment it is sent.

mod abandon;
mod adopt;
mod answers;
mod attempt;
mod cancel;
mod close;
mod place;
mod refresh;
mod replace;
mod risk_view;
mod timing;

use uuid::Uuid;

pub use adopt::Found;
pub use cancel::{Cancel, cancel, liquidate};
pub use close::{Close, close};
pub use place::{PlaceRefused, PlaceRequest, PlacedOrder, place};
pub use replace::{Change, ReplaceRefused, replace};

pub(crate) use abandon::abandoned;
pub(crate) use adopt::{absorb, adopt, end_absent, halt, late};
pub(crate) use answers::{broker, broker_error, until};
pub(crate) use attempt::{Answer, Attempt};
pub(crate) use cancel::request;
pub(crate) use close::close_for_decision;
pub(crate) use refresh::{MAX_VIEW_AGE, refresh_account, refresh_symbol};
pub(crate) use risk_view::{Gate, gate};

/// The queue of everything that talks to the broker.
pub const QUEUE: &str = "orders";

/// Returns the key under which a user's orders of a symbol are sent one after the other; nobody
/// waits for another's.
pub fn fifo_key(user_id: Uuid, symbol: &str) -> String {
    format!("{user_id}:{symbol}")
}
