//! What holds an agent back, read together.

use domain::cycle::Controls;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{
    agents::{self, Agent},
    risk::{self, Settings},
};

/// Returns the agent and its controls as they stand.
pub(super) async fn read(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<(Agent, Controls)> {
    let agent = agents::status(conn, user_id).await?;
    let settings = risk::settings(conn, user_id).await?;
    let controls = of(&agent, &settings, risk::platform(conn).await?.trading_state);
    Ok((agent, controls))
}

/// Returns the controls of an agent.
pub(super) fn of(agent: &Agent, settings: &Settings, platform: risk::TradingState) -> Controls {
    Controls {
        running: agent.is_running,
        paused: agent.is_paused,
        kill_switch: settings.kill_switch,
        mode: agent.mode,
        trading: settings.trading_state,
        platform,
    }
}
