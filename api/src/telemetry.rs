//! What the API counts, and what it shows of itself.

use std::{fmt, time::Duration};

use axum::http::Method;
use jobs::telemetry::{self, LATENCIES, QueueDepth};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use sqlx::PgPool;

/// The series of one API process.
#[derive(Debug)]
pub(crate) struct Telemetry {
    registry: Registry,
    depth: QueueDepth,
    requests: Family<Answered, Counter>,
    durations: Family<Answered, Histogram>,
    /// Event streams open now.
    pub(crate) streams: Gauge,
    /// Connections open now.
    pub(crate) sockets: Gauge,
}

/// How a request was answered. The route is the pattern, never the path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

impl Telemetry {
    pub(crate) fn new(pool: &PgPool) -> Self {
        let mut registry = telemetry::registry();
        telemetry::register_process(&mut registry, pool);
        let depth = QueueDepth::default();
        depth.register(&mut registry);
        let requests = Family::<Answered, Counter>::default();
        let durations: Family<Answered, Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCIES));
        let (streams, sockets) = (Gauge::default(), Gauge::default());
        registry.register("http_requests", "Requests answered", requests.clone());
        let help = "From a request's head to its reply's head";
        registry.register("http_request_duration_seconds", help, durations.clone());
        registry.register("http_streams", "Event streams open now", streams.clone());
        registry.register("http_connections", "Client connections open now", sockets.clone());
        Self { registry, depth, requests, durations, streams, sockets }
    }

    /// Counts a request that was answered.
    pub(crate) fn answered(&self, method: &Method, route: String, status: u16, took: Duration) {
        let answered = Answered { method: known(method), route, status };
        self.requests.get_or_create(&answered).inc();
        self.durations.get_or_create(&answered).observe(took.as_secs_f64());
    }

    /// Returns the present values in the OpenMetrics text format.
    pub(crate) async fn exposition(&self, pool: &PgPool) -> Result<String, fmt::Error> {
        self.depth.shown(pool, || telemetry::exposition([&self.registry])).await
    }
}

/// Returns the method's name; clients may invent methods, so all others are one.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
