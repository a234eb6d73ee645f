//! The ticker: works the open orders as time passes.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::TradingState;

/// Works the open orders every `every` of real time until `stop` is cancelled.
///
/// A stepped clock needs it as well: an order accepted while time stands still is worked at
/// that time. A failed write of the journal is logged where it fails and tried again with the
/// next tick.
pub async fn run_ticker(state: TradingState, every: Duration, stop: CancellationToken) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                let _ = state.tick();
            }
        }
    }
}
