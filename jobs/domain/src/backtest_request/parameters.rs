//! Looks strategy parameters up in all the places where clients put them.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{RequestError, StoredStrategy, fields::Field};

/// Objects one level down in which parameters stand as well.
const NESTED: [&str; 6] = ["parameters", "params", "indicators", "config", "signals", "exitRules"];

/// All parameters of a request, the most specific place first.
#[derive(Debug, Default)]
pub(super) struct Parameters<'a> {
    layers: Vec<Layer<'a>>,
}

#[derive(Debug)]
struct Layer<'a> {
    path: String,
    fields: Cow<'a, Map<String, Value>>,
}

impl<'a> Parameters<'a> {
    /// Stacks the request's parameters and configuration over those of its strategy.
    pub(super) fn new(
        params: Option<&'a Map<String, Value>>,
        config: Option<&'a Map<String, Value>>,
        stored: Option<&'a StoredStrategy>,
    ) -> Self {
        let mut all = Self::default();
        if let Some(params) = params {
            all.push("strategyParams", Cow::Borrowed(params));
        }
        if let Some(config) = config {
            all.push("strategyConfig", Cow::Borrowed(config));
        }
        if let Some(stored) = stored {
            for (path, value) in
                [("strategy.config", &stored.config), ("strategy.parameters", &stored.parameters)]
            {
                if let Some(fields) = object(value) {
                    all.push(path, fields);
                }
            }
        }
        all
    }

    fn push(&mut self, path: &str, fields: Cow<'a, Map<String, Value>>) {
        let nested = |name: &str| fields.get(name).and_then(Value::as_object).cloned();
        let mut inner: Vec<_> = NESTED.iter().filter_map(|name| Some((*name, nested(name)?))).collect();
        if let Some(bracket) =
            nested("bracketOrders").filter(|b| b.get("enabled") == Some(&Value::Bool(true)))
        {
            inner.push(("bracketOrders", bracket));
        }
        self.layers.push(Layer { path: path.to_owned(), fields });
        for (name, fields) in inner {
            self.layers.push(Layer { path: format!("{path}.{name}"), fields: Cow::Owned(fields) });
        }
    }

    /// Returns the parameter under the first of `names` that the first place holding any has.
    ///
    /// Names are in camel case; each is also found in snake case. Null counts as absent.
    pub(super) fn find(&self, names: &[&'static str]) -> Option<Field<'_>> {
        self.layers.iter().find_map(|layer| {
            names.iter().find_map(|name| {
                let present = |key: &str| layer.fields.get(key).filter(|value| !value.is_null());
                let value = present(name).or_else(|| present(&snake_case(name)))?;
                Some(Field { path: format!("{}.{name}", layer.path), name, value })
            })
        })
    }

    /// Returns a number of bars, `default` when there is none.
    pub(super) fn period(&self, names: &[&'static str], default: usize) -> Result<usize, RequestError> {
        let Some(given) = self.find(names) else { return Ok(default) };
        let bars = given.number()?;
        if bars.fract() == 0.0 && (1.0..=crate::backtest::MAX_PERIOD as f64).contains(&bars) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Whole and in range.
            return Ok(bars as usize);
        }
        Err(given.refuse("PERIOD_OUT_OF_RANGE", "must be a whole number from 1 to 10000"))
    }

    /// Returns a number, `default` when there is none.
    pub(super) fn number(&self, names: &[&'static str], default: f64) -> Result<f64, RequestError> {
        self.find(names).map_or(Ok(default), |given| given.number())
    }
}

/// Returns the object that `value` is, or whose JSON text it is.
fn object(value: &Value) -> Option<Cow<'_, Map<String, Value>>> {
    match value {
        Value::Object(fields) => Some(Cow::Borrowed(fields)),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Some(Cow::Owned(fields)),
            _ => None,
        },
        _ => None,
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
