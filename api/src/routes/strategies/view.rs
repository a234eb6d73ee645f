//! A strategy as clients read it.

use jobs::db::strategies::Strategy;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp;

/// A strategy.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0190f5a0-0000-7000-8000-000000000002", "name": "Weekly momentum", "type": "momentum",
    "description": null, "isActive": false, "assets": ["AAPL", "MSFT"], "parameters": "{\"lookback\":20}",
    "templateId": "momentum", "status": "draft", "mode": null, "config": {}, "performanceSummary": null,
    "lastBacktestId": null, "version": 1, "createdAt": "2026-01-02T03:04:05.678Z",
    "updatedAt": "2026-01-02T03:04:05.678Z"
}))]
pub struct StrategyView {
    id: Uuid,
    name: String,
    #[serde(rename = "type")]
    #[schema(schema_with = super::schema::kind)]
    kind: String,
    description: Option<String>,
    /// Whether it may trade now.
    is_active: bool,
    /// Symbols.
    assets: Vec<String>,
    /// JSON as text, whichever way it was sent; keys may come back in another order.
    parameters: Option<String>,
    template_id: String,
    #[schema(schema_with = super::schema::status)]
    status: &'static str,
    #[schema(schema_with = super::schema::mode)]
    mode: Option<&'static str>,
    #[schema(value_type = Object)]
    config: Value,
    /// Numbers of the latest back-test.
    #[schema(value_type = Option<Object>)]
    performance_summary: Option<Value>,
    /// The latest finished back-test.
    last_backtest_id: Option<Uuid>,
    /// Rises by one with each change.
    version: i32,
    created_at: String,
    updated_at: String,
}

impl From<Strategy> for StrategyView {
    fn from(strategy: Strategy) -> Self {
        Self {
            id: strategy.strategy_id,
            name: strategy.name,
            kind: strategy.kind,
            description: strategy.description,
            is_active: strategy.is_active,
            assets: strategy.assets,
            parameters: strategy.parameters.map(|value| value.to_string()),
            template_id: strategy.template_id,
            status: strategy.status.as_str(),
            mode: strategy.mode.map(jobs::db::strategies::Mode::as_str),
            config: strategy.config,
            performance_summary: strategy.performance_summary,
            last_backtest_id: strategy.last_backtest_id,
            version: strategy.version,
            created_at: timestamp::text(strategy.created_at),
            updated_at: timestamp::text(strategy.updated_at),
        }
    }
}
