//! The analysts, against real sockets: what models say, what goes wrong, and what it may cost.

mod answers;
mod failures;
mod prompts;
mod sandbox;
mod spending;
mod switches;

use std::time::Duration;

use chrono::{Days, NaiveDate, Utc};
use domain::bars::{Provenance, Series};
use jobs::{
    analyst::{Analysts, Question},
    config::{self, Config},
    external::ExternalMetrics,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use crate::broker::far_side::{FarSide, Reply, Seen};

const KEY: &str = "sk-planted-key-value";
/// The limit of every wait for a condition.
const LIMIT: Duration = Duration::from_secs(20);

/// Returns settings for the providers at the addresses: short deadlines, ample budgets, no cache.
fn settings(openai: Option<&str>, anthropic: Option<&str>) -> config::Analysts {
    let mut settings = Config::for_profile("test", false).expect("the test profile is valid").analysts;
    (settings.timeout_ms, settings.cache_minutes) = (3000, 0);
    for (provider, url) in [(&mut settings.openai, openai), (&mut settings.anthropic, anthropic)] {
        provider.requests_per_minute = 1_000_000;
        provider.daily_tokens = 100_000_000;
        if let Some(url) = url {
            url.clone_into(&mut provider.base_url);
            provider.key = Some(KEY.into());
        }
    }
    settings
}

fn analysts(settings: &config::Analysts, pool: &PgPool) -> Analysts {
    Analysts::configured(settings, pool, &ExternalMetrics::default()).expect("loopback URLs are fine")
}

/// Returns a question about a share that closed at 100 and costs `cents` now.
fn question(cents: i64) -> Question {
    let first = NaiveDate::from_ymd_opt(2024, 1, 2).expect("a date");
    let count = 60;
    let bars = Series {
        symbol: "AAPL".into(),
        dates: (0..count).map(|day| first + Days::new(day)).collect(),
        open: vec![100.0; 60],
        high: vec![101.0; 60],
        low: vec![99.0; 60],
        close: vec![100.0; 60],
        volume: vec![1e6; 60],
        provenance: vec![Provenance::Simulated; 60],
    };
    Question {
        user_id: Uuid::new_v4(),
        symbol: "AAPL".into(),
        price: Decimal::new(cents, 2),
        price_at: Utc::now(),
        bars,
        held: Decimal::ZERO,
        sentiment: None,
        fused: None,
        headlines: Vec::new(),
        strategy: None,
        trace_id: Some("trace-1".into()),
    }
}

/// Returns a decision that is valid at 103.
fn buy() -> Value {
    json!({
        "action": "buy", "confidence": 0.7, "reasoning": "it rises", "riskLevel": "medium",
        "suggestedQuantity": 0.05, "targetPrice": 111, "stopLoss": 98, "trailingStopPercent": null
    })
}

/// Returns [`buy`] with one field changed.
fn buy_with(key: &str, value: impl Into<Value>) -> String {
    let mut decision = buy();
    decision[key] = value.into();
    decision.to_string()
}

/// Returns a whole answer in OpenAI's shape.
fn chat(text: &str, finish: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m-1",
        "choices": [{
            "index": 0, "finish_reason": finish,
            "message": { "role": "assistant", "content": text, "refusal": null }
        }],
        "usage": { "prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000 }
    })
}

/// Returns a whole answer in Anthropic's shape.
fn message(text: &str, reason: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-2",
        "content": [{ "type": "text", "text": text }], "stop_reason": reason,
        "usage": { "input_tokens": 900, "output_tokens": 100 }
    })
}

/// A far side that always answers with `status` and `body`.
async fn always(status: u16, body: Value) -> FarSide {
    FarSide::start(move |_: &Seen| Reply::Json(status, body.clone())).await
}

/// Returns provider and status of every recorded call, oldest first.
async fn calls(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as("select provider, status from llm_calls order by created_at, call_id")
        .fetch_all(pool)
        .await
        .expect("the calls can be read")
}

/// Returns the tokens and the money of today.
async fn spent(pool: &PgPool, provider: &str) -> (i64, Decimal) {
    sqlx::query_as("select tokens, cost from llm_spending where provider = $1")
        .bind(provider)
        .fetch_optional(pool)
        .await
        .expect("the spending can be read")
        .unwrap_or_default()
}

fn pair(provider: &str, status: &str) -> (String, String) {
    (provider.to_owned(), status.to_owned())
}
