//! Decodes what clients send to start a back-test into what the engine runs.
//!
//! Clients of three generations send the same thing in different words: both families of
//! names, numbers as text, a strategy by its type or by reference to a stored one. All of it
//! ends here in one [`Config`], or in one [`RequestError`] that names the field. Unknown keys
//! are ignored; a known key with a value that makes no sense never is.
//!
//! Where the words leave a choice: `allocationPct`, 10 unless given, is a percentage of the *initial*
//! cash and becomes [`crate::backtest::Sizing::Notional`] in whole shares, the original's
//! floor(cash × pct / price); the wizard's `positionSize`, `stopLoss`, `takeProfit` and
//! `entryThreshold` are whole percents, while `allocation` and `threshold` are fractions.

mod costs;
mod exits;
mod fields;
mod fingerprint;
mod parameters;
mod range;
mod rules;
mod sizing;
mod types;
mod universe;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::backtest::{Config, ConfigError, Direction, Strategy};
use fields::{Field, field};
use parameters::Parameters;

pub use fingerprint::canonical_hash;
pub use types::{StrategyKind, Unfit, strategy_kind, strategy_types};
pub use universe::{DEFAULT_UNIVERSE, LARGEST_UNIVERSE};

/// Cash at the start when the request names none, in the quote currency.
pub const DEFAULT_CASH: f64 = 10_000.0;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct RequestError {
    /// A stable word for programs, such as `END_BEFORE_START`.
    pub code: &'static str,
    /// The dotted path of the offending field in the client's words; empty for the body itself.
    pub field: String,
    /// A sentence for people that names field and value.
    pub message: String,
}

impl RequestError {
    pub(crate) fn new(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, field: field.into(), message: message.into() }
    }
}

/// What a stored strategy contributes to a request that names it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredStrategy {
    /// Its type, as stored.
    pub strategy_type: String,
    /// Its symbols; used when the request names none.
    pub assets: Vec<String>,
    /// Its parameters: an object, or the JSON text of one.
    pub parameters: Value,
    /// Its free-form configuration.
    pub config: Value,
}

/// A decoded, valid request.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestRequest {
    /// What the engine runs; passes [`Config::validate`].
    pub config: Config,
    /// The symbols, upper case, no two alike, in the order given.
    pub universe: Vec<String>,
    /// Whether the request or its strategy named the symbols; `false` means [`DEFAULT_UNIVERSE`].
    pub universe_given: bool,
    /// The first day.
    pub from: NaiveDate,
    /// The last day; not before `from`.
    pub to: NaiveDate,
    /// Cash at the start, whole cents; also in `config`.
    pub initial_cash: f64,
    /// Settings that were given and that a back-test does not model or does not know, in the
    /// clients' words. Worth telling the user, since the result is silent about them.
    pub not_modelled: Vec<String>,
    /// The request as the run object shows it.
    pub presented: Presented,
}

/// The fields of the run object that repeat the request, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Presented {
    /// The strategy and its parameters as sent, always with `type`, and under `effective` what
    /// the engine trades by after stored parameters and defaults are filled in.
    pub strategy_config: Value,
    /// The broker whose rules are asked for; a label.
    pub broker: String,
    /// Always `1Day`.
    pub timeframe: &'static str,
    /// The first day, as sent.
    pub start_date: String,
    /// The last day, as sent.
    pub end_date: String,
    /// As sent, or the default.
    pub fees_model: Value,
    /// As sent, or the default.
    pub slippage_model: Value,
    /// `NEXT_OPEN`, `NEXT_CLOSE` or `SAME_CLOSE`.
    pub execution_price_rule: &'static str,
    /// As sent, or `bars`: the bars in the database; a label.
    pub data_source: String,
}

impl BacktestRequest {
    /// Decodes the body of a request; `stored` is the strategy that its `strategyId` names.
    ///
    /// The type is taken from `strategyType`, else `strategyConfig.type`, else from `stored`;
    /// each parameter from `strategyParams`, else `strategyConfig`, else from `stored` if that
    /// is of the same kind, else it has the documented default.
    pub fn decode(body: &Value, stored: Option<&StoredStrategy>) -> Result<Self, RequestError> {
        let Value::Object(body) = body else {
            return Err(RequestError::new("BODY_NOT_AN_OBJECT", "", "the body must be a JSON object"));
        };
        let range = range::decode(body)?;
        let (universe, universe_given) = universe::decode(body, stored)?;
        let timeframe = timeframe(body)?;
        let initial_cash = initial_cash(body)?;
        let params = optional_object(body, "strategyParams")?;
        let config = optional_object(body, "strategyConfig")?;
        let (name, kind) = types::decode(body, config, stored)?;
        // Parameters of another kind of strategy may share a name and mean something else.
        let same_kind = stored.filter(|stored| types::same_kind(&stored.strategy_type, kind));
        let parameters = Parameters::new(params, config, same_kind);

        let (fees, fees_model) = costs::fees(body)?;
        let (slippage, slippage_model) = costs::slippage(body)?;
        let (fill, execution_price_rule) = costs::fill(body)?;
        let decoded = Config {
            fill,
            fees,
            slippage,
            sizing: sizing::decode(&parameters, initial_cash)?,
            whole_shares: true,
            direction: Direction::LongOnly,
            stop_loss: exits::stop_loss(&parameters)?,
            take_profit: exits::take_profit(&parameters)?,
            ..Config::new(rules::decode(kind, &parameters)?, initial_cash)
        };
        decoded.validate().map_err(|error| in_client_words(&error))?;
        let strategy_config = shown_strategy(&name, params, config, &decoded);
        Ok(Self {
            config: decoded,
            universe,
            universe_given,
            from: range.from,
            to: range.to,
            initial_cash,
            not_modelled: exits::not_modelled(&parameters),
            presented: Presented {
                strategy_config,
                broker: label(body, "broker", "alpaca")?,
                timeframe,
                start_date: range.start_as_sent,
                end_date: range.end_as_sent,
                fees_model,
                slippage_model,
                execution_price_rule,
                data_source: label(body, "dataSource", "bars")?,
            },
        })
    }
}

