//! Asks every source about a symbol, and fuses what they say.
//!
//! Each source is a step, so that another attempt asks only those that were not asked; who gives
//! nothing is named in the result. The rows are written in one transaction.

mod sources;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::fusion::{self, Missing, View};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use super::score_sentiment::market_time;
use crate::{
    db::fusion::{self as rows, Finding},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError, LogLevel},
};

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FuseSources {
    /// The ticker.
    pub symbol: String,
}

impl Job for FuseSources {
    const KIND: &'static str = "fuse_sources";
    const QUEUE: &'static str = "data";

    fn unique_key(&self) -> Option<String> {
        Some(self.symbol.clone())
    }
}

/// What came of asking: what was found, and who gave nothing.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Asked {
    findings: Vec<Finding>,
    missing: Vec<Missing>,
}

impl Handler for FuseSources {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(2), cap: Duration::from_mins(1) },
        max_failures: 3,
        timeout: Duration::from_mins(4),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        // Every attempt judges freshness by the same moment.
        let now: DateTime<Utc> = ctx.step("now", || market_time(&env)).await?;
        let (symbol, connectors) = (self.symbol.as_str(), &env.connectors);
        let asked = [
            ctx.step("bars", || sources::bars(connectors, symbol, now)).await?,
            ctx.step("company", || sources::company(connectors, symbol, now)).await?,
            ctx.step("short_volume", || sources::short_volume(connectors, symbol, now)).await?,
            ctx.step("economy", || sources::economy(connectors, now)).await?,
            sources::news(&env, symbol, now).await?,
        ];
        let (mut findings, mut missing) = (Vec::new(), Vec::new());
        for one in asked {
            findings.extend(one.findings);
            missing.extend(one.missing);
        }
        for one in &missing {
            let message = format!("{} gave nothing about {symbol}: {}", one.source, one.reason);
            ctx.log(LogLevel::Warn, &message).await?;
        }
        let views: Vec<View> = findings.iter().map(|finding| finding.view.clone()).collect();
        let Some(fused) = fusion::fuse(&views, now) else {
            ctx.log(LogLevel::Warn, &format!("no source gave anything about {symbol}")).await?;
            return Ok(Success::Output(json!({ "fused": null, "missing": missing })));
        };
        let fused_id = Uuid::now_v7();
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        rows::store(&mut tx, fused_id, symbol, &fused, &findings, &missing).await?;
        let output = json!({
            "fused": fused_id,
            "score": fused.score,
            "signal": fused.signal,
            "quality": fused.quality,
            "missing": missing,
        });
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        Ok(success)
    }
}
