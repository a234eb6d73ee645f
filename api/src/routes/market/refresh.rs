//! The one place where the API has market data asked for.

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

/// Enqueues the job that refreshes `symbols` in the caller's transaction, or returns the unfinished
/// one that does; call [`announce`] after the commit.
pub(in crate::routes) async fn enqueue_refresh(
    conn: &mut PgConnection,
    symbols: Vec<String>,
    trace_id: Option<&str>,
) -> ApiResult<Uuid> {
    let options = Enqueue::default();
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
