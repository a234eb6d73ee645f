//! Connectors: whether they are asked, how they are found, and what they answered.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// How a connector is found.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorState {
    /// Its id.
    pub connector: String,
    /// Whether it is asked.
    pub enabled: bool,
    /// `active`, `degraded`, `inactive` or `unknown`.
    pub status: String,
    /// Whether the workers have a key for it.
    pub has_key: bool,
    /// When it was last probed; of models, called.
    pub last_checked_at: Option<DateTime<Utc>>,
    /// When a probe last found it well; of models, the last valid answer.
    pub last_ok_at: Option<DateTime<Utc>>,
    /// How long that took.
    pub latency_ms: Option<i32>,
    /// What the last failed probe, or call of a model, said.
    pub last_error: Option<String>,
    /// When it did.
    pub last_error_at: Option<DateTime<Utc>>,
    /// Who switched it last.
    pub changed_by: Option<Uuid>,
    /// When the row changed.
    pub updated_at: DateTime<Utc>,
}

/// What was counted of one endpoint of a connector on one day (UTC).
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct ConnectorMetrics {
    pub connector: String,
    pub endpoint: String,
    pub day: NaiveDate,
    pub total_requests: i64,
    pub success_count: i64,
    pub failure_count: i64,
    pub rate_limit_hits: i64,
    pub quarantined: i64,
    /// Times that it answered in the place of others.
    pub fallback_used: i64,
    pub latency_sum_ms: i64,
    pub latency_max_ms: i32,
    pub last_error: Option<String>,
    pub last_error_at: Option<DateTime<Utc>>,
}

/// What is to be added to the counts of a day.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) total: i64,
    pub(crate) success: i64,
    pub(crate) failure: i64,
    pub(crate) rate_limited: i64,
    pub(crate) quarantined: i64,
    pub(crate) fallback_used: i64,
    pub(crate) latency_sum_ms: i64,
    pub(crate) latency_max_ms: i32,
    pub(crate) last_error: Option<(String, DateTime<Utc>)>,
}

impl Tally {
    /// Adds an earlier one.
    pub(crate) fn add(&mut self, earlier: Self) {
        self.total += earlier.total;
        self.success += earlier.success;
        self.failure += earlier.failure;
        self.rate_limited += earlier.rate_limited;
        self.quarantined += earlier.quarantined;
        self.fallback_used += earlier.fallback_used;
        self.latency_sum_ms += earlier.latency_sum_ms;
        self.latency_max_ms = self.latency_max_ms.max(earlier.latency_max_ms);
        self.last_error = self.last_error.take().or(earlier.last_error);
    }
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// The connector's id.
    pub connector: &'static str,
    /// Whether this process has a key for it.
    pub has_key: bool,
    /// How long the answer took in ms, or why there is none; `None`: it was not asked.
    pub outcome: Option<Result<i32, String>>,
}

/// Returns how every connector is found that was ever probed or switched, by id.
pub async fn states(conn: &mut PgConnection) -> sqlx::Result<Vec<ConnectorState>> {
    sqlx::query_as!(
        ConnectorState,
        "select connector, enabled, status, has_key, last_checked_at, last_ok_at, latency_ms, last_error,
                last_error_at, changed_by, updated_at
           from connector_state
          order by connector"
    )
    .fetch_all(conn)
    .await
}

/// Returns what was counted in the last `days` days, today's included; newest day first.
pub async fn metrics(conn: &mut PgConnection, days: i32) -> sqlx::Result<Vec<ConnectorMetrics>> {
    sqlx::query_as!(
        ConnectorMetrics,
        "select connector, endpoint, day, total_requests, success_count, failure_count, rate_limit_hits,
                quarantined, fallback_used, latency_sum_ms, latency_max_ms, last_error, last_error_at
           from connector_metrics
          where day > (clock_timestamp() at time zone 'utc')::date - $1::int
          order by day desc, connector, endpoint",
        days
    )
    .fetch_all(conn)
    .await
}

