//! Carries out an operator's action on many jobs, page by page, each page in one transaction
//! with its audit row. Stopped between pages; what is done stays done.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::{
    db::audit,
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{
        Backoff, Context, Ending, JobError,
        operate::{begin_operation, close_operation, run_page},
    },
};

/// The payload: the row that says what to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BulkOperation {
    /// The operation.
    pub operation_id: Uuid,
}

impl Job for BulkOperation {
    const KIND: &'static str = "bulk_operation";
    /// People wait for it, and it may be there to clear the way.
    const PRIORITY: i16 = -10;

    fn unique_key(&self) -> Option<String> {
        Some(self.operation_id.to_string())
    }
}

impl Handler for BulkOperation {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) },
        max_failures: 10,
        timeout: Duration::from_mins(30),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let id = self.operation_id;
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        if !begin_operation(&mut tx, id).await? {
            return Ok(Success::Output(json!({ "skipped": "the operation is gone or has ended" })));
        }
        tx.commit().await?;
        loop {
            if ctx.interrupted().is_cancelled() {
                return Err(JobError::Interrupted);
            }
            let mut tx = conn.begin().await?;
            ctx.hold(&mut tx).await?;
            let page = run_page(&mut tx, id).await?;
            if let Some(state) = page.over {
                close_operation(&mut tx, id, state, None).await?;
                let success = ctx.complete_in(&mut tx, json!({ "ended": state })).await?;
                tx.commit().await?;
                return Ok(success);
            }
            if !page.changed.is_empty() {
                let action = format!("bulk_{}_jobs", page.action);
                let key = page.api_key_id.map(|key| json!({ "apiKeyId": key }));
                audit::record(
                    &mut tx,
                    audit::Entry {
                        actor_id: page.actor_id,
                        action: &action,
                        resource: "operation",
                        resource_id: Some(id.to_string()),
                        reason: Some(page.reason),
                        after: Some(json!({ "jobIds": page.changed, "by": key })),
                        trace_id: ctx.trace_id().map(ToOwned::to_owned),
                        ..audit::Entry::default()
                    },
                )
                .await?;
            }
            ctx.progress_in(&mut tx, page.percent, "working").await?;
            tx.commit().await?;
            page.queues.iter().for_each(|queue| env.hints.jobs(queue));
            env.hints.cancels();
            env.hints.admissions();
            env.hints.events();
        }
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        let state = if ending.class == "CANCELLED" { "stopped" } else { "failed" };
        close_operation(conn, self.operation_id, state, Some(&ending.message)).await
    }
}
