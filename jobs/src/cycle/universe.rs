//! What a cycle looks at.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{Begun, Run, skipped};
use crate::{
    db::{
        cycles::{self, Skipped},
        decisions, positions, strategies,
    },
    kinds::{fuse_sources::FuseSources, score_sentiment::ScoreSentiment},
    queue::{Enqueue, JobError, enqueue},
};

/// The most strategies of a user that are asked for their symbols.
const STRATEGIES: i64 = 200;

/// What sources say is asked for again after this, and is not worth asking for later.
const SOURCES_AGE: Duration = Duration::from_mins(15);

/// What a cycle looks at, and what it decides on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Universe {
    /// Everything that prices are needed of.
    pub(super) symbols: Vec<String>,
    /// Those that are to be decided on, with the strategy that lists them.
    pub(super) wanted: BTreeMap<String, Option<Uuid>>,
    /// Those left out.
    pub(super) skipped: Vec<Skipped>,
}

impl Run {
    /// Chooses the symbols; of those on which the window was decided already, only prices are needed.
    pub(super) async fn universe(&self, begun: &Begun) -> Result<Universe, JobError> {
        let limit = i64::try_from(self.env.config.cycle.max_symbols).unwrap_or(i64::MAX);
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        let symbols = cycles::symbols_of(&mut tx, self.user_id, limit).await?;
        let decided =
            decisions::decided_in_window(&mut tx, self.user_id, self.id(), &symbols, begun.window_start)
                .await?;
        cycles::looked_at(&mut tx, self.user_id, &symbols, self.tick).await?;
        let strategies = strategies::list(&mut tx, self.user_id, None, STRATEGIES).await?;
        let held = positions::list(&mut tx, self.user_id).await?;
        refresh_sources(&mut tx, &symbols).await?;
        tx.commit().await?;
        self.env.hints.jobs("data");
        let lists = |symbol: &str| {
            let active = strategies.iter().filter(|strategy| strategy.is_active);
            active
                .filter(|strategy| {
                    strategy.assets.iter().any(|asset| asset.trim().eq_ignore_ascii_case(symbol))
                })
                .map(|strategy| strategy.strategy_id)
                .next()
        };
        let (out, wanted): (Vec<_>, Vec<_>) =
            symbols.iter().cloned().partition(|symbol| decided.contains(symbol));
        let wanted: BTreeMap<_, _> =
            wanted.into_iter().map(|symbol| (symbol.clone(), lists(&symbol))).collect();
        let needed = |symbol: &String| {
            wanted.contains_key(symbol) || held.iter().any(|position| position.symbol == *symbol)
        };
        Ok(Universe {
            symbols: symbols.iter().filter(|symbol| needed(symbol)).cloned().collect(),
            skipped: out.iter().map(|symbol| skipped(symbol, "decided in this window")).collect(),
            wanted,
        })
    }
}

/// Asks for news and other sources of symbols of which nothing newer than [`SOURCES_AGE`] is known:
/// the next cycle reads what this one asks for.
async fn refresh_sources(conn: &mut PgConnection, symbols: &[String]) -> Result<(), JobError> {
    let stale = cycles::without_sources(conn, symbols, SOURCES_AGE).await?;
    let options = Enqueue::default().not_after(SOURCES_AGE);
    let failed = |error| JobError::retryable("ENQUEUE", error);
    for symbol in stale {
        // What the news say is one of the sources.
        let news = ScoreSentiment { symbol: symbol.clone() };
        let news = enqueue(conn, &news, options.clone()).await.map_err(failed)?;
        let fuse = options.clone().after(&[news.job_id]);
        enqueue(conn, &FuseSources { symbol }, fuse).await.map_err(failed)?;
    }
    Ok(())
}
