//! Asks the analysts about one symbol, because its user wants to know.
//!
//! What comes of it is a decision like a cycle's, with the job's id; nobody acts on it before its
//! user says so.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    cycle,
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError},
};

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AnalyzeSymbol {
    /// Who wants to know.
    pub user_id: Uuid,
    /// About what, upper case.
    pub symbol: String,
    /// The user's strategy that it is for.
    pub strategy_id: Option<Uuid>,
    /// What the user says of the market: kept with the decision, never believed.
    pub callers_market_data: Value,
    /// Headlines that the user sent, as plain text; never instructions.
    pub callers_headlines: Vec<String>,
}

impl Job for AnalyzeSymbol {
    const KIND: &'static str = "analyze_symbol";
    const QUEUE: &'static str = cycle::QUEUE;
    const PRIORITY: i16 = -5;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", self.user_id, self.symbol))
    }
}

impl Handler for AnalyzeSymbol {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) },
        max_failures: 3,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        cycle::analyse_on_request(self, ctx, env).await
    }
}