impl BacktestRequest {
    /// Takes the symbols without bars out of a default universe, so that a request that names
    /// none is not refused for symbols nobody asked for. Symbols that were given stay, as does
    /// the default when none of it is among `known`.
    pub fn narrow_default_to(&mut self, known: &[String]) {
        let has_bars = |symbol: &String| known.contains(symbol);
        if !self.universe_given && self.universe.iter().any(has_bars) {
            self.universe.retain(has_bars);
        }
    }
}

/// Returns the rule of `kind` with the documented default of each parameter.
pub fn default_rule(kind: StrategyKind) -> Strategy {
    rules::decode(kind, &Parameters::default()).expect("no parameter is given that could be refused")
}

/// Returns the strategy that a request names, if it names one.
pub fn strategy_id(body: &Value) -> Option<&str> {
    body.get("strategyId").and_then(Value::as_str).filter(|id| !id.trim().is_empty())
}

fn timeframe(body: &Map<String, Value>) -> Result<&'static str, RequestError> {
    let Some(given) = field(body, &["timeframe"]) else { return Ok("1Day") };
    match given.value.as_str() {
        Some(text) if text.trim().eq_ignore_ascii_case("1day") => Ok("1Day"),
        _ => Err(given.refuse("TIMEFRAME_UNSUPPORTED", "must be 1Day: only daily bars can be back-tested")),
    }
}

fn initial_cash(body: &Map<String, Value>) -> Result<f64, RequestError> {
    let Some(given) = field(body, &["initialCash", "initialCapital"]) else { return Ok(DEFAULT_CASH) };
    let cash = (given.number()? * 100.0).round() / 100.0;
    if (0.01..=crate::backtest::MAX_MONEY).contains(&cash) {
        Ok(cash)
    } else {
        Err(given.refuse("CASH_OUT_OF_RANGE", "must be at least 0.01 and at most 1000000000000"))
    }
}

fn optional_object<'a>(
    body: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a Map<String, Value>>, RequestError> {
    field(body, &[name]).map(|given: Field| given.object("NOT_AN_OBJECT")).transpose()
}

fn label(body: &Map<String, Value>, name: &'static str, default: &str) -> Result<String, RequestError> {
    let Some(given) = field(body, &[name]) else { return Ok(default.to_owned()) };
    match given.value.as_str() {
        Some(text) if (1..=40).contains(&text.trim().chars().count()) => Ok(text.trim().to_owned()),
        _ => Err(given.refuse("INVALID_TEXT", "must be a text of 1 to 40 characters")),
    }
}

fn shown_strategy(
    name: &str,
    params: Option<&Map<String, Value>>,
    config: Option<&Map<String, Value>>,
    decoded: &Config,
) -> Value {
    let mut shown = config.cloned().unwrap_or_default();
    shown.insert("type".to_owned(), json!(name));
    if let Some(params) = params.filter(|params| !params.is_empty()) {
        shown.insert("params".to_owned(), Value::Object(params.clone()));
    }
    let effective = json!({
        "rule": decoded.strategy,
        "sizing": decoded.sizing,
        "stopLoss": decoded.stop_loss,
        "takeProfit": decoded.take_profit,
    });
    shown.insert("effective".to_owned(), effective);
    Value::Object(shown)
}

/// Renames the engine's field to the one that the client knows.
fn in_client_words(error: &ConfigError) -> RequestError {
    let inner = error.field();
    let outer = match inner {
        "strategy.fast" => "fastPeriod",
        "strategy.slow" => "slowPeriod",
        "strategy.low" | "strategy.oversold" => "oversoldThreshold",
        "strategy.high" | "strategy.overbought" => "overboughtThreshold",
        "strategy.threshold" => "threshold",
        "strategy.k" => "deviationMultiple",
        "sizing.notional" => "allocationPct",
        "initial_cash" => "initialCash",
        other => other,
    };
    RequestError::new(error.code(), outer, error.to_string().replacen(inner, outer, 1))
}

#[cfg(test)]
mod tests;
