//! Looks strategy parameters up in all the places where clients put them.

use std::{borrow::Cow, cell::RefCell, collections::BTreeSet};

use serde_json::{Map, Value};

use super::{
    RequestError, StoredStrategy,
    fields::Field,
    universe::{ENTRY_RULES, INCLUDE_SYMBOLS},
};

/// Objects one level down in which parameters stand as well.
const NESTED: [&str; 6] = ["parameters", "params", "indicators", "config", "signals", "exitRules"];

/// The same, when it is enabled.
const BRACKET: &str = "bracketOrders";
/// Keys that say what the strategy is or which symbols it trades, in snake case; they are
/// read elsewhere.
const NOT_PARAMETERS: [&str; 7] = ["type", "name", "description", "symbols", "universe", "assets", "enabled"];
/// The most names that [`Parameters::unread`] returns, and the longest.
const MOST_UNREAD: (usize, usize) = (50, 60);

/// All parameters of a request, the most specific place first.
#[derive(Debug, Default)]
pub(super) struct Parameters<'a> {
    layers: Vec<Layer<'a>>,
    /// The names that were looked for, in snake case.
    asked: RefCell<BTreeSet<String>>,
}

#[derive(Debug)]
struct Layer<'a> {
    path: String,
    /// The key of the object one level down that this is.
    within: Option<&'static str>,
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
        if let Some(bracket) = nested(BRACKET).filter(|b| b.get("enabled") == Some(&Value::Bool(true))) {
            inner.push((BRACKET, bracket));
        }
        self.layers.push(Layer { path: path.to_owned(), within: None, fields });
        for (name, fields) in inner {
            let path = format!("{path}.{name}");
            self.layers.push(Layer { path, within: Some(name), fields: Cow::Owned(fields) });
        }
    }

    /// Returns the parameter under the first of `names` that the first place holding any has.
    ///
    /// Names are in camel case; each is also found in snake case. Null counts as absent.
    pub(super) fn find(&self, names: &[&'static str]) -> Option<Field<'_>> {
        self.asked.borrow_mut().extend(names.iter().map(|name| snake_case(name)));
        self.layers.iter().find_map(|layer| {
            names.iter().find_map(|name| {
                let present = |key: &str| layer.fields.get(key).filter(|value| !value.is_null());
                let value = present(name).or_else(|| present(&snake_case(name)))?;
                Some(Field { path: format!("{}.{name}", layer.path), name, value })
            })
        })
    }

    /// Returns the parameters that are given, that mean something, and that nobody has looked
    /// for by now; those one level down with the key of their object.
    pub(super) fn unread(&self) -> Vec<String> {
        let asked = self.asked.borrow();
        let mut names = BTreeSet::new();
        for layer in &self.layers {
            for (key, value) in layer.fields.iter().filter(|(_, value)| says_something(value)) {
                let plain = snake_case(key);
                let is_layer = layer.within.is_none()
                    && value.is_object()
                    && (NESTED.contains(&key.as_str()) || key == BRACKET);
                if is_layer || asked.contains(&plain) || NOT_PARAMETERS.contains(&plain.as_str()) {
                    continue;
                }
                let name = match (key.as_str(), layer.within) {
                    // Its list of symbols is read with the universe.
                    (ENTRY_RULES, _) if only_symbols(value) => continue,
                    (key, None) => key.to_owned(),
                    (key, Some(object)) => format!("{object}.{key}"),
                };
                names.insert(name.chars().take(MOST_UNREAD.1).collect());
            }
        }
        names.into_iter().take(MOST_UNREAD.0).collect()
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

/// Whether a setting is on: a null, a false, a zero or nothing at all asks for nothing.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(says_something),
    }
}

fn only_symbols(rules: &Value) -> bool {
    rules.as_object().is_some_and(|rules| {
        rules.iter().all(|(key, value)| key == INCLUDE_SYMBOLS || !says_something(value))
    })
}

/// Returns the object that `value` is, or whose JSON text it is.
pub(super) fn object(value: &Value) -> Option<Cow<'_, Map<String, Value>>> {
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
