//! Whose turn it is to be looked at.

use chrono::{DateTime, Utc};

/// A symbol that may be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The ticker.
    pub symbol: String,
    /// When it was last looked at; never counts as the longest ago.
    pub looked_at: Option<DateTime<Utc>>,
    /// Whether it is looked at every time: it is held, or the user approved it.
    pub always: bool,
}

/// Returns the symbols to look at next: those that always are, then those that waited longest, up
/// to `cap` together. Those that always are may exceed the cap. Equal waits go by the alphabet, so
/// the order of `waiting` does not matter, and a symbol named twice comes once.
pub fn rotate(waiting: &[Waiting], cap: usize) -> Vec<String> {
    let mut sorted: Vec<_> = waiting.iter().collect();
    sorted.sort_by(|a, b| (!a.always, a.looked_at, &a.symbol).cmp(&(!b.always, b.looked_at, &b.symbol)));
    let mut next: Vec<String> = Vec::new();
    for one in sorted {
        if (one.always || next.len() < cap) && !next.contains(&one.symbol) {
            next.push(one.symbol.clone());
        }
    }
    next
}
