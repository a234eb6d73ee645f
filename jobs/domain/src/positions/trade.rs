//! Fills as trades: what each did to the position, and what it earned.

use rust_decimal::Decimal;

use super::{Fill, Position};

/// A fill with its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The execution.
    pub fill: Fill,
    /// Profit realised, dollars; `None` when the fill only opened or added.
    pub pnl: Option<Decimal>,
    /// Shares that left the position.
    pub closed_quantity: Decimal,
    /// Whether the position was flat afterwards, or had changed its side: a round trip ended.
    pub ends_round_trip: bool,
    /// The position afterwards.
    pub after: Position,
}

/// Returns the trades of one symbol, in the order of `fills`, beginning from `start`.
///
/// The last one's `after` is what remains.
pub fn trades<'a>(
    start: Position,
    fills: impl IntoIterator<Item = &'a Fill> + 'a,
) -> impl Iterator<Item = Trade> + 'a {
    fills.into_iter().scan(start, |position, fill| {
        let before = *position;
        let (after, pnl) = before.after(fill);
        *position = after;
        Some(Trade {
            fill: *fill,
            pnl,
            closed_quantity: before.reduced_by(fill.side, fill.quantity),
            ends_round_trip: !before.is_flat() && after.side() != before.side(),
            after,
        })
    })
}
