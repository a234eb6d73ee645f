//! Who is asked, in which order, and what is done with what they say.

use std::time::Duration;

use domain::decision::Proposal;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};
use uuid::Uuid;

use super::{
    Question,
    attempt::{Attempt, Outcome},
    cache::{self, Cache},
    call_log::CallLog,
    model::Prompt,
    prompt,
    provider::Provider,
};
use crate::{
    connector::Fallback,
    db::{
        connectors,
        llm::{self, Call, CallStatus, Role},
    },
};

/// The longest that reading the role, or the switches, may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Why a provider that is switched off was not asked.
const OFF: &str = "switched off";
/// Calls of one provider for one question.
const TRIES: u32 = 2;

/// Every provider that can be asked.
#[derive(Debug)]
pub(super) struct Router {
    /// Those that have a key, in the order of the settings.
    pub(super) providers: Vec<Provider>,
    /// The models of those that have none, by provider, in the order of the settings.
    pub(super) keyless: Vec<(&'static str, String)>,
    pub(super) pool: PgPool,
    pub(super) cache: Cache,
    pub(super) log: CallLog,
    /// The deadline of one attempt.
    pub(super) timeout: Duration,
}

/// A valid answer of a model.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) proposal: Proposal,
    pub(super) provider: &'static str,
    pub(super) model: String,
    pub(super) evidence: Value,
}

/// One question on its way through the chain.
pub(super) struct Inquiry<'a> {
    pub(super) question: &'a Question,
    pub(super) role: &'static str,
    /// When to stop asking models.
    give_up: Instant,
    /// Whether somebody was asked, or should have been, before.
    pub(super) fallback_used: bool,
}

/// One request of one model.
pub(super) struct Asked<'a> {
    pub(super) inquiry: &'a Inquiry<'a>,
    pub(super) provider: &'static str,
    pub(super) prompt: Prompt,
    pub(super) hash: String,
}

impl Asked<'_> {
    /// Returns the record of it, for a call that cost nothing so far.
    pub(super) fn call(&self, status: CallStatus) -> Call {
        let Inquiry { question, role, fallback_used, .. } = self.inquiry;
        Call {
            call_id: Uuid::now_v7(),
            user_id: question.user_id,
            role,
            provider: self.provider.to_owned(),
            model: self.prompt.model.clone(),
            status,
            input_tokens: 0,
            output_tokens: 0,
            cost: Decimal::ZERO,
            latency_ms: None,
            fallback_used: *fallback_used,
            reason: None,
            error: None,
            request_hash: self.hash.clone(),
            provider_request_id: None,
            prompt: None,
            response: None,
            trace_id: question.trace_id.clone(),
        }
    }
}

