//! Positions: ours are brought down to what the broker has, never up.

use domain::reconciliation::{Correction, Patience, diff};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tracing::warn;

use super::{Run, books};
use crate::{
    db::{
        audit::{self, Entry},
        broker_state, orders,
        positions::{self, Position},
        reconciliations::Findings,
    },
    queue::JobError,
    trading,
};

impl Run<'_> {
    /// Reads the account and its positions, keeps them, and returns how ours differ.
    pub(super) async fn positions(&self, findings: &mut Findings) -> Result<Vec<Correction>, JobError> {
        let clock = self.broker.clock().await.map_err(trading::broker_error)?;
        let (account, held) = futures::future::try_join(self.broker.account(), self.broker.positions())
            .await
            .map_err(trading::broker_error)?;
        let mut tx = self.env.pool.begin().await?;
        self.ctx.hold(&mut tx).await?;
        broker_state::store_clock(&mut tx, &clock).await?;
        broker_state::store_account(&mut tx, &account, &held).await?;
        for position in &held {
            if let Some(price) = position.current_price.filter(|price| *price > Decimal::ZERO) {
                broker_state::store_price(&mut tx, &position.symbol, price, clock.timestamp).await?;
            }
        }
        let ours = positions::all(&mut tx).await?;
        tx.commit().await?;
        findings.broker_positions = held.len();
        findings.db_positions = ours.len();
        let values = held.iter().filter_map(|position| position.market_value);
        findings.total_value = values.fold(Decimal::ZERO, Decimal::saturating_add);
        let patience = Patience { now: clock.timestamp, grace: chrono::TimeDelta::zero() };
        Ok(diff(&[], &[], &books::our_positions(&ours), &books::their_positions(&held), patience))
    }

    /// Corrects what differed in the same way twice, with a look at the orders in between.
    pub(super) async fn correct(
        &self,
        before: &[Correction],
        still: &[Correction],
        findings: &mut Findings,
    ) -> Result<(), JobError> {
        for correction in still.iter().filter(|correction| before.contains(correction)) {
            let (symbol, from, to) = match correction {
                Correction::SetPosition { to, from } => (&to.symbol, *from, to.quantity),
                Correction::RemovePosition { symbol, from } => (symbol, *from, Decimal::ZERO),
                _ => continue,
            };
            let mut tx = self.env.pool.begin().await?;
            self.ctx.hold(&mut tx).await?;
            self.correct_position(&mut tx, symbol, from, to, findings).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn correct_position(
        &self,
        conn: &mut PgConnection,
        symbol: &str,
        from: Decimal,
        to: Decimal,
        findings: &mut Findings,
    ) -> sqlx::Result<()> {
        let conflict = |kind: &str| -> Value {
            json!({ "type": kind, "symbol": symbol, "dbQty": from, "brokerQty": to })
        };
        if from.is_zero() {
            findings.added += 1;
            findings.conflicts.push(conflict("unattributed_position"));
            return Ok(());
        }
        let shrinks =
            to.is_zero() || (to.is_sign_negative() == from.is_sign_negative() && to.abs() < from.abs());
        let mut holders = positions::all(conn).await?;
        holders.retain(|position| position.symbol == symbol);
        let [holder] = holders.as_slice() else {
            findings.conflicts.push(conflict("ambiguous_position"));
            return Ok(());
        };
        let moving = orders::open_of_symbol(conn, holder.user_id, symbol).await?;
        let moving = moving.iter().any(|order| order.status == domain::order::OrderStatus::Submitting);
        if !shrinks || moving || holder.qty != from {
            findings.conflicts.push(conflict("unattributed_shares"));
            return Ok(());
        }
        if positions::correct(conn, holder, Some(to)).await? {
            findings.removed += usize::from(to.is_zero());
            findings.corrections.push(conflict("position"));
            note(conn, holder, to).await?;
        }
        Ok(())
    }
}

async fn note(conn: &mut PgConnection, holder: &Position, to: Decimal) -> sqlx::Result<()> {
    let Position { user_id, symbol, qty, .. } = holder;
    warn!(user.id = %user_id, "the position in {symbol} was {qty}, the broker has {to}: corrected");
    audit::record(
        conn,
        Entry {
            action: "correct_position",
            resource: "position",
            resource_id: Some(format!("{user_id}:{symbol}")),
            reason: Some("reconciliation: the broker holds fewer shares".into()),
            before: Some(json!({ "qty": qty, "avgEntryPrice": holder.avg_entry_price })),
            after: Some(json!({ "qty": to })),
            ..Entry::default()
        },
    )
    .await
}
