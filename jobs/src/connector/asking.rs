//! Asking in order, until somebody gives something usable.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures::{FutureExt, future::BoxFuture};
use tokio::time::timeout;

use super::{
    Fallback, SourceError, Sourced,
    answers::Answers,
    flaw::{Failure, Flaw, excerpt},
    provider::{Asked, Provider},
    recorder::Recorder,
    switches::Switches,
};
use crate::external::ExternalError;

/// Why a connector was passed over.
const OFF: &str = "switched off";

/// Somebody, and the question to them, which nobody asks before it is their turn.
pub(super) struct Step<'a, T> {
    connector: &'static str,
    /// A symbol, or a series.
    about: &'a str,
    answer: BoxFuture<'a, Result<T, Failure>>,
}

impl<'a, T> Step<'a, T> {
    pub(super) fn new(
        connector: &'static str,
        about: &'a str,
        answer: impl Future<Output = Result<T, Failure>> + Send + 'a,
    ) -> Self {
        Self { connector, about, answer: answer.boxed() }
    }
}

/// What came of asking about many symbols.
pub(super) struct Each<T> {
    /// Usable answers.
    pub(super) found: Vec<(String, Sourced<T>)>,
    /// Symbols without one, and who was asked about them.
    pub(super) missing: Vec<(String, Vec<Fallback>)>,
    /// Whether anybody was asked at all.
    pub(super) asked: bool,
}

/// Who may be asked, and where it is counted.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) recorder: Recorder,
    pub(super) switches: Switches,
}

impl Asking {
    /// Returns the first usable answer; `endpoint` is its name among the counts.
    pub(super) async fn first<T>(
        &self,
        what: &'static str,
        endpoint: &'static str,
        steps: Vec<Step<'_, T>>,
    ) -> Result<Sourced<T>, SourceError> {
        let mut tried = Vec::new();
        let mut asked = false;
        for Step { connector, about, answer } in steps {
            if self.switches.is_off(connector).await {
                tried.push(self.fallback(connector, OFF));
                continue;
            }
            asked = true;
            let fetched_at = Utc::now();
            match answer.await {
                Ok(value) => {
                    if !tried.is_empty() {
                        self.recorder.fell_back(connector, endpoint);
                    }
                    let as_of = fetched_at;
                    return Ok(Sourced { value, provider: connector, as_of, fetched_at, fallbacks: tried });
                }
                Err(failure) => {
                    tried.push(self.fallback(connector, &failure.told()));
                    self.quarantine(connector, endpoint, Some(about), failure, true);
                }
            }
        }
        Err(if asked { SourceError::Exhausted { what, tried } } else { SourceError::Nobody { what } })
    }

