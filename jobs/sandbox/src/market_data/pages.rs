//! Pages: a limit that counts all symbols, and a token for where the next page begins.

use axum::Json;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::query::{self, PageToken, Parameters, bad};
use crate::{
    error::ApiError,
    hours,
    prices::{Direction, Prices, Span},
    replay::Replay,
};

const DEFAULT_LIMIT: usize = 1_000;
const MOST: usize = 10_000;

/// What is listed in pages, as it is sent, and its time.
pub(crate) struct Item {
    pub(crate) at: DateTime<Utc>,
    pub(crate) written: Value,
}

/// Where the items of a symbol come from.
pub(crate) trait Items: Fn(&Prices, &str, &Span, DateTime<Utc>) -> Vec<Item> + Send + 'static {}
impl<F: Fn(&Prices, &str, &Span, DateTime<Utc>) -> Vec<Item> + Send + 'static> Items for F {}

type Pages = Vec<(String, Vec<Value>)>;

/// Answers with the items of several symbols, under `name`.
pub(crate) async fn of_many(
    replay: Replay,
    parameters: &Parameters,
    name: &str,
    items: impl Items,
) -> Result<Json<Value>, ApiError> {
    let symbols = query::symbols(parameters)?;
    let (pages, next) = page(replay, symbols, parameters, items).await?;
    let pages: Map<String, Value> =
        pages.into_iter().map(|(symbol, items)| (symbol, Value::Array(items))).collect();
    Ok(Json(json!({ name: pages, "next_page_token": next })))
}

/// Answers with the items of one symbol, under `name`; `null` when there are none.
pub(crate) async fn of_one(
    replay: Replay,
    symbol: &str,
    mut parameters: Parameters,
    name: &str,
    items: impl Items,
) -> Result<Json<Value>, ApiError> {
    parameters.insert("symbols".to_owned(), symbol.to_owned());
    let symbols = query::symbols(&parameters)?;
    let (pages, next) = page(replay, symbols, &parameters, items).await?;
    let items = pages.into_iter().next().map(|(_, items)| items);
    Ok(Json(json!({ "symbol": symbol.to_ascii_uppercase(), name: items, "next_page_token": next })))
}

async fn page(
    replay: Replay,
    symbols: Vec<String>,
    parameters: &Parameters,
    items: impl Items,
) -> Result<(Pages, Option<String>), ApiError> {
    query::feed_and_adjustment(parameters)?;
    let now = replay.clock.now();
    let today = || hours::midnight(hours::new_york(now).date_naive());
    let span = Span {
        from: query::instant(parameters, "start")?.unwrap_or_else(today),
        to: query::instant(parameters, "end")?.unwrap_or(now),
        direction: query::direction(parameters, Direction::Ascending)?,
        limit: query::limit(parameters, DEFAULT_LIMIT, MOST)?,
    };
    // An absent end is the clock's time, before which nothing can start that lies ahead of it.
    if span.to < span.from && query::given(parameters, "end").is_some() {
        return Err(bad("end should not be before start"));
    }
    let token = PageToken::of(parameters)?;
    // Making the paths of a year of days takes longer than a request may hold a thread.
    let made = tokio::task::spawn_blocking(move || {
        cut(symbols, &span, token.as_ref(), |symbol, span| items(&replay.prices, symbol, span, now))
    });
    let (pages, next) = made.await.map_err(|_| bad("the sandbox is stopping"))?;
    Ok((pages, next.map(|token| token.sent())))
}

fn cut(
    symbols: Vec<String>,
    span: &Span,
    token: Option<&PageToken>,
    items: impl Fn(&str, &Span) -> Vec<Item>,
) -> (Pages, Option<PageToken>) {
    let mut pages = Vec::new();
    let mut left = span.limit;
    for symbol in symbols {
        // One more than fits tells whether there is a next page.
        let mut wanted = Span { limit: left + 1, ..*span };
        match token {
            Some(token) if symbol < token.symbol => continue,
            Some(token) if symbol == token.symbol => match span.direction {
                Direction::Ascending => wanted.from = wanted.from.max(token.at),
                Direction::Descending => wanted.to = wanted.to.min(token.at),
            },
            _ => {}
        }
        let mut items = items(&symbol, &wanted);
        let next = items.get(left).map(|item| PageToken { symbol: symbol.clone(), at: item.at });
        items.truncate(left);
        left -= items.len();
        if !items.is_empty() {
            pages.push((symbol, items.into_iter().map(|item| item.written).collect()));
        }
        if next.is_some() {
            return (pages, next);
        }
    }
    (pages, None)
}
