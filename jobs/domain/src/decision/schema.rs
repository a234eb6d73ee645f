//! The shape of a proposal, for models that answer by a schema.

use serde_json::{Value, json};

use super::parse::{ACTION, CONFIDENCE, FIELDS, QUANTITY, REASONING, RISK_LEVEL, STOP, TARGET, TRAILING};
use super::{Action, RiskLevel};

/// Returns the JSON schema of a proposal.
///
/// It keeps to what strict structured outputs accept: one object, every property required, no
/// others, and null for what is optional. Ranges stand in the descriptions, since not every
/// provider takes them as keywords; [`super::Proposal::validate`] enforces them.
pub fn json_schema() -> Value {
    let optional = |description: &str| json!({ "type": ["number", "null"], "description": description });
    json!({
        "type": "object",
        "properties": {
            ACTION: {
                "type": "string",
                "enum": Action::ALL.map(Action::as_str),
                "description": "buy to enter, sell to leave, hold to do nothing",
            },
            CONFIDENCE: { "type": "number", "description": "how sure you are, from 0 to 1" },
            REASONING: { "type": "string", "description": "why, in plain text of at most 2000 characters" },
            RISK_LEVEL: {
                "type": "string",
                "enum": RiskLevel::ALL.map(RiskLevel::as_str),
                "description": "how risky the action is",
            },
            QUANTITY: optional("fraction of the portfolio to put in, 0.01 to 0.25; null on a hold"),
            TARGET: optional("price to take the profit at; on a buy above the price and below twice it"),
            STOP: optional("price to cut the loss at; on a buy below the price and above half of it"),
            TRAILING: optional("distance of a trailing stop in percent, 0.5 to 20"),
        },
        "required": FIELDS,
        "additionalProperties": false,
    })
}
