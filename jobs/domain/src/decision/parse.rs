//! Reads a proposal from JSON that somebody else wrote.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{Action, Proposal, ProposalError, RiskLevel};

/// Characters of a foreign value that an error shows.
const SHOWN: usize = 60;
/// The most digits of a number; more is noise, or an attack.
const DIGITS: usize = 40;
/// The largest number that any field could mean.
pub(super) const LARGEST: Decimal = Decimal::from_parts(0xA4C6_8000, 0x0003_8D7E, 0, false, 0);

pub(super) const ACTION: &str = "action";
pub(super) const CONFIDENCE: &str = "confidence";
pub(super) const REASONING: &str = "reasoning";
pub(super) const RISK_LEVEL: &str = "riskLevel";
pub(super) const QUANTITY: &str = "suggestedQuantity";
pub(super) const TARGET: &str = "targetPrice";
pub(super) const STOP: &str = "stopLoss";
pub(super) const TRAILING: &str = "trailingStopPercent";

/// Every field, in the order of the schema.
pub(super) const FIELDS: [&str; 8] =
    [ACTION, CONFIDENCE, REASONING, RISK_LEVEL, QUANTITY, TARGET, STOP, TRAILING];

impl Proposal {
    /// Reads `value`, refusing fields that are unknown and values of another type.
    ///
    /// A number is a JSON number or a decimal string; null is absent. The reasoning loses control
    /// and invisible formatting characters, since it is shown to people. Ranges are for
    /// [`Proposal::validate`].
    pub fn parse(value: &Value) -> Result<Self, ProposalError> {
        let Value::Object(fields) = value else {
            return Err(ProposalError::NotAnObject { value: shown(value) });
        };
        if let Some(unknown) = fields.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(ProposalError::UnknownField { field: unknown.chars().take(SHOWN).collect() });
        }
        Ok(Self {
            action: word(fields, ACTION, "buy, sell or hold", &Action::ALL, Action::as_str)?,
            confidence: number(fields, CONFIDENCE)?.ok_or(ProposalError::Missing { field: CONFIDENCE })?,
            reasoning: plain(text(fields, REASONING, "a text")?),
            risk_level: word(fields, RISK_LEVEL, "low, medium or high", &RiskLevel::ALL, RiskLevel::as_str)?,
            suggested_quantity: number(fields, QUANTITY)?,
            target_price: number(fields, TARGET)?,
            stop_loss: number(fields, STOP)?,
            trailing_stop_percent: number(fields, TRAILING)?,
        })
    }
}

fn given<'a>(fields: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    fields.get(field).filter(|value| !value.is_null())
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    field: &'static str,
    expected: &'static str,
) -> Result<&'a str, ProposalError> {
    let value = given(fields, field).ok_or(ProposalError::Missing { field })?;
    value.as_str().ok_or_else(|| wrong(field, value, expected))
}

fn word<T: Copy>(
    fields: &Map<String, Value>,
    field: &'static str,
    expected: &'static str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ProposalError> {
    let found = text(fields, field, expected)?;
    let known = all.iter().copied().find(|one| name(*one) == found);
    known.ok_or_else(|| wrong(field, &Value::from(found), expected))
}

fn number(fields: &Map<String, Value>, field: &'static str) -> Result<Option<Decimal>, ProposalError> {
    let Some(value) = given(fields, field) else { return Ok(None) };
    let read = match value {
        Value::Number(number) => decimal(&number.to_string(), true),
        Value::String(text) => decimal(text, false),
        _ => None,
    };
    match read {
        Some(number) => Ok(Some(number)),
        None => Err(wrong(field, value, "a number of at most 1000000000000000 either way")),
    }
}

fn decimal(text: &str, exponent: bool) -> Option<Decimal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let read = match plain {
        _ if text.len() > DIGITS => return None,
        true => text.parse().ok(),
        false if exponent => Decimal::from_scientific(text).ok(),
        false => None,
    };
    read.filter(|number: &Decimal| number.abs() <= LARGEST)
}

/// Returns `text` without what is not seen: control characters become spaces, characters that
/// reorder or hide others go.
pub(super) fn plain(text: &str) -> String {
    let seen = text.chars().filter(|letter| !is_invisible(*letter));
    let spaced: String = seen.map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    spaced.trim().to_owned()
}

/// Whether `letter` is a zero-width or direction mark.
pub(super) fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn wrong(field: &'static str, value: &Value, expected: &'static str) -> ProposalError {
    ProposalError::WrongType { field, value: shown(value), expected }
}

/// Returns the start of `value` as JSON text.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(fields) => format!("an object of {} fields", fields.len()),
        Value::String(text) => format!("{:?}", text.chars().take(SHOWN).collect::<String>()),
        other => other.to_string().chars().take(SHOWN).collect(),
    }
}
