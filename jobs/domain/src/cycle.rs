//! The rules of an autonomous cycle: what may be entered and how much, when a position is left,
//! what the controls stop, and when the next try comes.
//!
//! Nothing here acts. Limits of risk are [`crate::risk`]'s: these rules come before them.

mod controls;
mod entry;
mod exits;
mod timing;

use serde::{Deserialize, Serialize};

use crate::order::words::words;

pub use controls::{Controls, Stop};
pub use entry::{Entry, Held, Obstacle, PENNY_STOCK, check, shares};
pub use exits::{ExitPlan, ExitReason, ExitRules, Holding, Memory, Portion, plan};
pub use timing::{MIN_WINDOW, backoff, day_start, quote_is_fresh, window_start};

/// What an agent does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Entries of approved candidates are sent.
    #[default]
    Autonomous,
    /// Each entry waits for its user's word.
    SemiAuto,
    /// Nothing is sent, and no position is left.
    Manual,
}

words!(Mode, "mode", {
    Autonomous => "autonomous",
    SemiAuto => "semi-auto",
    Manual => "manual",
});

/// Where a decision comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOrigin {
    /// The agent found it.
    Cycle,
    /// Its user asked for it.
    Request,
    /// A position is to be left.
    Exit,
}

words!(DecisionOrigin, "decision origin", {
    Cycle => "cycle",
    Request => "request",
    Exit => "exit",
});

/// Where a decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionStatus {
    /// Made; nothing was done about it.
    Pending,
    /// Its user wants it.
    Approved,
    /// Its order is recorded, or the job that makes it is.
    PendingExecution,
    /// The broker has its order, or had it and filled a part.
    Executed,
    /// Its order is filled.
    Filled,
    /// A gate of ours held it back, or there was nothing to do.
    Skipped,
    /// The risk gates or the broker refused it.
    Rejected,
    /// Its order ended without a fill.
    Failed,
    /// Its time was over.
    Expired,
}

words!(DecisionStatus, "decision status", {
    Pending => "pending",
    Approved => "approved",
    PendingExecution => "pending_execution",
    Executed => "executed",
    Filled => "filled",
    Skipped => "skipped",
    Rejected => "rejected",
    Failed => "failed",
    Expired => "expired",
});

#[cfg(test)]
mod tests;
