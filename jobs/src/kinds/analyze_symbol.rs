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
    // After the cycles, which share the queue: what trades comes before what is only asked.
    const PRIORITY: i16 = 5;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}{}", Self::key_of(self.user_id), self.symbol))
    }
}

impl AnalyzeSymbol {
    /// Returns the beginning of the unique keys of all that `user_id` asks for.
    pub(crate) fn key_of(user_id: Uuid) -> String {
        format!("{user_id}:")
    }
}

impl Handler for AnalyzeSymbol {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) },
        max_failures: 3,
        // Quotes, bars and analysts may take all the time that the settings give each of them.
        timeout: Duration::from_mins(2),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        cycle::analyse_on_request(self, ctx, env).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, kinds::run_cycle::RunCycle};

    #[test]
    fn an_attempt_may_last_as_long_as_all_that_it_waits_for() {
        let config = Config::for_profile("test", false).expect("the test profile is valid");
        // Quotes, bars, and the analysts.
        let longest = 2 * config.cycle.source_timeout() + config.cycle.analyst_timeout();
        let timeout = AnalyzeSymbol::POLICY.timeout;
        assert!(timeout >= longest + Duration::from_secs(15), "{timeout:?} for {longest:?}");
    }

    #[test]
    fn cycles_come_before_what_is_asked_by_hand() {
        assert_eq!(AnalyzeSymbol::QUEUE, RunCycle::QUEUE);
        let priorities = [RunCycle::PRIORITY, AnalyzeSymbol::PRIORITY];
        assert!(priorities.is_sorted_by(|first, then| first < then), "lower runs first: {priorities:?}");
    }
}
