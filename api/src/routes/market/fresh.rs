//! Rows that are fresh, or as fresh as they get within a moment.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jobs::db::{
    data_views,
    market_cache::{self, QuoteRow},
};
use tokio::time::sleep_until;
use uuid::Uuid;

use super::{refresh, worth::stale};
use crate::{error::ApiResult, extract::Actor, market_gate::MarketGate, state::AppState};

/// A quote that was asked for longer ago is stale. Seconds.
pub(in crate::routes) const FRESH_S: f64 = 60.0;
/// The longest that a read waits for its rows.
const WAIT: Duration = Duration::from_secs(2);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// Symbols that one user may have asked for in a minute: each takes a turn.
const TURNS: u32 = 120;

/// On whose behalf rows are looked at.
#[derive(Debug, Clone, Copy)]
pub(in crate::routes) enum Asker<'a> {
    /// A user, whose requests may be about any symbol, with the request's id.
    User(Uuid, Option<&'a str>),
    /// Anybody: only assets of the universe are refreshed for them.
    Anybody(Option<&'a str>),
}

impl<'a> Asker<'a> {
    /// Returns a user as who asks.
    pub(in crate::routes) fn user(actor: &'a Actor) -> Self {
        Self::User(actor.user_id, actor.client.trace_id.as_deref())
    }

    fn trace_id(&self) -> Option<&'a str> {
        match self {
            Self::User(_, trace_id) | Self::Anybody(trace_id) => *trace_id,
        }
    }
}

/// Quotes by symbol: those that there are.
pub(in crate::routes) type Quotes = HashMap<String, QuoteRow>;

/// Returns the quotes of `symbols`. When one is missing or stale, workers are asked for it, and the
/// answer waits up to 2 s (never longer than `api.run_wait_ms`) for it to come.
pub(in crate::routes) async fn quotes(
    state: &AppState,
    symbols: &[String],
    asker: Asker<'_>,
) -> ApiResult<Quotes> {
    let mut found = read(state, symbols).await?;
    let mut wanted = lacking(symbols, &found);
    if wanted.is_empty() {
        return Ok(found);
    }
    if matches!(asker, Asker::Anybody(_)) {
        wanted = data_views::known_assets(&mut *state.pool.acquire().await?, &wanted).await?;
    }
    let Some(since) = ask(state, &mut wanted, asker).await? else { return Ok(found) };
    let end = since + WAIT.min(Duration::from_millis(state.config.api.run_wait_ms));
    let mut now = Instant::now();
    while !wanted.is_empty() && now < end {
        sleep_until(end.min(now + LOOK).into()).await;
        found.extend(read(state, &wanted).await?);
        wanted = lacking(&wanted, &found);
        now = Instant::now();
    }
    Ok(found)
}

async fn read(state: &AppState, symbols: &[String]) -> ApiResult<Quotes> {
    let rows = market_cache::quotes(&mut *state.pool.acquire().await?, symbols).await?;
    Ok(rows.into_iter().map(|row| (row.symbol.clone(), row)).collect())
}

/// Returns those of `symbols` without a fresh quote.
fn lacking(symbols: &[String], found: &Quotes) -> Vec<String> {
    symbols.iter().filter(|symbol| stale(found.get(*symbol))).cloned().collect()
}

/// Has those of `symbols` refreshed that nobody has asked for lately, and takes out those that the
/// asker has no turn left for; returns when the last of the others was asked for, `None` when there
/// is none.
async fn ask(state: &AppState, symbols: &mut Vec<String>, asker: Asker<'_>) -> ApiResult<Option<Instant>> {
    let now = Instant::now();
    let (mut new, last) = state.market_gate.ask(symbols, now);
    if let Asker::User(user_id, _) = asker {
        let refused = beyond(&state.market_gate, user_id, &mut new, now);
        symbols.retain(|symbol| !refused.contains(symbol));
    }
    if symbols.is_empty() {
        return Ok(None);
    }
    if new.is_empty() {
        return Ok(last);
    }
    // One order, so that the same symbols make the same job.
    new.sort_unstable();
    let enqueued = enqueue(state, new.clone(), asker).await;
    if enqueued.is_err() {
        state.market_gate.take_back(&new);
    }
    enqueued.map(|()| last)
}

/// Takes a turn of the user for each of `new`, and returns those that there was none left for; they
/// no longer count as asked for, and are taken out.
fn beyond(gate: &MarketGate, user_id: Uuid, new: &mut Vec<String>, now: Instant) -> Vec<String> {
    let key = format!("user:{user_id}");
    let refused: Vec<String> = new.extract_if(.., |_| gate.turn(&key, TURNS, now).is_err()).collect();
    gate.take_back(&refused);
    refused
}

async fn enqueue(state: &AppState, symbols: Vec<String>, asker: Asker<'_>) -> ApiResult<()> {
    let mut tx = state.pool.begin().await?;
    refresh::enqueue_for_readers(&mut tx, symbols, asker.trace_id()).await?;
    tx.commit().await?;
    refresh::announce(state);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_new_symbol_takes_a_turn_and_what_is_refused_may_be_asked_for_by_others() {
        let (gate, now) = (MarketGate::default(), Instant::now());
        let (user, other) = (Uuid::now_v7(), Uuid::now_v7());
        let ask = |user_id, from: u32, to: u32| {
            let symbols: Vec<String> = (from..to).map(|number| format!("S{number}")).collect();
            let (mut new, _) = gate.ask(&symbols, now);
            let refused = beyond(&gate, user_id, &mut new, now);
            (new.len(), refused.len())
        };
        for (user_id, from, to, expected) in [
            (user, 0, 50, (50, 0)),
            (user, 0, 50, (0, 0)),
            (user, 50, 100, (50, 0)),
            (user, 100, 150, (20, 30)),
            (user, 150, 200, (0, 50)),
            (other, 100, 200, (80, 0)),
        ] {
            assert_eq!(ask(user_id, from, to), expected, "{from}..{to}");
        }
    }
}
