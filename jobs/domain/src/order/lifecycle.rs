//! Whether news of an order moves it on.
//!
//! News comes from answers, the stream, polls and reconciliation; it repeats and it overtakes
//! itself. Applying only what [`advance`] allows ends in the same place whatever the order of
//! arrival, and nothing known is unlearned.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::OrderStatus;

/// How far an order has come, as recorded here or as the broker tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The state.
    pub status: OrderStatus,
    /// Shares filled so far; zero or more, never less than before.
    pub filled_qty: Decimal,
    /// When the broker last changed the order; ours before the broker had it.
    pub updated_at: DateTime<Utc>,
}

/// What to do with news of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Advance {
    /// It is newer: record it.
    Apply,
    /// It, or something later, is known already: drop it.
    Stale,
    /// It contradicts what is known, whatever the order of arrival: keep ours and raise an alarm.
    Illegal,
}

/// Returns what to do with `seen` when `current` is known.
///
/// An ending beats everything; then more fills, since they only grow; then the state that is
/// further along; among states that may follow each other both ways, such as `new` and
/// `pending_cancel`, the later. Equal times fall back on the order of [`OrderStatus`], so that
/// the outcome never depends on the order of arrival.
///
/// Illegal are a negative fill, a second ending, an ending with fewer fills than known, more
/// fills after an ending, and a broker's word for an order that was never sent. News of a
/// halted order is always stale: an operator decides about it.
pub fn advance(current: &Progress, seen: &Progress) -> Advance {
    use std::cmp::Ordering::{Equal, Greater, Less};

    let (from, to) = (current.status, seen.status);
    if seen.filled_qty < Decimal::ZERO {
        return Advance::Illegal;
    }
    if from == OrderStatus::Halted {
        return Advance::Stale;
    }
    let fills = seen.filled_qty.cmp(&current.filled_qty);
    if from.is_terminal() {
        let known = match fills {
            Less => !to.is_terminal(),
            Equal => !to.is_terminal() || to == from,
            Greater => false,
        };
        return if known { Advance::Stale } else { Advance::Illegal };
    }
    match fills {
        Less if to.is_terminal() => Advance::Illegal,
        Greater if from.may_become(to) => Advance::Apply,
        Greater => Advance::Illegal,
        Equal if from.may_become(to) => {
            let either_way = to.may_become(from);
            let later = (seen.updated_at, to as u8) > (current.updated_at, from as u8);
            if !either_way || later { Advance::Apply } else { Advance::Stale }
        }
        Equal if from == OrderStatus::Pending => Advance::Illegal,
        Less | Equal => Advance::Stale,
    }
}

#[cfg(test)]
mod tests;
