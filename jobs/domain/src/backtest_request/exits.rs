//! Protective exits, and the settings a back-test can't honour.

use serde_json::Value;

use super::{RequestError, parameters::Parameters};

/// Settings of live trading that the engine does not model.
const NOT_MODELLED: [&str; 14] = [
    "useTrailingStop",
    "trailingStopPct",
    "trailingStopPercent",
    "maxDrawdown",
    "maxPositions",
    "maxHoldingDays",
    "maxHoldingPeriodHours",
    "rebalanceFreq",
    "scalingMode",
    "riskLimit",
    "minConfidence",
    "maxNotional",
    "minNotional",
    "extendedHours",
];

/// Returns the stop as a fraction; it is given in whole percents, and 0 turns it off.
pub(super) fn stop_loss(given: &Parameters) -> Result<Option<f64>, RequestError> {
    percent(given, &["stopLoss", "stopLossPct", "stopLossPercent", "lossLimitPercent"], 100.0)
}

/// Returns the target as a fraction; it is given in whole percents, and 0 turns it off.
pub(super) fn take_profit(given: &Parameters) -> Result<Option<f64>, RequestError> {
    percent(given, &["takeProfit", "takeProfitPct", "takeProfitPercent", "profitTargetPercent"], 10_000.0)
}

/// Returns which of the settings that are not modelled are given and turned on, then those
/// that nobody reads. Call it last: what is asked for later would count as read by nobody.
pub(super) fn not_modelled(given: &Parameters) -> Vec<String> {
    let is_on = |value: &Value| *value != Value::Bool(false) && value.as_f64() != Some(0.0);
    let mut names: Vec<String> = NOT_MODELLED
        .into_iter()
        .filter(|name| given.find(&[*name]).is_some_and(|field| is_on(field.value)))
        .map(str::to_owned)
        .collect();
    names.extend(given.unread());
    names
}

fn percent(given: &Parameters, names: &[&'static str], max: f64) -> Result<Option<f64>, RequestError> {
    let Some(field) = given.find(names).filter(|field| *field.value != Value::Bool(false)) else {
        return Ok(None);
    };
    let percent = field.number_within("EXIT_OUT_OF_RANGE", 0.0, max)?;
    Ok(Some(percent / 100.0).filter(|fraction| *fraction > 0.0))
}
