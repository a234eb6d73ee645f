//! How models are found, for those who watch.

use std::time::Duration;

use rust_decimal::Decimal;
use sqlx::PgConnection;

use crate::{
    config::Analysts,
    db::{connectors, external_status},
};

/// What one model did.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelStats {
    /// Who runs it.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Calls, those not made included.
    pub calls: i64,
    /// Valid answers.
    pub ok: i64,
    /// Answers from before.
    pub cached: i64,
    /// Answers that are not valid, and refusals to answer.
    pub invalid: i64,
    /// Calls without an answer.
    pub failed: i64,
    /// Calls not made.
    pub skipped: i64,
    /// Tokens of prompts.
    pub input_tokens: i64,
    /// Tokens of answers.
    pub output_tokens: i64,
    /// In USD.
    pub cost: Decimal,
    /// Mean time of a call that was made, in milliseconds.
    pub mean_latency_ms: Option<f64>,
    /// Of 20 calls, 19 were not slower; in milliseconds.
    pub p95_latency_ms: Option<f64>,
}

/// What all models did.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LlmStats {
    /// By provider and model.
    pub models: Vec<ModelStats>,
}

/// Returns what models did within `window` before now.
pub async fn stats(conn: &mut PgConnection, window: Duration) -> sqlx::Result<LlmStats> {
    let models = sqlx::query_as!(
        ModelStats,
        r#"select provider,
                  model,
                  count(*) as "calls!",
                  count(*) filter (where status = 'ok') as "ok!",
                  count(*) filter (where status = 'cached') as "cached!",
                  count(*) filter (where status in ('invalid', 'refused')) as "invalid!",
                  count(*) filter (where status = 'failed') as "failed!",
                  count(*) filter (where status = 'skipped') as "skipped!",
                  coalesce(sum(input_tokens), 0)::bigint as "input_tokens!",
                  coalesce(sum(output_tokens), 0)::bigint as "output_tokens!",
                  coalesce(sum(cost), 0) as "cost!",
                  avg(latency_ms)::float8 as mean_latency_ms,
                  percentile_cont(0.95) within group (order by latency_ms) as p95_latency_ms
             from llm_calls
            where created_at > clock_timestamp() - $1::bigint * interval '1 ms'
            group by provider, model
            order by provider, model"#,
        i64::try_from(window.as_millis()).unwrap_or(i64::MAX)
    )
    .fetch_all(conn)
    .await?;
    Ok(LlmStats { models })
}

/// Who would be asked now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlmStatus {
    /// Whether any model can be asked; rules answer otherwise.
    pub available: bool,
    /// The provider, or `technical`.
    pub provider: String,
    /// The model, of a provider.
    pub model: Option<String>,
}

/// Returns the first provider of the settings that has a key, is not switched off, and that no
/// process of the last half minute finds out of reach; it says nothing of budgets.
pub async fn status(conn: &mut PgConnection, config: &Analysts) -> sqlx::Result<LlmStatus> {
    let seen = external_status::list(conn).await?;
    let off = connectors::switched_off(conn).await?;
    let off = |name: &str| off.iter().any(|switched| switched == name);
    let open = |name: &str| seen.iter().any(|status| status.provider == name && status.breaker == "open");
    let askable = |name: &str| !off(name) && !open(name);
    let first = config.in_order().find(|(name, provider)| provider.key().is_some() && askable(name));
    Ok(match first {
        Some((name, provider)) => {
            LlmStatus { available: true, provider: name.to_owned(), model: Some(provider.model.clone()) }
        }
        None => LlmStatus { available: false, provider: "technical".to_owned(), model: None },
    })
}