impl Router {
    /// Asks the models of `role` in order, and returns the first valid answer with those who were
    /// passed over, and why.
    pub(super) async fn ask(
        &self,
        role_name: &'static str,
        question: &Question,
    ) -> (Option<Found>, Vec<Fallback>) {
        let (role, off) = tokio::join!(self.role(role_name), self.switched_off());
        let mut fallbacks = Vec::new();
        let mut inquiry = Inquiry {
            question,
            role: role_name,
            give_up: Instant::now() + self.timeout.mul_f64(2.5),
            fallback_used: false,
        };
        for (name, model) in self.chain(&role) {
            let asked = |provider: &'static str, model: &str| {
                let prompt = prompt::write(question, model, &role);
                let hash = cache::key(role_name, provider, &prompt);
                (prompt, hash)
            };
            let closed = match &off {
                // Whoever can't be told to stop is not asked: it would cost money.
                None => Some("its switch can't be read"),
                Some(off) => off.contains(&name).then_some(OFF),
            };
            let reason = match self.providers.iter().find(|provider| provider.name == name) {
                Some(provider) => {
                    let model = model.unwrap_or_else(|| provider.default_model.clone());
                    let (prompt, hash) = asked(provider.name, &model);
                    let asked = Asked { inquiry: &inquiry, provider: provider.name, prompt, hash };
                    let answer = match closed {
                        Some(reason) => Err(self.skip(&asked, reason).await),
                        None => self.consult(provider, &asked).await,
                    };
                    match answer {
                        Ok(found) => return (Some(found), fallbacks),
                        Err(reason) => reason,
                    }
                }
                None => match self.keyless.iter().find(|(keyless, _)| *keyless == name) {
                    Some((provider, default_model)) => {
                        let (prompt, hash) = asked(provider, model.as_deref().unwrap_or(default_model));
                        let asked = Asked { inquiry: &inquiry, provider, prompt, hash };
                        self.skip(&asked, closed.unwrap_or("it has no key")).await
                    }
                    None => "there is no such provider".to_owned(),
                },
            };
            debug!(provider = name, reason, "{name} has no proposal for {}: {reason}", question.symbol);
            fallbacks.push(Fallback { provider: name, reason });
            inquiry.fallback_used = true;
        }
        (None, fallbacks)
    }

    async fn role(&self, name: &'static str) -> Role {
        let read = async { llm::role(&mut *self.pool.acquire().await?, name).await };
        match timeout(PATIENCE, read).await {
            Ok(Ok(role)) => return role,
            Ok(Err(error)) => warn!(%error, "could not read the role {name}; asking as by default: {error}"),
            Err(_) => warn!("could not read the role {name} in time; asking as by default"),
        }
        Role::default()
    }

    /// Returns those that operators have switched off; `None` when nobody can tell.
    async fn switched_off(&self) -> Option<Vec<String>> {
        let read = async { connectors::switched_off(&mut *self.pool.acquire().await?).await };
        match timeout(PATIENCE, read).await {
            Ok(Ok(off)) => return Some(off),
            Ok(Err(error)) => warn!(%error, "could not read who is switched off; asking nobody: {error}"),
            Err(_) => warn!("could not read in time who is switched off; asking nobody"),
        }
        None
    }

    fn chain(&self, role: &Role) -> Vec<(String, Option<String>)> {
        if !role.is_active {
            return Vec::new();
        }
        let configured = || self.providers.iter().map(|provider| (provider.name.to_owned(), None)).collect();
        role.chain.clone().unwrap_or_else(configured)
    }

    /// Asks one provider, twice at most. Every call is recorded; the error is why there is no answer.
    async fn consult(&self, provider: &Provider, asked: &Asked<'_>) -> Result<Found, String> {
        if let Some(found) = self.kept(asked).await {
            return Ok(found);
        }
        if let Some(reason) = provider.out_of_reach() {
            return Err(self.skip(asked, &reason).await);
        }
        let turn = match provider.turns.try_acquire() {
            Ok(turn) => turn,
            Err(_) => match timeout(self.timeout, provider.turns.acquire()).await {
                Ok(Ok(turn)) => {
                    // Who had the turn before may have asked the same.
                    if let Some(found) = self.kept(asked).await {
                        return Ok(found);
                    }
                    turn
                }
                _ => return Err(self.skip(asked, "all its calls at once are taken").await),
            },
        };
        let begun = Instant::now();
        let mut correction: Option<String> = None;
        let mut last = String::new();
        for tries in 1..=TRIES {
            if let Some(reason) = provider.out_of_reach() {
                // After a call that failed, that failure is the better reason.
                return Err(if tries == 1 { self.skip(asked, &reason).await } else { last });
            }
            if Instant::now() + self.timeout > asked.inquiry.give_up {
                return Err(if tries == 1 { self.skip(asked, "no time is left").await } else { last });
            }
            let prompt = match &correction {
                Some(problem) => asked.prompt.corrected(problem),
                None => asked.prompt.clone(),
            };
            let attempt = Attempt { provider, asked, prompt: &prompt, log: &self.log };
            match attempt.make().await {
                Outcome::Valid(proposal, answer, evidence) => {
                    let model = asked.prompt.model.clone();
                    self.cache.put(&asked.hash, provider.name, &model, &answer).await;
                    return Ok(Found { proposal, provider: provider.name, model, evidence });
                }
                Outcome::Invalid(problem) => {
                    correction = Some(problem.clone());
                    last = problem;
                }
                Outcome::Failed { reason, again_in } => {
                    last = reason;
                    // Only while half an attempt's time is not over: others are to be asked, too.
                    let soon = again_in.filter(|wait| begun.elapsed() + *wait < self.timeout / 2);
                    match soon {
                        Some(wait) if tries < TRIES => sleep(wait).await,
                        _ => break,
                    }
                }
            }
        }
        drop(turn);
        Err(last)
    }

    /// Returns a kept answer that is still valid at the price of now.
    async fn kept(&self, asked: &Asked<'_>) -> Option<Found> {
        let answer = self.cache.get(&asked.hash).await?;
        let proposal = Proposal::parse(&answer).ok()?;
        proposal.validate(asked.inquiry.question.price).ok()?;
        let call = Call { response: Some(answer), ..asked.call(CallStatus::Cached) };
        let evidence = json!({ "callId": call.call_id, "cached": true, "requestHash": asked.hash });
        self.log.record(call).await;
        let model = asked.prompt.model.clone();
        Some(Found { proposal, provider: asked.provider, model, evidence })
    }

    /// Records that nobody was asked, and returns why.
    async fn skip(&self, asked: &Asked<'_>, reason: &str) -> String {
        let call = Call { reason: Some(reason.to_owned()), ..asked.call(CallStatus::Skipped) };
        self.log.record(call).await;
        self.log.text(reason)
    }
}
