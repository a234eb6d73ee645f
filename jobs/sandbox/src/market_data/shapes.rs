//! How bars, trades and quotes are written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::prices::{Bar, Listing, Tick};

/// Writes an instant: RFC 3339 in UTC, as many digits as it has.
pub(crate) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Writes a bar.
pub(crate) fn bar(bar: &Bar) -> Value {
    json!({
        "t": stamp(bar.start),
        "o": bar.open.dollars(),
        "h": bar.high.dollars(),
        "l": bar.low.dollars(),
        "c": bar.close.dollars(),
        "v": bar.volume,
        "n": bar.trades,
        "vw": bar.average_dollars(),
    })
}

/// Writes the last trade.
pub(crate) fn trade(listing: &Listing, tick: &Tick) -> Value {
    json!({
        "t": stamp(tick.at),
        "x": "V",
        "p": tick.price.dollars(),
        "s": tick.size,
        "c": ["@"],
        "i": tick.id,
        "z": listing.tape,
    })
}

/// Writes the quote.
pub(crate) fn quote(listing: &Listing, tick: &Tick) -> Value {
    json!({
        "t": stamp(tick.at),
        "ax": "V",
        "ap": tick.ask.dollars(),
        "as": tick.ask_lots,
        "bx": "V",
        "bp": tick.bid.dollars(),
        "bs": tick.bid_lots,
        "c": ["R"],
        "z": listing.tape,
    })
}
