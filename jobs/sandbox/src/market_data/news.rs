//! News that nobody wrote: one item a stock and session, marked as simulated in every part.

use axum::{
    Json,
    extract::{Query, State},
};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    query::{self, PageToken, Parameters},
    shapes::stamp,
};
use crate::{
    error::ApiError,
    hours,
    prices::{Direction, LISTINGS, Listing, Noise, Pips, Prices, find},
    replay::Replay,
};

const DEFAULT_LIMIT: usize = 10;
const MOST: usize = 50;
/// How far back a question without a start goes.
const DEFAULT_DAYS: u64 = 7;
/// How far back any question goes.
const FURTHEST_DAYS: u64 = 400;

/// An item that nobody wrote.
pub(crate) struct Item {
    /// When it appears.
    pub(crate) at: DateTime<Utc>,
    /// The stock it is about.
    pub(crate) listing: &'static Listing,
    /// What it tells: the change of the last session, in percent.
    moved: f64,
    /// Its id.
    pub(crate) number: u64,
}

impl Item {
    /// Returns the headline, which says that it is simulated.
    pub(crate) fn headline(&self) -> String {
        let verb = if self.moved < 0.0 { "falls" } else { "rises" };
        let symbol = self.listing.symbol;
        format!("Simulated: {symbol} {verb} {:.2} percent in the last session", self.moved.abs())
    }

    /// Returns the summary, which says that it is simulated.
    pub(crate) fn summary(&self) -> String {
        let name = self.listing.name;
        format!("Simulated news of the Capstan sandbox about {name}; nothing of it happened.")
    }

    /// Returns an address that leads nowhere.
    pub(crate) fn url(&self) -> String {
        format!("https://sandbox.invalid/news/{}", self.number)
    }
}

/// `GET /v1beta1/news`: newest first unless told otherwise.
pub(crate) async fn list(
    State(replay): State<Replay>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    let now = replay.clock.now();
    let symbols = match query::given(&parameters, "symbols") {
        Some(_) => query::symbols(&parameters)?,
        None => LISTINGS.iter().map(|listing| listing.symbol.to_owned()).collect(),
    };
    let to = query::instant(&parameters, "end")?.unwrap_or(now).min(now);
    let from = query::instant(&parameters, "start")?.unwrap_or(to - Days::new(DEFAULT_DAYS));
    let from = from.max(to - Days::new(FURTHEST_DAYS));
    let limit = query::limit(&parameters, DEFAULT_LIMIT, MOST)?;
    let direction = query::direction(&parameters, Direction::Descending)?;
    let token = PageToken::of(&parameters)?;
    let mut items = items(&replay.prices, &symbols, from, to);
    items.sort_by_key(|item| (item.at, item.listing.symbol));
    if direction == Direction::Descending {
        items.reverse();
    }
    let first = token.map_or(0, |token| {
        let is_first = |item: &Item| item.at == token.at && item.listing.symbol == token.symbol;
        items.iter().position(is_first).unwrap_or(items.len())
    });
    let rest = &items[first..];
    let next =
        rest.get(limit).map(|item| PageToken { symbol: item.listing.symbol.to_owned(), at: item.at }.sent());
    let with_content = query::given(&parameters, "include_content") == Some("true");
    let news: Vec<_> = rest.iter().take(limit).map(|item| written(item, with_content)).collect();
    Ok(Json(json!({ "news": news, "next_page_token": next })))
}

/// Returns the items about `symbols` from `from` to `to`, both included; of each, oldest first.
pub(crate) fn items(
    prices: &Prices,
    symbols: &[String],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Vec<Item> {
    let (first, last) = (hours::new_york(from).date_naive(), hours::new_york(to).date_naive());
    let mut items = Vec::new();
    for symbol in symbols {
        let Some(listing) = find(symbol).map(|place| &LISTINGS[place]) else { continue };
        let of_days = first.iter_days().take_while(|date| *date <= last);
        items.extend(of_days.filter_map(|date| item(prices, listing, date)));
    }
    items.retain(|item| (from..=to).contains(&item.at));
    items
}

/// The item is made before the opening, of what was known then: the last two closes.
fn item(prices: &Prices, listing: &'static Listing, date: NaiveDate) -> Option<Item> {
    let session = hours::session(date)?;
    let mut noise = Noise::of(0, &["news", listing.symbol, &date.to_string()]);
    let number = noise.below(90_000_000) + 10_000_000;
    let early = i64::try_from(noise.below(7_200)).expect("below two hours");
    let close: Pips = prices.previous_close(listing.symbol, session.open)?;
    let before = hours::last_opened(session.open - TimeDelta::seconds(1));
    let earlier: Pips = prices.previous_close(listing.symbol, before.open)?;
    let moved = (close.dollars() / earlier.dollars() - 1.0) * 100.0;
    Some(Item { at: session.open - TimeDelta::seconds(early + 60), listing, moved, number })
}

fn written(item: &Item, with_content: bool) -> Value {
    let summary = item.summary();
    json!({
        "id": item.number,
        "headline": item.headline(),
        "author": "Capstan sandbox",
        "created_at": stamp(item.at),
        "updated_at": stamp(item.at),
        "summary": summary,
        "content": if with_content { format!("<p>{summary}</p>") } else { String::new() },
        "url": item.url(),
        "images": [],
        "symbols": [item.listing.symbol],
        "source": "simulated",
    })
}
