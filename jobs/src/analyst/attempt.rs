//! One call of a model: paid for, made, judged and recorded.

use std::time::Duration;

use chrono::Utc;
use domain::decision::Proposal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    budget::Taken,
    call_log::CallLog,
    model::{Completion, Content, ModelError, Prompt, Usage},
    provider::Provider,
    router::Asked,
};
use crate::db::llm::{Call, CallStatus, Reservation};

/// A call that is about to be made.
pub(super) struct Attempt<'a> {
    pub(super) provider: &'a Provider,
    pub(super) asked: &'a Asked<'a>,
    /// What is sent: the question, perhaps with what was wrong with the last answer.
    pub(super) prompt: &'a Prompt,
    pub(super) log: &'a CallLog,
}

/// What came of a call.
pub(super) enum Outcome {
    /// A valid proposal, the answer it was read from, and the evidence for the record.
    Valid(Proposal, Value, Value),
    /// An answer that is not valid, and what is wrong with it.
    Invalid(String),
    /// No answer; when another try may help.
    Failed { reason: String, again_in: Option<Duration> },
}

impl Attempt<'_> {
    /// Makes the call.
    pub(super) async fn make(&self) -> Outcome {
        let reservation = match self.provider.purse.reserve(self.prompt).await {
            Ok(reservation) => reservation,
            Err(reason) => {
                let call = Call { reason: Some(reason.clone()), ..self.asked.call(CallStatus::Skipped) };
                self.log.record(call).await;
                return Outcome::Failed { reason: self.log.text(&reason), again_in: None };
            }
        };
        let begun = Instant::now();
        let result = self.provider.complete(self.prompt).await;
        let latency_ms = Some(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        let call =
            Call { latency_ms, prompt: Some(self.prompt.recorded()), ..self.asked.call(CallStatus::Failed) };
        match result {
            Ok(completion) => self.answered(&reservation, call, completion).await,
            Err(error) => self.failed(&reservation, call, &error).await,
        }
    }

    async fn answered(&self, reservation: &Reservation, call: Call, completion: Completion) -> Outcome {
        let Completion { content, usage, request_id, raw } = completion;
        let cost = self.provider.purse.settle(reservation, usage.map_or(Taken::Unknown, Taken::Used)).await;
        let Usage { input, output } = usage.unwrap_or(Usage { input: 0, output: 0 });
        let call = Call {
            cost,
            input_tokens: input,
            output_tokens: output,
            provider_request_id: request_id.map(|id| self.log.text(&id)),
            response: Some(raw),
            ..call
        };
        let (status, reason, outcome) = match content {
            Content::Json(answer) => match self.judge(&answer) {
                Ok(proposal) => {
                    let evidence = json!({
                        "callId": call.call_id,
                        "cached": false,
                        "requestHash": call.request_hash,
                        "providerRequestId": call.provider_request_id,
                        "inputTokens": input,
                        "outputTokens": output,
                    });
                    (CallStatus::Ok, None, Outcome::Valid(proposal, answer, evidence))
                }
                Err(problem) => (CallStatus::Invalid, Some(problem.clone()), Outcome::Invalid(problem)),
            },
            Content::Unusable(problem) => {
                (CallStatus::Invalid, Some(problem.clone()), Outcome::Invalid(self.log.text(&problem)))
            }
            Content::Refused(reason) => {
                let outcome = Outcome::Failed { reason: self.log.text(&reason), again_in: None };
                (CallStatus::Refused, Some(reason), outcome)
            }
        };
        self.log.record(Call { status, reason, ..call }).await;
        outcome
    }

    /// Reads and validates what a model proposes, at the price of the question.
    fn judge(&self, answer: &Value) -> Result<Proposal, String> {
        let judged = Proposal::parse(answer).and_then(|proposal| {
            proposal.validate(self.asked.inquiry.question.price)?;
            Ok(proposal)
        });
        judged.map_err(|error| self.log.text(&error.to_string()))
    }

    async fn failed(&self, reservation: &Reservation, call: Call, error: &ModelError) -> Outcome {
        // Nobody knows what a call without an answer costs, so it counts as the most it can.
        let taken = if error.is_free() { Taken::Nothing } else { Taken::Unknown };
        let cost = self.provider.purse.settle(reservation, taken).await;
        let reason = self.log.text(&error.to_string());
        if matches!(error, ModelError::Denied(_)) {
            self.provider.deny(reason.clone());
        }
        let call = if error.skipped() {
            Call {
                status: CallStatus::Skipped,
                reason: Some(reason.clone()),
                latency_ms: None,
                prompt: None,
                ..call
            }
        } else {
            Call { error: Some(reason.clone()), cost, ..call }
        };
        self.log.record(call).await;
        Outcome::Failed { reason, again_in: error.again_in(Utc::now()) }
    }
}
