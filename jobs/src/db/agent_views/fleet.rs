//! All agents together, as operators see them.

use chrono::{DateTime, Utc};
use domain::cycle::Mode;
use sqlx::PgConnection;

use crate::db::{
    cycles::{Cycle, cycles},
    word::Word,
};

/// All agents in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Users whose agent was ever touched.
    pub agents: i64,
    /// Agents that were started and do not rest.
    pub running: i64,
    /// Agents that were started and rest.
    pub resting: i64,
    /// Running ones whose last cycle failed.
    pub failing: i64,
    /// Agents in the mode, running or not.
    pub autonomous: i64,
    /// Agents in the mode, running or not.
    pub semi_auto: i64,
    /// Agents in the mode, running or not.
    pub manual: i64,
    /// When a cycle was last seen at work.
    pub last_heartbeat: Option<DateTime<Utc>>,
    /// When a cycle last ended well.
    pub last_cycle_at: Option<DateTime<Utc>>,
    /// When the next cycle is due.
    pub next_cycle_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it did.
    pub last_error_at: Option<DateTime<Utc>>,
    /// The most orders that any running agent may make in a cycle.
    pub dynamic_order_limit: Option<i32>,
    /// How the market was last found.
    pub market_condition: Option<String>,
}

impl Fleet {
    /// Returns the mode that leaves agents the most to do by themselves of those that any is in.
    pub fn freest_mode(&self) -> Option<Mode> {
        let modes = [
            (self.autonomous, Mode::Autonomous),
            (self.semi_auto, Mode::SemiAuto),
            (self.manual, Mode::Manual),
        ];
        modes.into_iter().find(|(agents, _)| *agents > 0).map(|(_, mode)| mode)
    }
}

/// Returns all agents in numbers.
pub async fn fleet(conn: &mut PgConnection) -> sqlx::Result<Fleet> {
    sqlx::query_as!(
        Fleet,
        r#"select count(*) as "agents!",
                  count(*) filter (where is_running and not is_paused) as "running!",
                  count(*) filter (where is_running and is_paused) as "resting!",
                  count(*) filter (where is_running and not is_paused and consecutive_errors > 0) as "failing!",
                  count(*) filter (where mode = 'autonomous') as "autonomous!",
                  count(*) filter (where mode = 'semi-auto') as "semi_auto!",
                  count(*) filter (where mode = 'manual') as "manual!",
                  max(last_heartbeat) as last_heartbeat, max(last_cycle_at) as last_cycle_at,
                  min(next_cycle_at) filter (where is_running and not is_paused) as next_cycle_at,
                  (array_agg(last_error order by last_error_at desc)
                      filter (where last_error is not null))[1] as last_error,
                  max(last_error_at) as last_error_at,
                  max(dynamic_order_limit) filter (where is_running and not is_paused) as dynamic_order_limit,
                  (array_agg(market_condition order by last_market_analysis desc)
                      filter (where last_market_analysis is not null))[1] as market_condition
             from agent_status"#
    )
    .fetch_one(conn)
    .await
}

/// Returns the cycles of all agents, newest first.
pub async fn newest_cycles(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Cycle>> {
    // Their ids are those of their jobs, which grow with the time at which they were enqueued.
    cycles!(
        "order by cycle_id desc
            limit $1",
        limit
    )
    .fetch_all(conn)
    .await
}
