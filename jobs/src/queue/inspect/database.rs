//! The health of the database as the queue feels it: bloat, old snapshots, connections.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The database as it stands.
#[derive(Debug, Clone)]
pub struct DatabaseHealth {
    /// Size of the whole database, in bytes.
    pub size_bytes: i64,
    /// Connections to this database.
    pub connections: i64,
    /// Connections that the server takes at most.
    pub max_connections: i32,
    /// Share of the notification queue in use, 0 to 1.
    pub notify_queue: f64,
    /// Age of the oldest snapshot that holds vacuum back, in transactions.
    pub oldest_xmin_age: Option<i64>,
    /// Since when the oldest open transaction is open.
    pub oldest_transaction: Option<DateTime<Utc>>,
    /// The queue's tables, largest first.
    pub tables: Vec<TableHealth>,
}

/// One table, its partitions summed up.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct TableHealth {
    pub table: String,
    pub size_bytes: i64,
    pub live_tuples: i64,
    pub dead_tuples: i64,
    pub last_vacuum: Option<DateTime<Utc>>,
}

/// Returns the health of the database.
pub async fn database(conn: &mut PgConnection) -> sqlx::Result<DatabaseHealth> {
    let row = sqlx::query!(
        r#"select pg_database_size(current_database()) as "size_bytes!",
                  (select count(*) from pg_stat_activity where datname = current_database()) as "connections!",
                  current_setting('max_connections')::int as "max_connections!",
                  pg_notification_queue_usage() as "notify_queue!",
                  (select max(greatest(age(backend_xmin), age(backend_xid)))::bigint
                     from pg_stat_activity
                    where pid <> pg_backend_pid()) as oldest_xmin_age,
                  (select min(xact_start) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()
                      and state <> 'idle') as oldest_transaction"#
    )
    .fetch_one(&mut *conn)
    .await?;
    let tables = sqlx::query_as!(
        TableHealth,
        r#"select regexp_replace(relname, '_([0-9]{8}|default)$', '') as "table!",
                  sum(pg_total_relation_size(relid))::bigint as "size_bytes!",
                  sum(n_live_tup)::bigint as "live_tuples!",
                  sum(n_dead_tup)::bigint as "dead_tuples!",
                  max(greatest(last_vacuum, last_autovacuum)) as last_vacuum
             from pg_stat_user_tables
            where schemaname = 'queue'
            group by 1
            order by 2 desc, 1"#
    )
    .fetch_all(conn)
    .await?;
    Ok(DatabaseHealth {
        size_bytes: row.size_bytes,
        connections: row.connections,
        max_connections: row.max_connections,
        notify_queue: row.notify_queue,
        oldest_xmin_age: row.oldest_xmin_age,
        oldest_transaction: row.oldest_transaction,
        tables,
    })
}
