//! Reading decisions.

use chrono::{DateTime, Utc};
use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::{Action, RiskLevel},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Decision;
use crate::db::word::{Named, Word};

/// Selects whole decisions; the rest of the statement follows.
macro_rules! decisions {
    ($rest:literal $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Decision,
            r#"select d.decision_id as id, d.user_id, d.cycle_id, d.strategy_id,
                      d.origin as "origin!: Word<DecisionOrigin>", d.symbol,
                      d.action as "action!: Named<Action>", d.confidence, d.reasoning,
                      d.risk_level as "risk_level!: Named<RiskLevel>",
                      d.status as "status!: Word<DecisionStatus>", d.skip_reason, d.suggested_fraction,
                      d.entry_price, d.target_price, d.stop_loss, d.trailing_stop_percent, d.order_id,
                      (select o.filled_avg_price from orders o where o.order_id = d.order_id) as filled_price,
                      (select o.filled_at from orders o where o.order_id = d.order_id) as filled_at,
                      d.analyst, d.model, d.fallbacks, d.gates, d.market_context, d.metadata, d.approved_by,
                      d.approved_at, d.window_start, d.trace_id, d.created_at, d.updated_at
                 from ai_decisions as d "# + $rest
            $(, $argument)*
        )
    };
}

pub(in crate::db) use decisions;

/// Which decisions a list holds; `None` does not restrict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Those that stand there.
    pub status: Option<DecisionStatus>,
    /// Those that propose it: `buy`, `sell` or `hold`.
    pub action: Option<String>,
    /// Those of the strategy.
    pub strategy_id: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

/// Returns the user's decision.
pub async fn by_id(conn: &mut PgConnection, user_id: Uuid, id: Uuid) -> sqlx::Result<Option<Decision>> {
    decisions!("where d.decision_id = $1 and d.user_id = $2", id, user_id).fetch_optional(conn).await
}

/// Returns the user's decision, locked until the transaction ends.
pub async fn lock(conn: &mut PgConnection, user_id: Uuid, id: Uuid) -> sqlx::Result<Option<Decision>> {
    decisions!("where d.decision_id = $1 and d.user_id = $2 for no key update of d", id, user_id)
        .fetch_optional(conn)
        .await
}

/// Decisions of a list are counted up to here.
pub const COUNT_CAP: i64 = 10_000;

/// Returns the user's decisions, newest first, and how many there are without limit and offset.
///
/// The number is exact up to [`COUNT_CAP`]. Beyond it is a lower bound: never less than what the page
/// reaches, and more than that exactly when more follow.
pub async fn list(
    conn: &mut PgConnection,
    user_id: Uuid,
    filter: &Filter,
) -> sqlx::Result<(Vec<Decision>, i64)> {
    let status = filter.status.map(DecisionStatus::as_str);
    let counted = sqlx::query_scalar!(
        r#"select count(*) as "counted!"
             from (select
                     from ai_decisions
                    where user_id = $1
                      and ($2::text is null or status = $2)
                      and ($3::text is null or action = $3)
                      and ($4::uuid is null or strategy_id = $4)
                    limit $5) as few"#,
        user_id,
        status,
        filter.action,
        filter.strategy_id,
        COUNT_CAP + 1
    )
    .fetch_one(&mut *conn)
    .await?;
    let mut page = decisions!(
        "where d.user_id = $1
           and ($2::text is null or d.status = $2)
           and ($3::text is null or d.action = $3)
           and ($4::uuid is null or d.strategy_id = $4)
         order by d.created_at desc, d.decision_id desc
         limit $5 offset $6",
        user_id,
        status,
        filter.action,
        filter.strategy_id,
        filter.limit.saturating_add(1),
        filter.offset
    )
    .fetch_all(conn)
    .await?;
    let total = match i64::try_from(page.len()) {
        // Behind the end nothing was seen: the offset says nothing of how many there are.
        Ok(0) => counted,
        seen => counted.max(filter.offset.saturating_add(seen.unwrap_or(i64::MAX))),
    };
    page.truncate(usize::try_from(filter.limit).unwrap_or_default());
    Ok((page, total))
}

