//! Cancellation of one order or of all.

use serde_json::{Value, json};

use super::Exchange;
use super::market::Market;
use super::order::{Order, OrderId};
use super::refusal::Refusal;
use super::terms::Status;

impl Exchange {
    /// Cancels an open order, and its group with it.
    pub fn cancel(&mut self, market: &dyn Market, id: OrderId) -> Result<(), Refusal> {
        self.cancel_uncommitted(market, id)?;
        self.commit()
    }

    /// Cancels every open order; returns `[{"id", "status"}]` in the order of acceptance.
    pub fn cancel_all(&mut self, market: &dyn Market) -> Result<Value, Refusal> {
        let open: Vec<OrderId> =
            self.book.open_numbers().into_iter().map(|number| self.book.orders[number].id).collect();
        let mut answers = Vec::with_capacity(open.len());
        for id in open {
            let ended = self.book.order(id).is_some_and(|order| order.status == Status::Canceled);
            // A leg may have gone with its group a moment ago.
            answers.push(match if ended { Ok(()) } else { self.cancel_uncommitted(market, id) } {
                Ok(()) => json!({ "id": id, "status": 200 }),
                Err(refusal) => json!({ "id": id, "status": 500, "body": refusal.body_value() }),
            });
        }
        self.commit()?;
        Ok(answers.into())
    }

    pub(super) fn cancel_uncommitted(&mut self, market: &dyn Market, id: OrderId) -> Result<(), Refusal> {
        let order = self.changeable(id)?;
        let (number, at) = (order.number, market.now());
        let waits = self.settings.cancels_wait
            && matches!(order.status, Status::New | Status::PartiallyFilled)
            && market.is_open(at);
        if waits {
            let order = order.clone();
            self.put(Order { status: Status::PendingCancel, ..order }, at);
            self.announce("pending_cancel", number, at);
        } else {
            self.end(number, Status::Canceled, at);
        }
        Ok(())
    }

    /// Returns the order if a cancellation or replacement may still reach it.
    pub(super) fn changeable(&self, id: OrderId) -> Result<&Order, Refusal> {
        let order =
            self.book.order(id).ok_or_else(|| Refusal::not_found(format!("order not found for {}", id.0)))?;
        match order.status {
            Status::PendingCancel => Err(Refusal::rule("order pending cancel")),
            status if !status.is_open() => {
                Err(Refusal::rule(format!("order is already in \"{}\" state", status.word())))
            }
            _ => Ok(order),
        }
    }
}
