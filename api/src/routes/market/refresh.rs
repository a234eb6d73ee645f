//! The one place where the API has market data asked for.

use std::time::Duration;

use jobs::{
    Job,
    kinds::refresh_market_data::RefreshMarketData,
    queue::{Enqueue, EnqueueError, enqueue},
};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult},
    state::AppState,
};

/// A refresh for readers that has not begun by then is dropped: they have been answered, and who
/// still wants to know asks again.
const READERS_WAIT: Duration = Duration::from_secs(15);

/// Enqueues the job that refreshes `symbols` in the caller's transaction, or returns the unfinished
/// one that does; call [`announce`] after the commit.
pub(in crate::routes) async fn enqueue_refresh(
    conn: &mut PgConnection,
    symbols: Vec<String>,
    trace_id: Option<&str>,
) -> ApiResult<Uuid> {
    put(conn, symbols, trace_id, Enqueue::default()).await
}

/// Enqueues the job that refreshes `symbols` for somebody who reads them now, as
/// [`enqueue_refresh`] does; it expires after 15 s.
pub(super) async fn enqueue_for_readers(
    conn: &mut PgConnection,
    symbols: Vec<String>,
    trace_id: Option<&str>,
) -> ApiResult<Uuid> {
    put(conn, symbols, trace_id, Enqueue::default().not_after(READERS_WAIT)).await
}

async fn put(
    conn: &mut PgConnection,
    symbols: Vec<String>,
    trace_id: Option<&str>,
    options: Enqueue,
) -> ApiResult<Uuid> {
    let options = match trace_id {
        Some(trace_id) => options.trace_id(trace_id),
        None => options,
    };
    let queued = enqueue(conn, &RefreshMarketData { symbols }, options).await;
    queued.map(|queued| queued.job_id).map_err(not_enqueued)
}

/// Returns how a job that could not be enqueued reads.
pub(in crate::routes) fn not_enqueued(error: EnqueueError) -> ApiError {
    match error {
        EnqueueError::Database(error) => error.into(),
        other => ApiError::internal(other),
    }
}

/// Wakes the workers.
pub(in crate::routes) fn announce(state: &AppState) {
    state.hints.jobs(RefreshMarketData::QUEUE);
}
