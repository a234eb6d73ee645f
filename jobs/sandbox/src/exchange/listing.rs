//! Lists of orders, filtered as the wire allows.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Exchange;
use super::order::{Order, OrderId, Side};

/// Which lives are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusFilter {
    /// Orders that can still change.
    #[default]
    Open,
    /// Orders that have ended.
    Closed,
    /// Both.
    All,
}

/// The filters of `GET /v2/orders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderQuery {
    /// Which lives are listed.
    pub status: StatusFilter,
    /// The most orders returned.
    pub limit: usize,
    /// Submitted after this, exclusive.
    pub after: Option<DateTime<Utc>>,
    /// Submitted before this, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Oldest first rather than newest first.
    pub ascending: bool,
    /// Legs inside their first order rather than beside it.
    pub nested: bool,
    /// Only these tickers; all when empty.
    pub symbols: Vec<String>,
    /// Only this side.
    pub side: Option<Side>,
    /// Accepted before this order, exclusive.
    pub before_order_id: Option<OrderId>,
    /// Accepted after this order, exclusive.
    pub after_order_id: Option<OrderId>,
}

impl Default for OrderQuery {
    fn default() -> Self {
        Self {
            status: StatusFilter::Open,
            limit: 50,
            after: None,
            until: None,
            ascending: false,
            nested: false,
            symbols: Vec::new(),
            side: None,
            before_order_id: None,
            after_order_id: None,
        }
    }
}

impl Exchange {
    /// Returns the order objects `query` selects, in its order.
    pub fn orders(&self, query: &OrderQuery) -> Value {
        let number = |id: Option<OrderId>| id.and_then(|id| self.book.order(id)).map(|order| order.number);
        let (before, after) = (number(query.before_order_id), number(query.after_order_id));
        let wanted = |order: &&Order| {
            matches(order, query)
                && before.is_none_or(|bound| order.number < bound)
                && after.is_none_or(|bound| order.number > bound)
        };
        let object = |order: &Order| self.object(order, query.nested);
        let all = self.book.orders.iter();
        if query.ascending {
            all.filter(wanted).take(query.limit).map(object).collect()
        } else {
            all.rev().filter(wanted).take(query.limit).map(object).collect()
        }
    }
}

fn matches(order: &Order, query: &OrderQuery) -> bool {
    let status = match query.status {
        StatusFilter::Open => order.is_open(),
        StatusFilter::Closed => !order.is_open(),
        StatusFilter::All => true,
    };
    status
        && query.after.is_none_or(|after| order.submitted_at > after)
        && query.until.is_none_or(|until| order.submitted_at < until)
        && query.side.is_none_or(|side| order.side == side)
        && (query.symbols.is_empty() || query.symbols.contains(&order.symbol))
        && !(query.nested && order.parent.is_some())
}
