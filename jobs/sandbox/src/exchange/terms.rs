//! The words of an order, as they stand on the wire.

pub use domain::order::{OrderType, Side, TimeInForce};
use serde::{Deserialize, Serialize};

/// Whether an order stands alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Class {
    /// Alone; an empty word in answers.
    #[default]
    #[serde(rename = "", alias = "simple")]
    Simple,
    /// An entry with a take profit and a stop loss.
    #[serde(rename = "bracket")]
    Bracket,
    /// Two exits of which one cancels the other.
    #[serde(rename = "oco")]
    Oco,
    /// An entry with one exit.
    #[serde(rename = "oto")]
    Oto,
}

/// What an order does in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Alone.
    Single,
    /// Opens what the legs close.
    Entry,
    /// Closes at a gain.
    TakeProfit,
    /// Closes at a loss.
    StopLoss,
}

/// Whether an order opens or closes, and which kind of position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Opens or adds to a long position.
    BuyToOpen,
    /// Closes a short position.
    BuyToClose,
    /// Opens or adds to a short position.
    SellToOpen,
    /// Closes a long position.
    SellToClose,
}

impl Intent {
    /// Returns the intent of `side`, opening or closing.
    pub fn of(side: Side, opens: bool) -> Self {
        match (side, opens) {
            (Side::Buy, true) => Self::BuyToOpen,
            (Side::Buy, false) => Self::BuyToClose,
            (Side::Sell, true) => Self::SellToOpen,
            (Side::Sell, false) => Self::SellToClose,
        }
    }
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Taken outside the session; waits for it.
    Accepted,
    /// Taken during the session, not yet worked.
    PendingNew,
    /// Being worked.
    New,
    /// A leg that waits for its entry.
    Held,
    /// Filled in part, being worked.
    PartiallyFilled,
    /// A cancellation was taken and not yet carried out.
    PendingCancel,
    /// Filled.
    Filled,
    /// Ended by the client or by a rule.
    Canceled,
    /// Ended by its time in force.
    Expired,
    /// Ended because another order took its place.
    Replaced,
    /// Ended by the exchange.
    Rejected,
}

impl Status {
    /// Whether an order in it can still change.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected)
    }

    /// Returns the wire word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::PendingNew => "pending_new",
            Self::New => "new",
            Self::Held => "held",
            Self::PartiallyFilled => "partially_filled",
            Self::PendingCancel => "pending_cancel",
            Self::Filled => "filled",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Rejected => "rejected",
        }
    }
}
