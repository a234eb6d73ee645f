//! What the analysts say: decisions and what became of them, sentiment, and the models asked.
//!
//! The API asks no model: a request becomes a job, and its decision a row.

mod analyze;
mod decision_view;
mod decisions;
mod enriched;
mod feed;
mod provider;
mod sentiment;
mod timeline;
mod window;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use decision_view::{DecisionView, action_word};
pub(super) use window::{WindowQuery, word};

use crate::state::AppState;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(decisions::plain))
        .routes(routes!(decisions::list))
        .routes(routes!(decisions::history))
        .routes(routes!(enriched::enriched))
        .routes(routes!(analyze::analyze))
        .routes(routes!(provider::stats))
        .routes(routes!(provider::status))
        .routes(routes!(feed::events))
        .routes(routes!(sentiment::sentiment))
}
