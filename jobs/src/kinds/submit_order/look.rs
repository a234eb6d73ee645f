//! Finding out whether the broker has the order already.

use serde_json::json;
use sqlx::Connection;
use tracing::warn;

use super::Attempt;
use crate::{
    broker::BrokerOrder,
    db::fills::Source,
    handler::Success,
    queue::JobError,
    trading::{self, Found},
};

impl Attempt<'_> {
    /// Asks the broker for the order by our id; `None`: it has none.
    pub(super) async fn look_up(&self) -> Result<Option<BrokerOrder>, JobError> {
        self.broker.order_by_client_id(&self.order.client_order_id).await.map_err(trading::broker_error)
    }

    /// Makes the order that was found ours, or halts ours when it is another one.
    pub(super) async fn adopt(&self, found: &BrokerOrder) -> Result<Success, JobError> {
        let id = self.order.id;
        warn!(order.id = %id, attempt = self.ctx.attempt(), "order {id} was at the broker already");
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        let output = match trading::adopt(&mut tx, self.order, found, Source::Poll).await? {
            Found::Adopted { status } => json!({ "adopted": found.id, "status": status.as_str() }),
            Found::Halted { reason } => json!({ "halted": reason, "brokerOrderId": found.id }),
        };
        self.finish(tx, output).await
    }
}
