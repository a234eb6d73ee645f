//! A migrated database for each test, cloned from a template.
//!
//! The template is made once for each set of migrations and each day (the shipped market data
//! depends on the day). Databases are dropped with their owner; what a killed test leaves behind
//! is swept by a later one.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use chrono::Utc;
use domain::continuation;
use jobs::{
    config::Database,
    db::{self, schema::MIGRATIONS},
    market_data,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgPoolOptions};
use tokio::sync::OnceCell;

use crate::cluster;

static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// Guards the making of templates between test processes; any number would do.
const TEMPLATE_LOCK: i64 = 0x4341_5053_5441_4e00;
const KEPT: Duration = Duration::from_hours(1);
const CONNECTIONS: u32 = 8;

/// A database of one test, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// A few connections to the database.
    pub pool: PgPool,
    url: String,
    name: String,
}

impl TestDatabase {
    /// Returns a fresh database with all migrations and the shipped market data.
    pub async fn create() -> Self {
        Self::try_create().await.expect("the shared test cluster gives every test a database")
    }

    /// Returns the URL of the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn try_create() -> Result<Self> {
        let template = TEMPLATE.get_or_try_init(make_template).await?;
        let name = format!("t_{}_{}", unix_seconds(), uuid::Uuid::new_v4().simple());
        let mut admin = connect("postgres").await?;
        clone(&mut admin, &name, template).await?;
        admin.close().await?;
        let url = cluster::url(&name).await;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .connect_lazy(&url)?;
        Ok(Self { pool, url, name })
    }
}

/// Returns a pool as a process of the application makes it, but with fewer connections: many
/// tests share the server.
pub(crate) fn new_pool(settings: &Database) -> PgPool {
    let max_connections = settings.max_connections.min(CONNECTIONS);
    let settings = Database { max_connections, ..settings.clone() };
    db::pool(&settings, "test").expect("the URL of a test's database parses")
}

impl Drop for TestDatabase {
    /// Drops the database and whatever is still connected to it.
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        // The pool belongs to the test's runtime, which may be ending: use one of its own.
        let dropper = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut admin = connect("postgres").await?;
                drop_database(&mut admin, &name).await
            })
        });
        if let Ok(Err(error)) = dropper.join() {
            eprintln!("a test database stays until it is swept: {error:#}");
        }
    }
}

async fn connect(database: &str) -> Result<PgConnection> {
    let url = cluster::url(database).await;
    PgConnection::connect(&url).await.with_context(|| format!("connecting to the test cluster at {url}"))
}

async fn clone(admin: &mut PgConnection, name: &str, template: &str) -> Result<()> {
    // Since version 15 a clone is made through the WAL unless told otherwise: ten times slower.
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut *admin)
        .await?;
    let strategy = if version >= 150_000 { " strategy file_copy" } else { "" };
    let statement = format!("create database \"{name}\" template \"{template}\"{strategy}");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await?;
    Ok(())
}

async fn drop_database(admin: &mut PgConnection, name: &str) -> Result<()> {
    let statement = format!("drop database if exists \"{name}\" with (force)");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await?;
    Ok(())
}

async fn make_template() -> Result<String> {
    let name = template_name();
    let mut admin = connect("postgres").await?;
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut admin).await?;
    sweep(&mut admin).await?;
    let made: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut admin)
        .await?;
    if !made {
        // Built under another name: a template that exists is complete.
        let building = format!("building_{name}");
        drop_database(&mut admin, &building).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("create database \"{building}\""))).execute(&mut admin).await?;
        fill(&cluster::url(&building).await).await.with_context(|| format!("filling the template {name}"))?;
        let finish = format!("alter database \"{building}\" rename to \"{name}\"");
        sqlx::raw_sql(AssertSqlSafe(finish)).execute(&mut admin).await?;
    }
    // Closing the session gives the lock back.
    admin.close().await?;
    Ok(name)
}

/// Brings an empty database to what every test begins with.
pub(crate) async fn fill(url: &str) -> Result<()> {
    let pool = PgPoolOptions::new().max_connections(2).connect(url).await?;
    MIGRATIONS.run(&pool).await?;
    market_data::load_shipped(&pool, Utc::now().date_naive()).await?;
    pool.close().await;
    Ok(())
}

/// The name holds everything that the content depends on.
fn template_name() -> String {
    let migrations = MIGRATIONS.iter().map(|migration| &*migration.checksum);
    let bars = market_data::csv::shipped().map(|(_, text)| text.as_bytes());
    let hash = migrations
        .chain(bars)
        .chain([continuation::REVISION.as_bytes()])
        .flatten()
        // FNV-1a, to tell versions apart: nobody forges a test database.
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("template_{}_{hash:016x}", Utc::now().format("%Y%m%d"))
}

/// Drops databases that a killed test left behind, and the templates of earlier days.
async fn sweep(admin: &mut PgConnection) -> Result<()> {
    let names: Vec<String> = sqlx::query_scalar(
        "select datname from pg_database where datname ~ '^(t|(building_)?template)_[0-9]+_'",
    )
    .fetch_all(&mut *admin)
    .await?;
    let today = Utc::now().format("%Y%m%d").to_string();
    let oldest = unix_seconds().saturating_sub(KEPT.as_secs());
    for name in names {
        let mut parts = name.trim_start_matches("building_").split('_');
        let stale = match (parts.next(), parts.next()) {
            (Some("t"), Some(made)) => made.parse::<u64>().is_ok_and(|made| made < oldest),
            (Some("template"), Some(day)) => day < today.as_str(),
            _ => false,
        };
        // A template still being cloned elsewhere is left for the next sweep.
        if stale && let Err(error) = drop_database(admin, &name).await {
            eprintln!("{name} stays until the next sweep: {error:#}");
        }
    }
    Ok(())
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
