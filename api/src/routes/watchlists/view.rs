//! Watchlists as clients read them.

use jobs::db::watchlists::{Entry, Watchlist};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp;

/// A symbol of a watchlist.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WatchlistSymbol {
    symbol: String,
    notes: Option<String>,
    tags: Vec<String>,
    added_at: String,
}

impl From<Entry> for WatchlistSymbol {
    fn from(entry: Entry) -> Self {
        let Entry { symbol, notes, tags, added_at, .. } = entry;
        Self { symbol, notes, tags, added_at: timestamp::text(added_at) }
    }
}

/// A watchlist.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WatchlistView {
    id: Uuid,
    name: String,
    description: Option<String>,
    /// At most one of a user's is.
    is_default: bool,
    created_at: String,
    updated_at: String,
    /// In the order they were added.
    symbols: Vec<WatchlistSymbol>,
}

impl WatchlistView {
    pub(super) fn new(list: Watchlist, entries: impl IntoIterator<Item = Entry>) -> Self {
        Self {
            id: list.watchlist_id,
            name: list.name,
            description: list.description,
            is_default: list.is_default,
            created_at: timestamp::text(list.created_at),
            updated_at: timestamp::text(list.updated_at),
            symbols: entries.into_iter().map(WatchlistSymbol::from).collect(),
        }
    }

    /// Returns its id.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }
}
