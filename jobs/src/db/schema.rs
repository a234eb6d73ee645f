//! Whether the database has the schema that this build was made for.

use sqlx::{PgConnection, migrate::Migrator};

/// The migrations compiled into this build.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Returns the versions of this build's migrations that the database lacks, oldest first.
///
/// Migrations the database has beyond ours are no fault: they only expand, so that the
/// old and the new build run side by side during a release.
pub async fn missing(conn: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    let applied =
        sqlx::query_scalar!("select version from _sqlx_migrations where success").fetch_all(conn).await?;
    let ours = MIGRATIONS.iter().filter(|migration| !migration.migration_type.is_down_migration());
    Ok(ours.map(|migration| migration.version).filter(|version| !applied.contains(version)).collect())
}
