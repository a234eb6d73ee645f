//! What holds an agent back, read together.

use domain::cycle::Controls;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{
    agents::{self, Agent},
    cycles,
    risk::{self, Settings},
};

/// An agent, and what holds it back.
pub(super) struct Standing {
    pub(super) agent: Agent,
    pub(super) settings: Settings,
    pub(super) controls: Controls,
}

/// Returns the agent and its controls as they stand; they may change at once.
pub(super) async fn read(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Standing> {
    let agent = agents::status(conn, user_id).await?;
    let settings = risk::settings(conn, user_id).await?;
    let controls = of(&agent, &settings, risk::platform(conn).await?.trading_state);
    Ok(Standing { agent, settings, controls })
}

/// Returns the agent and its controls as they stand until the transaction ends.
///
/// Between a stop and what is enqueued in the transaction one is first: the stop, and nothing is
/// enqueued, or the order, and the stop finds it there.
pub(super) async fn hold(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Standing> {
    cycles::hold_controls(conn, user_id).await?;
    read(conn, user_id).await
}

fn of(agent: &Agent, settings: &Settings, platform: risk::TradingState) -> Controls {
    Controls {
        running: agent.is_running,
        paused: agent.is_paused,
        kill_switch: settings.kill_switch,
        mode: agent.mode,
        trading: settings.trading_state,
        platform,
    }
}
