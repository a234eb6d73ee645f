//! Many back-tests that differ in some parameters: the grid a client sends, its numbered
//! combinations, and the figures they are ranked by.
//!
//! A combination is the request's body with the grid's values written over its strategy
//! parameters, so that it is decoded exactly as a single back-test would be.

mod axis;
mod evaluation;
mod figures;
mod spread;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use axis::Axis;
pub use evaluation::{Evaluated, evaluate};
pub use figures::{Figures, RankBy};
pub use spread::{Distribution, expected_best_sharpe, normal_quantile};

use crate::{
    backtest::Config,
    backtest_request::{BacktestRequest, RequestError, StoredStrategy},
};

/// The most combinations of one grid.
pub const MAX_COMBINATIONS: usize = 10_000;
/// The most parameters of one grid.
pub const MAX_AXES: usize = 8;

/// The values of each parameter; the combinations are numbered from 0 with the last axis fastest.
///
/// Axes ascend by name and values by size, so that a lower number means lower parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grid {
    axes: Vec<Axis>,
}

impl Grid {
    /// Decodes `{name: [values] | {from, to, step}}`, at most [`MAX_AXES`] names and
    /// [`MAX_COMBINATIONS`] combinations.
    ///
    /// Codes: `INVALID_GRID`, and `GRID_TOO_LARGE` with the count in its message.
    pub fn decode(given: Option<&Value>) -> Result<Self, RequestError> {
        let refuse = |rule: &str| RequestError::new("INVALID_GRID", "grid", format!("grid {rule}"));
        let Some(Value::Object(fields)) = given.filter(|value| !value.is_null()) else {
            return Err(refuse("must be an object of parameters, such as {\"fastPeriod\": [5, 10]}"));
        };
        if fields.is_empty() {
            return Err(refuse("must hold at least one parameter"));
        }
        if fields.len() > MAX_AXES {
            return Err(refuse(&format!(
                "holds {} parameters, at most {MAX_AXES} are allowed",
                fields.len()
            )));
        }
        let mut axes =
            fields.iter().map(|(name, values)| Axis::decode(name, values)).collect::<Result<Vec<_>, _>>()?;
        axes.sort_by(|one, other| one.name.cmp(&other.name));
        let count = axes.iter().fold(1_usize, |count, axis| count.saturating_mul(axis.values.len()));
        if count > MAX_COMBINATIONS {
            let message = format!("grid has {count} combinations, at most {MAX_COMBINATIONS} are allowed");
            return Err(RequestError::new("GRID_TOO_LARGE", "grid", message));
        }
        Ok(Self { axes })
    }

    /// Returns the parameters with their values.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Returns the number of combinations, those included that make no sense.
    pub fn combinations(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// Returns the values of combination `cell` in the order of the axes; numbers past the end
    /// wrap around.
    pub fn values(&self, cell: usize) -> Vec<f64> {
        let mut rest = cell;
        let mut values: Vec<f64> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let at = rest % axis.values.len();
                rest /= axis.values.len();
                axis.values[at]
            })
            .collect();
        values.reverse();
        values
    }

    /// Returns the parameters of combination `cell` as a client writes them.
    pub fn parameters(&self, cell: usize) -> Map<String, Value> {
        let names = self.axes.iter().map(|axis| axis.name.clone());
        names.zip(self.values(cell).into_iter().map(plain)).collect()
    }

    /// Refuses parameters that the strategy of `base` does not read as numbers: unknown ones,
    /// and ones that another name of theirs hides. Code `INVALID_GRID`, or that of `base`'s own
    /// fault.
    pub fn check_names(&self, base: &Base) -> Result<(), RequestError> {
        for axis in &self.axes {
            // 1 is decodable for every parameter; a list is so for none.
            let others = self.axes.iter().map(|other| (other.name.clone(), json!(1)));
            let mut probe: Map<String, Value> = others.collect();
            probe.insert(axis.name.clone(), json!([]));
            let mut body = base.body.clone();
            write_over(&mut body, probe);
            match BacktestRequest::decode(&body, base.stored().as_ref()) {
                Err(error) if error.code == "INVALID_NUMBER" && axis.is_called(&error.field) => {}
                Err(error) if !error.field.starts_with("strategyParams.") && !is_about_levels(&error) => {
                    return Err(error);
                }
                _ => {
                    let field = format!("grid.{}", axis.name);
                    let message = format!(
                        "{field} is no numeric parameter of this strategy, or another name of it is given too"
                    );
                    return Err(RequestError::new("INVALID_GRID", field, message));
                }
            }
        }
        Ok(())
    }
}

