//! What a user's agent is, did and decided, as its owner reads it; and all of them, as operators do.
//!
//! Nothing here changes anything: the agent's switches are in [`super::agents`], its decisions are
//! made in [`super::decisions`].

mod agent;
mod decisions;
mod feed;
mod fleet;
mod linked;

pub use agent::{CycleError, Figures, errors, figures};
pub use decisions::{executions, proposals, waiting};
pub use feed::{FeedEntry, feed};
pub use fleet::{Fleet, fleet, newest_cycles};
pub use linked::{ExitRow, FillRow, Linked, OrderRow, PositionRow, linked};
