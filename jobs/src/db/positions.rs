//! What each user holds, by our own record of fills.
//!
//! A position changes only with a fill, in the fill's transaction. What the account at the broker
//! holds is another matter, see [`super::broker_state`]: reconciliation compares the two.

use chrono::{DateTime, Utc};
use domain::{
    order::Side,
    positions::{Fill, Position as Holding},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// A position of a user. Money is in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// Its owner.
    pub user_id: Uuid,
    /// What is held.
    pub symbol: String,
    /// Shares; below zero when short, never zero.
    pub qty: Decimal,
    /// What a share cost on average.
    pub avg_entry_price: Decimal,
    /// What the parts that were closed gained.
    pub realized_pnl: Decimal,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A fill, as far as it changes a position.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Whose position.
    pub user_id: Uuid,
    /// In what.
    pub symbol: &'a str,
    /// Which way.
    pub side: Side,
    /// Shares, above zero.
    pub qty: Decimal,
    /// What a share cost, above zero.
    pub price: Decimal,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a fill made of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct After {
    pub(super) qty: Decimal,
    /// What was gained, when something was closed.
    pub(super) realized_pnl: Option<Decimal>,
}

/// Returns the positions of `user_id`, by symbol.
pub async fn list(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<Position>> {
    sqlx::query_as!(
        Position,
        "select user_id, symbol, qty, avg_entry_price, realized_pnl, opened_at, updated_at
           from positions
          where user_id = $1
          order by symbol",
        user_id
    )
    .fetch_all(conn)
    .await
}

/// Returns the position of `user_id` in `symbol`.
pub async fn of_symbol(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
) -> sqlx::Result<Option<Position>> {
    sqlx::query_as!(
        Position,
        "select user_id, symbol, qty, avg_entry_price, realized_pnl, opened_at, updated_at
           from positions
          where user_id = $1 and symbol = $2",
        user_id,
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Returns everybody's positions, by symbol, then user: for reconciliation.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<Position>> {
    sqlx::query_as!(
        Position,
        "select user_id, symbol, qty, avg_entry_price, realized_pnl, opened_at, updated_at
           from positions
          order by symbol, user_id"
    )
    .fetch_all(conn)
    .await
}

/// Changes the position by a fill and appends a `position:update` event for its owner.
///
/// The position is locked until the transaction ends, also while there is no row of it.
pub(super) async fn fill(conn: &mut PgConnection, change: &Change<'_>) -> sqlx::Result<After> {
    sqlx::query!(
        r#"select pg_advisory_xact_lock(hashtextextended($1::text || ' ' || $2::text, 0))::text as "locked""#,
        change.user_id.to_string(),
        change.symbol
    )
    .fetch_one(&mut *conn)
    .await?;
    let before = of_symbol(conn, change.user_id, change.symbol).await?;
    let holding =
        before.as_ref().map_or_else(Holding::default, |held| Holding::held(held.qty, held.avg_entry_price));
    let (after, gained) =
        holding.after(&Fill { side: change.side, quantity: change.qty, price: change.price });
    let Some(average) = after.average_entry() else {
        sqlx::query!(
            "delete from positions where user_id = $1 and symbol = $2",
            change.user_id,
            change.symbol
        )
        .execute(&mut *conn)
        .await?;
        let realized = before.map_or(Decimal::ZERO, |held| held.realized_pnl);
        announce(conn, change.user_id, change.symbol, None, realized + gained.unwrap_or_default()).await?;
        return Ok(After { qty: Decimal::ZERO, realized_pnl: gained });
    };
    // A position that changes its side is a new one.
    let turned =
        before.as_ref().is_none_or(|held| held.qty.is_sign_negative() != after.quantity().is_sign_negative());
    let stored = sqlx::query_scalar!(
        "insert into positions as p (user_id, symbol, qty, avg_entry_price, realized_pnl, opened_at)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id, symbol) do update
            set qty = excluded.qty, avg_entry_price = excluded.avg_entry_price,
                realized_pnl = case when $7 then 0 else p.realized_pnl + excluded.realized_pnl end,
                opened_at = case when $7 then excluded.opened_at else p.opened_at end,
                updated_at = clock_timestamp()
         returning realized_pnl",
        change.user_id,
        change.symbol,
        after.quantity(),
        average,
        if turned { Decimal::ZERO } else { gained.unwrap_or_default() },
        change.at,
        turned
    )
    .fetch_one(&mut *conn)
    .await?;
    announce(conn, change.user_id, change.symbol, Some((after.quantity(), average)), stored).await?;
    Ok(After { qty: after.quantity(), realized_pnl: gained })
}

/// Takes shares away that the broker does not have: sets the position of `expected` shares to
/// `to`, or removes it. `false` when it has changed meanwhile. The caller audits it.
pub async fn correct(
    conn: &mut PgConnection,
    position: &Position,
    to: Option<Decimal>,
) -> sqlx::Result<bool> {
    let done = match to.filter(|qty| !qty.is_zero()) {
        Some(qty) => {
            sqlx::query!(
                "update positions
                set qty = $4, updated_at = clock_timestamp()
              where user_id = $1 and symbol = $2 and qty = $3",
                position.user_id,
                position.symbol,
                position.qty,
                qty
            )
            .execute(&mut *conn)
            .await?
        }
        None => {
            sqlx::query!(
                "delete from positions where user_id = $1 and symbol = $2 and qty = $3",
                position.user_id,
                position.symbol,
                position.qty
            )
            .execute(&mut *conn)
            .await?
        }
    };
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let held = to.filter(|qty| !qty.is_zero()).map(|qty| (qty, position.avg_entry_price));
    announce(conn, position.user_id, &position.symbol, held, position.realized_pnl).await?;
    Ok(true)
}

/// Appends a `position:update` event: `{symbol, qty, avgEntryPrice, realizedPnl}`, numbers as text;
/// a closed position has the quantity 0 and no price.
async fn announce(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    held: Option<(Decimal, Decimal)>,
    realized_pnl: Decimal,
) -> sqlx::Result<()> {
    let body = serde_json::json!({
        "symbol": symbol,
        "qty": held.map_or(Decimal::ZERO, |(qty, _)| qty).normalize().to_string(),
        "avgEntryPrice": held.map(|(_, average)| average.normalize().to_string()),
        "realizedPnl": realized_pnl.normalize().to_string(),
    });
    super::events::append(conn, user_id, "position:update", None, &body).await?;
    Ok(())
}
