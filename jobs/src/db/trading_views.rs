//! What the API shows of trading beyond single rows: reads only, and every one of a user's rows
//! takes the user.
//!
//! The rows themselves, and the functions that change them, are in the files of their aggregates.

mod activity;
mod figures;
mod positions;
mod trades;

pub use activity::{Activity, ActivityKey, Category, activity};
pub use figures::{Figures, figures};
pub use positions::{PositionRow, position, positions, unattributed};
pub use trades::{Outcome, TradeFilter, TradeKey, TradeRow, count_trades, trades, trades_page};
