//! Reads the news about a symbol, scores each piece, and records what they say together.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::sentiment::{self, plain};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use tokio::time::timeout;

use crate::{
    connector::NewsItem,
    db::{
        broker_state,
        news::{self, NewItem},
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError, LogLevel},
};

/// News older than this say nothing about today.
const NEWS_AGE: TimeDelta = TimeDelta::hours(72);
/// The longest that the news may take, whoever is asked.
const PATIENCE: Duration = Duration::from_secs(45);
/// The most pieces that one run records, the newest.
const ITEMS: usize = 100;
const HEADLINE: usize = 300;
const SUMMARY: usize = 2_000;
const ADDRESS: usize = 1_000;

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScoreSentiment {
    /// The ticker.
    pub symbol: String,
}

impl Job for ScoreSentiment {
    const KIND: &'static str = "score_sentiment";
    const QUEUE: &'static str = "data";

    fn unique_key(&self) -> Option<String> {
        Some(self.symbol.clone())
    }
}

/// What was read, as the step keeps it.
#[derive(Debug, Serialize, Deserialize)]
enum Read {
    News { provider: String, now: DateTime<Utc>, items: Vec<NewItem> },
    Nothing { reason: String },
}

impl Handler for ScoreSentiment {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(2), cap: Duration::from_mins(1) },
        max_failures: 3,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let read = ctx.step("news", || async { self.read(&env).await }).await?;
        let (provider, now, items) = match read {
            Read::News { provider, now, items } => (provider, now, items),
            Read::Nothing { reason } => {
                ctx.log(LogLevel::Warn, &format!("no news about {}: {reason}", self.symbol)).await?;
                return Ok(Success::Output(json!({ "missing": [{ "source": "news", "reason": reason }] })));
            }
        };
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        let new = news::store(&mut tx, &provider, &items).await?;
        let articles = news::articles(&mut tx, &provider, &self.symbol, now - NEWS_AGE).await?;
        let found = sentiment::aggregate(&articles, now);
        if let Some(found) = &found {
            news::store_sentiment(&mut tx, &self.symbol, &provider, found, now).await?;
        }
        let output = json!({
            "provider": provider,
            "new": new,
            "articles": found.map_or(0, |found| found.articles),
            "score": found.map(|found| found.score),
        });
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        Ok(success)
    }
}

impl ScoreSentiment {
    async fn read(&self, env: &Environment) -> Result<Read, JobError> {
        let now = market_time(env).await?;
        let asked = env.connectors.news(&self.symbol, now - NEWS_AGE, now);
        let nothing = |reason: String| Ok(Read::Nothing { reason });
        match timeout(PATIENCE, asked).await {
            Err(_) => nothing(format!("no answer within {PATIENCE:?}")),
            Ok(Err(error)) => nothing(error.to_string()),
            Ok(Ok(news)) => Ok(Read::News {
                provider: news.provider.to_owned(),
                now,
                items: news.value.into_iter().take(ITEMS).map(|item| scored(item, &self.symbol)).collect(),
            }),
        }
    }
}

/// Returns the time at the market, which is this machine's unless a broker says otherwise.
pub(super) async fn market_time(env: &Environment) -> Result<DateTime<Utc>, JobError> {
    let mut conn = env.pool.acquire().await?;
    let now = Utc::now();
    Ok(broker_state::state(&mut conn).await?.market_time(now).unwrap_or(now))
}

/// Makes the text of others harmless, and scores it.
fn scored(item: NewsItem, symbol: &str) -> NewItem {
    let headline = plain(&item.headline, HEADLINE);
    let summary = item.summary.map(|text| plain(&text, SUMMARY)).filter(|text| !text.is_empty());
    let found = sentiment::score(&headline, summary.as_deref().unwrap_or_default());
    let mut symbols = item.symbols;
    if !symbols.iter().any(|one| one == symbol) {
        symbols.push(symbol.to_owned());
    }
    NewItem {
        provider_news_id: plain(&item.id, HEADLINE),
        score: (found.telling > 0)
            .then(|| Decimal::from_f64_retain(found.score))
            .flatten()
            .map(|score| score.round_dp(4)),
        headline,
        summary,
        source: item.source.map(|text| plain(&text, HEADLINE)),
        // Whoever shows it makes a link of it: nothing but the web's own schemes.
        url: item
            .url
            .map(|text| plain(&text, ADDRESS))
            .filter(|url| url.starts_with("https://") || url.starts_with("http://")),
        symbols,
        published_at: item.published_at,
    }
}
