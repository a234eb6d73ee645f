//! Orders whose sending came to no end: their jobs are over, and nobody knows whether they arrived.

use domain::order::OrderStatus;
use serde_json::json;

use super::Run;
use crate::{
    db::{
        audit::{self, Entry},
        fills::Source,
        orders::{self, Order},
        reconciliations::Findings,
    },
    queue::{JobError, inspect},
    trading,
};

/// A cancellation that has come to nothing for so long is asked for again.
const CANCEL_AGE: chrono::TimeDelta = chrono::TimeDelta::seconds(15);
const MOST: i64 = 200;

impl Run<'_> {
    /// Looks up what came to no end, and ends it or makes it ours; asks again for cancellations
    /// that came to nothing.
    pub(super) async fn unsent(&self, findings: &mut Findings) -> Result<(), JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let undecided = orders::undecided(&mut conn, trading::late(self.env), MOST).await?;
        let open = orders::open(&mut conn, None, MOST).await?;
        drop(conn);
        for order in undecided {
            if !self.is_at_work(&order).await? {
                self.decide(&order, findings).await?;
            }
        }
        for order in open {
            let stuck = order.cancel_requested_at.is_some_and(|at| chrono::Utc::now() - at > CANCEL_AGE)
                && order.status.is_brokers()
                && order.status != OrderStatus::PendingCancel;
            if stuck {
                let mut tx = self.env.pool.begin().await?;
                self.ctx.hold(&mut tx).await?;
                let reason = order.cancel_reason.as_deref().unwrap_or("canceled");
                trading::request(&mut tx, &order, reason, order.trace_id.as_deref())
                    .await
                    .map_err(|error| JobError::retryable("ENQUEUE", error))?;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    async fn is_at_work(&self, order: &Order) -> Result<bool, JobError> {
        let Some(job_id) = order.job_id else { return Ok(false) };
        let job = inspect::job(&mut *self.env.pool.acquire().await?, job_id).await?;
        Ok(job.is_some_and(|job| job.finished_at.is_none()))
    }

    async fn decide(&self, order: &Order, findings: &mut Findings) -> Result<(), JobError> {
        let found = self.broker.order_by_client_id(&order.client_order_id).await;
        let found = found.map_err(trading::broker_error)?;
        let mut tx = self.env.pool.begin().await?;
        self.ctx.hold(&mut tx).await?;
        let after = if let Some(found) = &found {
            trading::adopt(&mut tx, order, found, Source::Poll).await?;
            json!({ "status": found.status.as_str(), "brokerOrderId": found.id })
        } else {
            let code = order.reject_code.as_deref().unwrap_or("NOT_SENT");
            let status = match code {
                "EXPIRED" => OrderStatus::Expired,
                "CANCELED" => OrderStatus::Canceled,
                _ if order.cancel_requested_at.is_some() => OrderStatus::Canceled,
                _ => OrderStatus::Rejected,
            };
            let message = order.reject_message.as_deref().unwrap_or("the broker never got it");
            if !trading::end_absent(&mut tx, trading::late(self.env), order, status, code, message).await? {
                return Ok(());
            }
            json!({ "status": status.as_str() })
        };
        findings.synced += 1;
        findings.corrections.push(json!({
            "type": "decide_order", "orderId": order.id, "symbol": order.symbol, "after": after,
        }));
        audit::record(
            &mut tx,
            Entry {
                action: "decide_order",
                resource: "order",
                resource_id: Some(order.id.to_string()),
                reason: Some("reconciliation: its job is over, and it was looked up".into()),
                before: Some(json!({ "status": order.status.as_str() })),
                after: Some(after),
                trace_id: order.trace_id.clone(),
                ..Entry::default()
            },
        )
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