    /// Asks `sources` in order about `symbols` until each has a usable answer, or the time is over. Of
    /// what is left of `within`, each source but the last gets half: one that hangs must not keep the
    /// others from being asked.
    pub(super) async fn each<S: Provider + ?Sized + 'static, T: Debug>(
        &self,
        endpoint: &'static str,
        sources: &[Arc<S>],
        symbols: &[String],
        within: Duration,
        ask: impl for<'a> Fn(&'a S, &'a [String], &'a mut Answers<T>) -> Asked<'a, ()>,
        mut judge: impl FnMut(&str, &T) -> Result<(), Flaw>,
    ) -> Each<T> {
        let deadline = tokio::time::Instant::now() + within;
        let mut missing: Vec<String> = symbols.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let mut tried: HashMap<String, Vec<Fallback>> = HashMap::new();
        let (mut found, mut asked) = (Vec::new(), false);
        for (turn, source) in sources.iter().enumerate() {
            if missing.is_empty() {
                break;
            }
            let id = source.id();
            let mut reasons: HashMap<String, String> = HashMap::new();
            let unsaid = if self.switches.is_off(id).await {
                OFF.to_owned()
            } else {
                asked = true;
                let left = deadline.saturating_duration_since(tokio::time::Instant::now());
                let share = if turn + 1 == sources.len() { left } else { left / 2 };
                let fetched_at = Utc::now();
                let mut answers = Answers::default();
                let unsaid = match timeout(share, ask(source, &missing, &mut answers)).await {
                    Ok(Ok(())) => answers.given_up.unwrap_or_else(|| "nothing about it".to_owned()),
                    Ok(Err(failure)) => {
                        let told = failure.told();
                        self.quarantine(id, endpoint, None, failure, true);
                        told
                    }
                    Err(_) => source.way().cut(endpoint, share),
                };
                let before = found.len();
                let mut flaws = Vec::new();
                answers.by_symbol.sort_by(|(one, _), (other, _)| one.cmp(other));
                for (symbol, answer) in answers.by_symbol {
                    let good = answer.and_then(|value| {
                        judged(judge(&symbol, &value), &value)?;
                        Ok(value)
                    });
                    match good {
                        Ok(value) => {
                            let fallbacks = tried.get(&symbol).cloned().unwrap_or_default();
                            let as_of = fetched_at;
                            found.push((
                                symbol,
                                Sourced { value, provider: id, as_of, fetched_at, fallbacks },
                            ));
                        }
                        Err(failure) => {
                            reasons.insert(symbol.clone(), failure.told());
                            flaws.push((symbol, failure));
                        }
                    }
                }
                let answered = &found[before..];
                if answered.iter().any(|(_, answer)| !answer.fallbacks.is_empty()) {
                    self.recorder.fell_back(id, endpoint);
                }
                missing.retain(|symbol| answered.iter().all(|(answered, _)| answered != symbol));
                // An answer about many is spoilt when nothing of it can be used.
                let mut spoils = answers.one_by_one || answered.is_empty();
                for (symbol, failure) in flaws {
                    self.quarantine(id, endpoint, Some(&symbol), failure, spoils);
                    spoils &= answers.one_by_one;
                }
                unsaid
            };
            for symbol in &missing {
                let reason = reasons.remove(symbol).unwrap_or_else(|| unsaid.clone());
                tried.entry(symbol.clone()).or_default().push(self.fallback(id, &reason));
            }
        }
        let missing = missing.into_iter().map(|symbol| {
            let tried = tried.remove(&symbol).unwrap_or_default();
            (symbol, tried)
        });
        Each { found, missing: missing.collect(), asked }
    }

    /// Asks `provider` something cheap; returns how many ms the answer took.
    pub(super) async fn probe(
        &self,
        provider: &dyn Provider,
        now: DateTime<Utc>,
    ) -> Option<Result<i32, String>> {
        if self.switches.is_off(provider.id()).await {
            return None;
        }
        let begun = Instant::now();
        match provider.probe(now).await {
            Ok(()) => Some(Ok(i32::try_from(begun.elapsed().as_millis()).unwrap_or(i32::MAX))),
            Err(Failure::Call(ExternalError::RateLimited { .. })) => None,
            Err(failure) => {
                let told = self.recorder.shown(provider.id(), &failure.told());
                self.quarantine(provider.id(), "probe", None, failure, true);
                Some(Err(told))
            }
        }
    }

    /// Puts a part of an answer aside, whose rest is good.
    pub(super) fn put_aside(
        &self,
        connector: &'static str,
        endpoint: &'static str,
        about: &str,
        flaw: &Flaw,
    ) {
        self.recorder.flawed(connector, endpoint, Some(about), flaw, None, false);
    }

    /// Returns why the next one was asked; it goes into rows and replies, so it shows no key.
    fn fallback(&self, connector: &'static str, reason: &str) -> Fallback {
        Fallback { provider: connector.to_owned(), reason: self.recorder.shown(connector, reason) }
    }

    fn quarantine(
        &self,
        connector: &'static str,
        endpoint: &'static str,
        about: Option<&str>,
        failure: Failure,
        spoils: bool,
    ) {
        match failure {
            Failure::Flawed(flaw, beginning) => {
                self.recorder.flawed(connector, endpoint, about, &flaw, beginning, spoils);
            }
            // What the way out could not read either; it is counted as a failure already.
            Failure::Call(ExternalError::Malformed { reason }) => {
                self.recorder.flawed(connector, endpoint, about, &Flaw::malformed(reason), None, false);
            }
            Failure::Call(_) | Failure::Nothing(_) => {}
        }
    }
}

/// Returns a judgement as a failure, with the beginning of what it is about.
pub(super) fn judged(judgement: Result<(), Flaw>, about: &impl Debug) -> Result<(), Failure> {
    judgement.map_err(|flaw| Failure::Flawed(flaw, Some(excerpt(format!("{about:?}").as_bytes()))))
}
