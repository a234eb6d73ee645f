//! What a user's cycle looks at.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Returns up to `limit` symbols that a cycle of the user looks at: what is held first, then the
/// candidates that are approved or watched and the symbols of active strategies, those that waited
/// longest first. A user without candidates looks at every asset that is not excluded, from which
/// nothing can be bought.
///
/// Excluded assets are left out unless they are held.
pub async fn symbols_of(conn: &mut PgConnection, user_id: Uuid, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"with wished as (
               select symbol, true as held from positions where user_id = $1
                union all
               select symbol, false from universe_candidates
                where user_id = $1 and status in ('APPROVED', 'WATCHLIST')
                union all
               select upper(trim(asset)), false from strategies, unnest(assets) as asset
                where user_id = $1 and is_active and deleted_at is null and trim(asset) <> ''
                union all
               select symbol, false from universe_assets
                where tradable
                  and not exists (select from universe_candidates where user_id = $1)),
           wanted as (select symbol, bool_or(held) as held from wished group by symbol)
           select w.symbol as "symbol!"
             from wanted w
             left join universe_assets a on a.symbol = w.symbol
             left join universe_candidates c on c.user_id = $1 and c.symbol = w.symbol
            where w.held or (not coalesce(a.excluded, false) and coalesce(c.status, '') <> 'REJECTED')
            order by w.held desc, c.looked_at nulls first, c.score desc nulls last, w.symbol
            limit $2"#,
        user_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Notes that candidates were looked at: the next cycle begins with those that waited longer.
pub async fn looked_at(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbols: &[String],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update universe_candidates set looked_at = $3 where user_id = $1 and symbol = any ($2)",
        user_id,
        symbols,
        at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns whether the user approved the candidate; locked, so that it can't be taken back before
/// the transaction ends.
pub async fn approved(conn: &mut PgConnection, user_id: Uuid, symbol: &str) -> sqlx::Result<bool> {
    let status = sqlx::query_scalar!(
        "select c.status
           from universe_candidates c
           join universe_assets a on a.symbol = c.symbol
          where c.user_id = $1 and c.symbol = $2 and not a.excluded
            for share of c",
        user_id,
        symbol
    )
    .fetch_optional(conn)
    .await?;
    Ok(status.as_deref() == Some("APPROVED"))
}

/// Returns those of `symbols` of which no analysis of all sources is younger than `age`.
pub async fn without_sources(
    conn: &mut PgConnection,
    symbols: &[String],
    age: Duration,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select s.symbol as "symbol!"
             from unnest($1::text[]) as s(symbol)
            where not exists (
                  select from fused_analyses f
                   where f.symbol = s.symbol
                     and f.created_at > clock_timestamp() - make_interval(secs => $2::float8))"#,
        symbols,
        age.as_secs_f64()
    )
    .fetch_all(conn)
    .await
}
