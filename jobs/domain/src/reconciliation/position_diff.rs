//! Compares positions.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{Correction, HeldPosition};

/// Returns the corrections by symbol. A position of zero shares is none; an average that differs
/// is no reason, since the broker rounds its own.
pub(super) fn positions(ours: &[HeldPosition], theirs: &[HeldPosition]) -> Vec<Correction> {
    let recorded: BTreeMap<&str, Decimal> =
        ours.iter().map(|position| (position.symbol.as_str(), position.quantity)).collect();
    let held: BTreeMap<&str, &HeldPosition> = theirs
        .iter()
        .filter(|position| !position.quantity.is_zero())
        .map(|position| (position.symbol.as_str(), position))
        .collect();
    let symbols: BTreeSet<&str> = recorded.keys().chain(held.keys()).copied().collect();
    symbols
        .into_iter()
        .filter_map(|symbol| match (recorded.get(symbol), held.get(symbol)) {
            (Some(from), Some(to)) if *from == to.quantity => None,
            (from, Some(to)) => Some(Correction::SetPosition {
                to: (*to).clone(),
                from: from.copied().unwrap_or(Decimal::ZERO),
            }),
            (Some(from), None) => Some(Correction::RemovePosition { symbol: symbol.to_owned(), from: *from }),
            (None, None) => None,
        })
        .collect()
}
