//! The analyst who goes by rules alone, and always answers.

use domain::technical::{Evidence, analyse};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde_json::json;

use super::{Answer, Question};
use crate::connector::Fallback;

/// The name under which it answers.
pub(super) const NAME: &str = "technical";

/// Returns its answer: to hold, with the reason, when there is too little to go by.
pub(super) fn answer(question: &Question, fallbacks: Vec<Fallback>) -> Answer {
    let number = |value: Decimal| value.to_f64().unwrap_or(f64::NAN);
    let opinion = analyse(&Evidence {
        bars: &question.bars,
        price: number(question.price),
        sentiment: question.sentiment.map(number),
        fused: question.fused.map(number),
    });
    let evidence = json!({ "bars": opinion.bars, "figures": opinion.figures });
    Answer { proposal: opinion.proposal, analyst: NAME, model: None, fallbacks, evidence }
}
