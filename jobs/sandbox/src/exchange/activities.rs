//! Account activities: the executions as entries of the account.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::Exchange;
use super::change::Fill;
use super::order_object::{amount, instant};

/// The filters of `GET /v2/account/activities`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityQuery {
    /// Only these types; all when empty. Executions are the only type there is.
    pub types: Vec<String>,
    /// Only this New York date.
    pub date: Option<NaiveDate>,
    /// After this, exclusive.
    pub after: Option<DateTime<Utc>>,
    /// Before this, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Oldest first rather than newest first.
    pub ascending: bool,
    /// The most entries returned.
    pub page_size: usize,
    /// The id of the last entry of the page before.
    pub page_token: Option<String>,
}

impl Exchange {
    /// Returns the activity objects `query` selects.
    pub fn activities(&self, query: &ActivityQuery) -> Value {
        let fills = query.types.is_empty() || query.types.iter().any(|kind| kind == "FILL");
        if !fills {
            return Value::Array(Vec::new());
        }
        let wanted = |fill: &&Fill| {
            query.date.is_none_or(|date| fill.date == date)
                && query.after.is_none_or(|after| fill.at > after)
                && query.until.is_none_or(|until| fill.at < until)
        };
        let all = self.book.fills.iter();
        let selected: Vec<&Fill> =
            if query.ascending { all.filter(wanted).collect() } else { all.rev().filter(wanted).collect() };
        let start = query.page_token.as_deref().map_or(0, |token| {
            selected.iter().position(|fill| activity_id(fill) == token).map_or(selected.len(), |at| at + 1)
        });
        selected.into_iter().skip(start).take(query.page_size).map(activity).collect()
    }
}

fn activity_id(fill: &Fill) -> String {
    format!("{}::{}", fill.at.format("%Y%m%d%H%M%S%3f"), fill.id)
}

fn activity(fill: &Fill) -> Value {
    let done = fill.leaves_qty.is_zero();
    json!({
        "id": activity_id(fill),
        "activity_type": "FILL",
        "transaction_time": instant(fill.at),
        "type": if done { "fill" } else { "partial_fill" },
        "price": amount(fill.price),
        "qty": amount(fill.qty),
        "side": fill.side,
        "symbol": fill.symbol,
        "leaves_qty": amount(fill.leaves_qty),
        "order_id": fill.order_id,
        "cum_qty": amount(fill.cum_qty),
        "order_status": if done { "filled" } else { "partially_filled" },
    })
}
