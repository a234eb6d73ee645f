//! Orders: what is behind is brought up to date, what contradicts is put before somebody.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Utc};
use domain::reconciliation::{Correction, Mismatch, Patience, diff};
use serde_json::json;
use sqlx::PgConnection;
use tracing::warn;

use super::{Run, books};
use crate::{
    broker::BrokerOrder,
    db::{
        audit::{self, Entry},
        fills::Source,
        orders::{self, Applied, Order},
        reconciliations::Findings,
    },
    queue::JobError,
    trade_stream::catch_up,
    trading,
};

/// News may be on its way for so long before a difference means something.
const GRACE: TimeDelta = TimeDelta::seconds(15);
/// The most open orders of ours that are compared.
const OURS: i64 = 100_000;

impl Run<'_> {
    /// Compares the orders and corrects ours, each correction in a transaction of its own.
    pub(super) async fn orders(&self, findings: &mut Findings) -> Result<(), JobError> {
        let clock = self.broker.clock().await.map_err(trading::broker_error)?;
        let ahead = clock.timestamp - Utc::now();
        let seen = catch_up::read(&self.env.pool, self.broker).await?;
        let seen: Vec<BrokerOrder> = seen.into_iter().flat_map(flattened).collect();
        let mut conn = self.env.pool.acquire().await?;
        let mut ours: BTreeMap<String, Order> = BTreeMap::new();
        for order in orders::open(&mut conn, None, OURS).await? {
            ours.insert(order.client_order_id.clone(), order);
        }
        let mut pairs: BTreeMap<String, BrokerOrder> = BTreeMap::new();
        let mut theirs = Vec::with_capacity(seen.len());
        for order in seen {
            let our = catch_up::find(&mut conn, &order).await?;
            theirs.push(books::theirs(&order, our.as_ref()));
            if let Some(our) = our {
                pairs.insert(our.client_order_id.clone(), order);
                ours.entry(our.client_order_id.clone()).or_insert(our);
            }
        }
        drop(conn);
        let compared: Vec<_> = ours.values().map(|order| books::ours(order, ahead)).collect();
        let patience = Patience { now: Utc::now() + ahead, grace: GRACE };
        for correction in diff(&compared, &theirs, &[], &[], patience) {
            self.correct_order(&correction, &ours, &pairs, findings).await?;
        }
        Ok(())
    }

    async fn correct_order(
        &self,
        correction: &Correction,
        ours: &BTreeMap<String, Order>,
        theirs: &BTreeMap<String, BrokerOrder>,
        findings: &mut Findings,
    ) -> Result<(), JobError> {
        let pair = |id: &String| ours.get(id).map(|our| (our, theirs.get(id)));
        if let Correction::Halt { client_order_id, mismatch: Mismatch::Vanished } = correction
            && let Some((our, None)) = pair(client_order_id)
            && !self.has_vanished(our).await?
        {
            return Ok(());
        }
        let mut tx = self.env.pool.begin().await?;
        self.ctx.hold(&mut tx).await?;
        match correction {
            Correction::Advance { client_order_id, .. } => {
                let Some((our, Some(their))) = pair(client_order_id) else { return Ok(()) };
                if catch_up::apply(&mut tx, their).await? {
                    findings.synced += 1;
                    note(&mut tx, our, their, "advance_order", findings).await?;
                }
            }
            Correction::Overrule { client_order_id, .. } => {
                let Some((our, Some(their))) = pair(client_order_id) else { return Ok(()) };
                self.overrule(&mut tx, our, their, findings).await?;
            }
            Correction::Halt { client_order_id, mismatch } => {
                let Some((our, their)) = pair(client_order_id) else { return Ok(()) };
                let reason = match (mismatch, their.and_then(|their| our.difference(their))) {
                    (_, Some((_, words))) => words,
                    (Mismatch::Vanished, None) => "the broker no longer has the order".to_owned(),
                    (other, None) => format!("the broker's order differs in {}", other.as_str()),
                };
                trading::halt(&mut tx, our, *mismatch, &reason, their).await?;
                findings.conflicts.push(json!({
                    "type": "order", "orderId": our.id, "symbol": our.symbol, "reason": reason,
                }));
            }
            Correction::Import { order } => {
                let foreign = json!({
                    "type": "foreign_order", "brokerOrderId": order.broker_order_id, "symbol": order.symbol,
                });
                if !findings.conflicts.contains(&foreign) {
                    findings.conflicts.push(foreign);
                }
            }
            // An id comes with the progress; an order without a trace has a pass of its own; and
            // positions are compared by themselves.
            Correction::Identify { .. }
            | Correction::Resend { .. }
            | Correction::SetPosition { .. }
            | Correction::RemovePosition { .. } => {}
        }
        tx.commit().await?;
        Ok(())
    }

    /// Asks once more for an order that the broker did not list: it may have come in between.
    async fn has_vanished(&self, our: &Order) -> Result<bool, JobError> {
        let found = match &our.broker_order_id {
            Some(id) => self.broker.order(id).await,
            None => self.broker.order_by_client_id(&our.client_order_id).await,
        };
        Ok(found.map_err(trading::broker_error)?.is_none())
    }

    /// Records the broker's word about an order that had ended here, and sees to it that what was
    /// canceled does not stay open.
    async fn overrule(
        &self,
        conn: &mut PgConnection,
        our: &Order,
        their: &BrokerOrder,
        findings: &mut Findings,
    ) -> Result<(), JobError> {
        let applied = orders::overrule(conn, our.id, &orders::seen(their), Source::Poll).await?;
        if !matches!(applied, Applied::Applied { .. }) {
            return Ok(());
        }
        warn!(order.id = %our.id, "order {} had ended as {}, the broker says {}", our.id, our.status, their.status);
        findings.synced += 1;
        note(conn, our, their, "overrule_order", findings).await?;
        if !their.status.is_terminal() {
            trading::request(conn, our, "it had ended here", our.trace_id.as_deref())
                .await
                .map_err(|error| JobError::retryable("ENQUEUE", error))?;
        }
        Ok(())
    }
}

/// The entry keeps its legs, too: they are made with it when they are first seen.
fn flattened(order: BrokerOrder) -> Vec<BrokerOrder> {
    let legs = order.legs.clone();
    std::iter::once(order).chain(legs).collect()
}

/// Audits a correction of an order, and lists it.
async fn note(
    conn: &mut PgConnection,
    our: &Order,
    their: &BrokerOrder,
    action: &'static str,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let before = json!({ "status": our.status.as_str(), "filledQty": our.filled_qty });
    let after = json!({ "status": their.status.as_str(), "filledQty": their.filled_qty });
    findings.corrections.push(json!({
        "type": action, "orderId": our.id, "symbol": our.symbol, "before": before, "after": after,
    }));
    audit::record(
        conn,
        Entry {
            action,
            resource: "order",
            resource_id: Some(our.id.to_string()),
            reason: Some("reconciliation".into()),
            before: Some(before),
            after: Some(after),
            trace_id: our.trace_id.clone(),
            ..Entry::default()
        },
    )
    .await
}
