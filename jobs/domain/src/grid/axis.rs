//! One parameter of a grid and its values.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MAX_COMBINATIONS;
use crate::backtest_request::RequestError;

/// A parameter and the values it takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// The parameter's name, in the client's words.
    pub name: String,
    /// Its values, ascending, no two alike, at least one.
    pub values: Vec<f64>,
}

impl Axis {
    /// Decodes `[values]` or `{from, to, step}`, both ends included.
    pub(super) fn decode(name: &str, given: &Value) -> Result<Self, RequestError> {
        let field = format!("grid.{name}");
        let refuse = |rule: &str| RequestError::new("INVALID_GRID", &*field, format!("{field} {rule}"));
        let known = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > 40 || !name.chars().all(known) {
            return Err(refuse("is no name of a parameter"));
        }
        let mut values = match given {
            Value::Array(items) if items.is_empty() => return Err(refuse("must hold at least one value")),
            Value::Array(items) => {
                if items.len() > MAX_COMBINATIONS {
                    let message = format!("{field} holds {} values, at most {MAX_COMBINATIONS}", items.len());
                    return Err(RequestError::new("GRID_TOO_LARGE", field, message));
                }
                let numbers: Option<Vec<f64>> = items.iter().map(number).collect();
                numbers.ok_or_else(|| refuse("must hold finite numbers only"))?
            }
            Value::Object(range) => {
                let part = |name: &str| {
                    let value = range.get(name).and_then(number);
                    value.ok_or_else(|| refuse(&format!("needs {name}, a finite number")))
                };
                between(&field, part("from")?, part("to")?, part("step")?)?
            }
            _ => return Err(refuse("must be an array of numbers or {from, to, step}")),
        };
        values.sort_by(f64::total_cmp);
        let twice = |pair: &&[f64]| matches!(pair, [one, next] if one.to_bits() == next.to_bits());
        if let Some([value, ..]) = values.windows(2).find(twice) {
            return Err(refuse(&format!("holds {value} twice")));
        }
        Ok(Self { name: name.to_owned(), values })
    }

    /// Returns whether `path` ends in this parameter's name; the decoder says all in camel case.
    pub(super) fn is_called(&self, path: &str) -> bool {
        let squeezed = |text: &str| text.replace('_', "").to_ascii_lowercase();
        path.rsplit('.').next().is_some_and(|last| squeezed(last) == squeezed(&self.name))
    }
}

/// Returns the values of a range; each is `from + i * step`, rounded to twelve digits, so that
/// tenths look like tenths.
fn between(field: &str, from: f64, to: f64, step: f64) -> Result<Vec<f64>, RequestError> {
    let refuse = |code, rule: String| RequestError::new(code, field, format!("{field} {rule}"));
    if step <= 0.0 {
        return Err(refuse("INVALID_GRID", format!("has the step {step}, must be above 0")));
    }
    if to < from {
        return Err(refuse("INVALID_GRID", format!("goes from {from} to {to}, must not go down")));
    }
    // A hair more, since (0.3 - 0.1) / 0.1 is below 2.
    let steps = ((to - from) / step + 1e-9).floor();
    if steps >= MAX_COMBINATIONS as f64 {
        let rule = format!("holds {:.0} values, at most {MAX_COMBINATIONS} are allowed", steps + 1.0);
        return Err(refuse("GRID_TOO_LARGE", rule));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Whole, from 0 to 10,000.
    let steps = steps as u32;
    Ok((0..=steps).map(|i| rounded(from + f64::from(i) * step)).collect())
}

fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// Numbers may be sent as text, as everywhere in a back-test's body. There is one zero.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite()).map(|number| number + 0.0)
}
