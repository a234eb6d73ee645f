//! The symbols of a request.

use serde_json::{Map, Value, json};

use super::{
    RequestError, StoredStrategy,
    fields::{Field, field, shown},
    parameters,
};

/// The symbols when neither the request nor its strategy names any.
pub const DEFAULT_UNIVERSE: [&str; 3] = ["SPY", "QQQ", "AAPL"];
/// The most symbols of a request.
pub const LARGEST_UNIVERSE: usize = 50;

const LONGEST_SYMBOL: usize = 15;

/// Where a configuration keeps its symbols.
const KEYS: [&str; 3] = ["symbols", "universe", "assets"];
/// The rules of entry, which may hold [`INCLUDE_SYMBOLS`].
pub(super) const ENTRY_RULES: &str = "entryRules";
/// The symbols that may be bought.
pub(super) const INCLUDE_SYMBOLS: &str = "includeSymbols";

/// Decodes the symbols, and whether anybody named them.
///
/// They are the request's; else those of its `strategyConfig`, those stored with the strategy,
/// and those of the stored configuration and parameters, where an empty list names none.
pub(super) fn decode(
    body: &Map<String, Value>,
    stored: Option<&StoredStrategy>,
) -> Result<(Vec<String>, bool), RequestError> {
    if let Some(given) = field(body, &["universe", "symbols"]) {
        let Some(items) = given.value.as_array() else {
            return Err(given.refuse("UNIVERSE_NOT_AN_ARRAY", "must be an array of symbols"));
        };
        if items.is_empty() {
            return Err(given.refuse("UNIVERSE_EMPTY", "must hold at least one symbol"));
        }
        return Ok((symbols(&given, items)?, true));
    }
    let sent = body.get("strategyConfig").and_then(Value::as_object);
    if let Some(found) = sent.map(|config| configured("strategyConfig", config)).transpose()?.flatten() {
        return Ok((found, true));
    }
    if let Some(stored) = stored {
        if !stored.assets.is_empty() {
            let assets = json!(stored.assets);
            let given = Field { path: "strategy.assets".to_owned(), name: "assets", value: &assets };
            let items: Vec<Value> = stored.assets.iter().map(|asset| json!(asset)).collect();
            return Ok((symbols(&given, &items)?, true));
        }
        for (path, value) in
            [("strategy.config", &stored.config), ("strategy.parameters", &stored.parameters)]
        {
            let config = parameters::object(value);
            if let Some(found) = config.map(|config| configured(path, &config)).transpose()?.flatten() {
                return Ok((found, true));
            }
        }
    }
    Ok((DEFAULT_UNIVERSE.map(str::to_owned).to_vec(), false))
}

/// Returns the symbols that a configuration names.
fn configured(path: &str, config: &Map<String, Value>) -> Result<Option<Vec<String>>, RequestError> {
    let rules = config.get(ENTRY_RULES).and_then(Value::as_object);
    let places = KEYS.iter().map(|key| (format!("{path}.{key}"), *key, Some(config))).chain([(
        format!("{path}.{ENTRY_RULES}.{INCLUDE_SYMBOLS}"),
        INCLUDE_SYMBOLS,
        rules,
    )]);
    for (path, name, fields) in places {
        let Some(value) = fields.and_then(|fields| fields.get(name)).filter(|value| !value.is_null()) else {
            continue;
        };
        let given = Field { path, name, value };
        match value.as_array() {
            Some(items) if items.is_empty() => {}
            Some(items) => return symbols(&given, items).map(Some),
            None => return Err(given.refuse("UNIVERSE_NOT_AN_ARRAY", "must be an array of symbols")),
        }
    }
    Ok(None)
}

fn symbols(given: &Field, items: &[Value]) -> Result<Vec<String>, RequestError> {
    if items.len() > LARGEST_UNIVERSE {
        let rule = format!("must hold at most {LARGEST_UNIVERSE} symbols");
        return Err(given.refuse("UNIVERSE_TOO_LARGE", &rule));
    }
    let mut symbols: Vec<String> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{}[{index}]", given.path);
        let Some(symbol) = item.as_str().map(|text| text.trim().to_ascii_uppercase()).filter(is_symbol)
        else {
            let message = format!("{path} is {}, must be a symbol such as AAPL or BRK.B", shown(item));
            return Err(RequestError::new("INVALID_SYMBOL", path, message));
        };
        if symbols.contains(&symbol) {
            let message = format!("{path} is {symbol}, which is there already");
            return Err(RequestError::new("DUPLICATE_SYMBOL", path, message));
        }
        symbols.push(symbol);
    }
    Ok(symbols)
}

#[allow(clippy::ptr_arg)] // `filter` passes a reference to what it holds.
fn is_symbol(text: &String) -> bool {
    (1..=LONGEST_SYMBOL).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_uppercase() || first.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '/'))
}
