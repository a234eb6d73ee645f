//! The way to one provider, and what is counted on it.

use std::time::{Duration, Instant};

use http::HeaderName;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sqlx::PgPool;

use super::{
    flaw::{Failure, Flaw, excerpt},
    recorder::Recorder,
};
use crate::external::{
    self, Answer, BreakerOptions, External, ExternalError, ExternalMetrics, ExternalOptions, Limit, Request,
    secrets::Secrets,
};

/// The longest answer: a company's facts take up to 10 MB.
const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// Attempts after the first.
const RETRIES: usize = 1;

/// Whom to reach, and how.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// The connector's id.
    pub(super) id: &'static str,
    /// The provider's name in metrics and in the shared allowance.
    pub(super) provider: &'static str,
    pub(super) base_url: String,
    pub(super) headers: Vec<(HeaderName, SecretString)>,
    pub(super) timeout: Duration,
    pub(super) limit: Limit,
    pub(super) breaker: BreakerOptions,
}

/// The way to one provider.
#[derive(Debug)]
pub(super) struct Way {
    id: &'static str,
    external: External,
    recorder: Recorder,
}

impl Way {
    pub(super) fn new(
        address: Address,
        pool: &PgPool,
        metrics: &ExternalMetrics,
        recorder: &Recorder,
    ) -> Result<Self, ExternalError> {
        let mut secrets = Secrets::default();
        address.headers.iter().for_each(|(_, value)| secrets.add_header(value));
        recorder.hide(address.id, &secrets);
        let options = ExternalOptions {
            provider: address.provider,
            // The broker of the same process may be on the same way.
            process: format!("{}/connectors", external::process_name()),
            base_url: address.base_url,
            secret_headers: address.headers,
            timeout: address.timeout,
            retries: RETRIES,
            body_limit: BODY_LIMIT,
            limit: address.limit,
            breaker: address.breaker,
        };
        let external = External::new(options, pool.clone(), metrics)?;
        Ok(Self { id: address.id, external, recorder: recorder.clone() })
    }

    pub(super) fn id(&self) -> &'static str {
        self.id
    }

    /// Sends `request` and counts what came of it under `endpoint`.
    pub(super) async fn call(&self, endpoint: &'static str, request: Request) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let answer = self.external.call(&request).await;
        self.recorder.called(self.id, endpoint, begun.elapsed(), answer.as_ref().err());
        Ok(answer?)
    }

    /// Counts a question that nobody waits for any longer, here and at the breaker; returns what to
    /// say of it.
    pub(super) fn cut(&self, endpoint: &'static str, waited: Duration) -> String {
        let reason = format!("no answer within {} ms", waited.as_millis());
        let error = ExternalError::Unknown { reason };
        self.external.given_up(&error);
        self.recorder.called(self.id, endpoint, waited, Some(&error));
        error.to_string()
    }

    /// Sends `request`, whose answer is a `T` in JSON.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        request: Request,
    ) -> Result<T, Failure> {
        let answer = self.call(endpoint, request).await?;
        answer.json().map_err(|error| {
            let reason = match error {
                ExternalError::Malformed { reason } => reason,
                error => error.to_string(),
            };
            Failure::Flawed(Flaw::malformed(reason), Some(answer.masked(&excerpt(answer.body()))))
        })
    }
}

/// Reads one part of an answer, so that a bad one does not cost the others.
pub(super) fn part<T: DeserializeOwned>(raw: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(raw.get()).map_err(|error| {
        Failure::Flawed(Flaw::malformed(error.to_string()), Some(excerpt(raw.get().as_bytes())))
    })
}
