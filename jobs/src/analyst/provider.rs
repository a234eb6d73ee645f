//! One provider of models in this process: how it is reached, and when it is not worth asking.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::Utc;
use http::Method;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::{sync::Semaphore, time::Instant};

use super::{
    anthropic,
    budget::Purse,
    model::{Completion, ModelError, Prompt, Shape},
    openai,
};
use crate::{
    config::{AnalystProvider, Analysts as Settings},
    external::{
        BreakerOptions, External, ExternalError, ExternalMetrics, ExternalOptions, Limit, Position, Request,
        process_name,
    },
};

/// The longest answer that is read, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// The longest that a provider stays closed after failures.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// How long a provider that turned the account away is left alone.
const DENIED: Duration = Duration::from_mins(10);

/// A provider that has a key.
#[derive(Debug)]
pub(super) struct Provider {
    /// Its name, in the settings and everywhere.
    pub(super) name: &'static str,
    /// The model that is asked when a role names none.
    pub(super) default_model: String,
    /// What may be spent on it.
    pub(super) purse: Purse,
    /// Calls at once.
    pub(super) turns: Semaphore,
    shape: Shape,
    way: External,
    denied: Mutex<Option<(Instant, String)>>,
}

impl Provider {
    /// Returns the provider `name` with its `key`.
    pub(super) fn new(
        name: &'static str,
        key: &SecretString,
        settings: &AnalystProvider,
        all: &Settings,
        pool: &PgPool,
        metrics: &ExternalMetrics,
    ) -> Result<Self, ExternalError> {
        let shape = if name == "anthropic" { anthropic::SHAPE } else { openai::SHAPE };
        let options = ExternalOptions {
            provider: name,
            process: process_name(),
            base_url: settings.base_url.clone(),
            secret_headers: (shape.headers)(key),
            timeout: all.timeout(),
            // A call costs money: whether it is made again is decided by who asked.
            retries: 0,
            body_limit: BODY_LIMIT,
            limit: Limit {
                per_minute: settings.requests_per_minute,
                burst: (settings.requests_per_minute / 4).max(1),
                patience: all.timeout() / 4,
            },
            breaker: BreakerOptions { longest_pause: LONGEST_PAUSE, ..BreakerOptions::default() },
        };
        Ok(Self {
            name,
            default_model: settings.model.clone(),
            purse: Purse::new(name, settings, pool.clone()),
            turns: Semaphore::new(usize::try_from(settings.concurrent).unwrap_or(1).max(1)),
            shape,
            way: External::new(options, pool.clone(), metrics)?,
            denied: Mutex::default(),
        })
    }

    /// Sends `prompt` once and returns what was said.
    pub(super) async fn complete(&self, prompt: &Prompt) -> Result<Completion, ModelError> {
        let Shape { path, body, read, .. } = self.shape;
        let request = Request::new("complete", Method::POST, path).json(body(prompt));
        Ok(read(&self.way.call(&request).await?)?)
    }

    /// Returns why it is not worth asking now, if it is not.
    pub(super) fn out_of_reach(&self) -> Option<String> {
        let state = self.way.state();
        if state.position == Position::Open && state.retry_at.is_some_and(|at| at > Utc::now()) {
            return Some(format!("the breaker is open: {}", state.last_error.unwrap_or_default()));
        }
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, reason) = denied.as_ref()?;
        (Instant::now() < *until).then(|| format!("left alone for a while: {reason}"))
    }

    /// Leaves it alone for a while: it turned the account away, and would again.
    pub(super) fn deny(&self, reason: String) {
        *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now() + DENIED, reason));
    }
}
