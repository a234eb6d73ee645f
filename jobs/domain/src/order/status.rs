//! Where an order stands, and where it may go from there.

use serde::{Deserialize, Serialize};

use super::words::words;

/// The state of an order: ours until the broker has it, then the broker's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Recorded here; nothing has been sent.
    Pending,
    /// An attempt may have sent it: the broker may or may not have it.
    Submitting,
    /// The broker took it, but not yet the exchange.
    PendingNew,
    /// The broker took it.
    Accepted,
    /// Accepted for the opening or closing auction.
    AcceptedForBidding,
    /// The broker's staff or systems look at it first.
    PendingReview,
    /// A leg that waits for its entry.
    Held,
    /// Works at the exchange.
    New,
    /// Some of it is filled and the rest works.
    PartiallyFilled,
    /// A fill is guaranteed but not yet reported.
    Stopped,
    /// May not trade for now.
    Suspended,
    /// Done for the day while the settlement is computed.
    Calculated,
    /// Done for the day; it may work again on the next.
    DoneForDay,
    /// A cancellation is on its way.
    PendingCancel,
    /// A replacement is on its way.
    PendingReplace,
    /// The broker's order differs from ours: an operator decides.
    Halted,
    /// Wholly filled.
    Filled,
    /// Canceled, perhaps after some of it was filled.
    Canceled,
    /// Refused, here or by the broker.
    Rejected,
    /// Its time in force is over.
    Expired,
    /// Another order took its place.
    Replaced,
}

words!(OrderStatus, "order status", {
    Pending => "pending",
    Submitting => "submitting",
    PendingNew => "pending_new",
    Accepted => "accepted",
    AcceptedForBidding => "accepted_for_bidding",
    PendingReview => "pending_review",
    Held => "held",
    New => "new",
    PartiallyFilled => "partially_filled",
    Stopped => "stopped",
    Suspended => "suspended",
    Calculated => "calculated",
    DoneForDay => "done_for_day",
    PendingCancel => "pending_cancel",
    PendingReplace => "pending_replace",
    Halted => "halted",
    Filled => "filled",
    Canceled => "canceled",
    Rejected => "rejected",
    Expired => "expired",
    Replaced => "replaced",
});

impl OrderStatus {
    /// Returns whether nothing can happen to the order any more.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Rejected | Self::Expired | Self::Replaced)
    }

    /// Returns whether the word is the broker's; `Pending`, `Submitting` and `Halted` are ours.
    pub const fn is_brokers(self) -> bool {
        !matches!(self, Self::Pending | Self::Submitting | Self::Halted)
    }

    /// Returns whether the order works, or may work, at the broker: its outcome is still open.
    ///
    /// `Halted` counts: whatever the broker has is still there.
    pub const fn may_rest_at_broker(self) -> bool {
        !self.is_terminal() && !matches!(self, Self::Pending)
    }

    /// Returns how far along the order is. States of one rank may follow each other both ways.
    const fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Submitting => 1,
            Self::PendingNew | Self::PendingReview => 2,
            Self::Accepted | Self::AcceptedForBidding | Self::Held => 3,
            Self::New
            | Self::Stopped
            | Self::Suspended
            | Self::Calculated
            | Self::DoneForDay
            | Self::PendingCancel
            | Self::PendingReplace
            | Self::PartiallyFilled
            | Self::Halted => 4,
            Self::Filled | Self::Canceled | Self::Rejected | Self::Expired | Self::Replaced => 5,
        }
    }

    /// Returns whether an order in this state may be in `next` afterwards; staying is allowed.
    ///
    /// - A terminal state is never left, and `Pending` never entered again.
    /// - Before it is sent an order may only start to be sent, be canceled, be refused or expire.
    /// - A state before the exchange took the order never follows one after it.
    /// - `PartiallyFilled` may fall back to `New` (a refused replacement); the fills stay.
    /// - `Halted` is entered from any open state that was sent, and left for any broker's word:
    ///   an operator does that, never [`super::advance`].
    pub const fn may_become(self, next: Self) -> bool {
        if self as u8 == next as u8 {
            return true;
        }
        match (self, next) {
            (Self::Pending, Self::Submitting | Self::Canceled | Self::Rejected | Self::Expired) => true,
            (Self::Pending, _) => false,
            (Self::Halted, _) => next.is_brokers(),
            _ => !self.is_terminal() && next.rank() >= self.rank(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_follow_the_life_of_an_order() {
        use OrderStatus as S;
        let cases = [
            (S::Pending, S::Submitting, true),
            (S::Pending, S::Canceled, true),
            (S::Pending, S::Rejected, true),
            (S::Pending, S::New, false),
            (S::Pending, S::Filled, false),
            (S::Submitting, S::Pending, false),
            (S::Submitting, S::Accepted, true),
            (S::Submitting, S::Filled, true),
            (S::Submitting, S::Halted, true),
            (S::PendingNew, S::Accepted, true),
            (S::Accepted, S::New, true),
            (S::Accepted, S::Filled, true),
            (S::New, S::Accepted, false),
            (S::New, S::Submitting, false),
            (S::New, S::PartiallyFilled, true),
            (S::New, S::PendingCancel, true),
            (S::PendingCancel, S::New, true),
            (S::PendingReplace, S::Replaced, true),
            (S::PendingCancel, S::Filled, true),
            (S::PartiallyFilled, S::New, true),
            (S::Halted, S::Accepted, true),
            (S::Pending, S::Halted, false),
            (S::PartiallyFilled, S::PartiallyFilled, true),
            (S::PartiallyFilled, S::PendingCancel, true),
            (S::PartiallyFilled, S::Canceled, true),
            (S::Suspended, S::New, true),
            (S::DoneForDay, S::New, true),
            (S::Held, S::New, true),
            (S::Filled, S::Canceled, false),
            (S::Canceled, S::Filled, false),
            (S::Rejected, S::New, false),
            (S::Halted, S::Filled, true),
            (S::Halted, S::Submitting, false),
            (S::Filled, S::Halted, false),
        ];
        for (from, to, allowed) in cases {
            assert_eq!(from.may_become(to), allowed, "{from} to {to}");
        }
    }

    #[test]
    fn a_terminal_state_is_never_left_and_every_open_one_can_end() {
        for from in OrderStatus::ALL {
            for to in OrderStatus::ALL {
                if from.is_terminal() {
                    assert_eq!(from.may_become(*to), from == to, "{from} to {to}");
                }
            }
            assert!(from.is_terminal() || from.may_become(OrderStatus::Canceled), "{from} can be canceled");
        }
    }
}
