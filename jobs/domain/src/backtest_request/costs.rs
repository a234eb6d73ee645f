//! Fees, slippage and the price at which orders fill.

use serde_json::{Map, Value, json};

use super::{
    RequestError,
    fields::{Field, field},
};
use crate::backtest::{Fees, Fill, Slippage};

/// The most money a trade may cost.
const LARGEST_FEE: f64 = 1e6;
/// Half a bid-ask spread, as a fraction of the price, that one unit of `spread_proxy` stands for.
const PROXY_UNIT: f64 = 0.001;
/// The largest share of the price that one side may lose to slippage.
const LARGEST_SLIPPAGE: f64 = 0.5;

/// Decodes `feesModel`: `{type: "fixed" | "percentage", value}` or `{commission}`, money a trade
/// but for the percentage; 1 a trade unless given. Returns it with the model to show.
pub(super) fn fees(body: &Map<String, Value>) -> Result<(Fees, Value), RequestError> {
    let Some(model) = Model::of(body, "feesModel")? else {
        return Ok((Fees { fixed: 1.0, ..Fees::default() }, json!({"type": "fixed", "value": 1})));
    };
    let fees = match model.kind()?.as_deref() {
        Some("fixed") => Fees { fixed: model.number("value", LARGEST_FEE)?, ..Fees::default() },
        Some("percentage" | "percent") => {
            Fees { fraction: model.number("value", 100.0)? / 100.0, ..Fees::default() }
        }
        Some(_) => return Err(model.unknown("UNKNOWN_FEES_MODEL", "must be fixed or percentage")),
        None => Fees { fixed: model.number("commission", LARGEST_FEE)?, ..Fees::default() },
    };
    Ok((fees, model.shown))
}

/// Decodes `slippageModel`: `{type: "bps" | "spread_proxy", value}` or `{fixed_pct}`, a fraction
/// of the price despite its name; 5 basis points unless given. Returns it with the model to show.
pub(super) fn slippage(body: &Map<String, Value>) -> Result<(Slippage, Value), RequestError> {
    let Some(model) = Model::of(body, "slippageModel")? else {
        return Ok((Slippage::Bps(5.0), json!({"type": "bps", "value": 5})));
    };
    let slippage = match model.kind()?.as_deref() {
        Some("bps") => Slippage::Bps(model.number("value", LARGEST_SLIPPAGE * 1e4)?),
        // The engine's spread is the whole one, of which a side pays half.
        Some("spread_proxy") => {
            Slippage::Spread(2.0 * PROXY_UNIT * model.number("value", LARGEST_SLIPPAGE / PROXY_UNIT)?)
        }
        Some(_) => return Err(model.unknown("UNKNOWN_SLIPPAGE_MODEL", "must be bps or spread_proxy")),
        None => Slippage::Bps(model.number("fixed_pct", LARGEST_SLIPPAGE)? * 1e4),
    };
    Ok((slippage, model.shown))
}

/// Decodes `executionPriceRule`; the next open unless given. Returns it with its name.
pub(super) fn fill(body: &Map<String, Value>) -> Result<(Fill, &'static str), RequestError> {
    let Some(given) = field(body, &["executionPriceRule"]) else { return Ok((Fill::NextOpen, "NEXT_OPEN")) };
    match given.word().as_deref() {
        Some("next_open") => Ok((Fill::NextOpen, "NEXT_OPEN")),
        Some("next_close") => Ok((Fill::NextClose, "NEXT_CLOSE")),
        Some("same_close") => Ok((Fill::SameClose, "SAME_CLOSE")),
        _ => Err(given.refuse("UNKNOWN_EXECUTION_PRICE_RULE", "must be NEXT_OPEN, NEXT_CLOSE or SAME_CLOSE")),
    }
}

/// A cost model that is present and not empty.
struct Model<'a> {
    name: &'static str,
    fields: &'a Map<String, Value>,
    shown: Value,
}

impl<'a> Model<'a> {
    fn of(body: &'a Map<String, Value>, name: &'static str) -> Result<Option<Self>, RequestError> {
        let Some(given) = field(body, &[name]) else { return Ok(None) };
        let fields = given.object("NOT_AN_OBJECT")?;
        let known = ["type", "value", "commission", "fixed_pct"];
        let says_something = known.iter().any(|key| fields.get(*key).is_some_and(|value| !value.is_null()));
        Ok(says_something.then(|| Self { name, fields, shown: given.value.clone() }))
    }

    fn part(&self, name: &'static str) -> Option<Field<'a>> {
        let mut part = field(self.fields, &[name])?;
        part.path = format!("{}.{name}", self.name);
        Some(part)
    }

    /// Returns the type in lower case, if one is given.
    fn kind(&self) -> Result<Option<String>, RequestError> {
        let Some(part) = self.part("type") else { return Ok(None) };
        part.word().map(Some).ok_or_else(|| part.refuse("INVALID_TEXT", "must be a text"))
    }

    fn number(&self, name: &'static str, max: f64) -> Result<f64, RequestError> {
        let Some(part) = self.part(name) else {
            let path = format!("{}.{name}", self.name);
            let message = format!("{path} is required");
            return Err(RequestError::new("COST_REQUIRED", path, message));
        };
        part.number_within("COST_OUT_OF_RANGE", 0.0, max)
    }

    fn unknown(&self, code: &'static str, rule: &str) -> RequestError {
        match self.part("type") {
            Some(part) => part.refuse(code, rule),
            None => RequestError::new(code, self.name, format!("{} {rule}", self.name)),
        }
    }
}
