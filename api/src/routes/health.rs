//! Probes: is the process alive, is it ready, how is the database.

use std::time::Duration;

use axum::{Json, extract::State};
use jobs::db::schema;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Actor,
    state::AppState,
    timestamp,
};

/// Longest wait for the database's answer to a probe.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns the routes of this file.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(api_health))
        .routes(routes!(live))
        .routes(routes!(ready))
        .routes(routes!(database))
}

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "version": "0.1.0", "timestamp": "2026-01-02T03:04:05.678Z"}))]
pub struct Alive {
    /// Always `ok`.
    status: &'static str,
    /// Version of the build.
    version: &'static str,
    /// UTC, milliseconds.
    timestamp: String,
}

impl Alive {
    fn now() -> Json<Self> {
        Json(Self { status: "ok", version: env!("CARGO_PKG_VERSION"), timestamp: timestamp::now() })
    }
}

/// Says that the process answers. Never touches the database.
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, body = Alive)))]
async fn health() -> Json<Alive> {
    Alive::now()
}

/// Says that the process answers. Never touches the database.
#[utoipa::path(get, path = "/api/health", tag = "health", responses((status = 200, body = Alive)))]
async fn api_health() -> Json<Alive> {
    Alive::now()
}

/// Liveness probe: restart the process when this fails.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Alive)))]
async fn live() -> Json<Alive> {
    Alive::now()
}

/// The process can serve.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"status": "ready", "timestamp": "2026-01-02T03:04:05.678Z"}))]
pub struct Ready {
    /// Always `ready`: otherwise the reply is 503.
    status: &'static str,
    /// UTC, milliseconds.
    timestamp: String,
}

/// Readiness probe: send no requests while this fails. Checks that the database answers
/// within a second and has every migration of this build; a 503 says what is wrong.
#[utoipa::path(get, path = "/health/ready", tag = "health", responses((status = 200, body = Ready)))]
async fn ready(State(state): State<AppState>) -> ApiResult<Json<Ready>> {
    if state.shutdown.is_cancelled() {
        return Err(ApiError::busy(codes::OVERLOADED, "the process is stopping"));
    }
    let missing = within_patience(missing_migrations(&state)).await?;
    if missing.is_empty() {
        return Ok(Json(Ready { status: "ready", timestamp: timestamp::now() }));
    }
    let message = format!("the database lacks migrations {missing:?}: run `capstan migrate`");
    Err(ApiError::busy(codes::DATABASE_UNAVAILABLE, message)
        .with_details(json!({ "missingMigrations": missing })))
}

async fn missing_migrations(state: &AppState) -> ApiResult<Vec<i64>> {
    let mut conn = state.pool.acquire().await?;
    match schema::missing(&mut conn).await {
        // No table of migrations: none has run.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => {
            Ok(schema::MIGRATIONS.iter().map(|migration| migration.version).collect())
        }
        other => Ok(other?),
    }
}

async fn within_patience<T>(question: impl Future<Output = ApiResult<T>>) -> ApiResult<T> {
    tokio::time::timeout(PATIENCE, question).await.unwrap_or_else(|_| {
        let message = format!("the database did not answer within {} ms", PATIENCE.as_millis());
        Err(ApiError::busy(codes::DATABASE_UNAVAILABLE, message))
    })
}

/// The state of the connection pool.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "status": "healthy",
    "pool": {"totalCount": 4, "idleCount": 3, "waitingCount": null},
    "timestamp": "2026-01-02T03:04:05.678Z"
}))]
pub struct DatabaseHealth {
    /// Always `healthy`: otherwise the reply is 503.
    status: &'static str,
    /// Connections of this process.
    pool: PoolHealth,
    /// UTC, milliseconds.
    timestamp: String,
}

/// Counts of the pool's connections.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the contract's names")]
pub struct PoolHealth {
    /// Open connections.
    total_count: u32,
    /// Open connections that nobody uses.
    idle_count: usize,
    /// Callers waiting for one: the pool does not say, so always null.
    waiting_count: Option<u32>,
}

/// Says whether the database answers, and how many connections are open.
#[utoipa::path(
    get, path = "/api/health/db", tag = "health",
    responses((status = 200, body = DatabaseHealth)), security(("session" = []))
)]
async fn database(_actor: Actor, State(state): State<AppState>) -> ApiResult<Json<DatabaseHealth>> {
    within_patience(missing_migrations(&state)).await?;
    Ok(Json(DatabaseHealth {
        status: "healthy",
        pool: PoolHealth {
            total_count: state.pool.size(),
            idle_count: state.pool.num_idle(),
            waiting_count: None,
        },
        timestamp: timestamp::now(),
    }))
}