/// Returns the decisions of a cycle about which nothing was done yet, the surest first.
pub async fn pending_of_cycle(conn: &mut PgConnection, cycle_id: Uuid) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "select decision_id
           from ai_decisions
          where cycle_id = $1 and status = 'pending' and origin = 'cycle'
          order by confidence desc, symbol",
        cycle_id
    )
    .fetch_all(conn)
    .await
}

/// Returns those of `symbols` on which other cycles than `cycle_id` have decided in the window.
pub async fn decided_in_window(
    conn: &mut PgConnection,
    user_id: Uuid,
    cycle_id: Uuid,
    symbols: &[String],
    window_start: DateTime<Utc>,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select symbol
           from ai_decisions
          where user_id = $1 and window_start = $2 and origin = 'cycle' and symbol = any ($3)
            and cycle_id is distinct from $4",
        user_id,
        window_start,
        symbols,
        cycle_id
    )
    .fetch_all(conn)
    .await
}

/// Returns how many decisions to buy or sell cycles have made since `since`.
pub async fn decided_today(
    conn: &mut PgConnection,
    user_id: Uuid,
    since: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from ai_decisions
            where user_id = $1 and origin = 'cycle' and action <> 'hold' and created_at >= $2"#,
        user_id,
        since
    )
    .fetch_one(conn)
    .await
}

/// Returns how many decisions, exits not counted, have become orders since `since`.
pub async fn ordered_today(
    conn: &mut PgConnection,
    user_id: Uuid,
    since: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from ai_decisions
            where user_id = $1 and origin <> 'exit' and created_at >= $2
              and status in ('pending_execution', 'executed', 'filled', 'failed')"#,
        user_id,
        since
    )
    .fetch_one(conn)
    .await
}

/// Returns whether a decision to leave the user's position in `symbol` is at work.
pub async fn exiting(conn: &mut PgConnection, user_id: Uuid, symbol: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from ai_decisions d
                           left join orders o on o.order_id = d.order_id
                          where d.user_id = $1 and d.symbol = $2
                            and (d.origin = 'exit' or d.action = 'sell')
                            and d.status in ('pending_execution', 'executed')
                            and (d.status = 'pending_execution'
                                 or d.status = 'executed'
                                    and o.status not in ('filled', 'canceled', 'rejected', 'expired',
                                                         'replaced'))) as "exiting!""#,
        user_id,
        symbol
    )
    .fetch_one(conn)
    .await
}

/// Returns how many decisions of the cycle have become orders.
pub async fn ordered_by_cycle(conn: &mut PgConnection, cycle_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from ai_decisions
            where cycle_id = $1 and origin = 'cycle' and (order_id is not null or status = 'pending_execution')"#,
        cycle_id
    )
    .fetch_one(conn)
    .await
}

/// Returns how many decisions to buy or sell the cycle made.
pub async fn made_by_cycle(conn: &mut PgConnection, cycle_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from ai_decisions
            where cycle_id = $1 and origin = 'cycle' and action <> 'hold'"#,
        cycle_id
    )
    .fetch_one(conn)
    .await
}

/// Returns how many positions the cycle left.
pub async fn exits_of_cycle(conn: &mut PgConnection, cycle_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from ai_decisions where cycle_id = $1 and origin = 'exit'"#,
        cycle_id
    )
    .fetch_one(conn)
    .await
}

/// Returns the stop of the decision that last bought shares of the position opened at `opened_at`.
pub async fn entry_stop(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    opened_at: DateTime<Utc>,
) -> sqlx::Result<Option<Decimal>> {
    let stop = sqlx::query_scalar!(
        "select stop_loss
           from ai_decisions d
          where user_id = $1 and symbol = $2 and action = 'buy' and origin <> 'exit'
            and status in ('filled', 'executed')
            and exists (select from fills f where f.order_id = d.order_id and f.occurred_at >= $3)
          order by created_at desc
          limit 1",
        user_id,
        symbol,
        opened_at
    )
    .fetch_optional(conn)
    .await?;
    Ok(stop.flatten())
}
