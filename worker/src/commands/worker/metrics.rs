//! The worker's own `GET /metrics`: its counters, for a monitoring system only.

use std::{io::Write, sync::Arc, time::Duration};

use anyhow::Context;
use api::Sockets;
use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};
use jobs::{Environment, queue::Counters, telemetry};
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Scrapers are few.
const SOCKETS: usize = 32;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// A bound listener and what it will show.
pub(super) struct Metrics {
    listener: TcpListener,
    registry: Registry,
}

impl Metrics {
    /// Listens on `worker.metrics_listen` and prints where; `None` when that is empty.
    pub(super) async fn bind(env: &Environment, counters: &Counters) -> anyhow::Result<Option<Self>> {
        let address = env.config.worker.metrics_listen.trim();
        if address.is_empty() {
            return Ok(None);
        }
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))?;
        let bound = listener.local_addr()?;
        let mut registry = telemetry::registry();
        telemetry::register_process(&mut registry, &env.pool);
        counters.register(&mut registry);
        env.external.register(&mut registry);
        // A reader that has gone away is no reason to stop working.
        let _ = writeln!(std::io::stdout(), "metrics on http://{bound}/metrics");
        Ok(Some(Self { listener, registry }))
    }

    /// Serves until dropped: a worker is watched until its last outcome is committed.
    pub(super) async fn serve(self) {
        let router = Router::new().route("/metrics", get(show)).with_state(Arc::new(self.registry));
        let sockets = Sockets { most: SOCKETS, header_timeout: HEADER_TIMEOUT, open: Gauge::default() };
        api::serve_router(self.listener, router, sockets, CancellationToken::new()).await;
    }
}

async fn show(State(registry): State<Arc<Registry>>, headers: HeaderMap) -> Response {
    // Writing to memory fails for no reason that a scraper could act on: then it sees nothing.
    let text = telemetry::exposition([registry.as_ref()]).unwrap_or_default();
    api::routes::metrics::answer(&headers, &text)
}
