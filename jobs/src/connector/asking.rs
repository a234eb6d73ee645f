//! Asking in order, until somebody gives something usable.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Debug,
    sync::Arc,
    time::Instant,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{FutureExt, future::BoxFuture};
use rust_decimal::Decimal;

use super::{
    Fallback, Quote, SourceError, Sourced,
    flaw::{Failure, Flaw, excerpt},
    provider::{Provider, QuoteSource},
    quality,
    recorder::Recorder,
    switches::Switches,
};
use crate::external::ExternalError;

/// The name of quotes among the endpoints.
const QUOTES: &str = "quotes";
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
                tried.push(fallback(connector, OFF.into()));
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
                    tried.push(fallback(connector, failure.told()));
                    self.quarantine(connector, endpoint, Some(about), failure, true);
                }
            }
        }
        Err(if asked { SourceError::Exhausted { what, tried } } else { SourceError::Nobody { what } })
    }

    /// Returns the first usable quote of each of `symbols`.
    pub(super) async fn quotes(
        &self,
        sources: &[Arc<dyn QuoteSource>],
        symbols: &[String],
        max_age: TimeDelta,
        now: DateTime<Utc>,
    ) -> Result<Vec<Sourced<Quote>>, SourceError> {
        let mut missing: Vec<String> = symbols.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let mut tried: HashMap<String, Vec<Fallback>> = HashMap::new();
        let (mut found, mut asked) = (Vec::new(), false);
        let mut suspects: HashMap<String, Decimal> = HashMap::new();
        for source in sources {
            if missing.is_empty() {
                break;
            }
            let id = source.id();
            let mut reasons: HashMap<String, String> = HashMap::new();
            let mut unsaid = "no quote of it".to_owned();
            if self.switches.is_off(id).await {
                unsaid = OFF.into();
            } else {
                asked = true;
                let fetched_at = Utc::now();
                let before = found.len();
                let mut flaws = Vec::new();
                match source.quotes(&missing).await {
                    Err(failure) => {
                        unsaid = failure.told();
                        self.quarantine(id, QUOTES, None, failure, true);
                    }
                    Ok(answers) => {
                        for (symbol, answer) in answers {
                            let good = answer.and_then(|quote| {
                                judged(quality::quote(&quote, max_age, now), &quote)?;
                                let other = suspects.insert(symbol.clone(), quote.price);
                                judged(quality::jump(&quote, other), &quote).map(|()| quote)
                            });
                            match good {
                                Ok(value) => found.push(Sourced {
                                    as_of: value.at,
                                    value,
                                    provider: id,
                                    fetched_at,
                                    fallbacks: tried.get(&symbol).cloned().unwrap_or_default(),
                                }),
                                Err(failure) => {
                                    reasons.insert(symbol.clone(), failure.told());
                                    flaws.push((symbol, failure));
                                }
                            }
                        }
                    }
                }
                let answered = &found[before..];
                if answered.iter().any(|quote| !quote.fallbacks.is_empty()) {
                    self.recorder.fell_back(id, QUOTES);
                }
                missing.retain(|symbol| answered.iter().all(|quote| quote.value.symbol != *symbol));
                // An answer about many is spoilt when nothing of it can be used.
                let mut spoils = source.one_by_one() || answered.is_empty();
                for (symbol, failure) in flaws {
                    self.quarantine(id, QUOTES, Some(&symbol), failure, spoils);
                    spoils &= source.one_by_one();
                }
            }
            for symbol in &missing {
                let reason = reasons.remove(symbol).unwrap_or_else(|| unsaid.clone());
                tried.entry(symbol.clone()).or_default().push(fallback(id, reason));
            }
        }
        match missing.first() {
            _ if !asked && !symbols.is_empty() => Err(SourceError::Nobody { what: QUOTES }),
            Some(first) if found.is_empty() => {
                Err(SourceError::Exhausted { what: QUOTES, tried: tried.remove(first).unwrap_or_default() })
            }
            _ => Ok(found),
        }
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
                let told = failure.told();
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

fn fallback(connector: &'static str, reason: String) -> Fallback {
    Fallback { provider: connector.to_owned(), reason }
}