/// The engine's own checks name a parameter without a path.
fn is_about_levels(error: &RequestError) -> bool {
    !error.field.contains('.') && error.code != "INVALID_NUMBER" && is_engine_code(error.code)
}

fn is_engine_code(code: &str) -> bool {
    [
        "PERIOD_OUT_OF_RANGE",
        "FAST_NOT_BELOW_SLOW",
        "LEVELS_CROSSED",
        "NOT_FINITE",
        "SIZE_OUT_OF_RANGE",
        "LEVEL_OUT_OF_RANGE",
    ]
    .contains(&code)
}

/// What every combination is decoded from; kept with the sweep, so that a later change of the
/// stored strategy changes nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Base {
    /// The body of the request.
    pub body: Value,
    #[serde(default)]
    stored: Option<Stored>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    strategy_type: String,
    assets: Vec<String>,
    parameters: Value,
    config: Value,
}

impl Base {
    /// Keeps `body` and the strategy that its `strategyId` names.
    pub fn new(body: Value, stored: Option<&StoredStrategy>) -> Self {
        let stored = stored.map(|strategy| Stored {
            strategy_type: strategy.strategy_type.clone(),
            assets: strategy.assets.clone(),
            parameters: strategy.parameters.clone(),
            config: strategy.config.clone(),
        });
        Self { body, stored }
    }

    fn stored(&self) -> Option<StoredStrategy> {
        self.stored.as_ref().map(|stored| StoredStrategy {
            strategy_type: stored.strategy_type.clone(),
            assets: stored.assets.clone(),
            parameters: stored.parameters.clone(),
            config: stored.config.clone(),
        })
    }

    /// Returns the body of combination `cell` of `grid`.
    pub fn body_of(&self, grid: &Grid, cell: usize) -> Value {
        let mut body = self.body.clone();
        write_over(&mut body, grid.parameters(cell));
        body
    }
}

/// Decodes one combination after the other, without copying the body for each.
#[derive(Debug)]
pub struct Decoder<'a> {
    grid: &'a Grid,
    body: Value,
    stored: Option<StoredStrategy>,
}

impl<'a> Decoder<'a> {
    /// Prepares to decode the combinations of `grid` over `base`.
    pub fn new(grid: &'a Grid, base: &Base) -> Self {
        Self { grid, body: base.body.clone(), stored: base.stored() }
    }

    /// Returns the engine's configuration of combination `cell`, or why it makes no sense.
    pub fn config(&mut self, cell: usize) -> Result<Config, RequestError> {
        write_over(&mut self.body, self.grid.parameters(cell));
        BacktestRequest::decode(&self.body, self.stored.as_ref()).map(|request| request.config)
    }

    /// Looks at every combination.
    pub fn survey(&mut self) -> Survey {
        let mut survey = Survey::default();
        for cell in 0..self.grid.combinations() {
            match self.config(cell) {
                Ok(_) => {
                    survey.first_valid.get_or_insert(cell);
                }
                Err(error) => {
                    survey.skipped += 1;
                    survey.reason.get_or_insert(error);
                }
            }
        }
        survey
    }
}

/// Which combinations of a grid make sense.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survey {
    /// How many make no sense.
    pub skipped: usize,
    /// Why the first of them does not.
    pub reason: Option<RequestError>,
    /// The first that does.
    pub first_valid: Option<usize>,
}

/// Writes `parameters` into the place that the decoder reads first.
fn write_over(body: &mut Value, parameters: Map<String, Value>) {
    let Some(body) = body.as_object_mut() else { return };
    let params = body.entry("strategyParams").or_insert(Value::Null);
    if params.is_null() {
        *params = json!({});
    }
    // Anything but an object is refused by the decoder, in its own words.
    if let Some(params) = params.as_object_mut() {
        params.extend(parameters);
    }
}

/// Returns a whole number without a point, as clients write periods.
fn plain(value: f64) -> Value {
    #[allow(clippy::cast_possible_truncation)] // Whole and far below 2^53.
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}
