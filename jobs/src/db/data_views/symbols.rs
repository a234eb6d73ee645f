//! Which symbols are known, asked for and traded; their quotes are in [`crate::db::market_cache`].

use std::collections::HashMap;

use sqlx::PgConnection;

/// Returns those of `symbols` that are assets we know of and may look at.
pub async fn known_assets(conn: &mut PgConnection, symbols: &[String]) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select symbol
           from universe_assets
          where symbol = any ($1) and not excluded
          order by symbol",
        symbols
    )
    .fetch_all(conn)
    .await
}

/// Returns up to `limit` symbols of which `provider` gave the last quote, oldest first.
pub async fn symbols_from(conn: &mut PgConnection, provider: &str, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select symbol
           from market_quotes
          where provider = $1
          order by fetched_at, symbol
          limit $2",
        provider,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns up to `limit` symbols that were fused or quoted last, newest first.
pub async fn newest_symbols(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select symbol as "symbol!"
             from (select symbol, created_at as at
                     from fused_analyses
                    where created_at > clock_timestamp() - interval '1 day'
                   union all
                   select symbol, fetched_at
                     from market_quotes) as seen
            group by symbol
            order by max(at) desc, symbol
            limit $1"#,
        limit
    )
    .fetch_all(conn)
    .await
}

/// Returns the mean number of shares traded on the last 20 days that are known, by symbol.
pub async fn usual_volumes(
    conn: &mut PgConnection,
    symbols: &[String],
) -> sqlx::Result<HashMap<String, f64>> {
    let rows = sqlx::query!(
        r#"select b.symbol, avg(v.shares) as "shares!"
             from market_bars b
            cross join lateral (
                  select shares
                    from unnest(b.volume) with ordinality as all_days(shares, day)
                   order by day desc
                   limit 20) as v
            where b.symbol = any ($1)
            group by b.symbol"#,
        symbols
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.symbol, row.shares)).collect())
}
