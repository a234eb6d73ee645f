//! SQL of the daily bars and of what they are made from.

use chrono::NaiveDate;
use domain::bars::{Provenance, Series};
use sqlx::PgConnection;

/// What a symbol's bars are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarSet {
    /// The ticker, upper case.
    pub symbol: String,
    /// SHA-256 in hex over the source text and the continuation's revision.
    pub revision: String,
    /// Whom to credit.
    pub source: String,
    /// The terms of the source.
    pub licence: String,
    /// The first session.
    pub first_date: NaiveDate,
    /// The last recorded session; later ones are simulated.
    pub last_real_date: NaiveDate,
    /// The last session.
    pub last_date: NaiveDate,
}

/// How many bars of a symbol are recorded and how many simulated, within a range of dates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarProvenance {
    /// The ticker.
    pub symbol: String,
    /// Whom to credit for the recorded bars.
    pub source: String,
    /// The terms of the source.
    pub licence: String,
    /// Bars recorded at the market.
    pub real: i64,
    /// Bars produced by the continuation.
    pub simulated: i64,
    /// The first session in the range, if any.
    pub first_date: Option<NaiveDate>,
    /// The last session in the range, if any.
    pub last_date: Option<NaiveDate>,
}

/// Returns the bars of `symbol` from `from` to `to`, both included, oldest first; empty for
/// an unknown symbol.
pub async fn series(
    conn: &mut PgConnection,
    symbol: &str,
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<Series> {
    let rows = sqlx::query!(
        r#"select session_date, open::float8 as "open!", high::float8 as "high!",
                  low::float8 as "low!", close::float8 as "close!", volume::float8 as "volume!",
                  provenance = 'real' as "real!"
             from bars
            where symbol = $1 and session_date between $2 and $3
            order by session_date"#,
        symbol,
        from,
        to
    )
    .fetch_all(conn)
    .await?;
    let mut series = Series {
        symbol: symbol.to_owned(),
        dates: Vec::with_capacity(rows.len()),
        open: Vec::with_capacity(rows.len()),
        high: Vec::with_capacity(rows.len()),
        low: Vec::with_capacity(rows.len()),
        close: Vec::with_capacity(rows.len()),
        volume: Vec::with_capacity(rows.len()),
        provenance: Vec::with_capacity(rows.len()),
    };
    for row in rows {
        series.dates.push(row.session_date);
        series.open.push(row.open);
        series.high.push(row.high);
        series.low.push(row.low);
        series.close.push(row.close);
        series.volume.push(row.volume);
        series.provenance.push(if row.real { Provenance::Real } else { Provenance::Simulated });
    }
    Ok(series)
}

/// Returns how many bars `symbols` have together from `from` to `to`, both included.
pub async fn count(
    conn: &mut PgConnection,
    symbols: &[String],
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from bars
            where symbol = any($1) and session_date between $2 and $3"#,
        symbols,
        from,
        to
    )
    .fetch_one(conn)
    .await
}

/// Returns the symbols that have bars, ascending.
pub async fn known_symbols(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select symbol from bar_sets order by symbol").fetch_all(conn).await
}

/// Returns a text that changes whenever the bars of `symbols` from `from` to `to` do: for
/// each symbol the revision of its data and how much of the range it covers.
///
/// For a hash over what a result depends on; the order of `symbols` does not matter.
pub async fn data_version(
    conn: &mut PgConnection,
    symbols: &[String],
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<String> {
    let parts = sqlx::query_scalar!(
        r#"select wanted.symbol || ':' || coalesce(
                      bar_sets.revision || ':' || greatest($2::date, first_date)::text
                                        || '..' || least($3::date, last_date)::text,
                      'absent') as "part!"
             from (select distinct unnest($1::text[]) as symbol) as wanted
             left join bar_sets using (symbol)
            order by wanted.symbol collate "C""#,
        symbols,
        from,
        to
    )
    .fetch_all(conn)
    .await?;
    Ok(parts.join(" "))
}

/// Returns where the bars of `symbols` from `from` to `to` come from, by symbol ascending;
/// unknown symbols are left out.
pub async fn provenance(
    conn: &mut PgConnection,
    symbols: &[String],
    from: NaiveDate,
    to: NaiveDate,
) -> sqlx::Result<Vec<BarProvenance>> {
    sqlx::query_as!(
        BarProvenance,
        r#"select bar_sets.symbol, source, licence,
                  count(*) filter (where provenance = 'real') as "real!",
                  count(*) filter (where provenance = 'simulated') as "simulated!",
                  min(session_date) as first_date, max(session_date) as last_date
             from bar_sets
             left join bars on bars.symbol = bar_sets.symbol and session_date between $2 and $3
            where bar_sets.symbol = any($1)
            group by bar_sets.symbol
            order by bar_sets.symbol"#,
        symbols,
        from,
        to
    )
    .fetch_all(conn)
    .await
}

/// Returns what the bars of `symbol` are made from, or `None` when there are none.
pub async fn set(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<Option<BarSet>> {
    sqlx::query_as!(
        BarSet,
        "select symbol, revision, source, licence, first_date, last_real_date, last_date
           from bar_sets
          where symbol = $1",
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Keeps other loaders away from `symbol` until the transaction ends.
pub async fn lock(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('bars:' || $1::text, 0))", symbol)
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes the bars of `series` from its index `start` on, and returns how many were new.
pub async fn insert(conn: &mut PgConnection, series: &Series, start: usize) -> sqlx::Result<u64> {
    #[allow(clippy::cast_possible_truncation)] // Volumes are whole and below 2^53.
    let volume: Vec<i64> = series.volume[start..].iter().map(|shares| *shares as i64).collect();
    let real: Vec<bool> = series.provenance[start..].iter().map(|p| *p == Provenance::Real).collect();
    let done = sqlx::query!(
        "insert into bars (symbol, session_date, open, high, low, close, volume, provenance)
         select $1, session_date, open, high, low, close, volume,
                case when is_real then 'real' else 'simulated' end
           from unnest($2::date[], $3::float8[], $4::float8[], $5::float8[], $6::float8[],
                       $7::bigint[], $8::bool[])
             as bar (session_date, open, high, low, close, volume, is_real)
         on conflict (symbol, session_date) do nothing",
        series.symbol,
        &series.dates[start..],
        &series.open[start..],
        &series.high[start..],
        &series.low[start..],
        &series.close[start..],
        &volume,
        &real
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes all bars of `symbol`.
pub async fn delete(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from bars where symbol = $1", symbol).execute(conn).await?;
    Ok(())
}

/// Records what the bars of a symbol are made from, over what was recorded before.
pub async fn record_set(conn: &mut PgConnection, set: &BarSet) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into bar_sets (symbol, revision, source, licence, first_date, last_real_date, last_date)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (symbol) do update
            set revision = excluded.revision, source = excluded.source, licence = excluded.licence,
                first_date = excluded.first_date, last_real_date = excluded.last_real_date,
                last_date = excluded.last_date, loaded_at = clock_timestamp()",
        set.symbol,
        set.revision,
        set.source,
        set.licence,
        set.first_date,
        set.last_real_date,
        set.last_date
    )
    .execute(conn)
    .await?;
    Ok(())
}
