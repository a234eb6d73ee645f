//! What is counted for each provider.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::telemetry::LATENCIES;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    provider: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    provider: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limited {
    provider: &'static str,
    by: &'static str,
}

/// The series of all providers of a process; clones share them.
#[derive(Debug, Clone)]
pub struct ExternalMetrics {
    ended: Family<Ended, Counter>,
    took: Family<Operation, Histogram>,
    breaker: Family<Provider, Gauge>,
    limited: Family<Limited, Counter>,
}

impl Default for ExternalMetrics {
    fn default() -> Self {
        Self {
            ended: Family::default(),
            took: Family::new_with_constructor(|| Histogram::new(LATENCIES)),
            breaker: Family::default(),
            limited: Family::default(),
        }
    }
}

impl ExternalMetrics {
    /// Adds the series to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Attempts to call a provider, by what came of them";
        registry.register("external_requests", help, self.ended.clone());
        let help = "How long attempts to call a provider took, waiting for a permit included";
        registry.register("external_request_seconds", help, self.took.clone());
        let help = "The breaker of a provider: 0 closed, 1 half open, 2 open";
        registry.register("external_breaker_state", help, self.breaker.clone());
        let help = "Attempts turned down for their number, by the fleet's allowance or by the provider";
        registry.register("external_rate_limited", help, self.limited.clone());
    }

    pub(super) fn of(&self, provider: &'static str) -> Series {
        let breaker = self.breaker.get_or_create_owned(&Provider { provider });
        Series { provider, all: self.clone(), breaker }
    }
}

/// The series of one provider.
#[derive(Debug)]
pub(super) struct Series {
    provider: &'static str,
    all: ExternalMetrics,
    pub(super) breaker: Gauge,
}

impl Series {
    pub(super) fn ended(&self, operation: &'static str, outcome: &'static str, took: Duration) {
        let provider = self.provider;
        self.all.ended.get_or_create(&Ended { provider, operation, outcome }).inc();
        self.all.took.get_or_create(&Operation { provider, operation }).observe(took.as_secs_f64());
    }

    pub(super) fn limited(&self, by: &'static str) {
        self.all.limited.get_or_create(&Limited { provider: self.provider, by }).inc();
    }
}
