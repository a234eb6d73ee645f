//! What must change here so that our books say what the broker's do.
//!
//! A pure comparison: the caller reads both sides, applies the corrections and audits each.
//! Nothing here sends, cancels or repeats an order. Orders come before positions, since a
//! corrected order brings fills with it; a position is then set to the broker's, not moved by a
//! difference.

mod books;
mod order_diff;
mod position_diff;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::order::{Amount, Progress, Side};

pub use books::apply;

/// An order as recorded here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurOrder {
    /// The id under which the broker knows it, unique.
    pub client_order_id: String,
    /// The broker's own id, once known.
    pub broker_order_id: Option<String>,
    /// Symbol.
    pub symbol: String,
    /// Side.
    pub side: Side,
    /// Shares or money asked for.
    pub amount: Amount,
    /// How far it has come.
    pub progress: Progress,
    /// When the last attempt to send it began; `None` before the first.
    pub sent_at: Option<DateTime<Utc>>,
}

/// An order as the broker lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TheirOrder {
    /// The broker's own id, unique.
    pub broker_order_id: String,
    /// The id that its sender chose, unique.
    pub client_order_id: String,
    /// Symbol.
    pub symbol: String,
    /// Side.
    pub side: Side,
    /// Shares or money asked for.
    pub amount: Amount,
    /// How far it has come; the status is a broker's word.
    pub progress: Progress,
}

/// A position on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPosition {
    /// Symbol, unique in a list.
    pub symbol: String,
    /// Shares, negative when short.
    pub quantity: Decimal,
    /// Average entry, dollars a share.
    pub average_entry: Decimal,
}

/// When the comparison is made, and how long either side may lag behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The time of the broker's list.
    pub now: DateTime<Utc>,
    /// How long an order may be on its way before its absence means something.
    pub grace: TimeDelta,
}

/// What an order differs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// Another symbol under our id.
    Symbol,
    /// The other side.
    Side,
    /// Another size, or more filled than we asked for.
    Quantity,
    /// An order that the broker had taken is no longer there.
    Vanished,
    /// The broker's progress contradicts ours.
    Progress,
}

impl Mismatch {
    /// Returns the word for logs and audits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Side => "side",
            Self::Quantity => "quantity",
            Self::Vanished => "vanished",
            Self::Progress => "progress",
        }
    }
}

/// One change to our books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// The broker's id of the order was unknown: record it.
    Identify {
        /// Which order.
        client_order_id: String,
        /// The id to record.
        broker_order_id: String,
    },
    /// The order is behind the broker's: record the progress, with its fills.
    Advance {
        /// Which order.
        client_order_id: String,
        /// What to record; a legal step from what is there.
        to: Progress,
    },
    /// The order had ended here and the broker says otherwise: record the broker's word against
    /// the rule that endings are final, and raise an alarm.
    Overrule {
        /// Which order.
        client_order_id: String,
        /// What to record.
        to: Progress,
    },
    /// An attempt to send the order left no trace at the broker: look it up and send it again
    /// under the same id.
    Resend {
        /// Which order.
        client_order_id: String,
    },
    /// The two can't be the same order: stop here and raise an alarm; an operator decides.
    Halt {
        /// Which order.
        client_order_id: String,
        /// What differs.
        mismatch: Mismatch,
    },
    /// The broker has an order that did not come from here: record it as foreign.
    Import {
        /// The order.
        order: TheirOrder,
    },
    /// The position differs from the broker's, or is missing: set it.
    SetPosition {
        /// The position to record.
        to: HeldPosition,
        /// The shares recorded so far; zero when there is no such position.
        from: Decimal,
    },
    /// The broker holds no such position: remove it.
    RemovePosition {
        /// Symbol.
        symbol: String,
        /// The shares recorded so far.
        from: Decimal,
    },
}

/// Returns the corrections that make our books say what the broker's do: orders by client id,
/// then foreign orders by broker id, then positions by symbol.
///
/// `theirs` must hold every order that may match one of ours that is open: a list cut short
/// makes orders look vanished. Applying the corrections ([`apply`]) and comparing again yields none.
pub fn diff(
    ours: &[OurOrder],
    theirs: &[TheirOrder],
    our_positions: &[HeldPosition],
    their_positions: &[HeldPosition],
    patience: Patience,
) -> Vec<Correction> {
    let mut corrections = order_diff::orders(ours, theirs, patience);
    corrections.extend(position_diff::positions(our_positions, their_positions));
    corrections
}

#[cfg(test)]
mod tests;