/// Switches a connector on or off; workers notice within seconds.
pub async fn set_enabled(
    conn: &mut PgConnection,
    connector: &str,
    enabled: bool,
    by: Option<Uuid>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into connector_state (connector, enabled, changed_by)
         values ($1, $2, $3)
         on conflict (connector) do update
            set enabled = excluded.enabled, changed_by = excluded.changed_by,
                updated_at = clock_timestamp()",
        connector,
        enabled,
        by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the connectors that are switched off.
pub(crate) async fn switched_off(conn: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("select connector from connector_state where not enabled").fetch_all(conn).await
}

/// Adds to the counts of a day.
pub(crate) async fn add(
    conn: &mut PgConnection,
    connector: &str,
    endpoint: &str,
    day: NaiveDate,
    tally: &Tally,
) -> sqlx::Result<()> {
    let (error, error_at) = tally.last_error.clone().unzip();
    sqlx::query!(
        "insert into connector_metrics
                (connector, endpoint, day, total_requests, success_count, failure_count, rate_limit_hits,
                 quarantined, fallback_used, latency_sum_ms, latency_max_ms, last_error, last_error_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (connector, endpoint, day) do update
            set total_requests = connector_metrics.total_requests + excluded.total_requests,
                success_count = connector_metrics.success_count + excluded.success_count,
                failure_count = connector_metrics.failure_count + excluded.failure_count,
                rate_limit_hits = connector_metrics.rate_limit_hits + excluded.rate_limit_hits,
                quarantined = connector_metrics.quarantined + excluded.quarantined,
                fallback_used = connector_metrics.fallback_used + excluded.fallback_used,
                latency_sum_ms = connector_metrics.latency_sum_ms + excluded.latency_sum_ms,
                latency_max_ms = greatest(connector_metrics.latency_max_ms, excluded.latency_max_ms),
                last_error = coalesce(excluded.last_error, connector_metrics.last_error),
                last_error_at = coalesce(excluded.last_error_at, connector_metrics.last_error_at)",
        connector,
        endpoint,
        day,
        tally.total,
        tally.success,
        tally.failure,
        tally.rate_limited,
        tally.quarantined,
        tally.fallback_used,
        tally.latency_sum_ms,
        tally.latency_max_ms,
        error,
        error_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the share of successes among the calls of the last seven days, by connector.
pub(crate) async fn success_shares(conn: &mut PgConnection) -> sqlx::Result<BTreeMap<String, Decimal>> {
    let rows = sqlx::query!(
        r#"select connector, sum(success_count) / sum(total_requests) as "share!"
             from connector_metrics
            where day > (clock_timestamp() at time zone 'utc')::date - 7
            group by connector
           having sum(total_requests) > 0"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.connector, row.share)).collect())
}

/// Keeps how a connector is found, by the values of the columns; what is not known now stays as it was.
macro_rules! keep {
    ($values:literal, $($argument:expr),+ $(,)?) => { sqlx::query!(
        "insert into connector_state as s
                (connector, status, has_key, last_checked_at, last_ok_at, latency_ms, last_error, last_error_at)
         values (" + $values + ")
         on conflict (connector) do update
            set status = excluded.status, has_key = excluded.has_key,
                last_checked_at = coalesce(excluded.last_checked_at, s.last_checked_at),
                last_ok_at = coalesce(excluded.last_ok_at, s.last_ok_at),
                latency_ms = coalesce(excluded.latency_ms, s.latency_ms),
                last_error = coalesce(excluded.last_error, s.last_error),
                last_error_at = coalesce(excluded.last_error_at, s.last_error_at),
                updated_at = clock_timestamp()",
        $($argument),+
    ) };
}

/// Keeps what a probe found, and the status that follows from it.
pub(crate) async fn record_probe(conn: &mut PgConnection, probed: &Probed, status: &str) -> sqlx::Result<()> {
    let asked = probed.outcome.is_some();
    let latency = probed.outcome.as_ref().and_then(|outcome| outcome.as_ref().ok()).copied();
    let error = probed.outcome.as_ref().and_then(|outcome| outcome.as_ref().err());
    keep!(
        "$1, $2, $3,
                 case when $4 then clock_timestamp() end,
                 case when $5::int is not null then clock_timestamp() end,
                 $5::int,
                 $6,
                 case when $6::text is not null then clock_timestamp() end",
        probed.connector,
        status,
        probed.has_key,
        asked,
        latency,
        error
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What the calls of a provider of models say of it: asking one to see whether it answers costs money.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Called {
    /// Its id.
    pub(crate) connector: String,
    /// The share of valid answers in seven days.
    pub(crate) share: Decimal,
    /// When it was last called.
    pub(crate) last_at: DateTime<Utc>,
    /// When it last gave a valid answer.
    pub(crate) ok_at: Option<DateTime<Utc>>,
    /// How long that took.
    pub(crate) latency_ms: Option<i32>,
    /// What was last wrong.
    pub(crate) error: Option<String>,
    /// When it was.
    pub(crate) error_at: Option<DateTime<Utc>>,
}

/// Returns what the calls of the last seven days say of the providers of models.
pub(crate) async fn called_models(conn: &mut PgConnection) -> sqlx::Result<Vec<Called>> {
    sqlx::query_as!(
        Called,
        r#"select provider as connector,
                  avg((status = 'ok')::int) as "share!",
                  max(created_at) as "last_at!",
                  max(created_at) filter (where status = 'ok') as ok_at,
                  (array_agg(latency_ms order by created_at desc) filter (where status = 'ok'))[1]
                      as latency_ms,
                  (array_agg(coalesce(error, reason, status) order by created_at desc)
                      filter (where status <> 'ok'))[1] as error,
                  max(created_at) filter (where status <> 'ok') as error_at
             from llm_calls
            where created_at > clock_timestamp() - interval '7 days'
              and status in ('ok', 'invalid', 'refused', 'failed')
            group by provider"#
    )
    .fetch_all(conn)
    .await
}

/// Keeps what its calls say of a provider of models, and the status that follows from it.
pub(crate) async fn record_calls(
    conn: &mut PgConnection,
    connector: &str,
    has_key: bool,
    called: Option<&Called>,
    status: &str,
) -> sqlx::Result<()> {
    keep!(
        "$1, $2, $3, $4, $5, $6, $7, $8",
        connector,
        status,
        has_key,
        called.map(|called| called.last_at),
        called.and_then(|called| called.ok_at),
        called.and_then(|called| called.latency_ms),
        called.and_then(|called| called.error.as_deref()),
        called.and_then(|called| called.error_at)
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets counts that are older than `days` days; returns how many rows.
pub(crate) async fn prune(conn: &mut PgConnection, days: i32) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from connector_metrics where day < (clock_timestamp() at time zone 'utc')::date - $1::int",
        days
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
