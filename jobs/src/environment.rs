//! What handlers may use. Chosen once, in the composition root.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{
    analyst::Analysts, broker::Broker, config::Config, connector::Connectors, db, external::ExternalMetrics,
    queue::Hints,
};

/// The surroundings of a handler.
#[derive(Debug)]
pub struct Environment {
    /// Connections to the one shared state.
    pub pool: PgPool,
    /// Connections past a pooler, for what needs a session of its own; without one, `pool` again.
    pub direct: PgPool,
    /// Wake-up hints for other processes, sent after commit.
    pub hints: Hints,
    /// The settings of this process.
    pub config: Arc<Config>,
    /// The broker; `None` when none is configured.
    pub broker: Option<Arc<dyn Broker>>,
    /// Where data of others comes from; nobody when none is configured.
    pub connectors: Connectors,
    /// Who proposes what to do; rules alone when no model is configured.
    pub analysts: Analysts,
    /// What is counted about the services of others.
    pub external: ExternalMetrics,
}

impl Environment {
    /// Builds the surroundings on `pool`; panics when `database.direct_url` is no URL, which
    /// the start of a process has checked.
    pub fn new(pool: PgPool, config: Arc<Config>) -> Self {
        let hints = Hints::new(pool.clone());
        let direct = db::direct_or(&pool, &config.database).expect("the start has read the URL already");
        Self {
            pool,
            direct,
            hints,
            config,
            broker: None,
            connectors: Connectors::default(),
            analysts: Analysts::default(),
            external: ExternalMetrics::default(),
        }
    }

    /// Lets handlers use `broker`, whose calls are counted in `metrics`.
    #[must_use]
    pub fn with_broker(mut self, broker: Arc<dyn Broker>, metrics: ExternalMetrics) -> Self {
        (self.broker, self.external) = (Some(broker), metrics);
        self
    }

    /// Lets handlers ask these connectors.
    #[must_use]
    pub fn with_connectors(self, connectors: Connectors) -> Self {
        Self { connectors, ..self }
    }

    /// Lets handlers ask these analysts.
    #[must_use]
    pub fn with_analysts(self, analysts: Analysts) -> Self {
        Self { analysts, ..self }
    }
}
