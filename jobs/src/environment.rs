//! What handlers may use. Chosen once, in the composition root.

use std::sync::Arc;

use sqlx::PgPool;

use crate::{config::Config, queue::Hints};

/// The surroundings of a handler.
#[derive(Debug)]
pub struct Environment {
    /// Connections to the one shared state.
    pub pool: PgPool,
    /// Wake-up hints for other processes, sent after commit.
    pub hints: Hints,
    /// The settings of this process.
    pub config: Arc<Config>,
}

impl Environment {
    /// Builds the surroundings on `pool`.
    pub fn new(pool: PgPool, config: Arc<Config>) -> Self {
        let hints = Hints::new(pool.clone());
        Self { pool, hints, config }
    }
}
