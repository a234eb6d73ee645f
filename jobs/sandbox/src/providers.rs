//! Data providers: the shapes of Polygon, Yahoo, Finnhub, FRED, SEC EDGAR and FINRA's files.
//!
//! All prices come from the one replay, and nothing later than its clock is told. Figures of the
//! economy and of companies are invented from the seed and say so. Each provider lies under a
//! prefix of its own and asks for its own proof: the sandbox's key where the provider wants one, a
//! `User-Agent` where it wants that. The exchange's gate and rate limit are not theirs; a refusal
//! for too many requests is made by a fault, and has the provider's form.

mod finnhub;
mod finra;
mod fred;
mod polygon;
mod refusal;
mod sec;
mod yahoo;

use std::sync::Arc;

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, header},
};

use crate::replay::Replay;
pub(crate) use refusal::{Refusal, too_many_requests};

/// What every provider answers from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The prices and the clock.
    replay: Replay,
    /// The key that is asked for.
    key: Arc<str>,
    /// Decides what is invented.
    seed: u64,
}

/// Returns the routes of all providers, for clients that hold `key`.
pub(crate) fn router(replay: Replay, key: &str, seed: u64) -> Router {
    let source = Source { replay, key: key.into(), seed };
    Router::new()
        .nest("/polygon", polygon::router(source.clone()))
        .nest("/yahoo", yahoo::router(source.clone()))
        .nest("/finnhub", finnhub::router(source.clone()))
        .nest("/fred", fred::router(source.clone()))
        .nest("/sec", sec::router(source.clone()))
        .nest("/sec-www", sec::www_router())
        .nest("/finra", finra::router(source))
}

/// Returns the value of `name` in a query, as sent.
fn in_query<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let pairs = request.uri().query()?.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Returns a header's text; `None` when it is absent or empty.
fn in_header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

fn user_agent(request: &Request) -> Option<&str> {
    in_header(request.headers(), header::USER_AGENT.as_str())
}
