//! Groups: an entry wakes its exits, and of two exits one cancels the other.

use chrono::{DateTime, Utc};

use super::Exchange;
use super::order::Order;
use super::terms::{Class, Role, Status};

impl Exchange {
    /// Moves the group of order `number` on after it was wholly filled.
    pub(super) fn after_fill(&mut self, number: usize, at: DateTime<Utc>) {
        if self.book.orders[number].role != Role::Entry {
            self.cancel_others(number, at);
            return;
        }
        for leg in self.family(number) {
            let order = &self.book.orders[leg];
            if order.status == Status::Held {
                self.put(Order { status: Status::New, ..order.clone() }, at);
                self.announce("new", leg, at);
            }
        }
    }

    /// Ends the group of order `number` after it ended unfilled.
    pub(super) fn after_end(&mut self, number: usize, at: DateTime<Utc>) {
        self.cancel_others(number, at);
    }

    fn cancel_others(&mut self, number: usize, at: DateTime<Utc>) {
        for other in self.family(number) {
            let order = &self.book.orders[other];
            if order.is_open() {
                // Legs that end with their own time in force say so.
                let expired = at >= order.expires_at && self.book.orders[number].status == Status::Expired;
                let status = if expired { Status::Expired } else { Status::Canceled };
                self.end_alone(other, status, at);
            }
        }
    }

    /// Returns the numbers of the other orders in the group of `number`.
    pub(super) fn family(&self, number: usize) -> Vec<usize> {
        let order = &self.book.orders[number];
        if order.class == Class::Simple {
            return Vec::new();
        }
        let first = order.parent.and_then(|id| self.book.order(id)).unwrap_or(order);
        let legs = first.legs.iter().filter_map(|&id| self.book.order(id)).map(|leg| leg.number);
        std::iter::once(first.number).chain(legs).filter(|&other| other != number).collect()
    }
}
