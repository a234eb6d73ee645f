//! How orders are asked for, and what refusals about them mean.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{
    super::{BrokerError, CancelOutcome, Direction, OrderQuery, OrderScope, PlaceError},
    answers,
};
use crate::external::{Answer, ExternalError, Request};

/// The code of a client order id that was used before, and of many a bad field.
const BAD_REQUEST: u32 = 40_010_001;
/// The words that tell the first from the second.
const MUST_BE_UNIQUE: &str = "must be unique";

/// Returns `at` as Alpaca reads it; its times have nanoseconds.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub(super) fn list(query: &OrderQuery) -> Request {
    let OrderQuery { scope, after, until, direction, limit, nested, symbols } = query;
    let mut request = Request::get("orders", "/v2/orders")
        .query(
            "status",
            match scope {
                OrderScope::Open => "open",
                OrderScope::Closed => "closed",
                OrderScope::All => "all",
            },
        )
        .query("limit", &limit.to_string())
        .query(
            "direction",
            match direction {
                Direction::NewestFirst => "desc",
                Direction::OldestFirst => "asc",
            },
        )
        .query("nested", if *nested { "true" } else { "false" });
    for (name, bound) in [("after", after), ("until", until)] {
        if let Some(bound) = bound {
            request = request.query(name, &time(*bound));
        }
    }
    if symbols.is_empty() { request } else { request.query("symbols", &symbols.join(",")) }
}

/// Returns what a failed placement means.
///
/// Only the words tell a client order id that is taken from any other bad field; and a refusal is
/// final. Everything else follows from whether the request was sent.
pub(super) fn place_error(error: ExternalError) -> PlaceError {
    match PlaceError::from(BrokerError::from(error)) {
        PlaceError::Rejected(refusal)
            if refusal.status == 422
                && refusal.code == Some(BAD_REQUEST)
                && refusal.message.contains(MUST_BE_UNIQUE) =>
        {
            PlaceError::Duplicate
        }
        error => error,
    }
}

/// Returns what the answer to a cancellation means.
pub(super) fn cancel_outcome(answer: Result<Answer, ExternalError>) -> Result<CancelOutcome, BrokerError> {
    match answer.map_err(BrokerError::from) {
        Ok(_) => Ok(CancelOutcome::Requested),
        Err(BrokerError::Refused(refusal)) => match refusal.status {
            404 if answers::is_absence(&refusal) => Ok(CancelOutcome::NotFound),
            404 => Err(answers::no_absence(&refusal)),
            422 if refusal.message.contains("pending cancel")
                || refusal.message.contains("pending_cancel") =>
            {
                Ok(CancelOutcome::Requested)
            }
            422 if refusal.message.contains("is already in") => {
                Ok(CancelOutcome::AlreadyOver(refusal.message))
            }
            _ => Err(BrokerError::Refused(refusal)),
        },
        Err(error) => Err(error),
    }
}
